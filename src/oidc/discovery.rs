//! What the provider can do, for machines: OpenID Connect Discovery 1.0, section 3, RFC 8414,
//! section 2, and the key set (RFC 7517, section 5).

use super::app::App;
use super::authorize::ResponseMode;
use super::claims::CLAIMS;
use super::error::{Error, Refusal};
use super::wire::SCOPES;
use crate::crypto::keys::Algorithm;
use crate::model::Error as Failure;
use crate::pool::keys::{self, Use};
use crate::web::http::{StatusCode, header};
use crate::web::{self, PoolRequest, Response};
use serde_json::json;

/// How long relying parties may keep the documents, in seconds.
const MAX_AGE: u32 = 300;

/// What tokens are signed with, by the choice of the client.
const SIGNING: [Algorithm; 2] = [Algorithm::Rs256, Algorithm::Es256];

/// The metadata of the provider. Only what exists is listed.
pub async fn metadata(_app: &App, request: &PoolRequest) -> Result<Response, Error> {
    let at = |path: &str| request.base.join(path);
    let document = json!({
        "issuer": request.base.as_str(),
        "authorization_endpoint": at("/oauth2/authorize"),
        "token_endpoint": at("/oauth2/token"),
        "userinfo_endpoint": at("/oauth2/userinfo"),
        "end_session_endpoint": at("/oauth2/logout"),
        "jwks_uri": at("/.well-known/jwks.json"),
        "scopes_supported": SCOPES.map(|(_, name)| name),
        "claims_supported": CLAIMS,
        "response_types_supported": ["code"],
        "response_modes_supported": ResponseMode::NAMES,
        "grant_types_supported": ["authorization_code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": SIGNING.map(Algorithm::name),
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
        "code_challenge_methods_supported": ["S256"],
        "prompt_values_supported": ["none", "login", "consent", "select_account"],
        "acr_values_supported": ["1"],
        "claim_types_supported": ["normal"],
        "claims_parameter_supported": false,
        "request_parameter_supported": false,
        "request_uri_parameter_supported": false,
        "require_request_uri_registration": false,
        "authorization_response_iss_parameter_supported": true,
    });
    Ok(cached(web::json(StatusCode::OK, &document)))
}

/// The public keys. A key of every algorithm is made if there is none yet: many relying parties
/// read the set once, before the first token is signed.
pub async fn key_set(app: &App, request: &PoolRequest) -> Result<Response, Error> {
    let failed = |failure: Failure| Error::Token { refusal: Refusal::at_token(&failure), basic: false };
    for algorithm in SIGNING {
        keys::current(&request.pool, Use::Oidc, algorithm, app.core.maker(Some(request.peer))).await.map_err(failed)?;
    }
    let keys = keys::public(&request.pool, Use::Oidc).map_err(failed)?;
    let keys: Vec<_> = keys.iter().map(|key| key.jwk()).collect();
    Ok(cached(web::json(StatusCode::OK, &json!({ "keys": keys }))))
}

fn cached(response: Response) -> Response {
    web::with_header(response, header::CACHE_CONTROL, &format!("public, max-age={MAX_AGE}"))
}

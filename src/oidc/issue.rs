//! Tokens: ID tokens (OpenID Connect Core 1.0, section 2) and access tokens (RFC 9068), and what
//! they say.

use super::app::App;
use super::claims;
use super::wire::{self, Scope};
use crate::application::{Client, Code, Grant, SigningAlgorithm};
use crate::authn::bearer::{ACCESS_TOKEN_TYPE, AccessClaims};
use crate::authn::{Level, Method};
use crate::crypto::digest::base64url;
use crate::crypto::jwt;
use crate::crypto::keys::Algorithm;
use crate::directory::Entry;
use crate::model::entropy::random;
use crate::model::{Result, Timestamp};
use crate::pool::keys::{self, Use};
use crate::web::PoolRequest;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The type in the header of an ID token, by which it cannot be taken for an access token (RFC
/// 8725, section 3.11).
pub const ID_TOKEN_TYPE: &str = "JWT";

/// A successful response of the token endpoint (RFC 6749, section 5.1; OpenID Connect Core 1.0,
/// section 3.1.3.3).
#[derive(Debug, Serialize)]
pub struct TokenResponse {
    access_token: String,
    token_type: &'static str,
    expires_in: u32,
    scope: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    id_token: Option<String>,
}

/// The claims of an ID token. No `at_hash`: tokens that come together from the token endpoint need
/// none (OpenID Connect Core 1.0, section 3.1.3.6).
#[derive(Debug, Serialize)]
struct IdClaims {
    iss: String,
    sub: String,
    aud: String,
    exp: i64,
    iat: i64,
    auth_time: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<String>,
    acr: String,
    amr: Vec<String>,
    /// Of the client, so that a hint of one is none of another that bears its identifier later.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_epoch: Option<String>,
    #[serde(flatten)]
    about: Map<String, Value>,
}

/// What an `id_token_hint` tells: whom it is about, and whose it was.
#[derive(Debug, Deserialize)]
pub struct Hint {
    iss: String,
    /// Whom it is about.
    pub sub: String,
    /// The client that it was made for.
    pub aud: String,
    client_epoch: Option<String>,
}

impl Hint {
    /// Whether it was made for that very client.
    pub fn is_for(&self, client: &Client) -> bool {
        self.aud == client.client_id.as_str() && self.client_epoch == client.epoch.map(|epoch| epoch.to_string())
    }
}

/// Makes the tokens of a code that is about to be redeemed. Nothing is committed yet, so a failure
/// here costs nobody a code.
pub async fn tokens(app: &App, request: &PoolRequest, client: &Client, code: &Code, grant: &Grant, entry: &Entry) -> Result<TokenResponse> {
    let now = app.now();
    let lifetimes = &request.pool.settings().lifetimes;
    let issuer = request.base.as_str();
    let sub = entry.uuid().to_string();
    let scopes: Vec<Scope> = code.scopes.iter().filter_map(|name| Scope::parse(name)).collect();
    let scope = wire::join(&scopes);
    let key = keys::current(&request.pool, Use::Oidc, algorithm(client.id_token_alg), app.core.maker(Some(request.peer))).await?;
    let access = AccessClaims {
        iss: issuer.to_owned(),
        aud: issuer.to_owned(),
        sub: sub.clone(),
        client_id: client.client_id.to_string(),
        iat: now.seconds(),
        exp: now.plus(lifetimes.access_token.duration()).seconds(),
        jti: base64url(&random::<16>(app.core.entropy.as_ref())),
        scope: scope.clone(),
        grant: grant.id.to_string(),
        auth_time: Some(code.auth_time.seconds()),
    };
    let id = if scopes.contains(&Scope::Openid) {
        Some(IdClaims {
            iss: issuer.to_owned(),
            sub,
            aud: client.client_id.to_string(),
            exp: now.plus(lifetimes.id_token.duration()).seconds(),
            iat: now.seconds(),
            auth_time: code.auth_time.seconds(),
            nonce: code.nonce.clone(),
            acr: code.acr.clone(),
            amr: code.amr.clone(),
            client_epoch: client.epoch.map(|epoch| epoch.to_string()),
            about: claims::about(&App::directory(request), entry, &scopes)?,
        })
    } else {
        None
    };
    // Two signatures with RSA take longer than anything else that a request does at once.
    let sign = move || -> Result<_> {
        let id_token = id.map(|claims| jwt::sign(&key, ID_TOKEN_TYPE, &claims)).transpose()?;
        Ok((jwt::sign(&key, ACCESS_TOKEN_TYPE, &access)?, id_token))
    };
    let (access_token, id_token) = app.core.work.run(app.core.known_caller(&request.pool, request.peer), sign).await??;
    Ok(TokenResponse { access_token, token_type: "Bearer", expires_in: lifetimes.access_token.0, scope, id_token })
}

/// When a grant ends whose tokens are made now.
pub fn grant_end(request: &PoolRequest, now: Timestamp) -> Timestamp {
    now.plus(request.pool.settings().lifetimes.access_token.duration())
}

/// Reads an `id_token_hint`: an ID token of ours, expired or not (OpenID Connect RP-Initiated
/// Logout 1.0, section 2). `None` for anything else.
pub fn read_hint(request: &PoolRequest, token: &str) -> Result<Option<Hint>> {
    let keys = keys::public(&request.pool, Use::Oidc)?;
    let hint: Result<Hint> = jwt::verify(token, ID_TOKEN_TYPE, keys.iter().map(|key| key.public()));
    Ok(hint.ok().filter(|hint| hint.iss == request.base.as_str()))
}

/// How much was proven, as `acr` says it.
pub const fn acr(level: Level) -> &'static str {
    match level {
        Level::Single => "1",
        Level::Multiple => "2",
    }
}

/// How it was proven, as `amr` says it (RFC 8176, section 2; `fed` is what others say for an
/// upstream, for which there is no registered value).
pub const fn amr(method: Method) -> &'static str {
    match method {
        Method::Password => "pwd",
        Method::Federated => "fed",
    }
}

const fn algorithm(of_client: SigningAlgorithm) -> Algorithm {
    match of_client {
        SigningAlgorithm::Rs256 => Algorithm::Rs256,
        SigningAlgorithm::Es256 => Algorithm::Es256,
    }
}

//! Towards an OpenID Provider: discovery, the redirect, the exchange of the code, and every check of the ID token (OpenID Connect Core 1.0, section 3.1.3.7).
//!
//! The `openidconnect` crate speaks the protocol. It has no leeway for `exp` and judges neither `iat` nor `azp`: that is done here.

use super::{
    http::HttpClient,
    identity::UpstreamIdentity,
    loopback,
    provider::{IdentityProvider, ProviderKind},
};
use crate::{
    crypto::digest,
    model::{Entropy, Error, PoolId, Result, Timestamp, record},
};
use minicbor::{Decode, Encode};
use openidconnect::{
    AccessToken, AsyncHttpClient, AuthType, AuthenticationFlow, AuthorizationCode, ClientId, ClientSecret, CsrfToken, IssuerUrl, Nonce,
    OAuth2TokenResponse, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope, TokenResponse,
    core::{
        CoreAuthPrompt, CoreClient, CoreClientAuthMethod, CoreIdToken, CoreIdTokenClaims, CoreJwsSigningAlgorithm, CoreProviderMetadata,
        CoreResponseType,
    },
    http,
};
use quick_cache::sync::Cache;
use serde_json::{Map, Value};
use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};
use url::Url;

/// How long what an upstream says about itself is believed.
pub const DISCOVERY_AGE: Duration = Duration::from_secs(10 * 60);

/// After so long it is asked again at once when a signature has a key that it did not name.
pub const REDISCOVERY_AGE: Duration = Duration::from_secs(60);

/// Upstreams whose description is held.
pub const DISCOVERY_CAPACITY: usize = 256;

/// How far an upstream's clock may be from ours.
pub const LEEWAY: Duration = Duration::from_secs(60);

/// How old an ID token may be when it arrives: it is fetched directly.
pub const MAX_TOKEN_AGE: Duration = Duration::from_secs(10 * 60);

/// Bytes of a code that an upstream may send.
pub const MAX_CODE: usize = 4096;

/// The newest version of the record of a pending login.
const VERSION: u8 = 1;

/// Algorithms of ID tokens: asymmetric ones only, so that knowing our client secret is not enough to make one.
const ALGORITHMS: [CoreJwsSigningAlgorithm; 7] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
];

struct Discovered {
    metadata: CoreProviderMetadata,
    at: Timestamp,
}

/// The relying party towards all OpenID Providers.
pub struct RelyingParty {
    http: HttpClient,
    discovered: Cache<(PoolId, String), Arc<Discovered>>,
}

/// What a request to log in upstream depends on.
#[derive(Clone, Debug)]
pub struct Wish<'a> {
    /// The absolute URL to come back to.
    pub callback: &'a str,
    /// The `state` to come back with.
    pub state: &'a str,
    /// Whom the application expects.
    pub login_hint: Option<&'a str>,
    /// Prove it anew, even with a session there.
    pub force: bool,
    /// The login there may be at most this old.
    pub max_age: Option<Duration>,
}

/// A login that has left for an upstream.
pub struct Departure {
    /// Where to send the browser.
    pub url: String,
    /// What [`RelyingParty::finish`] needs; secret.
    pub pending: Vec<u8>,
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct Pending {
    #[n(0)]
    provider: String,
    #[n(1)]
    issuer: String,
    #[n(2)]
    nonce: String,
    #[n(3)]
    verifier: String,
    #[n(4)]
    callback: String,
}

/// Which provider a pending login left for.
pub fn destination(pending: &[u8]) -> Result<String> {
    Ok(record::decode::<Pending>(VERSION, pending)?.provider)
}

/// What came back in the browser's URL.
#[derive(Clone, Copy)]
pub struct Answer<'a> {
    /// `code`.
    pub code: &'a str,
    /// `iss` (RFC 9207).
    pub iss: Option<&'a str>,
}

impl RelyingParty {
    /// A relying party that knows no upstream yet.
    pub fn new() -> Result<Self> {
        Ok(Self { http: HttpClient::new()?, discovered: Cache::new(DISCOVERY_CAPACITY) })
    }

    /// Prepares a login upstream: the URL for the browser, and what to keep until it comes back.
    pub async fn begin(
        &self,
        pool: PoolId,
        provider: &IdentityProvider,
        wish: &Wish<'_>,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<Departure> {
        let ProviderKind::Oidc { issuer, client_id, client_secret } = &provider.kind;
        let discovered = self.discover(pool, issuer, DISCOVERY_AGE, now).await?;
        let nonce = digest::token(entropy).expose().clone();
        let verifier = digest::token(entropy).expose().clone();
        let challenge = PkceCodeChallenge::from_code_verifier_sha256(&PkceCodeVerifier::new(verifier.clone()));
        let client = CoreClient::from_provider_metadata(
            discovered.metadata.clone(),
            ClientId::new(client_id.clone()),
            client_secret.as_ref().map(|secret| ClientSecret::new(secret.expose().clone())),
        )
        .set_redirect_uri(redirect_url(wish.callback)?);
        let (state, sent_nonce) = (wish.state.to_owned(), nonce.clone());
        let mut request = client
            .authorize_url(
                AuthenticationFlow::<CoreResponseType>::AuthorizationCode,
                move || CsrfToken::new(state),
                move || Nonce::new(sent_nonce),
            )
            .add_scope(Scope::new("profile".into()))
            .add_scope(Scope::new("email".into()))
            .set_pkce_challenge(challenge);
        if wish.force {
            request = request.add_prompt(CoreAuthPrompt::Login);
        }
        if let Some(age) = wish.max_age {
            request = request.set_max_age(age);
        }
        if let Some(hint) = wish.login_hint {
            request = request.add_extra_param("login_hint", hint);
        }
        let (url, _, _) = request.url();
        let pending =
            Pending { provider: provider.name.clone(), issuer: issuer.clone(), nonce, verifier, callback: wish.callback.to_owned() };
        Ok(Departure { url: url.into(), pending: record::encode(VERSION, &pending) })
    }

    /// Exchanges the code and verifies who the upstream says it is.
    pub async fn finish(
        &self,
        pool: PoolId,
        provider: &IdentityProvider,
        pending: &[u8],
        answer: Answer<'_>,
        now: Timestamp,
    ) -> Result<UpstreamIdentity> {
        let pending: Pending = record::decode(VERSION, pending)?;
        let ProviderKind::Oidc { issuer, client_id, client_secret } = &provider.kind;
        if pending.provider != provider.name || pending.issuer != *issuer {
            return Err(refused(issuer, "the settings changed during the login"));
        }
        if answer.iss.is_some_and(|iss| iss != issuer) {
            return Err(refused(issuer, "another issuer answered (RFC 9207)"));
        }
        if answer.code.is_empty() || answer.code.len() > MAX_CODE {
            return Err(refused(issuer, "its code is empty or too long"));
        }
        let discovered = self.discover(pool, issuer, DISCOVERY_AGE, now).await?;
        let client = CoreClient::from_provider_metadata(
            discovered.metadata.clone(),
            ClientId::new(client_id.clone()),
            client_secret.as_ref().map(|secret| ClientSecret::new(secret.expose().clone())),
        )
        .set_redirect_uri(redirect_url(&pending.callback)?)
        .set_auth_type(auth_type(&discovered.metadata));
        let tokens = client
            .exchange_code(AuthorizationCode::new(answer.code.to_owned()))
            .map_err(|_| refused(issuer, "it has no token endpoint"))?
            .set_pkce_verifier(PkceCodeVerifier::new(pending.verifier))
            .request_async(&self.http)
            .await
            .map_err(|error| refused(issuer, format!("the code was not exchanged: {error}")))?;
        let token = tokens.id_token().ok_or_else(|| refused(issuer, "there is no ID token"))?;
        let nonce = Nonce::new(pending.nonce);
        let mut verdict = verify(&discovered.metadata, client_id, token, &nonce, now);
        if verdict.is_err() && now.since(discovered.at) >= REDISCOVERY_AGE {
            // The upstream may have a new key since we asked.
            let discovered = self.discover(pool, issuer, REDISCOVERY_AGE, now).await?;
            verdict = verify(&discovered.metadata, client_id, token, &nonce, now);
        }
        let subject = verdict.map_err(|why| refused(issuer, why))?;
        let mut claims = payload(token).ok_or_else(|| refused(issuer, "the ID token has no claims"))?;
        if [&provider.mapping.username, &provider.mapping.mail, &provider.mapping.name].into_iter().any(|claim| !claims.contains_key(claim))
            && let Some(more) = self.user_info(issuer, &discovered.metadata, tokens.access_token(), &subject).await?
        {
            for (claim, value) in more {
                claims.entry(claim).or_insert(value);
            }
        }
        Ok(UpstreamIdentity::of(issuer, &subject, &claims, &provider.mapping))
    }

    /// What the upstream says about itself (OpenID Connect Discovery 1.0, section 4), at most that old.
    async fn discover(&self, pool: PoolId, issuer: &str, age: Duration, now: Timestamp) -> Result<Arc<Discovered>> {
        let slot = (pool, issuer.to_owned());
        if let Some(found) = self.discovered.get(&slot).filter(|found| now >= found.at && now.since(found.at) < age) {
            return Ok(found);
        }
        let url = IssuerUrl::new(issuer.to_owned()).map_err(|_| refused(issuer, "the issuer is no URL"))?;
        let metadata = CoreProviderMetadata::discover_async(url, &self.http)
            .await
            .map_err(|error| Error::down(format!("the identity provider {issuer} cannot be discovered: {error}")))?;
        check_endpoints(issuer, &metadata)?;
        let found = Arc::new(Discovered { metadata, at: now });
        self.discovered.insert(slot, Arc::clone(&found));
        Ok(found)
    }

    /// Claims that are not in the ID token (OpenID Connect Core 1.0, section 5.3). They count only if they are about the same subject.
    async fn user_info(
        &self,
        issuer: &str,
        metadata: &CoreProviderMetadata,
        token: &AccessToken,
        subject: &str,
    ) -> Result<Option<Map<String, Value>>> {
        let Some(endpoint) = metadata.userinfo_endpoint() else { return Ok(None) };
        let request = http::Request::builder()
            .uri(endpoint.as_str())
            .header(http::header::ACCEPT, "application/json")
            .header(http::header::AUTHORIZATION, format!("Bearer {}", token.secret()))
            .body(Vec::new())
            .map_err(|_| refused(issuer, "its access token or its userinfo endpoint is malformed"))?;
        let response = self.http.call(request).await.map_err(|error| refused(issuer, format!("userinfo: {error}")))?;
        if response.status() != http::StatusCode::OK {
            return Err(refused(issuer, format!("userinfo answered {}", response.status())));
        }
        let claims: Map<String, Value> =
            serde_json::from_slice(response.body()).map_err(|_| refused(issuer, "userinfo is no JSON object"))?;
        if claims.get("sub").and_then(Value::as_str) != Some(subject) {
            return Err(refused(issuer, "userinfo is about somebody else"));
        }
        Ok(Some(claims))
    }
}

/// The subject of an ID token that passes every check, or why it does not.
fn verify(
    metadata: &CoreProviderMetadata,
    client_id: &str,
    token: &CoreIdToken,
    nonce: &Nonce,
    now: Timestamp,
) -> std::result::Result<String, String> {
    let verifier = openidconnect::core::CoreIdTokenVerifier::new_public_client(
        ClientId::new(client_id.to_owned()),
        metadata.issuer().clone(),
        metadata.jwks().clone(),
    )
    .set_allowed_algs(ALGORITHMS)
    .set_time_fn(move || moment(now.seconds().saturating_sub_unsigned(LEEWAY.as_secs())).into())
    .set_issue_time_verifier_fn(move |issued| issue_time(issued.timestamp(), now));
    let claims: &CoreIdTokenClaims = token.claims(&verifier, nonce).map_err(|error| format!("the ID token is refused: {error}"))?;
    if claims.authorized_party().is_some_and(|party| party.as_str() != client_id) {
        return Err("the ID token was given to another party (azp)".into());
    }
    let subject = claims.subject().as_str();
    if subject.is_empty() || subject.len() > 255 || !subject.is_ascii() {
        return Err("the subject is empty, longer than 255 characters or not ASCII".into());
    }
    Ok(subject.to_owned())
}

fn issue_time(issued: i64, now: Timestamp) -> std::result::Result<(), String> {
    let now = now.seconds();
    if issued > now.saturating_add_unsigned(LEEWAY.as_secs()) {
        return Err("it was issued in the future".into());
    }
    if issued < now.saturating_sub_unsigned((MAX_TOKEN_AGE + LEEWAY).as_secs()) {
        return Err("it was issued too long ago".into());
    }
    Ok(())
}

fn moment(seconds: i64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds.try_into().unwrap_or(0))
}

/// The claims of a token whose signature was verified.
fn payload(token: &CoreIdToken) -> Option<Map<String, Value>> {
    let text = token.to_string();
    let payload = text.split('.').nth(1)?;
    serde_json::from_slice(&digest::from_base64url(payload)?).ok()
}

fn check_endpoints(issuer: &str, metadata: &CoreProviderMetadata) -> Result<()> {
    let base = Url::parse(issuer).map_err(|_| refused(issuer, "the issuer is no URL"))?;
    let endpoints = [
        Some(metadata.authorization_endpoint().url()),
        metadata.token_endpoint().map(|endpoint| endpoint.url()),
        metadata.userinfo_endpoint().map(|endpoint| endpoint.url()),
        Some(metadata.jwks_uri().url()),
    ];
    match endpoints.into_iter().flatten().find(|endpoint| !loopback::may_lead_to(&base, endpoint)) {
        Some(endpoint) => Err(refused(issuer, format!("its endpoint {endpoint} may not be called"))),
        None => Ok(()),
    }
}

fn auth_type(metadata: &CoreProviderMetadata) -> AuthType {
    match metadata.token_endpoint_auth_methods_supported() {
        Some(methods) if !methods.contains(&CoreClientAuthMethod::ClientSecretBasic) => AuthType::RequestBody,
        _ => AuthType::BasicAuth,
    }
}

fn redirect_url(callback: &str) -> Result<RedirectUrl> {
    RedirectUrl::new(callback.to_owned()).map_err(|_| Error::internal("the pool's callback is no URL"))
}

fn refused(issuer: &str, why: impl std::fmt::Display) -> Error {
    Error::new(crate::model::Kind::Denied(crate::model::error::Denial::Credentials), format!("identity provider {issuer}: {why}"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;

    /// A record of version 1 as it lies sealed in waiting requests: it must stay readable, and written so.
    #[test]
    fn golden_bytes() {
        let pending = Pending {
            provider: "idp".into(),
            issuer: "https://i".into(),
            nonce: "n".into(),
            verifier: "v".into(),
            callback: "https://c".into(),
        };
        let bytes: String = record::encode(VERSION, &pending).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(bytes, "01a50063696470016968747470733a2f2f6902616e036176046968747470733a2f2f63");
    }

    #[test]
    fn a_token_is_neither_from_the_future_nor_from_long_ago() {
        let now = Timestamp::from_seconds(10_000);
        for (issued, good) in [(10_060, true), (10_061, false), (9_340, true), (9_339, false), (i64::MIN, false), (i64::MAX, false)] {
            assert_eq!(issue_time(issued, now).is_ok(), good, "{issued}");
        }
    }
}

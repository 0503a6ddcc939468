//! Towards an OpenID Provider: the redirect, the exchange of the code, and who the upstream says it
//! is. The `openidconnect` crate speaks the protocol.

mod discovery;
mod id_token;

pub use discovery::{DISCOVERY_AGE, DISCOVERY_CAPACITY, REDISCOVERY_AGE, RETRY_AGE};
pub use id_token::{LEEWAY, MAX_TOKEN_AGE};

use super::{
    http::{Calls, HttpClient, with_causes},
    identity::{self, UpstreamIdentity},
    provider::{IdentityProvider, ProviderKind},
};
use crate::{
    crypto::digest,
    model::{Entropy, Epoch, Error, PoolId, Result, Timestamp, Voucher, record},
};
use discovery::{Discovery, Metadata};
use id_token::{Expected, Verified};
use minicbor::{Decode, Encode};
use openidconnect::{
    AccessToken, AsyncHttpClient, AuthType, AuthenticationFlow, AuthorizationCode, ClientId, ClientSecret, CsrfToken, Nonce,
    OAuth2TokenResponse, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, RequestTokenError, Scope, StandardErrorResponse, TokenResponse,
    core::{CoreAuthPrompt, CoreClient, CoreClientAuthMethod, CoreErrorResponseType, CoreResponseType},
    http,
};
use serde_json::{Map, Value};
use std::time::Duration;
use url::Url;

/// Bytes of a code that an upstream may send.
pub const MAX_CODE: usize = 4096;

/// The newest version of the record of a pending login.
const VERSION: u8 = 1;

/// The relying party towards all OpenID Providers.
pub struct RelyingParty {
    http: HttpClient,
    discovery: Discovery,
}

/// What a request to log in upstream depends on.
#[derive(Clone, Debug)]
pub struct Wish<'a> {
    /// The provider as it is now. Nobody else may answer.
    pub voucher: &'a Voucher,
    /// The absolute URL that upstreams share to send their answers to. One whose answers do not
    /// name it has an address of its own below.
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
    /// When it left, if the person must log in anew.
    #[n(5)]
    anew_since: Option<Timestamp>,
    /// How old the login may be, in seconds.
    #[n(6)]
    max_age: Option<u64>,
    /// Whether the upstream has promised that its answer names it.
    #[n(7)]
    #[cbor(default)]
    names_itself: bool,
    /// The epoch of the provider, if the login left when there were any.
    #[n(8)]
    epoch: Option<Epoch>,
}

impl Pending {
    /// When the person must have logged in upstream at the earliest, in seconds since the Unix
    /// epoch, if that was demanded.
    fn logged_in_since(&self, now: Timestamp) -> Option<i64> {
        let anew = self.anew_since.map(Timestamp::seconds);
        anew.max(self.max_age.map(|age| now.seconds().saturating_sub_unsigned(age)))
    }
}

/// Which provider a pending login left for.
pub fn destination(pending: &[u8]) -> Result<String> {
    Ok(record::decode::<Pending>(VERSION, pending)?.provider)
}

/// What came back in the browser's URL.
#[derive(Clone, Copy)]
pub struct Answer<'a> {
    /// The absolute URL at which it came in.
    pub callback: &'a str,
    /// `code`.
    pub code: &'a str,
    /// `iss` (RFC 9207).
    pub iss: Option<&'a str>,
}

impl RelyingParty {
    /// A relying party that knows no upstream yet.
    pub fn new() -> Result<Self> {
        Ok(Self { http: HttpClient::new()?, discovery: Discovery::new() })
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
        let discovered = self.discovery.of(&self.http, pool, issuer, DISCOVERY_AGE, now).await?;
        // An answer that does not name its issuer is told from that of another upstream, which may
        // be an attacker's, by where it comes in (RFC 9700, section 4.4.2).
        let names_itself = names_itself(&discovered.metadata);
        let callback = if names_itself { wish.callback.to_owned() } else { format!("{}/{}", wish.callback, provider.name) };
        let nonce = digest::token(entropy).expose().clone();
        let verifier = digest::token(entropy).expose().clone();
        let challenge = PkceCodeChallenge::from_code_verifier_sha256(&PkceCodeVerifier::new(verifier.clone()));
        let client = CoreClient::from_provider_metadata(
            discovered.metadata.clone(),
            ClientId::new(client_id.clone()),
            client_secret.as_ref().map(|secret| ClientSecret::new(secret.expose().clone())),
        )
        .set_redirect_uri(redirect_url(&callback)?);
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
        // It is `max_age` that obliges an upstream to say when the person logged in (OpenID Connect
        // Core 1.0, section 2).
        if let Some(age) = wish.max_age.or(wish.force.then_some(Duration::ZERO)) {
            request = request.set_max_age(age);
        }
        if let Some(hint) = wish.login_hint {
            request = request.add_extra_param("login_hint", hint);
        }
        let (url, _, _) = request.url();
        let pending = Pending {
            provider: provider.name.clone(),
            issuer: issuer.clone(),
            nonce,
            verifier,
            callback,
            anew_since: wish.force.then_some(now),
            max_age: wish.max_age.map(|age| age.as_secs()),
            names_itself,
            epoch: Some(wish.voucher.epoch),
        };
        Ok(Departure { url: url.into(), pending: record::encode(VERSION, &pending) })
    }

    /// Exchanges the code and verifies who the upstream says it is. `voucher` is the provider as it
    /// is now.
    pub async fn finish(
        &self,
        pool: PoolId,
        provider: &IdentityProvider,
        voucher: &Voucher,
        pending: &[u8],
        answer: Answer<'_>,
        now: Timestamp,
    ) -> Result<UpstreamIdentity> {
        let pending: Pending = record::decode(VERSION, pending)?;
        let ProviderKind::Oidc { issuer, client_id, client_secret } = &provider.kind;
        let is_another = pending.epoch.is_some_and(|epoch| epoch != voucher.epoch);
        if pending.provider != provider.name || pending.issuer != *issuer || is_another {
            return Err(refused(issuer, "the settings changed during the login"));
        }
        if answer.callback != pending.callback {
            return Err(refused(issuer, "the answer came in at the address of another provider"));
        }
        if answer.iss.is_some_and(|iss| iss != issuer) {
            return Err(refused(issuer, "another issuer answered (RFC 9207)"));
        }
        if answer.code.is_empty() || answer.code.len() > MAX_CODE {
            return Err(refused(issuer, "its code is empty or too long"));
        }
        let discovered = self.discovery.of(&self.http, pool, issuer, DISCOVERY_AGE, now).await?;
        if answer.iss.is_none() && (pending.names_itself || names_itself(&discovered.metadata)) {
            return Err(refused(issuer, "its answers name their issuer, and this one does not (RFC 9207)"));
        }
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
            .set_pkce_verifier(PkceCodeVerifier::new(pending.verifier.clone()))
            .request_async(&self.calls(issuer)?)
            .await
            .map_err(|error| {
                let secrets = client_secret.iter().map(|secret| secret.expose().as_str()).chain([answer.code]);
                refused(issuer, format!("the code was not exchanged: {}", without(secrets, not_exchanged(&error))))
            })?;
        let token = tokens.id_token().ok_or_else(|| refused(issuer, "there is no ID token"))?;
        let nonce = Nonce::new(pending.nonce.clone());
        let expected = Expected { client_id, nonce: &nonce, logged_in_since: pending.logged_in_since(now) };
        let mut verdict = id_token::verify(&discovered.metadata, token, &expected, now);
        if verdict.is_err() && now.since(discovered.at) >= REDISCOVERY_AGE {
            // The upstream may have a new key since we asked.
            let discovered = self.discovery.of(&self.http, pool, issuer, REDISCOVERY_AGE, now).await?;
            verdict = id_token::verify(&discovered.metadata, token, &expected, now);
        }
        let Verified { subject, logged_in } = verdict.map_err(|why| refused(issuer, why))?;
        let mut claims = id_token::payload(token).ok_or_else(|| refused(issuer, "the ID token has no claims"))?;
        if identity::is_incomplete(&claims, &provider.mapping)
            && let Some(more) = self.user_info(issuer, &discovered.metadata, tokens.access_token(), &subject).await?
        {
            identity::complete(&mut claims, more);
        }
        Ok(UpstreamIdentity { logged_in, ..UpstreamIdentity::of(issuer, &subject, &claims, &provider.mapping, &provider.mail_domains) })
    }

    /// Calls of that upstream.
    fn calls(&self, issuer: &str) -> Result<Calls<'_>> {
        let issuer = Url::parse(issuer).map_err(|_| refused(issuer, "the issuer is no URL"))?;
        Ok(self.http.calls(&issuer))
    }

    /// Claims that are not in the ID token (OpenID Connect Core 1.0, section 5.3). They count only
    /// if they are about the same subject.
    async fn user_info(&self, issuer: &str, metadata: &Metadata, token: &AccessToken, subject: &str) -> Result<Option<Map<String, Value>>> {
        let Some(endpoint) = metadata.userinfo_endpoint() else { return Ok(None) };
        let request = http::Request::builder()
            .uri(endpoint.as_str())
            .header(http::header::ACCEPT, "application/json")
            .header(http::header::AUTHORIZATION, format!("Bearer {}", token.secret()))
            .body(Vec::new())
            .map_err(|_| refused(issuer, "its access token or its userinfo endpoint is malformed"))?;
        let response = self.calls(issuer)?.call(request).await.map_err(|error| refused(issuer, format!("userinfo: {error}")))?;
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

/// Whether the upstream promises that each of its answers names it (RFC 9207, section 3).
fn names_itself(metadata: &Metadata) -> bool {
    metadata.additional_metadata().authorization_response_iss_parameter_supported
}

fn auth_type(metadata: &Metadata) -> AuthType {
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

/// Why the upstream gave no tokens: of what it says itself, the code of the error and not the
/// description, which it makes of what it likes (RFC 6749, section 5.2).
fn not_exchanged<C: std::error::Error + 'static>(error: &RequestTokenError<C, StandardErrorResponse<CoreErrorResponseType>>) -> String {
    match error {
        RequestTokenError::ServerResponse(response) => {
            let code: String = response.error().to_string().chars().filter(char::is_ascii_graphic).take(64).collect();
            format!("the upstream answered `{code}`")
        }
        other => with_causes(other),
    }
}

/// The text without those secrets, should it hold one of them.
fn without<'s>(secrets: impl Iterator<Item = &'s str>, text: String) -> String {
    secrets.filter(|secret| !secret.is_empty()).fold(text, |text, secret| text.replace(secret, "[secret]"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::federation::http::CallError;
    use crate::model::Sequence;

    #[test]
    fn of_what_an_upstream_says_only_the_code_of_the_error_is_told() {
        let told = |code: &str| {
            let answer = serde_json::json!({ "error": code, "error_description": "bad secret-7f3a\nFORGED" });
            not_exchanged::<CallError>(&RequestTokenError::ServerResponse(serde_json::from_value(answer).unwrap()))
        };
        assert_eq!(told("invalid_client"), "the upstream answered `invalid_client`");
        assert_eq!(told("x\u{1b}[31m\ny"), "the upstream answered `x[31my`");
        assert_eq!(told(&"x".repeat(100)), format!("the upstream answered `{}`", "x".repeat(64)));
        assert_eq!(without(["secret-7f3a", ""].into_iter(), told("secret-7f3a")), "the upstream answered `[secret]`");
    }

    /// A record of version 1 as it lies sealed in waiting requests: it must stay readable, and
    /// written so.
    #[test]
    fn golden_bytes() {
        let pending = Pending {
            provider: "idp".into(),
            issuer: "https://i".into(),
            nonce: "n".into(),
            verifier: "v".into(),
            callback: "https://c".into(),
            anew_since: None,
            max_age: None,
            names_itself: true,
            epoch: Some(Epoch::of_commit(Sequence::new(5))),
        };
        let hex = |pending: &Pending| record::encode(VERSION, pending).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        assert_eq!(hex(&pending), "01a70063696470016968747470733a2f2f6902616e036176046968747470733a2f2f6307f50805");
        let former = "01a50063696470016968747470733a2f2f6902616e036176046968747470733a2f2f63";
        let former: Vec<u8> = (0..former.len()).step_by(2).map(|at| u8::from_str_radix(&former[at..at + 2], 16).unwrap()).collect();
        let former: Pending = record::decode(VERSION, &former).unwrap();
        assert_eq!(hex(&former), hex(&Pending { names_itself: false, epoch: None, ..pending }));
    }

    #[test]
    fn the_stricter_demand_counts() {
        let pending = |anew_since: Option<i64>, max_age| Pending {
            provider: String::new(),
            issuer: String::new(),
            nonce: String::new(),
            verifier: String::new(),
            callback: String::new(),
            anew_since: anew_since.map(Timestamp::from_seconds),
            max_age,
            names_itself: false,
            epoch: None,
        };
        let now = Timestamp::from_seconds(10_000);
        for (anew_since, max_age, expected) in [
            (None, None, None),
            (Some(9_990), None, Some(9_990)),
            (None, Some(100), Some(9_900)),
            (Some(9_990), Some(100), Some(9_990)),
            (Some(9_800), Some(100), Some(9_900)),
            (None, Some(u64::MAX), Some(i64::MIN)),
        ] {
            assert_eq!(pending(anew_since, max_age).logged_in_since(now), expected);
        }
    }
}

//! Every check of an ID token (OpenID Connect Core 1.0, section 3.1.3.7). The `openidconnect` crate
//! has no leeway for `exp` and judges neither `iat` nor `azp` nor `auth_time`: that is done here.

use super::discovery::Metadata;
use crate::crypto::digest;
use crate::model::Timestamp;
use openidconnect::core::{CoreIdToken, CoreIdTokenClaims, CoreIdTokenVerifier, CoreJwsSigningAlgorithm};
use openidconnect::{ClientId, Nonce};
use serde_json::{Map, Value};
use std::time::{Duration, SystemTime};

/// How far an upstream's clock may be from ours.
pub const LEEWAY: Duration = Duration::from_secs(60);

/// How old an ID token may be when it arrives: it is fetched directly.
pub const MAX_TOKEN_AGE: Duration = Duration::from_secs(10 * 60);

/// Algorithms of ID tokens: asymmetric ones only, so that knowing our client secret is not enough
/// to make one.
const ALGORITHMS: [CoreJwsSigningAlgorithm; 7] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
];

/// What the token must be for.
pub struct Expected<'a> {
    /// Our client id.
    pub client_id: &'a str,
    /// The nonce of the request.
    pub nonce: &'a Nonce,
    /// When the person must have logged in at the earliest, in seconds since the Unix epoch, if the
    /// request demanded that.
    pub logged_in_since: Option<i64>,
}

/// Whom a token is about that passes every check.
pub struct Verified {
    /// The subject.
    pub subject: String,
    /// When they logged in, if the token says so; never in the future.
    pub logged_in: Option<Timestamp>,
}

/// Whom the token is about if it passes every check, or why it does not.
pub fn verify(metadata: &Metadata, token: &CoreIdToken, expected: &Expected<'_>, now: Timestamp) -> Result<Verified, String> {
    let client_id = expected.client_id;
    let verifier =
        CoreIdTokenVerifier::new_public_client(ClientId::new(client_id.to_owned()), metadata.issuer().clone(), metadata.jwks().clone())
            .set_allowed_algs(ALGORITHMS)
            .set_time_fn(move || moment(now.seconds().saturating_sub_unsigned(LEEWAY.as_secs())).into())
            .set_issue_time_verifier_fn(move |issued| issue_time(issued.timestamp(), now));
    let claims: &CoreIdTokenClaims =
        token.claims(&verifier, expected.nonce).map_err(|error| format!("the ID token is refused: {error}"))?;
    if claims.authorized_party().is_some_and(|party| party.as_str() != client_id) {
        return Err("the ID token was given to another party (azp)".into());
    }
    let logged_in = claims.auth_time().map(|at| at.timestamp());
    if let Some(since) = expected.logged_in_since {
        login_time(logged_in, since)?;
    }
    let subject = claims.subject().as_str();
    if subject.is_empty() || subject.len() > 255 || !subject.is_ascii() {
        return Err("the subject is empty, longer than 255 characters or not ASCII".into());
    }
    Ok(Verified { subject: subject.to_owned(), logged_in: logged_in.map(|at| Timestamp::from_seconds(at.max(0)).min(now)) })
}

/// The claims of a token whose signature was verified.
pub fn payload(token: &CoreIdToken) -> Option<Map<String, Value>> {
    let text = token.to_string();
    let payload = text.split('.').nth(1)?;
    serde_json::from_slice(&digest::from_base64url(payload)?).ok()
}

fn issue_time(issued: i64, now: Timestamp) -> Result<(), String> {
    let now = now.seconds();
    if issued > now.saturating_add_unsigned(LEEWAY.as_secs()) {
        return Err("it was issued in the future".into());
    }
    if issued < now.saturating_sub_unsigned((MAX_TOKEN_AGE + LEEWAY).as_secs()) {
        return Err("it was issued too long ago".into());
    }
    Ok(())
}

/// An upstream may overlook `prompt` and `max_age`. Then its old login must not pass for the new
/// one that the application demanded.
fn login_time(at: Option<i64>, since: i64) -> Result<(), String> {
    match at {
        Some(at) if at.saturating_add_unsigned(LEEWAY.as_secs()) >= since => Ok(()),
        Some(_) => Err("a newer login was demanded than the upstream's (auth_time)".into()),
        None => Err("a new login was demanded, and the upstream does not say when the person logged in (auth_time)".into()),
    }
}

fn moment(seconds: i64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds.try_into().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_neither_from_the_future_nor_from_long_ago() {
        let now = Timestamp::from_seconds(10_000);
        for (issued, good) in [(10_060, true), (10_061, false), (9_340, true), (9_339, false), (i64::MIN, false), (i64::MAX, false)] {
            assert_eq!(issue_time(issued, now).is_ok(), good, "{issued}");
        }
    }

    #[test]
    fn a_login_is_as_new_as_was_demanded() {
        for (at, good) in [
            (Some(10_000), true),
            (Some(9_940), true),
            (Some(9_939), false),
            (Some(i64::MIN), false),
            (Some(i64::MAX), true),
            (None, false),
        ] {
            assert_eq!(login_time(at, 10_000).is_ok(), good, "{at:?}");
        }
    }
}

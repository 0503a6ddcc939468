//! What an upstream says about itself (OpenID Connect Discovery 1.0, section 4): asked for once by
//! however many logins at a time, and believed for a while. That it does not answer is believed
//! too, for a shorter while: anybody can begin a login, and each would ask anew.

use super::refused;
use crate::federation::http::{HttpClient, with_causes};
use crate::federation::loopback;
use crate::model::{Error, PoolId, Result, Timestamp};
use openidconnect::core::{
    CoreAuthDisplay, CoreClaimName, CoreClaimType, CoreClientAuthMethod, CoreGrantType, CoreJsonWebKey, CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm, CoreResponseMode, CoreResponseType, CoreSubjectIdentifierType,
};
use openidconnect::{AdditionalProviderMetadata, IssuerUrl, ProviderMetadata};
use quick_cache::sync::Cache;
use serde::{Deserialize, Serialize};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use url::Url;

/// How long what an upstream says about itself is believed.
pub const DISCOVERY_AGE: Duration = Duration::from_secs(10 * 60);

/// After so long it is asked again at once when a signature has a key that it did not name.
pub const REDISCOVERY_AGE: Duration = Duration::from_secs(60);

/// How long an upstream that did not answer, or not well, is left alone.
pub const RETRY_AGE: Duration = Duration::from_secs(30);

/// Upstreams whose description is held.
pub const DISCOVERY_CAPACITY: usize = 256;

/// The metadata of an upstream.
pub type Metadata = ProviderMetadata<
    Responses,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

/// What the metadata says about authorization responses (RFC 9207, section 3).
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Responses {
    /// Whether every one of them names its issuer.
    #[serde(default)]
    pub authorization_response_iss_parameter_supported: bool,
}

impl AdditionalProviderMetadata for Responses {}

/// What an upstream said about itself, and when.
pub struct Discovered {
    pub metadata: Metadata,
    pub at: Timestamp,
}

/// Held for each issuer of each pool, so that no pool can tell what another one asks.
pub struct Discovery(Cache<(PoolId, String), Arc<Mutex<Known>>>);

/// What came of asking one upstream. Its lock is held while it is asked, so that all who want to
/// know wait for one answer.
#[derive(Default)]
struct Known {
    found: Option<Arc<Discovered>>,
    failed: Option<(Timestamp, Error)>,
}

impl Known {
    fn found(&self, age: Duration, now: Timestamp) -> Option<Arc<Discovered>> {
        self.found.clone().filter(|found| is_within(age, found.at, now))
    }

    fn failed(&self, now: Timestamp) -> Option<Error> {
        self.failed.as_ref().filter(|(at, _)| is_within(RETRY_AGE, *at, now)).map(|(_, error)| error.clone())
    }
}

fn is_within(age: Duration, at: Timestamp, now: Timestamp) -> bool {
    now >= at && now.since(at) < age
}

impl Discovery {
    /// Nothing is known yet.
    pub fn new() -> Self {
        Self(Cache::new(DISCOVERY_CAPACITY))
    }

    /// What the upstream says about itself, at most that old if it answers, and in any case no
    /// older than [`DISCOVERY_AGE`].
    pub async fn of(&self, http: &HttpClient, pool: PoolId, issuer: &str, age: Duration, now: Timestamp) -> Result<Arc<Discovered>> {
        let Ok(slot) = self.0.get_or_insert_with(&(pool, issuer.to_owned()), || Ok::<_, Infallible>(Arc::default()));
        let mut known = slot.lock().await;
        if let Some(found) = known.found(age, now) {
            return Ok(found);
        }
        let error = match known.failed(now) {
            Some(error) => error,
            None => match ask(http, issuer).await {
                Ok(metadata) => {
                    let found = Arc::new(Discovered { metadata, at: now });
                    *known = Known { found: Some(Arc::clone(&found)), failed: None };
                    return Ok(found);
                }
                Err(error) => {
                    known.failed = Some((now, error.clone()));
                    error
                }
            },
        };
        known.found(DISCOVERY_AGE, now).ok_or(error)
    }
}

async fn ask(http: &HttpClient, issuer: &str) -> Result<Metadata> {
    let no_url = || refused(issuer, "the issuer is no URL");
    let (url, base) = (IssuerUrl::new(issuer.to_owned()).map_err(|_| no_url())?, Url::parse(issuer).map_err(|_| no_url())?);
    let metadata = Metadata::discover_async(url, &http.calls(&base))
        .await
        .map_err(|error| Error::down(format!("the identity provider {issuer} cannot be discovered: {}", with_causes(&error))))?;
    let endpoints = [
        Some(metadata.authorization_endpoint().url()),
        metadata.token_endpoint().map(|endpoint| endpoint.url()),
        metadata.userinfo_endpoint().map(|endpoint| endpoint.url()),
    ];
    if let Some(endpoint) = endpoints.into_iter().flatten().find(|endpoint| !loopback::may_lead_to(&base, endpoint)) {
        return Err(refused(issuer, format!("its endpoint {endpoint} may not be called")));
    }
    Ok(metadata)
}

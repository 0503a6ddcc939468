//! Verification of our own access tokens (RFC 9068).

use super::{Basis, Core};
use crate::{
    application::{self, GrantId},
    crypto::jwt,
    model::{EntryId, Error, Result, Timestamp},
    policy::clock::is_from_the_future,
    pool::{
        Pool,
        keys::{self, Use},
    },
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The claims of an access token (RFC 9068, section 2.2). `oidc` signs them, every protected
/// resource of ours verifies them here.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct AccessClaims {
    /// The pool's URL.
    pub iss: String,
    /// The resource server; the pool's URL for our own resources.
    pub aud: String,
    /// The entry's UUID.
    pub sub: String,
    /// The client that was given the token.
    pub client_id: String,
    /// Seconds since the Unix epoch.
    pub iat: i64,
    /// Seconds since the Unix epoch.
    pub exp: i64,
    /// The token's own id.
    pub jti: String,
    /// Space-separated scopes.
    pub scope: String,
    /// The grant it stems from; when that is gone, or its client is another one, the token is worth
    /// nothing.
    pub grant: String,
    /// When the person logged in, in seconds since the Unix epoch.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub auth_time: Option<i64>,
}

/// A verified access token.
#[derive(Clone, Debug)]
pub struct Bearer {
    /// What it says.
    pub claims: AccessClaims,
    /// The entry it is for, which may log in at this moment.
    pub entry: EntryId,
}

/// The media type in the header of an access token (RFC 9068, section 2.1).
pub const ACCESS_TOKEN_TYPE: &str = "at+jwt";

impl Core {
    /// Verifies one of our own access tokens: signature, type, issuer, audience, time, grant and
    /// its client, and that its person may still log in and what the grant rests on is as it was.
    /// Denied(Credentials) otherwise.
    pub fn bearer(&self, pool: &Arc<Pool>, issuer: &str, token: &str) -> Result<Bearer> {
        let pool = self.fresh(pool)?;
        let keys = keys::public(&pool, Use::Oidc)?;
        let claims: AccessClaims = jwt::verify(token, ACCESS_TOKEN_TYPE, keys.iter().map(|key| key.public()))?;
        let now = self.clock.now();
        let is_of_now = now.seconds() < claims.exp && !is_from_the_future(Timestamp::from_seconds(claims.iat), now);
        if claims.iss != issuer || claims.aud != issuer || !is_of_now {
            return Err(Error::credentials());
        }
        let grant = GrantId::parse(&claims.grant).ok_or_else(Error::credentials)?;
        let grant = application::find_grant(pool.store(), grant, now)?.ok_or_else(Error::credentials)?;
        let basis = Basis { password: grant.password_proof, voucher: grant.voucher.as_ref(), epoch: grant.entry_epoch };
        let entry = self.welcome_since(&pool, grant.entry, basis)?.ok_or_else(Error::credentials)?;
        if grant.client_id.to_string() != claims.client_id || entry.uuid().to_string() != claims.sub {
            return Err(Error::credentials());
        }
        Ok(Bearer { claims, entry: entry.id() })
    }
}

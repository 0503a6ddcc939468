//! A browser's login at one pool.

use super::{Authentication, Core};
use crate::{
    model::{Result, Timestamp},
    pool::Pool,
};
use std::sync::Arc;

/// A browser's login at one pool, found by its cookie and found good.
#[derive(Clone, Debug)]
pub struct Session {
    pub(super) authentication: Authentication,
    pub(super) created: Timestamp,
    pub(super) hash: [u8; 32],
}

impl Session {
    /// Who is logged in, and how.
    pub const fn authentication(&self) -> &Authentication {
        &self.authentication
    }

    /// When it began.
    pub const fn created(&self) -> Timestamp {
        self.created
    }

    /// The hash that records name it by: grants that came from it hold it, so that a logout ends them.
    pub const fn hash(&self) -> &[u8; 32] {
        &self.hash
    }

    /// A name for it that is no secret: SAML's SessionIndex, the `sid` of an ID token. The cookie cannot be computed from it.
    pub fn public_id(&self) -> String {
        todo!()
    }
}

impl Core {
    /// The session of that cookie. `None` if it is unknown or over, or its person may not log in any more.
    pub async fn session(&self, _pool: &Arc<Pool>, _cookie: &str) -> Result<Option<Session>> {
        todo!()
    }

    /// Ends the session of that cookie; no error if there is none.
    pub async fn end_session(&self, _pool: &Arc<Pool>, _cookie: &str, _origin: super::Origin) -> Result<()> {
        todo!()
    }
}

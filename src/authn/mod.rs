//! The one authentication engine, and everything that requires its word.
//!
//! Owns waiting interactions, sessions, the setting of credentials, changes to entries as callers ask for them, and verification of our own access tokens.
//! Uses `federation` and everything below. Never knows HTTP or a wire format, so that LDAP, OpenID Connect, SAML and the pages cannot differ in a rule.
//! [`engine`] decides purely; the drivers load facts, run argon2 or the upstream off the async threads, and commit.

mod authentication;
pub mod bearer;
mod edit;
pub mod interaction;
mod interactive;
pub mod session;

pub use authentication::{Authentication, Level, Method};
pub use interaction::{BrowserKey, Demands, Interaction, InteractionId, NewInteraction, ReturnPoint};
pub use interactive::{Callback, Factor, Granted, Message, Step};
pub use session::Session;

use crate::{
    model::{Actor, Clock, Dn, Entropy, Face, PoolId, Result, Secret},
    pool::{Pool, Registry},
    store::Changes,
    work::Work,
};
use std::{net::IpAddr, sync::Arc};

/// What a [`Core`] is made of.
pub struct Parts {
    /// The pools.
    pub registry: Registry,
    /// Where blocking work runs.
    pub work: Arc<Work>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Random bytes.
    pub entropy: Arc<dyn Entropy>,
}

/// What every face holds: the pools and the engine over them.
pub struct Core {
    /// The pools.
    pub registry: Registry,
    /// Where blocking work runs.
    pub work: Arc<Work>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Random bytes.
    pub entropy: Arc<dyn Entropy>,
}

/// Where an attempt comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Through which face.
    pub face: Face,
    /// From which network address, if over a network.
    pub address: Option<IpAddr>,
}

/// Whom a caller claims to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BindName {
    /// A distinguished name.
    Dn(Dn),
    /// A uid or, where it holds an `@`, a mail address, within the pool that the caller has fixed already.
    Uid(String),
}

impl Core {
    /// Puts the parts together.
    pub fn new(parts: Parts) -> Self {
        let Parts { registry, work, clock, entropy } = parts;
        Self { registry, work, clock, entropy }
    }

    /// The one-shot entrance: a name and a password, and no way to ask back. Denied(Credentials) whatever the reason; the true one is audited.
    pub async fn bind(&self, _pool: &Arc<Pool>, _who: &BindName, _password: &Secret<Vec<u8>>, _origin: Origin) -> Result<Authentication> {
        todo!()
    }

    /// Whether that proof still holds: the pool is active, the entry is there and not disabled. Cheap: reads two hot records.
    pub fn still_valid(&self, _authentication: &Authentication) -> Result<bool> {
        todo!()
    }

    /// Somebody who has proven who they are, as access rules judge them: the role follows from the kind of entry and the group of administrators.
    pub fn actor(&self, _pool: &Arc<Pool>, _authentication: &Authentication, _origin: Origin) -> Result<Actor> {
        todo!()
    }

    /// Commits what was counted since the last call: cached re-binds and failures for unknown names. `server` calls it each minute and at shutdown.
    pub async fn flush_audit(&self) -> Result<()> {
        let _: Vec<(PoolId, Changes)> = Vec::new();
        todo!()
    }
}

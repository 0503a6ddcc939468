//! The LDAP face: what legacy applications bind to and search (RFC 4510 to 4519).
//!
//! Owns the protocol: its messages ([`codec`]), its result codes (`error`), connections and what
//! each operation reads from the wire. Uses the core: `authn` binds and changes entries,
//! `directory` finds and projects them, both behind `policy::access`. Never checks a password,
//! never commits, never decides who may see what; so nothing that LDAP answers can differ from what
//! the other faces would.
//!
//! A connection is one task that answers in the order of the requests, but for modifies that it is
//! sent together, and writes once for all that came together. A search runs in bounded steps: what
//! it has found waits in a buffer of bounded size for a reader that may be slow, and between steps
//! the connection listens for an abandon.

mod budget;
pub mod codec;
mod connection;
mod error;
mod limits;
mod ops;
mod paging;
mod pending;
mod rootdse;
mod session;
mod subschema;
mod virtual_entry;
mod wire;

pub use connection::serve_connection;
pub use limits::Limits;
pub use session::Peer;

use crate::authn::Core;
use crate::model::entropy::random;
use budget::Budget;
use std::fmt;
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;

/// What every connection of the face shares.
pub struct App {
    core: Arc<Core>,
    limits: Limits,
    budget: Arc<Budget>,
    tls: Option<TlsAcceptor>,
    /// Under which paging cookies are made; it ends with the process, and so do they.
    cookie_key: [u8; 32],
}

impl App {
    /// The face over that core. With an acceptor, StartTLS is offered on connections in clear text
    /// (RFC 4511, section 4.14).
    pub fn new(core: Arc<Core>, limits: Limits, tls: Option<TlsAcceptor>) -> Arc<Self> {
        let cookie_key = random(&*core.entropy);
        Arc::new(Self { core, limits, budget: Budget::new(&limits), tls, cookie_key })
    }
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("App(ldap)")
    }
}

/// How the bytes of a connection travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// In clear text.
    Plain,
    /// Within TLS.
    Tls,
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests;

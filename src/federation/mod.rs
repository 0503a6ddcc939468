//! Upstream identity providers: their records, the protocol towards them, and the tie to local
//! users.
//!
//! Owns provider records and federated identities. Uses `directory` and everything below. Never
//! issues a session and never decides whether somebody may log in: what it finds goes back into
//! `authn`, so that disabled and locked mean the same for everybody.

mod http;
mod identity;
pub mod link;
mod loopback;
pub mod mail_domains;
pub mod oidc;
pub mod precedence;
mod provider;
#[cfg(test)]
#[allow(clippy::unwrap_used, missing_docs)]
pub mod testing;

pub use identity::UpstreamIdentity;
pub use mail_domains::MailDomains;
pub use provider::{
    IdentityProvider, MAX_PROVIDERS, Mapping, ProviderKind, delete, expect, find, is_there, list, put, read_version, replace, voucher,
    vouches,
};

//! Upstream identity providers: their records, the protocol towards them, and the tie to local users.
//!
//! Owns provider records and federated identities. Uses `directory` and everything below. Never issues a session: what it finds goes back into `authn`.

mod provider;

pub use provider::{IdentityProvider, Mapping, ProviderKind, delete, find, list, put};

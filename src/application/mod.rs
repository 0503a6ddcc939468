//! The applications of a pool: OIDC clients and SAML service providers, and what a client was given
//! (codes, grants, consents).
//!
//! Owns the records in the spaces `Application` and `Grant`: it reads them and fills the `Changes`
//! of whoever commits. Uses `pool` and below. Never logs anybody in, never speaks a wire protocol:
//! the faces decide when a code is given, this room says what a code is. The types that name things
//! (`ClientId`, `RedirectUri`, `EntityId`) are parsed once and cannot be wrong afterwards, since
//! every check of the faces compares with them.

mod client;
mod consent;
mod grant;
mod history;
mod name;
mod record;
mod redirect;
mod secret;
mod service_provider;

pub use client::{
    AuthMethod, Client, SigningAlgorithm, add_client, clients, delete_client, find_client, has_client, put_client, read_client,
    renew_client, replace_client,
};
pub use consent::{delete_consent, forget_consents, has_consented, put_consent};
pub use grant::{Code, Grant, GrantId, delete_grant, find_code, find_grant, put_code, put_grant, redeem_code, revoke_session_grants};
pub use history::{ClientHistory, client_history, put_client_history};
pub use name::{ClientId, EntityId, MAX_CLIENT_ID, MAX_ENTITY_ID};
pub use redirect::{MAX_URI, RedirectUri, is_open_to_any_program};
pub use secret::{MAX_SECRET, SecretHash};
pub use service_provider::{
    Acs, AttributeMapping, NameIdFormat, ServiceProvider, Signed, add_service_provider, delete_service_provider, find_service_provider,
    has_service_provider, put_service_provider, read_service_provider, replace_service_provider, service_providers,
};

#[cfg(test)]
mod tests;

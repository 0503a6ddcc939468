//! The SAML face: a pool as SAML 2.0 Identity Provider for the Web Browser SSO profile.
//!
//! Owns the wire format of SAML ([`wire`]), the metadata, the decisions about a request and the
//! assertions. May use the core, `web` and `entrance`. Never checks a password and never makes a
//! login: it asks `authn` for a session or sends the browser through the entrance. An answer, good
//! or bad, goes to a registered assertion consumer service or nowhere. XML is parsed, verified and
//! signed in `work`.

mod assertion;
mod context;
mod decision;
mod error;
mod metadata;
mod name_id;
mod post;
mod request;
mod routes;
mod sso;
pub mod wire;

pub use assertion::{LIFETIME, SKEW};
pub use error::status;
pub use metadata::{entity_id, sso_url};
pub use request::{MAX_REQUEST_AGE, MAX_SKEW};
pub use routes::routes;

//! Poolgate: isolated user pools, each with an LDAP, an OpenID Connect and a SAML face over the same entries and one authentication engine.

pub mod admin;
pub mod application;
pub mod audit;
pub mod authn;
pub mod cli;
pub mod crypto;
pub mod directory;
pub mod federation;
pub mod ldap;
pub mod login;
pub mod model;
pub mod oidc;
pub mod policy;
pub mod pool;
pub mod saml;
pub mod server;
pub mod store;
pub mod sync;
pub mod web;
pub mod work;

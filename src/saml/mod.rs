//! The SAML face: a pool as SAML 2.0 Identity Provider for the Web Browser SSO profile.
//!
//! Owns the wire format of SAML ([`wire`]), the metadata, the decisions about a request and the assertions. May use the core and `web`. Never checks a password and
//! never makes a login: it asks `authn` for a session or sends the browser to the login pages with the request stored. An answer, good or bad, goes to a registered
//! assertion consumer service or nowhere.

pub mod wire;

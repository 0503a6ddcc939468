//! The OpenID Provider of a pool: OAuth 2.0 (RFC 6749) with the current best practice (RFC 9700)
//! and OpenID Connect Core 1.0 over the entries of the pool.
//!
//! Owns the endpoints under the pool's URL that its `routes` lists, and the wire format of
//! requests, tokens and errors. Uses the core, `web` and `entrance`. Never checks a password and
//! never decides who somebody is: that is a [`Session`](crate::authn::Session), which only `authn`
//! makes. Pure parts come first: `wire` reads bytes, `authorize::checks` judges a request,
//! `authorize::decision` says what it gets; the handlers only look things up, commit and answer.
//!
//! A request that must wait for a login travels through the [`entrance`](crate::entrance) as an
//! Interaction; when the browser comes back to `/oauth2/authorize?interaction=…` everything is
//! checked and decided again from what was stored with the login.

mod app;
mod authorize;
mod claims;
mod client;
mod consent;
mod discovery;
mod error;
mod grants;
mod issue;
mod logout;
mod routes;
mod token;
mod userinfo;
mod wire;

pub use error::{Code, Error, Refusal};
pub use routes::routes;

#[cfg(test)]
mod tests;

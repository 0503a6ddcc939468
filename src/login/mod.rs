//! The hosted pages on which people prove who they are.
//!
//! Owns the login and logout pages and the way through a login: a page, an upstream, back to the
//! face that asked. Uses the core, `web` and `entrance`. Decides nothing about a login, which is
//! `authn`'s, and never issues a token or an assertion: it sends the browser back, and the face
//! decides again.

mod callback;
mod dispatch;
mod form;
mod logout;
mod pages;
mod routes;

pub use pages::arrival as page;
pub use routes::routes;

#[cfg(test)]
mod tests;

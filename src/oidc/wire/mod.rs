//! Requests as they come: pure parsing of bounded bytes, without I/O, clock or store. What a
//! request means is decided above.

mod credentials;
mod parameters;
mod pkce;
mod prompt;
mod scope;

pub use credentials::{Presented, Refused, bearer, client_credentials};
pub use parameters::{MAX_REQUEST, Malformed, Parameters, append_query};
pub use pkce::{is_challenge, verifies};
pub use prompt::{Prompt, Prompts};
pub use scope::{SCOPES, Scope, join, parse_scopes};

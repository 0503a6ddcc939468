//! The management API: pools, and the people, groups, services, applications and upstreams in them.
//!
//! Owns the API's paths, its request and response types (which the commands share) and the place of
//! its socket. Uses the core, `sync` and `web`. Never touches a record itself: it composes what the
//! rooms beneath offer, so that a rule holds whoever asks.

mod api;
mod branch;
mod context;
mod document;
mod error;
mod etag;
mod patch;
mod socket;
pub mod types;

pub use api::routes;
pub use context::{App, Caller};
pub use document::object as json_object;
pub use socket::{MAX_SOCKET_PATH, own_folder, path as socket_path};

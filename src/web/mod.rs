//! The kit around warp that the web rooms share: the request of a pool, responses, cookies, forms,
//! pages.
//!
//! Owns the layout, the style and the texts of all pages. May use `pool`, `crypto` and `model`.
//! Never knows what a page is for: it decides nothing and reads no entry. Handlers are plain
//! functions from a [`PoolRequest`] to a [`Response`]; a failure of the domain is never a warp
//! rejection.

pub mod browser;
pub mod cookie;
pub mod csrf;
pub mod form;
pub mod page;
pub mod problem;
mod request;
mod response;

pub use request::{MAX_BODY, Place, PoolRequest, PoolUrl, bounded_body, query, route};
/// The types of HTTP that handlers name; only routes and listeners name warp itself.
pub use warp::http;

pub use response::{Response, html, json, no_content, pieces, see_other, text, with_header};

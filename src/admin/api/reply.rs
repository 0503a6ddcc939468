//! What a handler of the API answers with, and the variable parts of its path.

use crate::admin::context::Segment;
use crate::model::{Error, Result};
use crate::web::http::StatusCode;
use crate::web::{Response, json, no_content};
use serde::Serialize;

/// What a handler answers with.
pub enum Reply<T> {
    /// The document asked for.
    Found(T),
    /// The document of what was made.
    Made(T),
    /// Done.
    Done,
}

impl<T: Serialize> From<Reply<T>> for Response {
    fn from(reply: Reply<T>) -> Self {
        match reply {
            Reply::Found(document) => json(StatusCode::OK, &document),
            Reply::Made(document) => json(StatusCode::CREATED, &document),
            Reply::Done => no_content(),
        }
    }
}

/// The first, second or third variable part of a path, which the path has matched.
pub fn at(path: &[Segment], place: usize) -> Result<&Segment> {
    path.get(place).ok_or_else(|| Error::internal("a path of the API has fewer parts than its handler reads"))
}

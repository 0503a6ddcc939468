//! What a handler of the API answers with, and the variable parts of its path.

use crate::admin::context::Segment;
use crate::admin::types::{Item, UnreadableItem};
use crate::model::{Error, Listed, Result, Unreadable};
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

/// An item of a list. `key` is the field of its document that names it.
pub fn item<T, D>(listed: &Listed<T>, key: &'static str, document: impl FnOnce(&T) -> D) -> Item<D> {
    match listed {
        Ok(record) => Item::Readable(document(record)),
        Err(Unreadable { name, reason }) => {
            Item::Unreadable(UnreadableItem { known: [(key, name.as_str().into())].into(), problem: reason.message().to_owned() })
        }
    }
}

/// What a list names an item by, to go on after it.
pub fn name<'a, T>(listed: &'a Listed<T>, of: impl FnOnce(&'a T) -> &'a str) -> &'a str {
    match listed {
        Ok(record) => of(record),
        Err(unreadable) => &unreadable.name,
    }
}

/// The first, second or third variable part of a path, which the path has matched.
pub fn at(path: &[Segment], place: usize) -> Result<&Segment> {
    path.get(place).ok_or_else(|| Error::internal("a path of the API has fewer parts than its handler reads"))
}

//! What a handler of the API answers with, and the variable parts of its path.

use crate::admin::context::Segment;
use crate::admin::etag::ETag;
use crate::admin::patch::{Document, Patch};
use crate::admin::types::{Item, UnreadableItem};
use crate::model::{Error, Listed, Result, Sequence, Unreadable};
use crate::web::http::{StatusCode, header};
use crate::web::{Response, json, no_content, with_header};
use serde::Serialize;

/// What a handler answers with.
pub enum Reply<T> {
    /// The document asked for.
    Found(T),
    /// The document of what was made.
    Made(T),
    /// The document of what can be changed, with the tag of its state.
    Shown(Shown<T>),
    /// Done.
    Done,
}

/// A document with the entity tag of the state that it shows.
#[derive(Serialize)]
pub struct Shown<T> {
    #[serde(flatten)]
    document: T,
    etag: ETag,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notes: Vec<String>,
}

impl<T: Serialize> Shown<T> {
    /// Of a document that is shown from a record of that version.
    pub fn new(version: Sequence, document: T) -> Result<Self> {
        Ok(Self { etag: ETag::of(version, &document)?, document, notes: Vec::new() })
    }

    /// The document itself.
    pub const fn document(&self) -> &T {
        &self.document
    }

    /// What the patch makes of it; `None` if that is no other document.
    pub fn patched(&self, patch: &Patch) -> Result<Option<T>>
    where
        T: Document,
    {
        patch.apply(&self.document, &self.etag)
    }

    /// With what whoever asked should know about what was done.
    pub fn with(self, notes: Vec<String>) -> Self {
        Self { notes, ..self }
    }
}

impl<T: Serialize> From<Reply<T>> for Response {
    fn from(reply: Reply<T>) -> Self {
        match reply {
            Reply::Found(document) => json(StatusCode::OK, &document),
            Reply::Made(document) => json(StatusCode::CREATED, &document),
            Reply::Shown(shown) => with_header(json(StatusCode::OK, &shown), header::ETAG, &shown.etag.quoted()),
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

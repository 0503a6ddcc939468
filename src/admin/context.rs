//! Who asks, and what a handler of the API is given.

use super::document;
use super::error::ApiError;
use super::etag::IfMatch;
use super::patch::Patch;
use crate::authn::Core;
use crate::directory::{Directory, Selection};
use crate::model::error::Rule;
use crate::model::{Actor, Error, Face, Result, Role};
use crate::policy::access::Viewer;
use crate::pool::{Pool, Status};
use crate::web::form::Form;
use crate::web::http::{HeaderMap, Method, header};
use bytes::Bytes;
use serde::de::DeserializeOwned;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

/// What the API works on.
pub struct App {
    /// The core behind it.
    pub core: Arc<Core>,
    /// Where files wait that are being imported.
    pub spool: PathBuf,
}

/// Who came in, as the listener knows.
#[derive(Clone, Debug)]
pub struct Caller(String);

impl Caller {
    /// A process of that user, on the unix socket.
    pub fn unix(user: u32) -> Self {
        Self(format!("uid:{user}"))
    }
}

/// One request to the API.
#[derive(Clone)]
pub struct Context {
    pub(super) app: Arc<App>,
    pub(super) actor: Actor,
    pub(super) query: Form,
    pub(super) body: Bytes,
    if_match: Option<IfMatch>,
}

impl Context {
    pub(super) fn new(app: Arc<App>, caller: &Caller, query: &str, body: Bytes) -> std::result::Result<Self, ApiError> {
        let query = Form::parse(query.as_bytes()).map_err(|error| ApiError(Error::invalid(Rule::Request, error.to_string())))?;
        let actor = Actor { role: Role::Operator, entry: None, name: caller.0.clone(), face: Face::Admin, address: None };
        Ok(Self { app, actor, query, body, if_match: None })
    }

    /// For the state that the header fields name, if they name one. Nothing but a patch looks at
    /// it, and what is not looked at must not be done (RFC 9110, section 13.1.1).
    pub(super) fn on_condition(mut self, method: &Method, headers: &HeaderMap) -> Result<Self> {
        let unreadable = |_| Error::invalid(Rule::Request, "If-Match: it has characters other than visible ASCII");
        let values = headers.get_all(header::IF_MATCH).iter().map(|value| value.to_str().map_err(unreadable));
        let values = values.collect::<Result<Vec<_>>>()?;
        if !values.is_empty() {
            if method != Method::PATCH {
                return Err(Error::invalid(
                    Rule::Request,
                    format!("If-Match: {method} has no condition, only PATCH has; nothing was done"),
                ));
            }
            self.if_match = Some(IfMatch::parse(&values.join(", "))?);
        }
        Ok(self)
    }

    /// The body as the document that the path takes.
    pub fn document<T: DeserializeOwned>(&self) -> Result<T> {
        document::parse(&self.body)
    }

    /// The body as a change of what the path names.
    pub fn patch(&self) -> Result<Patch> {
        Patch::parse(&self.body, self.if_match.clone())
    }

    /// The pool of that slug, unless it is being deleted.
    pub fn pool(&self, slug: &Segment) -> Result<Arc<Pool>> {
        let pool = self.app.core.registry.by_slug(slug.as_str())?;
        pool.filter(|pool| pool.status() != Status::Deleting).ok_or_else(|| no_pool(slug))
    }

    /// How many items a list answers at most: `limit`, 1 to 1,000, 100 if it is not given.
    pub fn limit(&self) -> Result<usize> {
        let Some(text) = self.query.get("limit") else { return Ok(100) };
        let limit = text.parse().ok().filter(|limit| (1..=1000).contains(limit));
        limit.ok_or_else(|| Error::invalid(Rule::Request, format!("limit={text}: must be a number from 1 to 1000")))
    }

    /// What the actor may see.
    pub fn viewer(&self) -> Viewer {
        Viewer { role: self.actor.role, entry: self.actor.entry }
    }
}

/// What is said of a slug that no pool has.
pub fn no_pool(slug: &Segment) -> Error {
    Error::not_found(format!("there is no pool `{}`", slug.as_str()))
}

/// A part of a path, percent-decoded.
#[derive(Clone, Debug)]
pub struct Segment(String);

impl Segment {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Segment {
    type Err = std::str::Utf8Error;

    fn from_str(encoded: &str) -> std::result::Result<Self, Self::Err> {
        let text = percent_encoding::percent_decode_str(encoded).decode_utf8()?;
        Ok(Self(text.into_owned()))
    }
}

/// The attributes of an entry that the API shows: all user attributes and those that say who
/// belongs where.
pub fn shown(directory: &Directory) -> Selection {
    Selection::parse(directory, ["*", "memberOf", "entryUUID", "createTimestamp", "modifyTimestamp", "poolgateAccountDisabled"])
}

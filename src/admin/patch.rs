//! Changes as merge patches (RFC 7396): what a patch leaves out stays, null gives the default back,
//! objects are merged, arrays replaced.
//!
//! A patch may name the state that it was made from by its entity tag, in `If-Match` (RFC 9110,
//! section 13.1.1) or in its own `etag`: then it changes that state or nothing. So whatever is
//! shown can be sent back, whole or in part, and nobody's change is overwritten unseen. Pure.

use super::document;
use super::etag::{ETag, IfMatch};
use crate::model::error::{Clash, Rule};
use crate::model::{Error, Kind, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// The largest patch, in bytes: an entry with all its values or with tens of thousands of members,
/// as it is shown.
pub const MAX_PATCH: usize = 8 << 20;

/// The field by which a patch names the state that it was made from.
const ETAG: &str = "etag";
/// What an answer tells beside the document. A patch that was such an answer may hold it.
const NOTES: &str = "notes";

/// What is shown and can be changed by a patch.
pub trait Document: Serialize + DeserializeOwned {
    /// What one is called in messages.
    const NOUN: &'static str;
    /// Fields that stay as they are; a patch may hold them as they are shown.
    const FIXED: &'static [&'static str];
    /// Fields that are taken and never shown: secrets.
    const UNSHOWN: &'static [&'static str] = &[];
}

/// A merge patch, and the state that it is for.
#[derive(Clone)]
pub struct Patch {
    fields: Map<String, Value>,
    if_match: Option<IfMatch>,
    etag: Option<String>,
}

impl Patch {
    /// Reads the body of a request and its `If-Match`.
    pub fn parse(body: &[u8], if_match: Option<IfMatch>) -> Result<Self> {
        let mut fields = document::object(body)?;
        fields.remove(NOTES);
        let etag = match fields.remove(ETAG) {
            None => None,
            Some(Value::String(etag)) => Some(etag),
            Some(_) => return Err(refused(ETAG, "must be the text that was shown")),
        };
        Ok(Self { fields, if_match, etag })
    }

    /// Whether it names that field, be it to take it away.
    pub fn names(&self, field: &str) -> bool {
        self.fields.contains_key(field)
    }

    /// The field, so that what has names of its own can be put in order before the patch is
    /// applied.
    pub fn field_mut(&mut self, field: &str) -> Option<&mut Value> {
        self.fields.get_mut(field)
    }

    /// The document after the patch; `None` if it changes nothing.
    ///
    /// Fails with `Conflict(Changed)` if the patch is for another state, and with
    /// `Invalid(Request)` on what the document cannot take, with its path.
    pub fn apply<D: Document>(&self, shown: &D, etag: &ETag) -> Result<Option<D>> {
        self.meets::<D>(etag)?;
        let before = as_object(shown)?;
        for field in D::FIXED {
            let there = before.get(*field).unwrap_or(&Value::Null);
            if self.fields.get(*field).is_some_and(|asked| asked != there) {
                return Err(refused(field, &format!("it is {there} and cannot be changed; leave it out or as it is")));
            }
        }
        known(&before, &self.fields, D::UNSHOWN, "")?;
        let mut after = before.clone();
        merge(&mut after, &self.fields);
        let after: D = document::read(Value::Object(after))?;
        let unchanged = as_object(&after)? == before && !D::UNSHOWN.iter().any(|field| self.names(field));
        Ok((!unchanged).then_some(after))
    }

    fn meets<D: Document>(&self, etag: &ETag) -> Result<()> {
        let by_header = self.if_match.as_ref().is_none_or(|wanted| wanted.meets(etag));
        if by_header && self.etag.as_ref().is_none_or(|wanted| wanted == etag.as_str()) {
            return Ok(());
        }
        let message = format!(
            "the {} has changed since it was shown: its ETag is now {}. Nothing was written; look at it again and make the change anew",
            D::NOUN,
            etag.as_str()
        );
        Err(Error::new(Kind::Conflict(Clash::Changed), message))
    }
}

/// MergePatch of RFC 7396, section 2.
fn merge(target: &mut Map<String, Value>, patch: &Map<String, Value>) {
    for (name, value) in patch {
        match value {
            Value::Null => {
                target.remove(name);
            }
            Value::Object(inner) => {
                let slot = target.entry(name.as_str()).or_insert(Value::Null);
                if !slot.is_object() {
                    *slot = Value::Object(Map::new());
                }
                if let Value::Object(slot) = slot {
                    merge(slot, inner);
                }
            }
            value => {
                target.insert(name.clone(), value.clone());
            }
        }
    }
}

/// Refuses what would leave no trace once it is merged: a null for a field that the document has
/// not, and anything but an object in the place of one, since an empty array reads like an object
/// without fields. What is shown names every field.
fn known(shown: &Map<String, Value>, patch: &Map<String, Value>, unshown: &[&str], path: &str) -> Result<()> {
    for (name, value) in patch {
        match (value, shown.get(name)) {
            (Value::Null, None) if !unshown.contains(&name.as_str()) => {
                return Err(refused(&format!("{path}{name}"), "there is no such field"));
            }
            (Value::Object(patch), Some(Value::Object(shown))) => known(shown, patch, &[], &format!("{path}{name}."))?,
            (Value::Null, _) => {}
            (_, Some(Value::Object(_))) => return Err(refused(&format!("{path}{name}"), "must be an object, or null for its default")),
            _ => {}
        }
    }
    Ok(())
}

fn as_object<D: Document>(document: &D) -> Result<Map<String, Value>> {
    match serde_json::to_value(document) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(_) => Err(Error::internal(format!("a {} is shown as something that is no object", D::NOUN))),
        Err(error) => Err(Error::internal(format!("a {} cannot be shown: {error}", D::NOUN))),
    }
}

fn refused(path: &str, why: &str) -> Error {
    Error::invalid(Rule::Request, format!("{path}: {why}"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests;

//! Items of lists. What cannot be read is listed too: it hides nothing else, and it can be deleted
//! by its name.

use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// One item of a list.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Item<T> {
    /// Its document.
    Readable(T),
    /// Why there is none.
    Unreadable(UnreadableItem),
}

/// An item that cannot be read.
#[derive(Debug, Serialize)]
pub struct UnreadableItem {
    /// The fields of the document that say which it is, as far as that is known.
    #[serde(flatten)]
    pub known: BTreeMap<&'static str, Value>,
    /// Why it cannot be read, and how to mend it.
    pub problem: String,
}

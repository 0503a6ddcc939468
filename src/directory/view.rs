//! What a viewer gets to see of an entry, in the form of an LDAP result.

use super::{Directory, Entry, Viewer};
use crate::model::{Attribute, Result};

/// Which attributes are asked for (RFC 4511, section 4.5.1.8).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    user: bool,
}

impl Selection {
    /// All user attributes.
    pub fn user() -> Self {
        Self { user: true }
    }

    /// What a list asks for: empty or `*` all user attributes, `+` all operational ones (RFC 3673), `1.1` none, `@class` those of a class (RFC 4529).
    pub fn parse<'a>(_directory: &Directory, _names: impl IntoIterator<Item = &'a str>) -> Self {
        todo!()
    }
}

impl Directory {
    /// Writes a PartialAttributeList (RFC 4511, section 4.5.2), its SEQUENCE header included: what is selected and what the viewer may read.
    pub fn project(&self, _entry: &Entry, _selection: &Selection, _types_only: bool, _viewer: &Viewer, _out: &mut Vec<u8>) -> Result<()> {
        todo!()
    }

    /// The same as attributes.
    pub fn attributes(&self, _entry: &Entry, _selection: &Selection, _viewer: &Viewer) -> Result<Vec<Attribute>> {
        todo!()
    }

    /// The values of one attribute, whether stored, computed or kept as edges; empty if the viewer may not read it.
    pub fn attribute(&self, _entry: &Entry, _name: &str, _viewer: &Viewer) -> Result<Vec<Vec<u8>>> {
        todo!()
    }

    /// Whether the entry has the value (RFC 4511, section 4.10). Rule::NoSuchAttribute if it has no value that the viewer may read.
    pub fn compare(&self, _entry: &Entry, _name: &str, _value: &[u8], _viewer: &Viewer) -> Result<bool> {
        todo!()
    }
}

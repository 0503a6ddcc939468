//! Three-valued evaluation of a filter against an entry (RFC 4511, section 4.5.1.7): `None` is Undefined. An attribute that the viewer may not read is Undefined,
//! so that nobody learns of it by asking for its opposite.

use super::{Assertion, Filter, Test};
use crate::directory::known::{KNOWN, Source};
use crate::directory::schema::AttributeType;
use crate::directory::{Directory, Entry, Viewer, draft, record, value};
use crate::model::{EntryId, Rdn, Result};
use crate::policy::access;

impl Filter {
    /// Whether the entry satisfies the filter, as far as the viewer may know.
    pub fn evaluate(&self, directory: &Directory, entry: &Entry, viewer: &Viewer) -> Result<Option<bool>> {
        match self {
            Self::And(parts) => {
                let mut all = Some(true);
                for part in parts {
                    match part.evaluate(directory, entry, viewer)? {
                        Some(true) => {}
                        Some(false) => return Ok(Some(false)),
                        None => all = None,
                    }
                }
                Ok(all)
            }
            Self::Or(parts) => {
                let mut any = Some(false);
                for part in parts {
                    match part.evaluate(directory, entry, viewer)? {
                        Some(true) => return Ok(Some(true)),
                        Some(false) => {}
                        None => any = None,
                    }
                }
                Ok(any)
            }
            Self::Not(part) => Ok(part.evaluate(directory, entry, viewer)?.map(|truth| !truth)),
            Self::Undefined => Ok(None),
            Self::Test(test) => test.evaluate(directory, entry, viewer),
        }
    }
}

impl Test {
    fn evaluate(&self, directory: &Directory, entry: &Entry, viewer: &Viewer) -> Result<Option<bool>> {
        let mut truth = Some(false);
        for attribute in &self.attributes {
            if !access::may_filter(viewer, attribute.access, entry.id()) {
                truth = None;
            } else if self.holds(directory, entry, viewer, attribute)? {
                return Ok(Some(true));
            }
        }
        Ok(truth)
    }

    fn holds(&self, directory: &Directory, entry: &Entry, viewer: &Viewer, attribute: &AttributeType) -> Result<bool> {
        let source = Source::of(attribute);
        match (&self.assertion, source) {
            // What is not stored has no options.
            _ if source != Source::Stored && !self.options.is_empty() => Ok(false),
            (Assertion::Names(None), _) => Ok(false),
            (Assertion::Names(Some(target)), _) => names(directory, entry, viewer, attribute, source, *target),
            (Assertion::Present, Source::HasSubordinates) => Ok(true),
            (Assertion::Present, Source::Edges | Source::MemberUid) => directory.names_somebody(entry, attribute.id, source, viewer),
            _ if source != Source::Stored => {
                Ok(directory.derived(entry, attribute, source, viewer)?.iter().any(|value| self.matches(value)))
            }
            _ => Ok(self.stored(directory, entry, attribute)? || self.in_name(directory, entry, attribute)?),
        }
    }

    /// Whether a stored value matches.
    fn stored(&self, directory: &Directory, entry: &Entry, attribute: &AttributeType) -> Result<bool> {
        for (place, slot) in entry.slots().filter(|(_, slot)| slot.attribute == attribute.id) {
            let body = entry.body(&slot);
            let reference = if slot.in_parts { Some(record::spill(body)?) } else { None };
            if !self.options.is_empty() {
                let description = reference.map_or_else(|| record::description(body), |(_, description)| Some(description));
                let options = description.map(draft::options).unwrap_or_default();
                if !self.options.iter().all(|option| options.contains(option)) {
                    continue;
                }
            }
            if matches!(self.assertion, Assertion::Present) {
                return Ok(true);
            }
            let found = match entry.tlv(place, &slot) {
                Some(tlv) => record::values(tlv).any(|value| self.matches(value)),
                None => match directory.complete(entry.clone())? {
                    Some(entry) => return self.stored(directory, &entry, attribute),
                    None => false,
                },
            };
            if found {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether a part of the entry's name matches, where the assertion asks for that.
    fn in_name(&self, directory: &Directory, entry: &Entry, attribute: &AttributeType) -> Result<bool> {
        if !matches!(self.assertion, Assertion::Equal { dn: true, .. }) {
            return Ok(false);
        }
        let Some(dn) = directory.dn(entry.id())? else { return Ok(false) };
        Ok(dn.rdns().iter().flat_map(Rdn::avas).any(|ava| {
            directory.schema.attribute(&ava.attribute).is_some_and(|other| other.id == attribute.id) && self.matches(&ava.value)
        }))
    }

    fn matches(&self, stored: &[u8]) -> bool {
        match &self.assertion {
            Assertion::Present => true,
            Assertion::Names(_) => false,
            Assertion::Equal { rule, normal, .. } => value::normalise(*rule, stored).is_ok_and(|stored| stored == *normal),
            Assertion::AtLeast { rule, key } => value::ordering_key(*rule, stored).is_ok_and(|stored| stored >= *key),
            Assertion::AtMost { rule, key } => value::ordering_key(*rule, stored).is_ok_and(|stored| stored <= *key),
            Assertion::Below { rule, key } => value::ordering_key(*rule, stored).is_ok_and(|stored| stored < *key),
            Assertion::Like { rule, parts } => value::normalise(*rule, stored).is_ok_and(|stored| parts.matches(&stored)),
        }
    }
}

/// Whether a value of an attribute names that entry. What the viewer may not see, no value names.
fn names(
    directory: &Directory,
    entry: &Entry,
    viewer: &Viewer,
    attribute: &AttributeType,
    source: Source,
    target: EntryId,
) -> Result<bool> {
    if !directory.is_visible(target, viewer)? {
        return Ok(false);
    }
    match source {
        Source::EntryDn => Ok(entry.id() == target),
        Source::MemberOf => directory.is_member(target, entry.id()),
        Source::Edges => directory.has_edge(attribute.id, entry.id(), target),
        Source::MemberUid => Ok(directory.has_edge(attribute.id, entry.id(), target)?
            || (entry.has_class("posixGroup") && directory.has_edge(KNOWN.member, entry.id(), target)?)),
        _ => Ok(false),
    }
}

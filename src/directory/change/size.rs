//! How much work a change is, told without doing it: what is much is no work for a thread that
//! serves others meanwhile.

use super::{Modification, ModificationKind, NewEntry};
use crate::directory::Directory;
use crate::directory::known::Source;
use crate::model::{Attribute, EntryId, Result};

/// Octets of values that are much to go over.
const OCTETS: usize = 64 << 10;
/// Values that name entries, each of which is looked for.
const NAMES: usize = 256;
/// Steps of a modify.
const STEPS: usize = 256;

impl Directory {
    /// Whether adding the entry is much work.
    pub fn is_much_to_add(&self, entry: &NewEntry) -> bool {
        self.is_much(entry.attributes.iter(), 0)
    }

    /// Whether the modify is much work, for what it holds or for what the entry holds.
    pub fn is_much_to_modify(&self, id: EntryId, steps: &[Modification]) -> Result<bool> {
        if steps.len() > STEPS {
            return Ok(true);
        }
        let Some(entry) = self.record(id)? else { return Ok(false) };
        if self.is_much(steps.iter().map(|step| &step.attribute), entry.octets_in_parts()) {
            return Ok(true);
        }
        let clears = |step: &Modification| match step.kind {
            ModificationKind::Replace => true,
            ModificationKind::Delete => step.attribute.values.is_empty(),
            ModificationKind::Add | ModificationKind::Increment => false,
        };
        Ok(steps.iter().any(|step| clears(step) && self.names_entries(&step.attribute)) && self.names_many(&entry)?)
    }

    fn is_much<'a>(&self, attributes: impl Iterator<Item = &'a Attribute>, stored: usize) -> bool {
        let (mut octets, mut names) = (stored, 0);
        for attribute in attributes {
            octets += attribute.values.iter().map(Vec::len).sum::<usize>();
            if attribute.values.len() > 1 && self.names_entries(attribute) {
                names += attribute.values.len();
            }
        }
        octets > OCTETS || names > NAMES
    }

    /// Whether the values of an attribute name entries.
    pub fn names_entries(&self, attribute: &Attribute) -> bool {
        let source = self.schema.attribute(&attribute.name).map(Source::of);
        matches!(source, Some(Source::Edges | Source::MemberUid))
    }
}

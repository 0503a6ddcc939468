//! What an entry is, by its object classes.

use super::{Directory, EntryKind, Filter};
use crate::model::Result;

/// The classes that make an entry one of a kind, most telling kind first: a group that is a person
/// too is a group.
const CLASSES: [(EntryKind, &[&str]); 4] = [
    (EntryKind::Service, &["poolgateServiceAccount"]),
    (EntryKind::Group, &["groupOfNames", "groupOfUniqueNames", "posixGroup"]),
    (EntryKind::User, &["person", "account", "posixAccount", "simpleSecurityObject"]),
    (EntryKind::Container, &["organizationalUnit", "organization", "domain", "dcObject", "country", "locality"]),
];

/// The kind of an entry with these object classes, superclasses included.
pub(super) fn of(classes: &[&str]) -> EntryKind {
    let has = |names: &[&str]| classes.iter().any(|class| names.iter().any(|name| name.eq_ignore_ascii_case(class)));
    CLASSES.iter().find(|(_, names)| has(names)).map_or(EntryKind::Other, |(kind, _)| *kind)
}

impl Directory {
    /// Every entry of a kind, and some of kinds that tell more.
    pub fn of_kind(&self, kind: EntryKind) -> Result<Filter> {
        let names = CLASSES.iter().filter(|(of, _)| *of == kind).flat_map(|(_, names)| names.iter());
        names.map(|name| Filter::equality(self, "objectClass", name.as_bytes())).collect::<Result<_>>().map(Filter::Or)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_tells_most_decides() {
        for (classes, kind) in [
            (&["top", "PERSON"][..], EntryKind::User),
            (&["person", "groupOfNames"], EntryKind::Group),
            (&["account", "poolgateServiceAccount", "posixGroup"], EntryKind::Service),
            (&["dcObject", "organization"], EntryKind::Container),
            (&["top"], EntryKind::Other),
            (&[], EntryKind::Other),
        ] {
            assert_eq!(of(classes), kind, "{classes:?}");
        }
    }
}

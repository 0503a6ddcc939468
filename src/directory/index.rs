//! Index terms of an entry: what they are, and the bytes of their keys.
//!
//! A term is put and deleted without being read. Whatever a term names is checked against its entry, so a term may hold less than the value: a hash, a prefix.

use super::draft::Draft;
use super::known::Source;
use super::schema::{AttributeType, Schema};
use super::value::{self, MatchingRule};
use crate::crypto::digest::sha256;
use crate::model::{AttributeId, EntryId};
use crate::store::{Key, Prefix, Term};
use std::collections::BTreeSet;

/// Stands for the parent in the index of children; no attribute has this number. The rows of children by name are in the order of names, and a rename moves
/// them; these are in the order of ids and stay.
pub const PARENT: AttributeId = AttributeId::new(0);

/// Octets of a normalised value that an ordering term holds.
const ORDERED: usize = 64;
/// The longest normalised value that is a key as it is; of a longer one its beginning and its digest are.
const MAX_PLAIN: usize = 128;
/// The same for normalised RDNs.
const MAX_NAME: usize = 256;
const ESCAPED: [u8; 2] = [0, 0xff];
const END: [u8; 2] = [0, 0];
const TRIGRAM: usize = 3;

/// One term: attribute, kind, bytes.
pub type Terms = BTreeSet<(AttributeId, Term, Vec<u8>)>;

/// Every index term of an entry.
pub fn terms(schema: &Schema, entry: &Draft) -> Terms {
    let mut terms = Terms::new();
    for (name, content) in &entry.attributes {
        let Some(attribute) = schema.attribute_by_id(name.attribute) else { continue };
        for value in &content.values {
            add_terms(attribute, value, &mut terms);
        }
    }
    for attribute in schema.attribute_types() {
        let at = match Source::of(attribute) {
            Source::Created => entry.header.created,
            Source::Modified => entry.header.modified,
            _ => continue,
        };
        add_terms(attribute, value::generalized(at).as_bytes(), &mut terms);
    }
    if let Some(parent) = entry.header.parent {
        terms.insert((PARENT, Term::Equality, parent_term(parent).to_vec()));
    }
    terms
}

/// The normalised values of an entry that no other may have.
pub fn unique_values(schema: &Schema, entry: &Draft) -> BTreeSet<(AttributeId, Vec<u8>)> {
    let mut unique = BTreeSet::new();
    for (name, content) in &entry.attributes {
        let Some(attribute) = schema.attribute_by_id(name.attribute).filter(|attribute| attribute.unique) else { continue };
        for value in &content.values {
            unique.extend(unique_value(attribute, value));
        }
    }
    for attribute in schema.attribute_types().iter().filter(|attribute| attribute.unique && Source::of(attribute) == Source::EntryUuid) {
        unique.extend(unique_value(attribute, entry.header.uuid.to_string().as_bytes()));
    }
    unique
}

fn unique_value(attribute: &AttributeType, value: &[u8]) -> Option<(AttributeId, Vec<u8>)> {
    let normal = value::normalise(attribute.equality?, value).ok()?;
    Some((attribute.id, unique_term(&normal)))
}

fn add_terms(attribute: &AttributeType, value: &[u8], terms: &mut Terms) {
    let indexes = attribute.indexes;
    let id = attribute.id;
    if indexes.presence {
        terms.insert((id, Term::Presence, Vec::new()));
    }
    if indexes.equality
        && let Some(rule) = attribute.equality
        && let Ok(normal) = value::normalise(rule, value)
    {
        terms.insert((id, Term::Equality, equality_term(&normal).to_vec()));
    }
    if indexes.ordering
        && let Some(key) = ordering_form(attribute, value)
    {
        terms.insert((id, Term::Ordering, ordering_term(&key)));
    }
    if indexes.substring
        && let Some(rule) = attribute.substr
        && let Ok(normal) = value::normalise(rule, value)
    {
        for trigram in normal.windows(TRIGRAM) {
            terms.insert((id, Term::Trigram, trigram.to_vec()));
        }
    }
}

/// The rule whose order the ordering index of an attribute has.
pub fn ordering_rule(attribute: &AttributeType) -> Option<MatchingRule> {
    attribute.ordering.or(attribute.substr).or(attribute.equality)
}

/// Whether a value that begins with a substring part also has an ordering term that begins with it.
pub fn orders_like_substrings(attribute: &AttributeType) -> bool {
    matches!((attribute.substr, ordering_rule(attribute)), (Some(parts), Some(order)) if parts.shares_form(order))
}

fn ordering_form(attribute: &AttributeType, value: &[u8]) -> Option<Vec<u8>> {
    value::ordering_key(ordering_rule(attribute)?, value).ok()
}

/// The equality term of a normalised value.
pub fn equality_term(normal: &[u8]) -> [u8; 8] {
    let [a, b, c, d, e, f, g, h, ..] = sha256(normal);
    [a, b, c, d, e, f, g, h]
}

/// The ordering term of an ordering key. Terms are in the order of the keys, as far as a term holds them: the end of a term sorts before any octet.
pub fn ordering_term(key: &[u8]) -> Vec<u8> {
    let mut term = ordering_start(key);
    term.extend_from_slice(&END);
    term
}

/// What the ordering terms of all keys begin with that begin with these octets.
pub fn ordering_start(key: &[u8]) -> Vec<u8> {
    let mut start = Vec::with_capacity(key.len().min(ORDERED) + END.len());
    for octet in key.iter().take(ORDERED) {
        match octet {
            0 => start.extend_from_slice(&ESCAPED),
            octet => start.push(*octet),
        }
    }
    start
}

/// The key of a unique normalised value.
pub fn unique_term(normal: &[u8]) -> Vec<u8> {
    bounded(normal, MAX_PLAIN)
}

/// The key of a normalised RDN.
pub fn name_term(normal: &[u8]) -> Vec<u8> {
    bounded(normal, MAX_NAME)
}

/// The term of the children of an entry.
pub fn parent_term(parent: EntryId) -> [u8; 8] {
    parent.get().to_be_bytes()
}

/// The key of a term of an entry.
pub fn key((attribute, kind, term): &(AttributeId, Term, Vec<u8>), id: EntryId) -> Key {
    Key::index(*attribute, *kind, term, id)
}

/// The rows of the children of an entry, in the order of their ids.
pub fn children(parent: EntryId) -> Prefix {
    Prefix::index(PARENT, Term::Equality, &parent_term(parent))
}

/// The trigrams of a normalised part of a substring assertion.
pub fn trigrams(part: &[u8]) -> impl Iterator<Item = &[u8]> {
    part.windows(TRIGRAM)
}

fn bounded(normal: &[u8], limit: usize) -> Vec<u8> {
    match normal.get(..limit) {
        Some(start) if normal.len() > limit => [start, &sha256(normal)].concat(),
        _ => normal.to_vec(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn long_values_have_bounded_keys_that_differ() {
        let long = vec![b'a'; 5000];
        let mut other = long.clone();
        other.push(b'b');
        assert!(unique_term(&long).len() < 200);
        assert_ne!(unique_term(&long), unique_term(&other));
        assert_eq!(unique_term(b"alice"), b"alice");
    }

    proptest! {
        #[test]
        fn ordering_terms_are_in_the_order_of_the_keys(left in prop::collection::vec(0u8..4, 0..6), right in prop::collection::vec(0u8..4, 0..6)) {
            // Rows hold an id after the term, which must not disturb the order.
            let row = |key: &[u8], id: u8| [ordering_term(key), vec![id; 8]].concat();
            if left < right {
                prop_assert!(row(&left, 255) < row(&right, 0));
            }
            prop_assert!(ordering_term(&[left.clone(), right.clone()].concat()).starts_with(&ordering_start(&left)));
        }

        #[test]
        fn long_keys_are_never_out_of_order(left in "[ab]{60,70}", right in "[ab]{60,70}") {
            if left <= right {
                prop_assert!(ordering_term(left.as_bytes()) <= ordering_term(right.as_bytes()) || left.as_bytes()[..60] == right.as_bytes()[..60]);
            }
        }
    }
}

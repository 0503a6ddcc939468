//! Index terms of an entry: what they are, and the bytes of their keys.
//!
//! A term is put and deleted without being read. Whatever a term names is checked against its
//! entry, so a term may hold less than the value: a hash, a prefix.

use super::draft::Draft;
use super::known::KNOWN;
use super::schema::{AttributeType, Schema};
use super::value::{self, MatchingRule};
use crate::crypto::digest::sha256;
use crate::model::{AttributeId, EntryId};
use crate::store::{Key, Prefix, Term};
use std::collections::BTreeSet;

/// Stands for the parent in the index of children; no attribute has this number. The rows of
/// children by name are in the order of names, and a rename moves them; these are in the order of
/// ids and stay.
pub const PARENT: AttributeId = AttributeId::new(0);

/// Octets of a normalised value that an ordering term holds.
const ORDERED: usize = 64;
/// Seconds of moments that share an ordering term, a power of two. An entry that is changed again
/// that soon keeps its terms; who asks for a moment looks at all that were within as many seconds
/// of it.
const SHARED_SECONDS: u8 = 16;
/// The longest normalised value that is a key as it is; of a longer one its beginning and its
/// digest are.
const MAX_PLAIN: usize = 128;
/// The same for normalised RDNs.
const MAX_NAME: usize = 256;
const ESCAPED: [u8; 2] = [0, 0xff];
const END: [u8; 2] = [0, 0];
const TRIGRAM: usize = 3;

/// The longest term or unique value: a beginning and a digest, or an ordering term of zeros alone.
/// Bytes.
const MAX_TERM: usize = MAX_PLAIN + 32;
const _: () = assert!(2 * ORDERED + END.len() <= MAX_TERM, "an ordering term must not be longer");
/// An octet of a value becomes so many at most where it is normalised: a letter of three may become
/// eighteen of two.
const EXPANSION: usize = 12;

/// Values that no other entry may have: attribute, bytes.
pub type Unique = BTreeSet<(AttributeId, Vec<u8>)>;

/// One term: attribute, kind, bytes.
pub type Terms = BTreeSet<(AttributeId, Term, Vec<u8>)>;

/// The attributes by which an entry is found otherwise than it was, [`PARENT`] among them. Where
/// all others are is told by the same terms as before.
pub fn differing(before: &Draft, after: &Draft) -> BTreeSet<AttributeId> {
    let changed = |(name, content), other: &Draft| (other.attributes.get(name) != Some(content)).then_some(name.attribute);
    let (old, new) = (&before.header, &after.header);
    let of_header = [
        (KNOWN.entry_uuid, old.uuid != new.uuid),
        (KNOWN.created, old.created != new.created),
        (KNOWN.modified, old.modified != new.modified),
        (PARENT, old.parent != new.parent),
    ];
    let of_header = of_header.into_iter().filter(|(_, differs)| *differs).map(|(attribute, _)| attribute);
    let gone = before.attributes.iter().filter_map(|named| changed(named, after));
    let come = after.attributes.iter().filter_map(|named| changed(named, before));
    of_header.chain(gone).chain(come).collect()
}

/// The index terms of an entry, of those attributes for which they are wanted.
pub fn terms(schema: &Schema, entry: &Draft, wanted: impl Fn(AttributeId) -> bool) -> Terms {
    let mut terms = Terms::new();
    each_value(schema, entry, &wanted, |attribute, value| add_terms(attribute, value, &mut terms));
    if let Some(parent) = entry.header.parent.filter(|_| wanted(PARENT)) {
        terms.insert((PARENT, Term::Equality, parent_term(parent).to_vec()));
    }
    terms
}

/// The normalised values of an entry that no other may have, of those attributes for which they are
/// wanted.
pub fn unique_values(schema: &Schema, entry: &Draft, wanted: impl Fn(AttributeId) -> bool) -> Unique {
    let mut unique = Unique::new();
    each_value(schema, entry, &wanted, |attribute, value| {
        if attribute.unique {
            unique.extend(unique_value(attribute, value));
        }
    });
    unique
}

/// The most octets that the terms and the unique values of an entry have, `row` for each of them
/// included. Told without making them: more than it is, by far.
pub fn most_octets(schema: &Schema, entry: &Draft, row: usize) -> usize {
    let mut octets = row + size_of::<EntryId>();
    each_value(schema, entry, &|_| true, |attribute, value| {
        let indexes = attribute.indexes;
        let normal = value.len().saturating_mul(EXPANSION);
        let trigrams = if indexes.substring { normal.saturating_mul(TRIGRAM + row) } else { 0 };
        let others = [indexes.presence, indexes.equality, indexes.ordering, attribute.unique].into_iter().filter(|kept| *kept).count();
        octets = octets.saturating_add(trigrams).saturating_add(others * (MAX_TERM + row));
    });
    octets
}

/// Goes over the values by which an entry may be found: those of its record, and those of its
/// header.
fn each_value(schema: &Schema, entry: &Draft, wanted: &impl Fn(AttributeId) -> bool, mut found: impl FnMut(&AttributeType, &[u8])) {
    for (name, content) in entry.attributes.iter().filter(|(name, _)| wanted(name.attribute)) {
        let Some(attribute) = schema.attribute_by_id(name.attribute) else { continue };
        content.values().for_each(|value| found(attribute, value));
    }
    let header = &entry.header;
    let mut of_header = |id: AttributeId, value: &dyn Fn() -> String| {
        if let Some(attribute) = schema.attribute_by_id(id).filter(|_| wanted(id)) {
            found(attribute, value().as_bytes());
        }
    };
    of_header(KNOWN.entry_uuid, &|| header.uuid.to_string());
    of_header(KNOWN.created, &|| value::generalized(header.created));
    of_header(KNOWN.modified, &|| value::generalized(header.modified));
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
        && let Some(rule) = ordering_rule(attribute)
        && let Ok(key) = value::ordering_key(rule, value)
    {
        terms.insert((id, Term::Ordering, ordering_term(rule, &key)));
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

/// Whether values that are equal have one ordering term. Long ones that are not may share it, as
/// they may share any term.
pub fn orders_like_equality(attribute: &AttributeType) -> bool {
    let forms = attribute.equality.zip(ordering_rule(attribute));
    attribute.indexes.ordering && forms.is_some_and(|(equality, order)| equality.shares_form(order))
}

/// What an ordering term holds of a key.
fn held(rule: MatchingRule, key: &[u8]) -> Vec<u8> {
    match key.first_chunk::<8>() {
        // A moment begins with its seconds.
        Some([seconds @ .., last]) if rule.is_of_time() => [seconds.as_slice(), &[last & !(SHARED_SECONDS - 1)]].concat(),
        _ => key.iter().take(ORDERED).copied().collect(),
    }
}

/// Seconds of values that share an ordering term; none if every second has its own, or a value is
/// no moment.
pub fn shared_seconds(attribute: &AttributeType) -> Option<u8> {
    let is_of_time = attribute.indexes.ordering && ordering_rule(attribute).is_some_and(MatchingRule::is_of_time);
    is_of_time.then_some(SHARED_SECONDS)
}

/// The equality term of a normalised value.
pub fn equality_term(normal: &[u8]) -> [u8; 8] {
    let [a, b, c, d, e, f, g, h, ..] = sha256(normal);
    [a, b, c, d, e, f, g, h]
}

/// The ordering term of an ordering key. Terms are in the order of the keys, as far as a term holds
/// them: the end of a term sorts before any octet.
pub fn ordering_term(rule: MatchingRule, key: &[u8]) -> Vec<u8> {
    let mut term = ordering_start(rule, key);
    term.extend_from_slice(&END);
    term
}

/// What the ordering terms of all keys begin with that begin with these octets.
pub fn ordering_start(rule: MatchingRule, key: &[u8]) -> Vec<u8> {
    let held = held(rule, key);
    let mut start = Vec::with_capacity(held.len() + END.len());
    for octet in held {
        match octet {
            0 => start.extend_from_slice(&ESCAPED),
            octet => start.push(octet),
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
    use crate::directory::draft::Name;
    use crate::directory::record::Header;
    use crate::directory::{EntryKind, SUFFIX};
    use crate::model::Timestamp;
    use proptest::prelude::*;
    use uuid::Uuid;

    const RULE: MatchingRule = MatchingRule::OctetStringOrderingMatch;

    #[test]
    fn moments_share_a_term_for_a_short_while_and_are_in_order() {
        let term = |moment: &str| {
            let rule = MatchingRule::GeneralizedTimeOrderingMatch;
            ordering_term(rule, &value::ordering_key(rule, moment.as_bytes()).unwrap())
        };
        assert_eq!(term("20210101041424Z"), term("20210101041439.9Z"));
        assert!(term("20210101041423Z") < term("20210101041424Z") && term("20210101041439Z") < term("20210101041440Z"));
        assert!(term("19691231235959Z") < term("19700101000000Z"));
    }

    #[test]
    fn long_values_have_bounded_keys_that_differ() {
        let long = vec![b'a'; 5000];
        let mut other = long.clone();
        other.push(b'b');
        assert!(unique_term(&long).len() < 200);
        assert_ne!(unique_term(&long), unique_term(&other));
        assert_eq!(unique_term(b"alice"), b"alice");
    }

    #[test]
    fn no_character_grows_by_more_than_is_reckoned_with() {
        for character in '\0'..='\u{2ffff}' {
            let text = format!("a {character} a");
            let normal = value::normalise(MatchingRule::CaseIgnoreMatch, text.as_bytes()).unwrap_or_default();
            assert!(normal.len() <= EXPANSION * text.len() && normal.len() <= 4 + EXPANSION * character.len_utf8(), "{character:?}");
        }
    }

    /// An entry with these values of uid, cn and description.
    fn entry(values: &[String]) -> Draft {
        let now = Timestamp::from_seconds(1);
        let mut draft = Draft::new(Header {
            parent: Some(SUFFIX),
            uuid: Uuid::nil(),
            kind: EntryKind::User,
            created: now,
            modified: now,
            creator: String::new(),
            modifier: String::new(),
            rdn: "uid=a".to_owned(),
            node: 0,
            links: BTreeSet::new(),
            changes: 0,
        });
        for name in ["uid", "cn", "description"] {
            let attribute = Schema::builtin().attribute(name).unwrap();
            let values: Vec<_> = values.iter().map(|value| value.clone().into_bytes()).collect();
            draft.set(attribute, Name { attribute: attribute.id, options: String::new() }, &values);
        }
        draft
    }

    proptest! {
        #[test]
        fn octets_are_never_more_than_reckoned(values in prop::collection::vec("\\PC{0,40}", 0..6), row in 0usize..60) {
            let entry = entry(&values);
            let terms = terms(Schema::builtin(), &entry, |_| true);
            let unique = unique_values(Schema::builtin(), &entry, |_| true);
            let octets = terms.iter().map(|(_, _, term)| term.len() + row).chain(unique.iter().map(|(_, value)| value.len() + row));
            prop_assert!(octets.sum::<usize>() <= most_octets(Schema::builtin(), &entry, row));
        }

        #[test]
        fn what_differs_tells_all_that_terms_differ_by(before in prop::collection::vec("[a-c]{1,4}", 0..4), after in prop::collection::vec("[a-c]{1,4}", 0..4)) {
            let schema = Schema::builtin();
            let (before, mut after) = (entry(&before), entry(&after));
            after.header.modified = Timestamp::from_seconds(i64::try_from(after.attributes.len()).unwrap());
            let differing = differing(&before, &after);
            let of = |draft: &Draft, wanted: &dyn Fn(AttributeId) -> bool| terms(schema, draft, wanted);
            let gone = |wanted: &dyn Fn(AttributeId) -> bool| &of(&before, wanted) - &of(&after, wanted);
            let come = |wanted: &dyn Fn(AttributeId) -> bool| &of(&after, wanted) - &of(&before, wanted);
            let differs = |attribute| differing.contains(&attribute);
            prop_assert_eq!((gone(&differs), come(&differs)), (gone(&|_| true), come(&|_| true)));
        }

        #[test]
        fn ordering_terms_are_in_the_order_of_the_keys(left in prop::collection::vec(0u8..4, 0..6), right in prop::collection::vec(0u8..4, 0..6)) {
            // Rows hold an id after the term, which must not disturb the order.
            let row = |key: &[u8], id: u8| [ordering_term(RULE, key), vec![id; 8]].concat();
            if left < right {
                prop_assert!(row(&left, 255) < row(&right, 0));
            }
            prop_assert!(ordering_term(RULE, &[left.clone(), right.clone()].concat()).starts_with(&ordering_start(RULE, &left)));
        }

        #[test]
        fn long_keys_are_never_out_of_order(left in "[ab]{60,70}", right in "[ab]{60,70}") {
            if left <= right {
                prop_assert!(ordering_term(RULE, left.as_bytes()) <= ordering_term(RULE, right.as_bytes()) || left.as_bytes()[..60] == right.as_bytes()[..60]);
            }
        }
    }
}

//! How much an entry may hold, and how much of that its own person may fill. What is left is for
//! the server and for administrators: whoever fills their own entry can still be disabled, renamed
//! and put into groups.

use crate::directory::draft::{Draft, Name};
use crate::directory::index;
use crate::directory::known::KNOWN;
use crate::directory::record::{MAX_ACTOR, MAX_ENTRY, MAX_FILLED, MAX_RECORD, PART, Room, least_of};
use crate::directory::schema::Schema;
use crate::model::error::Rule;
use crate::model::{Error, Result};
use crate::policy::access;

use super::check::MAX_RDN;

/// Options of one description that somebody may write of their own entry.
pub const MAX_OWN_OPTIONS: usize = 2;
/// The longest option that they may write. Bytes; `lang-zh-hant-tw` has 15.
pub const MAX_OWN_OPTION: usize = 20;
/// Descriptions of profile attributes, with options and without, that the own entry may hold.
pub const MAX_OWN_DESCRIPTIONS: usize = 48;
/// Values of one description.
pub const MAX_OWN_VALUES: usize = 64;
/// Octets of all rows of the own entry, as [`MAX_ENTRY`] counts them.
pub const MAX_OWN_ENTRY: usize = MAX_ENTRY - RESERVED_ENTRY;

/// Octets of all rows that are kept for what others write: the longest RDN alone has a thousand
/// index terms.
const RESERVED_ENTRY: usize = 128 << 10;
/// Attributes that others can add to the record of an entry which its person has filled:
/// poolgateAccountDisabled, uid, mail, those of a POSIX account and more.
const RESERVED_ATTRIBUTES: usize = 16;
/// The longest name of an attribute in the schema. Bytes.
const LONGEST_NAME: usize = 32;
/// The longest uid, as the schema says. Bytes.
const LONGEST_UID: usize = 256;
/// Attributes whose values are edges, at most.
const LINKS: usize = 32;
/// Octets of what a header holds beside text and links.
const HEADER: usize = 96;
/// Octets of a record that are kept for a header whose every text but the creator is as long as it
/// can be, and for attributes that others add.
const RESERVED_RECORD: usize =
    HEADER + MAX_ACTOR + MAX_RDN + LONGEST_UID + LINKS * size_of::<u16>() + RESERVED_ATTRIBUTES * least_of(LONGEST_NAME);

/// What a row takes beside the bytes that vary: the rest of its key, and what the store adds.
const ROW: usize = 48;

const _: () = assert!(
    RESERVED_RECORD + MAX_ACTOR + access::PROFILE.len() * least_of(LONGEST_NAME) <= MAX_FILLED,
    "everybody can write each profile attribute once, whatever the names of those who made the entry"
);
const _: () = assert!(
    MAX_FILLED + least_of(LONGEST_NAME) + 16 <= MAX_RECORD,
    "the flag and the attribute that disable fit into a record that is filled; 16 octets are those of the count of changes, the flag and their keys"
);

/// Judges the size of an entry that is new. Rule::Constraint if its rows are over [`MAX_ENTRY`].
pub fn check_new(schema: &Schema, entry: &Draft) -> Result<()> {
    check_octets(schema, None, entry, MAX_ENTRY)
}

/// The same of an entry that is changed. One that is over the limit may become smaller.
pub fn check(schema: &Schema, before: &Draft, after: &Draft) -> Result<()> {
    check_octets(schema, Some(before), after, MAX_ENTRY)
}

/// The same of an entry that its own person changes. Rule::Constraint for what would leave others
/// no room, and for what is over another limit; what was written under wider limits can be made
/// smaller.
pub fn check_own(schema: &Schema, before: &Draft, after: &Draft, written: &[Name]) -> Result<()> {
    for name in written {
        check_description(schema, before, after, name)?;
    }
    let descriptions = |draft: &Draft| draft.attributes.keys().filter(|name| is_profile(schema, name)).count();
    let count = descriptions(after);
    if count > MAX_OWN_DESCRIPTIONS && count > descriptions(before) {
        return Err(refused(format!(
            "the profile would have {count} attributes, those with options counted one by one, over the limit of {MAX_OWN_DESCRIPTIONS}: delete some first"
        )));
    }
    let wanted = RESERVED_RECORD + after.header.creator.len() + after.least();
    if wanted > MAX_FILLED && after.least() > before.least() {
        return Err(refused(format!(
            "the entry has {} octets too many of names of attributes and options: delete attributes first, or write fewer options",
            wanted - MAX_FILLED
        )));
    }
    check_octets(schema, Some(before), after, MAX_OWN_ENTRY)
}

/// How far the record may be filled: what makes an entry no fuller fits always.
pub fn of_change(before: &Draft, after: &Draft) -> Room {
    let filled = |draft: &Draft| draft.least() + draft.header.rdn.len() + draft.header.links.len() * size_of::<u16>();
    if filled(after) > filled(before) { Room::Filled } else { Room::Brim }
}

fn check_description(schema: &Schema, before: &Draft, after: &Draft, name: &Name) -> Result<()> {
    let Some(content) = after.attributes.get(name) else { return Ok(()) };
    let known = before.attributes.get(name);
    let shown = || schema.attribute_by_id(name.attribute).map_or("an attribute", |attribute| attribute.name());
    let options = || name.options.split(';').skip(1);
    if known.is_none() && (options().count() > MAX_OWN_OPTIONS || options().any(|option| option.len() > MAX_OWN_OPTION)) {
        return Err(refused(format!(
            "{}{} has more options, or a longer one, than people may write of themselves: {MAX_OWN_OPTIONS} of {MAX_OWN_OPTION} bytes",
            shown(),
            name.options
        )));
    }
    let count = content.values().count();
    if count > MAX_OWN_VALUES && count > known.map_or(0, |known| known.values().count()) {
        return Err(refused(format!("{}{} would have {count} values, over the limit of {MAX_OWN_VALUES}", shown(), name.options)));
    }
    Ok(())
}

fn is_profile(schema: &Schema, name: &Name) -> bool {
    schema.attribute_by_id(name.attribute).is_some_and(|attribute| access::is_profile(attribute.name()))
}

fn check_octets(schema: &Schema, before: Option<&Draft>, after: &Draft, limit: usize) -> Result<()> {
    // To tell exactly is to make all terms. Few entries come near the limit.
    let stored = stored_octets(after);
    if stored.saturating_add(index::most_octets(schema, after, ROW)) <= limit {
        return Ok(());
    }
    let octets = stored + indexed_octets(schema, after);
    if octets <= limit || before.is_some_and(|before| octets <= stored_octets(before) + indexed_octets(schema, before)) {
        return Ok(());
    }
    Err(refused(format!(
        "the entry would take {octets} bytes, its index included, over the limit of {limit}: give it fewer or smaller values"
    )))
}

/// Octets of the record at its longest, and of all attributes as if they lay in parts: where they
/// do lie changes with what is beside them. What disables is not counted, so that no entry is too
/// full for it.
fn stored_octets(entry: &Draft) -> usize {
    let counted = entry.attributes.iter().filter(|(name, _)| name.attribute != KNOWN.disabled);
    MAX_RECORD + counted.map(|(_, content)| content.octets() + content.octets().div_ceil(PART) * ROW).sum::<usize>()
}

fn indexed_octets(schema: &Schema, entry: &Draft) -> usize {
    let counted = |attribute| attribute != KNOWN.disabled;
    let terms: usize = index::terms(schema, entry, counted).iter().map(|(_, _, term)| term.len() + ROW).sum();
    let unique: usize = index::unique_values(schema, entry, counted).iter().map(|(_, value)| value.len() + ROW).sum();
    terms + unique
}

fn refused(message: String) -> Error {
    Error::invalid(Rule::Constraint, message)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests;

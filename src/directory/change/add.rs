//! Adding an entry.

use super::attribute::{self, Values};
use super::{NewEntry, check, edges::Edges, room, write};
use crate::directory::draft::Draft;
use crate::directory::known::Source;
use crate::directory::record::{Header, Room};
use crate::directory::schema::{AttributeType, Schema};
use crate::directory::{Directory, EntryKind, SUFFIX, Viewer, value};
use crate::model::entropy::random;
use crate::model::error::Rule;
use crate::model::{Actor, Attribute, Dn, Entropy, EntryId, Error, Rdn, Result, Role, Timestamp};
use crate::policy::access;
use crate::store::{Changes, Key};
use std::collections::BTreeMap;
use uuid::Uuid;

/// Entry ids begin with the milliseconds since 2020-01-01T00:00:00Z.
const EPOCH_MILLISECONDS: i64 = 1_577_836_800_000;
/// Random bits that an entry id ends with.
const RANDOM_BITS: u32 = 22;

/// Where an entry is put, and as what.
pub struct Place<'a> {
    pub id: EntryId,
    pub parent: Option<EntryId>,
    pub parent_dn: &'a Dn,
    pub rdn: &'a Rdn,
}

pub fn add(
    directory: &Directory,
    changes: &mut Changes,
    entry: NewEntry,
    actor: &Actor,
    now: Timestamp,
    entropy: &dyn Entropy,
) -> Result<EntryId> {
    let viewer = Viewer::of(actor);
    let below = directory.below_suffix(&entry.dn)?.ok_or_else(|| Error::not_found("the name does not lie under the suffix of the pool"))?;
    let Some(rdn) = below.first() else {
        directory.locate(&entry.dn, &viewer)?;
        return Err(Error::exists("the suffix exists"));
    };
    let parent_dn = entry.dn.parent().unwrap_or_default();
    let parent = directory.locate(&parent_dn, &viewer)?;
    access::may_arrange(&viewer)?;
    let id = new_id(now, entropy);
    changes.expect_present(Key::entry(parent.id()));
    let place = Place { id, parent: Some(parent.id()), parent_dn: &parent_dn, rdn };
    insert(directory, changes, &place, &entry.attributes, actor, now, entropy)?;
    Ok(id)
}

/// Checks the entry and fills the changes. The parent has been looked at.
pub fn insert(
    directory: &Directory,
    changes: &mut Changes,
    place: &Place<'_>,
    attributes: &[Attribute],
    actor: &Actor,
    now: Timestamp,
    entropy: &dyn Entropy,
) -> Result<()> {
    let viewer = Viewer::of(actor);
    let uuid = uuid::Builder::from_random_bytes(random(entropy)).into_uuid();
    let mut draft = blank(directory.schema, place, actor, uuid, now)?;
    let mut edges = Edges::new(directory, place.id, &viewer);
    fill(directory.schema, &mut draft, place, attributes, actor, &mut |kind, values| edges.add(kind, values))?;
    write::insert(directory, changes, place.id, &draft, &edges, now)
}

/// Judges what can be judged without looking at other entries: the name, the values, the object
/// classes, the size. Answers what the entry would be.
pub fn check(directory: &Directory, entry: &NewEntry, actor: &Actor) -> Result<EntryKind> {
    let rdn = entry.dn.rdn().ok_or_else(|| Error::invalid(Rule::Naming, "the root cannot be added"))?;
    let parent_dn = entry.dn.parent().unwrap_or_default();
    // As long in the record as any that can come in their place.
    let place = Place { id: SUFFIX, parent: Some(EntryId::new(u64::MAX)), parent_dn: &parent_dn, rdn };
    let now = Timestamp::from_micros(i64::MAX);
    let mut draft = blank(directory.schema, &place, actor, Uuid::nil(), now)?;
    draft.header.changes = u32::MAX;
    fill(directory.schema, &mut draft, &place, &entry.attributes, actor, &mut |kind, values| {
        values.iter().try_for_each(|value| kind.check_value(value))
    })?;
    room::check_new(directory.schema, &draft)?;
    draft.encode(now, Room::Filled)?;
    Ok(draft.header.kind)
}

fn blank(schema: &Schema, place: &Place<'_>, actor: &Actor, uuid: Uuid, now: Timestamp) -> Result<Draft> {
    Ok(Draft::new(Header {
        parent: place.parent,
        uuid,
        kind: EntryKind::Other,
        created: now,
        modified: now,
        creator: actor.name.clone(),
        modifier: actor.name.clone(),
        rdn: check::rdn_text(schema, place.rdn, place.parent_dn)?,
        node: 0,
        links: std::collections::BTreeSet::new(),
        changes: 0,
    }))
}

/// Takes the values of an attribute that are edges.
type Link<'a> = dyn FnMut(&AttributeType, &[Vec<u8>]) -> Result<()> + 'a;

/// Checks the attributes and takes them over; `link` gets those whose values are edges.
fn fill(schema: &Schema, draft: &mut Draft, place: &Place<'_>, attributes: &[Attribute], actor: &Actor, link: &mut Link<'_>) -> Result<()> {
    let viewer = Viewer::of(actor);
    let mut linked = Vec::new();
    let mut named: BTreeMap<_, (_, Values)> = BTreeMap::new();
    for attribute in attributes {
        let (kind, name) = attribute::describe(schema, &attribute.name)?;
        if actor.role == Role::Operator && keep(&mut draft.header, Source::of(kind), attribute)? {
            continue;
        }
        attribute::may_write(&viewer, kind, place.id)?;
        if attribute.values.is_empty() {
            return Err(Error::invalid(Rule::Constraint, format!("{} is named without a value", kind.name())));
        }
        match Source::of(kind) {
            Source::Edges | Source::MemberUid => {
                link(kind, &attribute.values)?;
                linked.push(kind.id);
            }
            _ => named.entry(name).or_insert_with(|| (kind, Values::default())).1.add(kind, &attribute.values)?,
        }
    }
    named.into_iter().for_each(|(name, (kind, values))| draft.set(kind, name, &values.into_values()));
    draft.header.links.extend(linked.iter().copied());
    check::add_rdn_values(schema, draft, place.rdn)?;
    check::complete(schema, draft, &linked)
}

/// An id that grows with time; chance keeps ids of the same millisecond apart, and the commit
/// expects that nobody has it.
pub fn new_id(now: Timestamp, entropy: &dyn Entropy) -> EntryId {
    let chance = u32::from_be_bytes(random(entropy)) >> (u32::BITS - RANDOM_BITS);
    EntryId::new((milliseconds(now) << RANDOM_BITS) | u64::from(chance))
}

fn milliseconds(now: Timestamp) -> u64 {
    now.micros().div_euclid(1000).saturating_sub(EPOCH_MILLISECONDS).max(1).unsigned_abs()
}

/// Takes over what the server keeps about an entry, from an export of it; whether the attribute is
/// of that sort.
fn keep(header: &mut Header, source: Source, attribute: &Attribute) -> Result<bool> {
    let only = || match attribute.values.as_slice() {
        [value] => Some(value.as_slice()),
        _ => None,
    };
    let text = || only().and_then(|value| std::str::from_utf8(value).ok());
    let moment = || only().and_then(value::timestamp);
    let required = |parsed: Option<()>| {
        parsed.ok_or_else(|| Error::invalid(Rule::Syntax, format!("{} must have one value of its syntax", attribute.name)))
    };
    match source {
        Source::EntryUuid => required(text().and_then(|text| Uuid::parse_str(text).ok()).map(|uuid| header.uuid = uuid))?,
        Source::Created => required(moment().map(|at| header.created = at))?,
        Source::Modified => required(moment().map(|at| header.modified = at))?,
        Source::Creator => required(text().map(|name| header.creator = name.to_owned()))?,
        Source::Modifier => required(text().map(|name| header.modifier = name.to_owned()))?,
        _ => return Ok(false),
    }
    Ok(true)
}

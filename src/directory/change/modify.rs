//! Modifying an entry.

use super::attribute::{self, Values};
use super::{Modification, ModificationKind, check, edges::Edges, room, write};
use crate::directory::draft::{Content, Draft};
use crate::directory::known::Source;
use crate::directory::schema::AttributeType;
use crate::directory::value::Syntax;
use crate::directory::{Directory, Viewer, value};
use crate::model::error::Rule;
use crate::model::{Actor, Attribute, EntryId, Error, Result, Role, Timestamp};
use crate::store::Changes;
use std::collections::BTreeMap;

pub fn modify(
    directory: &Directory,
    changes: &mut Changes,
    id: EntryId,
    steps: &[Modification],
    actor: &Actor,
    now: Timestamp,
) -> Result<()> {
    change(directory, changes, id, steps, actor, Some(now), now)
}

/// Adds values that name other entries, and leaves it at that: who has modified the entry, and
/// when, stays as it is. For an import, which adds an entry before those that it names.
pub fn link(directory: &Directory, changes: &mut Changes, id: EntryId, links: &Attribute, actor: &Actor, now: Timestamp) -> Result<()> {
    if actor.role != Role::Operator {
        return Err(Error::not_allowed("only the operator adds links without modifying the entry"));
    }
    let (kind, _) = attribute::describe(directory.schema, &links.name)?;
    if !matches!(Source::of(kind), Source::Edges | Source::MemberUid) {
        return Err(Error::invalid(Rule::Request, format!("the values of {} name no entries", kind.name())));
    }
    let step = Modification { kind: ModificationKind::Add, attribute: links.clone() };
    change(directory, changes, id, &[step], actor, None, now)
}

fn change(
    directory: &Directory,
    changes: &mut Changes,
    id: EntryId,
    steps: &[Modification],
    actor: &Actor,
    modified: Option<Timestamp>,
    now: Timestamp,
) -> Result<()> {
    let schema = directory.schema;
    let viewer = Viewer::of(actor);
    let entry = directory.visible(id, &viewer)?;
    if steps.is_empty() {
        return Ok(());
    }
    let before = Draft::of(&entry)?;
    let mut after = before.clone();
    let mut edges = Edges::new(directory, id, &viewer);
    let mut touched = BTreeMap::new();
    for step in steps {
        let (kind, name) = attribute::describe(schema, &step.attribute.name)?;
        attribute::may_write(&viewer, kind, id)?;
        match Source::of(kind) {
            Source::Edges | Source::MemberUid => step_of_edges(&mut edges, kind, step)?,
            _ => {
                let (_, values) = touched.entry(name).or_insert_with_key(|name| {
                    let content = after.attributes.remove(name);
                    (kind, Values::of(content.iter().flat_map(Content::values).map(<[u8]>::to_vec).collect()))
                });
                step_of_values(values, kind, step)?;
            }
        }
    }
    let written: Vec<_> = touched.keys().cloned().collect();
    touched.into_iter().for_each(|(name, (kind, values))| after.set(kind, name, &values.into_values()));
    after.header.links.extend(edges.added_attributes());
    let mut linked = Vec::new();
    for attribute in after.header.links.clone() {
        if edges.remains(attribute)? {
            linked.push(attribute);
        } else {
            after.header.links.remove(&attribute);
        }
    }
    check::holds_rdn(schema, &after)?;
    check::same_structure(schema, &before, &after)?;
    check::complete(schema, &mut after, &linked)?;
    if viewer.is_administrator() {
        room::check(schema, &before, &after)?;
    } else {
        room::check_own(schema, &before, &after, &written)?;
    }
    match modified {
        Some(at) => after.touch(actor, at),
        // entryCSN tells this version from the one before.
        None => after.header.changes = after.header.changes.wrapping_add(1),
    }
    write::replace(directory, changes, &entry, (&before, &after), &edges, now)
}

fn step_of_edges(edges: &mut Edges<'_>, kind: &AttributeType, step: &Modification) -> Result<()> {
    let values = &step.attribute.values;
    match step.kind {
        ModificationKind::Add if values.is_empty() => Err(without_values(kind)),
        ModificationKind::Add => edges.add(kind, values),
        ModificationKind::Delete if values.is_empty() => match edges.clear(kind.id)? {
            true => Ok(()),
            false => Err(no_such(kind)),
        },
        ModificationKind::Delete => edges.remove(kind, values),
        ModificationKind::Replace => {
            edges.clear(kind.id)?;
            edges.add(kind, values)
        }
        ModificationKind::Increment => Err(not_a_number(kind)),
    }
}

fn step_of_values(there: &mut Values, kind: &AttributeType, step: &Modification) -> Result<()> {
    let values = &step.attribute.values;
    match step.kind {
        ModificationKind::Add if values.is_empty() => Err(without_values(kind)),
        ModificationKind::Add => there.add(kind, values),
        ModificationKind::Delete if there.is_empty() => Err(no_such(kind)),
        ModificationKind::Delete if values.is_empty() => {
            there.clear();
            Ok(())
        }
        ModificationKind::Delete => there.remove(kind, values),
        ModificationKind::Replace => {
            there.clear();
            there.add(kind, values)
        }
        ModificationKind::Increment => there.replace(|stored| increment(kind, stored, values)),
    }
}

/// Adds a number to each value (RFC 4525).
fn increment(kind: &AttributeType, stored: &[Vec<u8>], values: &[Vec<u8>]) -> Result<Vec<Vec<u8>>> {
    if kind.syntax != Syntax::Integer {
        return Err(not_a_number(kind));
    }
    if stored.is_empty() {
        return Err(no_such(kind));
    }
    let [by] = values else {
        return Err(Error::invalid(Rule::Request, format!("an increment of {} needs exactly one number", kind.name())));
    };
    value::validate(kind.syntax, by)?;
    let number = |octets: &[u8]| std::str::from_utf8(octets).ok().and_then(|text| text.parse::<i64>().ok());
    let by = number(by).ok_or_else(|| Error::invalid(Rule::Syntax, format!("{} is incremented by a whole number", kind.name())))?;
    let sum = |value: &Vec<u8>| number(value).and_then(|value| value.checked_add(by)).map(|sum| sum.to_string().into_bytes());
    let too_large = || Error::invalid(Rule::Constraint, format!("{} would leave the range of 64 bits", kind.name()));
    stored.iter().map(|value| sum(value).ok_or_else(too_large)).collect()
}

fn without_values(kind: &AttributeType) -> Error {
    Error::invalid(Rule::Request, format!("{} is added without a value", kind.name()))
}

fn no_such(kind: &AttributeType) -> Error {
    Error::invalid(Rule::NoSuchAttribute, format!("the entry has no {}", kind.name()))
}

fn not_a_number(kind: &AttributeType) -> Error {
    Error::invalid(Rule::Constraint, format!("{} holds no whole numbers", kind.name()))
}

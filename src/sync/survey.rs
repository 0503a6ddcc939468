//! The first pass of an import: judges every record of the file and writes nothing.

use super::ldif::{Field, FileError, Record};
use super::outcome::{MAX_NOTES, MAX_PROBLEMS, Note};
use super::own::Own;
use super::prepare::{self, Prepared, Rules};
use crate::authn::Core;
use crate::crypto::digest;
use crate::directory::schema::{AttributeType, Schema};
use crate::directory::{Directory, EntryKind, dn};
use crate::federation::precedence::{self, Prospect};
use crate::model::{Actor, AttributeId, Dn, EntryId, Kind, Result};
use crate::pool::Pool;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// The first half of a digest: what names and values are known again by.
type Mark = [u8; 16];

/// What the first pass learns.
pub(super) struct Survey {
    pool: Arc<Pool>,
    actor: Actor,
    rules: Rules,
    directory: Directory,
    names: HashMap<Mark, u64>,
    unique: HashMap<Mark, u64>,
    /// Names that are needed, and neither in the pool nor, so far, in the file.
    wanted: Vec<Wanted>,
    is_cut_off: bool,
    /// How many records lie how deep.
    pub(super) depths: BTreeMap<usize, u64>,
    /// Whether any record names others.
    pub(super) has_links: bool,
    pub(super) left_out: BTreeSet<String>,
    pub(super) notes: Vec<Note>,
    pub(super) more_notes: u64,
    pub(super) problems: Vec<FileError>,
}

/// A name or uid that is needed. There can be many of them, so it is not kept as text.
pub(super) struct Wanted {
    line: u64,
    mark: Mark,
    by: By,
}

/// What needs it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    /// The entry below it.
    Child,
    /// A value of that attribute.
    Link(AttributeId),
}

/// What the pool has under a record's name.
enum There {
    Nothing,
    /// An entry that stays as it is.
    Kept(EntryId),
    /// An entry that an import has added.
    Own(EntryId, Own),
}

impl Survey {
    pub(super) fn new(pool: Arc<Pool>, actor: Actor, rules: Rules) -> Self {
        Self {
            directory: Directory::new(&pool),
            pool,
            actor,
            rules,
            names: HashMap::new(),
            unique: HashMap::new(),
            wanted: Vec::new(),
            is_cut_off: false,
            depths: BTreeMap::new(),
            has_links: false,
            left_out: BTreeSet::new(),
            notes: Vec::new(),
            more_notes: 0,
            problems: Vec::new(),
        }
    }

    /// Whether enough problems are known.
    pub(super) fn is_full(&self) -> bool {
        self.problems.len() >= MAX_PROBLEMS
    }

    /// The rest of the file is not read, so what it would hold cannot be missed.
    pub(super) fn cut_off(&mut self) {
        self.is_cut_off = true;
    }

    /// Notes a problem.
    pub(super) fn problem(&mut self, line: u64, message: impl Into<String>) {
        if !self.is_full() {
            self.problems.push(FileError { line, message: message.into() });
        }
    }

    fn note(&mut self, notes: Vec<Note>) {
        for note in notes {
            match self.notes.len() < MAX_NOTES {
                true => self.notes.push(note),
                false => self.more_notes += 1,
            }
        }
    }

    /// Judges a record. An error is one of the store.
    pub(super) fn examine(&mut self, core: &Core, record: Record) -> Result<()> {
        let schema = self.directory.schema();
        let line = record.line;
        let located =
            name_mark(&record.dn, schema).and_then(|mark| Ok((mark, dn::below(&record.dn, self.pool.suffix(), schema)?.map(<[_]>::len))));
        let (mark, depth) = match located {
            Ok((mark, Some(depth))) => (mark, depth),
            Ok((_, None)) => {
                let message = format!("'{}' does not lie under the pool's suffix {}", record.dn, self.pool.suffix());
                self.problem(line, message);
                return Ok(());
            }
            Err(error) => {
                self.problem(line, error.message());
                return Ok(());
            }
        };
        *self.depths.entry(depth).or_default() += 1;
        let there = self.examine_name(line, mark, &record.dn)?;
        if let Err(problem) = check_values(schema, &record) {
            self.problem(problem.line, problem.message);
            return Ok(());
        }
        let name = record.dn.clone();
        let mut prepared = prepare::prepare(schema, record, self.rules);
        if let Some(problem) = prepared.problem.take() {
            self.problem(problem.line, problem.message);
            return Ok(());
        }
        if let Err(error) = core.check_entry(&self.pool, &self.actor, prepared.whole()) {
            self.problem(line, error.message());
            return Ok(());
        }
        self.left_out.extend(std::mem::take(&mut prepared.left_out));
        let there = match there {
            There::Nothing => None,
            There::Kept(id) => Some(id),
            There::Own(id, own) => {
                if !own.is_from(&self.pool, id, &prepared.digest()) && !self.is_container(id)? {
                    let message = format!(
                        "'{name}' was added by an import that was given up, and its record said something else there: delete the entry"
                    );
                    self.problem(line, message);
                }
                Some(id)
            }
        };
        self.note(std::mem::take(&mut prepared.notes));
        let Prepared { entry, links, .. } = prepared;
        for attribute in &entry.attributes {
            let Some(kind) = schema.attribute(&attribute.name).filter(|kind| kind.unique) else { continue };
            for value in &attribute.values {
                self.examine_unique(line, kind, value, there)?;
            }
        }
        for (ava, kind) in
            entry.dn.rdn().into_iter().flat_map(|rdn| rdn.avas()).filter_map(|ava| Some((ava, schema.attribute(&ava.attribute)?)))
        {
            let is_listed =
                entry.attributes.iter().any(|attribute| schema.attribute(&attribute.name).is_some_and(|other| other.id == kind.id));
            if kind.unique && !is_listed {
                self.examine_unique(line, kind, &ava.value, there)?;
            }
        }
        self.has_links |= !links.is_empty();
        links.iter().try_for_each(|field| self.examine_links(field))
    }

    /// What is needed and not in the file after all, as far as it can be told.
    /// [`explain`](Self::explain) makes problems of it.
    pub(super) fn missing(&mut self) -> Vec<Wanted> {
        let mut missing = std::mem::take(&mut self.wanted);
        missing.retain(|wanted| !self.is_cut_off && !self.names.contains_key(&wanted.mark) && !self.unique.contains_key(&wanted.mark));
        missing.truncate(MAX_PROBLEMS.saturating_sub(self.problems.len()));
        missing
    }

    /// Takes out of what is missing what this record needs, and says so.
    pub(super) fn explain(&mut self, record: &Record, missing: &mut Vec<Wanted>) -> Result<()> {
        let schema = self.directory.schema();
        for wanted in missing.extract_if(.., |wanted| wanted.by == By::Child && wanted.line == record.line).collect::<Vec<_>>() {
            let parent = record.dn.parent().unwrap_or_default();
            let why = format!("the parent '{parent}' of the entry is neither in the file nor in the pool: add it to the file");
            self.problem(wanted.line, why);
        }
        for field in &record.attributes {
            let Some(kind) = schema.attribute(&field.attribute.name) else { continue };
            for (value, line) in field.attribute.values.iter().zip(&field.lines) {
                if !missing.iter().any(|wanted| wanted.line == *line && wanted.by == By::Link(kind.id)) {
                    continue;
                }
                let Ok((mark, _)) = self.target(schema, kind, value)? else { continue };
                let is_it = |wanted: &mut Wanted| wanted.line == *line && wanted.by == By::Link(kind.id) && wanted.mark == mark;
                for wanted in missing.extract_if(.., is_it).collect::<Vec<_>>() {
                    let shown = String::from_utf8_lossy(value);
                    let name = kind.name();
                    let why =
                        format!("{name} names '{shown}', which is neither in the file nor in the pool: remove the value, or add the entry");
                    self.problem(wanted.line, why);
                }
            }
        }
        Ok(())
    }

    /// The problems in the order of their lines.
    pub(super) fn into_problems(mut self) -> Vec<FileError> {
        self.problems.sort_by_key(|problem| problem.line);
        self.problems
    }

    /// What the pool has under that name.
    fn examine_name(&mut self, line: u64, mark: Mark, dn: &Dn) -> Result<There> {
        let schema = self.directory.schema();
        if let Some(first) = self.names.insert(mark, line) {
            self.problem(line, format!("'{dn}' is in the file already, on line {first}"));
            return Ok(There::Nothing);
        }
        if let Some(id) = self.find(dn)? {
            if let Some(own) = Own::load(&self.pool, id)? {
                return Ok(There::Own(id, own));
            }
            if !self.is_container(id)? {
                self.problem(line, format!("'{dn}' exists in the pool already: remove it from the file, or delete the entry first"));
            }
            return Ok(There::Kept(id));
        }
        let parent = dn.parent().unwrap_or_default();
        let mark = name_mark(&parent, schema)?;
        if !self.names.contains_key(&mark) && self.find(&parent)?.is_none() {
            self.wanted.push(Wanted { line, mark, by: By::Child });
        }
        Ok(There::Nothing)
    }

    fn is_container(&self, id: EntryId) -> Result<bool> {
        Ok(self.directory.entry(id)?.is_some_and(|entry| entry.kind() == EntryKind::Container))
    }

    fn examine_unique(&mut self, line: u64, kind: &AttributeType, value: &[u8], there: Option<EntryId>) -> Result<()> {
        // The syntax has been checked, so only the store can fail.
        let Ok(normal) = kind.normalise(value) else { return Ok(()) };
        let shown = String::from_utf8_lossy(value).into_owned();
        if let Some(first) = self.unique.insert(value_mark(kind, &normal), line) {
            self.problem(line, format!("{} '{shown}' is taken by the entry on line {first}; it is unique within a pool", kind.name()));
            return Ok(());
        }
        match self.prospect(kind, value, there)? {
            Prospect::Free => {}
            Prospect::Yields(losses) => self.note(losses.into_iter().map(|message| Note { line, message }).collect()),
            Prospect::Proven(message) => self.problem(line, message),
            Prospect::Stays => {
                self.problem(line, format!("{} '{shown}' is taken by an entry of the pool; it is unique within a pool", kind.name()))
            }
        }
        Ok(())
    }

    /// Whether an entry can have the value: one that is to be added takes mail addresses from users
    /// of upstreams, and the uids that read like those.
    fn prospect(&self, kind: &AttributeType, value: &[u8], there: Option<EntryId>) -> Result<Prospect> {
        if there.is_none() && kind.name() == "mail" {
            return precedence::foresee(&self.pool, &self.directory, value);
        }
        let is_taken = self.directory.by_unique(kind.name(), value)?.is_some_and(|holder| Some(holder) != there);
        Ok(if is_taken { Prospect::Stays } else { Prospect::Free })
    }

    fn examine_links(&mut self, field: &Field) -> Result<()> {
        let schema = self.directory.schema();
        let Some(kind) = schema.attribute(&field.attribute.name) else { return Ok(()) };
        let mut seen = BTreeSet::new();
        for (value, line) in field.attribute.values.iter().zip(&field.lines) {
            let shown = String::from_utf8_lossy(value);
            let (mark, is_there) = match self.target(schema, kind, value)? {
                Ok(target) => target,
                Err(message) => {
                    self.problem(*line, message);
                    continue;
                }
            };
            if !seen.insert(mark) {
                self.problem(*line, format!("{} names '{shown}' twice", kind.name()));
            } else if !is_there {
                self.wanted.push(Wanted { line: *line, mark, by: By::Link(kind.id) });
            }
        }
        Ok(())
    }

    /// The mark of what a link names, and whether it is known to be there. The inner error is for
    /// the author of the file.
    fn target(&self, schema: &Schema, kind: &AttributeType, value: &[u8]) -> Result<std::result::Result<(Mark, bool), String>> {
        if prepare::is_member_uid(kind) {
            let Some(uid) = schema.attribute("uid") else { return Ok(Err("the schema has no uid".to_owned())) };
            let Ok(normal) = uid.normalise(value) else { return Ok(Err(format!("{} holds what is no uid", kind.name()))) };
            let mark = value_mark(uid, &normal);
            return Ok(Ok((mark, self.unique.contains_key(&mark) || self.directory.by_unique("uid", value)?.is_some())));
        }
        let parsed = Dn::parse_bytes(value).and_then(|dn| Ok((name_mark(&dn, schema)?, dn)));
        match parsed {
            Ok((mark, dn)) => Ok(Ok((mark, self.names.contains_key(&mark) || self.find(&dn)?.is_some()))),
            Err(error) => Ok(Err(format!("{}: {error}", kind.name()))),
        }
    }

    fn find(&self, dn: &Dn) -> Result<Option<EntryId>> {
        match self.directory.resolve(dn) {
            Ok(id) => Ok(Some(id)),
            Err(error) if matches!(error.kind(), Kind::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// Attributes are known and each value fits its syntax; the error has the line of the value.
fn check_values(schema: &Schema, record: &Record) -> std::result::Result<(), FileError> {
    for field in record.attributes.iter().filter(|field| !prepare::is_left_out(schema, &field.attribute.name)) {
        let first = field.lines.first().copied().unwrap_or(record.line);
        let kind = schema
            .require_attribute(&field.attribute.name)
            .map_err(|error| FileError { line: first, message: error.message().to_owned() })?;
        for (value, line) in field.attribute.values.iter().zip(&field.lines) {
            let class = std::str::from_utf8(value).ok().filter(|_| kind.name() == "objectClass");
            if class.is_some() && prepare::is_foreign_class(schema, value) {
                continue;
            }
            if let Some(class) = class.filter(|class| schema.class(class).is_none()) {
                return Err(FileError { line: *line, message: format!("the schema knows no object class '{class}'") });
            }
            kind.check_value(value).map_err(|error| FileError { line: *line, message: error.message().to_owned() })?;
        }
    }
    Ok(())
}

fn name_mark(dn: &Dn, schema: &Schema) -> Result<Mark> {
    Ok(mark(&[b"name", &dn::normalise(dn, schema)?]))
}

fn value_mark(kind: &AttributeType, normal: &[u8]) -> Mark {
    mark(&[b"value", &kind.id.get().to_be_bytes(), normal])
}

fn mark(parts: &[&[u8]]) -> Mark {
    let digest = digest::sha256(&parts.concat());
    digest.first_chunk().copied().unwrap_or_default()
}

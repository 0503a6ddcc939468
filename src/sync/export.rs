//! Export of a pool's entries as LDIF: all that an import needs to make them anew, and no secret.

use super::ldif::Writer;
use super::prepare::is_member_uid;
use crate::authn::Core;
use crate::directory::schema::{AccessClass, AttributeType};
use crate::directory::{Directory, Filter, Record, SUFFIX, Scope, Search, Selection, Viewer};
use crate::model::{Attribute, EntryId, Error, PoolId, Result};
use crate::pool::Pool;
use std::collections::{BTreeMap, BTreeSet};

/// Entries that one job writes.
const CHUNK: usize = 256;
/// Octets after which a job writes no further entry.
const CHUNK_OCTETS: usize = 8 << 20;

/// An export under way. Entries come after their parents. It shows no single moment: what changes
/// meanwhile is seen as it is when its turn comes.
pub struct Export {
    pool: PoolId,
    state: Option<State>,
}

struct State {
    directory: Directory,
    selection: Selection,
    after: Option<EntryId>,
    begun: bool,
    /// Whether the scan has met every entry.
    scanned: bool,
    /// Entries whose parents are younger than they are and come later: a move can lead to that.
    waiting: BTreeMap<EntryId, Vec<EntryId>>,
    /// All entries that wait, or are ready.
    held: BTreeSet<EntryId>,
    /// Entries whose parents have been written.
    ready: Vec<EntryId>,
}

impl Export {
    /// Begins an export of a pool.
    pub fn new(pool: &Pool) -> Self {
        let directory = Directory::new(pool);
        let schema = directory.schema();
        let names = schema.attribute_types().iter().filter(|attribute| is_exported(attribute)).map(AttributeType::name);
        let selection = Selection::parse(&directory, names);
        let state = State {
            directory,
            selection,
            after: None,
            begun: false,
            scanned: false,
            waiting: BTreeMap::new(),
            held: BTreeSet::new(),
            ready: Vec::new(),
        };
        Self { pool: pool.id(), state: Some(state) }
    }

    /// The next piece of the file; `None` at its end.
    pub async fn next(&mut self, core: &Core) -> Result<Option<Vec<u8>>> {
        let Some(mut state) = self.state.take() else { return Ok(None) };
        let (state, piece) = core
            .work
            .run(self.pool, move || {
                let piece = state.piece();
                (state, piece)
            })
            .await?;
        let piece = piece?;
        if piece.is_some() {
            self.state = Some(state);
        }
        Ok(piece)
    }
}

impl State {
    /// The next piece. Each turn writes an entry that waited, or looks at the next of the scan.
    fn piece(&mut self) -> Result<Option<Vec<u8>>> {
        let viewer = Viewer::OPERATOR;
        let everything = Filter::everything();
        let search = Search { base: SUFFIX, scope: Scope::Subtree, filter: &everything, after: self.after, viewer: &viewer, stop: None };
        let directory = self.directory.clone();
        let mut scan = directory.search(search)?;
        let is_first = !std::mem::replace(&mut self.begun, true);
        let mut writer = if is_first { Writer::new(Vec::new()).map_err(|error| unwritten(&error))? } else { Writer::resume(Vec::new()) };
        let mut turns = 0;
        while turns < CHUNK && writer.output().len() < CHUNK_OCTETS {
            if let Some(id) = self.ready.pop() {
                self.held.remove(&id);
                match self.directory.entry(id)? {
                    Some(entry) if self.scanned => self.write(&mut writer, &entry)?,
                    Some(entry) => self.meet(&mut writer, &entry)?,
                    None => {}
                }
            } else if !self.scanned {
                match scan.next().transpose()? {
                    Some(entry) => {
                        self.after = Some(entry.id());
                        self.meet(&mut writer, &entry)?;
                    }
                    None => self.scanned = true,
                }
            } else if !self.release()? {
                break;
            }
            turns += 1;
        }
        let piece = writer.finish().map_err(|error| unwritten(&error))?;
        Ok((turns > 0 || is_first).then_some(piece))
    }

    /// Writes an entry that the scan has met, or lets it wait for its parent.
    fn meet(&mut self, writer: &mut Writer<Vec<u8>>, entry: &Record) -> Result<()> {
        match entry.parent().filter(|parent| Some(*parent) > self.after || self.held.contains(parent)) {
            Some(parent) => {
                self.held.insert(entry.id());
                self.waiting.entry(parent).or_default().push(entry.id());
                Ok(())
            }
            None => self.write(writer, entry),
        }
    }

    /// After the scan: makes an entry ready that still waits, because its parent was gone before
    /// its turn came. First one whose parent of today does not wait itself. Whether there was one.
    fn release(&mut self) -> Result<bool> {
        let mut chosen = None;
        for (awaited, id) in self.waiting.iter().flat_map(|(awaited, ids)| ids.iter().map(|id| (*awaited, *id))) {
            let parent = self.directory.entry(id)?.and_then(|entry| entry.parent());
            if !parent.is_some_and(|parent| self.held.contains(&parent)) {
                chosen = Some((awaited, id));
                break;
            }
            chosen.get_or_insert((awaited, id));
        }
        let Some((awaited, id)) = chosen else { return Ok(false) };
        if let Some(ids) = self.waiting.get_mut(&awaited) {
            ids.retain(|other| *other != id);
        }
        self.waiting.retain(|_, ids| !ids.is_empty());
        self.ready.push(id);
        Ok(true)
    }

    /// Writes an entry; those that waited for it are ready then.
    fn write(&mut self, writer: &mut Writer<Vec<u8>>, entry: &Record) -> Result<()> {
        self.ready.extend(self.waiting.remove(&entry.id()).unwrap_or_default());
        // An entry that is deleted meanwhile has no name any more.
        let Some(dn) = self.directory.dn(entry.id())? else { return Ok(()) };
        let mut attributes: Vec<Attribute> = self.directory.attributes(entry, &self.selection, &Viewer::OPERATOR)?;
        attributes.extend(self.member_uids(entry)?);
        let values =
            attributes.iter().flat_map(|attribute| attribute.values.iter().map(|value| (attribute.name.as_str(), value.as_slice())));
        writer.entry(&dn.to_string(), values).map_err(|error| unwritten(&error))
    }
}

impl State {
    /// The people that a POSIX group lists by uid itself. What memberUid shows besides follows from
    /// member, which is exported.
    fn member_uids(&self, entry: &Record) -> Result<Option<Attribute>> {
        let Some(kind) = self.directory.schema().attribute_types().iter().find(|kind| is_member_uid(kind)) else { return Ok(None) };
        let mut values = Vec::new();
        for target in self.directory.targets(kind.id, entry.id(), None) {
            let target = self.directory.entry(target?)?;
            values.extend(target.and_then(|target| Some(target.first_text("uid")?.as_bytes().to_vec())));
        }
        Ok((!values.is_empty()).then(|| Attribute { name: kind.name().to_owned(), values }))
    }
}

/// What an export holds: no secret, nothing that is computed, and of what the server keeps what
/// makes an entry the same one.
fn is_exported(attribute: &AttributeType) -> bool {
    attribute.access != AccessClass::Secret && !attribute.is_virtual && !is_member_uid(attribute)
}

fn unwritten(error: &std::io::Error) -> Error {
    Error::internal(format!("the export cannot be written: {error}"))
}

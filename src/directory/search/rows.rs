//! Candidates as they come from the store: in the order of ids, each once, from after an id on.

use super::plan::{Places, Plan};
use super::way::Rows;
use crate::directory::Directory;
use crate::model::{EntryId, Error, Result};
use crate::store::{Key, Prefix, Row, Space};
use std::iter::Peekable;
use std::sync::Arc;

/// Ids, with the records of the entries where they were read on the way.
pub type Candidates = Box<dyn Iterator<Item = Result<(EntryId, Option<Row>)>> + Send>;

/// Opens the rows of a plan.
pub fn open(directory: &Directory, plan: &Plan, after: Option<EntryId>) -> Candidates {
    let Plan(Some(Places { ids, rows })) = plan else { return everything(directory, after) };
    let mut sources: Vec<Candidates> = rows.iter().map(|rows| by_id(directory, rows, after)).collect();
    if !ids.is_empty() {
        let (ids, first) = (Arc::clone(ids), ids.partition_point(|id| Some(*id) <= after));
        sources.push(Box::new((first..ids.len()).filter_map(move |place| ids.get(place).map(|id| Ok((*id, None))))));
    }
    match sources.len() {
        1 => sources.swap_remove(0),
        _ => Box::new(Merge { sources: sources.into_iter().map(Iterator::peekable).collect() }),
    }
}

fn everything(directory: &Directory, after: Option<EntryId>) -> Candidates {
    let rows = directory.store.scan(&Prefix::space(Space::Entry), after.map(Key::entry).as_ref());
    Box::new(rows.map(|row| {
        let (key, row) = row?;
        Ok((last(&key)?, Some(row)))
    }))
}

fn by_id(directory: &Directory, rows: &Rows, after: Option<EntryId>) -> Candidates {
    let found = directory.store.scan(&rows.prefix(), after.map(|after| rows.key(after)).as_ref());
    Box::new(found.map(|row| Ok((last(&row?.0)?, None))))
}

pub fn last(key: &Key) -> Result<EntryId> {
    key.last_entry().ok_or_else(|| Error::internal("the key of an index row is too short"))
}

/// Several candidates in one order, each once.
struct Merge {
    sources: Vec<Peekable<Candidates>>,
}

impl Iterator for Merge {
    type Item = Result<(EntryId, Option<Row>)>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut least: Option<EntryId> = None;
        for source in &mut self.sources {
            match source.peek() {
                Some(Ok((id, _))) => least = Some(least.map_or(*id, |least| least.min(*id))),
                Some(Err(_)) => return source.next(),
                None => {}
            }
        }
        let least = least?;
        let mut found = None;
        for source in &mut self.sources {
            if let Some(Ok((_, row))) = source.next_if(|next| next.as_ref().is_ok_and(|(id, _)| *id == least)) {
                found = found.or(row);
            }
        }
        Some(Ok((least, found)))
    }
}

//! Search: candidates from the indexes, in the order of entry ids, each checked against its entry.

mod branch;
mod plan;
mod rows;
mod scope;
mod way;

pub use plan::{Plan, THOROUGH};

use super::filter::Verdict;
use super::{Directory, Filter, Record, Viewer};
use crate::model::{EntryId, Error, Result};
use crate::policy::access;
use plan::Planner;
use rows::Candidates;
use scope::Reach;

/// How far a search reaches (RFC 4511, section 4.5.1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// The base alone.
    Base,
    /// The children of the base.
    One,
    /// The base and all that is below it.
    Subtree,
}

/// A search. Whether the viewer may see the base is for the caller to check, with
/// `Directory::find`.
#[derive(Clone, Copy)]
pub struct Search<'a> {
    /// Where it begins.
    pub base: EntryId,
    /// How far it reaches.
    pub scope: Scope,
    /// What entries must satisfy.
    pub filter: &'a Filter,
    /// Only entries after this one: where an earlier search stopped.
    pub after: Option<EntryId>,
    /// Who asks.
    pub viewer: &'a Viewer,
    /// Asked at each step; the search ends when it says true (a time limit, an abandoned request).
    pub stop: Option<&'a (dyn Fn(Step) -> bool + Sync)>,
}

/// A step of a search, before which it can be stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The next candidate is looked at.
    Candidate,
    /// The look at a candidate goes on, after so many octets of values. Stopped here, the search
    /// has not reached that candidate.
    Octets(usize),
}

/// The records of the entries that a search finds, in the order of their ids; `Directory::complete`
/// makes entries of them. Ends after an error.
pub struct Found<'a> {
    directory: &'a Directory,
    search: Search<'a>,
    candidates: Candidates,
    reach: Reach,
    examined: u64,
    reached: Option<EntryId>,
    stopped: bool,
    ended: bool,
}

impl Directory {
    /// Begins a search.
    pub fn search<'a>(&'a self, search: Search<'a>) -> Result<Found<'a>> {
        let plan = self.plan(&search, THOROUGH)?.unwrap_or(Plan(None));
        Ok(self.search_by(search, &plan))
    }

    /// Finds out where a search has to look, for about that many rows; with less than [`THOROUGH`]
    /// it can be that this is not enough: `None`.
    pub fn plan(&self, search: &Search<'_>, effort: usize) -> Result<Option<Plan>> {
        Planner::new(self, search.viewer, effort).plan(search)
    }

    /// Begins a search, or goes on with it, by the plan that was made for it.
    pub fn search_by<'a>(&'a self, search: Search<'a>, plan: &Plan) -> Found<'a> {
        Found {
            directory: self,
            candidates: rows::open(self, plan, search.after),
            reach: Reach::new(search.base, search.scope),
            reached: search.after,
            search,
            examined: 0,
            stopped: false,
            ended: false,
        }
    }
}

impl Found<'_> {
    /// Whether `stop` has ended it.
    pub const fn was_stopped(&self) -> bool {
        self.stopped
    }

    /// How many candidates were checked so far.
    pub const fn examined(&self) -> u64 {
        self.examined
    }

    /// The candidate that was looked at last: where a search that was stopped can go on.
    pub const fn reached(&self) -> Option<EntryId> {
        self.reached
    }

    fn check(&mut self, id: EntryId, entry: Option<Record>) -> Result<Option<Record>> {
        let Some(entry) = entry.map_or_else(|| self.directory.record(id), |entry| Ok(Some(entry)))? else { return Ok(None) };
        let Search { filter, viewer, stop, .. } = self.search;
        if !access::may_see_entry(viewer, entry.kind(), id) || !self.reach.contains(self.directory, &entry)? {
            return Ok(None);
        }
        match filter.evaluate_until(self.directory, &entry, viewer, stop)? {
            Verdict::Satisfied => Ok(Some(entry)),
            Verdict::NotSatisfied => Ok(None),
            Verdict::Stopped => {
                self.stopped = true;
                Ok(None)
            }
        }
    }
}

impl Iterator for Found<'_> {
    type Item = Result<Record>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.ended {
            let candidate = self.candidates.next();
            if candidate.is_some() && self.search.stop.is_some_and(|stop| stop(Step::Candidate)) {
                self.stopped = true;
                break;
            }
            self.examined += 1;
            let checked = match candidate? {
                Ok((id, row)) => {
                    let entry = row.map(|row| Record::read(id, row)).transpose();
                    let checked = entry.and_then(|entry| self.check(id, entry));
                    if self.stopped {
                        break;
                    }
                    self.reached = Some(id);
                    checked
                }
                Err(error) => Err(error),
            };
            match checked {
                Ok(Some(entry)) => return Some(Ok(entry)),
                Ok(None) => {}
                Err(error) => {
                    self.ended = true;
                    return Some(Err::<Record, Error>(error));
                }
            }
        }
        self.ended = true;
        None
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests;

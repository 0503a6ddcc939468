//! The work of a search in stretches: each is bounded in what it looks at and in what it finds, and
//! tells where the next one begins.

use super::super::codec::encode_entry;
use super::super::session::Base;
use super::AT_ONCE;
use crate::directory::search::{Plan, Step, THOROUGH};
use crate::directory::{Directory, Filter, Names, Record, Scope, Search, Selection, Viewer};
use crate::model::{Clock, EntryId, Result};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// What is looked for, and how it is shown.
pub(super) struct Scan {
    pub id: i32,
    pub directory: Directory,
    pub base: Base,
    pub scope: Scope,
    pub filter: Filter,
    pub selection: Selection,
    pub types_only: bool,
    pub viewer: Viewer,
    pub clock: Arc<dyn Clock>,
    /// On the steady clock: a correction of the one on the wall ends no search.
    pub deadline: Duration,
    /// Where to look; made once.
    pub plan: OnceLock<Plan>,
    /// Set when the client no longer waits.
    pub unwanted: AtomicBool,
}

/// How far a stretch may go.
#[derive(Clone, Copy)]
pub(super) struct Bounds {
    /// Only entries after this one.
    pub after: Option<EntryId>,
    /// Entries to find.
    pub entries: u32,
    /// Octets to write.
    pub output: usize,
    /// How long it may take.
    pub pace: Pace,
}

/// Where a stretch runs, and so how much it may do before others get their turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    /// On the task of the connection, beside other connections.
    AtOnce,
    /// As a job in `work`.
    AsJob,
}

impl Pace {
    /// Candidates to look at.
    const fn candidates(self) -> u32 {
        match self {
            Self::AtOnce => 64,
            Self::AsJob => 1_000,
        }
    }

    /// Time after which no further candidate is looked at: a filter can be long, and so can values.
    const fn time(self) -> Duration {
        match self {
            Self::AtOnce => Duration::from_millis(2),
            Self::AsJob => Duration::from_millis(20),
        }
    }

    /// Octets of values to go over: of one entry there can be megabytes, and a filter can look at
    /// them often.
    const fn octets(self) -> usize {
        match self {
            Self::AtOnce => AT_ONCE,
            Self::AsJob => usize::MAX,
        }
    }

    /// Whether that entry is shown there, or with more time.
    fn shows(self, directory: &Directory, entry: &Record) -> Result<bool> {
        Ok(self == Self::AsJob || (entry.octets_in_parts() <= self.octets() && !directory.names_many(entry)?))
    }

    /// Rows to read for a plan.
    const fn effort(self) -> usize {
        match self {
            Self::AtOnce => 512,
            Self::AsJob => THOROUGH,
        }
    }
}

/// What a stretch has come to.
pub(super) struct Stretch {
    /// Entries written.
    pub found: u32,
    /// Where the next one begins.
    pub last: Option<EntryId>,
    /// Why it ended.
    pub pause: Pause,
}

/// Why a stretch ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pause {
    /// There is nothing more.
    Done,
    /// It has used up what it may look at or write.
    Spent,
    /// It has found all it may, and there is more.
    Limit,
    /// The time is over.
    Late,
    /// Nobody waits for it.
    Unwanted,
}

impl Scan {
    /// Goes on with the search and appends what it finds.
    pub fn stretch(&self, bounds: Bounds, out: &mut Vec<u8>) -> Result<Stretch> {
        let start = out.len();
        let spent = Spent { pace: bounds.pace, until: self.clock.steady() + bounds.pace.time(), candidates: 0.into(), octets: 0.into() };
        let stop = |step| self.cause(&spent, step).is_some();
        let Self { directory, filter, viewer, .. } = self;
        let search = Search { base: self.base.id, scope: self.scope, filter, after: bounds.after, viewer, stop: Some(&stop) };
        let plan = match self.plan.get() {
            Some(plan) => plan,
            None => match directory.plan(&search, bounds.pace.effort())? {
                Some(plan) => self.plan.get_or_init(|| plan),
                None => return Ok(Stretch { found: 0, last: bounds.after, pause: Pause::Spent }),
            },
        };
        let mut entries = directory.search_by(search, plan);
        let mut names = Names::below(directory, self.base.id, Arc::clone(&self.base.name));
        let (mut found, mut last) = (0, bounds.after);
        for entry in entries.by_ref() {
            let entry = entry?;
            if found == bounds.entries {
                return Ok(Stretch { found, last, pause: Pause::Limit });
            }
            if !bounds.pace.shows(directory, &entry)? {
                return Ok(Stretch { found, last, pause: Pause::Spent });
            }
            // An entry that was deleted meanwhile has no name any more.
            if let Some(name) = names.of(&entry)? {
                encode_entry(self.id, &name, out, |out| directory.project(&entry, &self.selection, self.types_only, viewer, out))?;
                found += 1;
            }
            last = Some(entry.id());
            if out.len() - start >= bounds.output {
                return Ok(Stretch { found, last, pause: Pause::Spent });
            }
        }
        let pause = if entries.was_stopped() { self.cause(&spent, Step::Candidate).unwrap_or(Pause::Spent) } else { Pause::Done };
        Ok(Stretch { found, last: entries.reached(), pause })
    }

    /// Why the stretch ends before this step, if it does.
    fn cause(&self, spent: &Spent, step: Step) -> Option<Pause> {
        if self.unwanted.load(Ordering::Relaxed) {
            return Some(Pause::Unwanted);
        }
        let seen = match step {
            Step::Candidate => spent.candidates.fetch_add(1, Ordering::Relaxed),
            Step::Octets(_) => 1,
        };
        if seen == 0 {
            // One candidate at least, so that every stretch comes further; where it is the only
            // one, the time need not be asked for.
            return None;
        }
        let now = self.clock.steady();
        if now >= self.deadline {
            return Some(Pause::Late);
        }
        let is_spent = match step {
            Step::Candidate => seen >= spent.pace.candidates() || now >= spent.until,
            Step::Octets(octets) => spent.octets.fetch_add(octets, Ordering::Relaxed).saturating_add(octets) > spent.pace.octets(),
        };
        is_spent.then_some(Pause::Spent)
    }
}

/// What a stretch has used up of what it may.
struct Spent {
    pace: Pace,
    until: Duration,
    candidates: AtomicU32,
    octets: AtomicUsize,
}

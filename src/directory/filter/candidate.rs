//! An entry while a filter is evaluated against it. What is costly to come by is kept until the
//! last test: values that lie in parts, normal forms, values that are computed. So a long filter
//! costs little more than a short one, and whoever waits is asked between tests and between large
//! values whether they still do.

use super::Test;
use crate::directory::known::Source;
use crate::directory::schema::AttributeType;
use crate::directory::search::Step;
use crate::directory::value::MatchingRule;
use crate::directory::{Directory, Record, Viewer, record, value};
use crate::model::{AttributeId, Error, Result};
use std::cell::OnceCell;

/// Octets between two questions whether to go on.
const ASKED: usize = 16 << 10;
/// An attribute that is smaller is not worth keeping in normal form. Octets.
const SMALL: usize = 512;
/// Normal forms that are kept at most. Octets; what is beyond is made again for each test.
const KEPT: usize = 16 << 20;
/// What a look at an attribute costs that compares nothing, in octets.
const LOOK: usize = 64;
/// What a read of the store costs, in octets.
const READ: usize = 512;
/// What it costs to go over the many entries that an entry names or is named by, in octets.
const MANY: usize = 256 * READ;

/// Why an evaluation came to no truth.
pub(super) enum Halt {
    Failed(Error),
    Stopped,
}

impl From<Error> for Halt {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

pub(super) type Outcome<T> = std::result::Result<T, Halt>;

pub(super) struct Candidate<'a> {
    pub directory: &'a Directory,
    pub viewer: &'a Viewer,
    entry: &'a Record,
    complete: &'a OnceCell<Option<Record>>,
    stop: Option<&'a (dyn Fn(Step) -> bool + Sync)>,
    /// Octets since the last question.
    octets: usize,
    forms: Vec<Forms>,
    kept: usize,
    derived: Vec<(AttributeId, Vec<Vec<u8>>)>,
    named: Vec<(AttributeId, bool)>,
}

/// The values of one attribute in normal form.
struct Forms {
    place: usize,
    rule: MatchingRule,
    octets: usize,
    values: Vec<Vec<u8>>,
}

impl<'a> Candidate<'a> {
    pub const fn new(
        directory: &'a Directory,
        viewer: &'a Viewer,
        entry: &'a Record,
        complete: &'a OnceCell<Option<Record>>,
        stop: Option<&'a (dyn Fn(Step) -> bool + Sync)>,
    ) -> Self {
        Self { directory, viewer, entry, complete, stop, octets: 0, forms: Vec::new(), kept: 0, derived: Vec::new(), named: Vec::new() }
    }

    /// The entry, with all its values once they were needed.
    pub fn entry(&self) -> &'a Record {
        self.complete.get().and_then(Option::as_ref).unwrap_or(self.entry)
    }

    /// Fetches the values that lie in parts; false if the entry is gone.
    pub fn complete(&mut self) -> Outcome<bool> {
        if self.complete.get().is_none() {
            self.charge(self.entry.octets_in_parts())?;
            let complete = self.directory.with_parts(self.entry.clone())?;
            // An entry that changed meanwhile has its attributes in other places.
            self.forms.clear();
            self.kept = 0;
            // Nobody else sets it: it belongs to this evaluation.
            let _ = self.complete.set(complete);
        }
        Ok(self.complete.get().is_some_and(Option::is_some))
    }

    /// Notes what the next step costs, and asks now and then whether to go on.
    pub fn charge(&mut self, octets: usize) -> Outcome<()> {
        self.octets = self.octets.saturating_add(octets);
        if self.octets < ASKED {
            return Ok(());
        }
        let octets = std::mem::take(&mut self.octets);
        if self.stop.is_some_and(|stop| stop(Step::Octets(octets))) { Err(Halt::Stopped) } else { Ok(()) }
    }

    /// A look at an attribute.
    pub fn look(&mut self) -> Outcome<()> {
        self.charge(LOOK)
    }

    /// A read of the store.
    pub fn read(&mut self) -> Outcome<()> {
        self.charge(READ)
    }

    /// Whether a value of the attribute at that place passes the test.
    pub fn any_stored(&mut self, test: &Test, rule: MatchingRule, place: usize, tlv: &[u8]) -> Outcome<bool> {
        if tlv.len() <= SMALL {
            self.charge(tlv.len())?;
            return Ok(record::values(tlv).any(|stored| test.matches(rule, stored)));
        }
        let Some(at) = self.keep(rule, place, tlv)? else {
            for stored in record::values(tlv) {
                self.charge(stored.len())?;
                if test.matches(rule, stored) {
                    return Ok(true);
                }
            }
            return Ok(false);
        };
        let octets = self.forms.get(at).map_or(0, |forms| forms.octets);
        self.charge(if test.reads_all() { octets } else { octets / 16 })?;
        Ok(self.forms.get(at).is_some_and(|forms| forms.values.iter().any(|normal| test.accepts(normal))))
    }

    /// Where the normal forms of an attribute are kept; `None` if they are too large for that.
    fn keep(&mut self, rule: MatchingRule, place: usize, tlv: &[u8]) -> Outcome<Option<usize>> {
        if let Some(at) = self.forms.iter().position(|forms| forms.place == place && forms.rule.shares_form(rule)) {
            return Ok(Some(at));
        }
        if self.kept.saturating_add(tlv.len()) > KEPT {
            return Ok(None);
        }
        let (mut octets, mut values) = (0, Vec::new());
        for stored in record::values(tlv) {
            self.charge(stored.len())?;
            if let Ok(normal) = value::normalise(rule, stored) {
                octets += normal.len();
                values.push(normal);
            }
        }
        self.kept = self.kept.saturating_add(octets);
        self.forms.push(Forms { place, rule, octets, values });
        Ok(Some(self.forms.len() - 1))
    }

    /// The values of an attribute that does not lie in the record.
    pub fn derived(&mut self, attribute: &AttributeType, source: Source) -> Outcome<&[Vec<u8>]> {
        let at = match self.derived.iter().position(|(known, _)| *known == attribute.id) {
            Some(at) => at,
            None => {
                self.charge_derived(source)?;
                let values = self.directory.derived(self.entry(), attribute, source, self.viewer)?;
                self.derived.push((attribute.id, values));
                self.derived.len() - 1
            }
        };
        let octets = self.derived.get(at).map_or(0, |(_, values)| values.iter().map(Vec::len).sum());
        self.charge(octets)?;
        Ok(self.derived.get(at).map(|(_, values)| values.as_slice()).unwrap_or_default())
    }

    /// Whether an attribute with edges names somebody whom the viewer may see.
    pub fn names_somebody(&mut self, attribute: &AttributeType, source: Source) -> Outcome<bool> {
        if let Some((_, known)) = self.named.iter().find(|(known, _)| *known == attribute.id) {
            return Ok(*known);
        }
        self.charge_derived(source)?;
        let named = self.directory.names_somebody(self.entry(), attribute.id, source, self.viewer)?;
        self.named.push((attribute.id, named));
        Ok(named)
    }

    fn charge_derived(&mut self, source: Source) -> Outcome<()> {
        let many = match source {
            Source::Edges | Source::MemberUid => self.directory.names_many(self.entry())?,
            Source::MemberOf => self.directory.is_named_by_many(self.entry().id())?,
            _ => false,
        };
        self.charge(if many { MANY } else { READ })
    }
}

/// Turns a halt into what callers know: a failure, or `None` for an evaluation that was stopped.
pub(super) fn settle<T>(outcome: Outcome<T>) -> Result<Option<T>> {
    match outcome {
        Ok(done) => Ok(Some(done)),
        Err(Halt::Failed(error)) => Err(error),
        Err(Halt::Stopped) => Ok(None),
    }
}

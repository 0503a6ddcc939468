//! Three-valued evaluation of a filter against an entry (RFC 4511, section 4.5.1.7): `None` is
//! Undefined. An attribute that the viewer may not read is Undefined, so that nobody learns of it
//! by asking for its opposite.

use super::candidate::{Candidate, Outcome, settle};
use super::{Assertion, Filter, Test};
use crate::directory::known::{KNOWN, Source};
use crate::directory::schema::AttributeType;
use crate::directory::search::Step;
use crate::directory::value::{self, MatchingRule};
use crate::directory::{Directory, Record, Viewer, draft, record};
use crate::model::{EntryId, Rdn, Result};
use crate::policy::access;
use std::cell::OnceCell;

/// What has come of an evaluation that can be stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::directory) enum Verdict {
    Satisfied,
    NotSatisfied,
    Stopped,
}

impl Filter {
    /// Whether the entry satisfies the filter, as far as the viewer may know.
    pub fn evaluate(&self, directory: &Directory, entry: &Record, viewer: &Viewer) -> Result<Option<bool>> {
        let complete = OnceCell::new();
        let outcome = self.judge(&mut Candidate::new(directory, viewer, entry, &complete, None));
        Ok(settle(outcome)?.flatten())
    }

    /// The same for a caller who may lose patience: `stop` is asked between tests and between large
    /// values.
    pub(in crate::directory) fn evaluate_until(
        &self,
        directory: &Directory,
        entry: &Record,
        viewer: &Viewer,
        stop: Option<&(dyn Fn(Step) -> bool + Sync)>,
    ) -> Result<Verdict> {
        let complete = OnceCell::new();
        let outcome = self.judge(&mut Candidate::new(directory, viewer, entry, &complete, stop));
        Ok(match settle(outcome)? {
            Some(Some(true)) => Verdict::Satisfied,
            Some(_) => Verdict::NotSatisfied,
            None => Verdict::Stopped,
        })
    }

    fn judge(&self, candidate: &mut Candidate<'_>) -> Outcome<Option<bool>> {
        match self {
            Self::And(parts) => {
                let mut all = Some(true);
                for part in parts {
                    match part.judge(candidate)? {
                        Some(true) => {}
                        Some(false) => return Ok(Some(false)),
                        None => all = None,
                    }
                }
                Ok(all)
            }
            Self::Or(parts) => {
                let mut any = Some(false);
                for part in parts {
                    match part.judge(candidate)? {
                        Some(true) => return Ok(Some(true)),
                        Some(false) => {}
                        None => any = None,
                    }
                }
                Ok(any)
            }
            Self::Not(part) => Ok(part.judge(candidate)?.map(|truth| !truth)),
            Self::Undefined => Ok(None),
            Self::Test(test) => test.judge(candidate),
        }
    }
}

impl Test {
    fn judge(&self, candidate: &mut Candidate<'_>) -> Outcome<Option<bool>> {
        let mut truth = Some(false);
        for attribute in &self.attributes {
            candidate.look()?;
            if !access::may_filter(candidate.viewer, attribute.access, candidate.entry().id()) {
                truth = None;
                continue;
            }
            match self.holds(candidate, attribute)? {
                Some(true) => return Ok(Some(true)),
                Some(false) => {}
                None => truth = None,
            }
        }
        Ok(truth)
    }

    fn holds(&self, candidate: &mut Candidate<'_>, attribute: &AttributeType) -> Outcome<Option<bool>> {
        let source = Source::of(attribute);
        let holds = match (&self.assertion, source) {
            // What is not stored has no options.
            _ if source != Source::Stored && !self.options.is_empty() => false,
            (Assertion::Names(None), _) => false,
            (Assertion::Names(Some(target)), _) => names(candidate, attribute, source, *target)?,
            (Assertion::Present, Source::HasSubordinates) => true,
            (Assertion::Present, Source::Edges | Source::MemberUid) => candidate.names_somebody(attribute, source)?,
            (_, Source::Stored) => self.stored(candidate, attribute)? || self.in_name(candidate, attribute)?,
            (assertion, _) => {
                let rule = assertion.rule();
                let values = candidate.derived(attribute, source)?;
                if values.is_empty() && matches!(source, Source::Creator | Source::Modifier) {
                    // Somebody whom the viewer may not know.
                    return Ok(None);
                }
                match rule {
                    Some(rule) => values.iter().any(|value| self.matches(rule, value)),
                    None => !values.is_empty(),
                }
            }
        };
        Ok(Some(holds))
    }

    /// Whether a stored value matches.
    fn stored(&self, candidate: &mut Candidate<'_>, attribute: &AttributeType) -> Outcome<bool> {
        let entry = candidate.entry();
        for (place, slot) in entry.slots().filter(|(_, slot)| slot.attribute == attribute.id) {
            let body = entry.body(&slot);
            if !self.options.is_empty() {
                let description = if slot.in_parts { Some(record::spill(body)?.1) } else { record::description(body) };
                let options = description.map(draft::options).unwrap_or_default();
                if !self.options.iter().all(|option| options.contains(option)) {
                    continue;
                }
            }
            let Some(rule) = self.assertion.rule() else { return Ok(true) };
            let found = match entry.tlv(place, &slot) {
                Some(tlv) => candidate.any_stored(self, rule, place, tlv)?,
                None if candidate.complete()? => return self.stored(candidate, attribute),
                None => false,
            };
            if found {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether a part of the entry's name matches, where the assertion asks for that.
    fn in_name(&self, candidate: &mut Candidate<'_>, attribute: &AttributeType) -> Outcome<bool> {
        let Assertion::Equal { rule, dn: true, .. } = &self.assertion else { return Ok(false) };
        candidate.read()?;
        let Some(dn) = candidate.directory.dn(candidate.entry().id())? else { return Ok(false) };
        Ok(dn.rdns().iter().flat_map(Rdn::avas).any(|ava| {
            candidate.directory.schema.attribute(&ava.attribute).is_some_and(|other| other.id == attribute.id)
                && self.matches(*rule, &ava.value)
        }))
    }

    /// Whether a value passes the test.
    pub(super) fn matches(&self, rule: MatchingRule, stored: &[u8]) -> bool {
        if value::is_normal(rule, stored) {
            return self.accepts(stored);
        }
        value::normalise(rule, stored).is_ok_and(|normal| self.accepts(&normal))
    }

    /// Whether a value passes the test that has this normal form.
    pub(super) fn accepts(&self, normal: &[u8]) -> bool {
        match &self.assertion {
            Assertion::Present => true,
            Assertion::Names(_) => false,
            Assertion::Equal { normal: sought, .. } => normal == sought.as_slice(),
            Assertion::AtLeast { key, .. } => normal >= key.as_slice(),
            Assertion::AtMost { key, .. } => normal <= key.as_slice(),
            Assertion::Below { key, .. } => normal < key.as_slice(),
            Assertion::Like { parts, .. } => parts.matches(normal),
        }
    }

    /// Whether the test goes over all octets of a value.
    pub(super) const fn reads_all(&self) -> bool {
        matches!(self.assertion, Assertion::Like { .. })
    }
}

impl Assertion {
    /// The rule by which values are compared; `None` where it is enough that there are values.
    const fn rule(&self) -> Option<MatchingRule> {
        match self {
            Self::Present | Self::Names(_) => None,
            Self::Equal { rule, .. }
            | Self::AtLeast { rule, .. }
            | Self::AtMost { rule, .. }
            | Self::Below { rule, .. }
            | Self::Like { rule, .. } => Some(*rule),
        }
    }
}

/// Whether a value of an attribute names that entry. What the viewer may not see, no value names.
fn names(candidate: &mut Candidate<'_>, attribute: &AttributeType, source: Source, target: EntryId) -> Outcome<bool> {
    candidate.read()?;
    let (directory, entry) = (candidate.directory, candidate.entry());
    if !directory.is_visible(target, candidate.viewer)? {
        return Ok(false);
    }
    Ok(match source {
        Source::EntryDn => entry.id() == target,
        Source::MemberOf => directory.is_member(target, entry.id())?,
        Source::Edges => directory.has_edge(attribute.id, entry.id(), target)?,
        Source::MemberUid => {
            directory.has_edge(attribute.id, entry.id(), target)?
                || (directory.has_class(entry, "posixGroup")? && directory.has_edge(KNOWN.member, entry.id(), target)?)
        }
        _ => false,
    })
}

//! Which rows to look at: the index rows that hold every entry a filter can be true for, and as few others as can be told cheaply.

use super::rows;
use crate::directory::filter::{Assertion, Test};
use crate::directory::known::{KNOWN, Source};
use crate::directory::schema::AttributeType;
use crate::directory::value::{MatchingRule, Substring};
use crate::directory::{Directory, Filter, index, link};
use crate::model::{AttributeId, EntryId, Result};
use crate::store::{Key, Prefix, Term};
use std::collections::BTreeSet;

/// So few candidates that nothing better is looked for.
pub const FEW: usize = 32;
/// Rows that are counted at most to compare plans.
const MANY: usize = 2048;
/// Trigrams of an assertion that are compared at most.
const MAX_TRIGRAMS: usize = 8;

/// Where candidates come from.
#[derive(Clone, Debug)]
pub enum Plan {
    /// Every entry.
    Everything,
    /// These, in this order.
    Ids(Vec<EntryId>),
    /// Rows whose order is that of ids.
    Rows(Rows),
    /// Rows whose order is that of values.
    Range(Range),
    /// All of these.
    Union(Vec<Plan>),
}

/// Rows whose keys differ in the id that they end with.
#[derive(Clone, Debug)]
pub enum Rows {
    Term(AttributeId, Term, Vec<u8>),
    Targets(AttributeId, EntryId),
    Sources(AttributeId, EntryId),
}

/// Ordering terms of an attribute.
#[derive(Clone, Debug)]
pub struct Range {
    attribute: AttributeId,
    /// What every term begins with.
    start: Vec<u8>,
    /// Where to begin among them.
    from: Option<Vec<u8>>,
    /// The start of the last terms.
    to: Option<Vec<u8>>,
}

impl Plan {
    /// The children of an entry.
    pub fn children(parent: EntryId) -> Self {
        Self::Rows(Rows::Term(index::PARENT, Term::Equality, index::parent_term(parent).to_vec()))
    }

    const fn nothing() -> Self {
        Self::Ids(Vec::new())
    }
}

impl Rows {
    pub fn prefix(&self) -> Prefix {
        match self {
            Self::Term(attribute, kind, term) => Prefix::index(*attribute, *kind, term),
            Self::Targets(attribute, source) => Prefix::links(*attribute, *source),
            Self::Sources(attribute, target) => Prefix::backlinks(*attribute, *target),
        }
    }

    pub fn key(&self, id: EntryId) -> Key {
        match self {
            Self::Term(attribute, kind, term) => Key::index(*attribute, *kind, term, id),
            Self::Targets(attribute, source) => Key::link(*attribute, *source, id),
            Self::Sources(attribute, target) => Key::backlink(*attribute, *target, id),
        }
    }
}

impl Range {
    /// The entries, in the order of ids; `None` if they are more than `limit`.
    pub fn collect(&self, directory: &Directory, limit: usize) -> Result<Option<Vec<EntryId>>> {
        let mut ids = BTreeSet::new();
        for id in self.rows(directory) {
            ids.insert(id?);
            if ids.len() > limit {
                return Ok(None);
            }
        }
        Ok(Some(ids.into_iter().collect()))
    }

    fn rows(&self, directory: &Directory) -> impl Iterator<Item = Result<EntryId>> + use<> {
        // No entry has the id zero, so this key lies before the first row of the term.
        let from = self.from.as_ref().map(|from| Key::index(self.attribute, Term::Ordering, from, EntryId::new(0)));
        let last = self.to.as_ref().map(|to| Prefix::index(self.attribute, Term::Ordering, to));
        let rows = directory.store.scan(&Prefix::index(self.attribute, Term::Ordering, &self.start), from.as_ref());
        rows.take_while(move |row| match (row, &last) {
            (Ok((key, _)), Some(last)) => key.as_bytes() <= last.as_bytes() || key.as_bytes().starts_with(last.as_bytes()),
            _ => true,
        })
        .map(|row| rows::last(&row?.0))
    }
}

/// A plan for the entries that a filter can be true for.
pub fn of(directory: &Directory, filter: &Filter) -> Result<Plan> {
    match filter {
        Filter::And(parts) => {
            let plans = parts.iter().map(|part| of(directory, part)).collect::<Result<Vec<_>>>()?;
            cheapest(directory, plans)
        }
        Filter::Or(parts) => union(parts.iter().map(|part| of(directory, part))),
        Filter::Not(_) => Ok(Plan::Everything),
        Filter::Undefined => Ok(Plan::nothing()),
        Filter::Test(test) => of_test(directory, test),
    }
}

/// How many candidates a plan has, counted up to `limit`.
pub fn cost(directory: &Directory, plan: &Plan, limit: usize) -> Result<usize> {
    match plan {
        Plan::Everything => Ok(usize::MAX),
        Plan::Ids(ids) => Ok(ids.len()),
        Plan::Rows(rows) => directory.store.scan(&rows.prefix(), None).take(limit).try_fold(0, |count, row| Ok(row.map(|_| count + 1)?)),
        Plan::Range(range) => range.rows(directory).take(limit).try_fold(0, |count, row| row.map(|_| count + 1)),
        Plan::Union(plans) => {
            let mut sum: usize = 0;
            for plan in plans {
                sum = sum.saturating_add(cost(directory, plan, limit)?);
                if sum >= limit {
                    break;
                }
            }
            Ok(sum)
        }
    }
}

/// The plan with the fewest candidates, as far as counting tells. Every plan holds all that is sought.
pub fn cheapest(directory: &Directory, plans: Vec<Plan>) -> Result<Plan> {
    if let Some(known) = plans.iter().filter(|plan| matches!(plan, Plan::Ids(ids) if ids.len() < FEW)).min_by_key(|plan| rank(plan)) {
        return Ok(known.clone());
    }
    let mut plans: Vec<Plan> = plans.into_iter().filter(|plan| !matches!(plan, Plan::Everything)).collect();
    plans.sort_by_key(rank);
    for limit in [FEW, MANY] {
        let mut best: Option<(usize, &Plan)> = None;
        for plan in &plans {
            let cost = cost(directory, plan, limit)?;
            if best.is_none_or(|(least, _)| cost < least) {
                best = Some((cost, plan));
            }
        }
        if let Some((cost, plan)) = best
            && (cost < limit || limit == MANY)
        {
            return Ok(plan.clone());
        }
    }
    Ok(Plan::Everything)
}

/// Which of two plans is preferred when both have many candidates.
fn rank(plan: &Plan) -> (usize, usize) {
    match plan {
        Plan::Ids(ids) => (0, ids.len()),
        Plan::Rows(Rows::Targets(..) | Rows::Sources(..)) => (1, 0),
        Plan::Rows(Rows::Term(_, Term::Trigram, _)) => (2, 0),
        Plan::Rows(Rows::Term(_, Term::Equality, _)) => (3, 0),
        Plan::Union(_) => (4, 0),
        Plan::Range(_) => (5, 0),
        Plan::Rows(Rows::Term(..)) => (6, 0),
        Plan::Everything => (7, 0),
    }
}

fn union(plans: impl Iterator<Item = Result<Plan>>) -> Result<Plan> {
    let mut parts = Vec::new();
    for plan in plans {
        match plan? {
            Plan::Everything => return Ok(Plan::Everything),
            Plan::Ids(ids) if ids.is_empty() => {}
            Plan::Union(inner) => parts.extend(inner),
            plan => parts.push(plan),
        }
    }
    Ok(match parts.len() {
        0 => Plan::nothing(),
        1 => parts.swap_remove(0),
        _ => Plan::Union(parts),
    })
}

fn of_test(directory: &Directory, test: &Test) -> Result<Plan> {
    if matches!(test.assertion, Assertion::Equal { dn: true, .. }) {
        return Ok(Plan::Everything);
    }
    union(test.attributes.iter().map(|attribute| of_attribute(directory, attribute, &test.assertion)))
}

fn of_attribute(directory: &Directory, attribute: &AttributeType, assertion: &Assertion) -> Result<Plan> {
    let id = attribute.id;
    let indexes = attribute.indexes;
    let source = Source::of(attribute);
    if !matches!(source, Source::Stored | Source::Created | Source::Modified | Source::EntryUuid) {
        return Ok(of_edges(id, source, assertion));
    }
    Ok(match assertion {
        Assertion::Present if indexes.presence && source == Source::Stored && id != KNOWN.object_class => {
            Plan::Rows(Rows::Term(id, Term::Presence, Vec::new()))
        }
        Assertion::Equal { rule, normal, .. } if attribute.equality == Some(*rule) && attribute.unique => {
            Plan::Ids(directory.holder(&Key::unique(id, &index::unique_term(normal)))?.into_iter().collect())
        }
        Assertion::Equal { rule, normal, .. } if attribute.equality == Some(*rule) && indexes.equality => {
            Plan::Rows(Rows::Term(id, Term::Equality, index::equality_term(normal).to_vec()))
        }
        Assertion::AtLeast { rule, key } if is_ordered(attribute, *rule) => {
            Plan::Range(Range { attribute: id, start: Vec::new(), from: Some(index::ordering_start(key)), to: None })
        }
        Assertion::AtMost { rule, key } | Assertion::Below { rule, key } if is_ordered(attribute, *rule) => {
            Plan::Range(Range { attribute: id, start: Vec::new(), from: None, to: Some(index::ordering_start(key)) })
        }
        Assertion::Like { rule, parts } => return of_substring(directory, attribute, *rule, parts),
        _ => Plan::Everything,
    })
}

fn is_ordered(attribute: &AttributeType, rule: MatchingRule) -> bool {
    attribute.indexes.ordering && index::ordering_rule(attribute) == Some(rule)
}

fn of_substring(directory: &Directory, attribute: &AttributeType, rule: MatchingRule, parts: &Substring) -> Result<Plan> {
    if attribute.substr != Some(rule) {
        return Ok(Plan::Everything);
    }
    let mut plans = Vec::new();
    if let Some(initial) = parts.prefix()
        && attribute.indexes.ordering
        && index::orders_like_substrings(attribute)
    {
        plans.push(Plan::Range(Range { attribute: attribute.id, start: index::ordering_start(initial), from: None, to: None }));
    }
    if attribute.indexes.substring {
        let trigrams = parts.pieces().flat_map(index::trigrams).take(MAX_TRIGRAMS);
        plans.extend(trigrams.map(|trigram| Plan::Rows(Rows::Term(attribute.id, Term::Trigram, trigram.to_vec()))));
    }
    cheapest(directory, plans)
}

fn of_edges(attribute: AttributeId, source: Source, assertion: &Assertion) -> Plan {
    let target = match assertion {
        Assertion::Names(Some(target)) => *target,
        Assertion::Names(None) => return Plan::nothing(),
        _ => return Plan::Everything,
    };
    let sources = |attribute| Plan::Rows(Rows::Sources(attribute, target));
    match source {
        Source::EntryDn => Plan::Ids(vec![target]),
        Source::Edges => sources(attribute),
        Source::MemberUid => Plan::Union(vec![sources(attribute), sources(KNOWN.member)]),
        Source::MemberOf => {
            Plan::Union(link::membership().into_iter().map(|attribute| Plan::Rows(Rows::Targets(attribute, target))).collect())
        }
        _ => Plan::Everything,
    }
}

//! Which rows to look at: the index rows that hold every entry a filter can be true for, and as few
//! others as can be told cheaply.

use super::way::{Range, Rows, Way, rank, union};
use super::{Scope, Search, branch};
use crate::directory::filter::{Assertion, Test};
use crate::directory::known::{KNOWN, Source};
use crate::directory::schema::AttributeType;
use crate::directory::value::{MatchingRule, Substring};
use crate::directory::{Directory, Filter, SUFFIX, Viewer, index, link};
use crate::model::{AttributeId, EntryId, Result};
use crate::policy::access;
use crate::store::{Key, Term};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Rows that a plan may be made of in a search that may take its time. A filter that would need
/// more is answered by going over all entries.
pub const THOROUGH: usize = 20_000;
/// So few candidates that nothing better is looked for.
const FEW: usize = 32;
/// Rows that are counted at most to compare two ways.
const MANY: usize = 2048;
/// Trigrams of an assertion that are compared at most.
const MAX_TRIGRAMS: usize = 8;
/// Stands for an entry of somebody else: no entry has this number.
const ANYBODY: EntryId = EntryId::new(0);

/// Where a search looks. It is made once and serves the whole search, in however many steps.
#[derive(Clone, Debug)]
pub struct Plan(pub(super) Option<Places>);

/// Entries by their ids, and rows that name entries.
#[derive(Clone, Debug)]
pub struct Places {
    /// In their order.
    pub ids: Arc<[EntryId]>,
    pub rows: Vec<Rows>,
}

/// What came of gathering the places of a way.
#[derive(PartialEq, Eq)]
enum Gathered {
    Places,
    Everything,
    TooMany,
}

/// Makes the plan of one search. What it reads for that is bounded, whatever the filter: ways that
/// cannot be counted any more are taken for long ones.
pub struct Planner<'a> {
    directory: &'a Directory,
    viewer: &'a Viewer,
    effort: usize,
    /// Rows that may still be counted.
    left: usize,
}

impl<'a> Planner<'a> {
    /// A planner that may read about that many rows.
    pub const fn new(directory: &'a Directory, viewer: &'a Viewer, effort: usize) -> Self {
        Self { directory, viewer, effort, left: effort }
    }

    /// Candidates by the filter, or by the scope where that promises fewer. `None` if a good plan
    /// takes more than the effort.
    pub fn plan(mut self, search: &Search<'_>) -> Result<Option<Plan>> {
        if search.scope == Scope::Base {
            return self.settle(&Way::Ids(vec![search.base]));
        }
        let by_filter = self.of(search.filter)?;
        if self.cost(&by_filter, FEW)? < FEW {
            return self.settle(&by_filter);
        }
        match search.scope {
            Scope::One => {
                let way = self.cheapest(vec![by_filter, Way::children(search.base)])?;
                self.settle(&way)
            }
            _ if search.base == SUFFIX => self.settle(&by_filter),
            _ if self.effort < THOROUGH => Ok(None),
            _ => match branch::below(self.directory, search.base)? {
                Some(ids) => self.settle(&Way::Ids(ids)),
                None => self.settle(&by_filter),
            },
        }
    }

    /// A way to the entries that a filter can be true for.
    fn of(&mut self, filter: &Filter) -> Result<Way> {
        match filter {
            Filter::And(parts) => {
                let ways = parts.iter().map(|part| self.of(part)).collect::<Result<Vec<_>>>()?;
                self.cheapest(ways)
            }
            Filter::Or(parts) => union(parts.iter().map(|part| self.of(part))),
            Filter::Not(_) => Ok(Way::Everything),
            Filter::Undefined => Ok(Way::nothing()),
            Filter::Test(test) => self.of_test(test),
        }
    }

    /// How many candidates a way has, counted up to `limit`; the greatest number if that cannot be
    /// told.
    fn cost(&mut self, way: &Way, limit: usize) -> Result<usize> {
        match way {
            Way::Everything => Ok(usize::MAX),
            Way::Ids(ids) => Ok(ids.len()),
            Way::Rows(rows) => {
                let found = self.directory.store.scan(&rows.prefix(), None);
                self.count(found.map(|row| row.map(drop).map_err(Into::into)), limit)
            }
            Way::Range(range) => {
                let found = range.rows(self.directory);
                self.count(found.map(|row| row.map(drop)), limit)
            }
            Way::Union(ways) => {
                let mut sum: usize = 0;
                for way in ways {
                    sum = sum.saturating_add(self.cost(way, limit)?);
                    if sum >= limit {
                        break;
                    }
                }
                Ok(sum)
            }
        }
    }

    fn count(&mut self, rows: impl Iterator<Item = Result<()>>, limit: usize) -> Result<usize> {
        let most = limit.min(self.left);
        let count = rows.take(most).try_fold(0, |count, row| row.map(|()| count + 1))?;
        self.left -= count;
        Ok(if count == most && most < limit { usize::MAX } else { count })
    }

    /// The way with the fewest candidates, as far as counting tells. Every way leads to all that is
    /// sought.
    fn cheapest(&mut self, ways: Vec<Way>) -> Result<Way> {
        if let Some(known) = ways.iter().filter(|way| matches!(way, Way::Ids(ids) if ids.len() < FEW)).min_by_key(|way| rank(way)) {
            return Ok(known.clone());
        }
        let mut ways: Vec<Way> = ways.into_iter().filter(|way| !matches!(way, Way::Everything)).collect();
        ways.sort_by_key(rank);
        for limit in [FEW, MANY] {
            let mut best: Option<(usize, &Way)> = None;
            for way in &ways {
                let cost = self.cost(way, limit)?;
                if best.is_none_or(|(least, _)| cost < least) {
                    best = Some((cost, way));
                }
            }
            if let Some((cost, way)) = best
                && (cost < limit || limit == MANY)
            {
                return Ok(way.clone());
            }
        }
        Ok(Way::Everything)
    }

    fn of_test(&mut self, test: &Test) -> Result<Way> {
        union(test.attributes.iter().map(|attribute| {
            if !access::may_filter(self.viewer, attribute.access, ANYBODY) {
                // Undefined for all entries but perhaps the own one. Looking no further also keeps
                // the time from telling what others' entries hold.
                return Ok(Way::Ids(self.viewer.entry.into_iter().collect()));
            }
            match &test.assertion {
                Assertion::Equal { dn: true, .. } => Ok(Way::Everything),
                assertion => self.of_attribute(attribute, assertion),
            }
        }))
    }

    fn of_attribute(&mut self, attribute: &AttributeType, assertion: &Assertion) -> Result<Way> {
        let id = attribute.id;
        let indexes = attribute.indexes;
        let source = Source::of(attribute);
        if !matches!(source, Source::Stored | Source::Created | Source::Modified | Source::EntryUuid) {
            return Ok(of_edges(id, source, assertion));
        }
        Ok(match assertion {
            Assertion::Present if indexes.presence && source == Source::Stored && id != KNOWN.object_class => {
                Way::Rows(Rows::Term(id, Term::Presence, Vec::new()))
            }
            Assertion::Equal { rule, normal, .. } if attribute.equality == Some(*rule) && attribute.unique => {
                Way::Ids(self.directory.holder(&Key::unique(id, &index::unique_term(normal)))?.into_iter().collect())
            }
            Assertion::Equal { rule, normal, .. } if attribute.equality == Some(*rule) && indexes.equality => {
                Way::Rows(Rows::Term(id, Term::Equality, index::equality_term(normal).to_vec()))
            }
            Assertion::Equal { rule, normal, .. } if attribute.equality == Some(*rule) && index::orders_like_equality(attribute) => {
                Way::Rows(Rows::Term(id, Term::Ordering, index::ordering_term(*rule, normal)))
            }
            Assertion::AtLeast { rule, key } if is_ordered(attribute, *rule) => {
                Way::Range(Range { attribute: id, start: Vec::new(), from: Some(index::ordering_start(*rule, key)), to: None })
            }
            Assertion::AtMost { rule, key } | Assertion::Below { rule, key } if is_ordered(attribute, *rule) => {
                Way::Range(Range { attribute: id, start: Vec::new(), from: None, to: Some(index::ordering_start(*rule, key)) })
            }
            Assertion::Like { rule, parts } => return self.of_substring(attribute, *rule, parts),
            _ => Way::Everything,
        })
    }

    fn of_substring(&mut self, attribute: &AttributeType, rule: MatchingRule, parts: &Substring) -> Result<Way> {
        if attribute.substr != Some(rule) {
            return Ok(Way::Everything);
        }
        let mut ways = Vec::new();
        if let Some(initial) = parts.prefix()
            && attribute.indexes.ordering
            && index::orders_like_substrings(attribute)
        {
            ways.push(Way::Range(Range { attribute: attribute.id, start: index::ordering_start(rule, initial), from: None, to: None }));
        }
        if attribute.indexes.substring {
            let trigrams = parts.pieces().flat_map(index::trigrams).take(MAX_TRIGRAMS);
            ways.extend(trigrams.map(|trigram| Way::Rows(Rows::Term(attribute.id, Term::Trigram, trigram.to_vec()))));
        }
        self.cheapest(ways)
    }

    /// The plan that a way is. `None` if it is longer than the effort, unless there is no greater
    /// one.
    fn settle(&mut self, way: &Way) -> Result<Option<Plan>> {
        if let Way::Ids(ids) = way
            && ids.len() <= 1
        {
            return Ok(Some(Plan(Some(Places { ids: ids.as_slice().into(), rows: Vec::new() }))));
        }
        self.left = self.effort;
        let (mut ids, mut rows) = (BTreeSet::new(), Vec::new());
        Ok(match self.gather(way, &mut ids, &mut rows)? {
            Gathered::Places => Some(Plan(Some(Places { ids: ids.into_iter().collect(), rows }))),
            Gathered::TooMany if self.effort < THOROUGH => None,
            Gathered::TooMany | Gathered::Everything => Some(Plan(None)),
        })
    }

    fn gather(&mut self, way: &Way, ids: &mut BTreeSet<EntryId>, rows: &mut Vec<Rows>) -> Result<Gathered> {
        match way {
            Way::Everything => return Ok(Gathered::Everything),
            Way::Ids(known) => ids.extend(known),
            Way::Rows(known) => rows.push(known.clone()),
            Way::Range(range) => {
                for id in range.rows(self.directory) {
                    if self.left == 0 {
                        return Ok(Gathered::TooMany);
                    }
                    self.left -= 1;
                    ids.insert(id?);
                }
            }
            Way::Union(ways) => {
                for way in ways {
                    let gathered = self.gather(way, ids, rows)?;
                    if gathered != Gathered::Places {
                        return Ok(gathered);
                    }
                }
            }
        }
        Ok(Gathered::Places)
    }
}

fn is_ordered(attribute: &AttributeType, rule: MatchingRule) -> bool {
    attribute.indexes.ordering && index::ordering_rule(attribute) == Some(rule)
}

fn of_edges(attribute: AttributeId, source: Source, assertion: &Assertion) -> Way {
    let target = match assertion {
        Assertion::Names(Some(target)) => *target,
        Assertion::Names(None) => return Way::nothing(),
        _ => return Way::Everything,
    };
    let sources = |attribute| Way::Rows(Rows::Sources(attribute, target));
    match source {
        Source::EntryDn => Way::Ids(vec![target]),
        Source::Edges => sources(attribute),
        Source::MemberUid => Way::Union(vec![sources(attribute), sources(KNOWN.member)]),
        Source::MemberOf => {
            Way::Union(link::membership().into_iter().map(|attribute| Way::Rows(Rows::Targets(attribute, target))).collect())
        }
        _ => Way::Everything,
    }
}

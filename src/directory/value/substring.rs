//! Substring assertions (RFC 4517, section 4.2.6; RFC 4518, section 2.6.1).

use super::prepare::{double_spaces, expand};
use super::rule::Family;
use super::{MatchingRule, normalise_part};
use crate::model::{Error, Result, error::Rule};
use memchr::memmem;

/// Where a part of a substring assertion stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// At the beginning.
    Initial,
    /// Anywhere.
    Any,
    /// At the end.
    Final,
}

/// A substring assertion whose parts are in normal form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Substring {
    initial: Option<Vec<u8>>,
    any: Vec<Vec<u8>>,
    last: Option<Vec<u8>>,
    /// The parts as they are compared, where a space at the edge of a part makes a difference.
    expanded: Option<Parts>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Parts {
    initial: Vec<u8>,
    any: Vec<Vec<u8>>,
    last: Vec<u8>,
}

impl Substring {
    /// Normalises the parts for a substring rule; Rule::InappropriateMatching if it is none,
    /// Rule::Syntax if a part does not fit it.
    pub fn new(rule: MatchingRule, initial: Option<&[u8]>, any: &[&[u8]], last: Option<&[u8]>) -> Result<Self> {
        if !rule.is_substrings() {
            return Err(Error::invalid(Rule::InappropriateMatching, format!("{} does not compare parts of values", rule.name())));
        }
        let initial = initial.map(|part| normalise_part(rule, Part::Initial, part)).transpose()?;
        let any = any.iter().map(|part| normalise_part(rule, Part::Any, part)).collect::<Result<Vec<_>>>()?;
        let last = last.map(|part| normalise_part(rule, Part::Final, part)).transpose()?;
        let has_words = matches!(rule.family(), Family::Text(_) | Family::Ia5(_) | Family::List);
        let holds_space = initial.iter().chain(&any).chain(&last).any(|part| part.contains(&b' '));
        let expanded = (has_words && holds_space).then(|| Parts {
            initial: initial.as_deref().map(|part| expand_part(part, Part::Initial)).unwrap_or_default(),
            any: any.iter().map(|part| expand_part(part, Part::Any)).collect(),
            last: last.as_deref().map(|part| expand_part(part, Part::Final)).unwrap_or_default(),
        });
        Ok(Self { initial, any, last, expanded })
    }

    /// What the normal form of every value that matches begins with; for an index.
    pub fn prefix(&self) -> Option<&[u8]> {
        self.initial.as_deref().map(trim).filter(|part| !part.is_empty())
    }

    /// What the normal form of every value that matches holds somewhere; for an index.
    pub fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        self.initial.iter().chain(&self.any).chain(&self.last).map(|part| trim(part)).filter(|part| !part.is_empty())
    }

    /// Whether a value matches, whose normal form for the same rule is `normalised`.
    pub fn matches(&self, normalised: &[u8]) -> bool {
        match &self.expanded {
            Some(parts) => matches(&expand(normalised), &parts.initial, &parts.any, &parts.last),
            None => matches(normalised, self.initial.as_deref().unwrap_or_default(), &self.any, self.last.as_deref().unwrap_or_default()),
        }
    }
}

fn matches(value: &[u8], initial: &[u8], any: &[Vec<u8>], last: &[u8]) -> bool {
    let Some(mut rest) = value.strip_prefix(initial).and_then(|rest| rest.strip_suffix(last)) else { return false };
    for part in any {
        let found = memmem::find(rest, part).and_then(|position| rest.get(position + part.len()..));
        let Some(after) = found else { return false };
        rest = after;
    }
    true
}

fn expand_part(part: &[u8], place: Part) -> Vec<u8> {
    let core = trim(part);
    if core.is_empty() {
        return if part.is_empty() { Vec::new() } else { vec![b' '] };
    }
    let mut expanded = Vec::with_capacity(part.len() + 4);
    if place == Part::Initial || part.starts_with(b" ") {
        expanded.push(b' ');
    }
    double_spaces(core, &mut expanded);
    if place == Part::Final || part.ends_with(b" ") {
        expanded.push(b' ');
    }
    expanded
}

fn trim(part: &[u8]) -> &[u8] {
    part.trim_ascii()
}

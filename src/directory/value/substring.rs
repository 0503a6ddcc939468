//! Substring assertions (RFC 4517, section 4.2.6).

use super::MatchingRule;
use crate::model::Result;

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
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Substring {
    /// What the value begins with.
    pub initial: Option<Vec<u8>>,
    /// What it holds, in this order, without overlap.
    pub any: Vec<Vec<u8>>,
    /// What it ends with.
    pub last: Option<Vec<u8>>,
}

impl Substring {
    /// Normalises the parts for a substring rule.
    pub fn new(_rule: MatchingRule, _initial: Option<&[u8]>, _any: &[&[u8]], _last: Option<&[u8]>) -> Result<Self> {
        todo!()
    }

    /// Whether a value matches, whose normal form for the same rule is `normalised`.
    pub fn matches(&self, _normalised: &[u8]) -> bool {
        todo!()
    }
}

//! Pools.

use crate::pool::Settings;
use serde::{Deserialize, Serialize};

/// A pool to create.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewPool {
    /// Its name in URLs: letters, digits, hyphens. Fixed for ever.
    pub slug: String,
    /// The DN at the top of its tree; `o={slug}` if not given. Fixed for ever.
    pub suffix: Option<String>,
    /// What people see; the slug if not given.
    pub display_name: Option<String>,
    /// Its settings; what is left out has its default.
    #[serde(default)]
    pub settings: Settings,
}

/// What may change about a pool.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PoolChange {
    /// What people see.
    pub display_name: Option<String>,
    /// All settings anew; what is left out goes back to its default.
    pub settings: Option<Settings>,
}

/// A pool.
#[derive(Debug, Serialize, Deserialize)]
pub struct PoolDocument {
    /// Its number.
    pub id: u32,
    /// Its name in URLs.
    pub slug: String,
    /// The DN at the top of its tree.
    pub suffix: String,
    /// What people see.
    pub display_name: String,
    /// `active` or `suspended`.
    pub status: String,
    /// Its settings.
    pub settings: Settings,
}

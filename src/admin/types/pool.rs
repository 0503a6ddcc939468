//! Pools.

use crate::admin::patch::Document;
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

/// A pool. What cannot be changed may stand in a patch as it is.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PoolDocument {
    /// Its number.
    pub id: u32,
    /// Its name in URLs.
    pub slug: String,
    /// The DN at the top of its tree.
    pub suffix: String,
    /// What people see; the slug if null.
    pub display_name: Option<String>,
    /// `active` or `suspended`.
    pub status: String,
    /// Its settings.
    #[serde(default)]
    pub settings: Settings,
}

impl Document for PoolDocument {
    const NOUN: &'static str = "pool";
    const FIXED: &'static [&'static str] = &["id", "slug", "suffix", "status"];
}

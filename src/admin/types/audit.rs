//! Audit events.

use serde::{Deserialize, Serialize};

/// What happened, who did it, and how it ended.
#[derive(Debug, Serialize, Deserialize)]
pub struct EventDocument {
    /// When (RFC 3339).
    pub at: String,
    /// What, such as `bind` or `entry-modify`.
    pub action: String,
    /// `success` or `failure`.
    pub outcome: String,
    /// Who.
    pub actor: String,
    /// The number of their entry. A name can be given again, a number never is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry: Option<u64>,
    /// Through which face.
    pub face: String,
    /// From which address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// To what.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The true reason of a failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// How often, for events that are counted.
    pub count: u64,
}

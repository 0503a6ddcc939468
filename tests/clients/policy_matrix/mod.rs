//! One engine behind every face: every reason for which somebody is not let in, through every way
//! in. The verdict is the same, the audit log tells the same true reason, and nobody outside can
//! tell a name that nobody has from a wrong password: the bytes are equal and so is the work.

mod at_once;
mod filled;
mod lockout;
mod sources;
mod verdicts;

use crate::harness::TestServer;
use serde_json::{Value, json};

/// Failures that lock.
const THRESHOLD: usize = 5;

/// The demo with a low threshold, so that locks come soon.
async fn demo() -> TestServer {
    let server = TestServer::demo().await;
    server.settings("acme", |settings| settings["lockout"]["threshold"] = json!(THRESHOLD)).await;
    server
}

/// What an audit event says of an attempt: action, face, reason (empty for a success), and who: the
/// actor's DN, or that the name is unknown.
fn summary(event: &Value) -> [String; 4] {
    let text = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
    let who = if text("target").starts_with("name-hash:") { "unknown".to_owned() } else { text("actor") };
    [text("action"), text("face"), text("reason"), who]
}

/// The events of the log after the first `known`, each with how often it was counted, in the order
/// of their text.
async fn attempts_since(server: &TestServer, known: usize) -> Vec<([String; 4], u64)> {
    let events = server.audit("acme").await;
    let mut attempts: Vec<_> = events[known..].iter().map(|event| (summary(event), event["count"].as_u64().unwrap())).collect();
    attempts.sort();
    attempts
}

/// An expected event.
fn expected(action: &str, face: &str, reason: &str, who: &str) -> [String; 4] {
    [action, face, reason, who].map(str::to_owned)
}

/// The DN of a user of `acme`.
fn dn(uid: &str) -> String {
    format!("uid={uid},ou=people,o=acme")
}

//! What a connection may cost.

use super::codec;
use std::time::Duration;

/// Limits of each connection of the LDAP face. How many connections there may be is for the
/// listener to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Messages before a bind.
    pub unbound: codec::Limits,
    /// Messages after a bind.
    pub bound: codec::Limits,
    /// How long a connection may be silent before a bind.
    pub unbound_idle: Duration,
    /// How long a connection may be silent after a bind.
    pub bound_idle: Duration,
    /// How long a message may take to arrive once it has begun, and a TLS handshake to end.
    pub arrival: Duration,
    /// How long a message that is larger than what a connection may hold by itself may take to
    /// arrive while others wait for its room.
    pub pace: Duration,
    /// How long a peer may take to read something of what waits for it.
    pub write: Duration,
    /// Octets a second that a peer must take of what waits for it, on average: a slow reader is not
    /// to hold the memory of a large answer for long.
    pub slowest: usize,
    /// Octets that a connection may hold of a message that arrives, as many of answers that wait,
    /// and as many of messages that ask for modifies under way. What is more comes out of what all
    /// may hold together, and a modify is done alone.
    pub own: usize,
    /// Octets that all connections together may hold of messages that are larger than what each may
    /// hold by itself.
    pub all_input: usize,
    /// Octets that all connections together may hold of answers that are larger than what each may
    /// hold by itself.
    pub all_output: usize,
    /// Modifies that a connection may have under way at once.
    pub changes: usize,
    /// Octets of answers that may wait before a search pauses.
    pub output: usize,
    /// Octets of later requests that are looked at while a search runs, to find an abandon.
    pub read_ahead: usize,
    /// The most entries that one search returns, or one page of it.
    pub search_entries: u32,
    /// How long one search may run.
    pub search_time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            unbound: codec::Limits::UNBOUND,
            bound: codec::Limits::BOUND,
            unbound_idle: Duration::from_secs(60),
            bound_idle: Duration::from_secs(60 * 60),
            arrival: Duration::from_secs(30),
            pace: Duration::from_secs(3),
            write: Duration::from_secs(60),
            slowest: 16 << 10,
            own: 64 << 10,
            all_input: 128 << 20,
            all_output: 256 << 20,
            changes: 16,
            output: 256 << 10,
            read_ahead: 64 << 10,
            search_entries: 100_000,
            search_time: Duration::from_secs(60),
        }
    }
}

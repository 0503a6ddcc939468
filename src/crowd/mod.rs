//! Who waits and who gives way where not all can be served at once: connections ([`gate`]),
//! requests ([`requests`]), and the time of a thread ([`rounds`]).
//!
//! Strangers are told apart by their network address and by nothing else, so all of it is counted
//! for each address. No limit here closes a door to others: whoever takes most gives way, or waits.
//! Knows nothing of protocols; faces say when somebody is no stranger any more.

pub mod gate;
pub mod requests;
pub mod rounds;

pub use gate::{Gate, Guest, Pass, Room, Settled};

//! Who waits and who gives way where not all can be served at once: connections and requests
//! ([`gate`]), the turns of requests ([`requests`]), and the time of a thread ([`rounds`]).
//!
//! Strangers are told apart by their network address, since there is nothing else; who has shown
//! who they are, by that. Whoever takes most gives way or waits first, so that nobody closes a door
//! to others. Knows nothing of protocols: faces say for whom something is done, and who is no
//! stranger any more.

pub mod gate;
pub mod requests;
pub mod rounds;

pub use gate::{Busy, Gate, Guest, Room, Settled};

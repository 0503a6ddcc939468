//! Pure decisions: may this password be set, is this identity locked, is this session over, who may
//! see and change what.
//!
//! Uses `model` only. Never reads, writes or asks for the time: callers bring the facts and `now`,
//! so that every face gets the same answer and every rule is tested as a table.

pub mod access;
pub mod clock;
pub mod lockout;
pub mod password;
pub mod secret;
pub mod session;

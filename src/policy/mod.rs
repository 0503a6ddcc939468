//! The policy room.

pub mod access;

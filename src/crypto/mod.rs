//! The crypto room.

pub mod xml;

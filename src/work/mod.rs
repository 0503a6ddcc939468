//! The work room.

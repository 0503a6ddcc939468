//! The login room.

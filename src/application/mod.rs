//! The application room.

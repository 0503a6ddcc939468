//! The federation room.

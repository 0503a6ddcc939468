//! The authn room.

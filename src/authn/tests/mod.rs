//! The drivers against the real store.

mod bind;
mod cache;
mod edit;
mod interactive;
mod sessions;

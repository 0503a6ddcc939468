//! The drivers against the real store.

mod bearer;
mod bind;
mod cache;
mod edit;
mod federated;
mod interactive;
mod sessions;
mod upstream;

//! The drivers against the real store.

mod authority;
mod away;
mod bearer;
mod bind;
mod cache;
mod edit;
mod federated;
mod filled;
mod interactive;
mod lockout;
mod names;
mod recent;
mod sessions;
mod upstream;
mod waiting;

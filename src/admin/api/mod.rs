//! The handlers of the API, one file for each kind of thing, and the table of their paths.

mod attributes;
mod audit;
mod clients;
mod entries;
mod groups;
mod identity_providers;
mod pools;
mod reply;
mod routes;
mod service_providers;
mod services;
mod transfer;
mod users;

pub use routes::routes;

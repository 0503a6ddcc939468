//! The documents of the API. Names are those of the field; times are RFC 3339 text; secrets are
//! shown once, when they are made. What may hold a secret has no `Debug`, so that none ends up in a
//! log.

mod application;
mod audit;
mod entry;
mod item;
mod pool;
mod provider;
mod transfer;

pub use crate::pool::Settings;
pub use application::{
    AcsDocument, AttributeDocument, ClientCreated, ClientDocument, NewClient, NewSecret, SecretMade, ServiceProviderDocument,
};
pub use audit::EventDocument;
pub use entry::{EntryDocument, Generated, Member, NewGroup, NewPassword, NewService, NewUser};
pub use item::{Item, UnreadableItem};
pub use pool::{NewPool, PoolDocument};
pub use provider::{MappingDocument, ProviderDocument};
pub use transfer::{GivenUp, ImportLine, ImportReport, Problem};

use serde::{Deserialize, Serialize};

/// A part of a list.
#[derive(Debug, Serialize, Deserialize)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// What to send as `after` for the next part; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

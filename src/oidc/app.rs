//! What the handlers of this room hold.

use crate::authn::{Core, Origin};
use crate::directory::Directory;
use crate::entrance::Entrance;
use crate::model::{Face, Timestamp};
use crate::web::PoolRequest;
use std::sync::Arc;

/// The core, and the way through a login.
pub struct App {
    pub(super) core: Arc<Core>,
    pub(super) entrance: Entrance,
}

impl App {
    /// The provider that sends people through that entrance, over the core behind it.
    pub fn new(entrance: Entrance) -> Self {
        Self { core: Arc::clone(entrance.core()), entrance }
    }

    /// The present moment.
    pub(super) fn now(&self) -> Timestamp {
        self.core.clock.now()
    }

    /// Where a request comes from.
    pub(super) fn origin(request: &PoolRequest) -> Origin {
        Origin { face: Face::Oidc, address: Some(request.peer) }
    }

    /// The entries of the request's pool.
    pub(super) fn directory(request: &PoolRequest) -> Directory {
        Directory::new(&request.pool)
    }
}

//! What the handlers of this room hold.

use crate::authn::{BrowserKey, Core, Origin, Session};
use crate::directory::Directory;
use crate::model::{Face, Result, Timestamp};
use crate::web::cookie::{self, Purpose};
use crate::web::{PoolRequest, browser};
use std::sync::Arc;

/// The core.
pub struct App {
    pub(super) core: Arc<Core>,
}

impl App {
    /// The provider over that core.
    pub const fn new(core: Arc<Core>) -> Self {
        Self { core }
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

    /// The session of the browser, with its cookie, if there is a usable one.
    pub(super) async fn session(&self, request: &PoolRequest) -> Result<Option<Session>> {
        match cookie::get(request, Purpose::Session) {
            Some(cookie) => self.core.session(&request.pool, &cookie).await,
            None => Ok(None),
        }
    }

    /// The key of the browser, if it has one.
    pub(super) fn browser(request: &PoolRequest) -> Option<BrowserKey> {
        browser::existing(request).map(|key| BrowserKey::from_cookie(key.expose()))
    }
}

//! The way through a login, one for every face whose requests need somebody who is logged in.
//!
//! ```text
//!  request ─── the face decides ──┬─ a session is enough ─────────────────────► its answer
//!                                 └─ login page, the request sealed in its form
//!                                       │ POST: proof, and one commit: session and request stored
//!                                       ▼
//!  ?interaction=… ◄─────────── 303 to the face, which decides again, answers, and takes the request out of the store
//!
//!  POST of another site ─── page whose form posts itself, the request sealed in it ─── POST with our cookies: the face decides
//! ```
//!
//! Owns that way, and what travels on it in forms and cookies. Uses `web` and `authn`. Decides
//! neither whether a login is needed, which is the face's, nor who somebody is, which is `authn`'s;
//! it knows the login page as a function that is handed to it, since no face may import the room
//! that has the pages.

mod handover;
mod returned;

pub use handover::Posted;
pub use returned::{Returned, SEALED_REQUEST, Void, returned};

use crate::authn::{BrowserKey, Core, Interaction, NewInteraction, Place, ReturnPoint, Session};
use crate::model::{Error, Result, Secret};
use crate::store::Changes;
use crate::web::cookie::{self, Purpose};
use crate::web::{PoolRequest, Response, browser};
use std::sync::Arc;

/// Shows the login page to a browser.
pub type LoginPage = fn(&PoolRequest, &Visit<'_>) -> Response;

/// What a login page is shown for.
#[derive(Clone, Copy)]
pub struct Visit<'a> {
    /// The request, sealed for the login pages and this browser: its form carries it in the field
    /// [`SEALED_REQUEST`].
    pub sealed: &'a str,
    /// The application's display name.
    pub application: &'a str,
    /// Whom the application expects.
    pub login_hint: Option<&'a str>,
    /// The key of the browser.
    pub browser: &'a Secret<String>,
}

impl<'a> Visit<'a> {
    /// The visit of a browser that has brought the sealed request back.
    pub fn again(returned: &'a Returned) -> Self {
        let Returned { interaction, sealed, browser } = returned;
        Self::of(interaction, sealed, browser)
    }

    /// The visit of a browser with that key to a page in which the request travels, sealed for
    /// both.
    pub fn of(interaction: &'a Interaction, sealed: &'a str, browser: &'a Secret<String>) -> Self {
        let (application, login_hint) = (interaction.application(), interaction.demands().login_hint.as_deref());
        Self { sealed, application, login_hint, browser }
    }
}

/// What a face holds to send people through a login.
#[derive(Clone)]
pub struct Entrance {
    core: Arc<Core>,
    login_page: LoginPage,
}

/// Where a login goes back to, and what is posted from another site.
pub const fn path(face: ReturnPoint) -> &'static str {
    match face {
        ReturnPoint::Authorize => "/oauth2/authorize",
        ReturnPoint::SamlSso => "/saml2/sso",
    }
}

impl Entrance {
    /// The way through those login pages.
    pub fn new(core: Arc<Core>, login_page: LoginPage) -> Self {
        Self { core, login_page }
    }

    /// The core behind it.
    pub const fn core(&self) -> &Arc<Core> {
        &self.core
    }

    /// The session of the browser, if there is a usable one.
    pub async fn session(&self, request: &PoolRequest) -> Result<Option<Session>> {
        match cookie::get(request, Purpose::Session) {
            Some(cookie) => self.core.session(&request.pool, &cookie).await,
            None => Ok(None),
        }
    }

    /// A request that begins to wait now. It travels with its browser; nothing is stored.
    pub fn begin(&self, new: NewInteraction) -> Result<Interaction> {
        self.core.interaction(new)
    }

    /// Answers with the login page, in whose form the request travels.
    pub fn log_in(&self, request: &PoolRequest, interaction: &Interaction) -> Result<Response> {
        arrive(&self.core, request, interaction, |visit| (self.login_page)(request, visit))
    }

    /// The request as the form of a question carries it that the face itself asks, for its field
    /// [`SEALED_REQUEST`]; `None` if the browser has sent no key of ours.
    pub fn seal_question(&self, request: &PoolRequest, interaction: &Interaction) -> Result<Option<String>> {
        let Some(browser) = browser::existing(request) else { return Ok(None) };
        self.core.seal(&request.pool, interaction, Place::Question(interaction.return_point()), &key(&browser)).map(Some)
    }

    /// The request to which a browser comes back after a login; `None` if it is over, answered,
    /// another face's or another browser's.
    pub fn waiting(&self, request: &PoolRequest, id: &str, face: ReturnPoint) -> Result<Option<Interaction>> {
        let Some(browser) = browser::existing(request) else { return Ok(None) };
        self.core.waiting(&request.pool, id, face, &key(&browser))
    }

    /// Whether a request that was stored waits no longer: it was answered already, or is over.
    pub fn is_answered(&self, request: &PoolRequest, interaction: &Interaction) -> Result<bool> {
        Ok(interaction.is_stored() && self.waiting(request, &interaction.id().to_text(), interaction.return_point())?.is_none())
    }

    /// Ends a request that is stored within the commit that answers it, so that one login answers
    /// it once: the commit conflicts if it was answered already. One that has only travelled has
    /// nothing to end.
    pub fn consume(&self, request: &PoolRequest, interaction: &Interaction, changes: &mut Changes) -> Result<()> {
        if !interaction.is_stored() {
            return Ok(());
        }
        let browser = browser::existing(request).ok_or_else(|| Error::internal("a stored request is answered to nobody's browser"))?;
        self.core.consume(&request.pool, interaction, &key(&browser), changes)
    }
}

/// Shows a browser a login page in whose form the request travels, sealed for that browser.
pub fn arrive(
    core: &Core,
    request: &PoolRequest,
    interaction: &Interaction,
    page: impl FnOnce(&Visit<'_>) -> Response,
) -> Result<Response> {
    let browser = browser::key(request, core.entropy.as_ref());
    let sealed = core.seal(&request.pool, interaction, Place::Login, &key(&browser.key))?;
    Ok(browser.keep(page(&Visit::of(interaction, &sealed, &browser.key))))
}

/// What ties a request to the browser of that cookie.
pub fn key(browser: &Secret<String>) -> BrowserKey {
    BrowserKey::from_cookie(browser.expose())
}

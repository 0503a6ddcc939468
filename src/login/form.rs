//! The login page: showing it, and taking what it sends.

use super::{dispatch, pages};
use crate::authn::{BrowserKey, BrowserMark, Core, Interaction, Kept, Message, Origin};
use crate::model::error::Denial;
use crate::model::{Face, Kind, Secret};
use crate::web::cookie::{self, Purpose};
use crate::web::form::Form;
use crate::web::http::StatusCode;
use crate::web::page::{self, PageError};
use crate::web::{PoolRequest, Response, browser, csrf};
use std::sync::Arc;

/// Shows the login page of a waiting request.
pub async fn show(core: Arc<Core>, request: PoolRequest) -> Result<Response, PageError> {
    let query = Form::parse(request.query.as_bytes()).unwrap_or_default();
    let Some(id) = query.get("interaction") else {
        return Ok(page::message(&request, StatusCode::OK, "elsewhere-title", "elsewhere-text", None));
    };
    let (interaction, browser) = waiting(&core, &request, id)?;
    let username = interaction.demands().login_hint.clone().unwrap_or_default();
    pages::login(&request, &interaction, &browser, &username, None)
}

/// Takes a name and a password.
pub async fn submit(core: Arc<Core>, request: PoolRequest) -> Result<Response, PageError> {
    let query = Form::parse(request.query.as_bytes()).unwrap_or_default();
    let fields = Form::parse(&request.body).unwrap_or_default();
    let id = query.get("interaction").ok_or_else(|| PageError::expired(&request))?;
    let (interaction, browser) = waiting(&core, &request, id)?;
    if !csrf::is_ours(&request, &purpose(&interaction), fields.get(csrf::FIELD)) {
        return Err(PageError::foreign_form(&request));
    }
    let username = fields.get("username").unwrap_or_default().trim();
    let password = Secret::from(fields.get("password").unwrap_or_default());
    let (session, mark) = kept(&request);
    let kept = Kept { session: session.as_deref(), mark: mark.as_ref() };
    let key = BrowserKey::from_cookie(browser.expose());
    let step = core.login_password(&request.pool, id, &key, username, &password, kept, origin(&request)).await;
    match step {
        Ok(step) => dispatch::follow(&request, &interaction, &browser, username, step),
        Err(error) if matches!(error.kind(), Kind::Unavailable(_)) => {
            pages::login(&request, &interaction, &browser, username, Some(pages::Notice::Busy))
        }
        Err(error) if matches!(error.kind(), Kind::Denied(denial) if *denial != Denial::LoginRequired) => {
            pages::login(&request, &interaction, &browser, username, Some(pages::Notice::Of(Message::Credentials)))
        }
        Err(error) => Err(PageError::of(&request, &error)),
    }
}

/// The waiting request of that id, if it is this browser's, and the browser's key.
pub(super) fn waiting(core: &Core, request: &PoolRequest, id: &str) -> Result<(Interaction, Secret<String>), PageError> {
    let browser = browser::existing(request).ok_or_else(|| PageError::expired(request))?;
    let found = core.interaction(&request.pool, id, &BrowserKey::from_cookie(browser.expose()));
    let interaction = found.map_err(|error| PageError::of(request, &error))?;
    interaction.map(|interaction| (interaction, browser)).ok_or_else(|| PageError::expired(request))
}

/// What a browser sends of earlier logins: its session, and that it was used before.
pub(super) fn kept(request: &PoolRequest) -> (Option<String>, Option<BrowserMark>) {
    let mark = cookie::get(request, Purpose::Mark).as_deref().and_then(BrowserMark::from_cookie);
    (cookie::get(request, Purpose::Session), mark)
}

/// What the form token of an interaction's login page is for.
pub(super) fn purpose(interaction: &Interaction) -> String {
    format!("login {}", interaction.id().as_str())
}

/// Where a login comes from.
pub(super) fn origin(request: &PoolRequest) -> Origin {
    Origin { face: Face::Login, address: Some(request.peer) }
}

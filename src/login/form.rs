//! The login page: showing it, and taking what it sends.

use super::{dispatch, pages};
use crate::authn::{BrowserMark, Core, Kept, Message, Origin, Place};
use crate::crypto::digest;
use crate::entrance::{self, Returned, Visit, Void};
use crate::model::error::Denial;
use crate::model::{Face, Kind, Secret};
use crate::web::cookie::{self, Purpose};
use crate::web::form::Form;
use crate::web::http::StatusCode;
use crate::web::page::{self, PageError};
use crate::web::{PoolRequest, Response, csrf};
use std::sync::Arc;

/// Nobody begins here: the request of an application is what a login page is shown for.
pub async fn show(_: Arc<Core>, request: PoolRequest) -> Result<Response, PageError> {
    Ok(page::message(&request, StatusCode::OK, "elsewhere-title", "elsewhere-text", None))
}

/// Takes a name and a password.
pub async fn submit(core: Arc<Core>, request: PoolRequest) -> Result<Response, PageError> {
    let (fields, returned) = match returned(&core, &request) {
        Ok(returned) => returned,
        Err(page) => return Ok(*page),
    };
    let username = fields.get("username").unwrap_or_default().trim();
    let password = Secret::from(fields.get("password").unwrap_or_default());
    let (session, mark) = kept(&request);
    let kept = Kept { session: session.as_deref(), mark: mark.as_ref() };
    let Returned { interaction, browser, .. } = &returned;
    let (key, origin) = (entrance::key(browser), origin(&request));
    let step = core.login_password(&request.pool, interaction, &key, username, &password, kept, origin).await;
    let again = |notice| pages::login(&request, &Visit::again(&returned), username, Some(notice));
    match step {
        Ok(step) => dispatch::follow(&request, &returned, username, step),
        Err(error) if matches!(error.kind(), Kind::Unavailable(_)) => again(pages::Notice::Busy),
        Err(error) if matches!(error.kind(), Kind::Denied(denial) if *denial != Denial::LoginRequired) => {
            again(pages::Notice::Of(Message::Credentials))
        }
        Err(error) => Err(PageError::of(&request, &error)),
    }
}

/// The fields of a form of the login pages, and the request that came back in it, if we gave that
/// form to this browser; otherwise a page that says why not, or that asks anew.
pub(super) fn returned(core: &Core, request: &PoolRequest) -> Result<(Form, Returned), Box<Response>> {
    let fields = Form::parse(&request.body).unwrap_or_default();
    let page = |page: PageError| Box::new(page.into());
    match entrance::returned(core, request, &fields, Place::Login) {
        Ok(returned) if csrf::is_ours(request, &purpose(&returned.sealed), fields.get(csrf::FIELD)) => Ok((fields, returned)),
        // Once more, for the browser as it is now.
        Err(Void::Another(interaction)) if !csrf::is_foreign(request) => {
            let username = fields.get("username").unwrap_or_default();
            let again = |visit: &Visit<'_>| pages::login(request, visit, username, Some(pages::Notice::Again)).unwrap_or_else(Into::into);
            let shown = entrance::arrive(core, request, &interaction, again);
            Err(shown.map_or_else(|error| page(PageError::of(request, &error)), Box::new))
        }
        Ok(_) | Err(Void::Another(_)) => Err(page(PageError::foreign_form(request))),
        Err(Void::Page(wrong)) => Err(page(wrong)),
    }
}

/// What a browser sends of earlier logins: its session, and that it was used before.
pub(super) fn kept(request: &PoolRequest) -> (Option<String>, Option<BrowserMark>) {
    let mark = cookie::get(request, Purpose::Mark).as_deref().and_then(BrowserMark::from_cookie);
    (cookie::get(request, Purpose::Session), mark)
}

/// What the form token of a login page is for.
pub(super) fn purpose(sealed: &str) -> String {
    format!("login {}", digest::base64url(&digest::sha256(sealed.as_bytes())))
}

/// Where a login comes from.
pub(super) fn origin(request: &PoolRequest) -> Origin {
    Origin { face: Face::Login, address: Some(request.peer) }
}

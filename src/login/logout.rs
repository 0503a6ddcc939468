//! Leaving a pool.

use super::form::origin;
use super::{LoginError, pages};
use crate::authn::Core;
use crate::web::cookie::{self, Purpose};
use crate::web::form::Form;
use crate::web::http::StatusCode;
use crate::web::http::header::SET_COOKIE;
use crate::web::{PoolRequest, Response, browser, csrf, page, with_header};
use std::sync::Arc;

/// What the form token of the page is for.
const PURPOSE: &str = "logout";

/// Asks whether to leave. A link alone must not end a session.
pub async fn ask(core: Arc<Core>, request: PoolRequest) -> Result<Response, LoginError> {
    let browser = browser::key(&request, core.entropy.as_ref());
    let response = pages::logout(&request, &csrf::token(&browser.key, PURPOSE));
    Ok(match &browser.set_cookie {
        Some(cookie) => with_header(response, SET_COOKIE, cookie),
        None => response,
    })
}

/// Ends the session.
pub async fn leave(core: Arc<Core>, request: PoolRequest) -> Result<Response, LoginError> {
    let fields = Form::parse(&request.body).unwrap_or_default();
    let is_ours = browser::existing(&request).is_some_and(|browser| csrf::matches(&browser, PURPOSE, fields.get(csrf::FIELD)));
    if !is_ours {
        return Err(LoginError::foreign_form(&request));
    }
    if let Some(session) = cookie::get(&request, Purpose::Session) {
        core.end_session(&request.pool, &session, origin(&request)).await.map_err(|error| LoginError::of(&request, &error))?;
    }
    let page = page::message(&request, StatusCode::OK, "logged-out-title", "logged-out-text", None);
    Ok(with_header(page, SET_COOKIE, &cookie::clear(&request, Purpose::Session)))
}

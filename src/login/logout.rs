//! Leaving a pool.

use super::form::origin;
use crate::authn::Core;
use crate::web::cookie::{self, Purpose};
use crate::web::form::Form;
use crate::web::http::StatusCode;
use crate::web::http::header::SET_COOKIE;
use crate::web::page::{self, PageError, Question};
use crate::web::{PoolRequest, Response, browser, csrf, with_header};
use std::sync::Arc;

/// What the form token of the page is for.
const PURPOSE: &str = "logout";

/// Asks whether to leave. A link alone must not end a session.
pub async fn ask(core: Arc<Core>, request: PoolRequest) -> Result<Response, PageError> {
    let browser = browser::key(&request, core.entropy.as_ref());
    let token = csrf::token(&browser.key, PURPOSE);
    let asked =
        Question { title: "logout-title", text: "logout-question", answer: "logout-submit", path: "/logout", fields: &[], token: &token };
    Ok(browser.keep(page::question(&request, &asked)))
}

/// Ends the session.
pub async fn leave(core: Arc<Core>, request: PoolRequest) -> Result<Response, PageError> {
    let fields = Form::parse(&request.body).unwrap_or_default();
    if !csrf::is_ours(&request, PURPOSE, fields.get(csrf::FIELD)) {
        return Err(PageError::foreign_form(&request));
    }
    if let Some(session) = cookie::get(&request, Purpose::Session) {
        core.end_session(&request.pool, &session, origin(&request)).await.map_err(|error| PageError::of(&request, &error))?;
    }
    let page = page::message(&request, StatusCode::OK, "logged-out-title", "logged-out-text", None);
    Ok(with_header(page, SET_COOKIE, &cookie::clear(&request, Purpose::Session)))
}

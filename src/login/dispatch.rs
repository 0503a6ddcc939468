//! What comes next in a login, as the browser sees it.

use super::pages::{self, Notice};
use crate::authn::{Granted, Step};
use crate::entrance::{self, Returned, Visit};
use crate::web::cookie::{self, Purpose};
use crate::web::http::header::SET_COOKIE;
use crate::web::page::PageError;
use crate::web::{PoolRequest, Response, see_other, with_header};

/// Follows one step of the engine while a form is open.
pub fn follow(request: &PoolRequest, returned: &Returned, username: &str, step: Step) -> Result<Response, PageError> {
    match step {
        Step::Ask(_, message) => pages::login(request, &Visit::again(returned), username, message.map(Notice::Of)),
        Step::Redirect(url) => Ok(see_other(&url)),
        Step::Granted(granted) => Ok(go_on(request, &granted)),
    }
}

/// Gives the browser its session, marks it as used, and sends it back to the face that asked.
pub fn go_on(request: &PoolRequest, granted: &Granted) -> Response {
    let url = format!("{}?interaction={}", request.base.join(entrance::path(granted.return_point)), granted.interaction);
    let response = with_header(see_other(&url), SET_COOKIE, &cookie::set(request, Purpose::Session, granted.session.expose()));
    with_header(response, SET_COOKIE, &cookie::set_for(request, Purpose::Mark, granted.mark.expose(), granted.known_for))
}

//! RP-Initiated Logout (OpenID Connect RP-Initiated Logout 1.0, section 2).
//!
//! A valid `id_token_hint` about the person who is logged in, made for a client that is still
//! there, proves that the request comes from an application of theirs: the session ends at once. In
//! every other case the person is asked first, or any site could log anybody out. A browser is sent
//! on only to a URI that the client has registered, compared as text.

use super::app::App;
use super::error::{Error, Refusal};
use super::issue::{self, Hint};
use super::wire::{Parameters, append_query};
use crate::application::{self, Client};
use crate::model::Error as Failure;
use crate::web::cookie::{self, Purpose};
use crate::web::http::{StatusCode, header};
use crate::web::page::{self, Question};
use crate::web::{self, PoolRequest, Response, browser, csrf};

/// The parameters that mean something here.
const KNOWN: &[&str] = &["client_id", "id_token_hint", "post_logout_redirect_uri", "state"];

/// What the form token of the page is for.
const PURPOSE: &str = "oidc logout";

/// A request in the query.
pub async fn get(app: &App, request: &PoolRequest) -> Result<Response, Error> {
    let (parameters, wish) = read(request, request.query.as_bytes())?;
    let session = app.entrance.session(request).await.map_err(failed)?;
    match (&session, &wish.hint) {
        (Some(session), Some(hint)) if session.authentication().uuid().to_string() == hint.sub => {}
        (Some(_), _) => return Ok(ask(app, request, &parameters)),
        // There may be one that cannot be used just now, while the pool is suspended or its person
        // disabled. It is not to come back.
        (None, _) => {}
    }
    end(app, request).await?;
    Ok(goodbye(request, &wish))
}

/// A request in the body, or the form of our own page. Without the form token it goes on as a GET,
/// since a Lax cookie does not come with a cross-site POST.
pub async fn post(app: &App, request: &PoolRequest) -> Result<Response, Error> {
    let (parameters, wish) = read(request, &request.body)?;
    if !csrf::is_ours(request, PURPOSE, parameters.first(csrf::FIELD)) {
        let query = parameters.keep(KNOWN).encode();
        return Ok(web::see_other(&request.base.join(&format!("/oauth2/logout?{query}"))));
    }
    end(app, request).await?;
    Ok(goodbye(request, &wish))
}

/// What a request asks for, as far as it was found to be right.
struct Wish {
    hint: Option<Hint>,
    /// Where the browser goes afterwards, registered by the client.
    destination: Option<String>,
}

/// Reads and checks a request. Whatever is wrong is said on a page: nothing here ever redirects an
/// error.
fn read(request: &PoolRequest, bytes: &[u8]) -> Result<(Parameters, Wish), Error> {
    let refuse = |description: &str| Error::Page(Refusal::request(description));
    let parameters = Parameters::parse(bytes).and_then(|parameters| parameters.each_once().map(|()| parameters));
    let parameters = parameters.map_err(|malformed| Error::Page(malformed.into()))?;
    let hint = match parameters.first("id_token_hint") {
        None => None,
        Some(token) => Some(
            issue::read_hint(request, token).map_err(failed)?.ok_or_else(|| refuse("id_token_hint is not an ID token of this issuer"))?,
        ),
    };
    let client_id = match (&hint, parameters.first("client_id")) {
        (Some(hint), Some(client_id)) if hint.aud != client_id => {
            return Err(refuse("client_id differs from the audience of id_token_hint"));
        }
        (Some(hint), _) => Some(hint.aud.as_str()),
        (None, client_id) => client_id,
    };
    let client = match client_id {
        Some(client_id) => application::find_client(request.pool.store(), client_id).map_err(failed)?,
        None => None,
    };
    let destination = match parameters.first("post_logout_redirect_uri") {
        None => None,
        Some(uri) if client.as_ref().is_some_and(|client: &Client| client.allows_post_logout_redirect(uri)) => {
            Some(match parameters.first("state") {
                Some(state) => append_query(uri, &[("state", state)].into_iter().collect()),
                None => uri.to_owned(),
            })
        }
        Some(_) if client.is_none() => return Err(refuse("post_logout_redirect_uri needs id_token_hint or client_id")),
        Some(_) => return Err(refuse("post_logout_redirect_uri is not registered for this client; register it exactly as it is sent")),
    };
    let hint = hint.filter(|hint| client.is_some_and(|client| hint.is_for(&client)));
    Ok((parameters, Wish { hint, destination }))
}

/// Ends the browser's session, and with it what clients were given in it.
async fn end(app: &App, request: &PoolRequest) -> Result<(), Error> {
    match cookie::get(request, Purpose::Session) {
        Some(cookie) => app.core.end_session(&request.pool, &cookie, App::origin(request)).await.map_err(failed),
        None => Ok(()),
    }
}

/// The page that asks.
fn ask(app: &App, request: &PoolRequest, parameters: &Parameters) -> Response {
    let browser = browser::key(request, app.core.entropy.as_ref());
    let token = csrf::token(&browser.key, PURPOSE);
    let fields: Vec<_> = KNOWN.iter().filter_map(|name| Some((*name, parameters.first(name)?))).collect();
    let asked = Question {
        title: "logout-title",
        text: "logout-question",
        answer: "logout-submit",
        path: "/oauth2/logout",
        fields: &fields,
        token: &token,
    };
    browser.keep(page::question(request, &asked))
}

/// Nobody is logged in any more: on to the client, or a page that says so.
fn goodbye(request: &PoolRequest, wish: &Wish) -> Response {
    let response = match &wish.destination {
        Some(url) => web::see_other(url),
        None => page::message(request, StatusCode::OK, "logged-out-title", "logged-out-text", None),
    };
    web::with_header(response, header::SET_COOKIE, &cookie::clear(request, Purpose::Session))
}

fn failed(failure: Failure) -> Error {
    Error::Page(Refusal::at_authorize(&failure))
}

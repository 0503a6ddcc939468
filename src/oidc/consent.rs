//! The page that asks whether an application of somebody else may have what it asks for (OpenID
//! Connect Core 1.0, section 3.1.2.4), and whether it was the person who opened a program of their
//! device that asks (RFC 8252, section 8.6).

use super::app::App;
use super::authorize::{self, checks::AuthorizationRequest};
use super::error::{Code, Error, Refusal};
use crate::application::{self, Client, ClientId};
use crate::audit::{self, Action, Event, Reason};
use crate::authn::{Interaction, Place, ReturnPoint, Session};
use crate::entrance::{self, SEALED_REQUEST, Void};
use crate::model::Error as Failure;
use crate::store::Changes;
use crate::web::form::Form;
use crate::web::http::StatusCode;
use crate::web::{PoolRequest, Response, browser, csrf, page};
use minijinja::{Environment, context};
use std::sync::LazyLock;

static PAGES: LazyLock<Environment<'static>> = LazyLock::new(|| page::environment(&[("consent.html", include_str!("pages/consent.html"))]));

/// The page, in whose form the request travels. It comes back to [`post`].
pub fn page(
    app: &App,
    request: &PoolRequest,
    authorization: &AuthorizationRequest,
    interaction: &Interaction,
    session: &Session,
) -> Result<Response, Failure> {
    // Whoever has a session has a key too, unless somebody has taken it out of the browser; then
    // the form leads to a page that says so.
    let purpose = purpose(interaction, &authorization.client, session);
    let token = browser::existing(request).map(|key| csrf::token(&key, &purpose)).unwrap_or_default();
    let sealed = app.entrance.seal_question(request, interaction)?.unwrap_or_default();
    let content = context! {
        action => request.base.join("/oauth2/consent"),
        application => authorization.client.name.as_str(),
        fields => page::hidden([(SEALED_REQUEST, sealed.as_str()), (csrf::FIELD, token.as_str())]),
        on_device => authorization.is_open_to_any_program(),
        person => session.authentication().name(),
        scopes => authorization.scopes.iter().map(|scope| format!("consent-{}", scope.name())).collect::<Vec<_>>(),
    };
    Ok(page::render(&PAGES, "consent.html", request, StatusCode::OK, content))
}

/// The answer of the person. The request is checked and decided again. What was allowed is
/// remembered, until somebody declines.
pub async fn post(app: &App, request: &PoolRequest) -> Result<Response, Error> {
    let form = Form::parse(&request.body).map_err(|malformed| Error::Page(Refusal::request(malformed.to_string())))?;
    let place = Place::Question(ReturnPoint::Authorize);
    let interaction = match entrance::returned(&app.core, request, &form, place) {
        Ok(returned) => returned.interaction,
        Err(Void::Page(page)) => return Ok(page.into()),
        Err(Void::Another(_)) => return Ok(authorize::expired(request)),
    };
    let failed = |failure: Failure| Error::Page(Refusal::at_authorize(&failure));
    if app.entrance.is_answered(request, &interaction).map_err(failed)? {
        return Ok(authorize::expired(request));
    }
    let parameters = authorize::brought_back(request, &interaction)?;
    let Some(session) = app.entrance.session(request).await.map_err(failed)? else {
        // Nobody is logged in any more: the question comes again after the login.
        return authorize::advance(app, request, Some(&interaction), &parameters, false).await;
    };
    let authorization = authorize::check(request, &parameters)?;
    if !csrf::is_ours(request, &purpose(&interaction, &authorization.client, &session), form.get(csrf::FIELD)) {
        return Ok(page::message(request, StatusCode::BAD_REQUEST, "error-title", "error-form", None));
    }
    if form.get("decision") == Some("allow") {
        return authorize::advance(app, request, Some(&interaction), &parameters, true).await;
    }
    let reply = Box::new(authorization.reply);
    match decline(app, request, &authorization.client.client_id, &interaction, &session).await {
        Ok(()) => Err(Error::Redirect(Refusal::new(Code::AccessDenied, "the person did not consent"), reply)),
        Err(failure) => Err(Error::Redirect(Refusal::at_authorize(&failure), reply)),
    }
}

async fn decline(
    app: &App,
    request: &PoolRequest,
    client_id: &ClientId,
    interaction: &Interaction,
    session: &Session,
) -> Result<(), Failure> {
    let mut changes = Changes::new();
    app.entrance.consume(request, interaction, &mut changes)?;
    application::delete_consent(&mut changes, client_id, session.authentication().entry());
    let actor = app.core.actor(&request.pool, session.authentication(), App::origin(request))?;
    audit::record(&mut changes, &Event::failure(app.now(), Action::Consent, &actor, Reason::Declined).on(client_id.as_str()));
    request.pool.store().commit(changes).await?;
    Ok(())
}

/// A token for the form of one interaction is none for another, nor for somebody else who has
/// logged in meanwhile, nor for another client than the one that was shown.
fn purpose(interaction: &Interaction, client: &Client, session: &Session) -> String {
    let epoch = client.epoch.map(|epoch| epoch.to_string()).unwrap_or_default();
    format!("consent {} {} {epoch} {}", interaction.id().to_text(), session.public_id(), client.name)
}

//! Single sign-on, from the request to the response.
//!
//! ```text
//!  GET  SAMLRequest ── judge ──┬─ refused ───────────────────► response
//!                              └─ decide ─┬─ good session ───► response
//!  POST SAMLRequest ── judge ──┐     ▲    └─ login page ────┐
//!                              ▼     │                      │
//!  POST sealed_request ── handed over ┘                      │
//!                                                           ▼
//!  GET  interaction ◄─────────── the browser comes back, with its cookies: decide again
//! ```
//!
//! A POST from another site comes without our cookies (they are Lax), so it is handed over to the
//! browser once more (see [`entrance`](crate::entrance)).

use super::assertion::Issuer;
use super::context;
use super::decision::{Decision, Proof, decide};
use super::metadata::{entity_id, signing_key, sso_url};
use super::request::{Judged, Refusal, SsoRequest, judge};
use super::wire::{self, Received};
use super::{error, post};
use crate::application::{ServiceProvider, find_service_provider};
use crate::audit::{self, Action, Event, Reason};
use crate::authn::{Core, Demands, Interaction, Level, NewInteraction, Origin, ReturnPoint, Session};
use crate::entrance::{Entrance, Posted};
use crate::model::{self, Error, Face};
use crate::store::{Changes, CommitError};
use crate::web::form::Form;
use crate::web::page::PageError;
use crate::web::{PoolRequest, Response};

/// A request over HTTP-Redirect, or a browser that comes back to a stored one.
pub async fn redirect(entrance: Entrance, request: PoolRequest) -> Result<Response, PageError> {
    if !wire::holds_request(&request.query) {
        return resume(&entrance, &request).await;
    }
    let query = request.query.clone();
    let judged = judged(entrance.core(), &request, move || wire::decode_query(&query)).await;
    let judged = judged.map_err(|error| PageError::of(&request, &error))?;
    let sign_on = SignOn { entrance: &entrance, request: &request, provider: &judged.provider, asked: &judged.request, interaction: None };
    match judged.refusal {
        Some(refusal) => sign_on.answer(Err(refusal)).await,
        None => sign_on.proceed().await,
    }
}

/// A request over HTTP-POST, or one that the browser brings back after it was posted.
pub async fn post(entrance: Entrance, request: PoolRequest) -> Result<Response, PageError> {
    match entrance.posted(&request, ReturnPoint::SamlSso) {
        Posted::Answer(response) => return Ok(response),
        Posted::HandedOver(interaction) => return go_on(&entrance, &request, &interaction).await,
        Posted::Anew => {}
    }
    let body = request.body.clone();
    let judged = judged(entrance.core(), &request, move || wire::decode_form(&body)).await;
    let judged = judged.map_err(|error| PageError::of(&request, &error))?;
    let sign_on = SignOn { entrance: &entrance, request: &request, provider: &judged.provider, asked: &judged.request, interaction: None };
    match judged.refusal {
        Some(refusal) => sign_on.answer(Err(refusal)).await,
        None => sign_on.hand_over(),
    }
}

/// Decodes and judges in `work`: inflating, parsing and signatures take time, and whoever sends
/// them has proven nothing.
async fn judged(
    core: &Core,
    request: &PoolRequest,
    decode: impl FnOnce() -> model::Result<Received> + Send + 'static,
) -> model::Result<Judged> {
    let (pool, endpoint, now) = (request.pool.clone(), sso_url(&request.base), core.clock.now());
    let job = move || judge(decode()?, &endpoint, now, |issuer| find_service_provider(pool.store(), issuer));
    core.work.run((request.pool.id(), Some(request.peer)), job).await?
}

/// Goes on with the request that a browser comes back to after a login.
async fn resume(entrance: &Entrance, request: &PoolRequest) -> Result<Response, PageError> {
    let query = Form::parse(request.query.as_bytes()).unwrap_or_default();
    let id = query.get("interaction").unwrap_or_default();
    let interaction = entrance.waiting(request, id, ReturnPoint::SamlSso).map_err(|error| PageError::of(request, &error))?;
    go_on(entrance, request, &interaction.ok_or_else(|| PageError::expired(request))?).await
}

/// Goes on with a request that was judged before. Nothing but the browser's cookies says who is
/// logged in, and the service provider is looked up anew.
async fn go_on(entrance: &Entrance, request: &PoolRequest, interaction: &Interaction) -> Result<Response, PageError> {
    let failed = |error| PageError::of(request, &error);
    let asked = SsoRequest::from_payload(interaction.payload()).map_err(failed)?;
    let provider = find_service_provider(request.pool.store(), &asked.entity_id).map_err(failed)?;
    let provider = provider.filter(|provider| asked.is_of(provider));
    let provider = provider.ok_or_else(|| failed(Error::not_found("the service provider or its address is not registered any more")))?;
    // A login that was made for the request is stored with it; one that was handed over has not
    // been to the login yet.
    let interaction = Some(interaction).filter(|interaction| interaction.is_stored());
    SignOn { entrance, request, provider: &provider, asked: &asked, interaction }.proceed().await
}

/// A good request on its way to its answer.
struct SignOn<'a> {
    entrance: &'a Entrance,
    request: &'a PoolRequest,
    provider: &'a ServiceProvider,
    asked: &'a SsoRequest,
    /// The stored request, if it has waited.
    interaction: Option<&'a Interaction>,
}

impl SignOn<'_> {
    fn failed(&self, error: &Error) -> PageError {
        PageError::of(self.request, error)
    }

    async fn proceed(&self) -> Result<Response, PageError> {
        let session = self.entrance.session(self.request).await.map_err(|error| self.failed(&error))?;
        let since = self.interaction.map(Interaction::created);
        let decision = decide(self.asked, session.as_ref().map(|session| Proof::of(session, since)));
        let outcome = match (decision, session.as_ref()) {
            (Decision::Assert(class), Some(session)) => Ok((session, class)),
            (Decision::Refuse(refusal), _) => Err(refusal),
            (Decision::LogIn | Decision::Assert(_), _) => return self.log_in(),
        };
        self.answer(outcome).await
    }

    /// Answers with the login page, in which the request travels.
    fn log_in(&self) -> Result<Response, PageError> {
        let interaction = self.interaction.cloned().map_or_else(|| self.begin(), Ok);
        interaction.and_then(|interaction| self.entrance.log_in(self.request, &interaction)).map_err(|error| self.failed(&error))
    }

    /// Hands a posted request over to the browser once more.
    fn hand_over(&self) -> Result<Response, PageError> {
        let handed_over = self.begin().and_then(|interaction| self.entrance.hand_over(self.request, &interaction));
        handed_over.map_err(|error| self.failed(&error))
    }

    /// The request as it waits from now on.
    fn begin(&self) -> model::Result<Interaction> {
        let acr = context::needs_multiple(self.asked.context().as_ref()).then_some(Level::Multiple);
        self.entrance.begin(NewInteraction {
            return_point: ReturnPoint::SamlSso,
            application: self.provider.name.clone(),
            payload: self.asked.to_payload(),
            demands: Demands { force: self.asked.force, acr, ..Demands::default() },
        })
    }

    /// Signs the response, commits what happened, and gives the page that carries the response. The
    /// commit comes first: what is not recorded is not said.
    async fn answer(&self, outcome: Result<(&Session, &'static str), Refusal>) -> Result<Response, PageError> {
        let (core, request) = (self.entrance.core(), self.request);
        let now = core.clock.now();
        let key = signing_key(core, request).await.map_err(|error| self.failed(&error))?;
        let issuer = Issuer { pool: request.pool.clone(), entity_id: entity_id(&request.base), key, now, entropy: core.entropy.clone() };

        // Anybody can ask for a refusal.
        let caller = core.caller(&request.pool, request.peer).known_if(outcome.is_ok());
        let job = (
            issuer,
            self.provider.clone(),
            self.asked.clone(),
            outcome.as_ref().map(|(session, class)| ((*session).clone(), *class)).map_err(|refusal| *refusal),
        );
        let signed = core.work.run(caller, move || respond(&job.0, &job.1, &job.2, job.3)).await;
        let (response, is_assertion) = signed.and_then(|signed| signed).map_err(|error| self.failed(&error))?;

        let mut changes = Changes::new();
        if let Ok((session, _)) = outcome {
            let origin = Origin { face: Face::Saml, address: Some(request.peer) };
            let actor = core.actor(&request.pool, session.authentication(), origin).map_err(|error| self.failed(&error))?;
            let event = if is_assertion {
                Event::success(now, Action::AssertionIssue, &actor)
            } else {
                Event::failure(now, Action::AssertionIssue, &actor, Reason::Invalid)
            };
            audit::record(&mut changes, &event.on(self.provider.entity_id.as_str()));
            session.expect(&mut changes);
        }
        self.end(changes).await?;
        Ok(post::page(request, &self.provider.name, &self.asked.acs, &response, self.asked.relay_state.as_deref()))
    }

    /// Commits, and ends the stored request with it: one login answers one request once.
    async fn end(&self, mut changes: Changes) -> Result<(), PageError> {
        if let Some(interaction) = self.interaction {
            self.entrance.consume(self.request, interaction, &mut changes).map_err(|error| self.failed(&error))?;
        }
        if changes.is_empty() {
            return Ok(());
        }
        match self.request.pool.store().commit(changes).await {
            Ok(_) => Ok(()),
            // Another tab was quicker: it has answered the request, or logged the person out.
            Err(CommitError::Conflict) => Err(PageError::expired(self.request)),
            Err(error) => Err(self.failed(&error.into())),
        }
    }
}

/// The response, and whether it holds an assertion.
fn respond(
    issuer: &Issuer,
    provider: &ServiceProvider,
    asked: &SsoRequest,
    outcome: Result<(Session, &'static str), Refusal>,
) -> model::Result<(String, bool)> {
    let refusal = match outcome {
        Ok((session, class)) => match issuer.assert(provider, asked, &session, class) {
            Ok(Ok(response)) => return Ok((response, true)),
            Ok(Err(refusal)) => refusal,
            Err(failure) => {
                tracing::warn!(error = %failure, service_provider = %provider.entity_id, "an assertion was not made");
                Refusal { status: error::status(&failure), message: "the person cannot be asserted" }
            }
        },
        Err(refusal) => refusal,
    };
    issuer.refuse(asked, refusal).map(|response| (response, false))
}

#[cfg(test)]
mod tests;

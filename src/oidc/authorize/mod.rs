//! The authorization endpoint (RFC 6749, section 3.1; OpenID Connect Core 1.0, section 3.1.2).

pub(super) mod checks;
mod decision;
mod reply;

pub use reply::{ReplyTo, ResponseMode};

use super::app::App;
use super::consent;
use super::error::{Error, Refusal};
use super::issue;
use super::wire::{MAX_REQUEST, Parameters, Prompt, Scope};
use crate::application::{self, Code, GrantId};
use crate::audit::{self, Action, Event};
use crate::authn::{Demands, Interaction, NewInteraction, ReturnPoint, Session};
use crate::crypto::digest;
use crate::entrance::Posted;
use crate::model::Error as Failure;
use crate::model::error::Rule;
use crate::store::{ATTEMPTS, Changes, CommitError};
use crate::web::page::PageError;
use crate::web::{PoolRequest, Response};
use checks::AuthorizationRequest;
use decision::{Decision, Standing};

/// The parameter that a request holds while it waits: the epoch of its client, so that it is no
/// request of another one that is registered under the same identifier later. None comes from
/// outside, since no known parameter has this name.
const EPOCH: &str = "client_epoch";

/// The parameter by which a browser comes back to a request that waited.
const INTERACTION: &str = "interaction";

/// A request in the query, or the return of a browser whose request waited.
pub async fn get(app: &App, request: &PoolRequest) -> Result<Response, Error> {
    let parameters = parse(request.query.as_bytes())?;
    match (parameters.first("client_id"), parameters.first(INTERACTION)) {
        (None, Some(id)) => match app.entrance.waiting(request, id, ReturnPoint::Authorize).map_err(on_a_page)? {
            Some(interaction) => advance(app, request, Some(&interaction), &brought_back(request, &interaction)?, false).await,
            None => Ok(expired(request)),
        },
        _ => advance(app, request, None, &parameters, false).await,
    }
}

/// A request in the body (OpenID Connect Core 1.0, section 3.1.2.1), which may have come without
/// our cookies: it is checked, and handed over to the browser once more.
pub async fn post(app: &App, request: &PoolRequest) -> Result<Response, Error> {
    match app.entrance.posted(request, ReturnPoint::Authorize) {
        Posted::Answer(response) => Ok(response),
        Posted::HandedOver(interaction) => advance(app, request, None, &brought_back(request, &interaction)?, false).await,
        Posted::Anew => {
            let parameters = parse(&request.body)?;
            let authorization = check(request, &parameters)?;
            let handed_over = begin(app, &parameters, &authorization).and_then(|interaction| app.entrance.hand_over(request, &interaction));
            handed_over.map_err(|failure| at_the_client(&authorization, &failure))
        }
    }
}

/// Checks the request, decides what it gets, and does that. Called again from the start whenever
/// the browser comes back.
pub(super) async fn advance(
    app: &App,
    request: &PoolRequest,
    interaction: Option<&Interaction>,
    parameters: &Parameters,
    consented: bool,
) -> Result<Response, Error> {
    let authorization = check(request, parameters)?;
    for _ in 0..ATTEMPTS {
        if let Some(response) = step(app, request, parameters, &authorization, interaction, consented).await? {
            return Ok(response);
        }
        if let Some(interaction) = interaction
            && app.entrance.is_answered(request, interaction).map_err(on_a_page)?
        {
            // Somebody sent the same waiting request twice: it was answered already.
            return Ok(expired(request));
        }
    }
    Err(at_the_client(&authorization, &Failure::contended()))
}

/// Does what is decided at this moment; `None` if that has ended meanwhile on which it was decided.
async fn step(
    app: &App,
    request: &PoolRequest,
    parameters: &Parameters,
    authorization: &AuthorizationRequest,
    interaction: Option<&Interaction>,
    consented: bool,
) -> Result<Option<Response>, Error> {
    let failed = |failure: Failure| at_the_client(authorization, &failure);
    let session = app.entrance.session(request).await.map_err(failed)?;
    // A login that was made for the request is stored with it.
    let made_for = interaction.filter(|interaction| interaction.is_stored());
    let standing = Standing {
        authenticated: session.as_ref().map(|session| session.authentication().at()),
        fresh: session.as_ref().zip(made_for).is_some_and(|(session, interaction)| session.is_proven_since(interaction.created())),
        is_expected: is_expected(request, authorization, session.as_ref())?,
        consented,
        remembered: session.as_ref().map_or(Ok(false), |session| has_consented(request, authorization, session)).map_err(failed)?,
    };
    let response = match (decision::decide(authorization, &standing, app.now()), session) {
        (Decision::Refuse(refusal), _) => {
            if let Some(interaction) = made_for {
                let mut changes = Changes::new();
                app.entrance.consume(request, interaction, &mut changes).map_err(failed)?;
                match request.pool.store().commit(changes).await {
                    Ok(_) => {}
                    Err(CommitError::Conflict) => return Ok(None),
                    Err(error) => return Err(failed(error.into())),
                }
            }
            return Err(Error::Redirect(refusal, Box::new(authorization.reply.clone())));
        }
        (Decision::Issue, Some(session)) => return give_code(app, request, authorization, interaction, &session, consented).await,
        (Decision::Consent, Some(session)) => {
            let interaction = interaction.cloned().map_or_else(|| begin(app, parameters, authorization), Ok).map_err(failed)?;
            consent::page(app, request, authorization, &interaction, &session).map_err(failed)?
        }
        (Decision::Login { force }, _) => {
            let interaction = interaction.cloned().map_or_else(|| begin(app, parameters, authorization), Ok).map_err(failed)?;
            // An upstream must be told that the login is to be a new one.
            let interaction = if force { interaction.insisting() } else { interaction };
            app.entrance.log_in(request, &interaction).map_err(failed)?
        }
        (Decision::Issue | Decision::Consent, None) => return Err(Error::Page(Refusal::request("nobody is logged in"))),
    };
    Ok(Some(response))
}

/// The client that the request names, and the checks.
pub(super) fn check(request: &PoolRequest, parameters: &Parameters) -> Result<AuthorizationRequest, Error> {
    let client = match parameters.first("client_id") {
        Some(client_id) => application::find_client(request.pool.store(), client_id).map_err(on_a_page)?,
        None => None,
    };
    checks::check(parameters, client)
}

/// Whether the person of the session is the one of `id_token_hint`. A hint that we did not sign is
/// an error: the client has mixed providers up.
fn is_expected(request: &PoolRequest, authorization: &AuthorizationRequest, session: Option<&Session>) -> Result<bool, Error> {
    let Some(hint) = &authorization.id_token_hint else { return Ok(true) };
    let hint = issue::read_hint(request, hint).map_err(|failure| at_the_client(authorization, &failure))?;
    let Some(hint) = hint else {
        return Err(Error::Redirect(
            Refusal::request("id_token_hint is not an ID token of this issuer"),
            Box::new(authorization.reply.clone()),
        ));
    };
    Ok(session.is_none_or(|session| session.authentication().uuid().to_string() == hint.sub))
}

/// The parameters of a request that has waited, if its client is the one that had sent it.
pub(super) fn brought_back(request: &PoolRequest, interaction: &Interaction) -> Result<Parameters, Error> {
    let parameters = parse(interaction.payload())?;
    let client = parameters.first("client_id").map(|client_id| application::find_client(request.pool.store(), client_id));
    let epoch = client.transpose().map_err(on_a_page)?.flatten().and_then(|client| client.epoch);
    match epoch.map(|epoch| epoch.to_string()).as_deref() == parameters.first(EPOCH) {
        true => Ok(parameters),
        false => Err(Error::Page(Refusal::request("the application has been registered anew since this sign-in began"))),
    }
}

/// The request as it waits from now on.
fn begin(app: &App, parameters: &Parameters, authorization: &AuthorizationRequest) -> Result<Interaction, Failure> {
    let mut kept = parameters.keep(checks::KNOWN);
    if let Some(epoch) = authorization.client.epoch {
        kept.push(EPOCH, &epoch.to_string());
    }
    let payload = kept.encode();
    if payload.len() > MAX_REQUEST {
        return Err(Failure::invalid(Rule::Request, format!("the request takes more than {MAX_REQUEST} bytes")));
    }
    let prompts = &authorization.prompts;
    app.entrance.begin(NewInteraction {
        return_point: ReturnPoint::Authorize,
        application: authorization.client.name.clone(),
        payload: payload.into_bytes(),
        demands: Demands {
            force: prompts.asks(Prompt::Login) || prompts.asks(Prompt::SelectAccount),
            max_age: authorization.max_age,
            acr: None,
            login_hint: authorization.login_hint.clone(),
        },
    })
}

/// Whether the person has agreed before that the client is told all that it asks for.
fn has_consented(request: &PoolRequest, authorization: &AuthorizationRequest, session: &Session) -> Result<bool, Failure> {
    let entry = session.authentication().entry();
    application::has_consented(request.pool.store(), &authorization.client, entry, &names(&authorization.scopes))
}

fn names(scopes: &[Scope]) -> Vec<&'static str> {
    scopes.iter().map(|scope| scope.name()).collect()
}

/// One commit: the code, the consent, the end of the interaction, the audit event. `None` if the
/// session or the interaction has ended meanwhile: a code that a logout does not see would outlive
/// it.
async fn give_code(
    app: &App,
    request: &PoolRequest,
    authorization: &AuthorizationRequest,
    interaction: Option<&Interaction>,
    session: &Session,
    consented: bool,
) -> Result<Option<Response>, Error> {
    let failed = |failure: Failure| at_the_client(authorization, &failure);
    let now = app.now();
    let entropy = app.core.entropy.as_ref();
    let authentication = session.authentication();
    let code = digest::token(entropy);
    let record = Code {
        client_id: authorization.client.client_id.clone(),
        redirect_uri: authorization.reply.redirect_uri.clone(),
        entry: authentication.entry(),
        scopes: authorization.scopes.iter().map(|scope: &Scope| scope.name().to_owned()).collect(),
        nonce: authorization.nonce.clone(),
        challenge: authorization.challenge.clone(),
        auth_time: authentication.at(),
        acr: issue::acr(authentication.acr()).to_owned(),
        amr: authentication.methods().iter().map(|method| issue::amr(*method).to_owned()).collect(),
        grant: GrantId::draw(entropy),
        expires: now.plus(request.pool.settings().lifetimes.code.duration()),
        used: false,
        session: *session.hash(),
        password_proof: authentication.password_proof(),
        voucher: authentication.voucher().cloned(),
        epoch: authorization.client.epoch,
        entry_epoch: authentication.epoch(),
    };
    let actor = app.core.actor(&request.pool, authentication, App::origin(request)).map_err(failed)?;
    let mut changes = Changes::new();
    session.expect(&mut changes);
    application::put_code(&mut changes, code.expose(), &record);
    if let Some(interaction) = interaction {
        app.entrance.consume(request, interaction, &mut changes).map_err(failed)?;
    }
    if consented {
        let (client, scopes) = (&authorization.client, names(&authorization.scopes));
        application::put_consent(request.pool.store(), &mut changes, client, authentication.entry(), &scopes, now).map_err(failed)?;
    }
    let given: &[Action] = if consented { &[Action::Consent, Action::CodeIssue] } else { &[Action::CodeIssue] };
    for action in given {
        audit::record(&mut changes, &Event::success(now, *action, &actor).on(authorization.client.client_id.as_str()));
    }
    match request.pool.store().commit(changes).await {
        Ok(_) => Ok(Some(authorization.reply.answer(request, [("code", code.expose().as_str())].into_iter().collect()))),
        Err(CommitError::Conflict) => Ok(None),
        Err(error) => Err(failed(error.into())),
    }
}

fn parse(bytes: &[u8]) -> Result<Parameters, Error> {
    Parameters::parse(bytes).map_err(|malformed| Error::Page(malformed.into()))
}

fn at_the_client(authorization: &AuthorizationRequest, failure: &Failure) -> Error {
    Error::Redirect(Refusal::at_authorize(failure), Box::new(authorization.reply.clone()))
}

fn on_a_page(failure: Failure) -> Error {
    Error::Page(Refusal::at_authorize(&failure))
}

/// The page for a request that waits no longer, or that waits for another browser.
pub(super) fn expired(request: &PoolRequest) -> Response {
    PageError::expired(request).into()
}

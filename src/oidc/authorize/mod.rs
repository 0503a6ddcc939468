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
use crate::authn::{BrowserKey, Demands, Handover, Interaction, InteractionId, NewInteraction, ReturnPoint, Session};
use crate::crypto::digest;
use crate::model::Error as Failure;
use crate::model::error::Rule;
use crate::store::{ATTEMPTS, Changes, CommitError};
use crate::web::browser::{self, Browser};
use crate::web::page::PageError;
use crate::web::{self, PoolRequest, Response};
use checks::AuthorizationRequest;
use decision::{Decision, Standing};

/// The parameter by which a browser comes back to a request that waited.
const INTERACTION: &str = "interaction";

/// The parameter by which a posted request is taken over.
const HANDOVER: &str = "handover";

/// A request in the query, or the return of a browser whose request waited.
pub async fn get(app: &App, request: &PoolRequest) -> Result<Response, Error> {
    let parameters = parse(request.query.as_bytes())?;
    match (parameters.first("client_id"), parameters.first(INTERACTION)) {
        (None, Some(id)) => match (parameters.first(HANDOVER), waiting(app, request, id)?) {
            (_, Some((parameters, interaction))) => advance(app, request, &parameters, Some(&interaction), false).await,
            (Some(token), None) => take_over(app, request, id, token).await,
            (None, None) => Ok(expired(request)),
        },
        _ => advance(app, request, &parameters, None, false).await,
    }
}

/// A request in the body (OpenID Connect Core 1.0, section 3.1.2.1): stored for a handover and continued by a GET, since a Lax cookie does not come with a cross-site
/// POST.
pub async fn post(app: &App, request: &PoolRequest) -> Result<Response, Error> {
    let parameters = parse(&request.body)?;
    let authorization = check(request, &parameters)?;
    let failed = |failure: Failure| at_the_client(&authorization, &failure);
    let new = new(&parameters, &authorization, false).map_err(failed)?;
    let Handover { interaction, token } = app.core.begin_handover(&request.pool, new, Some(request.peer)).await.map_err(failed)?;
    Ok(web::see_other(&format!("{}&{HANDOVER}={}", here(request, interaction.as_str()), token.expose())))
}

/// Ties a posted request to the browser, which goes on with all its cookies.
async fn take_over(app: &App, request: &PoolRequest, id: &str, token: &str) -> Result<Response, Error> {
    let browser = browser::key(request, app.core.entropy.as_ref());
    let key = BrowserKey::from_cookie(browser.key.expose());
    match app.core.take_over(&request.pool, id, token, &key).await {
        Ok(true) => Ok(browser.keep(web::see_other(&here(request, id)))),
        Ok(false) => Ok(expired(request)),
        Err(failure) => Err(Error::Page(Refusal::at_authorize(&failure))),
    }
}

/// The request that waits under that name for this browser.
pub(super) fn waiting(app: &App, request: &PoolRequest, id: &str) -> Result<Option<(Parameters, Interaction)>, Error> {
    let Some(browser) = App::browser(request) else { return Ok(None) };
    let interaction = app.core.interaction(&request.pool, id, &browser).map_err(|failure| Error::Page(Refusal::at_authorize(&failure)))?;
    match interaction.filter(|interaction| interaction.return_point() == ReturnPoint::Authorize) {
        Some(interaction) => Ok(Some((parse(interaction.payload())?, interaction))),
        None => Ok(None),
    }
}

/// Checks the request, decides what it gets, and does that. Called again from the start whenever the browser comes back.
pub(super) async fn advance(
    app: &App,
    request: &PoolRequest,
    parameters: &Parameters,
    interaction: Option<&Interaction>,
    consented: bool,
) -> Result<Response, Error> {
    let authorization = check(request, parameters)?;
    for _ in 0..ATTEMPTS {
        if let Some(response) = step(app, request, parameters, &authorization, interaction, consented).await? {
            return Ok(response);
        }
        if let Some(interaction) = interaction
            && waiting(app, request, interaction.id().as_str())?.is_none()
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
    let session = app.session(request).await.map_err(failed)?;
    let standing = Standing {
        authenticated: session.as_ref().map(|session| session.authentication().at()),
        fresh: session.as_ref().zip(interaction).is_some_and(|(session, interaction)| session.is_proven_since(interaction.created())),
        is_expected: is_expected(request, authorization, session.as_ref())?,
        consented,
        remembered: session.as_ref().map_or(Ok(false), |session| has_consented(request, authorization, session)).map_err(failed)?,
    };
    let response = match (decision::decide(authorization, &standing, app.now()), session) {
        (Decision::Refuse(refusal), _) => {
            if let Some(interaction) = interaction {
                let mut changes = Changes::new();
                app.core.consume(interaction, &mut changes);
                match request.pool.store().commit(changes).await {
                    Ok(_) => {}
                    Err(CommitError::Conflict) => return Ok(None),
                    Err(error) => return Err(failed(error.into())),
                }
            }
            return Err(Error::Redirect(refusal, Box::new(authorization.reply.clone())));
        }
        (Decision::Issue, Some(session)) => return give_code(app, request, authorization, interaction, &session, consented).await,
        (Decision::Consent, Some(session)) => match interaction {
            Some(interaction) => consent::page(request, authorization, interaction, &session),
            None => {
                let (id, browser) = store(app, request, parameters, authorization, false).await.map_err(failed)?;
                browser.keep(web::see_other(&here(request, id.as_str())))
            }
        },
        (Decision::Login { force }, _) => {
            let login = |id: &InteractionId| web::see_other(&request.base.join(&format!("/login?{INTERACTION}={}", id.as_str())));
            match (interaction, App::browser(request)) {
                (Some(interaction), Some(browser)) => {
                    // An upstream must be told that the login is to be a new one.
                    if force
                        && !interaction.demands().force
                        && !app.core.insist(&request.pool, interaction, &browser).await.map_err(failed)?
                    {
                        return Ok(None);
                    }
                    login(interaction.id())
                }
                _ => {
                    let (id, browser) = store(app, request, parameters, authorization, force).await.map_err(failed)?;
                    browser.keep(login(&id))
                }
            }
        }
        (Decision::Issue | Decision::Consent, None) => return Err(Error::Page(Refusal::request("nobody is logged in"))),
    };
    Ok(Some(response))
}

/// The client that the request names, and the checks.
pub(super) fn check(request: &PoolRequest, parameters: &Parameters) -> Result<AuthorizationRequest, Error> {
    let client = match parameters.first("client_id") {
        Some(client_id) => {
            application::find_client(request.pool.store(), client_id).map_err(|failure| Error::Page(Refusal::at_authorize(&failure)))?
        }
        None => None,
    };
    checks::check(parameters, client)
}

/// Whether the person of the session is the one of `id_token_hint`. A hint that we did not sign is an error: the client has mixed providers up.
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

/// The request as it waits.
fn new(parameters: &Parameters, authorization: &AuthorizationRequest, force: bool) -> Result<NewInteraction, Failure> {
    let payload = parameters.keep(checks::KNOWN).encode();
    if payload.len() > MAX_REQUEST {
        return Err(Failure::invalid(Rule::Request, format!("the request takes more than {MAX_REQUEST} bytes")));
    }
    let prompts = &authorization.prompts;
    Ok(NewInteraction {
        return_point: ReturnPoint::Authorize,
        application: authorization.client.name.clone(),
        payload: payload.into_bytes(),
        demands: Demands {
            force: force || prompts.asks(Prompt::Login) || prompts.asks(Prompt::SelectAccount),
            max_age: authorization.max_age,
            acr: None,
            login_hint: authorization.login_hint.clone(),
        },
    })
}

/// Stores the request while the person does something. Answers with its name and the browser that it is tied to.
async fn store(
    app: &App,
    request: &PoolRequest,
    parameters: &Parameters,
    authorization: &AuthorizationRequest,
    force: bool,
) -> Result<(InteractionId, Browser), Failure> {
    let interaction = new(parameters, authorization, force)?;
    let browser = browser::key(request, app.core.entropy.as_ref());
    let key = BrowserKey::from_cookie(browser.key.expose());
    let id = app.core.begin(&request.pool, interaction, &key, Some(request.peer)).await?;
    Ok((id, browser))
}

/// Whether the person has agreed before that the client is told all that it asks for.
fn has_consented(request: &PoolRequest, authorization: &AuthorizationRequest, session: &Session) -> Result<bool, Failure> {
    let entry = session.authentication().entry();
    application::has_consented(request.pool.store(), &authorization.client, entry, &names(&authorization.scopes))
}

fn names(scopes: &[Scope]) -> Vec<&'static str> {
    scopes.iter().map(|scope| scope.name()).collect()
}

/// One commit: the code, the consent, the end of the interaction, the audit event. `None` if the session or the interaction has ended meanwhile: a code that a logout does not see
/// would outlive it.
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
    };
    let actor = app.core.actor(&request.pool, authentication, App::origin(request)).map_err(failed)?;
    let mut changes = Changes::new();
    session.expect(&mut changes);
    application::put_code(&mut changes, code.expose(), &record);
    if let Some(interaction) = interaction {
        app.core.consume(interaction, &mut changes);
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

fn here(request: &PoolRequest, id: &str) -> String {
    request.base.join(&format!("/oauth2/authorize?{INTERACTION}={id}"))
}

/// The page for a request that waits no longer, or that waits for another browser.
pub(super) fn expired(request: &PoolRequest) -> Response {
    PageError::expired(request).into()
}

//! The checks of an authorization request, in order, as a table. Pure: the client has been looked
//! up, and nothing is written.

use super::reply::{ReplyTo, ResponseMode};
use crate::application::{self, Client};
use crate::oidc::error::{Code, Error, Refusal};
use crate::oidc::wire::{Parameters, Prompts, Scope, is_challenge, parse_scopes};
use std::time::Duration;

/// The longest nonce, in bytes: it is kept in the record of the code.
pub const MAX_NONCE: usize = 1000;

/// The parameters that mean something; the others are ignored (RFC 6749, section 3.1) and not kept
/// while the request waits.
pub const KNOWN: &[&str] = &[
    "client_id",
    "code_challenge",
    "code_challenge_method",
    "id_token_hint",
    "login_hint",
    "max_age",
    "nonce",
    "prompt",
    "redirect_uri",
    "registration",
    "request",
    "request_uri",
    "response_mode",
    "response_type",
    "scope",
    "state",
];

/// An authorization request that passed every check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorizationRequest {
    /// Who asks.
    pub client: Client,
    /// Where the response goes.
    pub reply: ReplyTo,
    /// What is asked for; never empty.
    pub scopes: Vec<Scope>,
    /// Ties the ID token to the request (OpenID Connect Core 1.0, section 3.1.2.1).
    pub nonce: Option<String>,
    /// The S256 challenge (RFC 7636, section 4.3).
    pub challenge: Option<String>,
    /// What must happen first.
    pub prompts: Prompts,
    /// How old the login may be.
    pub max_age: Option<Duration>,
    /// Whom the client expects.
    pub login_hint: Option<String>,
    /// An ID token of whom the client expects, not yet verified.
    pub id_token_hint: Option<String>,
}

impl AuthorizationRequest {
    /// Whether any program on the person's device can take the code and redeem it (RFC 8252,
    /// section 8.6): the redirect URI does not tell programs apart, and neither does the token
    /// endpoint. A confidential client is told apart there by its secret, without which its code is
    /// worth nothing.
    pub fn is_open_to_any_program(&self) -> bool {
        self.client.is_public() && application::is_open_to_any_program(&self.reply.redirect_uri)
    }
}

/// One check: what it looks at, whether its refusal may go to the redirect URI, and how it is done.
struct Check {
    may_redirect: bool,
    run: fn(&mut Draft<'_>) -> Result<(), Refusal>,
}

const fn on_a_page(run: fn(&mut Draft<'_>) -> Result<(), Refusal>) -> Check {
    Check { may_redirect: false, run }
}

const fn at_the_client(run: fn(&mut Draft<'_>) -> Result<(), Refusal>) -> Check {
    Check { may_redirect: true, run }
}

/// The checks in order, each with the place where its refusal is said. Each may rely on those
/// before it.
const CHECKS: &[Check] = &[
    on_a_page(client),
    on_a_page(redirect_uri),
    at_the_client(response_mode),
    at_the_client(duplicates),
    at_the_client(request_object),
    at_the_client(request_uri),
    at_the_client(registration),
    at_the_client(response_type),
    at_the_client(scope),
    at_the_client(nonce),
    at_the_client(code_challenge),
    at_the_client(prompt),
    at_the_client(max_age),
    at_the_client(hints),
];

/// Runs the table over a request. `client` is the one that `client_id` names, if there is one.
pub fn check(parameters: &Parameters, client: Option<Client>) -> Result<AuthorizationRequest, Error> {
    let mut draft = Draft::new(parameters, client);
    for check in CHECKS {
        if let Err(refusal) = (check.run)(&mut draft) {
            return Err(match draft.reply {
                Some(reply) if check.may_redirect => Error::Redirect(refusal, Box::new(reply)),
                _ => Error::Page(refusal),
            });
        }
    }
    draft.finish()
}

/// What the checks have found so far.
struct Draft<'a> {
    parameters: &'a Parameters,
    client: Option<Client>,
    reply: Option<ReplyTo>,
    scopes: Vec<Scope>,
    nonce: Option<String>,
    challenge: Option<String>,
    prompts: Prompts,
    max_age: Option<Duration>,
    login_hint: Option<String>,
    id_token_hint: Option<String>,
}

impl<'a> Draft<'a> {
    fn new(parameters: &'a Parameters, client: Option<Client>) -> Self {
        Self {
            parameters,
            client,
            reply: None,
            scopes: Vec::new(),
            nonce: None,
            challenge: None,
            prompts: Prompts::default(),
            max_age: None,
            login_hint: None,
            id_token_hint: None,
        }
    }

    fn get(&self, name: &str) -> Result<Option<&'a str>, Refusal> {
        Ok(self.parameters.once(name)?)
    }

    fn finish(self) -> Result<AuthorizationRequest, Error> {
        let (Some(client), Some(reply)) = (self.client, self.reply) else {
            return Err(Error::Page(Refusal::request("the request names no client and no redirect URI")));
        };
        Ok(AuthorizationRequest {
            client,
            reply,
            scopes: self.scopes,
            nonce: self.nonce,
            challenge: self.challenge,
            prompts: self.prompts,
            max_age: self.max_age,
            login_hint: self.login_hint,
            id_token_hint: self.id_token_hint,
        })
    }
}

fn client(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    match (draft.get("client_id")?, &draft.client) {
        (None, _) => Err(Refusal::request("client_id is missing")),
        (Some(client_id), Some(client)) if client.client_id.as_str() == client_id => Ok(()),
        (Some(_), _) => Err(Refusal::request("no client of that client_id is registered")),
    }
}

fn redirect_uri(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    let presented = draft.get("redirect_uri")?.ok_or_else(|| Refusal::request("redirect_uri is missing"))?;
    let Some(client) = draft.client.as_ref().filter(|client| client.allows_redirect(presented)) else {
        return Err(Refusal::request("redirect_uri is not registered for this client; register it exactly as it is sent"));
    };
    // A state that was sent twice is an error of its own, which is then told without one.
    let state = draft.parameters.once("state").ok().flatten().map(str::to_owned);
    draft.reply =
        Some(ReplyTo { redirect_uri: presented.to_owned(), application: client.name.clone(), mode: ResponseMode::default(), state });
    Ok(())
}

fn response_mode(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    let Some(name) = draft.get("response_mode")? else { return Ok(()) };
    let mode = ResponseMode::parse(name)
        .ok_or_else(|| Refusal::request(format!("this response_mode is not supported; use one of: {}", ResponseMode::NAMES.join(", "))))?;
    if let Some(reply) = &mut draft.reply {
        reply.mode = mode;
    }
    Ok(())
}

fn duplicates(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    Ok(draft.parameters.each_once()?)
}

/// A request whose real content is elsewhere must not be answered by what is here (OpenID Connect
/// Core 1.0, section 6).
fn request_object(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    match draft.get("request")? {
        None => Ok(()),
        Some(_) => Err(Refusal::new(Code::RequestNotSupported, "request objects are not supported; send the parameters themselves")),
    }
}

fn request_uri(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    match draft.get("request_uri")? {
        None => Ok(()),
        Some(_) => Err(Refusal::new(Code::RequestUriNotSupported, "request_uri is not supported; send the parameters themselves")),
    }
}

fn registration(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    match draft.get("registration")? {
        None => Ok(()),
        Some(_) => Err(Refusal::new(Code::RegistrationNotSupported, "registration is not supported in a request")),
    }
}

fn response_type(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    match draft.get("response_type")? {
        Some("code") => Ok(()),
        Some(_) => Err(Refusal::new(Code::UnsupportedResponseType, "only the response_type code is supported")),
        None => Err(Refusal::request("response_type is missing; use code")),
    }
}

fn scope(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    draft.scopes = parse_scopes(draft.get("scope")?.unwrap_or_default());
    match draft.scopes.is_empty() {
        true => Err(Refusal::new(Code::InvalidScope, "scope names nothing that is known here; it should hold openid")),
        false => Ok(()),
    }
}

fn nonce(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    draft.nonce = draft.get("nonce")?.map(str::to_owned);
    match draft.nonce.as_ref().is_some_and(|nonce| nonce.len() > MAX_NONCE) {
        true => Err(Refusal::request(format!("nonce is longer than {MAX_NONCE} bytes"))),
        false => Ok(()),
    }
}

/// A challenge without a method would be `plain` (RFC 7636, section 4.3), which is refused like any
/// other method but S256.
fn code_challenge(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    let method = draft.get("code_challenge_method")?;
    let needed = draft.client.as_ref().is_none_or(Client::needs_pkce);
    match (draft.get("code_challenge")?, method) {
        (Some(challenge), Some("S256")) if is_challenge(challenge) => {
            draft.challenge = Some(challenge.to_owned());
            Ok(())
        }
        (Some(_), Some("S256")) => Err(Refusal::request("code_challenge is not a SHA-256 in base64url without padding (43 characters)")),
        (Some(_), _) => Err(Refusal::request("code_challenge_method must be S256")),
        (None, Some(_)) => Err(Refusal::request("code_challenge_method was sent without code_challenge")),
        (None, None) if needed => Err(Refusal::request("code_challenge is missing; this client must use PKCE with S256")),
        (None, None) => Ok(()),
    }
}

fn prompt(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    draft.prompts = Prompts::parse(draft.get("prompt")?.unwrap_or_default()).map_err(Refusal::request)?;
    Ok(())
}

fn max_age(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    let Some(text) = draft.get("max_age")? else { return Ok(()) };
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse::<u32>() {
        Ok(seconds) if digits => {
            draft.max_age = Some(Duration::from_secs(seconds.into()));
            Ok(())
        }
        _ => Err(Refusal::request("max_age is not a number of seconds")),
    }
}

fn hints(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    draft.login_hint = draft.get("login_hint")?.map(str::to_owned);
    draft.id_token_hint = draft.get("id_token_hint")?.map(str::to_owned);
    Ok(())
}

#[cfg(test)]
pub(in crate::oidc) mod tests;

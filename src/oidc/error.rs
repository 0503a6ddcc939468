//! Why a request is refused, and where that may be said: on a page of ours, at the client's
//! redirect URI, or as JSON.
//!
//! Whether an error may redirect belongs to the error: before the redirect URI is known to be the
//! client's, nothing is ever sent there (RFC 6749, section 4.1.2.1; RFC 9700, section 4.11.2).

use super::authorize::ReplyTo;
use super::wire::{Malformed, Parameters};
use crate::model::Error as Failure;
use crate::model::error::{Denial, Kind, Shortage};
use crate::web::http::{StatusCode, header};
use crate::web::{self, PoolRequest, Response, page};
use serde::Serialize;
use std::time::Duration;

/// An error code on the wire (RFC 6749, sections 4.1.2.1 and 5.2; RFC 6750, section 3.1; OpenID
/// Connect Core 1.0, section 3.1.2.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Code {
    /// `invalid_request`
    InvalidRequest,
    /// `invalid_client`
    InvalidClient,
    /// `invalid_grant`
    InvalidGrant,
    /// `unauthorized_client`
    UnauthorizedClient,
    /// `unsupported_grant_type`
    UnsupportedGrantType,
    /// `unsupported_response_type`
    UnsupportedResponseType,
    /// `invalid_scope`
    InvalidScope,
    /// `access_denied`
    AccessDenied,
    /// `login_required`
    LoginRequired,
    /// `interaction_required`
    InteractionRequired,
    /// `consent_required`
    ConsentRequired,
    /// `request_not_supported`
    RequestNotSupported,
    /// `request_uri_not_supported`
    RequestUriNotSupported,
    /// `registration_not_supported`
    RegistrationNotSupported,
    /// `invalid_token`
    InvalidToken,
    /// `insufficient_scope`
    InsufficientScope,
    /// `server_error`
    ServerError,
    /// `temporarily_unavailable`
    TemporarilyUnavailable,
}

impl Code {
    /// Its name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::InvalidClient => "invalid_client",
            Self::InvalidGrant => "invalid_grant",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::UnsupportedResponseType => "unsupported_response_type",
            Self::InvalidScope => "invalid_scope",
            Self::AccessDenied => "access_denied",
            Self::LoginRequired => "login_required",
            Self::InteractionRequired => "interaction_required",
            Self::ConsentRequired => "consent_required",
            Self::RequestNotSupported => "request_not_supported",
            Self::RequestUriNotSupported => "request_uri_not_supported",
            Self::RegistrationNotSupported => "registration_not_supported",
            Self::InvalidToken => "invalid_token",
            Self::InsufficientScope => "insufficient_scope",
            Self::ServerError => "server_error",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
        }
    }

    /// The status that a page or a JSON answer has with it.
    pub const fn status(self) -> StatusCode {
        match self {
            Self::InvalidClient | Self::InvalidToken => StatusCode::UNAUTHORIZED,
            Self::InsufficientScope | Self::AccessDenied => StatusCode::FORBIDDEN,
            Self::ServerError => StatusCode::INTERNAL_SERVER_ERROR,
            Self::TemporarilyUnavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::InvalidRequest
            | Self::InvalidGrant
            | Self::UnauthorizedClient
            | Self::UnsupportedGrantType
            | Self::UnsupportedResponseType
            | Self::InvalidScope
            | Self::LoginRequired
            | Self::InteractionRequired
            | Self::ConsentRequired
            | Self::RequestNotSupported
            | Self::RequestUriNotSupported
            | Self::RegistrationNotSupported => StatusCode::BAD_REQUEST,
        }
    }
}

/// A code with what it means here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The code.
    pub code: Code,
    /// What is wrong and how to mend it; visible ASCII, no secret.
    pub description: String,
}

impl Refusal {
    /// A refusal with its reason.
    pub fn new(code: Code, description: impl Into<String>) -> Self {
        Self { code, description: printable(&description.into()) }
    }

    /// A request that breaks a rule.
    pub fn request(description: impl Into<String>) -> Self {
        Self::new(Code::InvalidRequest, description)
    }

    /// What a failure of the domain is at the authorization endpoint.
    pub fn at_authorize(failure: &Failure) -> Self {
        match failure.kind() {
            Kind::Denied(Denial::Credentials | Denial::LoginRequired) => Self::new(Code::LoginRequired, "the person must log in"),
            Kind::Denied(Denial::FactorRequired) => Self::new(Code::InteractionRequired, "a further factor is needed"),
            Kind::Denied(Denial::NotAllowed) => Self::new(Code::AccessDenied, "the person may not use this application"),
            Kind::Invalid(_) | Kind::NotFound { .. } => Self::request(failure.message()),
            Kind::Conflict(_) => Self::new(Code::ServerError, "others were changing the same; try again"),
            Kind::Unavailable(Shortage::Busy | Shortage::Down) => Self::new(Code::TemporarilyUnavailable, "try again in a moment"),
            Kind::Internal => Self::internal(failure),
        }
    }

    /// What a failure of the domain is at the token endpoint.
    pub fn at_token(failure: &Failure) -> Self {
        match failure.kind() {
            Kind::Denied(_) => Self::new(Code::InvalidGrant, "the grant is not valid"),
            Kind::NotFound { .. } => Self::new(Code::InvalidClient, "the client is not known or not authenticated"),
            Kind::Invalid(_) => Self::request(failure.message()),
            Kind::Conflict(_) => Self::new(Code::ServerError, "others were changing the same; try again"),
            Kind::Unavailable(Shortage::Busy | Shortage::Down) => Self::new(Code::TemporarilyUnavailable, "try again in a moment"),
            Kind::Internal => Self::internal(failure),
        }
    }

    /// What a failure of the domain is where a bearer token is presented.
    pub fn at_resource(failure: &Failure) -> Self {
        match failure.kind() {
            Kind::Denied(Denial::NotAllowed) => Self::new(Code::InsufficientScope, "the token does not allow that"),
            Kind::Denied(Denial::Credentials | Denial::LoginRequired | Denial::FactorRequired) | Kind::NotFound { .. } => {
                Self::new(Code::InvalidToken, "the access token is not valid, has expired or was revoked")
            }
            Kind::Invalid(_) => Self::request(failure.message()),
            Kind::Conflict(_) => Self::new(Code::ServerError, "others were changing the same; try again"),
            Kind::Unavailable(Shortage::Busy | Shortage::Down) => Self::new(Code::TemporarilyUnavailable, "try again in a moment"),
            Kind::Internal => Self::internal(failure),
        }
    }

    /// The message of a defect is for the log, not for the wire.
    fn internal(failure: &Failure) -> Self {
        tracing::error!(error = failure.message(), "a request of the OpenID Provider failed");
        Self::new(Code::ServerError, "something went wrong on our side")
    }
}

impl From<Malformed> for Refusal {
    fn from(malformed: Malformed) -> Self {
        Self::request(malformed.to_string())
    }
}

/// A refusal and the place where it may be said.
#[derive(Clone, Debug)]
pub enum Error {
    /// On a page of ours: nobody has vouched for the redirect URI.
    Page(Refusal),
    /// At the redirect URI, which was found to be the client's.
    Redirect(Refusal, Box<ReplyTo>),
    /// As JSON, at the token endpoint; a client that used the Authorization header is told the
    /// scheme (RFC 6749, section 5.2).
    Token {
        /// What is wrong.
        refusal: Refusal,
        /// Whether the client used the Authorization header.
        basic: bool,
    },
    /// At the token endpoint, to a client or an address that has failed too often: 429 with
    /// Retry-After (RFC 6585, section 4; RFC 9110, section 10.2.3). `invalid_client` (RFC 6749,
    /// section 5.2) would say that the secret is wrong, which was not looked at.
    Slowed {
        /// How long it waits.
        wait: Duration,
    },
    /// In the WWW-Authenticate field, where a bearer token is presented (RFC 6750, section 3).
    /// Without a refusal nothing was presented.
    Bearer(Option<Refusal>),
}

impl Error {
    /// The answer to that request.
    pub fn respond(&self, request: &PoolRequest) -> Response {
        match self {
            Self::Page(refusal) => {
                let text = match refusal.code {
                    Code::ServerError | Code::TemporarilyUnavailable => "error-internal",
                    _ => "error-request",
                };
                let detail = format!("{}: {}", refusal.code.name(), refusal.description);
                page::message(request, refusal.code.status(), "error-title", text, Some(&detail))
            }
            Self::Redirect(refusal, reply) => {
                let answer: Parameters =
                    [("error", refusal.code.name()), ("error_description", refusal.description.as_str())].into_iter().collect();
                reply.answer(request, answer)
            }
            Self::Token { refusal, basic } => {
                let response = web::json(refusal.code.status(), &Document::of(refusal));
                match *basic && refusal.code == Code::InvalidClient {
                    true => web::with_header(response, header::WWW_AUTHENTICATE, &format!("Basic realm=\"{}\"", request.base.as_str())),
                    false => response,
                }
            }
            Self::Slowed { wait } => {
                let seconds = wait.as_millis().div_ceil(1000).max(1).to_string();
                let refusal = Refusal::new(Code::TemporarilyUnavailable, format!("too many failures; try again in {seconds} seconds"));
                let response = web::json(StatusCode::TOO_MANY_REQUESTS, &Document::of(&refusal));
                web::with_header(response, header::RETRY_AFTER, &seconds)
            }
            Self::Bearer(None) => {
                let response = web::json(
                    StatusCode::UNAUTHORIZED,
                    &Document { error: "invalid_request", error_description: "an access token is needed" },
                );
                web::with_header(response, header::WWW_AUTHENTICATE, &format!("Bearer realm=\"{}\"", request.base.as_str()))
            }
            Self::Bearer(Some(refusal)) => {
                let challenge = format!(
                    "Bearer realm=\"{}\", error=\"{}\", error_description=\"{}\"",
                    request.base.as_str(),
                    refusal.code.name(),
                    refusal.description
                );
                web::with_header(web::json(refusal.code.status(), &Document::of(refusal)), header::WWW_AUTHENTICATE, &challenge)
            }
        }
    }

    /// What is wrong.
    pub const fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Page(refusal) | Self::Redirect(refusal, _) | Self::Token { refusal, .. } => Some(refusal),
            Self::Bearer(refusal) => refusal.as_ref(),
            Self::Slowed { .. } => None,
        }
    }
}

/// The error document of the token endpoint (RFC 6749, section 5.2).
#[derive(Serialize)]
struct Document<'a> {
    error: &'a str,
    error_description: &'a str,
}

impl<'a> Document<'a> {
    fn of(refusal: &'a Refusal) -> Self {
        Self { error: refusal.code.name(), error_description: &refusal.description }
    }
}

/// The characters that a description may have: neither quotes nor backslashes (RFC 6749, section
/// 5.2; RFC 6750, section 3).
fn printable(text: &str) -> String {
    text.chars().map(|c| if (c == ' ' || c.is_ascii_graphic()) && c != '"' && c != '\\' { c } else { '?' }).collect()
}

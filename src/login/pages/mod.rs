//! The pages of the room.

use super::form::purpose;
use crate::authn::Message;
use crate::entrance::{SEALED_REQUEST, Visit};
use crate::federation::{self, IdentityProvider};
use crate::web::http::StatusCode;
use crate::web::http::header::WWW_AUTHENTICATE;
use crate::web::page::{PageError, environment, hidden, message, render};
use crate::web::{PoolRequest, Response, csrf, with_header};
use minijinja::{Environment, context};
use std::sync::LazyLock;

static TEMPLATES: LazyLock<Environment<'static>> = LazyLock::new(|| environment(&[("login.html", include_str!("login.html"))]));

/// What a login page says above its form.
pub enum Notice {
    /// What the engine says.
    Of(Message),
    /// Too much is going on.
    Busy,
    /// The page was not sealed for the browser as it is now.
    Again,
    /// The upstream of that name could not be reached or did not confirm.
    Upstream(String),
}

/// The login page as faces show it to a browser that has just arrived.
pub fn arrival(request: &PoolRequest, visit: &Visit<'_>) -> Response {
    login(request, visit, visit.login_hint.unwrap_or_default(), None).unwrap_or_else(Into::into)
}

/// The login page of a request: a password form, and a button for each upstream of the pool.
pub fn login(request: &PoolRequest, visit: &Visit<'_>, username: &str, notice: Option<Notice>) -> Result<Response, PageError> {
    let providers = usable_providers(request)?;
    let choices: Vec<_> = providers
        .iter()
        .map(|provider| {
            let action = request.base.join(&format!("/login/with/{}", provider.name));
            context! { name => provider.display_name.as_str(), action }
        })
        .collect();
    let (status, text) = notice.as_ref().map_or((StatusCode::OK, None), |notice| (notice.status(), Some(notice.text())));
    let token = csrf::token(visit.browser, &purpose(visit.sealed));
    let content = context! {
        application => visit.application,
        action => request.base.join("/login"),
        fields => hidden([(SEALED_REQUEST, visit.sealed), (csrf::FIELD, token.as_str())]),
        username,
        notice => text,
        provider => notice.and_then(|notice| notice.provider(&providers)),
        providers => choices,
    };
    let response = render(&TEMPLATES, "login.html", request, status, content);
    Ok(if status == StatusCode::UNAUTHORIZED { with_header(response, WWW_AUTHENTICATE, "Form") } else { response })
}

/// The upstreams that the page can offer: one that cannot be read keeps nobody from the others, and
/// from their password.
fn usable_providers(request: &PoolRequest) -> Result<Vec<IdentityProvider>, PageError> {
    let listed = federation::list(&request.pool).map_err(|error| PageError::of(request, &error))?;
    let usable = listed.into_iter().filter_map(|provider| {
        provider
            .inspect_err(|unreadable| {
                let (pool, name, error) = (request.pool.slug(), &unreadable.name, &unreadable.reason);
                tracing::warn!(%pool, name, %error, "an identity provider cannot be read, and the login page leaves it out");
            })
            .ok()
    });
    Ok(usable.collect())
}

/// An upstream login that did not succeed, when the form that led there is no longer at hand.
pub fn upstream_failed(request: &PoolRequest, why: Option<Message>) -> Result<Response, PageError> {
    let text = match why {
        None | Some(Message::Upstream) => "error-upstream",
        Some(Message::FactorRequired) => "error-upstream-factor",
        Some(Message::Credentials | Message::MustChange | Message::Expired) => "error-upstream-refused",
    };
    Ok(message(request, StatusCode::FORBIDDEN, "error-title", text, None))
}

impl Notice {
    const fn status(&self) -> StatusCode {
        match self {
            Self::Of(_) => StatusCode::UNAUTHORIZED,
            Self::Again => StatusCode::OK,
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Self::Upstream(_) => StatusCode::BAD_GATEWAY,
        }
    }

    const fn text(&self) -> &'static str {
        match self {
            Self::Of(Message::Credentials) => "login-failed",
            Self::Of(Message::MustChange) => "login-must-change",
            Self::Of(Message::Expired) => "login-password-expired",
            Self::Of(Message::FactorRequired) => "login-factor-required",
            Self::Of(Message::Upstream) | Self::Upstream(_) => "login-upstream-failed",
            Self::Again => "login-again",
            Self::Busy => "login-busy",
        }
    }

    /// What the upstream calls itself.
    fn provider(self, providers: &[IdentityProvider]) -> Option<String> {
        let Self::Upstream(name) = self else { return None };
        let known = providers.iter().find(|provider| provider.name == name);
        Some(known.map_or(name, |provider| provider.display_name.clone()))
    }
}

//! What a person sees when the way through a login, a single sign-on or a logout breaks off.

use super::message;
use crate::model::error::Denial;
use crate::model::{Error, Kind};
use crate::web::{PoolRequest, Response};
use warp::http::StatusCode;

/// A page that tells why it does not go on.
pub struct PageError(Box<Response>);

impl PageError {
    /// The page of a failure of the domain. Details of our own defects stay in the log.
    pub fn of(request: &PoolRequest, error: &Error) -> Self {
        let (status, title, text) = page_of(error.kind());
        let detail = match error.kind() {
            Kind::Internal => {
                tracing::error!(%error, path = request.path, "a page broke off");
                None
            }
            Kind::Unavailable(_) | Kind::Denied(Denial::LoginRequired) => None,
            _ => Some(error.message()),
        };
        Self(Box::new(message(request, status, title, text, detail)))
    }

    /// The waiting request is not there, or not this browser's: its login has ended.
    pub fn expired(request: &PoolRequest) -> Self {
        Self(Box::new(message(request, StatusCode::BAD_REQUEST, "expired-title", "expired-text", None)))
    }

    /// The browser sends none of our cookies with a form of ours: it keeps none.
    pub fn without_cookies(request: &PoolRequest) -> Self {
        Self(Box::new(message(request, StatusCode::BAD_REQUEST, "cookies-title", "cookies-text", None)))
    }

    /// A form that we did not give to this browser.
    pub fn foreign_form(request: &PoolRequest) -> Self {
        Self(Box::new(message(request, StatusCode::FORBIDDEN, "error-title", "error-form", None)))
    }
}

const fn page_of(kind: &Kind) -> (StatusCode, &'static str, &'static str) {
    let (status, text) = match kind {
        Kind::Denied(Denial::LoginRequired) => return (StatusCode::BAD_REQUEST, "expired-title", "expired-text"),
        Kind::Denied(Denial::NotAllowed) => (StatusCode::FORBIDDEN, "error-request"),
        Kind::Denied(_) => (StatusCode::UNAUTHORIZED, "error-request"),
        Kind::Invalid(_) => (StatusCode::BAD_REQUEST, "error-request"),
        Kind::NotFound { .. } => (StatusCode::NOT_FOUND, "error-application"),
        Kind::Conflict(_) => (StatusCode::CONFLICT, "error-request"),
        Kind::Unavailable(_) => (StatusCode::SERVICE_UNAVAILABLE, "error-internal"),
        Kind::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "error-internal"),
    };
    (status, "error-title", text)
}

impl From<PageError> for Response {
    fn from(error: PageError) -> Self {
        *error.0
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::model::Dn;
    use crate::model::error::{Clash, Rule, Shortage};

    #[test]
    fn every_kind_has_its_page() {
        for (kind, page) in [
            (Kind::Denied(Denial::Credentials), 401),
            (Kind::Denied(Denial::LoginRequired), 400),
            (Kind::Denied(Denial::FactorRequired), 401),
            (Kind::Denied(Denial::NotAllowed), 403),
            (Kind::Invalid(Rule::Request), 400),
            (Kind::NotFound { matched: Dn::root() }, 404),
            (Kind::Conflict(Clash::Contended), 409),
            (Kind::Unavailable(Shortage::Busy), 503),
            (Kind::Internal, 500),
        ] {
            assert_eq!(page_of(&kind).0.as_u16(), page, "{kind:?}");
        }
    }
}

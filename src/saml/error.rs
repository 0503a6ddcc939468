//! From the domain error to a SAML status, or to a page where there is nobody to answer to.

use super::wire::Status;
use crate::model::error::Denial;
use crate::model::{Error, Kind};
use crate::web::http::StatusCode;
use crate::web::{PoolRequest, Response, page};

/// The status that a service provider is told (SAML core, section 3.2.2.2).
pub fn status(error: &Error) -> Status {
    match error.kind() {
        Kind::Denied(Denial::Credentials) => Status::AuthnFailed,
        Kind::Denied(Denial::LoginRequired) => Status::NoPassive,
        Kind::Denied(Denial::FactorRequired) => Status::NoAuthnContext,
        Kind::Denied(Denial::NotAllowed) => Status::RequestDenied,
        Kind::Invalid(_) | Kind::NotFound { .. } => Status::Requester,
        Kind::Conflict(_) | Kind::Unavailable(_) | Kind::Internal => Status::Responder,
    }
}

/// A page that tells why it does not go on.
pub struct SamlError(Box<Response>);

impl SamlError {
    /// The page of a failure of the domain. Details of our own defects stay in the log.
    pub fn of(request: &PoolRequest, error: &Error) -> Self {
        let (status, text) = page_of(error.kind());
        let detail = match error.kind() {
            Kind::Internal => {
                tracing::error!(%error, path = request.path, "a single sign-on broke off");
                None
            }
            Kind::Unavailable(_) => None,
            _ => Some(error.message()),
        };
        Self(Box::new(page::message(request, status, "error-title", text, detail)))
    }

    /// The waiting request is not there, or not this browser's.
    pub fn expired(request: &PoolRequest) -> Self {
        Self(Box::new(page::message(request, StatusCode::BAD_REQUEST, "expired-title", "expired-text", None)))
    }
}

const fn page_of(kind: &Kind) -> (StatusCode, &'static str) {
    match kind {
        Kind::Denied(Denial::NotAllowed) => (StatusCode::FORBIDDEN, "error-request"),
        Kind::Denied(_) => (StatusCode::UNAUTHORIZED, "error-request"),
        Kind::Invalid(_) => (StatusCode::BAD_REQUEST, "error-request"),
        Kind::NotFound { .. } => (StatusCode::NOT_FOUND, "error-application"),
        Kind::Conflict(_) => (StatusCode::CONFLICT, "error-request"),
        Kind::Unavailable(_) => (StatusCode::SERVICE_UNAVAILABLE, "error-internal"),
        Kind::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "error-internal"),
    }
}

impl From<SamlError> for Response {
    fn from(error: SamlError) -> Self {
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
    fn every_kind_has_its_status_and_its_page() {
        for (kind, expected, page) in [
            (Kind::Denied(Denial::Credentials), Status::AuthnFailed, 401),
            (Kind::Denied(Denial::LoginRequired), Status::NoPassive, 401),
            (Kind::Denied(Denial::FactorRequired), Status::NoAuthnContext, 401),
            (Kind::Denied(Denial::NotAllowed), Status::RequestDenied, 403),
            (Kind::Invalid(Rule::Request), Status::Requester, 400),
            (Kind::NotFound { matched: Dn::root() }, Status::Requester, 404),
            (Kind::Conflict(Clash::Contended), Status::Responder, 409),
            (Kind::Unavailable(Shortage::Busy), Status::Responder, 503),
            (Kind::Internal, Status::Responder, 500),
        ] {
            assert_eq!(page_of(&kind).0.as_u16(), page, "{kind:?}");
            assert_eq!(status(&Error::new(kind, "")), expected);
        }
    }
}

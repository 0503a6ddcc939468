//! What a person sees when the way through a login breaks off.

use crate::model::{Error, Kind};
use crate::web::http::StatusCode;
use crate::web::{PoolRequest, Response, page};

/// A page that tells why it does not go on.
pub struct LoginError(Box<Response>);

impl LoginError {
    /// The page of a failure of the domain. Details of our own defects stay in the log.
    pub fn of(request: &PoolRequest, error: &Error) -> Self {
        let (status, text, detail) = match error.kind() {
            Kind::Denied(_) => (StatusCode::FORBIDDEN, "error-request", Some(error.message())),
            Kind::Invalid(_) | Kind::Conflict(_) => (StatusCode::BAD_REQUEST, "error-request", Some(error.message())),
            Kind::NotFound { .. } => (StatusCode::NOT_FOUND, "error-application", Some(error.message())),
            Kind::Unavailable(_) => (StatusCode::SERVICE_UNAVAILABLE, "login-busy", None),
            Kind::Internal => {
                tracing::error!(%error, path = request.path, "a login broke off");
                (StatusCode::INTERNAL_SERVER_ERROR, "error-internal", None)
            }
        };
        Self(Box::new(page::message(request, status, "error-title", text, detail)))
    }

    /// The waiting request is not there, or not this browser's.
    pub fn expired(request: &PoolRequest) -> Self {
        Self(Box::new(page::message(request, StatusCode::BAD_REQUEST, "expired-title", "expired-text", None)))
    }

    /// A form that we did not give to this browser.
    pub fn foreign_form(request: &PoolRequest) -> Self {
        Self(Box::new(page::message(request, StatusCode::FORBIDDEN, "error-title", "error-form", None)))
    }
}

impl From<LoginError> for Response {
    fn from(error: LoginError) -> Self {
        *error.0
    }
}

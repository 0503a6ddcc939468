//! The domain error as a problem document (RFC 9457).

use crate::model::error::{Clash, Denial, Shortage};
use crate::model::{Error, Kind};
use crate::web::http::StatusCode;
use crate::web::{Response, problem};

/// A failure as the API tells it.
pub struct ApiError(pub Error);

/// The status of each kind of failure.
fn status(kind: &Kind) -> StatusCode {
    match kind {
        Kind::Denied(Denial::Credentials | Denial::LoginRequired | Denial::FactorRequired) => StatusCode::UNAUTHORIZED,
        Kind::Denied(Denial::NotAllowed) => StatusCode::FORBIDDEN,
        Kind::Invalid(_) => StatusCode::BAD_REQUEST,
        Kind::NotFound { .. } => StatusCode::NOT_FOUND,
        Kind::Conflict(Clash::Changed) => StatusCode::PRECONDITION_FAILED,
        Kind::Conflict(Clash::Exists | Clash::Contended) => StatusCode::CONFLICT,
        Kind::Unavailable(Shortage::Busy | Shortage::Down) => StatusCode::SERVICE_UNAVAILABLE,
        Kind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

impl From<ApiError> for Response {
    fn from(ApiError(error): ApiError) -> Self {
        if *error.kind() == Kind::Internal {
            tracing::error!(%error, "the admin API failed");
        }
        problem::document(status(error.kind()), error.message())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Dn;
    use crate::model::error::Rule;

    #[test]
    fn each_kind_has_its_status() {
        for (kind, expected) in [
            (Kind::Denied(Denial::Credentials), 401),
            (Kind::Denied(Denial::NotAllowed), 403),
            (Kind::Invalid(Rule::Request), 400),
            (Kind::NotFound { matched: Dn::root() }, 404),
            (Kind::Conflict(Clash::Exists), 409),
            (Kind::Conflict(Clash::Contended), 409),
            (Kind::Conflict(Clash::Changed), 412),
            (Kind::Unavailable(Shortage::Busy), 503),
            (Kind::Internal, 500),
        ] {
            assert_eq!(status(&kind).as_u16(), expected, "{kind:?}");
        }
    }
}

//! From the domain error to a SAML status. Where there is nobody to answer to, the person gets a
//! page.

use super::wire::Status;
use crate::model::error::Denial;
use crate::model::{Error, Kind};

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

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::model::Dn;
    use crate::model::error::{Clash, Rule, Shortage};

    #[test]
    fn every_kind_has_its_status() {
        for (kind, expected) in [
            (Kind::Denied(Denial::Credentials), Status::AuthnFailed),
            (Kind::Denied(Denial::LoginRequired), Status::NoPassive),
            (Kind::Denied(Denial::FactorRequired), Status::NoAuthnContext),
            (Kind::Denied(Denial::NotAllowed), Status::RequestDenied),
            (Kind::Invalid(Rule::Request), Status::Requester),
            (Kind::NotFound { matched: Dn::root() }, Status::Requester),
            (Kind::Conflict(Clash::Contended), Status::Responder),
            (Kind::Unavailable(Shortage::Busy), Status::Responder),
            (Kind::Internal, Status::Responder),
        ] {
            assert_eq!(status(&Error::new(kind.clone(), "")), expected, "{kind:?}");
        }
    }
}

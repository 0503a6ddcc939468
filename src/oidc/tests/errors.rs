use super::*;
use crate::model::Error as Failure;
use crate::model::Kind;
use crate::model::error::{Clash, Denial, Rule, Shortage};
use crate::oidc::error::Refusal;

#[test]
fn every_kind_of_failure_has_its_code_at_every_endpoint() {
    for (kind, at_authorize, at_token, at_resource) in [
        (Kind::Denied(Denial::Credentials), "login_required", "invalid_grant", "invalid_token"),
        (Kind::Denied(Denial::LoginRequired), "login_required", "invalid_grant", "invalid_token"),
        (Kind::Denied(Denial::FactorRequired), "interaction_required", "invalid_grant", "invalid_token"),
        (Kind::Denied(Denial::NotAllowed), "access_denied", "invalid_grant", "insufficient_scope"),
        (Kind::Invalid(Rule::Request), "invalid_request", "invalid_request", "invalid_request"),
        (Kind::NotFound { matched: Dn::root() }, "invalid_request", "invalid_client", "invalid_token"),
        (Kind::Conflict(Clash::Exists), "server_error", "server_error", "server_error"),
        (Kind::Conflict(Clash::Contended), "server_error", "server_error", "server_error"),
        (Kind::Unavailable(Shortage::Busy), "temporarily_unavailable", "temporarily_unavailable", "temporarily_unavailable"),
        (Kind::Unavailable(Shortage::Down), "temporarily_unavailable", "temporarily_unavailable", "temporarily_unavailable"),
        (Kind::Internal, "server_error", "server_error", "server_error"),
    ] {
        let failure = Failure::new(kind, "the true reason: \"quoted\"");
        for (refusal, expected) in [
            (Refusal::at_authorize(&failure), at_authorize),
            (Refusal::at_token(&failure), at_token),
            (Refusal::at_resource(&failure), at_resource),
        ] {
            assert_eq!(refusal.code.name(), expected, "{failure:?}");
            assert!(!refusal.description.contains(['"', '\\']), "{refusal:?}");
            if expected == "server_error" {
                assert!(!refusal.description.contains("true reason"), "{refusal:?}");
            }
        }
    }
}

#[test]
fn a_shortage_is_503_at_the_token_endpoint() {
    let refusal = Refusal::at_token(&Failure::busy("full"));
    assert_eq!(refusal.code.status(), StatusCode::SERVICE_UNAVAILABLE);
}

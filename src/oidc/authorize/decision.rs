//! What an authorization request gets, given who is logged in. Pure, and asked again after every step: nothing that a browser brings back is believed.

use super::checks::AuthorizationRequest;
use crate::model::Timestamp;
use crate::oidc::error::{Code, Refusal};
use crate::oidc::wire::Prompt;

/// What is known at this moment.
#[derive(Clone, Copy, Debug, Default)]
pub struct Standing {
    /// When the person of a usable session proved who they are; `None` without one.
    pub authenticated: Option<Timestamp>,
    /// Whether they did so since the request began to wait, if it has waited: that login was made for it.
    pub fresh: bool,
    /// Whether the person of the session is the one of `id_token_hint`; true without a hint.
    pub is_expected: bool,
    /// Whether the person has agreed to this very request.
    pub consented: bool,
    /// Whether they have agreed to all of it before.
    pub remembered: bool,
}

/// What happens next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The client gets a code.
    Issue,
    /// The person logs in.
    Login {
        /// Even if somebody is logged in already.
        force: bool,
    },
    /// The person is asked whether the client may have what it asks for.
    Consent,
    /// The client gets an error.
    Refuse(Refusal),
}

/// Decides (OpenID Connect Core 1.0, sections 3.1.2.1 to 3.1.2.4).
pub fn decide(request: &AuthorizationRequest, standing: &Standing, now: Timestamp) -> Decision {
    let silent = request.prompts.is_none();
    let login_required = |description: &str| Decision::Refuse(Refusal::new(Code::LoginRequired, description));
    let Some(at) = standing.authenticated else {
        return if silent { login_required("nobody is logged in") } else { Decision::Login { force: false } };
    };
    let asked_anew = request.prompts.asks(Prompt::Login) || request.prompts.asks(Prompt::SelectAccount);
    let too_old = request.max_age.is_some_and(|age| age.is_zero() || now.since(at) > age);
    if !standing.fresh && (asked_anew || too_old || !standing.is_expected) {
        return match silent {
            false => Decision::Login { force: true },
            true if too_old => login_required("the login is older than max_age allows"),
            true => login_required("somebody else than the person of id_token_hint is logged in"),
        };
    }
    if !standing.is_expected {
        return login_required("somebody else than the person of id_token_hint has logged in");
    }
    let asks = request.prompts.asks(Prompt::Consent) || !(request.client.first_party || standing.remembered);
    if asks && !standing.consented {
        return match silent {
            true => Decision::Refuse(Refusal::new(Code::ConsentRequired, "the person must be asked for consent")),
            false => Decision::Consent,
        };
    }
    Decision::Issue
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::oidc::authorize::checks::tests::{CHALLENGE, checked};

    const NOW: Timestamp = Timestamp::from_seconds(10_000);

    fn at(seconds: i64) -> Option<Timestamp> {
        Some(Timestamp::from_seconds(seconds))
    }

    fn decided(extra: &str, first_party: bool, standing: Standing) -> Decision {
        let mut request = checked(&format!("&code_challenge={CHALLENGE}&code_challenge_method=S256{extra}")).unwrap();
        request.client.first_party = first_party;
        decide(&request, &standing, NOW)
    }

    fn code(decision: &Decision) -> &'static str {
        match decision {
            Decision::Issue => "issue",
            Decision::Login { force: false } => "login",
            Decision::Login { force: true } => "login anew",
            Decision::Consent => "consent",
            Decision::Refuse(refusal) => refusal.code.name(),
        }
    }

    #[test]
    fn table() {
        let nobody = Standing { is_expected: true, ..Standing::default() };
        let usable = Standing { authenticated: at(9_000), ..nobody };
        let fresh = Standing { authenticated: at(9_999), fresh: true, ..nobody };
        let other = Standing { is_expected: false, ..usable };
        let other_fresh = Standing { is_expected: false, ..fresh };
        let agreed = Standing { consented: true, ..usable };
        let remembered = Standing { remembered: true, ..usable };
        for (extra, first_party, standing, expected) in [
            ("", true, nobody, "login"),
            ("", true, usable, "issue"),
            ("", true, other, "login anew"),
            ("", true, other_fresh, "login_required"),
            ("", false, usable, "consent"),
            ("", false, agreed, "issue"),
            ("&prompt=none", true, nobody, "login_required"),
            ("&prompt=none", true, usable, "issue"),
            ("&prompt=none", true, other, "login_required"),
            ("&prompt=none", false, usable, "consent_required"),
            ("&prompt=none", false, agreed, "issue"),
            ("&prompt=none&max_age=999", true, usable, "login_required"),
            ("&prompt=none&max_age=1000", true, usable, "issue"),
            ("&prompt=none&max_age=0", true, usable, "login_required"),
            ("&prompt=login", true, nobody, "login"),
            ("&prompt=login", true, usable, "login anew"),
            ("&prompt=login", true, fresh, "issue"),
            ("&prompt=login", false, fresh, "consent"),
            ("&prompt=select_account", true, usable, "login anew"),
            ("&prompt=select_account", true, fresh, "issue"),
            ("&prompt=consent", true, usable, "consent"),
            ("&prompt=consent", false, usable, "consent"),
            ("&prompt=consent", true, agreed, "issue"),
            ("&prompt=consent", false, remembered, "consent"),
            ("", false, remembered, "issue"),
            ("&prompt=none", false, remembered, "issue"),
            ("&prompt=login+consent", false, usable, "login anew"),
            ("&max_age=999", true, usable, "login anew"),
            ("&max_age=1000", true, usable, "issue"),
            ("&max_age=0", true, usable, "login anew"),
            ("&max_age=0", true, fresh, "issue"),
        ] {
            assert_eq!(code(&decided(extra, first_party, standing)), expected, "{extra} {first_party} {standing:?}");
        }
    }
}

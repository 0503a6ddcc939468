//! What an authorization request gets, given who is logged in. Pure, and asked again after every
//! step: nothing that a browser brings back is believed.

use super::checks::AuthorizationRequest;
use crate::model::Timestamp;
use crate::oidc::error::{Code, Refusal};
use crate::oidc::wire::Prompt;

/// What is known at this moment.
#[derive(Clone, Copy, Debug, Default)]
pub struct Standing {
    /// When the person of a usable session proved who they are; `None` without one.
    pub authenticated: Option<Timestamp>,
    /// Whether they did so since the request began to wait, if it has waited: that login was made
    /// for it.
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
    /// The person is asked whether the client may have what it asks for, or whether it was they who
    /// opened the program that asks.
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
    let agreed = request.client.first_party || standing.remembered;
    // Somebody who has just logged in for the request knows of it. Otherwise a program could
    // collect codes behind the person's back, whatever they have agreed to before.
    let unseen = request.is_open_to_any_program() && (silent || !standing.fresh);
    if (request.prompts.asks(Prompt::Consent) || !agreed || unseen) && !standing.consented {
        let refuse = |code, description: &str| Decision::Refuse(Refusal::new(code, description));
        return match silent {
            false => Decision::Consent,
            true if agreed => {
                refuse(Code::InteractionRequired, "a program on the person's device gets a code only after the person has acted")
            }
            true => refuse(Code::ConsentRequired, "the person must be asked for consent"),
        };
    }
    Decision::Issue
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::application::SecretHash;
    use crate::oidc::authorize::checks::tests::{CHALLENGE, Zeros, checked};

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

    const WEB: &str = "https://app.example/callback";
    const NATIVE: &[&str] = &[
        "com.example.app:/callback",
        "http://127.0.0.1:49152/callback",
        "http://[::1]:49152/callback",
        "http://localhost:9090/callback",
        "https://localhost:9090/callback",
    ];

    /// What a client gets whose code goes to that URI.
    fn decided_at(uri: &str, public: bool, extra: &str, first_party: bool, standing: Standing) -> &'static str {
        let mut request = checked(&format!("&code_challenge={CHALLENGE}&code_challenge_method=S256{extra}")).unwrap();
        request.client.first_party = first_party;
        request.client.secret = (!public).then(|| SecretHash::generate(&Zeros).1);
        uri.clone_into(&mut request.reply.redirect_uri);
        code(&decide(&request, &standing, NOW))
    }

    #[test]
    fn a_code_that_any_program_can_take_is_given_when_the_person_has_acted() {
        let usable = Standing { authenticated: at(9_000), is_expected: true, ..Standing::default() };
        let fresh = Standing { fresh: true, ..usable };
        let agreed = Standing { consented: true, ..usable };
        let remembered = Standing { remembered: true, ..usable };
        let remembered_fresh = Standing { remembered: true, ..fresh };
        for (extra, first_party, standing, native, elsewhere) in [
            ("", true, usable, "consent", "issue"),
            ("", true, fresh, "issue", "issue"),
            ("", true, agreed, "issue", "issue"),
            ("", true, remembered, "consent", "issue"),
            ("", false, usable, "consent", "consent"),
            ("", false, fresh, "consent", "consent"),
            ("", false, agreed, "issue", "issue"),
            ("", false, remembered, "consent", "issue"),
            ("", false, remembered_fresh, "issue", "issue"),
            ("&prompt=consent", true, fresh, "consent", "consent"),
            ("&prompt=none", true, usable, "interaction_required", "issue"),
            ("&prompt=none", true, fresh, "interaction_required", "issue"),
            ("&prompt=none", true, remembered, "interaction_required", "issue"),
            ("&prompt=none", false, usable, "consent_required", "consent_required"),
            ("&prompt=none", false, remembered, "interaction_required", "issue"),
            ("&prompt=none", false, remembered_fresh, "interaction_required", "issue"),
        ] {
            let case = format!("{extra} {first_party} {standing:?}");
            for uri in NATIVE {
                assert_eq!(decided_at(uri, true, extra, first_party, standing), native, "public at {uri}: {case}");
                assert_eq!(decided_at(uri, false, extra, first_party, standing), elsewhere, "confidential at {uri}: {case}");
            }
            for public in [true, false] {
                assert_eq!(decided_at(WEB, public, extra, first_party, standing), elsewhere, "{public}: {case}");
            }
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

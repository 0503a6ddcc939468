//! What becomes of a request: an assertion, a refusal, or a login first. Pure, so that every case can be read off a table.

use super::context;
use super::request::{Refusal, SsoRequest};
use super::wire::Status;
use crate::authn::{Authentication, Level, Method};
use crate::model::Timestamp;

/// What a session proves.
#[derive(Clone, Copy, Debug)]
pub struct Proof<'a> {
    /// When it was proven.
    pub at: Timestamp,
    /// How much.
    pub level: Level,
    /// How.
    pub methods: &'a [Method],
}

impl<'a> Proof<'a> {
    /// What an authentication proves.
    pub fn of(authentication: &'a Authentication) -> Self {
        Self { at: authentication.at(), level: authentication.acr(), methods: authentication.methods() }
    }
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// An assertion about whoever is logged in, with this context class.
    Assert(&'static str),
    /// A refusal that the service provider is told.
    Refuse(Refusal),
    /// Somebody must log in first.
    LogIn,
}

/// Decides. `since` is when the request began to wait for a login in this browser, if it did.
pub fn decide(asked: &SsoRequest, proof: Option<Proof<'_>>, since: Option<Timestamp>) -> Decision {
    let proven_for_this = |proof: &Proof<'_>| since.is_some_and(|since| proof.at >= since);
    let requested = asked.context();
    let refuse = |status, message| Decision::Refuse(Refusal { status, message });
    if requested.as_ref().is_some_and(|requested| !context::is_reachable(requested, Level::HIGHEST)) {
        return refuse(Status::NoAuthnContext, "no login here reaches a context class that is asked for");
    }
    if let Some(proof) = proof.filter(|proof| !asked.force || proven_for_this(proof)) {
        if let Some(class) = context::choose(requested.as_ref(), proof.level, proof.methods) {
            return Decision::Assert(class);
        }
        // Another login may reach more, and is tried once.
        if asked.passive || proven_for_this(&proof) {
            return refuse(Status::NoAuthnContext, "the login does not reach the context class that is asked for");
        }
    }
    if asked.passive {
        return refuse(Status::NoPassive, "a login page is needed");
    }
    Decision::LogIn
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::super::context::{MULTIPLE_FACTORS, PASSWORD_PROTECTED};
    use super::super::wire::{Comparison, RequestedContext};
    use super::*;

    fn asked(force: bool, passive: bool, class: Option<&str>) -> SsoRequest {
        let context = class.map(|class| RequestedContext { comparison: Comparison::Exact, classes: vec![class.to_owned()] });
        let mut asked = SsoRequest::plain("https://sp.example", "_1", "https://sp.example/acs").demanding(context);
        (asked.force, asked.passive) = (force, passive);
        asked
    }

    fn at(seconds: i64) -> Option<Proof<'static>> {
        Some(Proof { at: Timestamp::from_seconds(seconds), level: Level::Single, methods: &[Method::Password] })
    }

    #[test]
    fn every_case_of_the_table() {
        let refused = |decision| match decision {
            Decision::Refuse(refusal) => refusal.status,
            decision => panic!("{decision:?}"),
        };
        let begun = Some(Timestamp::from_seconds(100));
        let good = Decision::Assert(PASSWORD_PROTECTED);
        // A session, and no demand.
        assert_eq!(decide(&asked(false, false, None), at(50), None), good);
        assert_eq!(decide(&asked(false, true, None), at(50), None), good);
        assert_eq!(decide(&asked(false, false, None), at(50), begun), good);
        // No session.
        assert_eq!(decide(&asked(false, false, None), None, None), Decision::LogIn);
        assert_eq!(decide(&asked(false, false, None), None, begun), Decision::LogIn);
        assert_eq!(refused(decide(&asked(false, true, None), None, None)), Status::NoPassive);
        // ForceAuthn takes a login that came after the request, and nothing else.
        assert_eq!(decide(&asked(true, false, None), at(50), None), Decision::LogIn);
        assert_eq!(decide(&asked(true, false, None), at(99), begun), Decision::LogIn);
        assert_eq!(decide(&asked(true, false, None), at(100), begun), good);
        assert_eq!(refused(decide(&asked(true, true, None), at(50), None)), Status::NoPassive);
        // A context class that no login reaches, which is said before anybody is asked to log in.
        for class in ["urn:none", MULTIPLE_FACTORS] {
            for (passive, proof, since) in [(false, None, None), (false, at(50), None), (false, at(100), begun), (true, at(50), None)] {
                assert_eq!(refused(decide(&asked(false, passive, Some(class)), proof, since)), Status::NoAuthnContext, "{class}");
            }
        }
    }
}

//! What becomes of a request: an assertion, a refusal, or a login first. Pure, so that every case
//! can be read off a table.

use super::context;
use super::request::{Refusal, SsoRequest};
use super::wire::Status;
use crate::authn::{Level, Method, Session};
use crate::model::Timestamp;

/// What a session proves.
#[derive(Clone, Copy, Debug)]
pub struct Proof<'a> {
    /// Whether that was since the request began to wait for a login in this browser.
    pub fresh: bool,
    /// How much.
    pub level: Level,
    /// How.
    pub methods: &'a [Method],
}

impl<'a> Proof<'a> {
    /// What a session proves. `since` is when the request began to wait for a login in this
    /// browser, if it did.
    pub fn of(session: &'a Session, since: Option<Timestamp>) -> Self {
        let authentication = session.authentication();
        let fresh = since.is_some_and(|since| session.is_proven_since(since));
        Self { fresh, level: authentication.acr(), methods: authentication.methods() }
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

/// Decides.
pub fn decide(asked: &SsoRequest, proof: Option<Proof<'_>>) -> Decision {
    let requested = asked.context();
    let refuse = |status, message| Decision::Refuse(Refusal { status, message });
    if requested.as_ref().is_some_and(|requested| !context::is_reachable(requested, Level::HIGHEST)) {
        return refuse(Status::NoAuthnContext, "no login here reaches a context class that is asked for");
    }
    if let Some(proof) = proof.filter(|proof| !asked.force || proof.fresh) {
        if let Some(class) = context::choose(requested.as_ref(), proof.level, proof.methods) {
            return Decision::Assert(class);
        }
        // Another login may reach more, and is tried once.
        if asked.passive || proof.fresh {
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

    const OLD: Option<Proof<'static>> = Some(Proof { fresh: false, level: Level::Single, methods: &[Method::Password] });
    const FRESH: Option<Proof<'static>> = Some(Proof { fresh: true, level: Level::Single, methods: &[Method::Password] });

    #[test]
    fn every_case_of_the_table() {
        let refused = |decision| match decision {
            Decision::Refuse(refusal) => refusal.status,
            decision => panic!("{decision:?}"),
        };
        let good = Decision::Assert(PASSWORD_PROTECTED);
        // A session, and no demand.
        assert_eq!(decide(&asked(false, false, None), OLD), good);
        assert_eq!(decide(&asked(false, true, None), OLD), good);
        // No session.
        assert_eq!(decide(&asked(false, false, None), None), Decision::LogIn);
        assert_eq!(refused(decide(&asked(false, true, None), None)), Status::NoPassive);
        // ForceAuthn takes a login that came after the request, and nothing else.
        assert_eq!(decide(&asked(true, false, None), OLD), Decision::LogIn);
        assert_eq!(decide(&asked(true, false, None), FRESH), good);
        assert_eq!(refused(decide(&asked(true, true, None), OLD)), Status::NoPassive);
        // A context class that no login reaches, which is said before anybody is asked to log in.
        for class in ["urn:none", MULTIPLE_FACTORS] {
            for (passive, proof) in [(false, None), (false, OLD), (false, FRESH), (true, OLD)] {
                assert_eq!(refused(decide(&asked(false, passive, Some(class)), proof)), Status::NoAuthnContext, "{class}");
            }
        }
    }
}

//! Authentication context classes (SAML authentication context, section 3.4): what a login is
//! worth, and what of that is said.

use super::wire::{Comparison, RequestedContext};
use crate::authn::{Level, Method};

/// Nothing is said about how.
pub const UNSPECIFIED: &str = "urn:oasis:names:tc:SAML:2.0:ac:classes:unspecified";
/// A password.
pub const PASSWORD: &str = "urn:oasis:names:tc:SAML:2.0:ac:classes:Password";
/// A password over a protected connection.
pub const PASSWORD_PROTECTED: &str = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport";
/// Several factors of different kinds (REFEDS MFA profile).
pub const MULTIPLE_FACTORS: &str = "https://refeds.org/profile/mfa";

/// The classes that are known, weakest first. Plain HTTP is served on loopback only, so a password
/// is always protected on its way.
const CLASSES: [&str; 4] = [UNSPECIFIED, PASSWORD, PASSWORD_PROTECTED, MULTIPLE_FACTORS];

fn strength(class: &str) -> Option<usize> {
    CLASSES.iter().position(|known| *known == class)
}

/// The strongest class that a level of login reaches. An upstream that the pool trusts counts as
/// much as a login of the pool itself.
const fn reached(level: Level) -> usize {
    match level {
        Level::Single => 2,
        Level::Multiple => 3,
    }
}

/// The demand without the classes that nobody here reaches anyway: what waits for a login is small,
/// whatever was asked for.
pub fn known(requested: RequestedContext) -> RequestedContext {
    let classes = requested.classes.into_iter().filter(|class| strength(class).is_some()).collect();
    RequestedContext { classes, ..requested }
}

/// Whether a login up to that level could be good enough.
pub fn is_reachable(requested: &RequestedContext, highest: Level) -> bool {
    choose(Some(requested), highest, &[]).is_some()
}

/// Whether only a login with several factors is good enough.
pub fn needs_multiple(requested: Option<&RequestedContext>) -> bool {
    choose(requested, Level::Single, &[]).is_none() && choose(requested, Level::Multiple, &[]).is_some()
}

/// The class to state for a login; `None` when it is not what was asked for (SAML core, section
/// 3.3.2.2.1).
pub fn choose(requested: Option<&RequestedContext>, level: Level, methods: &[Method]) -> Option<&'static str> {
    let reached = reached(level);
    let own = match level {
        Level::Multiple => MULTIPLE_FACTORS,
        Level::Single if methods.contains(&Method::Password) => PASSWORD_PROTECTED,
        Level::Single => UNSPECIFIED,
    };
    let Some(requested) = requested else { return Some(own) };
    let mut asked = requested.classes.iter().filter_map(|class| strength(class));
    let at = match requested.comparison {
        Comparison::Exact => asked.find(|asked| *asked <= reached),
        Comparison::Minimum => asked.any(|asked| asked <= reached).then_some(reached),
        Comparison::Better => asked.any(|asked| asked < reached).then_some(reached),
        Comparison::Maximum => asked.max().map(|most| most.min(reached)),
    }?;
    CLASSES.get(at).copied()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;

    const KERBEROS: &str = "urn:oasis:names:tc:SAML:2.0:ac:classes:Kerberos";

    fn chosen(comparison: Comparison, classes: &[&str], level: Level) -> Option<&'static str> {
        let classes = classes.iter().map(|class| (*class).to_owned()).collect();
        choose(Some(&RequestedContext { comparison, classes }), level, &[Method::Password])
    }

    #[test]
    fn without_a_demand_the_login_speaks_for_itself() {
        assert_eq!(choose(None, Level::Single, &[Method::Password]), Some(PASSWORD_PROTECTED));
        assert_eq!(choose(None, Level::Single, &[Method::Federated]), Some(UNSPECIFIED));
        assert_eq!(choose(None, Level::Multiple, &[Method::Password]), Some(MULTIPLE_FACTORS));
    }

    #[test]
    fn each_comparison_is_kept() {
        use Comparison::{Better, Exact, Maximum, Minimum};
        use Level::{Multiple, Single};
        for (comparison, classes, level, expected) in [
            (Exact, &[PASSWORD_PROTECTED][..], Single, Some(PASSWORD_PROTECTED)),
            (Exact, &[KERBEROS, PASSWORD], Single, Some(PASSWORD)),
            (Exact, &[MULTIPLE_FACTORS, PASSWORD], Single, Some(PASSWORD)),
            (Exact, &[MULTIPLE_FACTORS], Single, None),
            (Exact, &[MULTIPLE_FACTORS], Multiple, Some(MULTIPLE_FACTORS)),
            (Exact, &[KERBEROS], Multiple, None),
            (Exact, &[], Multiple, None),
            (Minimum, &[PASSWORD], Single, Some(PASSWORD_PROTECTED)),
            (Minimum, &[MULTIPLE_FACTORS], Single, None),
            (Better, &[PASSWORD], Single, Some(PASSWORD_PROTECTED)),
            (Better, &[PASSWORD_PROTECTED], Single, None),
            (Better, &[PASSWORD_PROTECTED], Multiple, Some(MULTIPLE_FACTORS)),
            (Maximum, &[PASSWORD], Multiple, Some(PASSWORD)),
            (Maximum, &[MULTIPLE_FACTORS], Single, Some(PASSWORD_PROTECTED)),
        ] {
            assert_eq!(chosen(comparison, classes, level), expected, "{comparison:?} {classes:?} {level:?}");
        }
    }

    #[test]
    fn an_unknown_class_is_out_of_reach_and_a_strong_one_needs_several_factors() {
        let exact = |class: &str| RequestedContext { comparison: Comparison::Exact, classes: vec![class.to_owned()] };
        assert!(!is_reachable(&exact(KERBEROS), Level::Multiple));
        assert!(is_reachable(&exact(MULTIPLE_FACTORS), Level::Multiple));
        assert!(!is_reachable(&exact(MULTIPLE_FACTORS), Level::Single));
        assert!(is_reachable(&exact(PASSWORD), Level::Single));
        assert!(needs_multiple(Some(&exact(MULTIPLE_FACTORS))));
        assert!(!needs_multiple(Some(&exact(PASSWORD))) && !needs_multiple(None));
    }
}

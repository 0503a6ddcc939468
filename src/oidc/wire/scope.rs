//! Scopes (RFC 6749, section 3.3; OpenID Connect Core 1.0, section 5.4).

/// What a client may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// An ID token, and the subject from userinfo.
    Openid,
    /// Names and the like.
    Profile,
    /// The mail address.
    Email,
    /// The postal address.
    Address,
    /// The telephone number.
    Phone,
    /// The names of the groups.
    Groups,
}

/// Every scope with its name.
pub const SCOPES: [(Scope, &str); 6] = [
    (Scope::Openid, "openid"),
    (Scope::Profile, "profile"),
    (Scope::Email, "email"),
    (Scope::Address, "address"),
    (Scope::Phone, "phone"),
    (Scope::Groups, "groups"),
];

impl Scope {
    /// Its name on the wire.
    pub fn name(self) -> &'static str {
        SCOPES.iter().find(|(scope, _)| *scope == self).map_or("", |(_, name)| name)
    }

    /// The scope of that name; the case counts.
    pub fn parse(name: &str) -> Option<Self> {
        SCOPES.iter().find(|(_, other)| *other == name).map(|(scope, _)| *scope)
    }
}

/// The scopes of a space-separated list, sorted, each once. Those that nobody knows are left out
/// (OpenID Connect Core 1.0, section 3.1.2.1).
pub fn parse_scopes(text: &str) -> Vec<Scope> {
    let mut scopes: Vec<Scope> = text.split(' ').filter_map(Scope::parse).collect();
    scopes.sort_unstable();
    scopes.dedup();
    scopes
}

/// The space-separated list of those scopes.
pub fn join(scopes: &[Scope]) -> String {
    scopes.iter().map(|scope| scope.name()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_ones_are_kept_and_others_left_out() {
        assert_eq!(parse_scopes("email openid offline_access email OPENID  profile"), [Scope::Openid, Scope::Profile, Scope::Email]);
        assert_eq!(parse_scopes(""), []);
    }

    proptest! {
        #[test]
        fn a_list_is_read_back(picks in proptest::collection::vec(0_usize..SCOPES.len(), 0..8)) {
            let scopes: Vec<Scope> = picks.iter().map(|pick| SCOPES[*pick].0).collect();
            let once = parse_scopes(&join(&scopes));
            prop_assert_eq!(parse_scopes(&join(&once)), once);
        }
    }
}

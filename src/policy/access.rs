//! Who may see, read, compare, filter by and write what. Pure rules: no I/O and no clock.
//!
//! The table, by who asks and what is asked for:
//!
//! | viewer | sees | reads, compares, filters by | writes |
//! | --- | --- | --- | --- |
//! | anonymous | nothing | nothing | nothing |
//! | user | people, groups, containers | what is public there; of the own entry what is sensitive too | profile attributes and password of the own entry |
//! | service | every entry | all but secrets | nothing |
//! | administrator, operator | every entry | all but secrets | all that is not kept by the server |
//!
//! What somebody may not see does not exist for them: the answer is "not found", never "not
//! allowed".

use crate::model::{Actor, EntryId, Error, Result, Role};

/// Who may read the values of an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AccessClass {
    /// Whoever may see the entry.
    Public,
    /// The person themselves, service accounts and administrators.
    Sensitive,
    /// Nobody, through any face.
    Secret,
    /// Whoever may see the entry; written by the server unless the attribute says otherwise.
    Operational,
}

/// What an entry is, as access rules and the typed views see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EntryKind {
    /// A person who can log in.
    User,
    /// A service account.
    Service,
    /// A group.
    Group,
    /// An entry that holds others: the suffix, an organizational unit.
    Container,
    /// Anything else.
    Other,
}

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Viewer {
    /// What they are to the pool.
    pub role: Role,
    /// Their entry, if they have one.
    pub entry: Option<EntryId>,
}

impl Viewer {
    /// Nobody.
    pub const ANONYMOUS: Self = Self { role: Role::Anonymous, entry: None };
    /// The server itself and its operator.
    pub const OPERATOR: Self = Self { role: Role::Operator, entry: None };

    /// The one who acts.
    pub const fn of(actor: &Actor) -> Self {
        Self { role: actor.role, entry: actor.entry }
    }

    /// Whether that entry is their own.
    pub fn is(&self, entry: EntryId) -> bool {
        self.entry == Some(entry)
    }

    /// Whether they may write entries of others.
    pub const fn is_administrator(&self) -> bool {
        matches!(self.role, Role::Administrator | Role::Operator)
    }
}

/// Whether the viewer may know that the entry exists.
pub fn may_see_entry(viewer: &Viewer, kind: EntryKind, entry: EntryId) -> bool {
    match viewer.role {
        Role::Anonymous => false,
        Role::User => viewer.is(entry) || matches!(kind, EntryKind::User | EntryKind::Group | EntryKind::Container),
        Role::Service | Role::Administrator | Role::Operator => true,
    }
}

/// Whether the viewer may know who acted on an entry, be it somebody who is gone or an operator.
/// Others are told only whom they may see.
pub const fn may_see_actors(viewer: &Viewer) -> bool {
    matches!(viewer.role, Role::Service | Role::Administrator | Role::Operator)
}

/// Whether the viewer may read attributes of that class on an entry that they may see.
pub fn may_read(viewer: &Viewer, class: AccessClass, entry: EntryId) -> bool {
    match (viewer.role, class) {
        (Role::Anonymous, _) | (_, AccessClass::Secret) => false,
        (_, AccessClass::Public | AccessClass::Operational) => true,
        (Role::User, AccessClass::Sensitive) => viewer.is(entry),
        (Role::Service | Role::Administrator | Role::Operator, AccessClass::Sensitive) => true,
    }
}

/// Whether the viewer may filter and sort by attributes of that class on that entry. An attribute
/// that they may not filter by is Undefined.
pub fn may_filter(viewer: &Viewer, class: AccessClass, entry: EntryId) -> bool {
    may_read(viewer, class, entry)
}

/// Attributes of the own entry that a user keeps: the profile. What names somebody to applications
/// (uid, mail, cn) is not among them.
pub const PROFILE: &[&str] = &[
    "displayName",
    "givenName",
    "sn",
    "initials",
    "preferredLanguage",
    "telephoneNumber",
    "mobile",
    "homePhone",
    "pager",
    "facsimileTelephoneNumber",
    "homePostalAddress",
    "postalAddress",
    "street",
    "l",
    "st",
    "postalCode",
    "roomNumber",
    "jpegPhoto",
    "labeledURI",
    "sshPublicKey",
];

/// Whether an attribute (by its first name in the schema) is one of the profile.
pub fn is_profile(attribute: &str) -> bool {
    PROFILE.iter().any(|name| name.eq_ignore_ascii_case(attribute))
}

/// Whether the viewer may change that attribute (its first name in the schema) of an entry that
/// they may see.
pub fn may_write(viewer: &Viewer, attribute: &str, entry: EntryId) -> Result<()> {
    if viewer.is_administrator() || (viewer.role == Role::User && viewer.is(entry) && is_profile(attribute)) {
        return Ok(());
    }
    Err(Error::not_allowed(format!("{attribute} of this entry is changed by administrators of the pool only")))
}

/// Whether the viewer may set the password of that entry.
pub fn may_set_password(viewer: &Viewer, entry: EntryId) -> Result<()> {
    if viewer.is_administrator() || (viewer.role != Role::Anonymous && viewer.is(entry)) {
        return Ok(());
    }
    Err(Error::not_allowed("the password of another entry is set by administrators of the pool only"))
}

/// Whether the viewer may add entries, delete them, and rename and move them.
pub fn may_arrange(viewer: &Viewer) -> Result<()> {
    if viewer.is_administrator() {
        return Ok(());
    }
    Err(Error::not_allowed("entries are added, deleted and renamed by administrators of the pool only"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::model::error::Denial;
    use crate::model::{Kind, Role::*};

    const SELF: EntryId = EntryId::new(10);
    const OTHER: EntryId = EntryId::new(11);

    fn viewer(role: Role) -> Viewer {
        Viewer { role, entry: (role != Anonymous).then_some(SELF) }
    }

    #[test]
    fn who_sees_what() {
        use EntryKind::*;
        // Columns: User, Group, Container, Service, Other; each somebody else's.
        let table = [
            (Anonymous, [false; 5]),
            (Role::User, [true, true, true, false, false]),
            (Role::Service, [true; 5]),
            (Administrator, [true; 5]),
            (Operator, [true; 5]),
        ];
        for (role, expected) in table {
            let seen = [User, Group, Container, Service, Other].map(|kind| may_see_entry(&viewer(role), kind, OTHER));
            assert_eq!(seen, expected, "{role:?}");
        }
        assert!(may_see_entry(&viewer(Role::User), Other, SELF), "the own entry is always seen");
        assert!(!may_see_entry(&Viewer { role: Anonymous, entry: Some(SELF) }, User, SELF));
    }

    #[test]
    fn who_is_told_who_acted() {
        let told = [Anonymous, User, Service, Administrator, Operator].map(|role| may_see_actors(&viewer(role)));
        assert_eq!(told, [false, false, true, true, true]);
    }

    #[test]
    fn who_reads_and_filters_by_what() {
        use AccessClass::*;
        // Columns: Public, Operational, Sensitive, Secret; of somebody else, then of oneself.
        let table = [
            (Anonymous, [false, false, false, false], [false, false, false, false]),
            (User, [true, true, false, false], [true, true, true, false]),
            (Service, [true, true, true, false], [true, true, true, false]),
            (Administrator, [true, true, true, false], [true, true, true, false]),
            (Operator, [true, true, true, false], [true, true, true, false]),
        ];
        for (role, others, own) in table {
            for (entry, expected) in [(OTHER, others), (SELF, own)] {
                for (class, expected) in [Public, Operational, Sensitive, Secret].into_iter().zip(expected) {
                    assert_eq!(may_read(&viewer(role), class, entry), expected, "{role:?} reads {class:?}");
                    assert_eq!(may_filter(&viewer(role), class, entry), expected, "{role:?} filters by {class:?}");
                }
            }
        }
    }

    #[test]
    fn who_writes_what() {
        // Columns: a profile attribute and mail of somebody else, then of oneself; a password of
        // somebody else, then of oneself; arranging entries.
        let table = [
            (Anonymous, [false, false, false, false, false, false, false]),
            (User, [false, false, true, false, false, true, false]),
            (Service, [false, false, false, false, false, true, false]),
            (Administrator, [true, true, true, true, true, true, true]),
            (Operator, [true, true, true, true, true, true, true]),
        ];
        for (role, expected) in table {
            let viewer = viewer(role);
            let done = [
                may_write(&viewer, "displayname", OTHER),
                may_write(&viewer, "mail", OTHER),
                may_write(&viewer, "displayName", SELF),
                may_write(&viewer, "mail", SELF),
                may_set_password(&viewer, OTHER),
                may_set_password(&viewer, SELF),
                may_arrange(&viewer),
            ];
            assert_eq!(done.each_ref().map(Result::is_ok), expected, "{role:?}");
            for error in done.into_iter().filter_map(Result::err) {
                assert_eq!(*error.kind(), Kind::Denied(Denial::NotAllowed));
            }
        }
    }
}

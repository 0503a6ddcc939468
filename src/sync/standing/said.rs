//! What a record says about its owner's login, and the note that tells it: made when all is
//! decided, so that it tells what became of the owner in the end.

use crate::sync::outcome::Note;

/// How to let somebody in again.
const ENABLE: &str = "enable the entry (poolgate user enable)";

/// Something that says no.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    line: u64,
    what: String,
    sort: Sort,
}

/// What it asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sort {
    Denied,
    DeniedForNow,
    MustChange,
    Expired,
    EndsLater,
}

/// What became of the owner.
#[derive(Clone, Copy, Debug)]
pub struct Became {
    /// Entries of its object classes log in.
    pub logs_in: bool,
    /// The entry is disabled.
    pub is_disabled: bool,
    /// A password was imported.
    pub has_password: bool,
}

impl Said {
    /// The owner may not log in.
    pub const fn denied(line: u64, what: String) -> Self {
        Self { line, what, sort: Sort::Denied }
    }

    /// The owner may not log in for some time, which may be over.
    pub const fn denied_for_now(line: u64, what: String) -> Self {
        Self { line, what, sort: Sort::DeniedForNow }
    }

    /// The password must be changed.
    pub const fn must_change(line: u64, what: String) -> Self {
        Self { line, what, sort: Sort::MustChange }
    }

    /// The password has ended.
    pub const fn expired(line: u64, what: String) -> Self {
        Self { line, what, sort: Sort::Expired }
    }

    /// The account will end.
    pub const fn ends_later(line: u64, what: String) -> Self {
        Self { line, what, sort: Sort::EndsLater }
    }

    /// Whether the owner may not log in.
    pub const fn denies(&self) -> bool {
        matches!(self.sort, Sort::Denied | Sort::DeniedForNow)
    }

    /// What to tell of it.
    pub fn note(&self, became: Became) -> Note {
        let Self { line, what, .. } = self;
        Note { line: *line, message: format!("{what}: {}", self.end(became)) }
    }

    fn end(&self, became: Became) -> String {
        let text = match (self.sort, became) {
            (_, Became { logs_in: false, .. }) => "of no effect, since nobody logs in with an entry of these object classes",
            (Sort::Denied, Became { is_disabled: true, .. }) => "imported disabled",
            (Sort::DeniedForNow, Became { is_disabled: true, .. }) => {
                return format!("imported disabled for good, though such a lock ends by itself and may be over; then {ENABLE}");
            }
            (Sort::Denied | Sort::DeniedForNow, _) => "imported enabled, since poolgateAccountDisabled of the same record decides",
            (Sort::MustChange | Sort::Expired, Became { has_password: false, .. }) => "of no effect, since no password is imported",
            (Sort::MustChange, _) => "the password must be changed before it can be used",
            (Sort::Expired, _) => "it is imported as expired",
            (Sort::EndsLater, Became { is_disabled: true, .. }) => "this is not kept, and the entry is imported disabled",
            (Sort::EndsLater, _) => "this is not kept, disable the entry then",
        };
        text.to_owned()
    }
}

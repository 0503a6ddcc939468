//! The domain error: six kinds, which each face maps to its own codes in one exhaustive match.

use super::dn::Dn;
use std::fmt;

/// The result of every fallible domain operation.
pub type Result<T> = std::result::Result<T, Error>;

/// Why something was not done. The message says what, where and how to mend it; it never holds a
/// secret.
#[derive(Clone, Debug)]
pub struct Error {
    kind: Kind,
    message: String,
}

/// The six kinds of failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The caller may not, or is not who they say they are.
    Denied(Denial),
    /// What was asked breaks a rule; asking again unchanged cannot succeed.
    Invalid(Rule),
    /// Nothing of that name is here for this caller.
    NotFound {
        /// The nearest ancestor that exists and that the caller may see; empty when there is none.
        matched: Dn,
    },
    /// Something that exists, or that changed meanwhile, is in the way.
    Conflict(Clash),
    /// It cannot be done now; asking later may succeed.
    Unavailable(Shortage),
    /// A defect of ours or of the machine.
    Internal,
}

/// Why somebody is denied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denial {
    /// Wrong password, unknown, locked, disabled, pool suspended: one answer for all of them.
    Credentials,
    /// Nobody is logged in, and somebody must be.
    LoginRequired,
    /// A further factor is needed.
    FactorRequired,
    /// Logged in, and not allowed.
    NotAllowed,
}

/// Which rule a request breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// The shape of the request.
    Request,
    /// An attribute or value that is to be removed or compared is not there.
    NoSuchAttribute,
    /// The schema knows no such attribute.
    UndefinedAttribute,
    /// The attribute has no such matching rule.
    InappropriateMatching,
    /// A value breaks a constraint: length, single value, dangling link, read-only.
    Constraint,
    /// Another entry has the value, and no two may.
    Unique,
    /// The value is there already.
    ValueExists,
    /// A value does not follow the syntax of its attribute.
    Syntax,
    /// A name is not a distinguished name.
    DnSyntax,
    /// Well formed, and refused by policy.
    Unwilling,
    /// The name does not fit the entry or its parent.
    Naming,
    /// The entry does not fit its object classes.
    ObjectClass,
    /// The entry has children.
    NonLeaf,
    /// The change would take away what names the entry.
    Rdn,
    /// The structural class of an entry is fixed.
    ClassChange,
}

/// What is in the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clash {
    /// Something of that name exists.
    Exists,
    /// Others kept changing the same records until the attempts were used up.
    Contended,
    /// It is not as it was when the caller looked at it.
    Changed,
}

/// What is lacking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shortage {
    /// A queue or a limit is full.
    Busy,
    /// A part that is needed does not answer or has stopped.
    Down,
}

impl Error {
    /// An error of that kind with that message.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// One answer for every failed login.
    pub fn credentials() -> Self {
        Self::new(Kind::Denied(Denial::Credentials), "the name or the password is not right")
    }

    /// Logged in, and not allowed.
    pub fn not_allowed(message: impl Into<String>) -> Self {
        Self::new(Kind::Denied(Denial::NotAllowed), message)
    }

    /// A request that breaks a rule.
    pub fn invalid(rule: Rule, message: impl Into<String>) -> Self {
        Self::new(Kind::Invalid(rule), message)
    }

    /// Nothing of that name, and no ancestor to name either.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(Kind::NotFound { matched: Dn::root() }, message)
    }

    /// Something of that name exists.
    pub fn exists(message: impl Into<String>) -> Self {
        Self::new(Kind::Conflict(Clash::Exists), message)
    }

    /// The attempts at a contended commit are used up.
    pub fn contended() -> Self {
        Self::new(Kind::Conflict(Clash::Contended), "the records kept changing; try again")
    }

    /// A queue or a limit is full.
    pub fn busy(message: impl Into<String>) -> Self {
        Self::new(Kind::Unavailable(Shortage::Busy), message)
    }

    /// A part that is needed does not answer.
    pub fn down(message: impl Into<String>) -> Self {
        Self::new(Kind::Unavailable(Shortage::Down), message)
    }

    /// A defect of ours or of the machine.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(Kind::Internal, message)
    }

    /// Which kind it is.
    pub const fn kind(&self) -> &Kind {
        &self.kind
    }

    /// What, where, and how to mend it.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

//! One audit event and its record.

use crate::model::{Actor, EntryId, Face, Result, Role, Timestamp};
use crate::store::Changes;
use minicbor::{Decode, Encode};
use std::net::IpAddr;

macro_rules! names {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $number:literal $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, minicbor::Encode, minicbor::Decode)]
        #[cbor(index_only)]
        pub enum $name {
            $($(#[$variant_doc])* #[n($number)] $variant,)*
        }

        impl $name {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// Its name in the audit log.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                }
            }

            /// The one of that name.
            pub fn parse(name: &str) -> Option<Self> {
                match name {
                    $($text => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }
    };
}

names! {
    /// What was done or tried. A number is given once.
    Action {
        /// A login at the hosted pages.
        Login = 0 "login",
        /// An LDAP bind.
        Bind = 1 "bind",
        /// A session ended by its owner.
        Logout = 2 "logout",
        /// A login at an upstream identity provider.
        FederatedLogin = 3 "federated-login",
        /// A local user tied to an upstream identity.
        FederatedLink = 4 "federated-link",
        /// A password changed by its owner.
        PasswordChange = 5 "password-change",
        /// A password set by an administrator.
        PasswordReset = 6 "password-reset",
        /// A lock ended by an administrator.
        Unlock = 7 "unlock",
        /// An entry added.
        EntryAdd = 8 "entry-add",
        /// An entry modified.
        EntryModify = 9 "entry-modify",
        /// An entry deleted.
        EntryDelete = 10 "entry-delete",
        /// An entry renamed or moved.
        EntryRename = 11 "entry-rename",
        /// A client's proof of who it is, at the token endpoint.
        ClientAuthentication = 12 "client-authentication",
        /// An authorization code given.
        CodeIssue = 13 "code-issue",
        /// Tokens given.
        TokenIssue = 14 "token-issue",
        /// Tokens refreshed.
        TokenRefresh = 15 "token-refresh",
        /// A token or a grant revoked.
        TokenRevoke = 16 "token-revoke",
        /// A consent given or withdrawn.
        Consent = 17 "consent",
        /// A SAML assertion given.
        AssertionIssue = 18 "assertion-issue",
        /// A client added or changed.
        ClientPut = 19 "client-put",
        /// A client deleted.
        ClientDelete = 20 "client-delete",
        /// A service provider added or changed.
        ServiceProviderPut = 21 "service-provider-put",
        /// A service provider deleted.
        ServiceProviderDelete = 22 "service-provider-delete",
        /// An identity provider added or changed.
        ProviderPut = 23 "identity-provider-put",
        /// An identity provider deleted.
        ProviderDelete = 24 "identity-provider-delete",
        /// The pool created.
        PoolCreate = 25 "pool-create",
        /// The pool's settings or name changed.
        PoolUpdate = 26 "pool-update",
        /// The pool suspended.
        PoolSuspend = 27 "pool-suspend",
        /// The pool active again.
        PoolResume = 28 "pool-resume",
        /// A signing key made or changed for a new one.
        KeyRotate = 29 "key-rotate",
        /// Entries imported.
        Import = 30 "import",
        /// Entries exported.
        Export = 31 "export",
        /// A session ended by somebody else.
        SessionRevoke = 32 "session-revoke",
        /// An import that was cut off, given up.
        ImportGiveUp = 33 "import-give-up",
        /// A name or an address that an upstream had given somebody, taken by an administrator for
        /// somebody else.
        FederatedYield = 44 "federated-yield",
    }
}

names! {
    /// How it ended.
    Outcome {
        /// It was done.
        Success = 0 "success",
        /// It was refused or went wrong.
        Failure = 1 "failure",
    }
}

names! {
    /// Why it was refused: the true reason, which the wire never tells. A number is given once.
    Reason {
        /// The password is not the right one.
        WrongPassword = 0 "wrong-password",
        /// Nobody of that name is in the pool.
        UnknownName = 1 "unknown-name",
        /// The identity has no password.
        NoPassword = 2 "no-password",
        /// The identity is disabled.
        Disabled = 3 "disabled",
        /// Too many failures.
        Locked = 4 "locked",
        /// The password has expired.
        Expired = 5 "expired",
        /// The password must be changed first.
        MustChange = 6 "must-change",
        /// A further factor is needed.
        FactorRequired = 7 "factor-required",
        /// The network address is not allowed.
        AddressRule = 8 "address-rule",
        /// The pool is suspended.
        PoolSuspended = 9 "pool-suspended",
        /// Too many attempts on that name or from that address.
        Throttled = 10 "throttled",
        /// A queue was full.
        Busy = 11 "busy",
        /// Not allowed to do that.
        NotAllowed = 12 "not-allowed",
        /// The request breaks a rule.
        Invalid = 13 "invalid",
        /// Nothing of that name.
        NotFound = 14 "not-found",
        /// Something is in the way.
        Conflict = 15 "conflict",
        /// A signature is wrong or missing.
        Signature = 16 "signature",
        /// A code, token or message was used before.
        Replayed = 17 "replayed",
        /// A code, token, message or interaction is too old.
        Stale = 18 "stale",
        /// The upstream identity provider refused, or its answer was wrong.
        Upstream = 19 "upstream",
        /// The new password breaks the policy.
        PasswordPolicy = 20 "password-policy",
        /// Only somebody who is logged in may do that.
        LoginRequired = 21 "login-required",
        /// The person refused.
        Declined = 22 "declined",
        /// A defect of ours.
        Internal = 23 "internal",
    }
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Event {
    /// When.
    #[n(0)]
    pub at: Timestamp,
    /// What was done or tried.
    #[n(1)]
    pub action: Action,
    /// How it ended.
    #[n(2)]
    pub outcome: Outcome,
    /// What whoever did it is to the pool.
    #[n(3)]
    pub role: Role,
    /// Their entry, if they have one.
    #[n(4)]
    pub entry: Option<EntryId>,
    /// Their name: a DN, or `uid:1000` for an operator.
    #[n(5)]
    pub actor: String,
    /// Through which face.
    #[n(6)]
    pub face: Face,
    /// From which address.
    #[n(7)]
    pub address: Option<IpAddr>,
    /// To whom or what: a DN, a client id, an entity id.
    #[n(8)]
    pub target: Option<String>,
    /// Why it was refused.
    #[n(9)]
    pub reason: Option<Reason>,
    /// How often, for events that are counted before they are recorded; 1 for all others.
    #[n(10)]
    pub count: u32,
}

impl Event {
    /// Something that was done.
    pub fn success(at: Timestamp, action: Action, actor: &Actor) -> Self {
        Self {
            at,
            action,
            outcome: Outcome::Success,
            role: actor.role,
            entry: actor.entry,
            actor: actor.name.clone(),
            face: actor.face,
            address: actor.address,
            target: None,
            reason: None,
            count: 1,
        }
    }

    /// Something that was refused.
    pub fn failure(at: Timestamp, action: Action, actor: &Actor, reason: Reason) -> Self {
        Self { outcome: Outcome::Failure, reason: Some(reason), ..Self::success(at, action, actor) }
    }

    /// The same with what it was done to.
    pub fn on(self, target: impl Into<String>) -> Self {
        Self { target: Some(target.into()), ..self }
    }
}

/// Adds the event to a commit, so that it is recorded with the act or not at all. Names over
/// [`MAX_NAME`] are cut.
pub fn record(changes: &mut Changes, event: &Event) {
    changes.audit(event.at, event.encode());
}

/// Longest name of an actor or a target that is recorded, in bytes.
pub const MAX_NAME: usize = 1024;

const VERSION: u8 = 1;

impl Event {
    pub(super) fn encode(&self) -> Vec<u8> {
        let event = Self { actor: cut(self.actor.clone()), target: self.target.clone().map(cut), ..self.clone() };
        crate::model::record::encode(VERSION, &event)
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self> {
        crate::model::record::decode(VERSION, bytes)
    }
}

fn cut(mut name: String) -> String {
    name.truncate(name.floor_char_boundary(MAX_NAME));
    name
}

#[cfg(test)]
mod tests;

//! Proof that somebody is who they say.

use super::identity::Basis;
use crate::model::{EntryId, Epoch, PoolId, Sequence, Timestamp, Voucher};
use minicbor::{Decode, Encode};
use uuid::Uuid;

/// How somebody proved who they are. Faces map it to their own values (`amr`,
/// AuthnContextClassRef).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Method {
    /// A password of this pool.
    #[n(0)]
    Password,
    /// A login at an upstream identity provider.
    #[n(1)]
    Federated,
}

/// How much was proven. Ordered: a higher level satisfies a demand for a lower one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Level {
    /// One factor.
    #[n(0)]
    Single,
    /// Several factors of different kinds.
    #[n(1)]
    Multiple,
}

impl Level {
    /// The highest level that a login reaches: all that can be asked for is one factor. A face
    /// refuses a demand for more before it sends anybody to a login.
    pub const HIGHEST: Self = Self::Single;
}

/// Proof that somebody is who they say: subject, methods, level, time. Only `authn` can make one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authentication {
    pub(super) pool: PoolId,
    pub(super) entry: EntryId,
    pub(super) uuid: Uuid,
    pub(super) name: String,
    pub(super) methods: Vec<Method>,
    pub(super) level: Level,
    pub(super) at: Timestamp,
    /// The upstream that vouched, if one did.
    pub(super) voucher: Option<Voucher>,
    /// The epoch of the entry.
    pub(super) epoch: Option<Epoch>,
    /// When the password that was compared had been set. No two passwords of an entry share that
    /// moment.
    pub(super) password_set: Option<Timestamp>,
    /// The commit that wrote the record of that password, where it was read: while it is the last
    /// one, nobody has changed the password.
    pub(super) password_version: Option<Sequence>,
}

impl Authentication {
    /// The pool whose entry it is.
    pub const fn pool(&self) -> PoolId {
        self.pool
    }

    /// Whose entry it is.
    pub const fn entry(&self) -> EntryId {
        self.entry
    }

    /// The entry's UUID: `sub` of tokens, kept by export and import.
    pub const fn uuid(&self) -> Uuid {
        self.uuid
    }

    /// The login name: the uid of a user, the cn of a service account.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How it was proven.
    pub fn methods(&self) -> &[Method] {
        &self.methods
    }

    /// How much was proven.
    pub const fn acr(&self) -> Level {
        self.level
    }

    /// When it was proven; at an upstream, if that is where it was and it says when.
    pub const fn at(&self) -> Timestamp {
        self.at
    }

    /// On which password it rests: when that one was set; `None` if on none. Once the entry has
    /// another password, it proves nothing any more.
    pub const fn password_proof(&self) -> Option<Timestamp> {
        self.password_set
    }

    /// The upstream identity provider that vouched, if one did.
    pub fn provider(&self) -> Option<&str> {
        self.voucher.as_ref().map(|voucher| voucher.provider.as_str())
    }

    /// The same, with what tells it from another one of its name.
    pub const fn voucher(&self) -> Option<&Voucher> {
        self.voucher.as_ref()
    }

    /// The epoch of its entry.
    pub const fn epoch(&self) -> Option<Epoch> {
        self.epoch
    }

    /// All that it rests on.
    pub const fn basis(&self) -> Basis<'_> {
        Basis { password: self.password_set, voucher: self.voucher.as_ref(), epoch: self.epoch }
    }
}

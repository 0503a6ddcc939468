//! From what a caller types to an entry, and what is known of it.

use super::{BindName, BrowserMark, Core, Origin, credential, engine::Known, engine::PasswordFacts, throttle::NameHash};
use crate::{
    crypto::password::PasswordHash,
    directory::{Directory, EntryHead, EntryKind, Names, Record},
    federation,
    model::{Actor, EntryId, Epoch, Error, Kind, Result, Role, Sequence, Timestamp, Voucher, address::subscriber},
    policy::lockout::history::{History, SourceHash, Sources},
    pool::{Pool, Status},
};
use std::{net::IpAddr, sync::Arc};

/// What was read of an entry that somebody claims to be, with the versions that a decision relies
/// on.
pub(super) struct Loaded {
    pub entry: EntryHead,
    pub name: String,
    pub password: Option<(PasswordHash, PasswordFacts)>,
    pub changed: Option<Timestamp>,
    pub password_version: Option<Sequence>,
    pub history: History,
    pub history_version: Option<Sequence>,
    pub epoch: Option<Epoch>,
}

impl Loaded {
    pub fn known(&self) -> Known {
        Known {
            entry: self.entry.id(),
            uuid: self.entry.uuid(),
            name: self.name.clone(),
            kind: self.entry.kind(),
            disabled: self.entry.is_disabled(),
            history: self.history.clone(),
            password: self.password.as_ref().map(|(_, facts)| *facts),
            epoch: self.epoch,
        }
    }
}

/// The directory of a pool.
pub(super) fn directory(pool: &Pool) -> Directory {
    Directory::new(pool)
}

/// The entry that a name means, if there is one.
pub(super) fn locate(directory: &Directory, who: &BindName) -> Result<Option<EntryId>> {
    let found = match who {
        BindName::Dn(dn) => directory.resolve(dn).map(Some),
        BindName::Uid(name) => directory.by_unique("uid", name.as_bytes()).and_then(|found| match found {
            None if name.contains('@') => directory.by_unique("mail", name.as_bytes()),
            found => Ok(found),
        }),
    };
    match found {
        // A text that cannot be a name at all is a name that nobody has.
        Err(error) if matches!(error.kind(), Kind::NotFound { .. } | Kind::Invalid(_)) => Ok(None),
        found => found,
    }
}

/// What is known of an entry; `None` if it is gone.
pub(super) fn load(pool: &Pool, directory: &Directory, id: EntryId) -> Result<Option<Loaded>> {
    // Before the entry: whoever is disabled in between proves something for an epoch that is over.
    let epoch = credential::epoch(pool, id)?;
    let Some(entry) = directory.head(id)? else { return Ok(None) };
    let stored = credential::password(pool, id)?;
    let (history, history_version) = credential::history(pool, id)?;
    Ok(Some(Loaded {
        name: entry.login_name()?,
        entry,
        changed: stored.as_ref().map(|(password, _)| password.changed),
        password_version: stored.as_ref().map(|(_, version)| *version),
        password: stored.map(|(password, _)| {
            let facts = PasswordFacts { must_change: password.must_change, expires: password.expires };
            (password.hash, facts)
        }),
        history,
        history_version,
        epoch,
    }))
}

/// A keyed hash of a name that nobody has, alike for spellings that would match.
pub(super) fn name_hash(pool: &Pool, who: &BindName) -> NameHash {
    let text = match who {
        BindName::Dn(dn) => dn.to_string().to_lowercase(),
        BindName::Uid(name) => name.trim().to_lowercase(),
    };
    let mac = pool.mac("unknown-name", text.as_bytes());
    mac.first_chunk().copied().unwrap_or_default()
}

/// Where an attempt comes from, as what is stored names it: nobody reads addresses of people
/// there.
pub(super) fn sources(pool: &Pool, address: Option<IpAddr>, browser: Option<&BrowserMark>) -> Sources {
    let hash = |purpose: &str, text: &str| -> SourceHash { pool.mac(purpose, text.as_bytes()).first_chunk().copied().unwrap_or_default() };
    Sources {
        browser: browser.map(|mark| hash("source-browser", mark.expose())),
        address: address.map(|address| hash("source-address", &subscriber(address).to_string())),
    }
}

/// The group of administrators. A name that leads nowhere, or that is none, has no members; nobody
/// else must be kept out by it.
pub(super) fn administrators(pool: &Pool, directory: &Directory) -> Result<Option<EntryId>> {
    match directory.resolve(pool.administrators()) {
        Ok(group) => Ok(Some(group)),
        Err(error) if matches!(error.kind(), Kind::NotFound { .. } | Kind::Invalid(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// What an entry is to the pool.
pub(super) fn role(pool: &Pool, directory: &Directory, entry: &Record) -> Result<Role> {
    let is_administrator = match administrators(pool, directory)? {
        Some(group) => directory.is_member(group, entry.id())?,
        None => false,
    };
    Ok(match entry.kind() {
        EntryKind::User | EntryKind::Service if is_administrator => Role::Administrator,
        EntryKind::User => Role::User,
        EntryKind::Service => Role::Service,
        EntryKind::Group | EntryKind::Container | EntryKind::Other => Role::Anonymous,
    })
}

/// An entry as somebody who acts.
pub(super) fn actor(pool: &Pool, directory: &Directory, entry: &Record, origin: Origin) -> Result<Actor> {
    let role = role(pool, directory, entry)?;
    Ok(Actor { role, ..claimed(directory, entry.id(), origin)? })
}

/// Somebody who claims to be that entry and has not proven it.
pub(super) fn claimed(directory: &Directory, entry: EntryId, origin: Origin) -> Result<Actor> {
    Ok(Actor { role: Role::Anonymous, entry: Some(entry), name: name(directory, entry)?, face: origin.face, address: origin.address })
}

/// The DN of an entry, as audit events show it; empty if it is gone.
pub(super) fn name(directory: &Directory, entry: EntryId) -> Result<String> {
    match directory.head(entry)? {
        Some(entry) => Ok(Names::new(directory).of(&entry)?.unwrap_or_default()),
        None => Ok(String::new()),
    }
}

/// What a proof rests on, and with it every session, code and grant that came from it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Basis<'a> {
    /// When the password was set that the person gave. No two passwords of an entry share that
    /// moment.
    pub password: Option<Timestamp>,
    /// The upstream that vouched.
    pub voucher: Option<&'a Voucher>,
    /// The epoch of the entry: to disable it begins another one.
    pub epoch: Option<Epoch>,
}

impl Core {
    /// The pool as it is now, rather than when the caller got hold of it. Nobody logs in to one
    /// that is gone.
    pub(super) fn fresh(&self, pool: &Pool) -> Result<Arc<Pool>> {
        self.registry.by_id(pool.id())?.ok_or_else(Error::credentials)
    }

    /// As [`Core::welcome`], for what came from a proof: only while what that rests on is as it
    /// was.
    pub fn welcome_since(&self, pool: &Pool, entry: EntryId, basis: Basis<'_>) -> Result<Option<EntryHead>> {
        let Some(found) = self.welcome(pool, entry)? else { return Ok(None) };
        if credential::epoch(pool, entry)? != basis.epoch {
            return Ok(None);
        }
        if let Some(set) = basis.password
            && credential::password(pool, entry)?.is_none_or(|(password, _)| password.changed != set)
        {
            return Ok(None);
        }
        if let Some(voucher) = basis.voucher
            && !federation::vouches(pool, voucher)?
        {
            return Ok(None);
        }
        Ok(Some(found))
    }

    /// The entry, if the pool serves and the entry is there and not disabled.
    pub fn welcome(&self, pool: &Pool, entry: EntryId) -> Result<Option<EntryHead>> {
        if pool.status() != Status::Active {
            return Ok(None);
        }
        Ok(directory(pool).head(entry)?.filter(|entry| !entry.is_disabled()))
    }
}

//! A browser's login at one pool.
//!
//! The cookie is drawn anew at each login and only its hash is stored. A session says who logged
//! in; whether they may still is judged on each use.

use super::{Authentication, Basis, Core, Level, Method, Origin, identity};
use crate::{
    application,
    audit::{self, Action, Event},
    crypto::digest,
    federation::oidc::LEEWAY,
    model::{Actor, EntryId, Epoch, Result, Timestamp, Voucher, record},
    policy::session as policy,
    pool::Pool,
    store::{Changes, CommitError, Key, Row, Space},
};
use minicbor::{Decode, Encode, bytes::ByteArray};
use std::{sync::Arc, time::Duration};
use uuid::Uuid;

/// The newest version of the record.
const VERSION: u8 = 1;

/// A session's last use is written down when it is older than this part of the idle time, so that
/// most uses cost no commit.
const TOUCH: u32 = 10;

/// Grants that one commit of a logout takes back.
const GRANTS_PER_COMMIT: usize = 256;

/// A browser's login at one pool, found by its cookie and found good.
#[derive(Clone, Debug)]
pub struct Session {
    authentication: Authentication,
    created: Timestamp,
    /// What its record is named by, and what its grants are filed under.
    own: [u8; 32],
    hash: [u8; 32],
}

impl Session {
    /// Who is logged in, and how.
    pub const fn authentication(&self) -> &Authentication {
        &self.authentication
    }

    /// When it began.
    pub const fn created(&self) -> Timestamp {
        self.created
    }

    /// The hash that grants hold which came from it, so that a logout ends them. It stays the same
    /// when the same person logs in anew in the same browser.
    pub const fn hash(&self) -> &[u8; 32] {
        &self.hash
    }

    /// Lets the commit conflict if the session has ended meanwhile, so that nothing is given in one
    /// that is over.
    pub fn expect(&self, changes: &mut Changes) {
        changes.expect_present(key(&self.own));
    }

    /// Whether its person has proven since that moment who they are. An upstream says when they
    /// logged in there by its own clock.
    pub fn is_proven_since(&self, moment: Timestamp) -> bool {
        let leeway = if self.authentication.provider().is_some() { LEEWAY } else { Duration::ZERO };
        self.created >= moment && self.authentication.at().plus(leeway) >= moment
    }

    /// A name for it that is no secret: the cookie cannot be computed from it.
    pub fn public_id(&self) -> String {
        let name = digest::hmac(&self.hash, b"public name of a session");
        digest::base64url(name.first_chunk::<16>().unwrap_or(&[0; 16]))
    }
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct Stored {
    #[n(0)]
    entry: EntryId,
    #[cbor(n(1), with = "minicbor::bytes")]
    uuid: [u8; 16],
    #[n(2)]
    methods: Vec<Method>,
    #[n(3)]
    level: Level,
    #[n(4)]
    at: Timestamp,
    #[n(5)]
    provider: Option<String>,
    #[n(6)]
    created: Timestamp,
    #[n(7)]
    used: Timestamp,
    /// The hash of the first of the sessions that followed each other in this browser, where it is
    /// not this one.
    #[n(8)]
    first: Option<ByteArray<32>>,
    /// When the password that it rests on was set, if it rests on one.
    #[n(9)]
    password: Option<Timestamp>,
    /// The epoch of the provider that vouched.
    #[n(10)]
    provider_epoch: Option<Epoch>,
    /// The epoch of the entry.
    #[n(11)]
    entry_epoch: Option<Epoch>,
}

impl Stored {
    /// What its grants are filed under; `own` is the hash of its cookie.
    fn grants(&self, own: &[u8; 32]) -> [u8; 32] {
        self.first.map_or(*own, |first| *first)
    }
}

fn hash(cookie: &str) -> [u8; 32] {
    digest::sha256(cookie.as_bytes())
}

fn key(hash: &[u8; 32]) -> Key {
    Key::named(Space::Session, hash)
}

fn put(pool: &Pool, changes: &mut Changes, hash: &[u8; 32], stored: &Stored) {
    let end = policy::ends_at(&pool.settings().session, stored.created, stored.used);
    changes.put_until(key(hash), record::encode(VERSION, stored), end);
}

/// What a session's row says. One that cannot be read is over: whoever has its cookie logs in
/// again, and it can be ended.
fn read(pool: &Pool, row: &Row) -> Option<Stored> {
    let stored = record::decode(VERSION, &row.value);
    stored.inspect_err(|error| tracing::error!(pool = %pool.slug(), %error, "a session cannot be read, and counts as over")).ok()
}

/// Begins a session for that proof under a new cookie, and ends the one that the browser had
/// before: what came from it goes on with the new one if it is the same person, and is taken back
/// if it is somebody else, what one commit does not hold of it by [`Core::end_former`].
pub(super) fn begin(
    pool: &Pool,
    changes: &mut Changes,
    authentication: &Authentication,
    now: Timestamp,
    cookie: &str,
    previous: Option<&str>,
) -> Result<()> {
    let first = match previous {
        Some(previous) => replace(pool, changes, authentication.entry(), &hash(previous))?,
        None => None,
    };
    let stored = Stored {
        entry: authentication.entry(),
        uuid: authentication.uuid().into_bytes(),
        methods: authentication.methods().to_vec(),
        level: authentication.acr(),
        at: authentication.at(),
        provider: authentication.provider().map(str::to_owned),
        provider_epoch: authentication.voucher().map(|voucher| voucher.epoch),
        created: now,
        used: now,
        first: first.map(ByteArray::from),
        password: authentication.password_proof(),
        entry_epoch: authentication.epoch(),
    };
    let hash = hash(cookie);
    changes.expect_absent(key(&hash));
    put(pool, changes, &hash, &stored);
    Ok(())
}

/// Ends a session that another takes the place of. Answers with what its grants are filed under if
/// the new one is the same person's.
fn replace(pool: &Pool, changes: &mut Changes, entry: EntryId, hash: &[u8; 32]) -> Result<Option<[u8; 32]>> {
    let Some(row) = pool.store().get(&key(hash))? else { return Ok(None) };
    changes.delete(key(hash));
    let grants = match read(pool, &row) {
        Some(stored) if stored.entry == entry => return Ok(Some(stored.grants(hash))),
        Some(stored) => stored.grants(hash),
        None => *hash,
    };
    application::revoke_session_grants(pool.store(), changes, &grants, GRANTS_PER_COMMIT)?;
    Ok(None)
}

/// The session that a login is about to take the place of.
pub(super) struct Former {
    entry: EntryId,
    grants: [u8; 32],
}

/// The session of the cookie that a browser sends when it logs in.
pub(super) fn former(pool: &Pool, previous: Option<&str>) -> Result<Option<Former>> {
    let Some(hash) = previous.map(hash) else { return Ok(None) };
    let Some(row) = pool.store().get(&key(&hash))? else { return Ok(None) };
    Ok(read(pool, &row).map(|stored| Former { entry: stored.entry, grants: stored.grants(&hash) }))
}

/// Takes back the codes and grants of a session that has ended, until none is left. Whoever gives
/// one expects the session: what is found afterwards was given before.
async fn revoke(pool: &Pool, grants: &[u8; 32]) -> Result<()> {
    let store = pool.store();
    while store.decide(|changes| application::revoke_session_grants(store, changes, grants, GRANTS_PER_COMMIT)).await? > 0 {}
    Ok(())
}

impl Core {
    /// The session of that cookie. `None` if it is unknown or over, its person may not log in any
    /// more, or the provider that vouched for them was removed.
    pub async fn session(&self, pool: &Arc<Pool>, cookie: &str) -> Result<Option<Session>> {
        let pool = self.fresh(pool)?;
        let hash = hash(cookie);
        let Some(row) = pool.store().get(&key(&hash))? else { return Ok(None) };
        let Some(stored) = read(&pool, &row) else { return Ok(None) };
        let now = self.clock.now();
        if policy::is_over(&pool.settings().session, stored.created, stored.used, now) {
            return Ok(None);
        }
        let voucher = match (&stored.provider, stored.provider_epoch) {
            (Some(provider), Some(epoch)) => Some(Voucher { provider: provider.clone(), epoch }),
            // Written when providers were told apart by their names only.
            (Some(_), None) => return Ok(None),
            (None, _) => None,
        };
        // Written when a session did not name its password.
        if stored.methods.contains(&Method::Password) && stored.password.is_none() {
            return Ok(None);
        }
        let basis = Basis { password: stored.password, voucher: voucher.as_ref(), epoch: stored.entry_epoch };
        let Some(entry) = self.welcome_since(&pool, stored.entry, basis)? else { return Ok(None) };
        if now.since(stored.used) >= pool.settings().session.idle.duration() / TOUCH {
            let mut changes = Changes::new();
            changes.expect_version(key(&hash), row.version);
            put(
                &pool,
                &mut changes,
                &hash,
                &Stored { used: now, methods: stored.methods.clone(), provider: stored.provider.clone(), ..stored },
            );
            match pool.store().commit(changes).await {
                // Whoever was faster wrote down a use as well, or ended the session: the next
                // request will see.
                Ok(_) | Err(CommitError::Conflict) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let grants = stored.grants(&hash);
        let authentication = Authentication {
            pool: pool.id(),
            entry: stored.entry,
            uuid: Uuid::from_bytes(stored.uuid),
            name: entry.login_name()?,
            methods: stored.methods,
            level: stored.level,
            at: stored.at,
            voucher,
            epoch: stored.entry_epoch,
            password_set: stored.password,
            password_version: None,
        };
        Ok(Some(Session { authentication, created: stored.created, own: hash, hash: grants }))
    }

    /// Ends the session of that cookie and takes back the grants that came from it; no error if
    /// there is none.
    pub async fn end_session(&self, pool: &Arc<Pool>, cookie: &str, origin: Origin) -> Result<()> {
        let hash = hash(cookie);
        let directory = identity::directory(pool);
        let grants = pool
            .store()
            .decide(|changes| {
                let Some(row) = pool.store().get(&key(&hash))? else { return Ok(hash) };
                let stored = read(pool, &row);
                let actor = match &stored {
                    Some(stored) => match directory.head(stored.entry)? {
                        Some(entry) => identity::actor(pool, &directory, &entry, origin)?,
                        None => identity::claimed(&directory, stored.entry, origin)?,
                    },
                    None => Actor::anonymous(origin.face, origin.address),
                };
                changes.expect_version(key(&hash), row.version);
                changes.delete(key(&hash));
                audit::record(changes, &Event::success(self.clock.now(), Action::Logout, &actor));
                let grants = stored.map_or(hash, |stored| stored.grants(&hash));
                application::revoke_session_grants(pool.store(), changes, &grants, GRANTS_PER_COMMIT)?;
                Ok(grants)
            })
            .await?;
        revoke(pool, &grants).await
    }

    /// Takes back what was given in the session that a login has taken the place of, unless it was
    /// the same person's.
    pub(super) async fn end_former(&self, pool: &Pool, former: Option<Former>, entry: EntryId) -> Result<()> {
        match former.filter(|former| former.entry != entry) {
            Some(former) => revoke(pool, &former.grants).await,
            None => Ok(()),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::model::Sequence;

    /// A record of version 1 as it lies in stores: it must stay readable, and written so.
    #[test]
    fn golden_bytes() {
        let moment = Timestamp::from_seconds(1_790_000_000);
        let stored = Stored {
            entry: EntryId::new(7),
            uuid: [8; 16],
            methods: vec![Method::Password, Method::Federated],
            level: Level::Multiple,
            at: moment,
            provider: Some("idp".into()),
            created: moment,
            used: moment,
            first: None,
            password: Some(moment),
            provider_epoch: None,
            entry_epoch: None,
        };
        let bytes: String = record::encode(VERSION, &stored).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(
            bytes,
            "01a90007015008080808080808080808080808080808028200010301041b00065bfeda25e0000563696470061b00065bfeda25e000071b00065bfeda25e000\
             091b00065bfeda25e000"
        );
        let epoch = |number| Some(Epoch::of_commit(Sequence::new(number)));
        let vouched = Stored { provider_epoch: epoch(9), entry_epoch: epoch(10), password: None, ..stored };
        let bytes: String = record::encode(VERSION, &vouched).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(
            bytes,
            "01aa0007015008080808080808080808080808080808028200010301041b00065bfeda25e0000563696470061b00065bfeda25e000071b00065bfeda25e000\
             0a090b0a"
        );
    }
}

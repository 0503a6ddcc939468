//! Authorization codes and the grants they become.
//!
//! A code is redeemed once: the commit that marks it used expects it as it was read, so of two
//! redemptions one wins. A used code is kept until its grant ends, so that its second use is
//! noticed and takes the grant back (RFC 6749, section 4.1.2). Only the hash of a code is stored.
//!
//! Both name their client by its identifier, which can be given again, and by its epoch, which
//! cannot: see [`Epoch`].

use super::client::{Client, find_client};
use super::name::ClientId;
use super::record;
use crate::crypto::digest::sha256;
use crate::model::error::Result;
use crate::model::{Entropy, EntryId, Epoch, Sequence, Timestamp, Voucher};
use crate::policy::clock::is_from_the_future;
use crate::store::{Changes, Key, PoolStore, Prefix, Space};
use minicbor::{Decode, Encode};
use std::fmt;

const CODE: u8 = b'c';
const GRANT: u8 = b'g';
const BY_SESSION: u8 = b's';

/// The name of a grant: what access tokens carry and userinfo looks up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct GrantId(#[cbor(n(0), with = "minicbor::bytes")] [u8; 16]);

/// What a person, or the policy of the pool, gave a client. Its deletion ends every token that
/// names it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Grant {
    /// Its name.
    #[n(0)]
    pub id: GrantId,
    /// To whom it was given.
    #[n(1)]
    pub client_id: ClientId,
    /// About whom.
    #[n(2)]
    pub entry: EntryId,
    /// What was given (RFC 6749, section 3.3).
    #[n(3)]
    pub scopes: Vec<String>,
    /// When it was given.
    #[n(4)]
    pub created: Timestamp,
    /// When it ends.
    #[n(5)]
    pub expires: Timestamp,
    /// The hash of the session that it came from: a logout ends it.
    #[cbor(n(6), with = "minicbor::bytes")]
    pub session: [u8; 32],
    /// When the password was set that the person gave, if that is how they logged in: another
    /// password ends it.
    #[n(7)]
    pub password_proof: Option<Timestamp>,
    /// The upstream that vouched for the person, if that is how they logged in: its removal ends
    /// it.
    #[n(8)]
    pub voucher: Option<Voucher>,
    /// The epoch of the client, if it had one.
    #[n(9)]
    pub epoch: Option<Epoch>,
    /// The epoch of the entry, if it had one.
    #[n(10)]
    pub entry_epoch: Option<Epoch>,
}

/// An authorization code (RFC 6749, section 1.3.1) with everything that its redemption needs.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Code {
    /// To whom it was given.
    #[n(0)]
    pub client_id: ClientId,
    /// Where it was sent, as the request wrote it.
    #[n(1)]
    pub redirect_uri: String,
    /// Who logged in.
    #[n(2)]
    pub entry: EntryId,
    /// What was given.
    #[n(3)]
    pub scopes: Vec<String>,
    /// The nonce of the request.
    #[n(4)]
    pub nonce: Option<String>,
    /// The S256 challenge of the request (RFC 7636, section 4.2).
    #[n(5)]
    pub challenge: Option<String>,
    /// When the person proved who they are.
    #[n(6)]
    pub auth_time: Timestamp,
    /// How well, as the ID token says it.
    #[n(7)]
    pub acr: String,
    /// By which methods, as the ID token says it (RFC 8176).
    #[n(8)]
    pub amr: Vec<String>,
    /// The grant that it becomes.
    #[n(9)]
    pub grant: GrantId,
    /// When it ends if nobody redeems it.
    #[n(10)]
    pub expires: Timestamp,
    /// Whether somebody redeemed it.
    #[n(11)]
    pub used: bool,
    /// The hash of the session that it came from.
    #[cbor(n(12), with = "minicbor::bytes")]
    pub session: [u8; 32],
    /// When the password was set that the person gave, if that is how they logged in.
    #[n(13)]
    pub password_proof: Option<Timestamp>,
    /// The upstream that vouched for the person, if that is how they logged in.
    #[n(14)]
    pub voucher: Option<Voucher>,
    /// The epoch of the client, if it had one.
    #[n(15)]
    pub epoch: Option<Epoch>,
    /// The epoch of the entry, if it had one.
    #[n(16)]
    pub entry_epoch: Option<Epoch>,
}

impl GrantId {
    /// Draws a name that nobody can guess.
    pub fn draw(entropy: &dyn Entropy) -> Self {
        Self(crate::model::entropy::random(entropy))
    }

    /// Reads the text of a token; `None` if it is not 32 lower-case hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        if bytes.len() != 32 {
            return None;
        }
        let digit = |byte: u8| match byte {
            b'0'..=b'9' => Some(byte - b'0'),
            b'a'..=b'f' => Some(byte - b'a' + 10),
            _ => None,
        };
        let mut id = [0; 16];
        for (place, pair) in id.iter_mut().zip(bytes.chunks_exact(2)) {
            let [high, low] = pair else { return None };
            *place = digit(*high)? << 4 | digit(*low)?;
        }
        Some(Self(id))
    }
}

impl fmt::Display for GrantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Writes a new code; it ends by itself, or with its session.
pub fn put_code(changes: &mut Changes, code: &str, record: &Code) {
    let key = code_key(code);
    changes.expect_absent(key.clone());
    changes.put_until(session_key(&record.session, record.grant), key.rest().to_vec(), record.expires);
    changes.put_until(key, record::encode(record), record.expires);
}

/// The code and the commit that last wrote it, used or not, if it was given to that very client.
/// Whoever redeems it judges its time.
pub fn find_code(store: &PoolStore, client: &Client, code: &str) -> Result<Option<(Code, Sequence)>> {
    let found: Option<(Code, Sequence)> = record::find(store, &code_key(code))?;
    Ok(found.filter(|(code, _)| code.client_id == client.client_id && code.epoch == client.epoch))
}

/// Marks a code used, as it was read, and writes the grant that it becomes: one commit, so of two
/// redemptions one conflicts.
pub fn redeem_code(changes: &mut Changes, code: &str, record: &Code, read: Sequence, grant: &Grant) {
    let key = code_key(code);
    changes.expect_version(key.clone(), read);
    changes.put_until(key, record::encode(&Code { used: true, ..record.clone() }), grant.expires.max(record.expires));
    put_grant(changes, grant);
}

/// Writes a grant; it ends by itself.
pub fn put_grant(changes: &mut Changes, grant: &Grant) {
    changes.put_until(grant_key(grant.id), record::encode(grant), grant.expires);
    changes.put_until(session_key(&grant.session, grant.id), Vec::new(), grant.expires);
}

/// The grant of that name, if it has not ended, and the very client to which it was given is there
/// and has not been told to give it back.
pub fn find_grant(store: &PoolStore, id: GrantId, now: Timestamp) -> Result<Option<Grant>> {
    let grant: Option<(Grant, Sequence)> = record::find(store, &grant_key(id))?;
    let lives = |grant: &Grant| now < grant.expires && !is_from_the_future(grant.created, now);
    let Some(grant) = grant.map(|(grant, _)| grant).filter(lives) else { return Ok(None) };
    let client = find_client(store, grant.client_id.as_str())?;
    Ok(client.is_some_and(|client| client.epoch == grant.epoch).then_some(grant))
}

/// Takes a grant back, and with it every token that names it.
pub fn delete_grant(changes: &mut Changes, id: GrantId) {
    changes.delete(grant_key(id));
}

/// Takes back what came from a session: up to `limit` grants, and codes that have not become one.
/// Tells how many, so that the caller can go on.
pub fn revoke_session_grants(store: &PoolStore, changes: &mut Changes, session: &[u8; 32], limit: usize) -> Result<usize> {
    let prefix = Prefix::named(Space::Grant, &[&[BY_SESSION], session.as_slice()].concat());
    let mut count = 0;
    for row in store.scan(&prefix, None).take(limit) {
        let (key, row) = row?;
        if let Some(id) = key.rest().last_chunk::<16>() {
            delete_grant(changes, GrantId(*id));
        }
        if !row.value.is_empty() {
            changes.delete(Key::named(Space::Grant, &row.value));
        }
        changes.delete(key);
        count += 1;
    }
    Ok(count)
}

fn code_key(code: &str) -> Key {
    Key::named(Space::Grant, &[&[CODE], sha256(code.as_bytes()).as_slice()].concat())
}

fn grant_key(id: GrantId) -> Key {
    Key::named(Space::Grant, &[&[GRANT], id.0.as_slice()].concat())
}

/// What a session gave: an empty row for a grant, the name of the code for one that waits to become
/// a grant.
fn session_key(session: &[u8; 32], id: GrantId) -> Key {
    Key::named(Space::Grant, &[&[BY_SESSION], session.as_slice(), &id.0].concat())
}

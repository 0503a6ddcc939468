//! An authorization or SSO request that waits, stored, while the person logs in.
//!
//! It is bound to one browser by a cookie, ends by itself, and is capped per network address, since whoever begins one has proven nothing. The first bytes of its name
//! are a keyed hash of the address, so that the records of one address lie together in the store and can be counted. Payloads lie elsewhere: they are larger, and
//! counting does not read them.

use super::{Core, authentication::Level};
use crate::{
    crypto::digest,
    model::{Error, Result, Secret, Sequence, Timestamp, address::subscriber, entropy::random, error::Rule, record},
    pool::Pool,
    store::{Changes, Key, Prefix, Space},
};
use minicbor::{Decode, Encode};
use std::{net::IpAddr, sync::Arc, time::Duration};

/// How long a person has to log in.
pub const MAX_AGE: Duration = Duration::from_secs(30 * 60);

/// Requests of one network address (of one /64 with IPv6) that may wait at a pool at the same time.
pub const MAX_PER_ADDRESS: usize = 500;

/// Bytes that the payload of an interaction may hold.
pub const MAX_PAYLOAD: usize = 16 * 1024;

/// Bytes of a payload in one row of the store.
const PART: usize = 4096;

/// Bytes that an application's name and a login hint may have here; longer ones are cut, since both are only shown.
const MAX_TEXT: usize = 256;

/// The newest version of the record.
const VERSION: u8 = 1;

/// Bytes of a name that come from the address, and those that are random.
const TAG: usize = 8;
const RANDOM: usize = 24;

/// What ties an interaction to one browser: the hash of its cookie.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct BrowserKey([u8; 32]);

impl BrowserKey {
    /// The key of a browser that sent this cookie value.
    pub fn from_cookie(value: &str) -> Self {
        Self(digest::sha256(value.as_bytes()))
    }
}

/// Where a login goes back to: a closed list, so that no request can name a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum ReturnPoint {
    /// The authorization endpoint of the OpenID Provider.
    #[n(0)]
    Authorize,
    /// The single sign-on endpoint of the SAML Identity Provider.
    #[n(1)]
    SamlSso,
}

/// What an application demands of a login.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Demands {
    /// Prove it anew, even with a usable session (prompt=login, ForceAuthn).
    pub force: bool,
    /// The login may be at most this old (max_age).
    pub max_age: Option<Duration>,
    /// The level that is needed.
    pub acr: Option<Level>,
    /// Whom the application expects.
    pub login_hint: Option<String>,
}

/// What a face hands over when somebody must log in.
#[derive(Clone, Debug)]
pub struct NewInteraction {
    /// Where to go on afterwards.
    pub return_point: ReturnPoint,
    /// The application's display name.
    pub application: String,
    /// The face's own request, opaque to everybody else; at most [`MAX_PAYLOAD`] bytes.
    pub payload: Vec<u8>,
    /// What is demanded.
    pub demands: Demands,
}

/// The name of an interaction, as URLs carry it. Records are named by its hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InteractionId(String);

impl InteractionId {
    /// The text for a URL: base64url, so nothing in it needs escaping.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A request that waits for the browser that brings this token.
#[derive(Debug)]
pub struct Handover {
    /// The name of the interaction.
    pub interaction: InteractionId,
    /// What ties it to whoever brings it.
    pub token: Secret<String>,
}

/// A waiting request.
#[derive(Clone, Debug)]
pub struct Interaction {
    id: InteractionId,
    return_point: ReturnPoint,
    application: String,
    payload: Vec<u8>,
    demands: Demands,
    created: Timestamp,
    parts: u8,
}

impl Interaction {
    /// Its name.
    pub const fn id(&self) -> &InteractionId {
        &self.id
    }

    /// The face's own request.
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// The application's display name.
    pub fn application(&self) -> &str {
        &self.application
    }

    /// What is demanded.
    pub const fn demands(&self) -> &Demands {
        &self.demands
    }

    /// Where to go on afterwards.
    pub const fn return_point(&self) -> ReturnPoint {
        self.return_point
    }

    /// When it began. A demand to prove it anew is met by a session that is [proven since](super::Session::is_proven_since) this moment.
    pub const fn created(&self) -> Timestamp {
        self.created
    }
}

#[derive(Clone, Encode, Decode)]
#[cbor(map)]
struct Stored {
    #[cbor(n(0), with = "minicbor::bytes")]
    browser: [u8; 32],
    #[n(1)]
    return_point: ReturnPoint,
    #[n(2)]
    application: String,
    #[n(3)]
    created: Timestamp,
    /// Rows that the payload takes.
    #[n(4)]
    parts: u8,
    #[n(5)]
    force: bool,
    /// Seconds.
    #[n(6)]
    max_age: Option<u64>,
    #[n(7)]
    acr: Option<Level>,
    #[n(8)]
    login_hint: Option<String>,
    // 9 said whether nothing may be shown, which the face judges.
    #[n(10)]
    away: Option<StoredAway>,
}

#[derive(Clone, Encode, Decode)]
#[cbor(map)]
struct StoredAway {
    /// The hash of the state parameter.
    #[cbor(n(0), with = "minicbor::bytes")]
    state: [u8; 32],
    /// What the protocol needs to go on, sealed.
    #[cbor(n(1), with = "minicbor::bytes")]
    sealed: Vec<u8>,
}

/// A waiting request as read, with what only this room needs.
pub(super) struct Waiting {
    pub interaction: Interaction,
    stored: Stored,
    version: Sequence,
}

/// What the names of the rows begin with.
const RECORD: u8 = 0;
const PAYLOAD: u8 = 1;

/// The rows of an interaction: number 0 is its record, the others hold its payload.
fn key(id: &str, part: u8) -> Option<Key> {
    let bytes = digest::from_base64url(id).filter(|bytes| bytes.len() == TAG + RANDOM)?;
    let tag = bytes.get(..TAG)?;
    let hash = digest::sha256(id.as_bytes());
    let name = match part {
        0 => [&[RECORD], tag, &hash].concat(),
        part => [[PAYLOAD].as_slice(), &hash, &[part]].concat(),
    };
    Some(Key::named(Space::Interaction, &name))
}

/// What the records of an address begin with.
fn records_from(tag: &[u8; TAG]) -> Prefix {
    Prefix::named(Space::Interaction, &[[RECORD].as_slice(), tag].concat())
}

/// What stands for a network address in the name of an interaction.
fn tag(pool: &Pool, address: Option<IpAddr>) -> [u8; TAG] {
    let text = address.map(|address| subscriber(address).to_string()).unwrap_or_default();
    pool.mac("interaction-address", text.as_bytes()).first_chunk().copied().unwrap_or_default()
}

fn alive(created: Timestamp, now: Timestamp) -> bool {
    now < created.plus(MAX_AGE)
}

impl Core {
    /// Stores a request that waits for a login, bound to the browser. Busy when too many wait from that address.
    pub async fn begin(
        &self,
        pool: &Arc<Pool>,
        new: NewInteraction,
        browser: &BrowserKey,
        address: Option<IpAddr>,
    ) -> Result<InteractionId> {
        if new.payload.len() > MAX_PAYLOAD {
            return Err(Error::invalid(Rule::Request, format!("the request is larger than {MAX_PAYLOAD} bytes")));
        }
        let now = self.clock.now();
        let tag = tag(pool, address);
        if waiting_from(pool, &tag, now)? >= MAX_PER_ADDRESS {
            return Err(Error::busy("too many logins are waiting from this network address; finish one or try again later"));
        }
        let id = digest::base64url(&[tag.as_slice(), &random::<RANDOM>(&*self.entropy)].concat());
        let parts = new.payload.chunks(PART);
        let stored = Stored {
            browser: browser.0,
            return_point: new.return_point,
            application: shortened(&new.application),
            created: now,
            parts: u8::try_from(parts.len()).unwrap_or(u8::MAX),
            force: new.demands.force,
            max_age: new.demands.max_age.map(|age| age.as_secs()),
            acr: new.demands.acr,
            login_hint: new.demands.login_hint.as_deref().map(shortened),
            away: None,
        };
        let end = now.plus(MAX_AGE);
        let mut changes = Changes::new();
        for (part, number) in parts.zip(1..) {
            changes.put_until(self.interaction_key(&id, number)?, part.to_vec(), end);
        }
        let key = self.interaction_key(&id, 0)?;
        changes.expect_absent(key.clone());
        changes.put_until(key, record::encode(VERSION, &stored), end);
        pool.store().commit(changes).await?;
        Ok(InteractionId(id))
    }

    /// Stores a request that another site has posted. Our cookies, which are Lax, do not come with such a POST, so the browser is not known, and giving it a new key
    /// would part it from what waits in its other tabs. The way on carries the token, and the GET that comes with cookies again [takes it over](Core::take_over).
    pub async fn begin_handover(&self, pool: &Arc<Pool>, new: NewInteraction, address: Option<IpAddr>) -> Result<Handover> {
        let token = digest::token(&*self.entropy);
        let interaction = self.begin(pool, new, &BrowserKey::from_cookie(token.expose()), address).await?;
        Ok(Handover { interaction, token })
    }

    /// Ties a request to the browser that brings its token, once; false if none waits under that name and token.
    pub async fn take_over(&self, pool: &Pool, id: &str, token: &str, browser: &BrowserKey) -> Result<bool> {
        let take_over = |changes: &mut Changes| {
            let Some(waiting) = self.waiting(pool, id, &BrowserKey::from_cookie(token))? else { return Ok(false) };
            self.rewrite(&waiting, Stored { browser: browser.0, ..waiting.stored.clone() }, changes)?;
            Ok(true)
        };
        pool.store().decide(take_over).await
    }

    /// Lets a waiting request demand from now on that the person proves anew who they are; false if it does not wait any more. A login that has left for an upstream
    /// without that demand counts no more.
    pub async fn insist(&self, pool: &Pool, interaction: &Interaction, browser: &BrowserKey) -> Result<bool> {
        let insist = |changes: &mut Changes| {
            let Some(waiting) = self.waiting(pool, interaction.id.as_str(), browser)? else { return Ok(false) };
            self.rewrite(&waiting, Stored { force: true, away: None, ..waiting.stored.clone() }, changes)?;
            Ok(true)
        };
        pool.store().decide(insist).await
    }

    /// The waiting request of that name; `None` if there is none, it has ended, or it belongs to another browser.
    pub fn interaction(&self, pool: &Arc<Pool>, id: &str, browser: &BrowserKey) -> Result<Option<Interaction>> {
        Ok(self.waiting(pool, id, browser)?.map(|waiting| waiting.interaction))
    }

    /// Ends the interaction within the face's own commit, so that one login answers one request once: the commit conflicts if it has ended already.
    pub fn consume(&self, interaction: &Interaction, changes: &mut Changes) {
        let id = interaction.id.as_str();
        for key in (0..=interaction.parts).filter_map(|part| key(id, part)) {
            changes.expect_present(key.clone());
            changes.delete(key);
        }
    }

    pub(super) fn waiting(&self, pool: &Pool, id: &str, browser: &BrowserKey) -> Result<Option<Waiting>> {
        let Some(row) = key(id, 0).map(|key| pool.store().get(&key)).transpose()?.flatten() else { return Ok(None) };
        let stored: Stored = record::decode(VERSION, &row.value)?;
        if !alive(stored.created, self.clock.now()) || !digest::equal(&stored.browser, &browser.0) {
            return Ok(None);
        }
        let mut payload = Vec::new();
        for part in 1..=stored.parts {
            // A row that is gone belongs to an interaction that somebody has just ended.
            let Some(row) = pool.store().get(&self.interaction_key(id, part)?)? else { return Ok(None) };
            payload.extend_from_slice(&row.value);
        }
        let interaction = Interaction {
            id: InteractionId(id.to_owned()),
            return_point: stored.return_point,
            application: stored.application.clone(),
            payload,
            demands: Demands {
                force: stored.force,
                max_age: stored.max_age.map(Duration::from_secs),
                acr: stored.acr,
                login_hint: stored.login_hint.clone(),
            },
            created: stored.created,
            parts: stored.parts,
        };
        Ok(Some(Waiting { interaction, stored, version: row.version }))
    }

    /// Notes that the person was sent to an upstream under that state, and what the protocol needs to go on.
    pub(super) fn send_away(&self, pool: &Pool, waiting: &Waiting, state: &str, secret: &[u8], changes: &mut Changes) -> Result<()> {
        let key = self.interaction_key(waiting.interaction.id.as_str(), 0)?;
        let away = StoredAway { state: digest::sha256(state.as_bytes()), sealed: pool.seal(&key, secret)? };
        self.rewrite(waiting, Stored { away: Some(away), ..waiting.stored.clone() }, changes)
    }

    /// Takes back what the protocol needs to go on, if the person was sent away under that state. The commit makes sure that a state is answered once.
    pub(super) fn come_back(&self, pool: &Pool, waiting: &Waiting, state: &str, changes: &mut Changes) -> Result<Option<Vec<u8>>> {
        let Some(away) = &waiting.stored.away else { return Ok(None) };
        if !digest::equal(&away.state, &digest::sha256(state.as_bytes())) {
            return Ok(None);
        }
        let key = self.interaction_key(waiting.interaction.id.as_str(), 0)?;
        let secret = pool.open(&key, &away.sealed)?;
        self.rewrite(waiting, Stored { away: None, ..waiting.stored.clone() }, changes)?;
        Ok(Some(secret.expose().clone()))
    }

    fn rewrite(&self, waiting: &Waiting, stored: Stored, changes: &mut Changes) -> Result<()> {
        let key = self.interaction_key(waiting.interaction.id.as_str(), 0)?;
        changes.expect_version(key.clone(), waiting.version);
        changes.put_until(key, record::encode(VERSION, &stored), stored.created.plus(MAX_AGE));
        Ok(())
    }

    fn interaction_key(&self, id: &str, part: u8) -> Result<Key> {
        key(id, part).ok_or_else(|| Error::internal("an interaction has a name that is not one of ours"))
    }
}

/// How many requests wait from an address, counted up to the limit.
fn waiting_from(pool: &Pool, tag: &[u8; TAG], now: Timestamp) -> Result<usize> {
    let mut count = 0;
    for row in pool.store().scan(&records_from(tag), None) {
        let (_, row) = row?;
        count += usize::from(alive(record::decode::<Stored>(VERSION, &row.value)?.created, now));
        if count >= MAX_PER_ADDRESS {
            break;
        }
    }
    Ok(count)
}

fn shortened(text: &str) -> String {
    text.chars()
        .scan(0, |length, character| {
            *length += character.len_utf8();
            (*length <= MAX_TEXT).then_some(character)
        })
        .collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;

    /// A record of version 1 as it lies in stores: it must stay readable, and written so.
    #[test]
    fn golden_bytes() {
        let stored = Stored {
            browser: [1; 32],
            return_point: ReturnPoint::SamlSso,
            application: "Demo".into(),
            created: Timestamp::from_seconds(1_790_000_000),
            parts: 2,
            force: true,
            max_age: Some(60),
            acr: Some(Level::Single),
            login_hint: Some("alice".into()),
            away: Some(StoredAway { state: [2; 32], sealed: vec![3, 4] }),
        };
        let bytes: String = record::encode(VERSION, &stored).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(
            bytes,
            "01aa00582001010101010101010101010101010101010101010101010101010101010101010101026444656d6f031b00065bfeda25e000040205f506183c07000865616c6963650aa2005820020202020202020202020202020202020202020202020202020202020202020201420304"
        );
        let former = "01ab00582001010101010101010101010101010101010101010101010101010101010101010101026444656d6f031b00065bfeda25e000040205f506183c07000865616c69636509f40aa2005820020202020202020202020202020202020202020202020202020202020202020201420304";
        let former: Vec<u8> = (0..former.len()).step_by(2).map(|at| u8::from_str_radix(&former[at..at + 2], 16).unwrap()).collect();
        assert_eq!(record::decode::<Stored>(VERSION, &former).unwrap().login_hint, stored.login_hint);
    }

    #[test]
    fn texts_are_cut_between_characters() {
        assert_eq!(shortened("short"), "short");
        assert_eq!(shortened(&"ä".repeat(200)), "ä".repeat(128));
        assert_eq!(shortened(&format!("a{}", "ä".repeat(200))).len(), 255);
    }
}

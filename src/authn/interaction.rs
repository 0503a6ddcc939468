//! An authorization or SSO request that waits while the person logs in.
//!
//! It is a value. Whoever merely arrives has proven nothing, so nothing of theirs is stored: the
//! request travels in a hidden field of the page, sealed with a key of the pool for one browser and
//! one place. It is stored when somebody proves who they are, and while they are at an upstream,
//! which gives nothing back but a name (see [`waiting`](super::waiting)).
//!
//! A sealed request is no ticket: it can be brought again and again while it lasts, and says
//! nothing but what the application has asked for, and when. Each time the person proves anew who
//! they are, or the face decides by the session that the browser has. Whether a demand was met is
//! never in it: the session says since when its person is proven, and that is compared with the
//! moment at which the request began.

use super::{Core, authentication::Level};
use crate::{
    crypto::digest,
    model::{Error, Result, Timestamp, entropy::random, error::Rule, record},
    policy::clock,
    pool::Pool,
};
use minicbor::{
    Decode, Encode,
    bytes::{ByteArray, ByteVec},
};
use std::time::Duration;

/// How long a person has to log in.
pub const MAX_AGE: Duration = Duration::from_secs(30 * 60);

/// How long a request that another site has posted may take to be brought back by the browser: as
/// long as somebody without scripts needs to press the button.
pub const MAX_HANDOVER_AGE: Duration = Duration::from_secs(5 * 60);

/// Bytes that the payload of an interaction may hold.
pub const MAX_PAYLOAD: usize = 16 * 1024;

/// Bytes that an application's name and a login hint may have here; longer ones are cut, since both
/// are only shown.
const MAX_TEXT: usize = 256;

/// The newest version of the record, sealed and stored.
const VERSION: u8 = 1;

/// What ties an interaction to one browser: the hash of its cookie.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct BrowserKey(pub(super) [u8; 32]);

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

/// Which form a sealed request belongs to. In another one it does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The login pages.
    Login,
    /// A question that a face asks somebody who is logged in.
    Question(ReturnPoint),
}

impl Place {
    const fn purpose(self) -> &'static str {
        match self {
            Self::Login => "request at the login pages",
            Self::Question(ReturnPoint::Authorize) => "request at the question of the authorization endpoint",
            Self::Question(ReturnPoint::SamlSso) => "request at the question of single sign-on",
        }
    }
}

/// What a request is sealed for that another site has posted to that face.
const fn handover(face: ReturnPoint) -> &'static str {
    match face {
        ReturnPoint::Authorize => "request posted to the authorization endpoint",
        ReturnPoint::SamlSso => "request posted to single sign-on",
    }
}

/// A request that was sealed for a form of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unsealed {
    /// The form was given to this browser.
    Own(Interaction),
    /// It was given to another one, or to this one under a key that it has lost: two pages that are
    /// opened at once are each given a key, and the browser keeps one. Nothing of such a form
    /// counts, but the request may be shown a page anew, as if the application had just sent it.
    OfAnotherBrowser(Interaction),
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

/// The name of an interaction. It stays the same however often the request is sealed, so that one
/// login answers it once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct InteractionId(pub(super) [u8; 32]);

impl InteractionId {
    /// The text for a URL: base64url, so nothing in it needs escaping.
    pub fn to_text(self) -> String {
        digest::base64url(&self.0)
    }

    /// The name that a URL carries; `None` if it carries none.
    pub(super) fn parse(text: &str) -> Option<Self> {
        digest::from_base64url(text)?.try_into().ok().map(Self)
    }
}

/// A request that waits for a login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interaction {
    id: InteractionId,
    return_point: ReturnPoint,
    application: String,
    payload: Vec<u8>,
    demands: Demands,
    created: Timestamp,
    is_stored: bool,
}

impl Interaction {
    /// Its name.
    pub const fn id(&self) -> InteractionId {
        self.id
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

    /// When it began. A demand to prove it anew is met by a session that is [proven
    /// since](super::Session::is_proven_since) this moment.
    pub const fn created(&self) -> Timestamp {
        self.created
    }

    /// Whether it came out of the store, from which its answer takes it.
    pub const fn is_stored(&self) -> bool {
        self.is_stored
    }

    /// The same request, which demands from now on that the person proves anew who they are.
    pub fn insisting(self) -> Self {
        Self { demands: Demands { force: true, ..self.demands }, ..self }
    }

    pub(super) fn stored(self) -> Self {
        Self { is_stored: true, ..self }
    }

    /// Whether it has neither ended nor been made by a clock that was ahead: nobody could log in
    /// late enough for such a one.
    pub(super) fn is_alive(&self, now: Timestamp) -> bool {
        clock::is_alive(self.ends(), MAX_AGE, now)
    }

    pub(super) fn ends(&self) -> Timestamp {
        self.created.plus(MAX_AGE)
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let Self { id, return_point, application, payload, demands, created, is_stored } = self;
        let record = Record {
            id: ByteArray::from(id.0),
            return_point: *return_point,
            application: application.clone(),
            created: *created,
            force: demands.force,
            max_age: demands.max_age.map(|age| age.as_secs()),
            acr: demands.acr,
            login_hint: demands.login_hint.clone(),
            payload: payload.clone().into(),
            is_stored: *is_stored,
        };
        record::encode(VERSION, &record)
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self> {
        let record: Record = record::decode(VERSION, bytes)?;
        let Record { id, return_point, application, created, force, max_age, acr, login_hint, payload, is_stored } = record;
        let demands = Demands { force, max_age: max_age.map(Duration::from_secs), acr, login_hint };
        Ok(Self { id: InteractionId(*id), return_point, application, payload: payload.into(), demands, created, is_stored })
    }
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct Record {
    #[n(0)]
    id: ByteArray<32>,
    #[n(1)]
    return_point: ReturnPoint,
    #[n(2)]
    application: String,
    #[n(3)]
    created: Timestamp,
    #[n(4)]
    force: bool,
    /// Seconds.
    #[n(5)]
    max_age: Option<u64>,
    #[n(6)]
    acr: Option<Level>,
    #[n(7)]
    login_hint: Option<String>,
    #[n(8)]
    payload: ByteVec,
    #[n(9)]
    is_stored: bool,
}

impl Core {
    /// A request that begins to wait now. It is only a value yet; `Invalid` if its payload is too
    /// large.
    pub fn interaction(&self, new: NewInteraction) -> Result<Interaction> {
        let NewInteraction { return_point, application, payload, demands } = new;
        if payload.len() > MAX_PAYLOAD {
            return Err(Error::invalid(Rule::Request, format!("the request is larger than {MAX_PAYLOAD} bytes")));
        }
        Ok(Interaction {
            id: InteractionId(random(&*self.entropy)),
            return_point,
            application: shortened(&application),
            payload,
            demands: Demands { login_hint: demands.login_hint.as_deref().map(shortened), ..demands },
            created: self.clock.now(),
            is_stored: false,
        })
    }

    /// The request as a hidden field of a form carries it: base64url, for that form of that
    /// browser.
    pub fn seal(&self, pool: &Pool, interaction: &Interaction, place: Place, browser: &BrowserKey) -> Result<String> {
        pool.seal_text(place.purpose(), &[], &[browser.0.as_slice(), &interaction.encode()].concat())
    }

    /// The request in a field that a browser has sent; `None` if it was not sealed for that form,
    /// in this pool, or is over.
    pub fn unseal(&self, pool: &Pool, sealed: &str, place: Place, browser: &BrowserKey) -> Option<Unsealed> {
        let plain = pool.open_text(place.purpose(), &[], sealed)?;
        let (sealed_for, interaction) = plain.expose().split_first_chunk::<32>()?;
        let interaction = Interaction::decode(interaction).ok().filter(|interaction| interaction.is_alive(self.clock.now()))?;
        Some(match digest::equal(sealed_for, &browser.0) {
            true => Unsealed::Own(interaction),
            false => Unsealed::OfAnotherBrowser(interaction),
        })
    }

    /// The request that another site has posted. Our cookies, which are Lax, do not come with such
    /// a POST, so the browser is not known yet, and whoever brings the request within
    /// [`MAX_HANDOVER_AGE`] may go on with it: they could as well have been led to the same
    /// application's request anew.
    pub fn seal_handover(&self, pool: &Pool, interaction: &Interaction) -> Result<String> {
        pool.seal_text(handover(interaction.return_point), &[], &interaction.encode())
    }

    /// The request that another site has posted to that face, brought back by the browser; `None`
    /// if it is no such request, or is over.
    pub fn open_handover(&self, pool: &Pool, sealed: &str, face: ReturnPoint) -> Option<Interaction> {
        let plain = pool.open_text(handover(face), &[], sealed)?;
        let interaction = Interaction::decode(plain.expose()).ok()?;
        let end = interaction.created.plus(MAX_HANDOVER_AGE);
        clock::is_alive(end, MAX_HANDOVER_AGE, self.clock.now()).then_some(interaction)
    }
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

    /// A record of version 1 as pages and stores hold it: it must stay readable, and written so.
    #[test]
    fn golden_bytes() {
        let interaction = Interaction {
            id: InteractionId([1; 32]),
            return_point: ReturnPoint::SamlSso,
            application: "Demo".into(),
            payload: vec![3, 4],
            demands: Demands {
                force: true,
                max_age: Some(Duration::from_secs(60)),
                acr: Some(Level::Single),
                login_hint: Some("alice".into()),
            },
            created: Timestamp::from_seconds(1_790_000_000),
            is_stored: true,
        };
        let bytes = interaction.encode();
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(
            hex,
            "01aa00582001010101010101010101010101010101010101010101010101010101010101010101026444656d6f031b00065bfeda25e00004f505183c06000765\
             616c696365084203 0409f5"
                .replace(' ', "")
        );
        assert_eq!(Interaction::decode(&bytes).unwrap(), interaction);
    }

    #[test]
    fn texts_are_cut_between_characters() {
        assert_eq!(shortened("short"), "short");
        assert_eq!(shortened(&"ä".repeat(200)), "ä".repeat(128));
        assert_eq!(shortened(&format!("a{}", "ä".repeat(200))).len(), 255);
    }
}

//! An authorization or SSO request that waits, stored, while the person logs in.
//!
//! It is bound to one browser by a cookie, ends by itself, and is capped per network address, since whoever begins one has proven nothing.

use super::{Core, authentication::Level};
use crate::{
    model::{Result, Timestamp},
    pool::Pool,
    store::Changes,
};
use std::{net::IpAddr, sync::Arc, time::Duration};

/// The random value of a browser's cookie. Records hold its hash only.
#[derive(Clone)]
pub struct BrowserKey(pub(super) [u8; 32]);

impl BrowserKey {
    /// The key of a browser that sent this cookie value.
    pub fn from_cookie(_value: &str) -> Self {
        todo!()
    }
}

/// Where a login goes back to: a closed list, so that no request can name a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReturnPoint {
    /// The authorization endpoint of the OpenID Provider.
    Authorize,
    /// The single sign-on endpoint of the SAML Identity Provider.
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
    /// Nothing may be shown (prompt=none, IsPassive).
    pub passive: bool,
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

/// The name of an interaction, as URLs carry it. Records hold its hash only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InteractionId(pub(super) String);

impl InteractionId {
    /// The text for a URL: base64url, so nothing in it needs escaping.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Bytes that the payload of an interaction may hold.
pub const MAX_PAYLOAD: usize = 16 * 1024;

/// A waiting request.
#[derive(Clone, Debug)]
pub struct Interaction {
    pub(super) id: InteractionId,
    pub(super) return_point: ReturnPoint,
    pub(super) application: String,
    pub(super) payload: Vec<u8>,
    pub(super) demands: Demands,
    pub(super) created: Timestamp,
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

    /// When it began. A demand to prove it anew is met by a login at or after this moment.
    pub const fn created(&self) -> Timestamp {
        self.created
    }
}

impl Core {
    /// Stores a request that waits for a login, bound to the browser. Busy when too many wait from that address.
    pub async fn begin(
        &self,
        _pool: &Arc<Pool>,
        _new: NewInteraction,
        _browser: &BrowserKey,
        _address: Option<IpAddr>,
    ) -> Result<InteractionId> {
        todo!()
    }

    /// The waiting request of that name; `None` if there is none, it has ended, or it belongs to another browser.
    pub fn interaction(&self, _pool: &Arc<Pool>, _id: &str, _browser: &BrowserKey) -> Result<Option<Interaction>> {
        todo!()
    }

    /// Ends the interaction within the face's own commit, so that one login answers one request once: the commit conflicts if it has ended already.
    pub fn consume(&self, _interaction: &Interaction, _changes: &mut Changes) {
        todo!()
    }
}

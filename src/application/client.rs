//! OIDC clients.

use super::name::ClientId;
use super::record::{self, Kind};
use super::redirect::RedirectUri;
use super::secret::SecretHash;
use crate::model::error::{Error, Result, Rule};
use crate::model::{Entropy, Epoch, Listed, Sequence};
use crate::store::{Changes, Key, PoolStore};
use minicbor::{Decode, Encode};

/// The longest display name of an application, in bytes.
pub(super) const MAX_NAME: usize = 256;

/// An application that speaks OpenID Connect.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Client {
    /// Its identifier within the pool.
    #[n(0)]
    pub client_id: ClientId,
    /// Its name as people read it.
    #[n(1)]
    pub name: String,
    /// The hash of its secret; `None` exactly for public clients.
    #[n(2)]
    pub secret: Option<SecretHash>,
    /// Where authorization responses may go.
    #[n(3)]
    pub redirect_uris: Vec<RedirectUri>,
    /// Where a browser may go after logout (OpenID Connect RP-Initiated Logout 1.0, section 3.1).
    #[n(4)]
    pub post_logout_redirect_uris: Vec<RedirectUri>,
    /// Whether every authorization request must bring a PKCE challenge (RFC 7636). Public clients
    /// always must.
    #[n(5)]
    pub require_pkce: bool,
    /// Whether it belongs to the pool's owner, so that nobody is asked for consent.
    #[n(6)]
    pub first_party: bool,
    /// How its ID tokens are signed.
    #[n(7)]
    pub id_token_alg: SigningAlgorithm,
    /// How it proves at the token endpoint that it is itself.
    #[n(8)]
    pub auth_method: AuthMethod,
    /// In which epoch of its identifier it is, so that codes, grants and consents of another one
    /// are none of its own. `None` for a client of a release that drew none: it holds what such a
    /// release gave it. Read it, and leave it to [`add_client`], [`put_client`] and
    /// [`renew_client`] to write it.
    #[n(9)]
    pub epoch: Option<Epoch>,
}

/// How tokens of a client are signed (RFC 7518, section 3.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum SigningAlgorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256: what every relying party can verify.
    #[default]
    #[n(0)]
    Rs256,
    /// ECDSA with P-256 and SHA-256.
    #[n(1)]
    Es256,
}

/// How a client authenticates at the token endpoint (OpenID Connect Core 1.0, section 9).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum AuthMethod {
    /// With its secret, in the header or in the form.
    #[default]
    #[n(0)]
    Secret,
    /// With its secret in the Authorization header only: `client_secret_basic`.
    #[n(1)]
    SecretBasic,
    /// With its secret in the form only: `client_secret_post`.
    #[n(2)]
    SecretPost,
    /// Not at all: a public client (RFC 6749, section 2.1).
    #[n(3)]
    None,
}

impl Client {
    /// A confidential client with safe settings: PKCE required, consent asked, RS256.
    pub fn confidential(client_id: ClientId, name: impl Into<String>, secret: SecretHash, redirect_uris: Vec<RedirectUri>) -> Self {
        Self { secret: Some(secret), auth_method: AuthMethod::Secret, ..Self::public(client_id, name, redirect_uris) }
    }

    /// A public client: an application that cannot keep a secret.
    pub fn public(client_id: ClientId, name: impl Into<String>, redirect_uris: Vec<RedirectUri>) -> Self {
        Self {
            client_id,
            name: name.into(),
            secret: None,
            redirect_uris,
            post_logout_redirect_uris: Vec::new(),
            require_pkce: true,
            first_party: false,
            id_token_alg: SigningAlgorithm::Rs256,
            auth_method: AuthMethod::None,
            epoch: None,
        }
    }

    /// Whether it has no secret (RFC 6749, section 2.1).
    pub fn is_public(&self) -> bool {
        self.secret.is_none()
    }

    /// Whether an authorization request of this client must bring a PKCE challenge.
    pub fn needs_pkce(&self) -> bool {
        self.require_pkce || self.is_public()
    }

    /// The registered redirect URI that the text of a request means, if any.
    pub fn allows_redirect(&self, presented: &str) -> bool {
        self.redirect_uris.iter().any(|uri| uri.matches(presented, self.is_public()))
    }

    /// Whether a browser may go there after logout.
    pub fn allows_post_logout_redirect(&self, presented: &str) -> bool {
        self.post_logout_redirect_uris.iter().any(|uri| uri.matches(presented, self.is_public()))
    }

    /// Refuses settings that contradict each other.
    pub fn check(&self) -> Result<()> {
        let refuse = |why: &str| Err(Error::invalid(Rule::Request, format!("client {}: {why}", self.client_id)));
        if self.name.is_empty() || self.name.len() > MAX_NAME || self.name.chars().any(char::is_control) {
            return refuse("its name is empty, over 256 bytes, or has control characters");
        }
        if (self.auth_method == AuthMethod::None) != self.secret.is_none() {
            return refuse("a client has a secret exactly when it authenticates");
        }
        let mut uris = self.redirect_uris.iter().chain(&self.post_logout_redirect_uris);
        if !self.is_public() && uris.any(RedirectUri::is_private_use) {
            return refuse("a private-use scheme is for public clients only");
        }
        Ok(())
    }
}

/// The client of that identifier.
pub fn find_client(store: &PoolStore, client_id: &str) -> Result<Option<Client>> {
    Ok(read_client(store, client_id)?.map(|(client, _)| client))
}

/// The same with the commit that last wrote it.
pub fn read_client(store: &PoolStore, client_id: &str) -> Result<Option<(Client, Sequence)>> {
    let Ok(client_id) = ClientId::parse(client_id) else { return Ok(None) };
    record::find(store, &record::key(Kind::Client, client_id.as_str()))
}

/// Whether there is a client of that identifier, one that cannot be read too.
pub fn has_client(store: &PoolStore, client_id: &ClientId) -> Result<bool> {
    record::is_there(store, &record::key(Kind::Client, client_id.as_str()))
}

/// Up to `limit` clients in the order of their identifiers, from after `after` on.
pub fn clients(store: &PoolStore, after: Option<&ClientId>, limit: usize) -> Result<Vec<Listed<Client>>> {
    record::list(store, Kind::Client, after.map(ClientId::as_str), limit)
}

/// Adds a client, in an epoch of its own; the commit conflicts if there is one of that identifier.
pub fn add_client(changes: &mut Changes, client: &Client, entropy: &dyn Entropy) -> Result<()> {
    changes.expect_absent(key(client));
    write(changes, client, Some(Epoch::draw(entropy)))
}

/// Changes a client. Whatever is changed, what it was given goes on.
pub fn put_client(store: &PoolStore, changes: &mut Changes, client: &Client) -> Result<()> {
    let present: Client = record::present(store, changes, &key(client))?;
    write(changes, client, present.epoch)
}

/// Changes a client that is still as that commit wrote it; the commit conflicts if it is another
/// one by now.
pub fn replace_client(store: &PoolStore, changes: &mut Changes, client: &Client, version: Sequence) -> Result<()> {
    changes.expect_version(key(client), version);
    put_client(store, changes, client)
}

/// Changes a client that is still as that commit wrote it, and takes back all that it was given:
/// codes, grants with their tokens, and what people have agreed to.
pub fn renew_client(changes: &mut Changes, client: &Client, version: Sequence, entropy: &dyn Entropy) -> Result<()> {
    changes.expect_version(key(client), version);
    write(changes, client, Some(Epoch::draw(entropy)))
}

/// Removes a client and what is remembered of its failures. What it was given ends with it, and
/// stays over whoever is registered under its identifier later.
pub fn delete_client(changes: &mut Changes, client_id: &ClientId) {
    changes.delete(record::key(Kind::Client, client_id.as_str()));
    changes.delete(record::key(Kind::ClientHistory, client_id.as_str()));
}

fn key(client: &Client) -> Key {
    record::key(Kind::Client, client.client_id.as_str())
}

fn write(changes: &mut Changes, client: &Client, epoch: Option<Epoch>) -> Result<()> {
    client.check()?;
    record::put(changes, key(client), &Client { epoch, ..client.clone() })
}

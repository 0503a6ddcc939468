//! Which client sends a request to the token endpoint (RFC 6749, section 2.3), and whether it is really that client.

use super::app::App;
use super::error::{Code, Error, Refusal};
use super::wire::{Parameters, Presented, Refused, client_credentials};
use crate::application::{self, AuthMethod, Client, SecretHash};
use crate::audit::{Action, Reason};
use crate::crypto::digest;
use crate::model::entropy::random;
use crate::model::{Entropy, Error as Failure, PoolId, Secret};
use crate::web::PoolRequest;
use quick_cache::sync::Cache;

/// How many verified secrets are remembered.
const REMEMBERED: usize = 1000;

/// Secrets that were verified a short time ago. Without it each token request of a client with a chosen secret would cost one argon2. It holds codes under a key of this
/// process instead of secrets, and a code covers the stored hash: with a new secret the old one is forgotten.
pub struct VerifiedSecrets {
    key: [u8; 32],
    codes: Cache<[u8; 32], ()>,
}

impl VerifiedSecrets {
    /// Remembers nothing yet.
    pub fn new(entropy: &dyn Entropy) -> Self {
        Self { key: random(entropy), codes: Cache::new(REMEMBERED) }
    }

    fn code(&self, pool: PoolId, hash: &SecretHash, secret: &Secret<String>) -> [u8; 32] {
        let secret = digest::sha256(secret.expose().as_bytes());
        digest::hmac(&self.key, &[pool.get().to_be_bytes().as_slice(), &secret, hash.as_bytes()].concat())
    }
}

/// The client that sends the request, authenticated if it has a secret.
pub async fn authenticate(app: &App, request: &PoolRequest, form: &Parameters) -> Result<Client, Error> {
    let header = request.header("authorization");
    let basic = request.headers.contains_key("authorization");
    let refuse = |refusal| Error::Token { refusal, basic };
    if basic && (header.is_none() || request.headers.get_all("authorization").iter().count() > 1) {
        return Err(refuse(Refusal::request("the Authorization header is there twice or is not text")));
    }
    let presented = client_credentials(header, form).map_err(|refused| {
        refuse(match refused {
            Refused::Request(description) => Refusal::request(description),
            Refused::Client(description) => Refusal::new(Code::InvalidClient, description),
        })
    })?;
    let failed = |failure: Failure| refuse(Refusal::at_token(&failure));
    let unknown = || refuse(Refusal::new(Code::InvalidClient, "the client is not known, or has not proven that it is itself"));
    let Some(client) = application::find_client(request.pool.store(), presented.client_id()).map_err(failed)? else {
        return Err(unknown());
    };
    let is_itself = match (&presented, client.auth_method, &client.secret) {
        (Presented::Identifier(_), AuthMethod::None, None) => true,
        (Presented::Basic(_, secret), AuthMethod::Secret | AuthMethod::SecretBasic, Some(hash))
        | (Presented::Post(_, secret), AuthMethod::Secret | AuthMethod::SecretPost, Some(hash)) => {
            verify(app, request, hash, secret).await.map_err(failed)?
        }
        _ => false,
    };
    if !is_itself {
        // Of clients that exist only: names that nobody registered say nothing.
        let name = client.client_id.as_str();
        app.core.count_failure(request.pool.id(), Action::ClientAuthentication, name, Reason::WrongPassword, App::origin(request));
        return Err(unknown());
    }
    Ok(client)
}

async fn verify(app: &App, request: &PoolRequest, hash: &SecretHash, secret: &Secret<String>) -> Result<bool, Failure> {
    let pool = request.pool.id();
    let code = app.verified.code(pool, hash, secret);
    if !hash.is_generated() && app.verified.codes.get(&code).is_some() {
        return Ok(true);
    }
    let matches = hash.verify(secret, &app.core.hasher, (pool, Some(request.peer)), request.pool.settings().hashing).await?;
    if matches {
        app.verified.codes.insert(code, ());
    }
    Ok(matches)
}

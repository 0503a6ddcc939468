//! An OpenID Provider on loopback that answers as a test tells it to.

use crate::{
    crypto::{
        digest, jwt,
        keys::{Algorithm, SigningKey},
    },
    federation::{IdentityProvider, MailDomains, Mapping, ProviderKind},
    model::Secret,
};
use serde_json::{Map, Value, json};
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// What the upstream does.
pub struct Behaviour {
    /// Claims that take the place of what it would say; null leaves one out.
    pub claims: Map<String, Value>,
    /// What userinfo says.
    pub user_info: Value,
    /// What discovery says in the place of what it would say.
    pub metadata: Map<String, Value>,
    /// The key that signs; the key set names the first one only.
    pub signer: usize,
    /// Bytes that its token answer is padded with.
    pub padding: usize,
    /// The form that the token endpoint was last sent, and its Authorization header.
    pub exchanged: Option<(String, String)>,
    /// How often discovery was asked.
    pub discovered: usize,
    /// The nonce of the request that a code is for.
    pub nonce: String,
    /// The present moment, in seconds.
    pub now: i64,
}

/// An upstream.
pub struct Upstream {
    pub issuer: String,
    state: Arc<State>,
}

struct State {
    issuer: String,
    keys: Vec<SigningKey>,
    published: Mutex<usize>,
    behaviour: Mutex<Behaviour>,
}

impl Upstream {
    /// Starts one; it ends with its test.
    pub async fn start(now: i64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://127.0.0.1:{}/pools/suppliers", listener.local_addr().unwrap().port());
        let behaviour = Behaviour {
            claims: Map::new(),
            user_info: json!({"sub": "erin-1"}),
            metadata: Map::new(),
            signer: 0,
            padding: 0,
            exchanged: None,
            discovered: 0,
            nonce: String::new(),
            now,
        };
        let keys = (0..2).map(|_| SigningKey::generate(Algorithm::Es256).unwrap()).collect();
        let state = Arc::new(State { issuer: issuer.clone(), keys, published: Mutex::new(0), behaviour: Mutex::new(behaviour) });
        let served = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(Arc::clone(&served), stream));
            }
        });
        Self { issuer, state }
    }

    pub fn behaviour(&self) -> MutexGuard<'_, Behaviour> {
        self.state.behaviour.lock().unwrap()
    }

    /// Names the other key in the key set, and signs with it.
    pub fn rotate(&self) {
        *self.state.published.lock().unwrap() = 1;
        self.behaviour().signer = 1;
    }

    /// The record of it in a pool.
    pub fn provider(&self) -> IdentityProvider {
        IdentityProvider {
            name: "suppliers".into(),
            display_name: "Suppliers".into(),
            kind: ProviderKind::Oidc {
                issuer: self.issuer.clone(),
                client_id: "acme".into(),
                client_secret: Some(Secret::new("client-secret".into())),
            },
            mapping: Mapping::default(),
            mail_domains: MailDomains::parse(&["suppliers.example"]).unwrap(),
        }
    }
}

async fn serve(state: Arc<State>, mut stream: TcpStream) {
    let mut request = Vec::new();
    loop {
        let mut part = [0; 4096];
        let Ok(length @ 1..) = stream.read(&mut part).await else { return };
        request.extend_from_slice(&part[..length]);
        let text = String::from_utf8_lossy(&request).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let header = |name: &str| {
            let found = head.lines().find_map(|line| line.split_once(": ").filter(|(header, _)| header.eq_ignore_ascii_case(name)));
            found.map(|(_, value)| value.to_owned())
        };
        let expected: usize = header("content-length").map_or(0, |length| length.parse().unwrap());
        if body.len() < expected {
            continue;
        }
        let path = head.split(' ').nth(1).unwrap_or_default();
        let path = path.strip_prefix("/pools/suppliers").unwrap_or_default();
        let answer = state.answer(path, body, header("authorization").unwrap_or_default());
        let (status, extra) = if path == "/moved" { ("302 Found", "Location: /jwks\r\n") } else { ("200 OK", "") };
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Type: application/json\r\n{extra}Connection: close\r\nContent-Length: {}\r\n\r\n",
            answer.len()
        );
        let _ = stream.write_all(&[head.as_bytes(), answer.as_bytes()].concat()).await;
        return;
    }
}

impl State {
    fn answer(&self, path: &str, body: &str, authorization: String) -> String {
        let mut behaviour = self.behaviour.lock().unwrap();
        let issuer = &self.issuer;
        match path {
            "/.well-known/openid-configuration" => {
                behaviour.discovered += 1;
                let mut metadata = json!({
                    "issuer": issuer,
                    "authorization_endpoint": format!("{issuer}/authorize"),
                    "token_endpoint": format!("{issuer}/token"),
                    "userinfo_endpoint": format!("{issuer}/userinfo"),
                    "jwks_uri": format!("{issuer}/jwks"),
                    "response_types_supported": ["code"],
                    "subject_types_supported": ["public"],
                    "id_token_signing_alg_values_supported": ["ES256"],
                });
                overlay(metadata.as_object_mut().unwrap(), &behaviour.metadata);
                metadata.to_string()
            }
            "/jwks" => json!({"keys": [self.keys[*self.published.lock().unwrap()].jwk()]}).to_string(),
            "/token" => {
                behaviour.exchanged = Some((body.to_owned(), authorization));
                let mut claims = json!({
                    "iss": issuer,
                    "aud": "acme",
                    "sub": "erin-1",
                    "iat": behaviour.now,
                    "exp": behaviour.now + 600,
                    "nonce": behaviour.nonce,
                    "preferred_username": "erin",
                    "email": "erin@suppliers.example",
                    "email_verified": true,
                    "name": "Erin Example",
                });
                overlay(claims.as_object_mut().unwrap(), &behaviour.claims);
                let token = jwt::sign(&self.keys[behaviour.signer], "JWT", &claims).unwrap();
                let padding = "x".repeat(behaviour.padding);
                json!({"access_token": "an-access-token", "token_type": "Bearer", "id_token": token, "padding": padding}).to_string()
            }
            "/userinfo" => behaviour.user_info.to_string(),
            _ => "{}".to_owned(),
        }
    }
}

fn overlay(claims: &mut Map<String, Value>, others: &Map<String, Value>) {
    for (name, value) in others {
        match value {
            Value::Null => claims.remove(name),
            value => claims.insert(name.clone(), value.clone()),
        };
    }
}

/// The S256 challenge of a verifier (RFC 7636, section 4.2).
pub fn challenge(verifier: &str) -> String {
    digest::base64url(&digest::sha256(verifier.as_bytes()))
}

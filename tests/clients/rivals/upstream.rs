//! An OpenID Provider on loopback that says whatever a test wants.

use crate::harness::TestServer;
use crate::web_client::{Application, Browser, Reply};
use poolgate::crypto::jwt;
use poolgate::crypto::keys::{Algorithm, SigningKey};
use poolgate::model::Clock;
use poolgate::server::SystemClock;
use serde_json::{Map, Value, json};
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard};
use warp::Filter;
use warp::path::FullPath;

/// How an ID token is made of its claims.
pub type Make = Arc<dyn Fn(&Upstream, &Value) -> String + Send + Sync>;

/// What it says.
#[derive(Clone)]
pub struct Told {
    /// Claims in the place of the usual ones; null leaves one out.
    pub claims: Map<String, Value>,
    /// The nonce of the request that is answered.
    pub nonce: String,
    /// How the token is made.
    pub make: Make,
    /// How often a code was brought.
    pub exchanges: usize,
}

/// An upstream. It ends with its test.
#[derive(Clone)]
pub struct Upstream {
    pub name: &'static str,
    pub issuer: String,
    pub rsa: Arc<SigningKey>,
    pub ec: Arc<SigningKey>,
    told: Arc<Mutex<Told>>,
}

/// A login that has left for an upstream.
#[derive(Clone)]
pub struct Away {
    pub browser: Browser,
    pub state: String,
    pub callback: String,
    pub nonce: String,
}

impl Upstream {
    /// Starts one and registers it with `acme`, under that name and with those mail domains.
    pub async fn start(server: &TestServer, name: &'static str, mail_domains: &[&str]) -> Self {
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let issuer = format!("http://127.0.0.1:{}", listener.local_addr().unwrap().port());
        let make: Make = Arc::new(|upstream, claims| jwt::sign(&upstream.rsa, "JWT", claims).unwrap());
        let upstream = Self {
            name,
            issuer,
            rsa: Arc::new(SigningKey::generate(Algorithm::Rs256).unwrap()),
            ec: Arc::new(SigningKey::generate(Algorithm::Es256).unwrap()),
            told: Arc::new(Mutex::new(Told { claims: Map::new(), nonce: String::new(), make, exchanges: 0 })),
        };
        let served = upstream.clone();
        let routes = warp::path::full().map(move |path: FullPath| warp::reply::json(&served.answer(path.as_str())));
        tokio::spawn(warp::serve(routes).incoming(listener).run());
        let create = ["idp", "create", name, "--pool", "acme", "--issuer", &upstream.issuer, "--client-id", "acme"];
        let domains = mail_domains.iter().flat_map(|domain| ["--mail-domain", domain]);
        let arguments: Vec<&str> = create.into_iter().chain(["--client-secret-stdin"]).chain(domains).collect();
        server.poolgate_with_input(&arguments, "a secret of an upstream").await.good();
        upstream
    }

    pub fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap()
    }

    /// Says other claims from now on.
    pub fn claims(&self, claims: Value) {
        self.told().claims = claims.as_object().unwrap().clone();
    }

    fn answer(&self, path: &str) -> Value {
        let issuer = &self.issuer;
        match path {
            "/.well-known/openid-configuration" => json!({
                "issuer": issuer,
                "authorization_endpoint": format!("{issuer}/authorize"),
                "token_endpoint": format!("{issuer}/token"),
                "jwks_uri": format!("{issuer}/jwks"),
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256", "ES256", "HS256", "none"],
            }),
            "/jwks" => json!({ "keys": [self.rsa.jwk(), self.ec.jwk()] }),
            "/token" => {
                let told = {
                    let mut told = self.told();
                    told.exchanges += 1;
                    told.clone()
                };
                let now = SystemClock::default().now().seconds();
                let mut claims = json!({
                    "iss": issuer,
                    "aud": "acme",
                    "sub": "somebody",
                    "iat": now,
                    "exp": now + 300,
                    "nonce": told.nonce,
                    "preferred_username": "erin",
                });
                let all = claims.as_object_mut().unwrap();
                told.claims.iter().for_each(|(name, value)| drop(all.insert(name.clone(), value.clone())));
                all.retain(|_, value| !value.is_null());
                json!({ "access_token": "x", "token_type": "Bearer", "id_token": (told.make)(self, &claims) })
            }
            _ => json!({}),
        }
    }

    /// Sends a new browser to it.
    pub async fn leave(&self, server: &TestServer) -> Away {
        let mut browser = Browser::new();
        let page = browser.login_page(&Application::demo(server).authorize()).await;
        let sent = browser.leave_for(&page, self.name).await;
        let parameter = |name: &str| sent.parameter(name).unwrap_or_else(|| panic!("{name}: {sent:?}"));
        let away = Away { state: parameter("state"), callback: parameter("redirect_uri"), nonce: parameter("nonce"), browser };
        self.told().nonce.clone_from(&away.nonce);
        away
    }

    /// There and back: what the browser is answered.
    pub async fn log_in(&self, server: &TestServer) -> (Browser, Reply) {
        let mut away = self.leave(server).await;
        let reply = away.come_back("").await;
        (away.browser, reply)
    }

    /// There and back to the claims of whoever is logged in; nothing if nobody is.
    pub async fn who(&self, server: &TestServer) -> Option<Value> {
        let (browser, reply) = self.log_in(server).await;
        who(server, browser, &reply).await
    }
}

/// The claims of whoever is logged in by that answer of the callback.
pub async fn who(server: &TestServer, mut browser: Browser, reply: &Reply) -> Option<Value> {
    let application = Application::demo(server);
    let back = reply.header("location")?.to_owned();
    let code = browser.get(&back).await.parameter("code").unwrap();
    let tokens = browser.redeem(&application, &code).await.json();
    Some(browser.userinfo(&application.issuer, tokens["access_token"].as_str().unwrap()).await.json())
}

impl Away {
    /// Comes back with a code, and more in the query.
    pub async fn come_back(&mut self, more: &str) -> Reply {
        let (url, state) = (self.callback.clone(), self.state.clone());
        self.browser.get(&format!("{url}?code=x&state={state}{more}")).await
    }
}

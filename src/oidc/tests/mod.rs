//! Handlers over a real store in a temporary folder, without warp.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod authorize;
mod client;
mod discovery;
mod epochs;
mod errors;
mod logout;
mod routes;
mod token;
mod userinfo;

use super::app::App;
use super::error::Error;
use crate::application::{self, Client, ClientId, Code, GrantId, RedirectUri, SecretHash};
use crate::authn::{BrowserKey, Core, Kept, Origin, Parts, Place, Step, Unsealed, WaitingLimits};
use crate::crypto::digest::sha256;
use crate::crypto::password::Params;
use crate::crypto::sealed::MasterKey;
use crate::directory::{Directory, NewEntry};
use crate::entrance::{Entrance, SEALED_REQUEST};
use crate::model::{Actor, Attribute, Clock, Dn, Entropy, EntryId, Face, Role, Secret, Timestamp};
use crate::policy::secret::SecretPolicy;
use crate::pool::{NewPool, Pool, Registry, Settings, Slug};
use crate::store::{Changes, Options, Prefix, SegmentSync, Space, Store};
use crate::web::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use crate::web::{PoolRequest, PoolUrl, Response};
use crate::work::{Places, Work};
use http_body_util::BodyExt;
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;
use tempfile::TempDir;

pub const ISSUER: &str = "https://login.example/pools/acme";
pub const REDIRECT: &str = "https://app.example/callback";
pub const PASSWORD: &str = "through the looking glass";
pub const SECRET: &str = "demo-secret";
/// RFC 7636, appendix B.
pub const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// A clock that tests move.
pub struct HandClock(AtomicI64);

impl HandClock {
    pub fn forward(&self, duration: Duration) {
        self.0.fetch_add(duration.as_micros() as i64, Ordering::SeqCst);
    }
}

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst))
    }
}

/// Bytes that look random and are the same in each run.
struct Sequenced(AtomicU64);

impl Entropy for Sequenced {
    fn fill(&self, buffer: &mut [u8]) {
        for chunk in buffer.chunks_mut(32) {
            let number = self.0.fetch_add(1, Ordering::SeqCst);
            chunk.copy_from_slice(&sha256(&number.to_be_bytes())[..chunk.len()]);
        }
    }
}

/// A provider with a pool, a person and a few clients.
pub struct Provider {
    _folder: TempDir,
    pub app: App,
    pub pool: Arc<Pool>,
    pub clock: Arc<HandClock>,
    pub alice: EntryId,
    /// When her password was set.
    password_set: Timestamp,
}

fn operator() -> Actor {
    Actor { role: Role::Operator, entry: None, name: "uid:0".into(), face: Face::Admin, address: None }
}

fn entry(dn: &str, attributes: &[(&str, &str)]) -> NewEntry {
    let attributes = attributes.iter().map(|(name, value)| Attribute::new(*name, [*value])).collect();
    NewEntry { dn: Dn::parse(dn).unwrap(), attributes }
}

pub fn client_id(text: &str) -> ClientId {
    ClientId::parse(text).unwrap()
}

impl Provider {
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(HandClock(AtomicI64::new(1_800_000_000_000_000)));
        let entropy: Arc<dyn Entropy> = Arc::new(Sequenced(AtomicU64::new(0)));
        let store = Store::open(folder.path(), Options::default(), SegmentSync::install()).unwrap();
        let hands: Arc<dyn Clock> = clock.clone();
        let registry = Registry::open(store, MasterKey::new(Secret::new([7; 32])), hands.clone(), entropy.clone()).await.unwrap();
        let new = NewPool {
            slug: Slug::parse("acme").unwrap(),
            suffix: Some(Dn::parse("o=acme").unwrap()),
            display_name: "Acme".into(),
            settings: Settings {
                hashing: Params { memory_kib: 64, passes: 1, lanes: 1 },
                client_secrets: SecretPolicy { min_length: 8, ..SecretPolicy::default() },
                ..Settings::default()
            },
        };
        let pool = registry
            .create(new, &operator(), |pool, changes| directory(pool).create_suffix(changes, &operator(), hands.now(), entropy.as_ref()))
            .await
            .unwrap();
        let core = Core::new(Parts {
            registry,
            work: Arc::new(Work::new(2, Places { per_pool: 64, per_address: 64, per_address_overall: 1000 })),
            clock: hands,
            entropy,
            waiting: WaitingLimits::default(),
        });
        let app = App::new(Entrance::new(Arc::new(core.unwrap()), crate::login::page));
        let mut provider = Self { _folder: folder, app, pool, clock, alice: EntryId::new(0), password_set: Timestamp::from_seconds(0) };
        provider.populate().await;
        provider
    }

    async fn populate(&mut self) {
        let person = [
            ("objectClass", "inetOrgPerson"),
            ("uid", "alice"),
            ("cn", "Alice Liddell"),
            ("givenName", "Alice"),
            ("sn", "Liddell"),
            ("mail", "alice@acme.example"),
            ("telephoneNumber", "+44 20 7946 0000"),
            ("postalAddress", "1 Deanery Road$Oxford"),
            ("l", "Oxford"),
        ];
        self.alice = self.add(entry("uid=alice,ou=people,o=acme", &person)).await;
        self.password_set = self.clock.now();
        let password = Some(Secret::from(PASSWORD));
        self.app.core.set_password(&self.pool, &operator(), self.alice, None, password).await.unwrap();
        // She logs in later than that.
        self.clock.forward(Duration::from_secs(60));
        for group in ["staff", "authors"] {
            let member = [("objectClass", "groupOfNames"), ("cn", group), ("member", "uid=alice,ou=people,o=acme")];
            self.add(entry(&format!("cn={group},ou=groups,o=acme"), &member)).await;
        }
        let secret = Secret::new(SECRET.to_owned());
        let hash = self.app.core.choose_client_secret(&self.pool, &secret).await.unwrap();
        let uris = vec![RedirectUri::parse(REDIRECT).unwrap()];
        let demo = Client {
            first_party: true,
            post_logout_redirect_uris: vec![RedirectUri::parse("https://app.example/bye").unwrap()],
            ..Client::confidential(client_id("demo-app"), "Demo", hash, uris.clone())
        };
        self.put(&demo).await;
        self.put(&Client { client_id: client_id("lax"), require_pkce: false, ..demo.clone() }).await;
        self.put(&Client { client_id: client_id("basic"), auth_method: application::AuthMethod::SecretBasic, ..demo.clone() }).await;
        self.put(&Client { client_id: client_id("post"), auth_method: application::AuthMethod::SecretPost, ..demo.clone() }).await;
        self.put(&Client { client_id: client_id("es"), id_token_alg: application::SigningAlgorithm::Es256, ..demo.clone() }).await;
        self.put(&Client { client_id: client_id("third"), first_party: false, ..demo }).await;
        self.put(&Client { first_party: true, ..Client::public(client_id("spa"), "App", uris) }).await;
    }

    /// Registers a client, or changes one that is registered.
    pub async fn put(&self, client: &Client) {
        let (store, mut changes) = (self.pool.store(), Changes::new());
        match application::find_client(store, client.client_id.as_str()).unwrap() {
            Some(_) => application::put_client(store, &mut changes, client).unwrap(),
            None => application::add_client(&mut changes, client, self.app.core.entropy.as_ref()).unwrap(),
        }
        store.commit(changes).await.unwrap();
    }

    /// The client of that identifier as it is now.
    pub fn client(&self, client: &str) -> Client {
        application::find_client(self.pool.store(), client).unwrap().unwrap()
    }

    /// Deletes a client, and registers another one that looks the same in everything.
    pub async fn make_anew(&self, client: &str) {
        let client = self.client(client);
        let mut changes = Changes::new();
        application::delete_client(&mut changes, &client.client_id);
        self.pool.store().commit(changes).await.unwrap();
        self.put(&client).await;
    }

    async fn add(&self, entry: NewEntry) -> EntryId {
        let mut changes = Changes::new();
        let id = directory(&self.pool)
            .add(&mut changes, entry, &operator(), self.clock.now(), self.app.core.entropy.as_ref())
            .unwrap_or_else(|error| panic!("{error}"));
        self.pool.store().commit(changes).await.unwrap();
        id
    }

    /// Logs alice in at a login page that a browser has before it; answers with her session cookie
    /// and the way back.
    pub async fn log_in(&self, browser: &str, page: &str, previous: Option<&str>) -> (String, String) {
        let key = BrowserKey::from_cookie(browser);
        let interaction =
            self.app.core.unseal(&self.pool, &field(page, SEALED_REQUEST), Place::Login, &key).and_then(Unsealed::own).unwrap();
        let origin = Origin { face: Face::Login, address: None };
        let password = Secret::from(PASSWORD);
        let kept = Kept { session: previous, mark: None };
        let step = self.app.core.login_password(&self.pool, &interaction, &key, "alice", &password, kept, origin).await.unwrap();
        match step {
            Step::Granted(granted) => (granted.session.expose().clone(), format!("/oauth2/authorize?interaction={}", granted.interaction)),
            other => panic!("{other:?}"),
        }
    }

    /// A browser in which alice has logged in: the value of its Cookie field.
    pub async fn browser_with_session(&self) -> String {
        let request = self.request(Method::GET, &authorize_path("demo-app", ""));
        let response = answered(super::authorize::get(&self.app, &request).await, &request);
        let browser = cookie_value(&header(&response, "set-cookie"));
        let (session, _) = self.log_in(&browser, &text(response).await, None).await;
        self.cookies(&browser, Some(&session))
    }

    /// Rows of requests that are stored.
    pub fn stored_requests(&self) -> usize {
        self.pool.store().count(&Prefix::space(Space::Interaction)).unwrap()
    }

    /// The Cookie field of a browser with that key and that session.
    pub fn cookies(&self, browser: &str, session: Option<&str>) -> String {
        let id = self.pool.id();
        let session = session.map(|session| format!("; __Host-poolgate-{id}-session={session}")).unwrap_or_default();
        format!("__Host-poolgate-{id}-browser={browser}{session}")
    }

    /// A code as the authorization endpoint would have given it.
    pub async fn code(&self, text: &str, client: &str) -> Code {
        let code = Code {
            client_id: client_id(client),
            redirect_uri: REDIRECT.into(),
            entry: self.alice,
            scopes: ["openid", "profile", "email", "groups"].map(String::from).into(),
            nonce: Some("the-nonce".into()),
            challenge: Some(CHALLENGE.into()),
            auth_time: Timestamp::from_seconds(self.clock.now().seconds() - 30),
            acr: "1".into(),
            amr: vec!["pwd".into()],
            grant: GrantId::draw(self.app.core.entropy.as_ref()),
            expires: self.clock.now().plus(Duration::from_secs(60)),
            used: false,
            session: [3; 32],
            password_proof: Some(self.password_set),
            voucher: None,
            epoch: self.client(client).epoch,
            entry_epoch: None,
        };
        self.put_code(text, &code).await;
        code
    }

    pub async fn put_code(&self, text: &str, code: &Code) {
        let mut changes = Changes::new();
        application::put_code(&mut changes, text, code);
        self.pool.store().commit(changes).await.unwrap();
    }

    pub fn request(&self, method: Method, path: &str) -> PoolRequest {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        PoolRequest {
            pool: self.pool.clone(),
            base: PoolUrl::new(ISSUER),
            peer: [192, 0, 2, 1].into(),
            method,
            path: path.into(),
            query: query.into(),
            headers: HeaderMap::new(),
            body: Default::default(),
        }
    }

    pub fn form(&self, path: &str, body: &str) -> PoolRequest {
        let request = PoolRequest { body: body.to_owned().into(), ..self.request(Method::POST, path) };
        with(request, "content-type", "application/x-www-form-urlencoded")
    }
}

pub fn directory(pool: &Pool) -> Directory {
    Directory::over(pool.store().clone(), pool.suffix().clone())
}

/// The value of a Set-Cookie field.
pub fn cookie_value(set_cookie: &str) -> String {
    set_cookie.split_once('=').unwrap().1.split(';').next().unwrap().to_owned()
}

/// The value of a field of a page's form.
pub fn field(page: &str, name: &str) -> String {
    let (_, rest) = page.split_once(&format!("name=\"{name}\" value=\"")).unwrap_or_else(|| panic!("no {name}: {page}"));
    rest.split('"').next().unwrap().to_owned()
}

/// The path of a good authorization request with something added.
pub fn authorize_path(client: &str, extra: &str) -> String {
    format!(
        "/oauth2/authorize?client_id={client}&redirect_uri={REDIRECT}&response_type=code&scope=openid+email&state=the-state&nonce=n\
         &code_challenge={CHALLENGE}&code_challenge_method=S256{extra}"
    )
}

/// The request with one more header field.
pub fn with(mut request: PoolRequest, name: &'static str, value: &str) -> PoolRequest {
    request.headers.append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
    request
}

/// The answer as the route would give it.
pub fn answered(result: Result<Response, Error>, request: &PoolRequest) -> Response {
    result.unwrap_or_else(|error| error.respond(request))
}

pub fn header(response: &Response, name: &str) -> String {
    response.headers().get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
}

pub async fn text(response: Response) -> String {
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

/// The status and the JSON of an answer; also checks that no cache keeps it.
pub async fn json(response: Response) -> (StatusCode, Value) {
    assert_eq!(header(&response, "cache-control"), "no-store");
    (response.status(), serde_json::from_str(&text(response).await).unwrap())
}

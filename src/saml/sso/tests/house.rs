//! A pool with a person and a service provider, a browser that keeps cookies, and what it is
//! answered.

use super::*;
use crate::application::{AttributeMapping, EntityId, add_service_provider, find_service_provider, put_service_provider};
use crate::authn::{Parts, WaitingLimits};
use crate::crypto::sealed::MasterKey;
use crate::crypto::xml::{self, Certificate, Element, Expectations, Name, Place};
use crate::directory::{Directory, NewEntry};
use crate::model::{Actor, Attribute, Dn, Entropy, Role, Timestamp};
use crate::pool::{NewPool, Pool, Registry, Settings, Slug};
use crate::saml::metadata;
use crate::saml::wire::PROTOCOL;
use crate::store::{Options, Prefix, SegmentSync, Space, Store};
use crate::web::http::HeaderMap;
use crate::web::http::header::{COOKIE, SET_COOKIE};
use crate::work::{Places, Work};
use http_body_util::BodyExt as _;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use tempfile::TempDir;

pub const BASE: &str = "https://id.example/pools/acme";
pub const SP: &str = "https://sp.example/metadata";
pub const ACS: &str = "https://sp.example/acs";
pub const START: Timestamp = Timestamp::from_seconds(1_700_000_000);
pub const PASSWORD: &str = "correct horse battery staple";

pub struct Hand(Mutex<Timestamp>);

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

pub struct Counting(AtomicU64);

impl Entropy for Counting {
    fn fill(&self, buffer: &mut [u8]) {
        for chunk in buffer.chunks_mut(32) {
            let digest = sha256(&self.0.fetch_add(1, Ordering::Relaxed).to_be_bytes());
            chunk.copy_from_slice(&digest[..chunk.len()]);
        }
    }
}

pub struct House {
    pub core: Arc<Core>,
    pub entrance: Entrance,
    pub pool: Arc<Pool>,
    pub clock: Arc<Hand>,
    _folder: TempDir,
}

pub fn operator() -> Actor {
    Actor { role: Role::Operator, entry: None, name: "uid:0".into(), face: Face::Admin, address: None }
}

pub fn provider(entity_id: &str) -> ServiceProvider {
    let mapping = |source: &str, name: &str| AttributeMapping { source: source.into(), name: name.into() };
    ServiceProvider {
        attributes: vec![
            mapping("uid", "uid"),
            mapping("mail", "mail"),
            mapping("displayName", "displayName"),
            mapping("userPassword", "secret"),
        ],
        ..ServiceProvider::new(EntityId::parse(entity_id).unwrap(), "Shop & Co", RedirectUri::parse(ACS).unwrap())
    }
}

impl House {
    pub async fn build() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), Options::default(), SegmentSync::install()).unwrap();
        let clock = Arc::new(Hand(Mutex::new(START)));
        let entropy = Arc::new(Counting(AtomicU64::new(0)));
        let registry = Registry::open(store, MasterKey::generate(entropy.as_ref()), clock.clone(), entropy.clone()).await.unwrap();
        let settings = Settings { hashing: crate::crypto::password::Params { memory_kib: 8, passes: 1, lanes: 1 }, ..Settings::default() };
        let new = NewPool { slug: Slug::parse("acme").unwrap(), suffix: None, display_name: "Acme".into(), settings };
        let random = entropy.clone();
        let fill = move |pool: &Pool, changes: &mut Changes| {
            Directory::over(pool.store().clone(), pool.suffix().clone()).create_suffix(changes, &operator(), START, random.as_ref())
        };
        let pool = registry.create(new, &operator(), fill).await.unwrap();
        let work = Arc::new(Work::new(2, Places { per_pool: 64, per_address: 64, per_address_overall: 1000 }));
        let core = Arc::new(Core::new(Parts { registry, work, clock: clock.clone(), entropy, waiting: WaitingLimits::default() }).unwrap());
        let entrance = Entrance::new(Arc::clone(&core), crate::login::page);
        let house = Self { core, entrance, pool, clock, _folder: folder };
        house.person("alice", Some("alice@acme.example")).await;
        house.register(&provider(SP)).await;
        house
    }

    pub async fn person(&self, uid: &str, mail: Option<&str>) {
        let mut attributes = vec![
            Attribute::new("objectClass", ["inetOrgPerson"]),
            Attribute::new("cn", [uid]),
            Attribute::new("sn", ["<Smith & Sons>"]),
            Attribute::new("displayName", ["Alice \"A\" <Smith>"]),
            Attribute::new("userPassword", [PASSWORD]),
        ];
        attributes.extend(mail.map(|mail| Attribute::new("mail", [mail])));
        let dn = Dn::parse(&format!("uid={uid},ou=people,o=acme")).unwrap();
        self.core.add_entry(&self.pool, &operator(), NewEntry { dn, attributes }).await.unwrap();
    }

    /// Registers a service provider, or changes one that is registered.
    pub async fn register(&self, provider: &ServiceProvider) {
        let (store, mut changes) = (self.pool.store(), Changes::new());
        match find_service_provider(store, provider.entity_id.as_str()).unwrap() {
            Some(_) => put_service_provider(store, &mut changes, provider).unwrap(),
            None => add_service_provider(&mut changes, provider, self.core.entropy.as_ref()).unwrap(),
        }
        store.commit(changes).await.unwrap();
    }

    /// Deletes a service provider, and registers another one of its entity id.
    pub async fn make_anew(&self, provider: &ServiceProvider) {
        let mut changes = Changes::new();
        delete_service_provider(&mut changes, &provider.entity_id);
        self.pool.store().commit(changes).await.unwrap();
        self.register(provider).await;
    }

    pub fn pass(&self, time: Duration) {
        let mut now = self.clock.0.lock().unwrap();
        *now = now.plus(time);
    }

    pub fn stored_requests(&self) -> usize {
        self.pool.store().count(&Prefix::space(Space::Interaction)).unwrap()
    }

    pub fn request_xml(&self, issuer: &str, attributes: &str, content: &str) -> String {
        let now = wire::format_instant(self.clock.now());
        format!(
            "<samlp:AuthnRequest xmlns:samlp=\"{PROTOCOL}\" xmlns:saml=\"{ASSERTION}\" ID=\"_r\" Version=\"2.0\" IssueInstant=\"{now}\" {attributes}><saml:Issuer>{issuer}</saml:Issuer>{content}</samlp:AuthnRequest>"
        )
    }

    pub fn query(&self, attributes: &str) -> String {
        encode_query("SAMLRequest", &self.request_xml(SP, attributes, ""), Some("state <&\"'>"))
    }

    pub fn form(&self, attributes: &str) -> String {
        let message = STANDARD.encode(self.request_xml(SP, attributes, ""));
        url::form_urlencoded::Serializer::new(String::new()).append_pair("SAMLRequest", &message).append_pair("RelayState", "s").finish()
    }

    pub async fn certificates(&self) -> Vec<Certificate> {
        let answer = metadata::show(self.core.clone(), Browser::default().request(self, Method::GET, "/saml2/metadata", "", "")).await;
        let page = Answer::read(answer.map_err(Response::from).unwrap()).await;
        let root = xml::parse(page.body.as_bytes()).unwrap();
        assert_eq!(root.attribute("entityID"), Some("https://id.example/pools/acme/saml2/metadata"));
        let descriptor = &root.children()[0];
        let keys = descriptor.children().iter().filter(|child| child.name().local == "KeyDescriptor");
        keys.map(|key| Certificate::from_text(key.children()[0].children()[0].children()[0].text().unwrap()).unwrap()).collect()
    }
}

/// Keeps cookies as a browser does. `from_elsewhere` leaves them at home, as Lax cookies are with a
/// POST from another site.
#[derive(Default, Clone)]
pub struct Browser {
    pub cookies: HashMap<String, String>,
    pub from_elsewhere: bool,
}

impl Browser {
    pub fn request(&self, house: &House, method: Method, path: &str, query: &str, body: &str) -> PoolRequest {
        let mut headers = HeaderMap::new();
        if self.from_elsewhere {
            headers.append("sec-fetch-site", "cross-site".parse().unwrap());
        } else {
            for (name, value) in &self.cookies {
                headers.append(COOKIE, format!("{name}={value}").parse().unwrap());
            }
        }
        PoolRequest {
            pool: house.pool.clone(),
            base: PoolUrl::new(BASE),
            peer: [192, 0, 2, 1].into(),
            method,
            path: path.into(),
            query: query.into(),
            headers,
            body: body.to_owned().into(),
        }
    }

    pub async fn get(&mut self, house: &House, query: &str) -> Answer {
        let request = self.request(house, Method::GET, "/saml2/sso", query, "");
        self.keep(redirect(house.entrance.clone(), request).await).await
    }

    /// Sends the form of a page of another site.
    pub async fn post(&mut self, house: &House, form: &str) -> Answer {
        self.from_elsewhere = true;
        let request = self.request(house, Method::POST, "/saml2/sso", "", form);
        self.from_elsewhere = false;
        self.keep(post(house.entrance.clone(), request).await).await
    }

    /// Lets the page that a posted request was answered with post itself.
    pub async fn go_on(&mut self, house: &House, handed_over: &Answer) -> Answer {
        assert!(
            handed_over.body.contains(&format!("action=\"{}\"", sso_url(&PoolUrl::new(BASE)).replace('/', "&#x2f;"))),
            "{}",
            handed_over.body
        );
        let request = self.request(house, Method::POST, "/saml2/sso", "", &handed_over.way_on());
        self.keep(post(house.entrance.clone(), request).await).await
    }

    pub async fn keep(&mut self, response: Result<Response, PageError>) -> Answer {
        let answer = Answer::read(response.unwrap_or_else(Into::into)).await;
        for cookie in answer.headers.get_all(SET_COOKIE) {
            let (name, rest) = cookie.to_str().unwrap().split_once('=').unwrap();
            self.cookies.insert(name.to_owned(), rest.split(';').next().unwrap().to_owned());
        }
        answer
    }

    /// Logs in at the login page, and gives the query of the way back.
    pub async fn log_in(&mut self, house: &House, answer: &Answer, uid: &str) -> String {
        assert!(answer.is_login(), "{}", answer.body);
        let request = self.request(house, Method::POST, "/login", "", "");
        let key = BrowserKey::from_cookie(browser::existing(&request).unwrap().expose());
        let interaction =
            house.core.unseal(&house.pool, &answer.field(SEALED_REQUEST).unwrap(), Form::Login, &key).and_then(Unsealed::own).unwrap();
        let origin = Origin { face: Face::Login, address: Some(request.peer) };
        let previous = cookie::get(&request, Purpose::Session);
        let password = Secret::from(PASSWORD);
        let kept = Kept { session: previous.as_deref(), mark: None };
        let step = house.core.login_password(&house.pool, &interaction, &key, uid, &password, kept, origin).await.unwrap();
        let Step::Granted(granted) = step else { panic!("{step:?}") };
        assert_eq!(granted.return_point, ReturnPoint::SamlSso);
        self.cookies.insert(cookie::name(&request, Purpose::Session), granted.session.expose().clone());
        format!("interaction={}", granted.interaction)
    }

    /// A browser with a session.
    pub async fn logged_in(house: &House, uid: &str) -> Self {
        let mut browser = Self::default();
        let answer = browser.get(house, &house.query("")).await;
        browser.log_in(house, &answer, uid).await;
        browser
    }
}

pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    pub async fn read(response: Response) -> Self {
        let (parts, body) = response.into_parts();
        let body = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        Self { status: parts.status.as_u16(), headers: parts.headers, body }
    }

    pub fn is_login(&self) -> bool {
        self.status == 200 && self.field("password").is_none() && self.body.contains("name=\"password\"")
    }

    /// What a page that posts itself brings back.
    pub fn way_on(&self) -> String {
        assert_eq!(self.status, 200, "{}", self.body);
        assert!(self.headers[CONTENT_SECURITY_POLICY].to_str().unwrap().contains("script-src 'sha256-"));
        format!("{SEALED_REQUEST}={}", self.field(SEALED_REQUEST).unwrap_or_else(|| panic!("{}", self.body)))
    }

    pub fn field(&self, name: &str) -> Option<String> {
        let (_, rest) = self.body.split_once(&format!("name=\"{name}\" value=\""))?;
        let value = rest.split('"').next()?;
        let entities = [("&#x2f;", "/"), ("&quot;", "\""), ("&#x27;", "'"), ("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")];
        Some(entities.iter().fold(value.to_owned(), |value, (entity, character)| value.replace(entity, character)))
    }

    pub fn saml(&self) -> String {
        assert_eq!(self.status, 200, "{}", self.body);
        let response = self.field("SAMLResponse").unwrap_or_else(|| panic!("{}", self.body));
        String::from_utf8(STANDARD.decode(response).unwrap()).unwrap()
    }

    /// The assertion, if it is signed.
    pub async fn assertion(&self, house: &House) -> Element {
        let certificates = house.certificates().await;
        let place = Place::ChildOf(Name::new(PROTOCOL, "Response"));
        let expected = Expectations { certificates: &certificates, element: Name::new(ASSERTION, "Assertion"), place };
        xml::verify(self.saml().as_bytes(), &expected).unwrap_or_else(|error| panic!("{error}: {}", self.saml())).element().clone()
    }

    /// The response, if it is signed.
    pub async fn response(&self, house: &House) -> Element {
        let certificates = house.certificates().await;
        let expected = Expectations { certificates: &certificates, element: Name::new(PROTOCOL, "Response"), place: Place::Root };
        xml::verify(self.saml().as_bytes(), &expected).unwrap_or_else(|error| panic!("{error}: {}", self.saml())).element().clone()
    }

    /// The second-level status of a signed refusal, without its prefix.
    pub async fn refusal(&self, house: &House) -> String {
        let response = self.response(house).await;
        assert!(response.only(ASSERTION, "Assertion").is_none());
        let code = response.only(PROTOCOL, "Status").unwrap().only(PROTOCOL, "StatusCode").unwrap().only(PROTOCOL, "StatusCode").unwrap();
        code.attribute("Value").unwrap().rsplit(':').next().unwrap().to_owned()
    }
}

pub fn at<'a>(element: &'a Element, path: &[&str]) -> &'a Element {
    path.iter().fold(element, |element, local| element.only(ASSERTION, local).unwrap_or_else(|| panic!("no {local}")))
}

pub fn name_id(assertion: &Element) -> &str {
    at(assertion, &["Subject", "NameID"]).text().unwrap()
}

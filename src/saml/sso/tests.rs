//! Single sign-on over a real store and the real engine, without sockets: a browser that keeps cookies, and a service provider that checks what it is sent.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use super::super::context::{MULTIPLE_FACTORS, PASSWORD_PROTECTED};
use super::super::wire::{ASSERTION, PROTOCOL, encode_query};
use super::super::{entity_id, metadata};
use super::*;
use crate::application::{
    AttributeMapping, EntityId, NameIdFormat, RedirectUri, Signed, add_service_provider, delete_service_provider, find_service_provider,
    put_service_provider,
};
use crate::authn::{BrowserKey, Kept, Parts, Place as Form, Step, WaitingLimits};
use crate::crypto::digest::sha256;
use crate::crypto::sealed::MasterKey;
use crate::crypto::xml::{self, Certificate, Element, Expectations, Name, Place};
use crate::directory::{Directory, NewEntry};
use crate::entrance::SEALED_REQUEST;
use crate::model::{Actor, Attribute, Clock, Dn, Entropy, Role, Secret, Timestamp};
use crate::pool::{NewPool, Pool, Registry, Settings, Slug};
use crate::store::{Options, Prefix, SegmentSync, Space, Store};
use crate::web::cookie::{self, Purpose};
use crate::web::http::header::SET_COOKIE;
use crate::web::http::header::{CONTENT_SECURITY_POLICY, COOKIE};
use crate::web::http::{HeaderMap, Method};
use crate::web::{PoolUrl, browser};
use crate::work::{Places, Work};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http_body_util::BodyExt as _;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;

const BASE: &str = "https://id.example/pools/acme";
const SP: &str = "https://sp.example/metadata";
const ACS: &str = "https://sp.example/acs";
const START: Timestamp = Timestamp::from_seconds(1_700_000_000);
const PASSWORD: &str = "correct horse battery staple";

struct Hand(Mutex<Timestamp>);

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

struct Counting(AtomicU64);

impl Entropy for Counting {
    fn fill(&self, buffer: &mut [u8]) {
        for chunk in buffer.chunks_mut(32) {
            let digest = sha256(&self.0.fetch_add(1, Ordering::Relaxed).to_be_bytes());
            chunk.copy_from_slice(&digest[..chunk.len()]);
        }
    }
}

struct House {
    core: Arc<Core>,
    entrance: Entrance,
    pool: Arc<Pool>,
    clock: Arc<Hand>,
    _folder: TempDir,
}

fn operator() -> Actor {
    Actor { role: Role::Operator, entry: None, name: "uid:0".into(), face: Face::Admin, address: None }
}

fn provider(entity_id: &str) -> ServiceProvider {
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
    async fn build() -> Self {
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

    async fn person(&self, uid: &str, mail: Option<&str>) {
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
    async fn register(&self, provider: &ServiceProvider) {
        let (store, mut changes) = (self.pool.store(), Changes::new());
        match find_service_provider(store, provider.entity_id.as_str()).unwrap() {
            Some(_) => put_service_provider(store, &mut changes, provider).unwrap(),
            None => add_service_provider(&mut changes, provider, self.core.entropy.as_ref()).unwrap(),
        }
        store.commit(changes).await.unwrap();
    }

    /// Deletes a service provider, and registers another one of its entity id.
    async fn make_anew(&self, provider: &ServiceProvider) {
        let mut changes = Changes::new();
        delete_service_provider(&mut changes, &provider.entity_id);
        self.pool.store().commit(changes).await.unwrap();
        self.register(provider).await;
    }

    fn pass(&self, time: Duration) {
        let mut now = self.clock.0.lock().unwrap();
        *now = now.plus(time);
    }

    fn stored_requests(&self) -> usize {
        self.pool.store().count(&Prefix::space(Space::Interaction)).unwrap()
    }

    fn request_xml(&self, issuer: &str, attributes: &str, content: &str) -> String {
        let now = wire::format_instant(self.clock.now());
        format!(
            "<samlp:AuthnRequest xmlns:samlp=\"{PROTOCOL}\" xmlns:saml=\"{ASSERTION}\" ID=\"_r\" Version=\"2.0\" IssueInstant=\"{now}\" {attributes}><saml:Issuer>{issuer}</saml:Issuer>{content}</samlp:AuthnRequest>"
        )
    }

    fn query(&self, attributes: &str) -> String {
        encode_query("SAMLRequest", &self.request_xml(SP, attributes, ""), Some("state <&\"'>"))
    }

    fn form(&self, attributes: &str) -> String {
        let message = STANDARD.encode(self.request_xml(SP, attributes, ""));
        url::form_urlencoded::Serializer::new(String::new()).append_pair("SAMLRequest", &message).append_pair("RelayState", "s").finish()
    }

    async fn certificates(&self) -> Vec<Certificate> {
        let answer = metadata::show(self.core.clone(), Browser::default().request(self, Method::GET, "/saml2/metadata", "", "")).await;
        let page = Answer::read(answer.map_err(Response::from).unwrap()).await;
        let root = xml::parse(page.body.as_bytes()).unwrap();
        assert_eq!(root.attribute("entityID"), Some("https://id.example/pools/acme/saml2/metadata"));
        let descriptor = &root.children()[0];
        let keys = descriptor.children().iter().filter(|child| child.name().local == "KeyDescriptor");
        keys.map(|key| Certificate::from_text(key.children()[0].children()[0].children()[0].text().unwrap()).unwrap()).collect()
    }
}

/// Keeps cookies as a browser does. `from_elsewhere` leaves them at home, as Lax cookies are with a POST from another site.
#[derive(Default, Clone)]
struct Browser {
    cookies: HashMap<String, String>,
    from_elsewhere: bool,
}

impl Browser {
    fn request(&self, house: &House, method: Method, path: &str, query: &str, body: &str) -> PoolRequest {
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

    async fn get(&mut self, house: &House, query: &str) -> Answer {
        let request = self.request(house, Method::GET, "/saml2/sso", query, "");
        self.keep(redirect(house.entrance.clone(), request).await).await
    }

    /// Sends the form of a page of another site.
    async fn post(&mut self, house: &House, form: &str) -> Answer {
        self.from_elsewhere = true;
        let request = self.request(house, Method::POST, "/saml2/sso", "", form);
        self.from_elsewhere = false;
        self.keep(post(house.entrance.clone(), request).await).await
    }

    /// Lets the page that a posted request was answered with post itself.
    async fn go_on(&mut self, house: &House, handed_over: &Answer) -> Answer {
        assert!(
            handed_over.body.contains(&format!("action=\"{}\"", sso_url(&PoolUrl::new(BASE)).replace('/', "&#x2f;"))),
            "{}",
            handed_over.body
        );
        let request = self.request(house, Method::POST, "/saml2/sso", "", &handed_over.way_on());
        self.keep(post(house.entrance.clone(), request).await).await
    }

    async fn keep(&mut self, response: Result<Response, PageError>) -> Answer {
        let answer = Answer::read(response.unwrap_or_else(Into::into)).await;
        for cookie in answer.headers.get_all(SET_COOKIE) {
            let (name, rest) = cookie.to_str().unwrap().split_once('=').unwrap();
            self.cookies.insert(name.to_owned(), rest.split(';').next().unwrap().to_owned());
        }
        answer
    }

    /// Logs in at the login page, and gives the query of the way back.
    async fn log_in(&mut self, house: &House, answer: &Answer, uid: &str) -> String {
        assert!(answer.is_login(), "{}", answer.body);
        let request = self.request(house, Method::POST, "/login", "", "");
        let key = BrowserKey::from_cookie(browser::existing(&request).unwrap().expose());
        let interaction = house.core.unseal(&house.pool, &answer.field(SEALED_REQUEST).unwrap(), Form::Login, &key).unwrap();
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
    async fn logged_in(house: &House, uid: &str) -> Self {
        let mut browser = Self::default();
        let answer = browser.get(house, &house.query("")).await;
        browser.log_in(house, &answer, uid).await;
        browser
    }
}

struct Answer {
    status: u16,
    headers: HeaderMap,
    body: String,
}

impl Answer {
    async fn read(response: Response) -> Self {
        let (parts, body) = response.into_parts();
        let body = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        Self { status: parts.status.as_u16(), headers: parts.headers, body }
    }

    fn is_login(&self) -> bool {
        self.status == 200 && self.field("password").is_none() && self.body.contains("name=\"password\"")
    }

    /// What a page that posts itself brings back.
    fn way_on(&self) -> String {
        assert_eq!(self.status, 200, "{}", self.body);
        assert!(self.headers[CONTENT_SECURITY_POLICY].to_str().unwrap().contains("script-src 'sha256-"));
        format!("{SEALED_REQUEST}={}", self.field(SEALED_REQUEST).unwrap_or_else(|| panic!("{}", self.body)))
    }

    fn field(&self, name: &str) -> Option<String> {
        let (_, rest) = self.body.split_once(&format!("name=\"{name}\" value=\""))?;
        let value = rest.split('"').next()?;
        let entities = [("&#x2f;", "/"), ("&quot;", "\""), ("&#x27;", "'"), ("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")];
        Some(entities.iter().fold(value.to_owned(), |value, (entity, character)| value.replace(entity, character)))
    }

    fn saml(&self) -> String {
        assert_eq!(self.status, 200, "{}", self.body);
        let response = self.field("SAMLResponse").unwrap_or_else(|| panic!("{}", self.body));
        String::from_utf8(STANDARD.decode(response).unwrap()).unwrap()
    }

    /// The assertion, if it is signed.
    async fn assertion(&self, house: &House) -> Element {
        let certificates = house.certificates().await;
        let place = Place::ChildOf(Name::new(PROTOCOL, "Response"));
        let expected = Expectations { certificates: &certificates, element: Name::new(ASSERTION, "Assertion"), place };
        xml::verify(self.saml().as_bytes(), &expected).unwrap_or_else(|error| panic!("{error}: {}", self.saml())).element().clone()
    }

    /// The response, if it is signed.
    async fn response(&self, house: &House) -> Element {
        let certificates = house.certificates().await;
        let expected = Expectations { certificates: &certificates, element: Name::new(PROTOCOL, "Response"), place: Place::Root };
        xml::verify(self.saml().as_bytes(), &expected).unwrap_or_else(|error| panic!("{error}: {}", self.saml())).element().clone()
    }

    /// The second-level status of a signed refusal, without its prefix.
    async fn refusal(&self, house: &House) -> String {
        let response = self.response(house).await;
        assert!(response.only(ASSERTION, "Assertion").is_none());
        let code = response.only(PROTOCOL, "Status").unwrap().only(PROTOCOL, "StatusCode").unwrap().only(PROTOCOL, "StatusCode").unwrap();
        code.attribute("Value").unwrap().rsplit(':').next().unwrap().to_owned()
    }
}

fn at<'a>(element: &'a Element, path: &[&str]) -> &'a Element {
    path.iter().fold(element, |element, local| element.only(ASSERTION, local).unwrap_or_else(|| panic!("no {local}")))
}

fn name_id(assertion: &Element) -> &str {
    at(assertion, &["Subject", "NameID"]).text().unwrap()
}

#[tokio::test]
async fn a_request_leads_through_the_login_to_an_assertion() {
    let house = House::build().await;
    let mut browser = Browser::default();
    let asked = browser.get(&house, &house.query("")).await;
    let back = browser.log_in(&house, &asked, "alice").await;
    let answer = browser.get(&house, &back).await;
    assert!(answer.body.contains("action=\"https:&#x2f;&#x2f;sp.example&#x2f;acs\""), "{}", answer.body);
    assert_eq!(answer.field("RelayState").as_deref(), Some("state <&\"'>"));

    let assertion = answer.assertion(&house).await;
    let issuer = entity_id(&PoolUrl::new(BASE));
    assert_eq!(at(&assertion, &["Issuer"]).text(), Some(issuer.as_str()));
    let data = at(&assertion, &["Subject", "SubjectConfirmation", "SubjectConfirmationData"]);
    assert_eq!((data.attribute("Recipient"), data.attribute("InResponseTo")), (Some(ACS), Some("_r")));
    assert_eq!(data.attribute("NotOnOrAfter"), Some("2023-11-14T22:18:20.000Z"));
    let conditions = at(&assertion, &["Conditions"]);
    assert_eq!(conditions.attribute("NotBefore"), Some("2023-11-14T22:12:20.000Z"));
    assert_eq!(at(conditions, &["AudienceRestriction", "Audience"]).text(), Some(SP));
    let statement = at(&assertion, &["AuthnStatement"]);
    assert_eq!(statement.attribute("AuthnInstant"), Some("2023-11-14T22:13:20.000Z"));
    assert_eq!(statement.attribute("SessionNotOnOrAfter"), Some("2023-11-15T10:13:20.000Z"));
    let class = at(statement, &["AuthnContext", "AuthnContextClassRef"]).text();
    assert_eq!(class, Some("urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"));
    let told: Vec<(&str, &str)> = at(&assertion, &["AttributeStatement"])
        .children()
        .iter()
        .map(|attribute| (attribute.attribute("Name").unwrap(), attribute.children()[0].text().unwrap()))
        .collect();
    assert_eq!(told, [("uid", "alice"), ("mail", "alice@acme.example"), ("displayName", "Alice \"A\" <Smith>")]);
}

#[tokio::test]
async fn the_page_runs_one_script_and_its_policy_names_it() {
    let house = House::build().await;
    let answer = Browser::logged_in(&house, "alice").await.get(&house, &house.query("")).await;
    let script = answer.body.split("<script>").nth(1).unwrap().split("</script>").next().unwrap();
    let policy = answer.headers[CONTENT_SECURITY_POLICY].to_str().unwrap();
    assert!(policy.contains(&format!("script-src 'sha256-{}'", STANDARD.encode(sha256(script.as_bytes())))), "{policy}");
    assert!(!policy.contains("form-action") && !policy.contains("unsafe-inline"), "{policy}");
    assert_eq!(answer.body.matches("<script").count(), 1);
    assert!(answer.body.contains("<noscript><button"));
}

#[tokio::test]
async fn a_session_is_answered_at_once() {
    let house = House::build().await;
    let mut browser = Browser::logged_in(&house, "alice").await;
    let first = browser.get(&house, &house.query("")).await.assertion(&house).await;
    let second = browser.get(&house, &house.query("IsPassive=\"true\"")).await.assertion(&house).await;
    assert_ne!(first.attribute("ID"), second.attribute("ID"));
    assert_eq!(at(&first, &["AuthnStatement"]).attribute("SessionIndex"), at(&second, &["AuthnStatement"]).attribute("SessionIndex"));
}

#[tokio::test]
async fn a_stored_request_is_answered_once_and_to_its_browser_only() {
    let house = House::build().await;
    let mut browser = Browser::default();
    let asked = browser.get(&house, &house.query("")).await;
    let mut other = Browser::logged_in(&house, "alice").await;
    let back = browser.log_in(&house, &asked, "alice").await;
    assert_eq!(other.get(&house, &back).await.status, 400);
    assert_eq!(Browser::default().get(&house, &back).await.status, 400);
    browser.get(&house, &back).await.assertion(&house).await;
    assert_eq!(browser.get(&house, &back).await.status, 400);
    assert_eq!(browser.get(&house, "").await.status, 400);
}

#[tokio::test]
async fn coming_back_without_a_login_leads_to_the_login_again() {
    let house = House::build().await;
    let mut browser = Browser::default();
    let asked = browser.get(&house, &house.query("")).await;
    let mut stranger = browser.clone();
    let back = browser.log_in(&house, &asked, "alice").await;
    let again = stranger.get(&house, &back).await;
    assert_eq!(stranger.log_in(&house, &again, "alice").await, back, "the same request goes on waiting");
}

#[tokio::test]
async fn a_posted_request_is_brought_back_by_the_browser_with_its_cookies() {
    let house = House::build().await;
    let mut browser = Browser::logged_in(&house, "alice").await;
    let before = browser.cookies.clone();
    let stored = house.stored_requests();
    let handed_over = browser.post(&house, &house.form("")).await;
    assert_eq!(browser.cookies, before);
    let answer = browser.go_on(&house, &handed_over).await;
    assert_eq!(browser.cookies, before);
    assert_eq!(name_id(&answer.assertion(&house).await).len(), 43);
    assert_eq!(answer.field("RelayState").as_deref(), Some("s"));
    assert_eq!(house.stored_requests(), stored, "nothing waits");
    // Another site that posts what it was given is answered like the first time, or it would part the browser from its key.
    assert_eq!(browser.post(&house, &handed_over.way_on()).await.way_on(), handed_over.way_on());
    assert_eq!(browser.cookies, before);
    house.pass(Duration::from_secs(300));
    assert_eq!(browser.go_on(&house, &handed_over).await.status, 400, "too late");
}

#[tokio::test]
async fn a_posted_request_without_a_session_leads_to_the_login() {
    let house = House::build().await;
    let mut browser = Browser::default();
    let handed_over = browser.post(&house, &house.form("")).await;
    assert!(browser.cookies.is_empty());
    let login = browser.go_on(&house, &handed_over).await;
    assert_eq!(house.stored_requests(), 0);
    let back = browser.log_in(&house, &login, "alice").await;
    browser.get(&house, &back).await.assertion(&house).await;
    assert_eq!(browser.get(&house, &back).await.status, 400);
    // Without cookies it leads to the login page and no further, not round and round.
    let mut bare = Browser::default();
    assert!(bare.go_on(&house, &handed_over).await.is_login());
}

#[tokio::test]
async fn hundreds_of_posted_requests_from_an_address_keep_nobody_there_out() {
    let house = House::build().await;
    for _ in 0..600 {
        let handed_over = Browser::default().post(&house, &house.form("")).await;
        assert_eq!(handed_over.status, 200);
        assert!(Browser::default().go_on(&house, &handed_over).await.is_login());
    }
    assert_eq!(house.stored_requests(), 0);
    let mut browser = Browser::default();
    let handed_over = browser.post(&house, &house.form("")).await;
    let login = browser.go_on(&house, &handed_over).await;
    let back = browser.log_in(&house, &login, "alice").await;
    browser.get(&house, &back).await.assertion(&house).await;
}

/// Session fixation: somebody begins a request, and lets a victim log in to it.
#[tokio::test]
async fn a_request_that_somebody_has_prepared_is_no_way_to_the_login_of_another() {
    let house = House::build().await;
    let mut attacker = Browser::default();
    let asked = attacker.get(&house, &house.query("")).await;
    let sealed = asked.field(SEALED_REQUEST).unwrap();
    let victim = Browser::logged_in(&house, "alice").await;
    let key = |browser: &Browser| {
        let request = browser.request(&house, Method::POST, "/login", "", "");
        BrowserKey::from_cookie(browser::existing(&request).unwrap().expose())
    };
    assert!(house.core.unseal(&house.pool, &sealed, Form::Login, &key(&attacker)).is_some());
    assert!(house.core.unseal(&house.pool, &sealed, Form::Login, &key(&victim)).is_none(), "it is the attacker's browser's");
    // With the attacker's key planted the victim can log in to it, and the attacker gets nothing of that.
    let mut planted = attacker.clone();
    let back = planted.log_in(&house, &asked, "alice").await;
    assert!(attacker.get(&house, &back).await.is_login());
    planted.get(&house, &back).await.assertion(&house).await;
    assert_eq!(attacker.get(&house, &back).await.status, 400);
}

#[tokio::test]
async fn a_passive_request_never_shows_a_page() {
    let house = House::build().await;
    assert_eq!(Browser::default().get(&house, &house.query("IsPassive=\"true\"")).await.refusal(&house).await, "NoPassive");
    let mut browser = Browser::logged_in(&house, "alice").await;
    assert_eq!(browser.get(&house, &house.query("IsPassive=\"true\" ForceAuthn=\"true\"")).await.refusal(&house).await, "NoPassive");
    let stored = Browser::default().post(&house, &house.form("IsPassive=\"true\"")).await;
    assert_eq!(Browser::default().go_on(&house, &stored).await.refusal(&house).await, "NoPassive");
}

#[tokio::test]
async fn a_forced_login_is_a_new_one() {
    let house = House::build().await;
    let mut browser = Browser::logged_in(&house, "alice").await;
    for posted in [false, true] {
        house.pass(Duration::from_secs(60));
        let asked = if posted {
            let handed_over = browser.post(&house, &house.form("ForceAuthn=\"true\"")).await;
            // A login that comes meanwhile was made for another request.
            house.pass(Duration::from_secs(1));
            browser = Browser::logged_in(&house, "alice").await;
            house.pass(Duration::from_secs(1));
            browser.go_on(&house, &handed_over).await
        } else {
            browser.get(&house, &house.query("ForceAuthn=\"true\"")).await
        };
        house.pass(Duration::from_secs(1));
        // Coming back with the old session is not enough.
        let mut early = browser.clone();
        early.cookies.retain(|name, _| name.ends_with("browser"));
        let elsewhere = early.log_in(&house, &asked, "alice").await;
        assert!(browser.get(&house, &elsewhere).await.is_login());
        let back = browser.log_in(&house, &asked, "alice").await;
        let assertion = browser.get(&house, &back).await.assertion(&house).await;
        let instant = wire::format_instant(house.clock.now());
        assert_eq!(at(&assertion, &["AuthnStatement"]).attribute("AuthnInstant"), Some(instant.as_str()));
    }
}

#[tokio::test]
async fn a_refusal_goes_to_the_registered_address_and_is_signed() {
    let house = House::build().await;
    for (comparison, class) in
        [("exact", "urn:x"), ("exact", MULTIPLE_FACTORS), ("minimum", MULTIPLE_FACTORS), ("better", PASSWORD_PROTECTED)]
    {
        let content = format!(
            "<samlp:RequestedAuthnContext Comparison=\"{comparison}\"><saml:AuthnContextClassRef>{class}</saml:AuthnContextClassRef></samlp:RequestedAuthnContext>"
        );
        let query = encode_query("SAMLRequest", &house.request_xml(SP, "", &content), None);
        let answer = Browser::default().get(&house, &query).await;
        assert_eq!(answer.refusal(&house).await, "NoAuthnContext", "{comparison} {class}");
        let response = answer.response(&house).await;
        assert_eq!((response.attribute("Destination"), response.attribute("InResponseTo")), (Some(ACS), Some("_r")));
    }
}

#[tokio::test]
async fn without_anybody_to_answer_to_there_is_a_page() {
    let house = House::build().await;
    let unknown = encode_query("SAMLRequest", &house.request_xml("https://unknown.example", "", ""), None);
    for (query, status) in [
        (unknown, 404),
        (house.query("AssertionConsumerServiceURL=\"https://evil.example/acs\""), 400),
        (house.query("Destination=\"https://other.example/sso\""), 400),
        ("SAMLRequest=AAAA".to_owned(), 400),
        (encode_query("SAMLRequest", "<!DOCTYPE x><x/>", None), 400),
        ("interaction=unknown".to_owned(), 400),
    ] {
        let answer = Browser::default().get(&house, &query).await;
        assert_eq!(answer.status, status, "{query}");
        assert!(!answer.body.contains("SAMLResponse") && !answer.body.contains("<form"), "{}", answer.body);
    }
    assert_eq!(Browser::default().post(&house, &format!("{SEALED_REQUEST}=unknown")).await.status, 400);
    assert_eq!(Browser::default().post(&house, "SAMLRequest=AAAA").await.status, 400);
    assert_eq!(Browser::default().post(&house, "").await.status, 400);
}

#[tokio::test]
async fn what_changed_during_the_login_counts() {
    let house = House::build().await;
    let mut browser = Browser::default();
    let asked = browser.get(&house, &house.query("")).await;
    let back = browser.log_in(&house, &asked, "alice").await;
    let mut moved = provider(SP);
    moved.acs[0].url = RedirectUri::parse("https://sp.example/acs2").unwrap();
    house.register(&moved).await;
    assert_eq!(browser.get(&house, &back).await.status, 404);
    let mut changes = Changes::new();
    delete_service_provider(&mut changes, &moved.entity_id);
    house.pool.store().commit(changes).await.unwrap();
    assert_eq!(browser.get(&house, &back).await.status, 404);
    house.register(&provider(SP)).await;
    assert_eq!(browser.get(&house, &back).await.status, 404, "it is another service provider that has the entity id now");

    let mut browser = Browser::default();
    let asked = browser.get(&house, &house.query("")).await;
    let back = browser.log_in(&house, &asked, "alice").await;
    house.register(&ServiceProvider { name: "Another name".into(), sign: Signed::Response, ..provider(SP) }).await;
    assert_eq!(browser.get(&house, &back).await.status, 200, "an edit lets what waits go on");
}

/// A NameID hangs on the entity id, so that a service provider which is deleted and registered anew finds its accounts again.
#[tokio::test]
async fn persistent_names_are_those_of_the_entity_id() {
    let house = House::build().await;
    let mut browser = Browser::logged_in(&house, "alice").await;
    let before = browser.get(&house, &house.query("")).await.assertion(&house).await;
    house.make_anew(&provider(SP)).await;
    assert_eq!(name_id(&browser.get(&house, &house.query("")).await.assertion(&house).await), name_id(&before));
}

#[tokio::test]
async fn persistent_names_stay_and_differ_between_service_providers_and_people() {
    let house = House::build().await;
    let other = "https://other.example";
    house.register(&ServiceProvider { acs: provider(SP).acs, ..provider(other) }).await;
    house.person("bob", None).await;
    let mut named = Vec::new();
    for (uid, issuer) in [("alice", SP), ("alice", SP), ("alice", other), ("bob", SP)] {
        let mut browser = Browser::logged_in(&house, uid).await;
        let query = encode_query("SAMLRequest", &house.request_xml(issuer, "", ""), None);
        let assertion = browser.get(&house, &query).await.assertion(&house).await;
        let name_id = at(&assertion, &["Subject", "NameID"]);
        assert_eq!(name_id.attribute("SPNameQualifier"), Some(issuer));
        let index = at(&assertion, &["AuthnStatement"]).attribute("SessionIndex").unwrap();
        named.push((name_id.text().unwrap().to_owned(), index.to_owned()));
    }
    assert_eq!(named[0].0, named[1].0);
    assert_ne!(named[0].1, named[1].1);
    assert_ne!(named[0].0, named[2].0);
    assert_ne!(named[0].0, named[3].0);
}

#[tokio::test]
async fn each_format_gives_its_name() {
    let house = House::build().await;
    house.person("bob", None).await;
    let mut alice = Browser::logged_in(&house, "alice").await;
    let mut bob = Browser::logged_in(&house, "bob").await;
    house.register(&ServiceProvider { name_id: NameIdFormat::EmailAddress, ..provider(SP) }).await;
    assert_eq!(name_id(&alice.get(&house, &house.query("")).await.assertion(&house).await), "alice@acme.example");
    assert_eq!(bob.get(&house, &house.query("")).await.refusal(&house).await, "InvalidNameIDPolicy");
    house.register(&ServiceProvider { name_id: NameIdFormat::Unspecified, ..provider(SP) }).await;
    assert_eq!(name_id(&bob.get(&house, &house.query("")).await.assertion(&house).await), "bob");
    house.register(&ServiceProvider { name_id: NameIdFormat::Transient, ..provider(SP) }).await;
    let first = alice.get(&house, &house.query("")).await.assertion(&house).await;
    let second = alice.get(&house, &house.query("")).await.assertion(&house).await;
    assert_ne!(name_id(&first), name_id(&second));
}

#[tokio::test]
async fn what_is_signed_is_what_was_registered() {
    let house = House::build().await;
    let mut browser = Browser::logged_in(&house, "alice").await;
    for (sign, signatures) in [(Signed::Assertion, 1), (Signed::Response, 1), (Signed::Both, 2)] {
        house.register(&ServiceProvider { sign, ..provider(SP) }).await;
        let answer = browser.get(&house, &house.query("")).await;
        assert_eq!(answer.saml().matches("<ds:Signature ").count(), signatures);
        if sign != Signed::Response {
            answer.assertion(&house).await;
        }
        if sign != Signed::Assertion {
            let response = answer.response(&house).await;
            assert!(response.only(ASSERTION, "Assertion").is_some());
        }
    }
}

#[tokio::test]
async fn a_request_of_another_face_does_not_continue_here() {
    let house = House::build().await;
    let mut browser = Browser::logged_in(&house, "alice").await;
    let new = NewInteraction {
        return_point: ReturnPoint::Authorize,
        application: "app".into(),
        payload: SsoRequest::plain(SP, "_r", ACS).to_payload(),
        demands: Demands::default(),
    };
    let other = house.core.interaction(new).unwrap();
    let handed_over = format!("{SEALED_REQUEST}={}", house.core.seal_handover(&house.pool, &other).unwrap());
    assert_eq!(browser.post(&house, &handed_over).await.status, 400);
    let request = browser.request(&house, Method::POST, "/login", "", "");
    let key = BrowserKey::from_cookie(browser::existing(&request).unwrap().expose());
    let origin = Origin { face: Face::Login, address: None };
    let password = Secret::from(PASSWORD);
    let step = house.core.login_password(&house.pool, &other, &key, "alice", &password, Kept::default(), origin).await.unwrap();
    let Step::Granted(granted) = step else { panic!("{step:?}") };
    browser.cookies.insert(cookie::name(&request, Purpose::Session), granted.session.expose().clone());
    assert_eq!(browser.get(&house, &format!("interaction={}", granted.interaction)).await.status, 400);
    let sealed = house.core.seal(&house.pool, &other, Form::Login, &key).unwrap();
    assert_eq!(browser.post(&house, &format!("{SEALED_REQUEST}={sealed}")).await.status, 400, "nor what a login page holds");
}

#[tokio::test]
async fn an_assertion_is_recorded_with_who_and_for_whom() {
    let house = House::build().await;
    let mut browser = Browser::logged_in(&house, "alice").await;
    browser.get(&house, &house.query("")).await.assertion(&house).await;
    let query = audit::Query { action: Some(Action::AssertionIssue), limit: 10, ..audit::Query::default() };
    let events = audit::query(house.pool.store(), &query).unwrap();
    assert_eq!(events.len(), 1);
    let event = events[0].1.as_ref().unwrap();
    assert_eq!((event.outcome, event.face, event.target.as_deref()), (audit::Outcome::Success, Face::Saml, Some(SP)));
    assert!(event.actor.contains("alice"), "{}", event.actor);
}

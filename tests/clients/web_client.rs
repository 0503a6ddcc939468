//! HTTP as browsers and applications speak it: cookies are kept, redirects are shown and not
//! followed.

use crate::harness::{HOME, TestServer, set_up_tls};
use poolgate::crypto::digest::{base64url, sha256};
use poolgate::entrance::SEALED_REQUEST;
use poolgate::saml::wire::encode_query;
use reqwest::header::{COOKIE, LOCATION, SET_COOKIE};
use reqwest::{Client, RequestBuilder, redirect};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// What PKCE verifiers of tests are.
const VERIFIER: &str = "a-verifier-of-forty-three-characters-or-more";

/// A browser.
#[derive(Clone)]
pub struct Browser {
    client: Client,
    cookies: BTreeMap<String, String>,
}

/// An answer, without its date.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

/// An OpenID Connect client as it is registered with a pool.
#[derive(Clone, Debug)]
pub struct Application {
    pub issuer: String,
    pub id: String,
    pub secret: String,
    pub redirect_uri: String,
}

/// A SAML service provider as it is registered with a pool.
#[derive(Clone, Debug)]
pub struct ServiceProvider {
    pub issuer: String,
    pub entity_id: String,
    pub acs: String,
}

/// A login page that a browser has before it.
#[derive(Clone, Debug)]
pub struct LoginPage {
    /// Where its form goes.
    pub action: String,
    pub form_token: String,
    /// The request of the application, which travels in the form.
    pub sealed_request: String,
}

/// What the token endpoint gave.
#[derive(Clone, Debug)]
pub struct Tokens {
    pub access: String,
    pub id: String,
}

impl Reply {
    /// The same with a text in it replaced wherever it occurs, so that answers about different
    /// names can be compared.
    pub fn without(&self, text: &str) -> Self {
        let hide = |value: &str| value.replace(text, "…");
        let headers = self.headers.iter().map(|(name, value)| (name.clone(), hide(value))).collect();
        Self { status: self.status, headers, body: hide(&self.body) }
    }

    /// The same without what is drawn anew for each answer: ids of interactions, cookies, and what
    /// forms carry.
    pub fn without_draws(&self) -> Self {
        let mut plain = self.clone();
        for (_, value) in &mut plain.headers {
            for mark in ["interaction=", "-browser=", "-session=", "-mark="] {
                *value = without_token(value, mark);
            }
        }
        for name in [SEALED_REQUEST, "form_token"] {
            for value in values(&plain.body.clone(), name) {
                plain.body = plain.body.replace(&value, "…");
            }
        }
        plain
    }

    /// The login page that this is, if it is one.
    pub fn login_page(&self) -> Option<LoginPage> {
        let is_login = self.status == 200 && self.body.contains("name=\"password\"");
        let (_, rest) = self.body.split_once("<form method=\"post\" action=\"").filter(|_| is_login)?;
        let action = rest.split('"').next()?.replace("&#x2f;", "/");
        let value = |name: &str| values(&self.body, name).into_iter().next();
        Some(LoginPage { action, form_token: value("form_token")?, sealed_request: value(SEALED_REQUEST)? })
    }

    /// The code in the place where the browser is sent, unless it is shown the login page.
    #[track_caller]
    pub fn code_unless_login(&self) -> Option<String> {
        match self.login_page() {
            Some(_) => None,
            None => Some(self.parameter("code").unwrap_or_else(|| panic!("{self:?}"))),
        }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Where the browser is sent.
    #[track_caller]
    pub fn location(&self) -> &str {
        assert_eq!(self.status, 303, "{self:?}");
        self.header(LOCATION.as_str()).unwrap()
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The value of a parameter in the query of the place where the browser is sent.
    #[track_caller]
    pub fn parameter(&self, name: &str) -> Option<String> {
        let url: url::Url = self.location().parse().unwrap();
        url.query_pairs().find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
    }
}

/// Another text of the same length and alphabet.
pub fn other(text: &str) -> String {
    text.chars()
        .map(|letter| match letter {
            'a'..='y' | 'A'..='Y' | '0'..='8' => char::from_u32(letter as u32 + 1).unwrap(),
            'z' => 'a',
            'Z' => 'A',
            '9' => '0',
            _ => letter,
        })
        .collect()
}

/// The values of the fields of that name on a page.
fn values(page: &str, name: &str) -> Vec<String> {
    let field = format!("name=\"{name}\" value=\"");
    page.split(&field).skip(1).filter_map(|rest| rest.split('"').next()).map(str::to_owned).collect()
}

/// The text with what follows the mark cut out, up to the first character that base64url does not
/// know.
fn without_token(text: &str, mark: &str) -> String {
    let Some(start) = text.find(mark).map(|found| found + mark.len()) else { return text.to_owned() };
    let token = |letter: char| letter.is_ascii_alphanumeric() || letter == '-' || letter == '_';
    let end = text[start..].find(|letter| !token(letter)).map_or(text.len(), |length| start + length);
    format!("{}…{}", &text[..start], &text[end..])
}

impl Browser {
    pub fn new() -> Self {
        Self::from(HOME)
    }

    /// A browser at another address of the loopback network.
    pub fn from(source: Ipv4Addr) -> Self {
        Self { client: Self::client(source), cookies: BTreeMap::new() }
    }

    /// Takes the browser, with its cookies, to another address of the loopback network.
    pub fn travel(&mut self, source: Ipv4Addr) {
        self.client = Self::client(source);
    }

    fn client(source: Ipv4Addr) -> Client {
        set_up_tls();
        let client = Client::builder().redirect(redirect::Policy::none()).no_proxy().local_address(IpAddr::from(source));
        client.build().unwrap()
    }

    /// The cookie of that name.
    pub fn cookie(&self, name: &str) -> Option<&str> {
        self.cookies.get(name).map(String::as_str)
    }

    /// Puts a cookie into the browser by hand.
    pub fn set_cookie(&mut self, name: &str, value: &str) {
        self.cookies.insert(name.to_owned(), value.to_owned());
    }

    pub async fn get(&mut self, url: &str) -> Reply {
        let request = self.client.get(url);
        self.send(request).await
    }

    pub async fn post(&mut self, url: &str, fields: &[(&str, &str)]) -> Reply {
        let request = self.client.post(url).form(fields);
        self.send(request).await
    }

    /// Asks with further header fields.
    pub async fn get_with(&mut self, url: &str, headers: &[(&str, &str)]) -> Reply {
        let request = self.client.get(url);
        self.send(headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))).await
    }

    /// Sends a form with further header fields.
    pub async fn post_with(&mut self, url: &str, headers: &[(&str, &str)], fields: &[(&str, &str)]) -> Reply {
        let request = self.client.post(url).form(fields);
        self.send(headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))).await
    }

    /// Asks for the claims of a person with an access token.
    pub async fn userinfo(&mut self, issuer: &str, token: &str) -> Reply {
        let request = self.client.get(format!("{issuer}/oauth2/userinfo")).bearer_auth(token);
        self.send(request).await
    }

    /// Presents a code, with the application's own secret.
    pub async fn redeem(&mut self, application: &Application, code: &str) -> Reply {
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &application.redirect_uri),
            ("code_verifier", VERIFIER),
            ("client_id", &application.id),
            ("client_secret", &application.secret),
        ];
        self.post(&format!("{}/oauth2/token", application.issuer), &fields).await
    }

    async fn send(&mut self, request: RequestBuilder) -> Reply {
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = if cookies.is_empty() { request } else { request.header(COOKIE, cookies.join("; ")) };
        let response = request.send().await.unwrap();
        for field in response.headers().get_all(SET_COOKIE) {
            let (name, rest) = field.to_str().unwrap().split_once('=').unwrap();
            match rest.split(';').next().unwrap() {
                "" => self.cookies.remove(name),
                value => self.cookies.insert(name.to_owned(), value.to_owned()),
            };
        }
        let status = response.status().as_u16();
        let fields = response.headers().iter().filter(|(name, _)| *name != "date");
        let mut headers: Vec<_> = fields.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
        headers.sort();
        Reply { status, headers, body: response.text().await.unwrap() }
    }

    /// Opens the login page that a request is answered with.
    pub async fn login_page(&mut self, url: &str) -> LoginPage {
        let reply = self.get(url).await;
        reply.login_page().unwrap_or_else(|| panic!("{reply:?}"))
    }

    /// Sends the form of a login page.
    pub async fn submit(&mut self, page: &LoginPage, username: &str, password: &str) -> Reply {
        let fields = [&page.hidden()[..], &[("username", username), ("password", password), ("submit", "login")]].concat();
        self.post(&page.action, &fields).await
    }

    /// Presses the button of a login page that leads to that upstream.
    pub async fn leave_for(&mut self, page: &LoginPage, provider: &str) -> Reply {
        self.post(&format!("{}/with/{provider}", page.action), &page.hidden()).await
    }

    /// Logs in and goes back to the face that asked.
    pub async fn log_in(&mut self, page: &LoginPage, username: &str, password: &str) -> Reply {
        let back = self.submit(page, username, password).await.location().to_owned();
        self.get(&back).await
    }

    /// A code for whoever is logged in, or logs in under that name.
    pub async fn code(&mut self, application: &Application, username: &str, password: &str) -> String {
        let reply = self.get(&application.authorize()).await;
        match reply.login_page() {
            Some(page) => self.log_in(&page, username, password).await.parameter("code").unwrap(),
            None => reply.parameter("code").unwrap(),
        }
    }

    /// Tokens for whoever logs in under that name.
    pub async fn tokens(&mut self, application: &Application, username: &str, password: &str) -> Tokens {
        let code = self.code(application, username, password).await;
        let tokens = self.redeem(application, &code).await.json();
        let text = |name: &str| tokens[name].as_str().unwrap_or_else(|| panic!("{tokens}")).to_owned();
        Tokens { access: text("access_token"), id: text("id_token") }
    }

    /// Whether the session of this browser gives the application a code at once; otherwise the
    /// browser is shown the login page.
    pub async fn is_logged_in(&mut self, application: &Application) -> bool {
        self.get(&application.authorize()).await.code_unless_login().is_some()
    }
}

impl LoginPage {
    /// The hidden fields of each of its forms.
    pub fn hidden(&self) -> [(&str, &str); 2] {
        [(SEALED_REQUEST, self.sealed_request.as_str()), ("form_token", self.form_token.as_str())]
    }
}

impl Application {
    /// The client `demo-app` of the demo's pool `acme`.
    pub fn demo(server: &TestServer) -> Self {
        Self::new(server, "acme", "demo-app", "demo-secret", "http://localhost:9090/callback")
    }

    pub fn new(server: &TestServer, slug: &str, id: &str, secret: &str, redirect_uri: &str) -> Self {
        Self { issuer: server.issuer(slug), id: id.into(), secret: secret.into(), redirect_uri: redirect_uri.into() }
    }

    /// The URL that begins a login.
    pub fn authorize(&self) -> String {
        self.authorize_with(&[])
    }

    /// The same with further parameters.
    pub fn authorize_with(&self, more: &[(&str, &str)]) -> String {
        let mut url: url::Url = format!("{}/oauth2/authorize", self.issuer).parse().unwrap();
        url.query_pairs_mut()
            .append_pair("client_id", &self.id)
            .append_pair("redirect_uri", &self.redirect_uri)
            .append_pair("response_type", "code")
            .append_pair("scope", "openid profile email")
            .append_pair("code_challenge", &base64url(&sha256(VERIFIER.as_bytes())))
            .append_pair("code_challenge_method", "S256")
            .extend_pairs(more);
        url.into()
    }
}

impl ServiceProvider {
    /// The service provider of the demo's pool `acme`.
    pub fn demo(server: &TestServer) -> Self {
        Self::new(server, "acme", "http://localhost:9091/metadata", "http://localhost:9091/acs")
    }

    pub fn new(server: &TestServer, slug: &str, entity_id: &str, acs: &str) -> Self {
        Self { issuer: server.issuer(slug), entity_id: entity_id.into(), acs: acs.into() }
    }

    /// The URL that begins a single sign-on, over HTTP-Redirect.
    pub fn sign_on(&self, server: &TestServer) -> String {
        self.redirected(&self.request(server, ""))
    }

    /// The URL that brings that request over HTTP-Redirect.
    pub fn redirected(&self, request: &str) -> String {
        format!("{}/saml2/sso?{}", self.issuer, encode_query("SAMLRequest", request, None))
    }

    /// A request, with further attributes.
    pub fn request(&self, server: &TestServer, attributes: &str) -> String {
        use poolgate::model::Clock;
        let now = OffsetDateTime::from_unix_timestamp(server.clock.now().seconds()).unwrap().format(&Rfc3339).unwrap();
        let Self { issuer, entity_id, acs } = self;
        format!(
            "<samlp:AuthnRequest xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\" \
             ID=\"_request\" Version=\"2.0\" IssueInstant=\"{now}\" Destination=\"{issuer}/saml2/sso\" \
             AssertionConsumerServiceURL=\"{acs}\" {attributes}><saml:Issuer>{entity_id}</saml:Issuer></samlp:AuthnRequest>"
        )
    }
}

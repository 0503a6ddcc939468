//! One person's way through everything, and each proof that they have at hand on it.

use super::pages::{self, Form, ends_session, given};
use super::theirs;
use crate::harness::TestServer;
use crate::web_client::{Application, Browser, LoginPage, Reply, ServiceProvider};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use poolgate::crypto::digest::{base64url, hmac, sha256};

pub const PASSWORD: &str = "alice-demo-password";

pub const SESSION: &str = "poolgate-1-session";
pub const KEY: &str = "poolgate-1-browser";
pub const MARK: &str = "poolgate-1-mark";

/// What takes a proof. Those that end the session stand at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    SessionCookie,
    BrowserCookie,
    AuthorizeReturn,
    AuthorizeHint,
    AuthorizeHandover,
    SamlHandover,
    SamlReturn,
    Leave,
    UpstreamReturn,
    Token,
    Userinfo,
    /// With the form token that belongs to it.
    Consent,
    Login,
    LoginForm,
    LogoutForm,
    OidcLogoutForm,
    LogoutHint,
}

pub const STEPS: [Step; 17] = [
    Step::SessionCookie,
    Step::BrowserCookie,
    Step::AuthorizeReturn,
    Step::AuthorizeHint,
    Step::AuthorizeHandover,
    Step::SamlHandover,
    Step::SamlReturn,
    Step::Leave,
    Step::UpstreamReturn,
    Step::Token,
    Step::Userinfo,
    Step::Consent,
    Step::Login,
    Step::LoginForm,
    Step::LogoutForm,
    Step::OidcLogoutForm,
    Step::LogoutHint,
];

impl Step {
    /// Whether what it takes belongs to one browser; other proofs are good for whoever has them.
    pub const fn is_of_a_browser(self) -> bool {
        use Step::{AuthorizeReturn, Consent, Leave, Login, LoginForm, LogoutForm, OidcLogoutForm, SamlReturn, UpstreamReturn};
        matches!(self, AuthorizeReturn | SamlReturn | Leave | UpstreamReturn | Consent | Login | LoginForm | LogoutForm | OidcLogoutForm)
    }

    /// Whether the answer says that the proof was taken.
    pub fn takes(self, reply: &Reply) -> bool {
        match self {
            Self::Login | Self::LoginForm => given(reply) == ["session", "mark"],
            Self::SessionCookie | Self::Consent | Self::AuthorizeHandover | Self::AuthorizeHint => given(reply) == ["code"],
            Self::SamlHandover | Self::SamlReturn => given(reply) == ["assertion"],
            Self::AuthorizeReturn | Self::BrowserCookie => {
                pages::find_form(reply).is_some_and(|form| form.action.ends_with("/oauth2/consent"))
            }
            Self::Leave => reply.header("location").is_some_and(|url| url.contains("/pools/suppliers/oauth2/authorize?")),
            // It is asked for, and knows nothing of such a code.
            Self::UpstreamReturn => reply.status == 403,
            Self::Token => given(reply) == ["tokens"],
            Self::Userinfo => given(reply) == ["claims"],
            Self::LogoutForm | Self::OidcLogoutForm | Self::LogoutHint => ends_session(reply),
        }
    }
}

/// What one step has given, and the steps that may take it.
pub struct Proof {
    pub name: &'static str,
    pub text: String,
    pub steps: &'static [Step],
}

/// A person's way through everything.
pub struct Attempt {
    issuer: String,
    demo: Application,
    login: LoginPage,
    question: Form,
    waiting: String,
    session: String,
    pub proofs: Vec<Proof>,
}

/// What the form token of a login page is, for a request that is carried by a browser.
pub fn login_token(browser: &Browser, sealed: &str) -> String {
    let purpose = format!("login {}", base64url(&sha256(sealed.as_bytes())));
    base64url(&hmac(browser.cookie(KEY).unwrap_or_default().as_bytes(), purpose.as_bytes()))
}

/// The parameters of a URL.
pub fn parameters(url: &str) -> Vec<(String, String)> {
    url::Url::parse(url).unwrap().query_pairs().into_owned().collect()
}

/// Sends fields that are owned.
pub async fn post(browser: &mut Browser, url: &str, fields: &[(String, String)]) -> Reply {
    let fields: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    browser.post(url, &fields).await
}

/// What stands behind `interaction=` in the place where a browser is sent after a login.
#[track_caller]
fn waiting(reply: &Reply) -> String {
    reply.location().split_once("interaction=").unwrap_or_else(|| panic!("{reply:?}")).1.to_owned()
}

impl Attempt {
    /// Goes the whole way as alice, without using up what it gives.
    pub async fn of_alice(server: &TestServer) -> (Self, Browser) {
        let (demo, theirs, provider) = (Application::demo(server), theirs(server), ServiceProvider::demo(server));
        let issuer = server.issuer("acme");
        let mut browser = Browser::new();
        let login = browser.login_page(&demo.authorize()).await;
        let (oidc, saml) = (browser.login_page(&theirs.authorize()).await, browser.login_page(&provider.sign_on(server)).await);
        let at_saml = waiting(&browser.submit(&saml, "alice", PASSWORD).await);
        let at_authorize = waiting(&browser.submit(&oidc, "alice", PASSWORD).await);
        let question = pages::form(&browser.get(&format!("{issuer}/oauth2/authorize?interaction={at_authorize}")).await);

        let posted = post(&mut browser, &format!("{issuer}/oauth2/authorize"), &parameters(&demo.authorize())).await;
        let authorize_handover = pages::form(&posted).value("sealed_request").to_owned();
        let request = STANDARD.encode(provider.request(server, ""));
        let posted = browser.post(&format!("{issuer}/saml2/sso"), &[("SAMLRequest", &request)]).await;
        let saml_handover = pages::form(&posted).value("sealed_request").to_owned();
        let anew = browser.login_page(&demo.authorize_with(&[("prompt", "login")])).await;
        let state = browser.leave_for(&anew, "suppliers").await.parameter("state").unwrap();

        let tokens = browser.tokens(&demo, "alice", PASSWORD).await;
        let code = browser.code(&demo, "alice", PASSWORD).await;
        let logout = pages::form(&browser.get(&format!("{issuer}/logout")).await);
        let oidc_logout = pages::form(&browser.get(&format!("{issuer}/oauth2/logout")).await);
        let cookie = |name: &str| browser.cookie(name).unwrap().to_owned();
        let proofs = [
            ("the request in the login page", login.sealed_request.clone(), &[Step::Login, Step::Leave][..]),
            ("the form token of the login page", login.form_token.clone(), &[Step::LoginForm]),
            ("the request in the question", question.value("sealed_request").to_owned(), &[Step::Consent]),
            ("the form token of the question", question.value("form_token").to_owned(), &[]),
            ("a request that was posted to the authorization endpoint", authorize_handover, &[Step::AuthorizeHandover]),
            ("a request that was posted to single sign-on", saml_handover, &[Step::SamlHandover]),
            ("the name of a request of OpenID Connect", at_authorize.clone(), &[Step::AuthorizeReturn]),
            ("the name of a request of SAML", at_saml, &[Step::SamlReturn]),
            ("the state that an upstream was given", state, &[Step::UpstreamReturn]),
            ("a code", code, &[Step::Token]),
            ("an access token", tokens.access, &[Step::Userinfo]),
            ("an ID token", tokens.id, &[Step::AuthorizeHint, Step::LogoutHint]),
            ("a session", cookie(SESSION), &[Step::SessionCookie]),
            ("the key of a browser", cookie(KEY), &[Step::BrowserCookie]),
            ("the mark of a browser", cookie(MARK), &[]),
            ("the form token of the logout", logout.value("form_token").to_owned(), &[Step::LogoutForm]),
            ("the form token of the other logout", oidc_logout.value("form_token").to_owned(), &[Step::OidcLogoutForm]),
        ];
        let proofs = proofs.into_iter().map(|(name, text, steps)| Proof { name, text, steps }).collect();
        let session = cookie(SESSION);
        (Self { issuer, demo, login, question, waiting: at_authorize, session, proofs }, browser)
    }

    /// Offers a text to a step, from that browser and with everything else that the step needs.
    pub async fn offer(&self, browser: &mut Browser, step: Step, text: &str) -> Reply {
        let url = |path: &str| format!("{}{path}", self.issuer);
        let (sealed, credentials) = (("sealed_request", text), [("username", "alice"), ("password", PASSWORD)]);
        match step {
            Step::Login | Step::Leave => {
                let token = login_token(browser, text);
                let path = if step == Step::Login { "/login" } else { "/login/with/suppliers" };
                browser.post(&url(path), &[&[sealed, ("form_token", &token)][..], &credentials].concat()).await
            }
            Step::LoginForm => {
                let fields = [("sealed_request", self.login.sealed_request.as_str()), ("form_token", text)];
                browser.post(&url("/login"), &[&fields[..], &credentials].concat()).await
            }
            Step::Consent => {
                let token = self.question.value("form_token");
                browser.post(&url("/oauth2/consent"), &[sealed, ("form_token", token), ("decision", "allow")]).await
            }
            Step::AuthorizeHandover => browser.post(&url("/oauth2/authorize"), &[sealed]).await,
            Step::SamlHandover => browser.post(&url("/saml2/sso"), &[sealed]).await,
            Step::AuthorizeReturn => browser.get(&url(&format!("/oauth2/authorize?interaction={text}"))).await,
            Step::SamlReturn => browser.get(&url(&format!("/saml2/sso?interaction={text}"))).await,
            Step::UpstreamReturn => browser.get(&url(&format!("/oauth2/idpresponse?code=x&state={text}"))).await,
            Step::Token => browser.redeem(&self.demo, text).await,
            Step::Userinfo => browser.userinfo(&self.issuer, text).await,
            Step::AuthorizeHint => browser.get(&self.demo.authorize_with(&[("id_token_hint", text)])).await,
            Step::LogoutHint => browser.get(&url(&format!("/oauth2/logout?id_token_hint={text}"))).await,
            Step::SessionCookie => {
                let mut fresh = Browser::new();
                fresh.set_cookie(SESSION, text);
                fresh.get(&self.demo.authorize()).await
            }
            Step::BrowserCookie => {
                let mut fresh = Browser::new();
                fresh.set_cookie(SESSION, &self.session);
                fresh.set_cookie(KEY, text);
                fresh.get(&url(&format!("/oauth2/authorize?interaction={}", self.waiting))).await
            }
            Step::LogoutForm => browser.post(&url("/logout"), &[("form_token", text)]).await,
            Step::OidcLogoutForm => browser.post(&url("/oauth2/logout"), &[("form_token", text)]).await,
        }
    }
}

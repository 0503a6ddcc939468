//! The `openidconnect` crate as relying party, through the whole code flow.

use crate::browser::{Browser, Page};
use crate::harness::TestServer;
use openidconnect::core::{
    CoreAuthPrompt, CoreClient, CoreIdToken, CoreIdTokenClaims, CoreJwsSigningAlgorithm, CoreResponseType, CoreTokenResponse,
    CoreUserInfoClaims,
};
use openidconnect::{
    AccessToken, AuthenticationFlow, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointMaybeSet, EndpointNotSet, EndpointSet,
    HttpRequest, HttpResponse, IssuerUrl, LogoutRequest, Nonce, OAuth2TokenResponse, PkceCodeChallenge, PkceCodeVerifier,
    PostLogoutRedirectUrl, ProviderMetadataWithLogout, RedirectUrl, RequestTokenError, Scope, SubjectIdentifier, TokenResponse,
    UserInfoError, http,
};
use std::collections::HashMap;
use std::time::Duration;

const CALLBACK: &str = "http://127.0.0.1:9090/callback";
const LOGGED_OUT: &str = "http://127.0.0.1:9090/logged-out";

type ReadyClient = CoreClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointMaybeSet, EndpointMaybeSet>;

/// An application that lets the crate do everything.
pub struct Application {
    id: String,
    secret: Option<String>,
    callback: String,
    algorithm: CoreJwsSigningAlgorithm,
    metadata: ProviderMetadataWithLogout,
}

/// An authorization request, and what must be kept until its answer comes.
pub struct Asked {
    pub url: String,
    state: String,
    nonce: Nonce,
    verifier: PkceCodeVerifier,
}

impl Application {
    /// Discovers the provider. The crate checks that the document is the issuer's own.
    pub async fn discover(issuer: &str, id: &str, secret: Option<&str>) -> Self {
        let metadata = ProviderMetadataWithLogout::discover_async(IssuerUrl::new(issuer.to_owned()).unwrap(), &send).await.unwrap();
        let secret = secret.map(str::to_owned);
        Self {
            id: id.to_owned(),
            secret,
            callback: CALLBACK.to_owned(),
            algorithm: CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
            metadata,
        }
    }

    /// The demo's own application.
    pub async fn demo(server: &TestServer) -> Self {
        Self::discover(&server.issuer("acme"), "demo-app", Some("demo-secret")).await
    }

    fn client(&self) -> ReadyClient {
        let secret = self.secret.clone().map(ClientSecret::new);
        CoreClient::from_provider_metadata(self.metadata.clone(), ClientId::new(self.id.clone()), secret)
            .set_redirect_uri(RedirectUrl::new(self.callback.clone()).unwrap())
    }

    /// A request with PKCE, state and nonce, for all that the scopes tell.
    pub fn ask(&self, prompt: Option<CoreAuthPrompt>) -> Asked {
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let client = self.client();
        let flow = AuthenticationFlow::<CoreResponseType>::AuthorizationCode;
        let mut request = client.authorize_url(flow, CsrfToken::new_random, Nonce::new_random).set_pkce_challenge(challenge);
        request = request.add_scopes(["profile", "email", "groups"].map(|scope| Scope::new(scope.to_owned())));
        if let Some(prompt) = prompt {
            request = request.add_prompt(prompt);
        }
        let (url, state, nonce) = request.url();
        Asked { url: url.into(), state: state.secret().clone(), nonce, verifier }
    }

    /// What came back to the callback: an answer to this request and of this issuer (RFC 9207).
    #[track_caller]
    pub fn answer(&self, asked: &Asked, page: &Page) -> HashMap<String, String> {
        let answer = page.answer();
        assert!(page.left_for.as_ref().unwrap().as_str().starts_with(&format!("{}?", self.callback)), "{:?}", page.left_for);
        assert_eq!(answer.get("state"), Some(&asked.state));
        assert_eq!(answer.get("iss").map(String::as_str), Some(self.metadata.issuer().as_str()));
        answer
    }

    /// Exchanges the code; an error is the code that the token endpoint answers with.
    async fn exchange(&self, code: &str, verifier: PkceCodeVerifier) -> Result<CoreTokenResponse, String> {
        let client = self.client();
        let request = client.exchange_code(AuthorizationCode::new(code.to_owned())).unwrap().set_pkce_verifier(verifier);
        request.request_async(&send).await.map_err(|error| match error {
            RequestTokenError::ServerResponse(response) => response.error().to_string(),
            other => panic!("{other}"),
        })
    }

    /// Exchanges the code of that page and verifies the ID token: signature, issuer, audience,
    /// time, nonce.
    pub async fn redeem(&self, asked: Asked, page: &Page) -> LoggedIn {
        let answer = self.answer(&asked, page);
        let code = answer.get("code").unwrap_or_else(|| panic!("{answer:?}"));
        let tokens = self.exchange(code, asked.verifier).await.unwrap();
        let id_token = tokens.id_token().unwrap().clone();
        let client = self.client();
        let verifier = client.id_token_verifier().set_allowed_algs([self.algorithm.clone()]);
        let claims = id_token.claims(&verifier, &asked.nonce).unwrap().clone();
        LoggedIn { access_token: tokens.access_token().clone(), id_token, claims }
    }

    /// Opens a request and logs in on the page that comes.
    pub async fn log_in(&self, browser: &Browser, username: &str) -> LoggedIn {
        let asked = self.ask(None);
        let page = browser.open(&asked.url).await;
        let password = format!("{username}-demo-password");
        let page = browser.submit(&page, &[("username", username), ("password", &password)]).await;
        self.redeem(asked, &page).await
    }

    /// Asks for a code without showing anything, and gives the error.
    pub async fn silently(&self, browser: &Browser) -> Option<String> {
        let asked = self.ask(Some(CoreAuthPrompt::None));
        let page = browser.open(&asked.url).await;
        self.answer(&asked, &page).remove("error")
    }

    /// What userinfo tells about that very person, or the status that it refuses with.
    pub async fn user_info(&self, access_token: &AccessToken, subject: &SubjectIdentifier) -> Result<CoreUserInfoClaims, u16> {
        let client = self.client();
        let request = client.user_info(access_token.clone(), Some(subject.clone())).unwrap();
        request.request_async(&send).await.map_err(|error| match error {
            UserInfoError::Response(status, ..) => status.as_u16(),
            other => panic!("{other}"),
        })
    }
}

/// What an application holds after a login.
pub struct LoggedIn {
    pub access_token: AccessToken,
    pub id_token: CoreIdToken,
    pub claims: CoreIdTokenClaims,
}

impl LoggedIn {
    /// The name that the person has at the provider.
    pub fn username(&self) -> &str {
        self.claims.preferred_username().unwrap().as_str()
    }
}

/// The crate's requests, over plain HTTP and without following redirects.
async fn send(request: HttpRequest) -> Result<HttpResponse, reqwest::Error> {
    let http = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build()?;
    let response = http.execute(request.try_into()?).await?;
    let mut answer = http::Response::builder().status(response.status());
    *answer.headers_mut().unwrap() = response.headers().clone();
    Ok(answer.body(response.bytes().await?.into()).unwrap())
}

/// A browser that knows this server.
pub fn browser(server: &TestServer) -> Browser {
    Browser::new([server.running.addresses().public_url.as_str()])
}

#[tokio::test(flavor = "multi_thread")]
async fn the_code_flow_from_login_to_logout() {
    let server = TestServer::demo().await;
    let create = ["client", "create", "portal", "--pool", "acme", "--first-party", "--secret-stdin", "--redirect-uri", CALLBACK];
    let create = create.into_iter().chain(["--post-logout-redirect-uri", LOGGED_OUT]);
    server.program(create).input("portal-secret\n").run().await.good();
    let portal = Application::discover(&server.issuer("acme"), "portal", Some("portal-secret")).await;
    let browser = browser(&server);

    assert_eq!(portal.silently(&browser).await.as_deref(), Some("login_required"));
    let alice = portal.log_in(&browser, "alice").await;
    assert_eq!(alice.username(), "alice");
    assert_eq!(alice.claims.email().unwrap().as_str(), "alice@acme.example");
    assert_eq!(alice.claims.name().unwrap().get(None).unwrap().as_str(), "Alice Archer");
    assert_eq!(alice.claims.auth_method_refs().unwrap()[0].as_str(), "pwd");
    assert!(alice.claims.auth_time().is_some());

    let info = portal.user_info(&alice.access_token, alice.claims.subject()).await.unwrap();
    assert_eq!(info.email().unwrap().as_str(), "alice@acme.example");
    assert_eq!(info.family_name().unwrap().get(None).unwrap().as_str(), "Archer");

    // The session is there: another application asks and nothing is shown.
    let demo = Application::demo(&server).await;
    assert_eq!(demo.silently(&browser).await, None);
    let asked = demo.ask(None);
    let page = browser.open(&asked.url).await;
    assert_eq!(demo.redeem(asked, &page).await.claims.subject(), alice.claims.subject());

    // The application asks for a new login all the same.
    let asked = demo.ask(Some(CoreAuthPrompt::Login));
    let page = browser.open(&asked.url).await;
    let page = browser.submit(&page, &[("username", "alice"), ("password", "alice-demo-password")]).await;
    demo.redeem(asked, &page).await;

    let endpoint = portal.metadata.additional_metadata().end_session_endpoint.clone().unwrap();
    let request = LogoutRequest::from(endpoint)
        .set_id_token_hint(&alice.id_token)
        .set_post_logout_redirect_uri(PostLogoutRedirectUrl::new(LOGGED_OUT.to_owned()).unwrap())
        .set_state(CsrfToken::new("after".to_owned()));
    let page = browser.open(request.http_get_url()).await;
    assert_eq!(page.left_for.unwrap().as_str(), format!("{LOGGED_OUT}?state=after"));
    assert_eq!(portal.silently(&browser).await.as_deref(), Some("login_required"));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_takes_back_what_was_given_in_the_session() {
    let server = TestServer::demo().await;
    let demo = Application::demo(&server).await;
    let browser = browser(&server);
    let alice = demo.log_in(&browser, "alice").await;
    let endpoint = demo.metadata.additional_metadata().end_session_endpoint.clone().unwrap();

    // Without proof of whose session it is, the person is asked.
    let page = browser.open(LogoutRequest::from(endpoint).http_get_url()).await;
    page.shown(200);
    demo.user_info(&alice.access_token, alice.claims.subject()).await.unwrap();
    browser.submit(&page, &[]).await.shown(200);
    assert_eq!(demo.user_info(&alice.access_token, alice.claims.subject()).await.unwrap_err(), 401);
    assert_eq!(demo.silently(&browser).await.as_deref(), Some("login_required"));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn es256_and_public_clients() {
    let server = TestServer::demo().await;
    let create = ["client", "create", "--pool", "acme", "--first-party", "--redirect-uri"];
    server.poolgate(&[&create[..], &[CALLBACK, "--id-token-alg", "ES256", "--public", "curves"]].concat()).await.good();
    server.poolgate(&[&create[..], &["http://127.0.0.1/callback", "--public", "native"]].concat()).await.good();
    let browser = browser(&server);

    let mut curves = Application::discover(&server.issuer("acme"), "curves", None).await;
    curves.algorithm = CoreJwsSigningAlgorithm::EcdsaP256Sha256;
    let bob = curves.log_in(&browser, "bob").await;
    assert_eq!(bob.username(), "bob");

    // An application on the person's device listens on whatever port is free (RFC 8252, section
    // 7.3).
    let mut native = Application::discover(&server.issuer("acme"), "native", None).await;
    "http://127.0.0.1:49152/callback".clone_into(&mut native.callback);
    // So could any other program: it gets nothing behind the person's back (RFC 8252, section 8.6).
    assert_eq!(native.silently(&browser).await.as_deref(), Some("interaction_required"));
    let asked = native.ask(None);
    let question = browser.open(&asked.url).await;
    assert!(question.shown(200).contains("a program on this device"), "{}", question.text);
    let page = browser.submit(&question, &[]).await;
    assert_eq!(native.redeem(asked, &page).await.claims.subject(), bob.claims.subject());
    assert_eq!(native.silently(&browser).await.as_deref(), Some("interaction_required"), "and each time anew");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_client_holds_ends_when_it_is_revoked_or_made_anew_and_not_by_a_new_secret() {
    let server = TestServer::demo().await;
    let create = ["client", "create", "shop", "--pool", "acme", "--first-party", "--secret-stdin", "--redirect-uri", CALLBACK];
    let with_secret = async |arguments: &[&str], secret: &str| {
        server.program(arguments.iter().copied()).input(&format!("{secret}\n")).run().await.good();
    };
    with_secret(&create, "the first secret of the shop").await;
    let mut shop = Application::discover(&server.issuer("acme"), "shop", Some("the first secret of the shop")).await;
    let browser = browser(&server);
    let mut alice = shop.log_in(&browser, "alice").await;
    let told = async |shop: &Application, alice: &LoggedIn| shop.user_info(&alice.access_token, alice.claims.subject()).await.is_ok();
    assert!(told(&shop, &alice).await);

    let pool = ["--pool", "acme", "shop"];
    let new_secret = [&["client", "secret", "--stdin"][..], &pool].concat();
    let steps = [
        ("a new secret", new_secret.clone(), true),
        ("a new secret that revokes", [&new_secret[..], &["--revoke"]].concat(), false),
        ("revoked", [&["client", "revoke"][..], &pool].concat(), false),
    ];
    for (number, (step, arguments, goes_on)) in steps.into_iter().enumerate() {
        let secret = format!("secret number {number} of the shop");
        with_secret(&arguments, &secret).await;
        assert_eq!(told(&shop, &alice).await, goes_on, "{step}");
        if arguments.contains(&"--stdin") {
            shop.secret = Some(secret);
        }
        let asked = shop.ask(None);
        let page = browser.open(&asked.url).await;
        alice = shop.redeem(asked, &page).await;
        assert!(told(&shop, &alice).await, "{step}");
    }
    server.poolgate(&[&["client", "delete"][..], &pool].concat()).await.good();
    assert!(!told(&shop, &alice).await);
    with_secret(&create, "the first secret of the shop").await;
    assert!(!told(&shop, &alice).await, "another shop");

    let made = server.json(&[&["client", "secret"][..], &pool].concat()).await;
    shop.secret = Some(made["secret"].as_str().unwrap().to_owned());
    let asked = shop.ask(None);
    let page = browser.open(&asked.url).await;
    assert!(told(&shop, &shop.redeem(asked, &page).await).await);
    for (arguments, complaint) in [(["client", "secret", "nobody"], "no client"), (["client", "revoke", "nobody"], "no client")] {
        let refused = server.poolgate(&[&arguments[..], &["--pool", "acme"]].concat()).await;
        assert!(refused.code(1).complaint().contains(complaint), "{}", refused.complaint());
    }
    server.poolgate(&["client", "create", "open", "--pool", "acme", "--public", "--redirect-uri", CALLBACK]).await.good();
    let refused = server.poolgate(&["client", "secret", "open", "--pool", "acme"]).await;
    assert!(refused.code(1).complaint().contains("public"), "{}", refused.complaint());
    let audited = server.json(&["audit", "--pool", "acme", "--action", "token-revoke"]).await;
    assert_eq!(audited.as_array().unwrap().len(), 2, "{audited}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_that_comes_twice_takes_the_token_back() {
    let server = TestServer::demo().await;
    let demo = Application::demo(&server).await;
    let browser = browser(&server);
    let asked = demo.ask(None);
    let page = browser.open(&asked.url).await;
    let page = browser.submit(&page, &[("username", "alice"), ("password", "alice-demo-password")]).await;
    let code = demo.answer(&asked, &page).remove("code").unwrap();
    let again = PkceCodeVerifier::new(asked.verifier.secret().clone());

    let tokens = demo.exchange(&code, asked.verifier).await.unwrap();
    let subject = SubjectIdentifier::new(server.uuid("acme", "alice").await);
    demo.user_info(tokens.access_token(), &subject).await.unwrap();
    assert_eq!(demo.exchange(&code, again).await.unwrap_err(), "invalid_grant");
    assert_eq!(demo.user_info(tokens.access_token(), &subject).await.unwrap_err(), 401);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn codes_and_tokens_end_by_time_and_codes_need_their_verifier() {
    let server = TestServer::demo().await;
    let demo = Application::demo(&server).await;
    let browser = browser(&server);
    let alice = demo.log_in(&browser, "alice").await;
    let code = async || {
        let asked = demo.ask(None);
        let page = browser.open(&asked.url).await;
        (demo.answer(&asked, &page).remove("code").unwrap(), asked.verifier)
    };
    let (stolen, _) = code().await;
    let (_, other_verifier) = PkceCodeChallenge::new_random_sha256();
    assert_eq!(demo.exchange(&stolen, other_verifier).await.unwrap_err(), "invalid_grant");

    let (late, verifier) = code().await;
    server.clock.advance(Duration::from_secs(60));
    assert_eq!(demo.exchange(&late, verifier).await.unwrap_err(), "invalid_grant");

    demo.user_info(&alice.access_token, alice.claims.subject()).await.unwrap();
    server.clock.advance(Duration::from_secs(9 * 60));
    assert_eq!(demo.user_info(&alice.access_token, alice.claims.subject()).await.unwrap_err(), 401);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_vouches_for_is_never_redirected_to() {
    let server = TestServer::demo().await;
    let browser = browser(&server);
    let mut demo = Application::demo(&server).await;
    for callback in ["http://127.0.0.1:9090/callback/", "http://127.0.0.1:9091/callback", "https://evil.example/callback"] {
        callback.clone_into(&mut demo.callback);
        browser.open(demo.ask(None).url).await.shown(400);
        browser.open(demo.ask(Some(CoreAuthPrompt::None)).url).await.shown(400);
    }
    CALLBACK.clone_into(&mut demo.callback);
    "nobody".clone_into(&mut demo.id);
    browser.open(demo.ask(None).url).await.shown(400);

    // An application that is not who it says it is gets nothing for a code.
    "demo-app".clone_into(&mut demo.id);
    demo.secret = Some("guessed".to_owned());
    let asked = demo.ask(None);
    let page = browser.open(&asked.url).await;
    let page = browser.submit(&page, &[("username", "alice"), ("password", "alice-demo-password")]).await;
    let code = demo.answer(&asked, &page).remove("code").unwrap();
    assert_eq!(demo.exchange(&code, asked.verifier).await.unwrap_err(), "invalid_client");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_stays_on_the_page_and_an_application_of_others_asks_for_consent() {
    let server = TestServer::demo().await;
    let create = ["client", "create", "guest", "--pool", "acme", "--redirect-uri", CALLBACK, "--secret-stdin"];
    server.poolgate_with_input(&create, "the secret of a guest").await.good();
    let guest = Application::discover(&server.issuer("acme"), "guest", Some("the secret of a guest")).await;
    let browser = browser(&server);
    let asked = guest.ask(None);
    let page = browser.open(&asked.url).await;
    let wrong = browser.submit(&page, &[("username", "alice"), ("password", "wrong")]).await;
    let unknown = browser.submit(&page, &[("username", "nobody"), ("password", "wrong")]).await;
    assert_eq!(wrong.shown(401).replace("alice", "nobody"), unknown.shown(401));

    let consent = browser.submit(&wrong, &[("username", "alice"), ("password", "alice-demo-password")]).await;
    assert!(consent.shown(200).contains("your mail address"), "{}", consent.text);
    let page = browser.submit(&consent, &[]).await;
    let alice = guest.redeem(asked, &page).await;
    assert_eq!(alice.username(), "alice");

    // What was allowed is remembered; an application can have it asked again, and what is declined
    // is forgotten.
    assert_eq!(guest.silently(&browser).await, None);
    let asked = guest.ask(Some(CoreAuthPrompt::Consent));
    let consent = browser.open(&asked.url).await;
    let page = browser.submit(&consent, &[("decision", "deny")]).await;
    assert_eq!(guest.answer(&asked, &page).get("error").unwrap(), "access_denied");
    assert_eq!(guest.silently(&browser).await.as_deref(), Some("consent_required"));

    // A program on the device is asked about each time; an application on the web without a secret
    // is not.
    const SPA: &str = "https://spa.example/callback";
    for (id, callback, expected) in [("native", CALLBACK, Some("interaction_required")), ("spa", SPA, None)] {
        server.poolgate(&["client", "create", id, "--pool", "acme", "--public", "--redirect-uri", callback]).await.good();
        let mut application = Application::discover(&server.issuer("acme"), id, None).await;
        callback.clone_into(&mut application.callback);
        assert_eq!(application.silently(&browser).await.as_deref(), Some("consent_required"), "{id}");
        let asked = application.ask(None);
        let consent = browser.open(&asked.url).await;
        let page = browser.submit(&consent, &[]).await;
        assert_eq!(application.redeem(asked, &page).await.username(), "alice");
        assert_eq!(application.silently(&browser).await.as_deref(), expected, "{id}");
    }
    server.stop().await;
}

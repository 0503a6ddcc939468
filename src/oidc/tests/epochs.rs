//! What a client was given ends with it, and whoever is registered under its identifier later
//! inherits nothing. What is edited goes on.

use super::*;
use crate::crypto::digest;
use crate::oidc::{authorize, consent, logout, token, userinfo};
use crate::web::csrf;

/// Everything that a client and a browser hold: what each of it does for them is tried by
/// [`Held::works`].
struct Held {
    cookies: String,
    access_token: String,
    id_token: String,
    code: String,
    /// A consent page that waits for its answer.
    page: Page,
}

struct Page {
    sealed: String,
    form_token: String,
}

/// What is tried, in this order.
const ALL: [&str; 5] = ["access token", "consent", "code", "open page", "hint"];

async fn get(provider: &Provider, path: &str, cookies: &str) -> Response {
    let request = with(provider.request(Method::GET, path), "cookie", cookies);
    answered(authorize::get(&provider.app, &request).await, &request)
}

async fn open_consent_page(provider: &Provider, cookies: &str) -> Page {
    let page = text(get(provider, &authorize_path("third", "&prompt=consent"), cookies).await).await;
    Page { sealed: field(&page, SEALED_REQUEST), form_token: field(&page, csrf::FIELD) }
}

/// Whether a code is given for the answer.
async fn allow(provider: &Provider, page: &Page, cookies: &str) -> bool {
    let form = format!("{SEALED_REQUEST}={}&decision=allow&form_token={}", page.sealed, page.form_token);
    let request = with(provider.form("/oauth2/consent", &form), "cookie", cookies);
    header(&answered(consent::post(&provider.app, &request).await, &request), "location").contains("code=")
}

async fn redeem(provider: &Provider, code: &str) -> Option<Value> {
    let body = format!(
        "grant_type=authorization_code&code={code}&redirect_uri={REDIRECT}&code_verifier={VERIFIER}&client_id=third&client_secret={SECRET}"
    );
    let request = provider.form("/oauth2/token", &body);
    let (status, tokens) = json(answered(token::post(&provider.app, &request).await, &request)).await;
    (status == StatusCode::OK).then_some(tokens)
}

impl Held {
    async fn by(provider: &Provider) -> Self {
        let cookies = provider.browser_with_session().await;
        let agreed = open_consent_page(provider, &cookies).await;
        assert!(allow(provider, &agreed, &cookies).await);
        let name = || digest::token(provider.app.core.entropy.as_ref()).expose().clone();
        let (first, unused) = (name(), name());
        provider.code(&first, "third").await;
        let tokens = redeem(provider, &first).await.unwrap();
        provider.code(&unused, "third").await;
        let text = |name: &str| tokens[name].as_str().unwrap().to_owned();
        let page = open_consent_page(provider, &cookies).await;
        Self { access_token: text("access_token"), id_token: text("id_token"), code: unused, page, cookies }
    }

    /// The names of what still works.
    async fn works(&self, provider: &Provider) -> Vec<&'static str> {
        let bearer = format!("Bearer {}", self.access_token);
        let request = with(provider.request(Method::GET, "/oauth2/userinfo"), "authorization", &bearer);
        let token = answered(userinfo::answer(&provider.app, &request).await, &request).status() == StatusCode::OK;
        let silent = header(&get(provider, &authorize_path("third", "&prompt=none"), &self.cookies).await, "location");
        let code = redeem(provider, &self.code).await.is_some();
        let page = allow(provider, &self.page, &self.cookies).await;
        let request =
            with(provider.request(Method::GET, &format!("/oauth2/logout?id_token_hint={}", self.id_token)), "cookie", &self.cookies);
        let bye = answered(logout::get(&provider.app, &request).await, &request);
        let hint = header(&bye, "set-cookie").contains("Max-Age=0");
        let each = [token, silent.contains("code="), code, page, hint];
        ALL.into_iter().zip(each).filter_map(|(name, works)| works.then_some(name)).collect()
    }
}

async fn commit(provider: &Provider, fill: impl FnOnce(&mut Changes)) {
    let mut changes = Changes::new();
    fill(&mut changes);
    provider.pool.store().commit(changes).await.unwrap();
}

#[tokio::test]
async fn nothing_of_a_deleted_client_works_for_the_next_of_its_identifier() {
    let provider = Provider::start().await;
    let held = Held::by(&provider).await;
    provider.make_anew("third").await;
    assert_eq!(held.works(&provider).await, [""; 0]);
    // Nor does it come back.
    provider.make_anew("third").await;
    assert_eq!(held.works(&provider).await, [""; 0]);
    let held = Held::by(&provider).await;
    assert_eq!(held.works(&provider).await, ALL, "the next one holds what it is given itself");
}

#[tokio::test]
async fn nothing_of_a_client_works_that_has_none_of_its_identifier_after_it() {
    let provider = Provider::start().await;
    let held = Held::by(&provider).await;
    commit(&provider, |changes| application::delete_client(changes, &client_id("third"))).await;
    assert_eq!(held.works(&provider).await, [""; 0]);
}

#[tokio::test]
async fn nothing_of_a_revoked_client_works() {
    let provider = Provider::start().await;
    let held = Held::by(&provider).await;
    let (store, entropy) = (provider.pool.store(), provider.app.core.entropy.as_ref());
    let (client, version) = application::read_client(store, "third").unwrap().unwrap();
    commit(&provider, |changes| application::renew_client(changes, &client, version, entropy).unwrap()).await;
    assert_eq!(held.works(&provider).await, [""; 0]);
    let held = Held::by(&provider).await;
    assert_eq!(held.works(&provider).await, ALL);
}

#[tokio::test]
async fn an_edit_ends_nothing_but_what_the_person_was_shown_otherwise() {
    type Edit = fn(&mut Client);
    let all_but_the_page = ["access token", "consent", "code", "hint"].as_slice();
    let elsewhere = || RedirectUri::parse("https://other.example/callback").unwrap();
    let edits: [(&str, Edit, &[&str]); 6] = [
        ("nothing", |_| {}, &ALL),
        ("its signature", |client| client.id_token_alg = application::SigningAlgorithm::Es256, &ALL),
        ("its logout", |client| client.post_logout_redirect_uris.clear(), &ALL),
        ("PKCE", |client| client.require_pkce = false, &ALL),
        ("its name", |client| client.name = "Another".into(), all_but_the_page),
        ("its epoch", |client| client.epoch = None, &ALL),
    ];
    for (what, edit, expected) in edits {
        let provider = Provider::start().await;
        let held = Held::by(&provider).await;
        let mut client = provider.client("third");
        edit(&mut client);
        provider.put(&client).await;
        assert_eq!(held.works(&provider).await, expected, "{what}");
    }
    let provider = Provider::start().await;
    let held = Held::by(&provider).await;
    let mut client = provider.client("third");
    client.redirect_uris.push(elsewhere());
    provider.put(&client).await;
    assert_eq!(held.works(&provider).await, ["access token", "code", "open page", "hint"], "a client that leads elsewhere asks anew");
}

/// A login page that was opened for the client before leads nowhere, first party or not.
#[tokio::test]
async fn a_login_that_began_for_a_former_client_is_answered_to_nobody() {
    let provider = Provider::start().await;
    for client in ["demo-app", "third"] {
        let browser = cookie_value(&provider.browser_with_session().await);
        let page = text(get(&provider, &authorize_path(client, "&prompt=login"), &provider.cookies(&browser, None)).await).await;
        provider.make_anew(client).await;
        let (session, back) = provider.log_in(&browser, &page, None).await;
        let answer = get(&provider, &back, &provider.cookies(&browser, Some(&session))).await;
        assert_eq!((answer.status(), header(&answer, "location")), (StatusCode::BAD_REQUEST, String::new()), "{client}");
        assert!(text(answer).await.contains("registered anew"), "{client}");
    }
}

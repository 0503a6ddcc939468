mod consents;
mod posted;

use super::*;
use crate::audit::{self, Action, Outcome};
use crate::entrance::SEALED_REQUEST;
use crate::oidc::authorize;
use crate::oidc::consent;
use crate::oidc::wire::Parameters;

/// What a browser gets for a GET.
async fn get(provider: &Provider, path: &str, cookies: &str) -> Response {
    let request = with(provider.request(Method::GET, path), "cookie", cookies);
    answered(authorize::get(&provider.app, &request).await, &request)
}

/// The parameters of a response that was sent to the client.
fn at_client(response: &Response) -> Parameters {
    assert_eq!(response.status(), StatusCode::SEE_OTHER);
    let location = header(response, "location");
    let query = location.strip_prefix(&format!("{REDIRECT}?")).unwrap_or_else(|| panic!("{location}"));
    let parameters = Parameters::parse(query.as_bytes()).unwrap();
    assert_eq!((parameters.first("state"), parameters.first("iss")), (Some("the-state"), Some(ISSUER)));
    parameters
}

fn error(response: &Response) -> String {
    at_client(response).first("error").unwrap_or_default().to_owned()
}

fn is_page(response: &Response) -> bool {
    header(response, "location").is_empty() && header(response, "content-type").starts_with("text/html")
}

/// Whether a page says that it does not go on.
fn is_refused(response: &Response) -> bool {
    is_page(response) && response.status() == StatusCode::BAD_REQUEST
}

/// The login page that a browser was shown.
async fn login_page(response: Response) -> String {
    let status = response.status();
    let page = text(response).await;
    assert!(status == StatusCode::OK && page.contains("name=\"password\""), "{status} {page}");
    page
}

/// What a browser gets for a POST.
async fn post(provider: &Provider, form: &str, cookies: &str) -> Response {
    let request = with(provider.form("/oauth2/authorize", form), "cookie", cookies);
    answered(authorize::post(&provider.app, &request).await, &request)
}

/// What a browser gets for its answer to the question for consent.
async fn consent(provider: &Provider, form: &str, cookies: &str) -> Response {
    let request = with(provider.form("/oauth2/consent", form), "cookie", cookies);
    answered(consent::post(&provider.app, &request).await, &request)
}

/// The form of a consent page, without the decision.
async fn question(response: Response) -> String {
    let status = response.status();
    let page = text(response).await;
    assert!(status == StatusCode::OK && page.contains("Demo") && page.contains("mail address"), "{status} {page}");
    format!("{SEALED_REQUEST}={}&form_token={}", field(&page, SEALED_REQUEST), field(&page, "form_token"))
}

/// The form of a page that posts itself.
async fn handed_over(response: Response) -> String {
    assert!(header(&response, "content-security-policy").contains("script-src 'sha256-"));
    assert_eq!(header(&response, "set-cookie"), "", "the browser keeps its key");
    let page = text(response).await;
    assert!(page.contains("action=\"https:&#x2f;&#x2f;login.example&#x2f;pools&#x2f;acme&#x2f;oauth2&#x2f;authorize\""), "{page}");
    assert!(page.contains("<noscript><button"), "{page}");
    format!("{SEALED_REQUEST}={}", field(&page, SEALED_REQUEST))
}

fn query(path: &str) -> &str {
    path.split_once('?').unwrap().1
}

#[tokio::test]
async fn login_and_back() {
    let provider = Provider::start().await;
    let response = get(&provider, &authorize_path("demo-app", ""), "").await;
    let set_cookie = header(&response, "set-cookie");
    assert!(set_cookie.starts_with("__Host-") && set_cookie.contains("HttpOnly") && set_cookie.contains("SameSite=Lax"), "{set_cookie}");
    let browser = cookie_value(&set_cookie);
    let page = login_page(response).await;
    assert_eq!(provider.stored_requests(), 0, "whoever arrives has proven nothing");
    let (session, back) = provider.log_in(&browser, &page, None).await;
    let cookies = provider.cookies(&browser, Some(&session));

    let response = get(&provider, &back, &cookies).await;
    assert_eq!(header(&response, "cache-control"), "no-store");
    let code = at_client(&response).first("code").unwrap().to_owned();
    let (record, _) = application::find_code(provider.pool.store(), &provider.client("demo-app"), &code).unwrap().unwrap();
    assert_eq!((record.entry, record.nonce.as_deref(), record.acr.as_str()), (provider.alice, Some("n"), "1"));
    assert_eq!(record.amr, ["pwd"]);

    let again = get(&provider, &back, &cookies).await;
    assert!(is_refused(&again), "one login answers one request once");
    assert_eq!(provider.stored_requests(), 0);

    let response = get(&provider, &authorize_path("demo-app", ""), &cookies).await;
    assert!(at_client(&response).first("code").is_some(), "the session is enough for the next request");
    assert_eq!(provider.stored_requests(), 0, "and nothing waits");
}

#[tokio::test]
async fn a_forgotten_tab_that_asks_again_and_again_stores_nothing() {
    let provider = Provider::start().await;
    let commits = provider.pool.store().latest();
    let mut cookies = String::new();
    for poll in 0..10_000 {
        let response = get(&provider, &authorize_path("demo-app", "&prompt=login"), &cookies).await;
        assert_eq!(response.status(), StatusCode::OK, "{poll}");
        // Every other browser keeps its cookies.
        if poll == 5_000 {
            cookies = provider.cookies(&cookie_value(&header(&response, "set-cookie")), None);
        }
    }
    assert_eq!((provider.stored_requests(), provider.pool.store().latest()), (0, commits));
    let response = get(&provider, &authorize_path("demo-app", ""), "").await;
    let browser = cookie_value(&header(&response, "set-cookie"));
    let (session, back) = provider.log_in(&browser, &login_page(response).await, None).await;
    assert!(at_client(&get(&provider, &back, &provider.cookies(&browser, Some(&session))).await).first("code").is_some());
}

#[tokio::test]
async fn many_tabs_of_one_browser_each_finish_their_own_request() {
    let provider = Provider::start().await;
    let first = get(&provider, &authorize_path("demo-app", ""), "").await;
    let browser = cookie_value(&header(&first, "set-cookie"));
    let alone = provider.cookies(&browser, None);
    let mut pages = Vec::new();
    for tab in 0..20 {
        let path = authorize_path("demo-app", "").replace("the-state", &format!("tab-{tab}"));
        pages.push(login_page(get(&provider, &path, &alone).await).await);
    }
    let mut session = None;
    for (tab, page) in pages.iter().enumerate().rev() {
        let (new, back) = provider.log_in(&browser, page, session.as_deref()).await;
        let response = get(&provider, &back, &provider.cookies(&browser, Some(&new))).await;
        let location = header(&response, "location");
        assert!(location.contains("code=") && location.contains(&format!("state=tab-{tab}&")), "{location}");
        session = Some(new);
    }
    assert_eq!(provider.stored_requests(), 0);
}

#[tokio::test]
async fn a_waiting_request_belongs_to_one_browser() {
    let provider = Provider::start().await;
    let response = get(&provider, &authorize_path("demo-app", ""), "").await;
    let browser = cookie_value(&header(&response, "set-cookie"));
    let (session, back) = provider.log_in(&browser, &login_page(response).await, None).await;
    let victim = provider.browser_with_session().await;
    for cookies in ["", &victim, &provider.cookies(&"A".repeat(43), None), &provider.cookies(&"A".repeat(43), Some(&session))] {
        assert!(is_refused(&get(&provider, &back, cookies).await), "{cookies}");
    }
    for id in ["", "unknown", "../x"] {
        assert!(is_refused(&get(&provider, &format!("/oauth2/authorize?interaction={id}"), &victim).await), "{id}");
    }
    assert!(at_client(&get(&provider, &back, &provider.cookies(&browser, Some(&session))).await).first("code").is_some());
}

/// Session fixation: somebody begins a request, plants the key of their browser in the victim's,
/// lets the victim log in to it, and wants the answer.
#[tokio::test]
async fn whoever_prepared_a_request_gets_nothing_of_the_login_to_it() {
    let provider = Provider::start().await;
    let response = get(&provider, &authorize_path("demo-app", ""), "").await;
    let planted = cookie_value(&header(&response, "set-cookie"));
    let page = login_page(response).await;
    let (victims, back) = provider.log_in(&planted, &page, None).await;
    // The row is bound to the planted key, and names nobody: without the victim's session it leads
    // to the login.
    login_page(get(&provider, &back, &provider.cookies(&planted, None)).await).await;
    assert!(at_client(&get(&provider, &back, &provider.cookies(&planted, Some(&victims))).await).first("code").is_some());
    assert!(is_refused(&get(&provider, &back, &provider.cookies(&planted, None)).await), "answered");
}

#[tokio::test]
async fn coming_back_without_a_login_is_no_login() {
    let provider = Provider::start().await;
    let response = get(&provider, &authorize_path("demo-app", ""), "").await;
    let browser = cookie_value(&header(&response, "set-cookie"));
    let (_, back) = provider.log_in(&browser, &login_page(response).await, None).await;
    let page = login_page(get(&provider, &back, &provider.cookies(&browser, None)).await).await;
    let (session, again) = provider.log_in(&browser, &page, None).await;
    assert_eq!(again, back, "the same request goes on waiting");
    let cookies = provider.cookies(&browser, Some(&session));
    assert!(at_client(&get(&provider, &back, &cookies).await).first("code").is_some());
    assert!(is_refused(&get(&provider, &back, &cookies).await), "and is answered once");
}

#[tokio::test]
async fn errors_before_the_redirect_uri_stay_here() {
    let provider = Provider::start().await;
    for path in [
        "/oauth2/authorize".to_owned(),
        "/oauth2/authorize?client_id=%".to_owned(),
        authorize_path("nobody", ""),
        authorize_path("demo-app", "").replace(REDIRECT, "https://evil.example/"),
        authorize_path("demo-app", "").replace(REDIRECT, "https://app.example/callback/"),
        authorize_path("demo-app", &format!("&redirect_uri={REDIRECT}")),
        authorize_path("demo-app", "&client_id=demo-app"),
        authorize_path("demo-app", &format!("&x={}", "x".repeat(13_000))),
    ] {
        let response = get(&provider, &path, "").await;
        assert!(is_page(&response), "{path:.300}");
        assert_eq!(response.status(), StatusCode::BAD_REQUEST);
        assert!(!header(&response, "content-security-policy").is_empty());
    }
}

#[tokio::test]
async fn errors_after_it_go_to_the_client() {
    let provider = Provider::start().await;
    for (extra, expected) in [
        ("&prompt=none", "login_required"),
        ("&request=e30", "request_not_supported"),
        ("&max_age=x", "invalid_request"),
        ("&nonce=again", "invalid_request"),
        ("&id_token_hint=x", "invalid_request"),
    ] {
        assert_eq!(error(&get(&provider, &authorize_path("demo-app", extra), "").await), expected, "{extra}");
    }
    let form_post = get(&provider, &authorize_path("demo-app", "&prompt=none&response_mode=form_post"), "").await;
    assert!(header(&form_post, "content-security-policy").contains("script-src 'sha256-"));
    let page = text(form_post).await;
    for part in [REDIRECT, "name=\"error\" value=\"login_required\"", "name=\"state\" value=\"the-state\"", "name=\"iss\""] {
        assert!(page.replace("&#x2f;", "/").contains(part), "{part} {page}");
    }
}

#[tokio::test]
async fn silence_and_freshness() {
    let provider = Provider::start().await;
    let cookies = provider.browser_with_session().await;
    provider.clock.forward(Duration::from_secs(100));
    for (extra, expected) in [
        ("&prompt=none", "code"),
        ("&prompt=none&max_age=100", "code"),
        ("&prompt=none&max_age=99", "login_required"),
        ("&max_age=100", "code"),
        // Wishes for more than a login reaches are voluntary (OpenID Connect Core 1.0, sections
        // 3.1.2.1 and 5.5.1.1): the ID token tells what was reached.
        ("&acr_values=2", "code"),
        ("&claims={\"id_token\":{\"acr\":{\"values\":[\"2\"]}}}", "code"),
    ] {
        let parameters = at_client(&get(&provider, &authorize_path("demo-app", extra), &cookies).await);
        let outcome = parameters.first("error").unwrap_or("code");
        assert_eq!(outcome, expected, "{extra}");
    }
    let (browser, old) = cookies.split_once("; ").unwrap();
    let (browser, old) = (cookie_value(browser), cookie_value(old));
    for extra in ["&prompt=login", "&prompt=select_account", "&max_age=99", "&max_age=0"] {
        let page = login_page(get(&provider, &authorize_path("demo-app", extra), &cookies).await).await;
        let (session, back) = provider.log_in(&browser, &page, None).await;
        login_page(get(&provider, &back, &cookies).await).await; // The old session is not enough.
        let response = get(&provider, &back, &provider.cookies(&browser, Some(&session))).await;
        assert!(at_client(&response).first("code").is_some(), "{extra}");
        assert_ne!(session, old);
    }
}

#[tokio::test]
async fn a_request_that_is_refused_waits_no_longer() {
    let provider = Provider::start().await;
    let form = handed_over(post(&provider, query(&authorize_path("demo-app", "&prompt=none")), "").await).await;
    assert_eq!(error(&post(&provider, &form, "").await), "login_required");
    // Somebody else than the one whom the client expects has logged in.
    let cookies = provider.browser_with_session().await;
    let stored = provider.stored_requests();
    let hint = provider.code("a-code", "demo-app").await;
    let token = format!(
        "grant_type=authorization_code&code=a-code&redirect_uri={REDIRECT}&code_verifier={VERIFIER}&client_id=demo-app&client_secret={SECRET}"
    );
    let request = provider.form("/oauth2/token", &token);
    let (_, tokens) = json(answered(crate::oidc::token::post(&provider.app, &request).await, &request)).await;
    assert_eq!(hint.entry, provider.alice);
    let id_token = tokens["id_token"].as_str().unwrap();
    provider.app.core.delete_entry(&provider.pool, &operator(), provider.alice).await.unwrap();
    let alice = [("objectClass", "inetOrgPerson"), ("uid", "alice"), ("cn", "Another"), ("sn", "Alice")];
    let another = provider.add(entry("uid=alice,ou=people,o=acme", &alice)).await;
    provider.app.core.set_password(&provider.pool, &operator(), another, None, Some(Secret::from(PASSWORD))).await.unwrap();
    provider.clock.forward(Duration::from_secs(1));
    let browser = cookie_value(&cookies);
    let page = login_page(get(&provider, &authorize_path("demo-app", &format!("&id_token_hint={id_token}")), &cookies).await).await;
    let (session, back) = provider.log_in(&browser, &page, None).await;
    let cookies = provider.cookies(&browser, Some(&session));
    assert_eq!(error(&get(&provider, &back, &cookies).await), "login_required");
    assert!(is_refused(&get(&provider, &back, &cookies).await), "answered once");
    assert_eq!(provider.stored_requests(), stored);
}

#[tokio::test]
async fn a_request_that_waits_comes_to_demand_a_new_login() {
    let provider = Provider::start().await;
    let cookies = provider.browser_with_session().await;
    let browser = cookie_value(&cookies);
    provider.clock.forward(Duration::from_secs(1));
    let form = question(get(&provider, &authorize_path("third", "&max_age=100"), &cookies).await).await;
    provider.clock.forward(Duration::from_secs(101));
    let page = login_page(consent(&provider, &format!("{form}&decision=allow"), &cookies).await).await;
    let key = BrowserKey::from_cookie(&browser);
    let waiting =
        provider.app.core.unseal(&provider.pool, &field(&page, SEALED_REQUEST), Place::Login, &key).and_then(Unsealed::own).unwrap();
    assert!(waiting.demands().force, "an upstream is told too");
    let (session, back) = provider.log_in(&browser, &page, None).await;
    question(get(&provider, &back, &provider.cookies(&browser, Some(&session))).await).await;
}

#[tokio::test]
async fn what_was_stored_is_checked_again() {
    let provider = Provider::start().await;
    let response = get(&provider, &authorize_path("demo-app", ""), "").await;
    let browser = cookie_value(&header(&response, "set-cookie"));
    let (session, back) = provider.log_in(&browser, &login_page(response).await, None).await;
    let client = application::find_client(provider.pool.store(), "demo-app").unwrap().unwrap();
    provider.put(&Client { redirect_uris: vec![RedirectUri::parse("https://elsewhere.example/").unwrap()], ..client }).await;
    assert!(is_refused(&get(&provider, &back, &provider.cookies(&browser, Some(&session))).await));
}

#[tokio::test]
async fn a_session_ends_with_its_person() {
    let provider = Provider::start().await;
    let cookies = provider.browser_with_session().await;
    provider.app.core.delete_entry(&provider.pool, &operator(), provider.alice).await.unwrap();
    login_page(get(&provider, &authorize_path("demo-app", ""), &cookies).await).await;
}

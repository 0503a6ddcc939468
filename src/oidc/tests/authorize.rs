use super::*;
use crate::audit::{self, Action, Outcome};
use crate::oidc::authorize;
use crate::oidc::consent;
use crate::oidc::wire::Parameters;
use crate::store::{Prefix, Space};

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

fn is_login(response: &Response) -> bool {
    header(response, "location").starts_with(&format!("{ISSUER}/login?interaction="))
}

fn back(location: &str) -> String {
    format!("/oauth2/authorize?{}", location.split_once('?').unwrap().1)
}

#[tokio::test]
async fn login_and_back() {
    let provider = Provider::start().await;
    let response = get(&provider, &authorize_path("demo-app", ""), "").await;
    assert!(is_login(&response));
    let set_cookie = header(&response, "set-cookie");
    assert!(set_cookie.starts_with("__Host-") && set_cookie.contains("HttpOnly") && set_cookie.contains("SameSite=Lax"), "{set_cookie}");
    let browser = cookie_value(&set_cookie);
    let login = header(&response, "location");
    let session = provider.log_in(&browser, &login, None).await;
    let cookies = provider.cookies(&browser, Some(&session));

    let response = get(&provider, &back(&login), &cookies).await;
    assert_eq!(header(&response, "cache-control"), "no-store");
    let code = at_client(&response).first("code").unwrap().to_owned();
    let (record, _) = application::find_code(provider.pool.store(), &provider.client("demo-app"), &code).unwrap().unwrap();
    assert_eq!((record.entry, record.nonce.as_deref(), record.acr.as_str()), (provider.alice, Some("n"), "1"));
    assert_eq!(record.amr, ["pwd"]);

    let again = get(&provider, &back(&login), &cookies).await;
    assert!(is_page(&again), "one login answers one request once");

    let response = get(&provider, &authorize_path("demo-app", ""), &cookies).await;
    assert!(at_client(&response).first("code").is_some(), "the session is enough for the next request");
}

#[tokio::test]
async fn a_waiting_request_belongs_to_one_browser() {
    let provider = Provider::start().await;
    let response = get(&provider, &authorize_path("demo-app", ""), "").await;
    let login = header(&response, "location");
    let victim = provider.browser_with_session().await;
    for cookies in ["", &victim, &provider.cookies(&"A".repeat(43), None)] {
        assert!(is_page(&get(&provider, &back(&login), cookies).await), "{cookies}");
    }
    for id in ["", "unknown", "../x"] {
        assert!(is_page(&get(&provider, &format!("/oauth2/authorize?interaction={id}"), &victim).await), "{id}");
    }
}

#[tokio::test]
async fn coming_back_without_a_login_is_no_login() {
    let provider = Provider::start().await;
    let response = get(&provider, &authorize_path("demo-app", ""), "").await;
    let login = header(&response, "location");
    let browser = provider.cookies(&cookie_value(&header(&response, "set-cookie")), None);
    let response = get(&provider, &back(&login), &browser).await;
    assert_eq!(header(&response, "location"), login, "the same request goes on waiting");
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
        // Wishes for more than a login reaches are voluntary (OpenID Connect Core 1.0, sections 3.1.2.1 and 5.5.1.1): the ID token tells what was reached.
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
        let response = get(&provider, &authorize_path("demo-app", extra), &cookies).await;
        assert!(is_login(&response), "{extra}");
        let login = header(&response, "location");
        let unproven = get(&provider, &back(&login), &cookies).await;
        assert_eq!(header(&unproven, "location"), login, "{extra}: the old session is not enough");
        let session = provider.log_in(&browser, &login, None).await;
        let response = get(&provider, &back(&login), &provider.cookies(&browser, Some(&session))).await;
        assert!(at_client(&response).first("code").is_some(), "{extra}");
        assert_ne!(session, old);
    }
}

#[tokio::test]
async fn a_posted_request_is_stored_and_continued() {
    let provider = Provider::start().await;
    let cookies = provider.browser_with_session().await;
    let browser = cookies.split("; ").next().unwrap().to_owned();
    let path = authorize_path("demo-app", "&unknown=kept-out");
    provider.clock.forward(Duration::from_secs(1));
    // A request that waits in another tab.
    let login = header(&get(&provider, &authorize_path("demo-app", "&prompt=login"), &cookies).await, "location");
    // No cookie comes with a cross-site POST.
    let bare = provider.form("/oauth2/authorize", path.split_once('?').unwrap().1);
    let response = answered(authorize::post(&provider.app, &bare).await, &bare);
    let location = header(&response, "location");
    assert!(location.starts_with(&format!("{ISSUER}/oauth2/authorize?interaction=")), "{location}");
    let taken = get(&provider, &back(&location), &cookies).await;
    for response in [&response, &taken] {
        assert_eq!(header(response, "set-cookie"), "", "the browser keeps its key");
    }
    assert!(is_page(&get(&provider, &back(&location), "").await), "taken over once");
    assert!(is_page(&get(&provider, &back(&header(&taken, "location")), &browser.replace("browser=", "browser=A")).await));
    assert!(at_client(&get(&provider, &back(&header(&taken, "location")), &cookies).await).first("code").is_some());
    assert_eq!(header(&get(&provider, &back(&login), &cookies).await, "location"), login, "the other tab goes on");

    let response = answered(authorize::post(&provider.app, &bare).await, &bare);
    let taken = get(&provider, &back(&header(&response, "location")), "").await;
    let key = cookie_value(&header(&taken, "set-cookie"));
    assert!(is_login(&get(&provider, &back(&header(&taken, "location")), &provider.cookies(&key, None)).await));
    let wrong = provider.form("/oauth2/authorize", "client_id=demo-app");
    assert!(is_page(&answered(authorize::post(&provider.app, &wrong).await, &wrong)));
}

#[tokio::test]
async fn a_request_that_is_refused_waits_no_longer() {
    let provider = Provider::start().await;
    let bare = provider.form("/oauth2/authorize", authorize_path("demo-app", "&prompt=none").split_once('?').unwrap().1);
    let response = answered(authorize::post(&provider.app, &bare).await, &bare);
    let taken = get(&provider, &back(&header(&response, "location")), "").await;
    let cookies = provider.cookies(&cookie_value(&header(&taken, "set-cookie")), None);
    assert_eq!(error(&get(&provider, &back(&header(&taken, "location")), &cookies).await), "login_required");
    assert!(is_page(&get(&provider, &back(&header(&taken, "location")), &cookies).await), "answered once");
    assert_eq!(provider.pool.store().scan(&Prefix::space(Space::Interaction), None).count(), 0);
}

#[tokio::test]
async fn a_request_that_waits_comes_to_demand_a_new_login() {
    let provider = Provider::start().await;
    let cookies = provider.browser_with_session().await;
    provider.clock.forward(Duration::from_secs(1));
    let waiting = header(&get(&provider, &authorize_path("third", "&max_age=100"), &cookies).await, "location");
    let count = || provider.pool.store().scan(&Prefix::space(Space::Interaction), None).count();
    let before = count();
    assert_eq!(get(&provider, &back(&waiting), &cookies).await.status(), StatusCode::OK, "consent");
    provider.clock.forward(Duration::from_secs(101));
    let login = header(&get(&provider, &back(&waiting), &cookies).await, "location");
    assert_eq!(login.split_once('?').unwrap().1, waiting.split_once('?').unwrap().1, "the same request");
    assert_eq!(count(), before, "and none beside it");
    let browser = cookie_value(&cookies);
    let session = provider.log_in(&browser, &login, None).await;
    assert_eq!(get(&provider, &back(&login), &provider.cookies(&browser, Some(&session))).await.status(), StatusCode::OK);
    let key = BrowserKey::from_cookie(&browser);
    let id = login.split_once("interaction=").unwrap().1;
    assert!(provider.app.core.interaction(&provider.pool, id, &key).unwrap().unwrap().demands().force, "an upstream is told too");
}

#[tokio::test]
async fn what_was_stored_is_checked_again() {
    let provider = Provider::start().await;
    let response = get(&provider, &authorize_path("demo-app", ""), "").await;
    let login = header(&response, "location");
    let browser = cookie_value(&header(&response, "set-cookie"));
    let session = provider.log_in(&browser, &login, None).await;
    let client = application::find_client(provider.pool.store(), "demo-app").unwrap().unwrap();
    provider.put(&Client { redirect_uris: vec![RedirectUri::parse("https://elsewhere.example/").unwrap()], ..client }).await;
    assert!(is_page(&get(&provider, &back(&login), &provider.cookies(&browser, Some(&session))).await));
}

#[tokio::test]
async fn a_client_of_somebody_else_asks_for_consent() {
    let provider = Provider::start().await;
    let cookies = provider.browser_with_session().await;
    assert_eq!(error(&get(&provider, &authorize_path("third", "&prompt=none"), &cookies).await), "consent_required");
    for (decision, expected) in [("allow", ""), ("deny", "access_denied")] {
        let response = get(&provider, &authorize_path("third", "&prompt=consent"), &cookies).await;
        let location = header(&response, "location");
        assert!(location.starts_with(&format!("{ISSUER}/oauth2/authorize?interaction=")), "{location}");
        let page = get(&provider, &back(&location), &cookies).await;
        assert!(is_page(&page) && page.status() == StatusCode::OK);
        let page = text(page).await;
        assert!(page.contains("Demo") && page.contains("mail address"), "{page}");
        let token = page.split("name=\"form_token\" value=\"").nth(1).unwrap().split('"').next().unwrap();
        let interaction = location.split_once("interaction=").unwrap().1;
        for (form, cookies) in [
            (format!("interaction={interaction}&decision=allow"), cookies.as_str()),
            (format!("interaction={interaction}&decision=allow&form_token={}", "A".repeat(43)), &cookies),
            (format!("interaction={interaction}&decision=allow&form_token={token}"), ""),
            (format!("interaction=another&decision=allow&form_token={token}"), &cookies),
        ] {
            let request = with(provider.form("/oauth2/consent", &form), "cookie", cookies);
            assert!(is_page(&answered(consent::post(&provider.app, &request).await, &request)), "{form}");
        }
        let form = format!("interaction={interaction}&decision={decision}&form_token={token}");
        let browser = cookie_value(&cookies);
        let login = header(&get(&provider, &authorize_path("demo-app", "&prompt=login"), &cookies).await, "location");
        let other = provider.log_in(&browser, &login, None).await;
        let of_other = with(provider.form("/oauth2/consent", &form), "cookie", &provider.cookies(&browser, Some(&other)));
        let answer = answered(consent::post(&provider.app, &of_other).await, &of_other);
        assert_eq!((answer.status(), is_page(&answer)), (StatusCode::BAD_REQUEST, true), "what one login was asked another cannot answer");
        let foreign = with(with(provider.form("/oauth2/consent", &form), "cookie", &cookies), "sec-fetch-site", "cross-site");
        assert!(is_page(&answered(consent::post(&provider.app, &foreign).await, &foreign)));
        let request = with(provider.form("/oauth2/consent", &form), "cookie", &cookies);
        assert_eq!(error(&answered(consent::post(&provider.app, &request).await, &request)), expected);
        assert!(is_page(&answered(consent::post(&provider.app, &request).await, &request)), "once");
        // What was allowed is remembered, and declining takes it back.
        let silent = if decision == "allow" { "" } else { "consent_required" };
        assert_eq!(error(&get(&provider, &authorize_path("third", "&prompt=none"), &cookies).await), silent);
    }
    let query = audit::Query { action: Some(Action::Consent), limit: 10, ..audit::Query::default() };
    let events = audit::query(provider.pool.store(), &query).unwrap();
    let events: Vec<_> = events.into_iter().map(|(_, event)| event.unwrap()).collect();
    let outcomes: Vec<_> = events.iter().map(|event| (event.outcome, event.target.as_deref())).collect();
    assert_eq!(outcomes, [(Outcome::Success, Some("third")), (Outcome::Failure, Some("third"))]);
}

#[tokio::test]
async fn a_consent_is_remembered_for_what_was_shown() {
    let provider = Provider::start().await;
    let cookies = provider.browser_with_session().await;
    let allow = async |client: &str, extra: &str| {
        let location = header(&get(&provider, &authorize_path(client, extra), &cookies).await, "location");
        let page = text(get(&provider, &back(&location), &cookies).await).await;
        let token = page.split("name=\"form_token\" value=\"").nth(1).unwrap().split('"').next().unwrap();
        let form = format!("interaction={}&decision=allow&form_token={token}", location.split_once("interaction=").unwrap().1);
        let request = with(provider.form("/oauth2/consent", &form), "cookie", &cookies);
        assert_eq!(error(&answered(consent::post(&provider.app, &request).await, &request)), "");
    };
    let silently = async |scope: &str| {
        let path = authorize_path("third", "&prompt=none").replace("openid+email", scope);
        error(&get(&provider, &path, &cookies).await)
    };
    allow("third", "").await;
    assert!(at_client(&get(&provider, &authorize_path("third", ""), &cookies).await).first("code").is_some(), "asked once");
    for (scope, expected) in [("openid+email", ""), ("openid", ""), ("openid+email+phone", "consent_required")] {
        assert_eq!(silently(scope).await, expected, "{scope}");
    }
    // The pool's own client asks where it says so.
    allow("demo-app", "&prompt=consent").await;
    let client = provider.client("third");
    provider.put(&Client { name: "Another".into(), ..client.clone() }).await;
    assert_eq!(silently("openid").await, "", "it is the same under any name");
    let elsewhere = [client.redirect_uris.clone(), vec![RedirectUri::parse("https://other.example/").unwrap()]].concat();
    provider.put(&Client { redirect_uris: elsewhere, ..client.clone() }).await;
    assert_eq!(silently("openid").await, "consent_required", "it leads elsewhere than it did");
    provider.put(&client).await;
    assert_eq!(silently("openid").await, "");
    provider.put(&Client { auth_method: application::AuthMethod::None, secret: None, ..client.clone() }).await;
    assert_eq!(silently("openid").await, "", "what is sent to https goes to its domain, with a secret or without");
    provider.put(&client).await;
    let consents = || provider.pool.store().scan(&Prefix::named(Space::Grant, b"a"), None).count();
    assert_eq!(consents(), 2);
    provider.app.core.delete_entry(&provider.pool, &operator(), provider.alice).await.unwrap();
    assert_eq!(consents(), 0);
}

#[tokio::test]
async fn a_program_on_the_device_gets_a_code_when_the_person_has_acted() {
    let provider = Provider::start().await;
    let cookies = provider.browser_with_session().await;
    let browser = cookie_value(&cookies);
    provider.clock.forward(Duration::from_secs(1));
    for (number, uri) in ["com.example.app:/callback", "http://127.0.0.1:49152/callback"].into_iter().enumerate() {
        for first_party in [true, false] {
            let id = format!("native-{number}-{first_party}");
            let uris = vec![RedirectUri::parse(uri).unwrap()];
            provider.put(&Client { first_party, ..Client::public(client_id(&id), "Native", uris) }).await;
            let path = |extra: &str| authorize_path(&id, extra).replace(REDIRECT, uri);
            let code = |response: &Response| header(response, "location").starts_with(&format!("{uri}?code="));
            // Twice, since what was allowed once is no word for the next program that asks.
            for silent in [if first_party { "interaction_required" } else { "consent_required" }, "interaction_required"] {
                let refused = header(&get(&provider, &path("&prompt=none"), &cookies).await, "location");
                assert!(refused.starts_with(&format!("{uri}?error={silent}&")), "{id}: {refused}");
                let location = header(&get(&provider, &path(""), &cookies).await, "location");
                let page = text(get(&provider, &back(&location), &cookies).await).await;
                assert!(page.contains("a program on this device") && page.contains("Native"), "{id}: {page}");
                let token = page.split("name=\"form_token\" value=\"").nth(1).unwrap().split('"').next().unwrap();
                let form = format!("interaction={}&decision=allow&form_token={token}", location.split_once("interaction=").unwrap().1);
                let request = with(provider.form("/oauth2/consent", &form), "cookie", &cookies);
                assert!(code(&answered(consent::post(&provider.app, &request).await, &request)), "{id}");
            }
            // Logging in is acting, too.
            let login = header(&get(&provider, &path("&prompt=login"), &cookies).await, "location");
            let session = provider.log_in(&browser, &login, None).await;
            assert!(code(&get(&provider, &back(&login), &provider.cookies(&browser, Some(&session))).await), "{id}");
        }
    }
    let page = header(&get(&provider, &authorize_path("third", ""), &cookies).await, "location");
    assert!(!text(get(&provider, &back(&page), &cookies).await).await.contains("on this device"));
}

#[tokio::test]
async fn a_session_ends_with_its_person() {
    let provider = Provider::start().await;
    let cookies = provider.browser_with_session().await;
    provider.app.core.delete_entry(&provider.pool, &operator(), provider.alice).await.unwrap();
    assert!(is_login(&get(&provider, &authorize_path("demo-app", ""), &cookies).await));
}

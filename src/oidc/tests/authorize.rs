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

/// Session fixation: somebody begins a request, plants the key of their browser in the victim's, lets the victim log in to it, and wants the answer.
#[tokio::test]
async fn whoever_prepared_a_request_gets_nothing_of_the_login_to_it() {
    let provider = Provider::start().await;
    let response = get(&provider, &authorize_path("demo-app", ""), "").await;
    let planted = cookie_value(&header(&response, "set-cookie"));
    let page = login_page(response).await;
    let (victims, back) = provider.log_in(&planted, &page, None).await;
    // The row is bound to the planted key, and names nobody: without the victim's session it leads to the login.
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
        let page = login_page(get(&provider, &authorize_path("demo-app", extra), &cookies).await).await;
        let (session, back) = provider.log_in(&browser, &page, None).await;
        login_page(get(&provider, &back, &cookies).await).await; // The old session is not enough.
        let response = get(&provider, &back, &provider.cookies(&browser, Some(&session))).await;
        assert!(at_client(&response).first("code").is_some(), "{extra}");
        assert_ne!(session, old);
    }
}

#[tokio::test]
async fn a_posted_request_is_handed_over_and_continued() {
    let provider = Provider::start().await;
    let cookies = provider.browser_with_session().await;
    let path = authorize_path("demo-app", "&unknown=kept-out");
    // No cookie comes with a cross-site POST.
    let form = handed_over(post(&provider, query(&path), "").await).await;
    assert!(at_client(&post(&provider, &form, &cookies).await).first("code").is_some(), "the session is enough");
    assert!(at_client(&post(&provider, &form, &cookies).await).first("code").is_some(), "as it would be for the same request from there");

    let other = get(&provider, &authorize_path("demo-app", ""), "").await;
    let key = cookie_value(&header(&other, "set-cookie"));
    let response = post(&provider, &form, &provider.cookies(&key, None)).await;
    assert_eq!(header(&response, "set-cookie"), "", "the browser keeps its key");
    let (session, back) = provider.log_in(&key, &login_page(response).await, None).await;
    assert!(at_client(&get(&provider, &back, &provider.cookies(&key, Some(&session))).await).first("code").is_some());
    // The other tab goes on.
    provider.log_in(&key, &login_page(other).await, None).await;

    // A browser without cookies is not sent round and round.
    let response = post(&provider, &form, "").await;
    assert!(!header(&response, "set-cookie").is_empty());
    login_page(response).await;
    assert!(is_refused(&post(&provider, "client_id=demo-app", "").await));
    assert_eq!(error(&post(&provider, query(&authorize_path("demo-app", "&max_age=x")), "").await), "invalid_request");
}

#[tokio::test]
async fn a_handover_is_for_a_short_time_and_for_this_endpoint() {
    let provider = Provider::start().await;
    let cookies = provider.browser_with_session().await;
    let form = handed_over(post(&provider, query(&authorize_path("demo-app", "")), "").await).await;
    for broken in
        [format!("{form}A"), form.replace(SEALED_REQUEST, &format!("x=1&{SEALED_REQUEST}")).replace('_', "-"), form[..60].to_owned()]
    {
        assert!(is_refused(&post(&provider, &broken, &cookies).await), "{broken}");
    }
    assert_eq!(consent(&provider, &format!("{form}&decision=allow"), &cookies).await.status(), StatusCode::BAD_REQUEST);
    // Another site that posts what it was given parts no browser from its key: the cookies have stayed at home.
    let foreign = with(provider.form("/oauth2/authorize", &form), "sec-fetch-site", "cross-site");
    assert_eq!(handed_over(answered(authorize::post(&provider.app, &foreign).await, &foreign)).await, form);
    provider.clock.forward(Duration::from_secs(300));
    let late = post(&provider, &form, &cookies).await;
    assert!(is_refused(&late));
}

#[tokio::test]
async fn a_posted_request_meets_no_demand_by_being_posted_again() {
    let provider = Provider::start().await;
    let form = handed_over(post(&provider, query(&authorize_path("demo-app", "&prompt=login")), "").await).await;
    provider.clock.forward(Duration::from_secs(1));
    // A login that came after the request was posted, but was made for another one.
    let cookies = provider.browser_with_session().await;
    provider.clock.forward(Duration::from_secs(1));
    login_page(post(&provider, &form, &cookies).await).await;
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
    let waiting = provider.app.core.unseal(&provider.pool, &field(&page, SEALED_REQUEST), Place::Login, &key).unwrap();
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
async fn a_client_of_somebody_else_asks_for_consent() {
    let provider = Provider::start().await;
    let cookies = provider.browser_with_session().await;
    let browser = cookie_value(&cookies);
    assert_eq!(error(&get(&provider, &authorize_path("third", "&prompt=none"), &cookies).await), "consent_required");
    for (decision, expected) in [("allow", ""), ("deny", "access_denied")] {
        let stored = provider.stored_requests();
        let form = question(get(&provider, &authorize_path("third", "&prompt=consent"), &cookies).await).await;
        assert_eq!(provider.stored_requests(), stored, "a session is there, and nothing need be stored");
        let (request, token) = form.split_once('&').unwrap();
        for (form, cookies) in [
            (format!("{request}&decision=allow"), cookies.as_str()),
            (format!("{request}&decision=allow&form_token={}", "A".repeat(43)), &cookies),
            (format!("{form}&decision=allow"), ""),
            (
                format!("{form}&decision=allow"),
                &provider.cookies(&"A".repeat(43), Some(&cookie_value(cookies.split_once("; ").unwrap().1))),
            ),
            (format!("{SEALED_REQUEST}=another&decision=allow&{token}"), &cookies),
            (format!("decision=allow&{token}"), &cookies),
            (String::new(), &cookies),
        ] {
            let answer = consent(&provider, &form, cookies).await;
            assert!(is_refused(&answer), "{form}");
        }
        let form = format!("{form}&decision={decision}");
        let page = login_page(get(&provider, &authorize_path("demo-app", "&prompt=login"), &cookies).await).await;
        let (other, _) = provider.log_in(&browser, &page, None).await;
        let answer = consent(&provider, &form, &provider.cookies(&browser, Some(&other))).await;
        assert!(is_refused(&answer), "what one login was asked another cannot answer");
        let foreign = with(with(provider.form("/oauth2/consent", &form), "cookie", &cookies), "sec-fetch-site", "cross-site");
        assert!(is_refused(&answered(consent::post(&provider.app, &foreign).await, &foreign)));
        assert_eq!(error(&consent(&provider, &form, &cookies).await), expected);
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

/// The answer of a question may be sent twice, by a double click or from the history. Where the request was met by a login that was made for it, that login answers it
/// once. Otherwise it is worth what the application's link is worth that led there: what the session gives, and no demand that the session does not meet.
#[tokio::test]
async fn a_question_that_is_answered_again_skips_no_login() {
    let provider = Provider::start().await;
    let cookies = provider.browser_with_session().await;
    let browser = cookie_value(&cookies);
    provider.clock.forward(Duration::from_secs(10));

    let page = login_page(get(&provider, &authorize_path("third", "&prompt=login"), &cookies).await).await;
    let login_form = format!("{SEALED_REQUEST}={}", field(&page, SEALED_REQUEST));
    let (session, back) = provider.log_in(&browser, &page, None).await;
    let cookies = provider.cookies(&browser, Some(&session));
    let form = question(get(&provider, &back, &cookies).await).await;
    let (_, token) = form.split_once('&').unwrap();
    let of_the_login = consent(&provider, &format!("{login_form}&{token}&decision=allow"), &cookies).await;
    assert!(is_refused(&of_the_login), "what the login page held is no answer to the question");
    assert_eq!(error(&consent(&provider, &format!("{form}&decision=allow"), &cookies).await), "");
    for again in [&form, &format!("{login_form}&{token}")] {
        for decision in ["allow", "deny"] {
            let answer = consent(&provider, &format!("{again}&decision={decision}"), &cookies).await;
            assert!(is_refused(&answer), "the login has answered it: {decision}");
        }
    }
    assert!(is_refused(&get(&provider, &back, &cookies).await));

    let form = question(get(&provider, &authorize_path("third", "&prompt=consent&max_age=100"), &cookies).await).await;
    let allow = format!("{form}&decision=allow");
    assert_eq!(error(&consent(&provider, &allow, &cookies).await), "");
    assert_eq!(error(&consent(&provider, &allow, &cookies).await), "", "the session is still good enough");
    provider.clock.forward(Duration::from_secs(101));
    login_page(consent(&provider, &allow, &cookies).await).await;
}

#[tokio::test]
async fn a_consent_is_remembered_for_what_was_shown() {
    let provider = Provider::start().await;
    let cookies = provider.browser_with_session().await;
    let allow = async |client: &str, extra: &str| {
        let form = question(get(&provider, &authorize_path(client, extra), &cookies).await).await;
        assert_eq!(error(&consent(&provider, &format!("{form}&decision=allow"), &cookies).await), "");
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
                let page = text(get(&provider, &path(""), &cookies).await).await;
                assert!(page.contains("a program on this device") && page.contains("Native"), "{id}: {page}");
                let (sealed, token) = (field(&page, SEALED_REQUEST), field(&page, "form_token"));
                let form = format!("{SEALED_REQUEST}={sealed}&decision=allow&form_token={token}");
                assert!(code(&consent(&provider, &form, &cookies).await), "{id}");
            }
            // Logging in is acting, too.
            let login = login_page(get(&provider, &path("&prompt=login"), &cookies).await).await;
            let (session, back) = provider.log_in(&browser, &login, None).await;
            assert!(code(&get(&provider, &back, &provider.cookies(&browser, Some(&session))).await), "{id}");
        }
    }
    assert!(!text(get(&provider, &authorize_path("third", ""), &cookies).await).await.contains("on this device"));
}

#[tokio::test]
async fn a_session_ends_with_its_person() {
    let provider = Provider::start().await;
    let cookies = provider.browser_with_session().await;
    provider.app.core.delete_entry(&provider.pool, &operator(), provider.alice).await.unwrap();
    login_page(get(&provider, &authorize_path("demo-app", ""), &cookies).await).await;
}

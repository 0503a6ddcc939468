//! Who is asked before a client gets a code, and how often.

use super::*;

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

/// The answer of a question may be sent twice, by a double click or from the history. Where the
/// request was met by a login that was made for it, that login answers it once. Otherwise it is
/// worth what the application's link is worth that led there: what the session gives, and no demand
/// that the session does not meet.
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

/// A login that was made for a request answers it once, be it with a no.
#[tokio::test]
async fn what_was_declined_is_not_asked_again() {
    let provider = Provider::start().await;
    let cookies = provider.browser_with_session().await;
    let browser = cookie_value(&cookies);
    let page = login_page(get(&provider, &authorize_path("third", "&prompt=login"), &cookies).await).await;
    let (session, back) = provider.log_in(&browser, &page, None).await;
    let cookies = provider.cookies(&browser, Some(&session));
    let form = question(get(&provider, &back, &cookies).await).await;
    assert_eq!(error(&consent(&provider, &format!("{form}&decision=deny"), &cookies).await), "access_denied");
    assert!(is_refused(&consent(&provider, &format!("{form}&decision=allow"), &cookies).await));
    assert!(is_refused(&get(&provider, &back, &cookies).await));
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

use super::*;
use crate::directory::{Modification, ModificationKind};
use crate::oidc::{authorize, logout, token};
use crate::pool::Status;
use crate::store::{Prefix, Space};

const BYE: &str = "https://app.example/bye";

async fn get(provider: &Provider, query: &str, cookies: &str) -> Response {
    let request = with(provider.request(Method::GET, &format!("/oauth2/logout?{query}")), "cookie", cookies);
    answered(logout::get(&provider.app, &request).await, &request)
}

async fn post(provider: &Provider, form: &str, cookies: &str) -> Response {
    let request = with(provider.form("/oauth2/logout", form), "cookie", cookies);
    answered(logout::post(&provider.app, &request).await, &request)
}

/// An ID token that the browser's session gave to a client, and the grant of its access token.
async fn id_token(provider: &Provider, client: &str, cookies: &str) -> (String, GrantId) {
    let request = with(provider.request(Method::GET, &authorize_path(client, "")), "cookie", cookies);
    let response = answered(authorize::get(&provider.app, &request).await, &request);
    let code = header(&response, "location").split_once("code=").unwrap().1.split('&').next().unwrap().to_owned();
    let grant = application::find_code(provider.pool.store(), &provider.client(client), &code).unwrap().unwrap().0.grant;
    let body = format!(
        "grant_type=authorization_code&code={code}&redirect_uri={REDIRECT}&code_verifier={VERIFIER}&client_id={client}&client_secret={SECRET}"
    );
    let request = provider.form("/oauth2/token", &body);
    let (_, tokens) = json(answered(token::post(&provider.app, &request).await, &request)).await;
    (tokens["id_token"].as_str().unwrap().to_owned(), grant)
}

async fn is_logged_in(provider: &Provider, cookies: &str) -> bool {
    let request = with(provider.request(Method::GET, "/"), "cookie", cookies);
    provider.app.entrance.session(&request).await.unwrap().is_some()
}

#[tokio::test]
async fn an_id_token_ends_the_session_at_once() {
    let provider = Provider::start().await;
    let cookies = provider.browser_with_session().await;
    let (hint, grant) = id_token(&provider, "demo-app", &cookies).await;
    // Long expired is fine (section 2).
    provider.clock.forward(Duration::from_secs(590));
    assert!(application::find_grant(provider.pool.store(), grant, provider.clock.now()).unwrap().is_some());
    let response = get(&provider, &format!("id_token_hint={hint}&post_logout_redirect_uri={BYE}&state=a%26b"), &cookies).await;
    assert_eq!(header(&response, "location"), format!("{BYE}?state=a%26b"));
    assert!(header(&response, "set-cookie").contains("Max-Age=0"));
    assert!(!is_logged_in(&provider, &cookies).await);
    assert!(application::find_grant(provider.pool.store(), grant, provider.clock.now()).unwrap().is_none(), "what it gave ends with it");
    // Once more: nobody is logged in, and the browser still gets where it wanted.
    let response = get(&provider, &format!("id_token_hint={hint}&post_logout_redirect_uri={BYE}"), &cookies).await;
    assert_eq!(header(&response, "location"), BYE);
}

#[tokio::test]
async fn without_a_hint_the_person_is_asked() {
    let provider = Provider::start().await;
    let cookies = provider.browser_with_session().await;
    let query = format!("client_id=demo-app&post_logout_redirect_uri={BYE}&state=s");
    let page = get(&provider, &query, &cookies).await;
    assert_eq!(page.status(), StatusCode::OK);
    assert!(is_logged_in(&provider, &cookies).await);
    let page = text(page).await;
    let token = page.split("name=\"form_token\" value=\"").nth(1).unwrap().split('"').next().unwrap();

    for form in [query.clone(), format!("{query}&form_token={}", "A".repeat(43))] {
        let response = post(&provider, &form, &cookies).await;
        assert!(header(&response, "location").starts_with(&format!("{ISSUER}/oauth2/logout?client_id=demo-app&")));
        assert!(is_logged_in(&provider, &cookies).await, "{form}");
    }
    let response = post(&provider, &format!("{query}&form_token={token}"), &cookies).await;
    assert_eq!(header(&response, "location"), format!("{BYE}?state=s"));
    assert!(!is_logged_in(&provider, &cookies).await);
}

#[tokio::test]
async fn nobody_is_sent_where_the_client_has_not_said() {
    let provider = Provider::start().await;
    let cookies = provider.browser_with_session().await;
    let (hint, _) = id_token(&provider, "demo-app", &cookies).await;
    for query in [
        format!("post_logout_redirect_uri={BYE}"),
        format!("client_id=nobody&post_logout_redirect_uri={BYE}"),
        format!("client_id=spa&post_logout_redirect_uri={BYE}"),
        format!("client_id=es&id_token_hint={hint}&post_logout_redirect_uri={BYE}"),
        format!("id_token_hint={hint}&post_logout_redirect_uri={BYE}/"),
        format!("id_token_hint={hint}&post_logout_redirect_uri=https://evil.example/"),
        format!("id_token_hint={hint}&post_logout_redirect_uri={REDIRECT}"),
        format!("id_token_hint={hint}&post_logout_redirect_uri={BYE}&post_logout_redirect_uri={BYE}"),
        format!("id_token_hint={hint}x&post_logout_redirect_uri={BYE}"),
        "id_token_hint=x".to_owned(),
    ] {
        for response in [get(&provider, &query, &cookies).await, post(&provider, &query, &cookies).await] {
            assert_eq!((response.status(), header(&response, "location").as_str()), (StatusCode::BAD_REQUEST, ""), "{query}");
        }
    }
    assert!(is_logged_in(&provider, &cookies).await);
    let nobody = get(&provider, "", "").await;
    assert_eq!((nobody.status(), header(&nobody, "location").as_str()), (StatusCode::OK, ""));
}

#[tokio::test]
async fn a_session_that_cannot_be_used_just_now_ends_all_the_same() {
    let provider = Provider::start().await;
    let core = &provider.app.core;
    let disabled = |value: &str| {
        let attribute = Attribute::new("poolgateAccountDisabled", [value]);
        [Modification { kind: ModificationKind::Replace, attribute }]
    };
    for suspended in [false, true] {
        let cookies = provider.browser_with_session().await;
        let (hint, grant) = id_token(&provider, "demo-app", &cookies).await;
        match suspended {
            true => core.registry.set_status(provider.pool.id(), &operator(), Status::Suspended).await.map(drop),
            false => core.modify_entry(&provider.pool, &operator(), provider.alice, &disabled("TRUE")).await.map(drop),
        }
        .unwrap();
        assert!(!is_logged_in(&provider, &cookies).await);
        let query = if suspended { String::new() } else { format!("id_token_hint={hint}") };
        let bye = get(&provider, &query, &cookies).await;
        assert!(header(&bye, "set-cookie").contains("Max-Age=0"));
        core.registry.set_status(provider.pool.id(), &operator(), Status::Active).await.unwrap();
        core.modify_entry(&provider.pool, &operator(), provider.alice, &disabled("FALSE")).await.unwrap();
        assert!(!is_logged_in(&provider, &cookies).await, "it does not come back");
        assert!(application::find_grant(provider.pool.store(), grant, provider.clock.now()).unwrap().is_none());
    }
}

#[tokio::test]
async fn no_code_outlives_a_logout_that_it_races() {
    let provider = Provider::start().await;
    for _ in 0..20 {
        let cookies = provider.browser_with_session().await;
        let session = cookies.rsplit('=').next().unwrap();
        let request = with(provider.request(Method::GET, &authorize_path("demo-app", "")), "cookie", &cookies);
        let origin = Origin { face: Face::Oidc, address: None };
        let both = futures_util::future::join(
            authorize::get(&provider.app, &request),
            provider.app.core.end_session(&provider.pool, session, origin),
        );
        let (answer, ended) = both.await;
        ended.unwrap();
        assert_eq!(answered(answer, &request).status(), StatusCode::SEE_OTHER);
        assert_eq!(provider.pool.store().scan(&Prefix::space(Space::Grant), None).count(), 0);
    }
}

#[tokio::test]
async fn a_hint_about_somebody_else_ends_nothing() {
    let provider = Provider::start().await;
    let cookies = provider.browser_with_session().await;
    let code = provider.code("unused", "demo-app").await;
    let staff = directory(&provider.pool).resolve(&Dn::parse("cn=staff,ou=groups,o=acme").unwrap()).unwrap();
    provider.put_code("c", &Code { entry: staff, amr: vec!["fed".into()], password_proof: None, ..code }).await;
    let body = format!(
        "grant_type=authorization_code&code=c&redirect_uri={REDIRECT}&code_verifier={VERIFIER}&client_id=demo-app&client_secret={SECRET}"
    );
    let request = provider.form("/oauth2/token", &body);
    let (_, tokens) = json(answered(token::post(&provider.app, &request).await, &request)).await;
    let page = get(&provider, &format!("id_token_hint={}", tokens["id_token"].as_str().unwrap()), &cookies).await;
    assert_eq!(page.status(), StatusCode::OK);
    assert!(is_logged_in(&provider, &cookies).await);
}

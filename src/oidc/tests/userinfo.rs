use super::*;
use crate::oidc::{token, userinfo};

async fn access_token(provider: &Provider, code: &str) -> String {
    let body = format!(
        "grant_type=authorization_code&code={code}&redirect_uri={REDIRECT}&code_verifier={VERIFIER}&client_id=demo-app&client_secret={SECRET}"
    );
    let request = provider.form("/oauth2/token", &body);
    let (_, tokens) = json(answered(token::post(&provider.app, &request).await, &request)).await;
    tokens["access_token"].as_str().unwrap_or_else(|| panic!("{tokens}")).to_owned()
}

async fn ask(provider: &Provider, request: PoolRequest) -> (u16, Value, String) {
    let response = answered(userinfo::answer(&provider.app, &request).await, &request);
    let challenge = header(&response, "www-authenticate");
    let (status, document) = json(response).await;
    (status.as_u16(), document, challenge)
}

fn get(provider: &Provider, token: &str) -> PoolRequest {
    with(provider.request(Method::GET, "/oauth2/userinfo"), "authorization", &format!("Bearer {token}"))
}

#[tokio::test]
async fn a_token_opens_what_its_scopes_name() {
    let provider = Provider::start().await;
    provider.code("c", "demo-app").await;
    let token = access_token(&provider, "c").await;
    let by_form = provider.form("/oauth2/userinfo", &format!("access_token={token}"));
    let by_post = with(
        PoolRequest { method: Method::POST, ..provider.request(Method::POST, "/oauth2/userinfo") },
        "authorization",
        &format!("bearer {token}"),
    );
    for request in [get(&provider, &token), by_form, by_post] {
        let (status, claims, _) = ask(&provider, request).await;
        assert_eq!(status, 200, "{claims}");
        let uuid = directory(&provider.pool).entry(provider.alice).unwrap().unwrap().uuid().to_string();
        assert_eq!(claims["sub"], uuid);
        assert_eq!((&claims["name"], &claims["preferred_username"]), (&"Alice Liddell".into(), &"alice".into()));
        assert_eq!(claims["email"], "alice@acme.example");
        assert_eq!(claims["groups"], serde_json::json!(["authors", "staff"]));
        for absent in ["email_verified", "phone_number", "address", "userPassword"] {
            assert!(claims.get(absent).is_none(), "{absent}");
        }
    }
}

#[tokio::test]
async fn address_and_phone() {
    let provider = Provider::start().await;
    let code = provider.code("unused", "demo-app").await;
    provider.put_code("c", &Code { scopes: ["openid", "address", "phone"].map(String::from).into(), ..code }).await;
    let token = access_token(&provider, "c").await;
    let (_, claims, _) = ask(&provider, get(&provider, &token)).await;
    assert_eq!(claims["address"], serde_json::json!({ "formatted": "1 Deanery Road\nOxford", "locality": "Oxford" }));
    assert_eq!(claims["phone_number"], "+44 20 7946 0000");
    assert!(claims.get("email").is_none() && claims.get("name").is_none());
}

#[tokio::test]
async fn what_is_no_token_is_refused_in_the_way_of_bearer_tokens() {
    let provider = Provider::start().await;
    provider.code("c", "demo-app").await;
    let good = access_token(&provider, "c").await;
    let id_token = {
        provider.code("d", "demo-app").await;
        let body = format!(
            "grant_type=authorization_code&code=d&redirect_uri={REDIRECT}&code_verifier={VERIFIER}&client_id=demo-app&client_secret={SECRET}"
        );
        let request = provider.form("/oauth2/token", &body);
        let (_, tokens) = json(answered(token::post(&provider.app, &request).await, &request)).await;
        tokens["id_token"].as_str().unwrap().to_owned()
    };
    let (head, rest) = good.split_once('.').unwrap();
    let unsigned = format!("eyJhbGciOiJub25lIn0.{rest}");
    for (token, error) in [
        ("x", "invalid_token"),
        (&id_token, "invalid_token"),
        (&unsigned, "invalid_token"),
        (&format!("{head}.{rest}x"), "invalid_token"),
        ("a b", "invalid_request"),
    ] {
        let (status, document, challenge) = ask(&provider, get(&provider, token)).await;
        assert_eq!(document["error"], error, "{token}");
        assert_eq!(status, if error == "invalid_token" { 401 } else { 400 });
        assert!(challenge.contains(&format!("error=\"{error}\"")), "{challenge}");
    }
    let (status, _, challenge) = ask(&provider, provider.request(Method::GET, "/oauth2/userinfo")).await;
    assert_eq!((status, challenge.as_str()), (401, format!("Bearer realm=\"{ISSUER}\"").as_str()), "nothing presented, no error code");
    let (status, ..) = ask(&provider, provider.request(Method::GET, &format!("/oauth2/userinfo?access_token={good}"))).await;
    assert_eq!(status, 401, "never from the query");
    let both = with(provider.form("/oauth2/userinfo", &format!("access_token={good}")), "authorization", &format!("Bearer {good}"));
    assert_eq!(ask(&provider, both).await.0, 400);
    let twice = with(get(&provider, &good), "authorization", &format!("Bearer {good}"));
    assert_eq!(ask(&provider, twice).await.0, 400);
    let elsewhere = PoolRequest { base: PoolUrl::new("https://login.example/pools/other"), ..get(&provider, &good) };
    assert_eq!(ask(&provider, elsewhere).await.0, 401, "another issuer");
}

#[tokio::test]
async fn a_token_ends_with_its_time_its_grant_its_client_and_its_person() {
    let provider = Provider::start().await;
    let mut tokens = Vec::new();
    for code in ["a", "b", "c", "d"] {
        let record = provider.code(code, "demo-app").await;
        tokens.push((record, access_token(&provider, code).await));
    }
    let status = async |token: &str| ask(&provider, get(&provider, token)).await.0;

    let mut changes = Changes::new();
    application::delete_grant(&mut changes, tokens[0].0.grant);
    provider.pool.store().commit(changes).await.unwrap();
    assert_eq!((status(&tokens[0].1).await, status(&tokens[1].1).await), (401, 200));

    // A second use of the code.
    let body = format!(
        "grant_type=authorization_code&code=b&redirect_uri={REDIRECT}&code_verifier={VERIFIER}&client_id=demo-app&client_secret={SECRET}"
    );
    let request = provider.form("/oauth2/token", &body);
    let _ = token::post(&provider.app, &request).await;
    assert_eq!((status(&tokens[1].1).await, status(&tokens[2].1).await), (401, 200));

    let client = application::find_client(provider.pool.store(), "demo-app").unwrap().unwrap();
    let mut changes = Changes::new();
    application::delete_client(&mut changes, &client.client_id);
    provider.pool.store().commit(changes).await.unwrap();
    assert_eq!(status(&tokens[2].1).await, 401);
    provider.put(&client).await;
    assert_eq!(status(&tokens[2].1).await, 401, "another client has the identifier now");

    provider.code("f", "demo-app").await;
    tokens[2].1 = access_token(&provider, "f").await;
    provider.clock.forward(Duration::from_secs(599));
    assert_eq!(status(&tokens[2].1).await, 200);
    provider.clock.forward(Duration::from_secs(1));
    assert_eq!(status(&tokens[2].1).await, 401);

    provider.code("e", "demo-app").await;
    let token = access_token(&provider, "e").await;
    assert_eq!(status(&token).await, 200);
    provider.app.core.delete_entry(&provider.pool, &operator(), provider.alice).await.unwrap();
    assert_eq!(status(&token).await, 401);
}

#[tokio::test]
async fn without_openid_nothing_is_told() {
    let provider = Provider::start().await;
    let code = provider.code("unused", "demo-app").await;
    provider.put_code("c", &Code { scopes: vec!["email".into()], ..code }).await;
    let token = access_token(&provider, "c").await;
    let (status, document, challenge) = ask(&provider, get(&provider, &token)).await;
    assert_eq!((status, document["error"].as_str()), (403, Some("insufficient_scope")));
    assert!(challenge.contains("insufficient_scope"));
}

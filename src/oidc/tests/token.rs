use super::*;
use crate::audit::{self, Action};
use crate::oidc::token;
use crate::policy::clock::SKEW;
use crate::work::testing::keep_busy;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::FutureExt;
use futures_util::future::join_all;
use openidconnect::core::{CoreIdToken, CoreIdTokenVerifier, CoreJsonWebKeySet, CoreJwsSigningAlgorithm, CoreTokenResponse};
use openidconnect::{IssuerUrl, Nonce, OAuth2TokenResponse};

fn body(code: &str, extra: &str) -> String {
    format!("grant_type=authorization_code&code={code}&redirect_uri={REDIRECT}&code_verifier={VERIFIER}{extra}")
}

fn basic(request: PoolRequest, credentials: &str) -> PoolRequest {
    with(request, "authorization", &format!("Basic {}", STANDARD.encode(credentials)))
}

async fn post(provider: &Provider, request: PoolRequest) -> (StatusCode, Value) {
    json(answered(token::post(&provider.app, &request).await, &request)).await
}

async fn redeem(provider: &Provider, code: &str) -> (StatusCode, Value) {
    post(provider, basic(provider.form("/oauth2/token", &body(code, "")), "demo-app:demo-secret")).await
}

fn error(answer: &(StatusCode, Value)) -> (u16, &str) {
    (answer.0.as_u16(), answer.1["error"].as_str().unwrap_or("none"))
}

#[tokio::test]
async fn a_code_becomes_tokens() {
    let provider = Provider::start().await;
    let record = provider.code("c", "demo-app").await;
    let (status, tokens) = redeem(&provider, "c").await;
    assert_eq!(status, StatusCode::OK, "{tokens}");
    assert_eq!((tokens["token_type"].as_str(), tokens["expires_in"].as_i64()), (Some("Bearer"), Some(600)));
    assert_eq!(tokens["scope"], "openid profile email groups");
    let now = provider.clock.now();
    let grant = application::find_grant(provider.pool.store(), record.grant, now).unwrap().unwrap();
    assert_eq!((grant.client_id.as_str(), grant.entry, grant.session), ("demo-app", provider.alice, [3; 32]));
    assert!(application::find_grant(provider.pool.store(), record.grant, now.plus(Duration::from_secs(600))).unwrap().is_none());
}

/// What signs is a job: nobody's requests stand behind a signature.
#[tokio::test]
async fn tokens_are_signed_by_a_job() {
    let provider = Provider::start().await;
    // The key is there by now.
    provider.code("first", "spa").await;
    let spa = |code| post(&provider, provider.form("/oauth2/token", &body(code, "&client_id=spa")));
    assert_eq!(spa("first").await.0, StatusCode::OK);
    provider.code("second", "spa").await;
    let work = &provider.app.core.work;
    let busy = keep_busy(work).await;
    let mut signed = std::pin::pin!(spa("second"));
    while work.waiting() == 0 {
        assert!((&mut signed).now_or_never().is_none());
        tokio::task::yield_now().await;
    }
    busy.end().await;
    assert_eq!(signed.await.0, StatusCode::OK);
}

/// The keys as a relying party gets them.
async fn keys(provider: &Provider) -> String {
    let request = provider.request(Method::GET, "/.well-known/jwks.json");
    text(answered(crate::oidc::discovery::key_set(&provider.app, &request).await, &request)).await
}

#[tokio::test]
async fn relying_parties_accept_the_id_token() {
    let provider = Provider::start().await;
    for (client, algorithm) in
        [("demo-app", CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256), ("es", CoreJwsSigningAlgorithm::EcdsaP256Sha256)]
    {
        provider.code(client, client).await;
        let request = provider.form("/oauth2/token", &body(client, &format!("&client_id={client}&client_secret={SECRET}")));
        let (_, tokens) = post(&provider, request).await;
        let parsed: CoreTokenResponse = serde_json::from_value(tokens.clone()).unwrap();
        assert!(!parsed.access_token().secret().is_empty());
        let id_token: CoreIdToken = tokens["id_token"].as_str().unwrap().parse().unwrap();
        let keys: CoreJsonWebKeySet = serde_json::from_str(&keys(&provider).await).unwrap();
        let issuer = IssuerUrl::new(ISSUER.into()).unwrap();
        let now = provider.clock.now().seconds();
        let verifier = CoreIdTokenVerifier::new_confidential_client(
            openidconnect::ClientId::new(client.into()),
            openidconnect::ClientSecret::new(SECRET.into()),
            issuer,
            keys,
        )
        .set_allowed_algs([algorithm])
        .set_time_fn(move || "2027-01-15T08:00:00Z".parse().unwrap());
        let claims = id_token.claims(&verifier, &Nonce::new("the-nonce".into())).unwrap();
        assert_eq!(claims.subject().as_str(), directory(&provider.pool).entry(provider.alice).unwrap().unwrap().uuid().to_string());
        assert_eq!(claims.auth_time().unwrap().timestamp(), now - 30);
        assert_eq!((claims.issue_time().timestamp(), claims.expiration().timestamp()), (now, now + 600));
        assert_eq!(claims.preferred_username().unwrap().as_str(), "alice");
        assert_eq!(claims.email().unwrap().as_str(), "alice@acme.example");
        assert!(id_token.claims(&verifier, &Nonce::new("another".into())).is_err());
    }
}

#[tokio::test]
async fn the_claims_of_both_tokens() {
    let provider = Provider::start().await;
    provider.code("c", "demo-app").await;
    let (_, tokens) = redeem(&provider, "c").await;
    let keys: jsonwebtoken::jwk::JwkSet = serde_json::from_str(&keys(&provider).await).unwrap();
    let verify = |token: &str, audience: &str| {
        let header = jsonwebtoken::decode_header(token).unwrap();
        let key = keys.find(header.kid.as_deref().unwrap()).unwrap();
        let mut validation = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::RS256);
        validation.set_audience(&[audience]);
        validation.set_issuer(&[ISSUER]);
        validation.validate_exp = false;
        let decoded = jsonwebtoken::decode::<Value>(token, &jsonwebtoken::DecodingKey::from_jwk(key).unwrap(), &validation).unwrap();
        (header.typ.unwrap(), decoded.claims)
    };
    let (typ, id) = verify(tokens["id_token"].as_str().unwrap(), "demo-app");
    assert_eq!(typ, "JWT");
    assert_eq!((id["acr"].as_str(), &id["amr"]), (Some("1"), &serde_json::json!(["pwd"])));
    assert_eq!(id["groups"], serde_json::json!(["authors", "staff"]));
    assert!(id.get("at_hash").is_none() && id.get("phone_number").is_none());
    let (typ, access) = verify(tokens["access_token"].as_str().unwrap(), ISSUER);
    assert_eq!(typ, "at+jwt");
    for claim in ["iss", "aud", "sub", "client_id", "iat", "exp", "jti", "scope", "grant", "auth_time"] {
        assert!(access.get(claim).is_some(), "{claim}");
    }
    assert!(access.get("email").is_none());
}

/// A code ends a minute after it is given. One that ends later was given by a clock that was ahead.
#[tokio::test]
async fn a_code_of_the_future_is_not_redeemed() {
    let provider = Provider::start().await;
    let code = provider.code("unused", "demo-app").await;
    for (text, ahead, expected) in [("a", SKEW, (200, "none")), ("b", SKEW + Duration::from_secs(1), (400, "invalid_grant"))] {
        let grant = GrantId::draw(provider.app.core.entropy.as_ref());
        provider.put_code(text, &Code { grant, expires: code.expires.plus(ahead), ..code.clone() }).await;
        assert_eq!(error(&redeem(&provider, text).await), expected, "{ahead:?}");
    }
}

#[tokio::test]
async fn without_openid_there_is_no_id_token() {
    let provider = Provider::start().await;
    let code = provider.code("unused", "demo-app").await;
    provider.put_code("c", &Code { scopes: vec!["email".into()], ..code }).await;
    let (status, tokens) = redeem(&provider, "c").await;
    assert_eq!((status, tokens.get("id_token")), (StatusCode::OK, None));
}

#[tokio::test]
async fn clients_prove_who_they_are() {
    let provider = Provider::start().await;
    // Client id in the code's request, Basic credentials, further form fields; status and error.
    type Case = (&'static str, Option<&'static str>, &'static str, (u16, &'static str));
    let cases: &[Case] = &[
        ("demo-app", Some("demo-app:demo-secret"), "", (200, "none")),
        ("demo-app", Some("demo-app:demo-secret"), "&client_id=demo-app", (200, "none")),
        ("demo-app", None, "&client_id=demo-app&client_secret=demo-secret", (200, "none")),
        ("spa", None, "&client_id=spa", (200, "none")),
        ("basic", Some("basic:demo-secret"), "", (200, "none")),
        ("post", None, "&client_id=post&client_secret=demo-secret", (200, "none")),
        ("basic", None, "&client_id=basic&client_secret=demo-secret", (401, "invalid_client")),
        ("post", Some("post:demo-secret"), "", (401, "invalid_client")),
        ("demo-app", Some("demo-app:wrong"), "", (401, "invalid_client")),
        ("demo-app", None, "&client_id=demo-app&client_secret=wrong", (401, "invalid_client")),
        ("demo-app", None, "&client_id=demo-app", (401, "invalid_client")),
        ("demo-app", None, "&client_id=demo-app&client_secret=", (401, "invalid_client")),
        ("demo-app", None, "", (401, "invalid_client")),
        ("demo-app", None, "&client_id=nobody&client_secret=demo-secret", (401, "invalid_client")),
        ("demo-app", Some("nobody:demo-secret"), "", (401, "invalid_client")),
        ("spa", None, "&client_id=spa&client_secret=demo-secret", (401, "invalid_client")),
        ("spa", Some("spa:demo-secret"), "", (401, "invalid_client")),
        ("demo-app", Some("demo-app:demo-secret"), "&client_secret=demo-secret", (400, "invalid_request")),
        ("demo-app", Some("demo-app:demo-secret"), "&client_id=spa", (400, "invalid_request")),
        ("demo-app", Some("demo-app:demo-secret"), "&code=again", (400, "invalid_request")),
        ("demo-app", None, "&client_id=demo-app&client_assertion=x", (401, "invalid_client")),
        ("demo-app", Some("spa"), "", (401, "invalid_client")),
        // Another client's code.
        ("demo-app", Some("es:demo-secret"), "", (400, "invalid_grant")),
        ("demo-app", None, "&client_id=spa", (400, "invalid_grant")),
    ];
    for (place, (owner, credentials, extra, expected)) in cases.iter().enumerate() {
        let code = format!("code-{place}");
        provider.code(&code, owner).await;
        let mut request = provider.form("/oauth2/token", &body(&code, extra));
        if let Some(credentials) = credentials {
            request = basic(request, credentials);
        }
        let response = answered(token::post(&provider.app, &request).await, &request);
        let challenged = header(&response, "www-authenticate").starts_with("Basic ");
        let answer = json(response).await;
        assert_eq!(error(&answer), *expected, "{credentials:?} {extra} {}", answer.1);
        assert_eq!(challenged, credentials.is_some() && expected.1 == "invalid_client", "{credentials:?} {extra}");
    }
    let failures = || {
        let query = audit::Query { action: Some(Action::ClientAuthentication), limit: 100, ..audit::Query::default() };
        audit::query(provider.pool.store(), &query).unwrap().into_iter().map(|(_, event)| event.unwrap().count).sum::<u32>()
    };
    assert_eq!(failures(), 0, "none is written by itself: a wrong secret costs nothing to try");
    provider.app.core.flush_audit().await.unwrap();
    assert_eq!(failures(), 10, "those of clients that are none too");
}

#[tokio::test]
async fn what_is_wrong_with_a_request() {
    let provider = Provider::start().await;
    provider.code("c", "demo-app").await;
    let credentials = "&client_id=demo-app&client_secret=demo-secret";
    for (body, expected) in [
        (String::new(), (401, "invalid_client")),
        (credentials.into(), (400, "invalid_request")),
        (format!("grant_type=password&username=alice&password=x{credentials}"), (400, "unsupported_grant_type")),
        (format!("grant_type=client_credentials{credentials}"), (400, "unsupported_grant_type")),
        (format!("grant_type=authorization_code{credentials}"), (400, "invalid_request")),
        (format!("grant_type=authorization_code&code=c&code_verifier={VERIFIER}{credentials}"), (400, "invalid_request")),
        (format!("grant_type=authorization_code&code=unknown&redirect_uri={REDIRECT}{credentials}"), (400, "invalid_grant")),
        (body("c", &format!("{credentials}&grant_type=authorization_code")), (400, "invalid_request")),
        (body("c", credentials).replace(REDIRECT, "https://app.example/callback/"), (400, "invalid_grant")),
        (body("c", &format!("{credentials}&x=%")), (400, "invalid_request")),
        (body("c", &format!("{credentials}&x={}", "x".repeat(13_000))), (400, "invalid_request")),
    ] {
        let answer = post(&provider, provider.form("/oauth2/token", &body)).await;
        assert_eq!(error(&answer), expected, "{body:.200}");
    }
    let json_body = PoolRequest { headers: HeaderMap::new(), ..provider.form("/oauth2/token", &body("c", credentials)) };
    assert_eq!(error(&post(&provider, with(json_body, "content-type", "application/json")).await), (400, "invalid_request"));
    assert_eq!(error(&redeem(&provider, "c").await), (200, "none"), "no refusal has spent the code");
}

#[tokio::test]
async fn pkce_at_the_token_endpoint() {
    let provider = Provider::start().await;
    let verifier = format!("&code_verifier={VERIFIER}");
    let wrong = format!("&code_verifier={}", "x".repeat(43));
    let plain = format!("&code_verifier={CHALLENGE}");
    let challenge = Some(CHALLENGE.to_owned());
    for (client, challenge, sent, expected) in [
        ("demo-app", &challenge, verifier.as_str(), "none"),
        ("demo-app", &challenge, "", "invalid_grant"),
        ("demo-app", &challenge, "&code_verifier=", "invalid_grant"),
        ("demo-app", &challenge, &wrong, "invalid_grant"),
        ("demo-app", &challenge, &plain, "invalid_grant"),
        ("demo-app", &challenge, "&code_verifier=short", "invalid_grant"),
        ("demo-app", &None, "", "invalid_grant"),
        ("demo-app", &None, &verifier, "invalid_grant"),
        ("lax", &challenge, &verifier, "none"),
        ("lax", &challenge, "", "invalid_grant"),
        ("lax", &None, "", "none"),
        ("lax", &None, &verifier, "invalid_grant"),
    ] {
        let code = format!("{client}-{}-{sent}", challenge.is_some()).replace(['&', '='], "-");
        let record = provider.code(&format!("unused-{code}"), client).await;
        provider.put_code(&code, &Code { challenge: challenge.clone(), ..record }).await;
        let body =
            format!("grant_type=authorization_code&code={code}&redirect_uri={REDIRECT}&client_id={client}&client_secret={SECRET}{sent}");
        let answer = post(&provider, provider.form("/oauth2/token", &body)).await;
        assert_eq!(error(&answer).1, expected, "{client} {challenge:?} {sent} {}", answer.1);
    }
}

#[tokio::test]
async fn of_two_redemptions_one_wins() {
    let provider = Provider::start().await;
    let record = provider.code("c", "demo-app").await;
    let answers = join_all((0..12).map(|_| redeem(&provider, "c"))).await;
    assert_eq!(answers.iter().filter(|answer| error(answer) == (200, "none")).count(), 1);
    assert_eq!(answers.iter().filter(|answer| error(answer) == (400, "invalid_grant")).count(), 11);
    assert!(
        application::find_grant(provider.pool.store(), record.grant, provider.clock.now()).unwrap().is_none(),
        "the others have taken it back"
    );
}

#[tokio::test]
async fn a_second_use_takes_back_what_the_first_gave() {
    let provider = Provider::start().await;
    let record = provider.code("c", "demo-app").await;
    assert_eq!(error(&redeem(&provider, "c").await), (200, "none"));
    let grant = || application::find_grant(provider.pool.store(), record.grant, provider.clock.now()).unwrap();
    let other = basic(provider.form("/oauth2/token", &body("c", "")), "es:demo-secret");
    assert_eq!(error(&post(&provider, other).await), (400, "invalid_grant"));
    assert!(grant().is_some(), "another client cannot take it back");
    // Long after the code itself would have ended.
    provider.clock.forward(Duration::from_secs(300));
    let replay = async || {
        let request = basic(provider.form("/oauth2/token", "grant_type=authorization_code&code=c"), "demo-app:demo-secret");
        assert_eq!(error(&post(&provider, request).await), (400, "invalid_grant"));
    };
    replay().await;
    assert!(grant().is_none());
    let told = || -> Vec<u32> {
        let query = audit::Query { action: Some(Action::TokenIssue), limit: 100, ..audit::Query::default() };
        let events = audit::query(provider.pool.store(), &query).unwrap().into_iter().map(|(_, event)| event.unwrap());
        events.filter(|event| event.reason == Some(audit::Reason::Replayed)).map(|event| event.count).collect()
    };
    assert_eq!(told(), [1]);
    for _ in 0..5 {
        replay().await;
    }
    assert_eq!(told(), [1], "one code fills no log");
    provider.app.core.flush_audit().await.unwrap();
    assert_eq!(told(), [1, 5]);
}

#[tokio::test]
async fn a_code_ends_after_a_minute() {
    let provider = Provider::start().await;
    for (code, seconds, expected) in [("a", 59, (200, "none")), ("b", 60, (400, "invalid_grant"))] {
        provider.code(code, "demo-app").await;
        provider.clock.forward(Duration::from_secs(seconds));
        assert_eq!(error(&redeem(&provider, code).await), expected);
    }
}

#[tokio::test]
async fn nobody_gets_tokens_about_somebody_who_is_gone() {
    let provider = Provider::start().await;
    provider.code("c", "demo-app").await;
    let mut changes = Changes::new();
    directory(&provider.pool).delete(&mut changes, provider.alice, &operator()).unwrap();
    provider.pool.store().commit(changes).await.unwrap();
    assert_eq!(error(&redeem(&provider, "c").await), (400, "invalid_grant"));
}

#[tokio::test]
async fn a_verified_secret_is_remembered_until_it_changes() {
    let provider = Provider::start().await;
    let hashed = |provider: &Provider| application::find_client(provider.pool.store(), "demo-app").unwrap().unwrap();
    provider.code("a", "demo-app").await;
    assert_eq!(error(&redeem(&provider, "a").await), (200, "none"));
    let (_, other) = SecretHash::generate(provider.app.core.entropy.as_ref());
    provider.put(&Client { secret: Some(other), ..hashed(&provider) }).await;
    provider.code("b", "demo-app").await;
    assert_eq!(error(&redeem(&provider, "b").await), (401, "invalid_client"));
}

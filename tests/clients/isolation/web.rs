//! Isolation over HTTP.

use super::{ELSEWHERE, NOWHERE, alike, pear_app, pear_provider, two_pools};
use crate::web_client::{Application, Browser, Reply, ServiceProvider, other};

/// A browser with those cookies.
fn browser(cookies: &[(&str, &str)]) -> Browser {
    let mut browser = Browser::new();
    cookies.iter().for_each(|(name, value)| browser.set_cookie(name, value));
    browser
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_of_one_pool_is_nobody_in_the_other() {
    let server = two_pools().await;
    let (demo, pear) = (Application::demo(&server), pear_app(&server));
    let mut alice = Browser::new();
    alice.code(&demo, "alice", "alice-demo-password").await;
    let session = alice.cookie("poolgate-1-session").unwrap().to_owned();
    let made_up = other(&session);

    for url in [pear.authorize(), pear_provider(&server).sign_on(&server)] {
        let nobody = browser(&[]).get(&url).await;
        assert!(nobody.login_page().unwrap().action.ends_with("/pools/suppliers/login"));
        for cookie in ["poolgate-1-session", "poolgate-2-session"] {
            for value in [&session, &made_up] {
                assert_eq!(browser(&[(cookie, value)]).get(&url).await.without_draws(), nobody.without_draws(), "{cookie}");
            }
        }
    }
    let silent = pear.authorize_with(&[("prompt", "none")]);
    let there = browser(&[("poolgate-2-session", &session)]).get(&silent).await;
    assert_eq!(there.parameter("error").as_deref(), Some("login_required"));

    // Leaving the other pool with it ends nothing here.
    let leave = format!("{}/oauth2/logout", pear.issuer);
    let replies =
        [browser(&[("poolgate-2-session", &session)]).get(&leave).await, browser(&[("poolgate-2-session", &made_up)]).get(&leave).await];
    alike((&session, &replies[0]), (&made_up, &replies[1]));
    assert!(alice.is_logged_in(&demo).await);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_waits_in_one_pool_does_not_wait_in_the_other() {
    let server = two_pools().await;
    let mut mine = Browser::new();
    let page = mine.login_page(&Application::demo(&server).authorize()).await;
    let key = mine.cookie("poolgate-1-browser").unwrap().to_owned();
    let issuer = server.issuer("suppliers");
    let mut foreign = browser(&[("poolgate-1-browser", &key), ("poolgate-2-browser", &key)]);

    // The request that travels with the form.
    let (sealed, made_up) = (page.sealed_request.as_str(), other(&page.sealed_request));
    for path in ["/login", "/login/with/suppliers", "/oauth2/authorize", "/oauth2/consent", "/saml2/sso"] {
        let mut replies = Vec::new();
        for request in [sealed, &made_up] {
            let fields = [
                ("sealed_request", request),
                ("form_token", &page.form_token),
                ("username", "erin"),
                ("password", "erin-demo-password"),
                ("decision", "allow"),
            ];
            replies.push(foreign.post(&format!("{issuer}{path}"), &fields).await);
        }
        alike((sealed, &replies[0]), (&made_up, &replies[1]));
        assert_eq!(replies[0].status, 400, "{path}: {:?}", replies[0]);
        assert!(replies[0].header("set-cookie").is_none(), "{path}");
    }

    // The request that is stored since the login.
    let back = mine.submit(&page, "alice", "alice-demo-password").await.location().to_owned();
    let id = back.split_once("interaction=").unwrap().1;
    let made_up = other(id);
    for path in ["/oauth2/authorize", "/saml2/sso"] {
        let url = |id: &str| format!("{issuer}{path}?interaction={id}");
        let replies = [foreign.get(&url(id)).await, foreign.get(&url(&made_up)).await];
        alike((id, &replies[0]), (&made_up, &replies[1]));
        assert_eq!(replies[0].status, 400, "{path}: {:?}", replies[0]);
    }

    // It still waits where it began.
    assert!(mine.get(&back).await.parameter("code").is_some());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_of_one_pool_is_unknown_in_the_other_and_stays_good_in_its_own() {
    let server = two_pools().await;
    let (demo, pear) = (Application::demo(&server), pear_app(&server));
    let mut browser = Browser::new();
    let code = browser.code(&demo, "alice", "alice-demo-password").await;
    let made_up = other(&code);
    let replies = [browser.redeem(&pear, &code).await, browser.redeem(&pear, &made_up).await];
    alike((&code, &replies[0]), (&made_up, &replies[1]));
    assert_eq!((replies[0].status, replies[0].json()["error"].as_str()), (400, Some("invalid_grant")));

    let redeemed = browser.redeem(&demo, &code).await;
    assert_eq!(redeemed.status, 200, "{redeemed:?}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_of_one_pool_are_worth_nothing_in_the_other() {
    let server = two_pools().await;
    let (demo, pear) = (Application::demo(&server), pear_app(&server));
    let mut browser = Browser::new();
    let tokens = browser.tokens(&demo, "alice", "alice-demo-password").await;
    // The other pool has a signing key of its own by now.
    let own = browser.tokens(&pear, "erin", "erin-demo-password").await;
    assert_eq!(browser.userinfo(&pear.issuer, &own.access).await.json()["preferred_username"], "erin");

    let made_up = other(&tokens.access);
    let replies = [browser.userinfo(&pear.issuer, &tokens.access).await, browser.userinfo(&pear.issuer, &made_up).await];
    alike((&tokens.access, &replies[0]), (&made_up, &replies[1]));
    assert_eq!((replies[0].status, replies[0].json()["error"].as_str()), (401, Some("invalid_token")));

    let hint = other(&tokens.id);
    let logout = |hint: &str| format!("{}/oauth2/logout?id_token_hint={hint}", pear.issuer);
    let replies = [browser.get(&logout(&tokens.id)).await, browser.get(&logout(&hint)).await];
    alike((&tokens.id, &replies[0]), (&hint, &replies[1]));
    assert!(browser.is_logged_in(&pear).await, "a foreign hint ends no session");
    let authorize = |hint: &str| pear.authorize_with(&[("id_token_hint", hint)]);
    let replies = [browser.get(&authorize(&tokens.id)).await, browser.get(&authorize(&hint)).await];
    alike((&tokens.id, &replies[0]), (&hint, &replies[1]));
    assert_eq!(replies[0].parameter("error").as_deref(), Some("invalid_request"));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn applications_of_one_pool_are_unknown_in_the_other() {
    let server = two_pools().await;
    let (demo, pear) = (Application::demo(&server), pear_app(&server));
    let (there, not_there) = ("demo-app", "none-app");
    let at_pear = |id: &str| Application { issuer: pear.issuer.clone(), id: id.to_owned(), ..demo.clone() };
    let mut browser = Browser::new();

    let replies = [browser.get(&at_pear(there).authorize()).await, browser.get(&at_pear(not_there).authorize()).await];
    alike((there, &replies[0]), (not_there, &replies[1]));
    assert_eq!(replies[0].status, 400, "an error page, and no redirect");
    let code = other(&browser.code(&pear, "erin", "erin-demo-password").await);
    let replies = [browser.redeem(&at_pear(there), &code).await, browser.redeem(&at_pear(not_there), &code).await];
    alike((there, &replies[0]), (not_there, &replies[1]));
    assert_eq!((replies[0].status, replies[0].json()["error"].as_str()), (401, Some("invalid_client")));
    let logout = |id: &str| format!("{}/oauth2/logout?client_id={id}&post_logout_redirect_uri=http://localhost:9090/callback", pear.issuer);
    let replies = [browser.get(&logout(there)).await, browser.get(&logout(not_there)).await];
    alike((there, &replies[0]), (not_there, &replies[1]));
    // A code of this pool's own client is not the other pool's client's either.
    let code = browser.code(&pear, "erin", "erin-demo-password").await;
    assert_eq!(browser.redeem(&at_pear(there), &code).await.json()["error"], "invalid_client");

    let (there, not_there) = ("http://localhost:9091/metadata", "http://localhost:9099/metadata");
    let request = |entity_id| ServiceProvider::new(&server, "suppliers", entity_id, "http://localhost:9091/acs").sign_on(&server);
    let replies = [browser.get(&request(there)).await, browser.get(&request(not_there)).await];
    // Slashes are escaped on pages, so only the part that differs is taken out.
    alike(("localhost:9091", &replies[0]), ("localhost:9099", &replies[1]));
    assert_eq!(replies[0].status, 404, "{:?}", replies[0]);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn upstreams_of_one_pool_are_unknown_in_the_other() {
    let server = two_pools().await;
    let pear = pear_app(&server);
    let mut browser = Browser::new();
    let page = browser.login_page(&pear.authorize()).await;
    let replies = [browser.leave_for(&page, ELSEWHERE).await, browser.leave_for(&page, NOWHERE).await];
    // The pool's own URL holds the other name too.
    let plain = |reply: &Reply| reply.without(ELSEWHERE).without(NOWHERE);
    assert_eq!(plain(&replies[0]), plain(&replies[1]));
    assert_eq!(replies[0].status, 404, "{:?}", replies[0]);

    // A login that acme has sent to its upstream comes back to acme or to nobody.
    let mut away = Browser::new();
    let page = away.login_page(&Application::demo(&server).authorize()).await;
    let sent = away.leave_for(&page, "suppliers").await;
    let state = sent.parameter("state").unwrap();
    let key = away.cookie("poolgate-1-browser").unwrap().to_owned();
    let mut foreign = Browser::new();
    foreign.set_cookie("poolgate-2-browser", &key);
    let made_up = other(&state);
    let back = |state: &str| format!("{}/oauth2/idpresponse?state={state}&code=x", pear.issuer);
    let replies = [foreign.get(&back(&state)).await, foreign.get(&back(&made_up)).await];
    alike((&state, &replies[0]), (&made_up, &replies[1]));
    assert!(replies[0].header("set-cookie").is_none());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn people_of_one_pool_are_unknown_names_in_the_other() {
    let server = two_pools().await;
    for url in [pear_app(&server).authorize(), pear_provider(&server).sign_on(&server)] {
        let mut browser = Browser::new();
        let page = browser.login_page(&url).await;
        for (there, not_there) in [
            ("alice", "nobod"),
            ("alice@acme.example", "nobod@acme.example"),
            ("alice@acme", "nobod@acme"),
            ("uid=alice,ou=people,o=acme", "uid=nobod,ou=people,o=acme"),
        ] {
            let replies =
                [browser.submit(&page, there, "alice-demo-password").await, browser.submit(&page, not_there, "alice-demo-password").await];
            alike((there, &replies[0]), (not_there, &replies[1]));
            assert_eq!(replies[0].status, 401, "{there}");
        }
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_is_found_by_its_slug_and_by_nothing_else_of_it() {
    let server = two_pools().await;
    let public = &server.running.addresses().public_url;
    let mut browser = Browser::new();
    for (there, not_there) in [("1", "9"), ("o=acme", "o=none"), ("ACME", "NONE"), ("Acme", "None")] {
        let url = |name: &str| format!("{public}/pools/{name}/.well-known/openid-configuration");
        let replies = [browser.get(&url(there)).await, browser.get(&url(not_there)).await];
        assert_eq!(replies[0], replies[1], "{there}");
        assert_eq!(replies[0].status, 404, "{there}");
    }
    // Operators come through the socket: over TCP there is no admin API, under no pool.
    for path in ["/api/v1/pools", "/api/v1/pools/acme/users/alice", "/pools/suppliers/api/v1/pools/acme", "/pools/acme/api/v1/pools"] {
        let nothing = browser.get(&format!("{public}/nothing")).await;
        assert_eq!(browser.get(&format!("{public}{path}")).await, nothing, "{path}");
    }
    server.stop().await;
}

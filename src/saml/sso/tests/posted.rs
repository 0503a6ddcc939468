//! Requests that come by POST, and are brought back by the browser with its cookies.

use super::*;

#[tokio::test]
async fn a_posted_request_is_brought_back_by_the_browser_with_its_cookies() {
    let house = House::build().await;
    let mut browser = Browser::logged_in(&house, "alice").await;
    let before = browser.cookies.clone();
    let stored = house.stored_requests();
    let handed_over = browser.post(&house, &house.form("")).await;
    assert_eq!(browser.cookies, before);
    let answer = browser.go_on(&house, &handed_over).await;
    assert_eq!(browser.cookies, before);
    assert_eq!(name_id(&answer.assertion(&house).await).len(), 43);
    assert_eq!(answer.field("RelayState").as_deref(), Some("s"));
    assert_eq!(house.stored_requests(), stored, "nothing waits");
    // Another site that posts what it was given is answered like the first time, or it would part
    // the browser from its key.
    assert_eq!(browser.post(&house, &handed_over.way_on()).await.way_on(), handed_over.way_on());
    assert_eq!(browser.cookies, before);
    house.pass(Duration::from_secs(300));
    assert_eq!(browser.go_on(&house, &handed_over).await.status, 400, "too late");
}

#[tokio::test]
async fn a_posted_request_without_a_session_leads_to_the_login() {
    let house = House::build().await;
    let mut browser = Browser::default();
    let handed_over = browser.post(&house, &house.form("")).await;
    assert!(browser.cookies.is_empty());
    let login = browser.go_on(&house, &handed_over).await;
    assert_eq!(house.stored_requests(), 0);
    let back = browser.log_in(&house, &login, "alice").await;
    browser.get(&house, &back).await.assertion(&house).await;
    assert_eq!(browser.get(&house, &back).await.status, 400);
    // Without cookies it leads to the login page and no further, not round and round.
    let mut bare = Browser::default();
    assert!(bare.go_on(&house, &handed_over).await.is_login());
}

#[tokio::test]
async fn hundreds_of_posted_requests_from_an_address_keep_nobody_there_out() {
    let house = House::build().await;
    for _ in 0..600 {
        let handed_over = Browser::default().post(&house, &house.form("")).await;
        assert_eq!(handed_over.status, 200);
        assert!(Browser::default().go_on(&house, &handed_over).await.is_login());
    }
    assert_eq!(house.stored_requests(), 0);
    let mut browser = Browser::default();
    let handed_over = browser.post(&house, &house.form("")).await;
    let login = browser.go_on(&house, &handed_over).await;
    let back = browser.log_in(&house, &login, "alice").await;
    browser.get(&house, &back).await.assertion(&house).await;
}

/// Session fixation: somebody begins a request, and lets a victim log in to it.
#[tokio::test]
async fn a_request_that_somebody_has_prepared_is_no_way_to_the_login_of_another() {
    let house = House::build().await;
    let mut attacker = Browser::default();
    let asked = attacker.get(&house, &house.query("")).await;
    let sealed = asked.field(SEALED_REQUEST).unwrap();
    let victim = Browser::logged_in(&house, "alice").await;
    let key = |browser: &Browser| {
        let request = browser.request(&house, Method::POST, "/login", "", "");
        BrowserKey::from_cookie(browser::existing(&request).unwrap().expose())
    };
    let opened = |by: &Browser| house.core.unseal(&house.pool, &sealed, Form::Login, &key(by)).unwrap();
    assert!(matches!(opened(&attacker), Unsealed::Own(_)));
    assert!(matches!(opened(&victim), Unsealed::OfAnotherBrowser(_)), "it is the attacker's browser's");
    // With the attacker's key planted the victim can log in to it, and the attacker gets nothing of
    // that.
    let mut planted = attacker.clone();
    let back = planted.log_in(&house, &asked, "alice").await;
    assert!(attacker.get(&house, &back).await.is_login());
    planted.get(&house, &back).await.assertion(&house).await;
    assert_eq!(attacker.get(&house, &back).await.status, 400);
}

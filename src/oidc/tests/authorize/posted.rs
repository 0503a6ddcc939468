//! Requests that come by POST, and are brought back by the browser with its cookies.

use super::*;

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
    // Another site that posts what it was given parts no browser from its key: the cookies have
    // stayed at home.
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

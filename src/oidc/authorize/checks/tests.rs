#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use super::*;
use crate::application::{AuthMethod, ClientId, RedirectUri, SecretHash};
use crate::model::Entropy;
use proptest::prelude::*;

/// RFC 7636, appendix B.
pub(in crate::oidc) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

const REDIRECT: &str = "https://app.example/callback";

pub(in crate::oidc) struct Zeros;

impl Entropy for Zeros {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.fill(0);
    }
}

fn client(public: bool, require_pkce: bool) -> Client {
    let client = Client::public(ClientId::parse("app").unwrap(), "App", vec![RedirectUri::parse(REDIRECT).unwrap()]);
    match public {
        true => Client { require_pkce, ..client },
        false => Client { require_pkce, secret: Some(SecretHash::generate(&Zeros).1), auth_method: AuthMethod::Secret, ..client },
    }
}

fn run(query: &str, client: Client) -> Result<AuthorizationRequest, Error> {
    check(&Parameters::parse(query.as_bytes()).unwrap(), Some(client))
}

/// A good request of a client that may do without PKCE, with something added.
pub(in crate::oidc) fn checked(extra: &str) -> Result<AuthorizationRequest, Error> {
    run(&format!("client_id=app&redirect_uri={REDIRECT}&response_type=code&scope=openid+email&state=s{extra}"), client(false, false))
}

fn outcome(result: Result<AuthorizationRequest, Error>) -> &'static str {
    match result {
        Ok(_) => "fine",
        Err(Error::Page(_)) => "page",
        Err(Error::Redirect(refusal, reply)) => {
            assert_eq!(reply.redirect_uri, REDIRECT);
            refusal.code.name()
        }
        Err(_) => panic!("no error of this endpoint"),
    }
}

#[test]
fn a_good_request_is_read() {
    let request = checked("&nonce=n&prompt=login&max_age=60&login_hint=alice&unknown=x&ui_locales=de").unwrap();
    assert_eq!(request.scopes, [Scope::Openid, Scope::Email]);
    assert_eq!(request.nonce.as_deref(), Some("n"));
    assert_eq!(request.max_age, Some(Duration::from_secs(60)));
    assert_eq!(request.login_hint.as_deref(), Some("alice"));
    assert_eq!(request.reply.state.as_deref(), Some("s"));
}

#[test]
fn nothing_redirects_before_the_redirect_uri_is_known() {
    for query in [
        "",
        "redirect_uri=https://app.example/callback",
        "client_id=other&redirect_uri=https://app.example/callback",
        "client_id=app",
        "client_id=app&redirect_uri=",
        "client_id=app&redirect_uri=https://evil.example/",
        "client_id=app&client_id=app&redirect_uri=https://app.example/callback",
        "client_id=app&redirect_uri=https://app.example/callback&redirect_uri=https://app.example/callback",
        "client_id=app&redirect_uri=https://app.example/callback&redirect_uri=https://evil.example/",
    ] {
        assert_eq!(outcome(run(query, client(true, true))), "page", "{query}");
    }
    let parameters = Parameters::parse(b"client_id=app&redirect_uri=https://app.example/callback").unwrap();
    assert!(matches!(check(&parameters, None), Err(Error::Page(_))));
    let first_redirecting = CHECKS.iter().position(|check| check.may_redirect).unwrap();
    assert!(CHECKS[first_redirecting..].iter().all(|check| check.may_redirect));
}

#[test]
fn redirect_uri_attacks() {
    for uri in [
        "https://app.example/callback/",
        "https://app.example/callback/../evil",
        "https://app.example/callback%2f..",
        "https://app.example/callback?next=https://evil.example",
        "https://app.example/callback#",
        "https://app.example/callback%23",
        "https://app.example/callback\\",
        "https://app.example:443/callback",
        "https://app.example./callback",
        "https://APP.example/callback",
        "https://app.example@evil.example/callback",
        "https://evil.example/https://app.example/callback",
        "https://evil.example\\@app.example/callback",
        "https://app.example.evil.example/callback",
        "http://app.example/callback",
        "//app.example/callback",
        "javascript:alert(1)",
        "data:text/html,x",
        " https://app.example/callback",
        "https://app.example/callback\r\nSet-Cookie: x=y",
        "https://app.example/callback\u{0009}",
    ] {
        let query: Parameters =
            [("client_id", "app"), ("redirect_uri", uri), ("response_type", "code"), ("scope", "openid")].into_iter().collect();
        assert!(matches!(check(&query, Some(client(true, true))), Err(Error::Page(_))), "{uri}");
    }
}

#[test]
fn every_other_error_goes_to_the_client() {
    for (query, expected) in [
        ("response_type=code&scope=openid", "fine"),
        ("scope=openid", "invalid_request"),
        ("response_type=token&scope=openid", "unsupported_response_type"),
        ("response_type=code+id_token&scope=openid", "unsupported_response_type"),
        ("response_type=id_token&scope=openid&nonce=n", "unsupported_response_type"),
        ("response_type=none&scope=openid", "unsupported_response_type"),
        ("response_type=code", "invalid_scope"),
        ("response_type=code&scope=nothing", "invalid_scope"),
        ("response_type=code&scope=openid+nothing", "fine"),
        ("response_type=code&scope=openid&scope=openid", "invalid_request"),
        ("response_type=code&scope=openid&state=a&state=b", "invalid_request"),
        ("response_type=code&scope=openid&unknown=a&unknown=b", "invalid_request"),
        ("response_type=code&scope=openid&request=e30", "request_not_supported"),
        ("response_type=code&scope=openid&request_uri=https://app.example/r", "request_uri_not_supported"),
        ("response_type=code&scope=openid&registration=%7B%7D", "registration_not_supported"),
        ("response_type=code&scope=openid&response_mode=query", "fine"),
        ("response_type=code&scope=openid&response_mode=form_post", "fine"),
        ("response_type=code&scope=openid&response_mode=fragment", "invalid_request"),
        ("response_type=code&scope=openid&response_mode=web_message", "invalid_request"),
        ("response_type=code&scope=openid&prompt=none+login", "invalid_request"),
        ("response_type=code&scope=openid&prompt=create", "invalid_request"),
        ("response_type=code&scope=openid&max_age=-1", "invalid_request"),
        ("response_type=code&scope=openid&max_age=%2B1", "invalid_request"),
        ("response_type=code&scope=openid&max_age=soon", "invalid_request"),
        ("response_type=code&scope=openid&max_age=99999999999", "invalid_request"),
    ] {
        let query = format!("client_id=app&redirect_uri={REDIRECT}&{query}");
        assert_eq!(outcome(run(&query, client(false, false))), expected, "{query}");
    }
    let nonce = "n".repeat(MAX_NONCE + 1);
    assert_eq!(outcome(checked(&format!("&nonce={nonce}"))), "invalid_request");
}

#[test]
fn a_doubled_state_is_not_told() {
    match checked("&state=t") {
        Err(Error::Redirect(refusal, reply)) => assert_eq!((refusal.code, reply.state), (Code::InvalidRequest, None)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn pkce_downgrades() {
    let s256 = format!("&code_challenge={CHALLENGE}&code_challenge_method=S256");
    let plain = format!("&code_challenge={CHALLENGE}&code_challenge_method=plain");
    let unnamed = format!("&code_challenge={CHALLENGE}");
    let lower = format!("&code_challenge={CHALLENGE}&code_challenge_method=s256");
    let padded = format!("&code_challenge={CHALLENGE}%3D&code_challenge_method=S256");
    let twice = format!("{s256}&code_challenge={CHALLENGE}");
    let invalid = "invalid_request";
    for (public, require, extra, expected) in [
        (true, true, s256.as_str(), "fine"),
        (true, false, s256.as_str(), "fine"),
        (false, true, s256.as_str(), "fine"),
        (false, false, s256.as_str(), "fine"),
        (true, true, "", invalid),
        (true, false, "", invalid),
        (false, true, "", invalid),
        (false, false, "", "fine"),
        (false, false, &plain, invalid),
        (true, true, &plain, invalid),
        (true, true, &unnamed, invalid),
        (false, false, &unnamed, invalid),
        (true, true, &lower, invalid),
        (true, true, &padded, invalid),
        (true, true, &twice, invalid),
        (true, true, "&code_challenge=&code_challenge_method=S256", invalid),
        (false, false, "&code_challenge=&code_challenge_method=S256", invalid),
        (false, false, "&code_challenge_method=S256", invalid),
        (false, false, "&code_challenge=short&code_challenge_method=S256", invalid),
    ] {
        let query = format!("client_id=app&redirect_uri={REDIRECT}&response_type=code&scope=openid{extra}");
        assert_eq!(outcome(run(&query, client(public, require))), expected, "public {public} require {require} {extra}");
    }
}

proptest! {
    #[test]
    fn no_request_redirects_elsewhere(pairs in proptest::collection::vec((proptest::sample::select(KNOWN), "[ -~]{0,30}"), 0..12)) {
        let parameters: Parameters = pairs.iter().map(|(name, value)| (*name, value.as_str())).collect();
        match check(&parameters, Some(client(true, true))) {
            Ok(request) => prop_assert_eq!(request.reply.redirect_uri, REDIRECT),
            Err(Error::Redirect(_, reply)) => prop_assert_eq!(reply.redirect_uri, REDIRECT),
            Err(Error::Page(_)) => {}
            Err(_) => prop_assert!(false),
        }
    }
}

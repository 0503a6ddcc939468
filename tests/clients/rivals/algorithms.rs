//! Every algorithm that a token can claim, at every place that takes one.

use super::attempt::PASSWORD;
use super::pages::{ends_session, given};
use super::upstream::{Make, Upstream};
use crate::harness::TestServer;
use crate::web_client::{Application, Browser};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use poolgate::crypto::digest::{base64url, from_base64url};
use poolgate::crypto::jwt;
use poolgate::crypto::keys::{Algorithm, SigningKey};
use serde_json::{Value, json};
use std::sync::Arc;

/// Makes a signature of what a token signs.
type Sign = Box<dyn Fn(&str) -> Vec<u8> + Send + Sync>;

/// Makes a token: what signs is given the part that is signed.
struct Forgery {
    what: String,
    header: Value,
    sign: Sign,
}

impl Forgery {
    fn new(what: &str, header: Value, sign: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> Self {
        Self { what: format!("{what} {header}"), header, sign: Box::new(sign) }
    }

    /// A token of these claims.
    fn token(&self, claims: &[u8]) -> String {
        let signed = format!("{}.{}", base64url(self.header.to_string().as_bytes()), base64url(claims));
        format!("{signed}.{}", base64url(&(self.sign)(&signed)))
    }
}

/// The public key in the forms in which somebody could hand it to a MAC.
fn mac_keys(jwk: &Value) -> Vec<Vec<u8>> {
    let text = |name: &str| jwk[name].as_str().unwrap_or_default().to_owned();
    let numbers = [text("n"), text("x"), text("y")];
    let raw = numbers.iter().filter_map(|number| from_base64url(number)).filter(|number| !number.is_empty());
    let certificate = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(jwk.to_string()));
    let texts =
        [jwk.to_string(), text("kid"), text("n"), certificate, String::new(), "demo-secret".into(), "a secret of an upstream".into()];
    raw.chain(texts.into_iter().map(String::into_bytes)).collect()
}

/// Every way to forge a token of that type under a key that is published.
fn forgeries(typ: &str, jwk: &Value, bait: &str) -> Vec<Forgery> {
    let kid = jwk["kid"].clone();
    let header = |alg: &str| json!({ "typ": typ, "alg": alg, "kid": kid });
    let mut all = Vec::new();
    for alg in ["none", "None", "NONE", "nOnE", "", "null"] {
        all.push(Forgery::new("no signature", header(alg), |_| Vec::new()));
        all.push(Forgery::new("no signature, no key", json!({ "typ": typ, "alg": alg }), |_| Vec::new()));
    }
    for key in mac_keys(jwk) {
        for (alg, algorithm) in [("HS256", hmac::HMAC_SHA256), ("HS384", hmac::HMAC_SHA384), ("HS512", hmac::HMAC_SHA512)] {
            let key = hmac::Key::new(algorithm, &key);
            all.push(Forgery::new("a MAC", header(alg), move |signed| hmac::sign(&key, signed.as_bytes()).as_ref().to_vec()));
        }
    }
    for algorithm in [Algorithm::Rs256, Algorithm::Es256] {
        let foreign = Arc::new(SigningKey::generate(algorithm).unwrap());
        let sign = |foreign: &Arc<SigningKey>| {
            let foreign = Arc::clone(foreign);
            move |signed: &str| foreign.sign(signed.as_bytes()).unwrap()
        };
        for alg in ["RS256", "RS384", "RS512", "PS256", "PS512", "ES256", "ES384", "ES512", "ES256K", "EdDSA", "RS1"] {
            all.push(Forgery::new("another key", header(alg), sign(&foreign)));
        }
        let own = foreign.jwk();
        for more in [
            json!({ "jwk": own }),
            json!({ "jwk": own, "kid": foreign.kid() }),
            json!({ "jku": bait, "kid": foreign.kid() }),
            json!({ "x5u": bait, "kid": foreign.kid() }),
            json!({ "kid": foreign.kid() }),
            json!({ "kid": "../../../../dev/null" }),
            json!({ "kid": null }),
        ] {
            let mut header = header(algorithm.name());
            header.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            all.push(Forgery::new("a key that it brings", header, sign(&foreign)));
        }
    }
    for alg in ["RS256", "ES256"] {
        all.push(Forgery::new("zeros", header(alg), |_| vec![0; 64]));
        all.push(Forgery::new("zeros", header(alg), |_| vec![0; 256]));
    }
    all
}

/// The claims of a token as they stand.
fn payload(token: &str) -> Vec<u8> {
    from_base64url(token.split('.').nth(1).unwrap()).unwrap()
}

/// A token or a request object is taken with another algorithm than that of its key (Keycloak
/// CVE-2026-9793, WSO2 CVE-2026-5430).
#[tokio::test(flavor = "multi_thread")]
async fn no_place_takes_another_algorithm() {
    let server = TestServer::demo().await;
    let bait = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    bait.set_nonblocking(true).unwrap();
    let url = format!("http://{}/keys", bait.local_addr().unwrap());
    let application = Application::demo(&server);
    let issuer = &application.issuer;
    let mut browser = Browser::new();
    let tokens = browser.tokens(&application, "alice", PASSWORD).await;
    let jwks = browser.get(&format!("{issuer}/.well-known/jwks.json")).await.json();
    let used = from_base64url(tokens.access.split('.').next().unwrap()).unwrap();
    let used: Value = serde_json::from_slice(&used).unwrap();
    let jwk = jwks["keys"].as_array().unwrap().iter().find(|jwk| jwk["kid"] == used["kid"]).unwrap();
    let (access, id) = (payload(&tokens.access), payload(&tokens.id));
    let hint = |token: &str| application.authorize_with(&[("id_token_hint", token)]);
    let logout = |token: &str| format!("{issuer}/oauth2/logout?id_token_hint={token}");

    for forgery in forgeries("at+jwt", jwk, &url) {
        let reply = browser.userinfo(issuer, &forgery.token(&access)).await;
        assert_eq!((reply.status, given(&reply)), (401, vec![]), "userinfo: {}", forgery.what);
    }
    for forgery in forgeries("JWT", jwk, &url) {
        let token = forgery.token(&id);
        let reply = browser.get(&hint(&token)).await;
        assert_eq!(reply.parameter("error").as_deref(), Some("invalid_request"), "a hint: {}", forgery.what);
        let reply = browser.get(&logout(&token)).await;
        assert!(reply.status == 400 && !ends_session(&reply), "the logout: {}: {reply:?}", forgery.what);
        assert_eq!(browser.userinfo(issuer, &token).await.status, 401, "userinfo: {}", forgery.what);

        let request = json!({ "iss": application.id, "aud": issuer, "client_id": application.id, "redirect_uri": "https://evil.example" });
        let request = forgery.token(request.to_string().as_bytes());
        let reply = browser.get(&application.authorize_with(&[("request", &request)])).await;
        assert_eq!(reply.parameter("error").as_deref(), Some("request_not_supported"), "a request object: {}", forgery.what);
        assert!(reply.location().starts_with(&application.redirect_uri));

        let assertion = json!({ "iss": application.id, "sub": application.id, "aud": issuer, "exp": 4_000_000_000_i64, "jti": "1" });
        let assertion = forgery.token(assertion.to_string().as_bytes());
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", "x"),
            ("redirect_uri", application.redirect_uri.as_str()),
            ("client_id", application.id.as_str()),
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
            ("client_assertion", &assertion),
        ];
        let reply = browser.post(&format!("{issuer}/oauth2/token"), &fields).await;
        assert_eq!((reply.status, reply.json()["error"].as_str()), (401, Some("invalid_client")), "{}", forgery.what);
    }
    assert_eq!(browser.userinfo(issuer, &tokens.access).await.status, 200);
    assert!(browser.get(&hint(&tokens.id)).await.parameter("code").is_some());
    assert!(ends_session(&browser.get(&logout(&tokens.id)).await));
    assert_eq!(bait.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock, "somebody has called");
    server.stop().await;
}

/// The same class at the place where we are the application.
#[tokio::test(flavor = "multi_thread")]
async fn no_id_token_of_an_upstream_is_taken_with_another_algorithm() {
    let server = TestServer::demo().await;
    let upstream = Upstream::start(&server, "evil", &[]).await;
    let bait = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    bait.set_nonblocking(true).unwrap();
    let url = format!("http://{}/keys", bait.local_addr().unwrap());
    for key in [&upstream.rsa, &upstream.ec] {
        for forgery in forgeries("JWT", &key.jwk(), &url) {
            let what = forgery.what.clone();
            let make: Make = Arc::new(move |_, claims| forgery.token(claims.to_string().as_bytes()));
            upstream.told().make = make;
            assert_eq!(upstream.who(&server).await, None, "{what}");
        }
        let key = Arc::clone(key);
        upstream.told().make = Arc::new(move |_, claims| jwt::sign(&key, "JWT", claims).unwrap());
        assert!(upstream.who(&server).await.is_some());
    }
    assert_eq!(bait.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock, "somebody has called");
    server.stop().await;
}

use super::*;
use crate::crowd::requests::{Crowd, Limits};
use crate::crowd::{Gate, Room};
use crate::oidc::routes::routes;
use crate::web::Place;
use crate::web::http::Request;
use bytes::Bytes;
use http_body_util::Full;
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;

/// What the endpoints answer to a request that the listener has placed.
async fn call(provider: &Provider, method: &str, path: &str) -> Response {
    let peer = [192, 0, 2, 1].into();
    let guest = Gate::new(Room { places: 1, per_address: 1 }).enter(Some(peer)).unwrap();
    let entered = Crowd::new(Limits::of(8, 100)).arrive(peer).unwrap().enter(guest, None).unwrap();
    let place = Place { pool: provider.pool.clone(), base: PoolUrl::new(ISSUER), peer, entered };
    let mut request = Request::builder().method(method).uri(path).body(Full::new(Bytes::new())).unwrap();
    request.extensions_mut().insert(place);
    let service = TowerToHyperService::new(warp::service(routes(provider.app.entrance.clone())));
    service.call(request).await.unwrap()
}

#[tokio::test]
async fn every_endpoint_answers_at_its_path() {
    let provider = Provider::start().await;
    for (method, path, status) in [
        ("GET", "/.well-known/openid-configuration", 200),
        ("GET", "/.well-known/oauth-authorization-server", 200),
        ("GET", "/.well-known/jwks.json", 200),
        ("GET", "/oauth2/authorize", 400),
        ("POST", "/oauth2/authorize", 400),
        ("POST", "/oauth2/consent", 400),
        ("POST", "/oauth2/token", 400),
        ("GET", "/oauth2/userinfo", 401),
        ("POST", "/oauth2/userinfo", 401),
        ("GET", "/oauth2/logout", 200),
        ("POST", "/oauth2/logout", 303),
        ("OPTIONS", "/oauth2/token", 204),
        ("OPTIONS", "/oauth2/userinfo", 204),
        ("OPTIONS", "/.well-known/openid-configuration", 204),
        ("GET", "/oauth2/token", 405),
        ("PUT", "/oauth2/authorize", 405),
        ("GET", "/oauth2/token/x", 404),
        ("GET", "/", 404),
    ] {
        assert_eq!(call(&provider, method, path).await.status().as_u16(), status, "{method} {path}");
    }
}

#[tokio::test]
async fn scripts_of_other_origins_may_call_what_depends_on_no_cookie() {
    let provider = Provider::start().await;
    for (method, path, expected) in [
        ("GET", "/.well-known/openid-configuration", "*"),
        ("GET", "/.well-known/jwks.json", "*"),
        ("POST", "/oauth2/token", "*"),
        ("GET", "/oauth2/userinfo", "*"),
        ("OPTIONS", "/oauth2/token", "*"),
        ("GET", "/oauth2/authorize", ""),
        ("GET", "/oauth2/logout", ""),
        ("POST", "/oauth2/consent", ""),
    ] {
        let response = call(&provider, method, path).await;
        assert_eq!(header(&response, "access-control-allow-origin"), expected, "{method} {path}");
        assert_eq!(header(&response, "access-control-allow-credentials"), "", "{method} {path}");
    }
    let refused = call(&provider, "POST", "/oauth2/token").await;
    assert_eq!(header(&refused, "access-control-expose-headers"), "WWW-Authenticate, Retry-After");
    let preflight = call(&provider, "OPTIONS", "/oauth2/userinfo").await;
    assert_eq!(header(&preflight, "access-control-allow-headers"), "Authorization, Content-Type");
}

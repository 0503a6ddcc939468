//! The endpoints under the pool's URL.

use super::app::App;
use super::{authorize, consent, discovery, logout, token, userinfo};
use crate::entrance::Entrance;
use crate::web::http::header;
use crate::web::{self, MAX_BODY, PoolRequest, Response};
use std::sync::Arc;
use warp::Filter;
use warp::filters::BoxedFilter;

/// A route to a handler, whose errors are answered in the way of their endpoint.
macro_rules! route {
    ($matcher:expr, $app:expr, $handler:path) => {
        web::route($matcher.boxed(), MAX_BODY, Arc::clone($app), |app: Arc<App>, request: PoolRequest| async move {
            Ok::<Response, Response>($handler(&app, &request).await.unwrap_or_else(|error| error.respond(&request)))
        })
    };
}

/// The same for an endpoint that scripts of any origin may call: nothing it does depends on a
/// cookie.
macro_rules! public_route {
    ($matcher:expr, $app:expr, $handler:path) => {
        route!($matcher, $app, $handler).map(public).boxed()
    };
}

/// The provider's endpoints, which send people through that entrance; paths are relative to the
/// pool's URL.
///
/// A path is asked before a method: a method that is asked first would answer 405 for every path
/// that is not here.
pub fn routes(entrance: Entrance) -> BoxedFilter<(Response,)> {
    let app = &Arc::new(App::new(entrance));
    well_known(app).or(oauth2(app)).unify().boxed()
}

fn well_known(app: &Arc<App>) -> BoxedFilter<(Response,)> {
    let below = |name: &'static str| warp::path(".well-known").and(warp::path(name)).and(warp::path::end());
    let metadata = public_route!(below("openid-configuration").and(warp::get()), app, discovery::metadata);
    let rfc_8414 = public_route!(below("oauth-authorization-server").and(warp::get()), app, discovery::metadata);
    let keys = public_route!(below("jwks.json").and(warp::get()), app, discovery::key_set);
    let preflight = preflight(below("openid-configuration").or(below("jwks.json")).unify().boxed());
    metadata.or(rfc_8414).unify().boxed().or(keys).unify().boxed().or(preflight).unify().boxed()
}

fn oauth2(app: &Arc<App>) -> BoxedFilter<(Response,)> {
    let below = |name: &'static str| warp::path("oauth2").and(warp::path(name)).and(warp::path::end());
    let get_authorize = route!(below("authorize").and(warp::get()), app, authorize::get);
    let post_authorize = route!(below("authorize").and(warp::post()), app, authorize::post);
    let post_consent = route!(below("consent").and(warp::post()), app, consent::post);
    let get_logout = route!(below("logout").and(warp::get()), app, logout::get);
    let post_logout = route!(below("logout").and(warp::post()), app, logout::post);
    let post_token = public_route!(below("token").and(warp::post()), app, token::post);
    let get_userinfo = public_route!(below("userinfo").and(warp::get()), app, userinfo::answer);
    let post_userinfo = public_route!(below("userinfo").and(warp::post()), app, userinfo::answer);
    let preflight = preflight(below("token").or(below("userinfo")).unify().boxed());
    let pages = get_authorize.or(post_authorize).unify().boxed().or(post_consent).unify().boxed();
    let logout = get_logout.or(post_logout).unify().boxed();
    let machines = post_token.or(get_userinfo).unify().boxed().or(post_userinfo).unify().boxed().or(preflight).unify().boxed();
    pages.or(logout).unify().boxed().or(machines).unify().boxed()
}

/// The question of a browser before a script's request (Fetch standard, section 3.2.2).
fn preflight(paths: BoxedFilter<()>) -> BoxedFilter<(Response,)> {
    let answer = || {
        let response = web::with_header(public(web::no_content()), header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST");
        let response = web::with_header(response, header::ACCESS_CONTROL_ALLOW_HEADERS, "Authorization, Content-Type");
        web::with_header(response, header::ACCESS_CONTROL_MAX_AGE, "3600")
    };
    paths.and(warp::options()).map(answer).boxed()
}

fn public(response: Response) -> Response {
    let response = web::with_header(response, header::ACCESS_CONTROL_ALLOW_ORIGIN, "*");
    web::with_header(response, header::ACCESS_CONTROL_EXPOSE_HEADERS, "WWW-Authenticate, Retry-After")
}

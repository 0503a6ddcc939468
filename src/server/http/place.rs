//! Which pool a request is for, and which path there.

use super::Http;
use crate::crowd::requests::Entered;
use crate::pool::Status;
use crate::server::urls::Destination;
use crate::web::{Place, Response, problem};
use hyper::body::Incoming;
use std::net::IpAddr;
use warp::http::uri::{PathAndQuery, Uri};
use warp::http::{Method, Request, StatusCode};

/// Finds the pool, and leaves of the path what lies under the pool's URL.
pub fn place(
    http: &Http,
    host: &str,
    peer: IpAddr,
    entered: Entered,
    mut request: Request<Incoming>,
) -> Result<Request<Incoming>, Box<Response>> {
    let refuse = |status, text| Err(Box::new(problem::plain(status, text)));
    let path = request.uri().path().to_owned();
    let (slug, path) = match http.urls.destination(host, &path) {
        Destination::Pool { slug, path } => (slug.into_owned(), path.to_owned()),
        Destination::Server => return refuse(StatusCode::NOT_FOUND, "nothing is here"),
        Destination::Misdirected => return refuse(StatusCode::MISDIRECTED_REQUEST, "this server does not answer for that host"),
    };
    let pool = match http.core.registry.by_slug(&slug) {
        Ok(Some(pool)) if pool.status() != Status::Deleting => pool,
        Ok(_) => return refuse(StatusCode::NOT_FOUND, "nothing is here"),
        Err(error) => {
            tracing::error!(%error, "a pool cannot be looked up");
            return refuse(StatusCode::SERVICE_UNAVAILABLE, "the server cannot answer now");
        }
    };
    let rest = request.uri().query().map_or_else(|| path.clone(), |query| format!("{path}?{query}"));
    let Ok(rest) = PathAndQuery::try_from(rest) else {
        return refuse(StatusCode::BAD_REQUEST, "the path is not one");
    };
    *request.uri_mut() = Uri::from(rest);
    let base = http.urls.base(pool.slug().as_str());
    request.extensions_mut().insert(Place { pool, base, peer, entered });
    // HEAD is answered like GET, and the connection leaves the body out (RFC 9110, section 9.3.2).
    if request.method() == Method::HEAD {
        *request.method_mut() = Method::GET;
    }
    Ok(request)
}

//! How a path of the API becomes a handler.

use crate::admin::context::{App, Caller, Context, Segment};
use crate::admin::error::ApiError;
use crate::model::Result;
use crate::web::{MAX_BODY, Response, bounded_body, json, no_content, query};
use bytes::Bytes;
use serde::Serialize;
use std::future::Future;
use std::sync::Arc;
use warp::filters::BoxedFilter;
use warp::http::{Method, StatusCode};
use warp::{Filter, Rejection};

/// What a handler answers with.
pub enum Reply<T> {
    /// The document asked for.
    Found(T),
    /// The document of what was made.
    Made(T),
    /// Done.
    Done,
}

impl<T: Serialize> From<Reply<T>> for Response {
    fn from(reply: Reply<T>) -> Self {
        match reply {
            Reply::Found(document) => json(StatusCode::OK, &document),
            Reply::Made(document) => json(StatusCode::CREATED, &document),
            Reply::Done => no_content(),
        }
    }
}

/// The path of a list under a pool: `/api/v1/pools/{slug}/{kind}`.
pub fn list(kind: &'static str) -> BoxedFilter<(Vec<Segment>,)> {
    let path = warp::path!("api" / "v1" / "pools" / Segment / ..);
    path.and(warp::path(kind)).and(warp::path::end()).map(|pool| vec![pool]).boxed()
}

/// The path of one item: `/api/v1/pools/{slug}/{kind}/{name}`.
pub fn item(kind: &'static str) -> BoxedFilter<(Vec<Segment>,)> {
    let path = warp::path!("api" / "v1" / "pools" / Segment / ..);
    path.and(warp::path(kind)).and(warp::path::param::<Segment>()).and(warp::path::end()).map(|pool, name| vec![pool, name]).boxed()
}

/// The path of something of an item: `/api/v1/pools/{slug}/{kind}/{name}/{part}`.
pub fn part(kind: &'static str, part: &'static str) -> BoxedFilter<(Vec<Segment>,)> {
    let path = warp::path!("api" / "v1" / "pools" / Segment / ..);
    let path = path.and(warp::path(kind)).and(warp::path::param::<Segment>()).and(warp::path(part)).and(warp::path::end());
    path.map(|pool, name| vec![pool, name]).boxed()
}

/// The path of one item of a part: `/api/v1/pools/{slug}/{kind}/{name}/{part}/{member}`.
pub fn part_item(kind: &'static str, part: &'static str) -> BoxedFilter<(Vec<Segment>,)> {
    let path = warp::path!("api" / "v1" / "pools" / Segment / ..);
    let path = path
        .and(warp::path(kind))
        .and(warp::path::param::<Segment>())
        .and(warp::path(part))
        .and(warp::path::param::<Segment>())
        .and(warp::path::end());
    path.map(|pool, name, member| vec![pool, name, member]).boxed()
}

/// Joins a method, a path and a handler. The handler is given the variable parts of the path in their order.
pub fn on<H, F, T>(method: Method, path: BoxedFilter<(Vec<Segment>,)>, app: &Arc<App>, handler: H) -> BoxedFilter<(Response,)>
where
    H: Fn(Context, Vec<Segment>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Result<Reply<T>>> + Send,
    T: Serialize,
{
    let app = Arc::clone(app);
    path.and(of_method(method))
        .and(warp::ext::get::<Caller>())
        .and(query())
        .and(bounded_body(MAX_BODY))
        .then(move |path, caller: Caller, query: String, body: Result<Bytes>| {
            let (app, handler) = (Arc::clone(&app), handler.clone());
            async move {
                let answer = async {
                    let context = Context::new(app, &caller, &query, body.map_err(ApiError)?)?;
                    handler(context, path).await.map(Response::from).map_err(ApiError)
                };
                answer.await.unwrap_or_else(|error| error.into())
            }
        })
        .boxed()
}

/// Passes that method only.
fn of_method(method: Method) -> BoxedFilter<()> {
    match method {
        Method::GET => warp::get().boxed(),
        Method::POST => warp::post().boxed(),
        Method::PUT => warp::put().boxed(),
        Method::PATCH => warp::patch().boxed(),
        Method::DELETE => warp::delete().boxed(),
        _ => warp::any().and_then(|| async { Err::<(), Rejection>(warp::reject::not_found()) }).untuple_one().boxed(),
    }
}

/// The first, second or third variable part of a path, which the path has matched.
pub fn at(path: &[Segment], place: usize) -> Result<&Segment> {
    path.get(place).ok_or_else(|| crate::model::Error::internal("a path of the API has fewer parts than its handler reads"))
}

/// Joins routes.
pub fn any_of(routes: impl IntoIterator<Item = BoxedFilter<(Response,)>>) -> BoxedFilter<(Response,)> {
    let nothing = warp::any().and_then(|| async { Err::<Response, Rejection>(warp::reject::not_found()) }).boxed();
    routes.into_iter().fold(nothing, |all, route| all.or(route).unify().boxed())
}

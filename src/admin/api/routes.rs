//! Every path of the API, with its method and its handler.

use super::reply::Reply;
use super::{audit, clients, entries, groups, identity_providers, pools, service_providers, services, transfer, users};
use crate::admin::branch::Branch;
use crate::admin::context::{App, Caller, Context, Segment};
use crate::admin::error::ApiError;
use crate::admin::patch::MAX_PATCH;
use crate::model::Result;
use crate::pool::Status;
use crate::web::{MAX_BODY, Response, bounded_body, pieces, query};
use bytes::Bytes;
use serde::Serialize;
use std::future::Future;
use std::sync::Arc;
use warp::filters::BoxedFilter;
use warp::http::{HeaderMap, Method};
use warp::{Filter, Rejection};

/// Everything under `/api/v1`.
pub fn routes(app: Arc<App>) -> BoxedFilter<(Response,)> {
    let branches =
        [branch(&app, "users", Branch::PEOPLE), branch(&app, "groups", Branch::GROUPS), branch(&app, "services", Branch::SERVICES)];
    any_of([
        pools_routes(&app),
        any_of(branches),
        additions(&app),
        applications(&app),
        import(&app),
        on(Method::DELETE, list("import"), &app, transfer::give_up),
        export(&app),
        on(Method::GET, list("audit"), &app, audit::events),
    ])
}

fn pools_routes(app: &Arc<App>) -> BoxedFilter<(Response,)> {
    let all = warp::path!("api" / "v1" / "pools").map(Vec::new).boxed();
    let one = warp::path!("api" / "v1" / "pools" / Segment).map(|slug| vec![slug]).boxed();
    let suspend = warp::path!("api" / "v1" / "pools" / Segment / "suspend").map(|slug| vec![slug]).boxed();
    let resume = warp::path!("api" / "v1" / "pools" / Segment / "resume").map(|slug| vec![slug]).boxed();
    any_of([
        on(Method::GET, all.clone(), app, pools::list),
        on(Method::POST, all, app, pools::create),
        on(Method::GET, one.clone(), app, pools::show),
        on(Method::PATCH, one.clone(), app, pools::update),
        on(Method::DELETE, one, app, pools::delete),
        on(Method::POST, suspend, app, |context, path| pools::set_status(context, path, Status::Suspended)),
        on(Method::POST, resume, app, |context, path| pools::set_status(context, path, Status::Active)),
    ])
}

/// What users, groups and service accounts have in common.
fn branch(app: &Arc<App>, kind: &'static str, branch: Branch) -> BoxedFilter<(Response,)> {
    any_of([
        on(Method::GET, list(kind), app, move |context, path| entries::list(context, path, branch)),
        on(Method::GET, item(kind), app, move |context, path| entries::show(context, path, branch)),
        on(Method::PATCH, item(kind), app, move |context, path| entries::change(context, path, branch)),
        on(Method::DELETE, item(kind), app, move |context, path| entries::delete(context, path, branch)),
    ])
}

/// What each of them has of its own.
fn additions(app: &Arc<App>) -> BoxedFilter<(Response,)> {
    let (people, services) = (Branch::PEOPLE, Branch::SERVICES);
    any_of([
        on(Method::POST, list("users"), app, users::add),
        on(Method::POST, part("users", "password"), app, move |context, path| entries::set_password(context, path, people)),
        on(Method::POST, part("users", "unlock"), app, move |context, path| entries::unlock(context, path, people)),
        on(Method::POST, list("groups"), app, groups::add),
        on(Method::POST, part("groups", "members"), app, groups::add_member),
        on(Method::DELETE, part_item("groups", "members"), app, groups::remove_member),
        on(Method::POST, list("services"), app, services::add),
        on(Method::POST, part("services", "password"), app, move |context, path| entries::set_password(context, path, services)),
        on(Method::POST, part("services", "unlock"), app, move |context, path| entries::unlock(context, path, services)),
    ])
}

fn applications(app: &Arc<App>) -> BoxedFilter<(Response,)> {
    any_of([
        on(Method::GET, list("clients"), app, clients::all),
        on(Method::POST, list("clients"), app, clients::add),
        on(Method::GET, item("clients"), app, clients::show),
        on(Method::PATCH, item("clients"), app, clients::update),
        on(Method::DELETE, item("clients"), app, clients::delete),
        on(Method::POST, part("clients", "secret"), app, clients::set_secret),
        on(Method::POST, part("clients", "revoke"), app, clients::revoke),
        on(Method::GET, list("service-providers"), app, service_providers::all),
        on(Method::POST, list("service-providers"), app, service_providers::add),
        on(Method::GET, item("service-providers"), app, service_providers::show),
        on(Method::PATCH, item("service-providers"), app, service_providers::update),
        on(Method::DELETE, item("service-providers"), app, service_providers::delete),
        on(Method::GET, list("identity-providers"), app, identity_providers::all),
        on(Method::POST, list("identity-providers"), app, identity_providers::add),
        on(Method::GET, item("identity-providers"), app, identity_providers::show),
        on(Method::PATCH, item("identity-providers"), app, identity_providers::update),
        on(Method::DELETE, item("identity-providers"), app, identity_providers::delete),
    ])
}

/// The path of a list under a pool: `/api/v1/pools/{slug}/{kind}`.
fn list(kind: &'static str) -> BoxedFilter<(Vec<Segment>,)> {
    let path = warp::path!("api" / "v1" / "pools" / Segment / ..);
    path.and(warp::path(kind)).and(warp::path::end()).map(|pool| vec![pool]).boxed()
}

/// The path of one item: `/api/v1/pools/{slug}/{kind}/{name}`.
fn item(kind: &'static str) -> BoxedFilter<(Vec<Segment>,)> {
    let path = warp::path!("api" / "v1" / "pools" / Segment / ..);
    path.and(warp::path(kind)).and(warp::path::param::<Segment>()).and(warp::path::end()).map(|pool, name| vec![pool, name]).boxed()
}

/// The path of something of an item: `/api/v1/pools/{slug}/{kind}/{name}/{part}`.
fn part(kind: &'static str, part: &'static str) -> BoxedFilter<(Vec<Segment>,)> {
    let path = warp::path!("api" / "v1" / "pools" / Segment / ..);
    let path = path.and(warp::path(kind)).and(warp::path::param::<Segment>()).and(warp::path(part)).and(warp::path::end());
    path.map(|pool, name| vec![pool, name]).boxed()
}

/// The path of one item of a part: `/api/v1/pools/{slug}/{kind}/{name}/{part}/{member}`.
fn part_item(kind: &'static str, part: &'static str) -> BoxedFilter<(Vec<Segment>,)> {
    let path = warp::path!("api" / "v1" / "pools" / Segment / ..);
    let path = path
        .and(warp::path(kind))
        .and(warp::path::param::<Segment>())
        .and(warp::path(part))
        .and(warp::path::param::<Segment>())
        .and(warp::path::end());
    path.map(|pool, name, member| vec![pool, name, member]).boxed()
}

/// Joins a method, a path and a handler. The handler is given the variable parts of the path in
/// their order.
fn on<H, F, T>(method: Method, path: BoxedFilter<(Vec<Segment>,)>, app: &Arc<App>, handler: H) -> BoxedFilter<(Response,)>
where
    H: Fn(Context, Vec<Segment>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Result<Reply<T>>> + Send,
    T: Serialize,
{
    let app = Arc::clone(app);
    let limit = if method == Method::PATCH { MAX_PATCH } else { MAX_BODY };
    path.and(of_method(method.clone()))
        .and(warp::ext::get::<Caller>())
        .and(query())
        .and(warp::header::headers_cloned())
        .and(bounded_body(limit))
        .then(move |path, caller: Caller, query: String, headers: HeaderMap, body: Result<Bytes>| {
            let (app, handler, method) = (Arc::clone(&app), handler.clone(), method.clone());
            async move {
                let answer = async {
                    let context = Context::new(app, &caller, &query, body.map_err(ApiError)?)?;
                    let context = context.on_condition(&method, &headers).map_err(ApiError)?;
                    handler(context, path).await.map(Response::from).map_err(ApiError)
                };
                answer.await.unwrap_or_else(|error| error.into())
            }
        })
        .boxed()
}

/// An import takes a body of any size and answers piece by piece.
fn import(app: &Arc<App>) -> BoxedFilter<(Response,)> {
    let app = Arc::clone(app);
    list("import")
        .and(warp::post())
        .and(warp::ext::get::<Caller>())
        .and(query())
        .and(warp::body::stream())
        .then(move |path, caller: Caller, query: String, body| {
            let app = Arc::clone(&app);
            async move {
                let answer = async {
                    let context = Context::new(app, &caller, &query, Bytes::new())?;
                    transfer::import(context, path, body).await.map_err(ApiError)
                };
                answer.await.map_or_else(Into::into, |lines| pieces("application/x-ndjson", lines))
            }
        })
        .boxed()
}

/// An export answers piece by piece.
fn export(app: &Arc<App>) -> BoxedFilter<(Response,)> {
    let app = Arc::clone(app);
    list("export")
        .and(warp::get())
        .and(warp::ext::get::<Caller>())
        .then(move |path, caller: Caller| {
            let app = Arc::clone(&app);
            async move {
                let answer = async {
                    let context = Context::new(app, &caller, "", Bytes::new())?;
                    transfer::export(context, path).await.map_err(ApiError)
                };
                answer.await.map_or_else(Into::into, |file| pieces("application/ldif", file))
            }
        })
        .boxed()
}

/// Passes that method only.
fn of_method(method: Method) -> BoxedFilter<()> {
    match method {
        Method::GET => warp::get().boxed(),
        Method::POST => warp::post().boxed(),
        Method::PATCH => warp::patch().boxed(),
        Method::DELETE => warp::delete().boxed(),
        _ => warp::any().and_then(|| async { Err::<(), Rejection>(warp::reject::not_found()) }).untuple_one().boxed(),
    }
}

/// Joins routes.
fn any_of(routes: impl IntoIterator<Item = BoxedFilter<(Response,)>>) -> BoxedFilter<(Response,)> {
    let nothing = warp::any().and_then(|| async { Err::<Response, Rejection>(warp::reject::not_found()) }).boxed();
    routes.into_iter().fold(nothing, |all, route| all.or(route).unify().boxed())
}

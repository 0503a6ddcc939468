//! The paths of the API, one file for each kind of thing.

mod audit;
mod clients;
mod entries;
mod groups;
mod identity_providers;
mod pools;
mod route;
mod service_providers;
mod services;
mod users;

use super::App;
use crate::web::Response;
use std::sync::Arc;
use warp::Filter;
use warp::filters::BoxedFilter;

/// Everything under `/api/v1`.
pub fn routes(app: Arc<App>) -> BoxedFilter<(Response,)> {
    let entries = users::routes(&app).or(groups::routes(&app)).unify().or(services::routes(&app)).unify().boxed();
    let applications =
        clients::routes(&app).or(service_providers::routes(&app)).unify().or(identity_providers::routes(&app)).unify().boxed();
    pools::routes(&app).or(entries).unify().or(applications).unify().or(audit::routes(&app)).unify().boxed()
}

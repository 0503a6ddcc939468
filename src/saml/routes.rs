//! The paths of the room.

use super::wire::MAX_ENCODED;
use super::{metadata, sso};
use crate::entrance::Entrance;
use crate::web::{Response, route};
use std::sync::Arc;
use warp::Filter;
use warp::filters::BoxedFilter;

/// Everything under `/saml2` that an Identity Provider answers; people are sent through that
/// entrance.
pub fn routes(entrance: Entrance) -> BoxedFilter<(Response,)> {
    let show = route(warp::path!("saml2" / "metadata").and(warp::get()).boxed(), 0, Arc::clone(entrance.core()), metadata::show);
    let redirect = route(warp::path!("saml2" / "sso").and(warp::get()).boxed(), 0, entrance.clone(), sso::redirect);
    let post = route(warp::path!("saml2" / "sso").and(warp::post()).boxed(), MAX_ENCODED, entrance, sso::post);
    show.or(redirect).unify().or(post).unify().boxed()
}

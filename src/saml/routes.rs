//! The paths of the room.

use super::wire::MAX_ENCODED;
use super::{metadata, sso};
use crate::authn::Core;
use crate::web::{Response, route};
use std::sync::Arc;
use warp::Filter;
use warp::filters::BoxedFilter;

/// Everything under `/saml2` that an Identity Provider answers.
pub fn routes(core: Arc<Core>) -> BoxedFilter<(Response,)> {
    let show = route(warp::path!("saml2" / "metadata").and(warp::get()).boxed(), 0, core.clone(), metadata::show);
    let redirect = route(warp::path!("saml2" / "sso").and(warp::get()).boxed(), 0, core.clone(), sso::redirect);
    let post = route(warp::path!("saml2" / "sso").and(warp::post()).boxed(), MAX_ENCODED, core, sso::post);
    show.or(redirect).unify().or(post).unify().boxed()
}

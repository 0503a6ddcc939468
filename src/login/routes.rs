//! The paths of the room.

use super::{callback, form, logout};
use crate::authn::Core;
use crate::web::page::{self, PageError};
use crate::web::{MAX_BODY, Response, route};
use std::sync::Arc;
use warp::Filter;
use warp::filters::BoxedFilter;

/// Everything under `/login` and `/logout`, the answers of upstreams, the style sheet and the icon.
pub fn routes(core: Arc<Core>) -> BoxedFilter<(Response,)> {
    let show = route(warp::path!("login").and(warp::get()).boxed(), 0, core.clone(), form::show);
    let submit = route(warp::path!("login").and(warp::post()).boxed(), MAX_BODY, core.clone(), form::submit);
    let with = warp::path!("login" / "with" / String).map(|_| ()).untuple_one();
    let upstream = route(with.and(warp::post()).boxed(), MAX_BODY, core.clone(), callback::leave);
    let back = route(warp::path!("oauth2" / "idpresponse").and(warp::get()).boxed(), 0, core.clone(), callback::back);
    let of_one = warp::path!("oauth2" / "idpresponse" / String).map(|_| ()).untuple_one();
    let back_of_one = route(of_one.and(warp::get()).boxed(), 0, core.clone(), callback::back);
    let ask = route(warp::path!("logout").and(warp::get()).boxed(), 0, core.clone(), logout::ask);
    let leave = route(warp::path!("logout").and(warp::post()).boxed(), MAX_BODY, core, logout::leave);
    let asset = |path: BoxedFilter<()>, response: fn() -> Response| {
        route(path.and(warp::get()).boxed(), 0, (), move |(), _| async move { Ok::<_, PageError>(response()) })
    };
    let style = asset(warp::path!("assets" / "style.css").boxed(), page::style);
    let icon = asset(warp::path!("assets" / "icon.svg").boxed(), page::icon);
    let login = show.or(submit).unify().or(upstream).unify().or(back).unify().or(back_of_one).unify().boxed();
    login.or(ask).unify().or(leave).unify().or(style).unify().or(icon).unify().boxed()
}

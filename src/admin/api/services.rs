//! Service accounts: what legacy applications bind as.

use super::entries;
use super::route::{Reply, any_of, at, item, list, on, part};
use crate::admin::context::{App, Branch, Context, Segment};
use crate::admin::types::{Generated, NewService};
use crate::model::{Attribute, Result};
use crate::policy::access::EntryKind;
use crate::web::Response;
use std::sync::Arc;
use warp::filters::BoxedFilter;
use warp::http::Method;

const BRANCH: Branch = Branch::SERVICES;

pub fn routes(app: &Arc<App>) -> BoxedFilter<(Response,)> {
    any_of([
        on(Method::GET, list("services"), app, |context, path| entries::list(context, path, BRANCH, EntryKind::Service)),
        on(Method::POST, list("services"), app, add),
        on(Method::GET, item("services"), app, |context, path| entries::show(context, path, BRANCH)),
        on(Method::PATCH, item("services"), app, |context, path| entries::change(context, path, BRANCH)),
        on(Method::DELETE, item("services"), app, |context, path| entries::delete(context, path, BRANCH)),
        on(Method::POST, part("services", "password"), app, |context, path| entries::set_password(context, path, BRANCH)),
        on(Method::POST, part("services", "unlock"), app, |context, path| entries::unlock(context, path, BRANCH)),
    ])
}

/// Adds a service account; answers with its password if none was given.
async fn add(context: Context, path: Vec<Segment>) -> Result<Reply<Generated>> {
    let new: NewService = context.document()?;
    let pool = context.pool(at(&path, 0)?)?;
    let attributes = vec![
        Attribute::new("objectClass", ["poolgateServiceAccount"]),
        Attribute::new("cn", [new.cn.as_str()]),
        Attribute::new("description", new.description.as_deref()),
        Attribute::new("userPassword", new.password.as_deref()),
    ];
    entries::add(&context, &pool, BRANCH, &new.cn, attributes).await?;
    if new.password.is_some() {
        return Ok(Reply::Made(Generated::default()));
    }
    let entry = BRANCH.find(&pool, &new.cn, &context.viewer())?;
    Ok(Reply::Made(entries::put_password(&context, &pool, entry.id(), None).await?))
}

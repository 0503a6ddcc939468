//! Service accounts: what legacy applications bind as.

use super::entries;
use super::reply::{Reply, at};
use crate::admin::branch::Branch;
use crate::admin::context::{Context, Segment};
use crate::admin::types::{Generated, NewService};
use crate::model::{Attribute, Result};

const BRANCH: Branch = Branch::SERVICES;

/// Adds a service account; answers with its password if none was given.
pub async fn add(context: Context, path: Vec<Segment>) -> Result<Reply<Generated>> {
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

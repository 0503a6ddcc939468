//! Groups and their members.

use super::entries;
use super::reply::{Reply, Shown, at};
use crate::admin::branch::Branch;
use crate::admin::context::{Context, Segment};
use crate::admin::types::{EntryDocument, Member, NewGroup};
use crate::directory::{Directory, Modification, ModificationKind};
use crate::model::{Attribute, Error, Result};
use crate::pool::Pool;

const BRANCH: Branch = Branch::GROUPS;

pub async fn add(context: Context, path: Vec<Segment>) -> Result<Reply<Shown<EntryDocument>>> {
    let new: NewGroup = context.document()?;
    let pool = context.pool(at(&path, 0)?)?;
    let members = new.members.iter().map(|uid| user_dn(&context, &pool, uid)).collect::<Result<Vec<_>>>()?;
    let attributes = vec![
        Attribute::new("objectClass", ["groupOfNames"]),
        Attribute::new("cn", [new.cn.as_str()]),
        Attribute::new("description", new.description.as_deref()),
        Attribute::new("member", members.iter().map(String::as_str)),
    ];
    Ok(Reply::Made(entries::add(&context, &pool, BRANCH, &new.cn, attributes).await?))
}

pub async fn add_member(context: Context, path: Vec<Segment>) -> Result<Reply<()>> {
    let asked: Member = context.document()?;
    change_member(&context, &path, &asked.uid, ModificationKind::Add).await
}

pub async fn remove_member(context: Context, path: Vec<Segment>) -> Result<Reply<()>> {
    let uid = at(&path, 2)?.as_str().to_owned();
    change_member(&context, &path, &uid, ModificationKind::Delete).await
}

pub async fn change_member(context: &Context, path: &[Segment], uid: &str, kind: ModificationKind) -> Result<Reply<()>> {
    let pool = context.pool(at(path, 0)?)?;
    let group = BRANCH.find(&pool, at(path, 1)?.as_str(), &context.viewer())?;
    let member = user_dn(context, &pool, uid)?;
    let modification = Modification { kind, attribute: Attribute::new("member", [member.as_str()]) };
    context.app.core.modify_entry(&pool, &context.actor, group.id(), &[modification]).await?;
    Ok(Reply::Done)
}

/// The DN of a user, wherever under the branch of people it is.
fn user_dn(context: &Context, pool: &Pool, uid: &str) -> Result<String> {
    let directory = Directory::new(pool);
    let unknown = || Error::not_found(format!("pool `{}` has no user `{uid}`", pool.slug().as_str()));
    let id = directory.by_unique("uid", uid.as_bytes())?.ok_or_else(unknown)?;
    directory.visible(id, &context.viewer())?;
    Ok(directory.dn(id)?.ok_or_else(unknown)?.to_string())
}

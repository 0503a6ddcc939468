//! What users, groups and service accounts share: they are entries in a branch of their own.

use super::attributes;
use super::reply::{Reply, Shown, at};
use crate::admin::branch::Branch;
use crate::admin::context::{Context, Segment, shown};
use crate::admin::types::{EntryDocument, Generated, NewPassword, Page};
use crate::directory::{Directory, Entry, NewEntry, Scope, Search};
use crate::federation::precedence::Taken;
use crate::model::error::{Clash, Rule};
use crate::model::{Attribute, EntryId, Error, Kind, Result};
use crate::pool::Pool;
use crate::store::ATTEMPTS;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The entries of a kind, wherever in the pool they are, in the order of their creation.
pub async fn list(context: Context, path: Vec<Segment>, branch: Branch) -> Result<Reply<Page<EntryDocument>>> {
    let pool = context.pool(at(&path, 0)?)?;
    let limit = context.limit()?;
    let after = context.query.get("after").map(cursor).transpose()?;
    let reader = context.clone();
    let found = context.app.core.work.run(pool.id(), move || page(&reader, &pool, branch, after, limit)).await??;
    Ok(Reply::Found(found))
}

fn page(context: &Context, pool: &Pool, branch: Branch, after: Option<EntryId>, limit: usize) -> Result<Page<EntryDocument>> {
    let directory = Directory::new(pool);
    let viewer = context.viewer();
    let base = directory.resolve(directory.suffix())?;
    let of_kind = directory.of_kind(branch.kind)?;
    let search = Search { base, scope: Scope::Subtree, filter: &of_kind, after, viewer: &viewer, stop: None };
    let mut items = Vec::new();
    let mut last = None;
    for entry in directory.search(search)? {
        let record = entry?;
        if record.kind() == branch.kind {
            last = Some(record.id());
            // One that is deleted meanwhile is not listed.
            if let Some(entry) = directory.complete(&record)? {
                items.push(document(&directory, &entry, context, branch)?);
            }
        }
        if items.len() == limit {
            return Ok(Page { items, next: last.map(|id| id.to_string()) });
        }
    }
    Ok(Page { items, next: None })
}

fn cursor(text: &str) -> Result<EntryId> {
    let number =
        text.parse().map_err(|_| Error::invalid(Rule::Request, format!("after={text}: must be what the last page gave as `next`")));
    number.map(EntryId::new)
}

/// One entry.
pub async fn show(context: Context, path: Vec<Segment>, branch: Branch) -> Result<Reply<EntryDocument>> {
    let pool = context.pool(at(&path, 0)?)?;
    Ok(Reply::Shown(named(&context, &pool, branch, at(&path, 1)?.as_str())?.1))
}

/// Adds an entry to a branch.
pub async fn add(
    context: &Context,
    pool: &Arc<Pool>,
    branch: Branch,
    name: &str,
    mut attributes: Vec<Attribute>,
) -> Result<Shown<EntryDocument>> {
    attributes.retain(|attribute| !attribute.values.is_empty());
    let entry = NewEntry { dn: branch.entry_dn(pool, name), attributes };
    let (_, taken) = context.app.core.put_in_place(pool, &context.actor, entry).await?;
    Ok(named(context, pool, branch, name)?.1.with(notes(&taken)))
}

/// Changes attributes, or whether the entry may log in: of the entry as the patch names it, or else
/// as it is.
pub async fn change(context: Context, path: Vec<Segment>, branch: Branch) -> Result<Reply<EntryDocument>> {
    let asked = context.patch()?;
    let (pool, name) = (context.pool(at(&path, 0)?)?, at(&path, 1)?.as_str());
    let directory = Directory::new(&pool);
    for _ in 0..ATTEMPTS {
        let (entry, shown) = named(&context, &pool, branch, name)?;
        let mut patch = asked.clone();
        let mut steps = attributes::name_as_shown(&directory, &mut patch, shown.document())?;
        if let Some(after) = shown.patched(&patch)? {
            steps.extend(attributes::steps(shown.document(), after)?);
        }
        if steps.is_empty() {
            return Ok(Reply::Shown(shown));
        }
        let core = &context.app.core;
        match core.modify_entry_seen(&pool, &context.actor, entry.id(), entry.version(), &steps).await {
            Ok(taken) => return Ok(Reply::Shown(named(&context, &pool, branch, name)?.1.with(notes(&taken)))),
            Err(error) if *error.kind() == Kind::Conflict(Clash::Changed) => {}
            Err(error) => return Err(error),
        }
    }
    Err(Error::contended())
}

/// Deletes an entry.
pub async fn delete(context: Context, path: Vec<Segment>, branch: Branch) -> Result<Reply<()>> {
    let pool = context.pool(at(&path, 0)?)?;
    let entry = branch.find(&pool, at(&path, 1)?.as_str(), &context.viewer())?;
    context.app.core.delete_entry(&pool, &context.actor, entry.id()).await?;
    Ok(Reply::Done)
}

/// Sets a password, or makes one.
pub async fn set_password(context: Context, path: Vec<Segment>, branch: Branch) -> Result<Reply<Generated>> {
    let asked: NewPassword = context.document()?;
    let pool = context.pool(at(&path, 0)?)?;
    let entry = branch.find(&pool, at(&path, 1)?.as_str(), &context.viewer())?;
    Ok(Reply::Found(put_password(&context, &pool, entry.id(), asked.password).await?))
}

/// Sets the password of an entry, or makes one and tells it. What is given can be a hash, as in
/// `userPassword`.
pub async fn put_password(context: &Context, pool: &Arc<Pool>, entry: EntryId, password: Option<String>) -> Result<Generated> {
    let core = &context.app.core;
    if let Some(password) = password {
        let set = [attributes::replace(Attribute::new("userPassword", [password.as_str()]))];
        core.modify_entry(pool, &context.actor, entry, &set).await?;
        return Ok(Generated::default());
    }
    let made = core.set_password(pool, &context.actor, entry, None, None).await?.generated;
    Ok(Generated { password: made.map(|made| String::from_utf8_lossy(made.expose()).into_owned()) })
}

/// Lifts the lock of an entry after failed logins.
pub async fn unlock(context: Context, path: Vec<Segment>, branch: Branch) -> Result<Reply<()>> {
    let pool = context.pool(at(&path, 0)?)?;
    let entry = branch.find(&pool, at(&path, 1)?.as_str(), &context.viewer())?;
    context.app.core.unlock(&pool, &context.actor, entry.id()).await?;
    Ok(Reply::Done)
}

/// The entry of that name, and its document.
fn named(context: &Context, pool: &Pool, branch: Branch, name: &str) -> Result<(Entry, Shown<EntryDocument>)> {
    let entry = branch.find(pool, name, &context.viewer())?;
    let document = document(&Directory::new(pool), &entry, context, branch)?;
    let shown = Shown::new(entry.version(), document)?;
    Ok((entry, shown))
}

/// What an administrator has taken from users of upstreams, as sentences.
fn notes(taken: &[Taken]) -> Vec<String> {
    taken.iter().map(Taken::to_string).collect()
}

fn document(directory: &Directory, entry: &Entry, context: &Context, branch: Branch) -> Result<EntryDocument> {
    let read = directory.attributes(entry, &shown(directory), &context.viewer())?;
    let attributes: BTreeMap<_, Vec<_>> = read
        .into_iter()
        .map(|attribute| (attribute.name, attribute.values.iter().map(|value| attributes::text(value)).collect()))
        .collect();
    let dn = directory.dn(entry.id())?.ok_or_else(|| Error::not_found("the entry is gone"))?;
    Ok(EntryDocument {
        name: entry.first_text(branch.naming).unwrap_or_default().to_owned(),
        dn: dn.to_string(),
        uuid: entry.uuid().to_string(),
        disabled: entry.is_disabled(),
        attributes,
    })
}

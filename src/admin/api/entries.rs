//! What users, groups and service accounts share: they are entries in a branch of their own.

use super::reply::{Reply, at};
use crate::admin::context::{Branch, Context, Segment, shown};
use crate::admin::types::{EntryChange, EntryDocument, Generated, NewPassword, Page};
use crate::directory::{Directory, Entry, Filter, Modification, ModificationKind, NewEntry, Scope, Search};
use crate::model::error::Rule;
use crate::model::{Attribute, EntryId, Error, Result};
use crate::policy::access::EntryKind;
use crate::pool::Pool;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Marks a value that is not text.
const BASE64: &str = "base64:";

/// The entries of a branch, all below it, in the order of their creation.
pub async fn list(context: Context, path: Vec<Segment>, branch: Branch, kind: EntryKind) -> Result<Reply<Page<EntryDocument>>> {
    let pool = context.pool(at(&path, 0)?)?;
    let limit = context.limit()?;
    let after = context.query.get("after").map(cursor).transpose()?;
    let reader = context.clone();
    let found = context.app.core.work.run(pool.id(), move || page(&reader, &pool, branch, kind, after, limit)).await??;
    Ok(Reply::Found(found))
}

fn page(
    context: &Context,
    pool: &Pool,
    branch: Branch,
    kind: EntryKind,
    after: Option<EntryId>,
    limit: usize,
) -> Result<Page<EntryDocument>> {
    let directory = Directory::new(pool);
    let viewer = context.viewer();
    let base = directory.find(&branch.dn(pool), &viewer)?.id();
    let everything = Filter::everything();
    let search = Search { base, scope: Scope::Subtree, filter: &everything, after, viewer: &viewer, stop: None };
    let mut items = Vec::new();
    let mut last = None;
    for entry in directory.search(search)? {
        let entry = entry?;
        if entry.kind() == kind {
            last = Some(entry.id());
            items.push(document(&directory, &entry, context, branch)?);
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
    Ok(Reply::Found(named(&context, &pool, branch, at(&path, 1)?.as_str())?))
}

/// Adds an entry to a branch.
pub async fn add(context: &Context, pool: &Arc<Pool>, branch: Branch, name: &str, mut attributes: Vec<Attribute>) -> Result<EntryDocument> {
    attributes.retain(|attribute| !attribute.values.is_empty());
    let entry = NewEntry { dn: branch.entry_dn(pool, name), attributes };
    context.app.core.add_entry(pool, &context.actor, entry).await?;
    named(context, pool, branch, name)
}

/// Changes attributes, or whether the entry may log in.
pub async fn change(context: Context, path: Vec<Segment>, branch: Branch) -> Result<Reply<EntryDocument>> {
    let asked: EntryChange = context.document()?;
    let (pool, name) = (context.pool(at(&path, 0)?)?, at(&path, 1)?.as_str());
    let entry = branch.find(&pool, name, &context.viewer())?;
    let mut modifications = Vec::new();
    for (name, values) in asked.attributes {
        modifications.push(replace(Attribute { name, values: values.iter().map(|value| bytes(value)).collect::<Result<_>>()? }));
    }
    if let Some(disabled) = asked.disabled {
        let value = if disabled { "TRUE" } else { "FALSE" };
        modifications.push(replace(Attribute::new("poolgateAccountDisabled", [value])));
    }
    context.app.core.modify_entry(&pool, &context.actor, entry.id(), &modifications).await?;
    Ok(Reply::Found(named(&context, &pool, branch, name)?))
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

/// Sets the password of an entry, or makes one and tells it. What is given can be a hash, as in `userPassword`.
pub async fn put_password(context: &Context, pool: &Arc<Pool>, entry: EntryId, password: Option<String>) -> Result<Generated> {
    let core = &context.app.core;
    if let Some(password) = password {
        let set = [replace(Attribute::new("userPassword", [password.as_str()]))];
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

/// The document of the entry of that name.
pub fn named(context: &Context, pool: &Pool, branch: Branch, name: &str) -> Result<EntryDocument> {
    let entry = branch.find(pool, name, &context.viewer())?;
    document(&Directory::new(pool), &entry, context, branch)
}

fn document(directory: &Directory, entry: &Entry, context: &Context, branch: Branch) -> Result<EntryDocument> {
    let attributes = directory.attributes(entry, &shown(directory), &context.viewer())?;
    let attributes: BTreeMap<_, Vec<_>> =
        attributes.into_iter().map(|attribute| (attribute.name, attribute.values.iter().map(|value| text(value)).collect())).collect();
    let dn = directory.dn(entry.id())?.ok_or_else(|| Error::not_found("the entry is gone"))?;
    Ok(EntryDocument {
        name: entry.first_text(branch.naming).unwrap_or_default().to_owned(),
        dn: dn.to_string(),
        uuid: entry.uuid().to_string(),
        disabled: entry.is_disabled(),
        attributes,
    })
}

fn replace(attribute: Attribute) -> Modification {
    Modification { kind: ModificationKind::Replace, attribute }
}

fn text(value: &[u8]) -> String {
    match std::str::from_utf8(value) {
        Ok(text) if !text.starts_with(BASE64) => text.to_owned(),
        _ => format!("{BASE64}{}", STANDARD.encode(value)),
    }
}

fn bytes(text: &str) -> Result<Vec<u8>> {
    match text.strip_prefix(BASE64) {
        None => Ok(text.as_bytes().to_vec()),
        Some(encoded) => STANDARD.decode(encoded).map_err(|error| Error::invalid(Rule::Request, format!("`{BASE64}…`: {error}"))),
    }
}

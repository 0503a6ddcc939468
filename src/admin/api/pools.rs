//! Pools: create, list, show, update, suspend, resume, delete.

use super::reply::{Reply, Shown, at};
use crate::admin::context::{Context, Segment, no_pool};
use crate::admin::types::{Item, NewPool, Page, PoolDocument, UnreadableItem};
use crate::directory::Directory;
use crate::model::error::Rule;
use crate::model::{Dn, Error, Kind, Listed, PoolId, Result, Unreadable};
use crate::pool::{self, Pool, Slug, Status};
use std::sync::Arc;

pub async fn list(context: Context, _path: Vec<Segment>) -> Result<Reply<Page<Item<PoolDocument>>>> {
    let after = context.query.get("after").map(|text| {
        let number =
            text.parse().map_err(|_| Error::invalid(Rule::Request, format!("after={text}: must be what the last page gave as `next`")));
        number.map(PoolId::new)
    });
    let limit = context.limit()?;
    let pools = context.app.core.registry.list(after.transpose()?, limit)?;
    let next = pools.last().filter(|_| pools.len() == limit).map(|(id, _)| id.to_string());
    Ok(Reply::Found(Page { items: pools.iter().map(|(id, pool)| item(*id, pool)).collect(), next }))
}

pub async fn create(context: Context, _path: Vec<Segment>) -> Result<Reply<PoolDocument>> {
    let asked: NewPool = context.document()?;
    let slug = Slug::parse(&asked.slug)?;
    let suffix = asked.suffix.as_deref().map(Dn::parse).transpose()?;
    let display_name = asked.display_name.unwrap_or_else(|| asked.slug.clone());
    let core = &context.app.core;
    let (now, entropy) = (core.clock.stamp(), core.entropy.as_ref());
    let new = pool::NewPool { slug, suffix, display_name, settings: asked.settings };
    let fill = |pool: &Pool, changes: &mut _| Directory::new(pool).create_suffix(changes, &context.actor, now, entropy);
    let pool = core.registry.create(new, &context.actor, fill).await?;
    Ok(Reply::Made(document(&pool)))
}

pub async fn show(context: Context, path: Vec<Segment>) -> Result<Reply<PoolDocument>> {
    Ok(Reply::Shown(shown(&*context.pool(at(&path, 0)?)?)?))
}

pub async fn update(context: Context, path: Vec<Segment>) -> Result<Reply<PoolDocument>> {
    let patch = context.patch()?;
    let pool = context.pool(at(&path, 0)?)?;
    let change = |draft: &mut pool::Draft| {
        let Some(after) = shown(&draft.before)?.patched(&patch)? else { return Ok(()) };
        draft.display_name = after.display_name.unwrap_or(after.slug);
        draft.settings = after.settings;
        Ok(())
    };
    let pool = context.app.core.registry.update(pool.id(), &context.actor, change).await?;
    Ok(Reply::Shown(shown(&pool)?))
}

pub async fn set_status(context: Context, path: Vec<Segment>, status: Status) -> Result<Reply<PoolDocument>> {
    let pool = context.pool(at(&path, 0)?)?;
    let pool = context.app.core.registry.set_status(pool.id(), &context.actor, status).await?;
    Ok(Reply::Found(document(&pool)))
}

pub async fn delete(context: Context, path: Vec<Segment>) -> Result<Reply<()>> {
    let (registry, slug) = (&context.app.core.registry, at(&path, 0)?);
    // By its number, since a pool that cannot be read can be deleted too.
    let id = registry.number(slug.as_str())?.ok_or_else(|| no_pool(slug))?;
    registry.delete(id, &context.actor).await.map_err(|error| match error.kind() {
        Kind::NotFound { .. } => no_pool(slug),
        _ => error,
    })?;
    Ok(Reply::Done)
}

fn item(id: PoolId, pool: &Listed<Arc<Pool>>) -> Item<PoolDocument> {
    match pool {
        Ok(pool) => Item::Readable(document(pool)),
        Err(Unreadable { name, reason }) => {
            let known = [("id", id.get().into()), ("slug", name.as_str().into()), ("status", "unreadable".into())];
            Item::Unreadable(UnreadableItem { known: known.into(), problem: reason.message().to_owned() })
        }
    }
}

fn shown(pool: &Pool) -> Result<Shown<PoolDocument>> {
    Shown::new(pool.version(), document(pool))
}

fn document(pool: &Pool) -> PoolDocument {
    PoolDocument {
        id: pool.id().get(),
        slug: pool.slug().as_str().to_owned(),
        suffix: pool.suffix().to_string(),
        display_name: Some(pool.display_name().to_owned()),
        status: pool.status().name().to_owned(),
        settings: pool.settings().clone(),
    }
}

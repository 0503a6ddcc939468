//! Upstream identity providers.

use super::reply::{Reply, at, item};
use crate::admin::context::{Context, Segment};
use crate::admin::types::{Item, MappingDocument, Page, ProviderDocument};
use crate::audit::{self, Action, Event};
use crate::federation::{self, IdentityProvider, Mapping, ProviderKind};
use crate::model::{Error, Result, Secret};
use crate::pool::Pool;

pub async fn all(context: Context, path: Vec<Segment>) -> Result<Reply<Page<Item<ProviderDocument>>>> {
    let providers = federation::list(&*context.pool(at(&path, 0)?)?)?;
    let items = providers.iter().map(|provider| item(provider, "name", |provider| document(provider.clone())));
    Ok(Reply::Found(Page { items: items.collect(), next: None }))
}

pub async fn show(context: Context, path: Vec<Segment>) -> Result<Reply<ProviderDocument>> {
    let pool = context.pool(at(&path, 0)?)?;
    Ok(Reply::Found(document(found(&pool, at(&path, 1)?)?)))
}

pub async fn add(context: Context, path: Vec<Segment>) -> Result<Reply<ProviderDocument>> {
    let provider = provider(context.document()?);
    let pool = context.pool(at(&path, 0)?)?;
    let event = Event::success(context.app.core.clock.now(), Action::ProviderPut, &context.actor).on(provider.name.as_str());
    pool.store()
        .decide(|changes| {
            if federation::is_there(pool.store(), &provider.name)? {
                return Err(Error::exists(format!("there is an identity provider `{}` already", provider.name)));
            }
            federation::put(&pool, changes, &provider, context.app.core.entropy.as_ref())?;
            audit::record(changes, &event);
            Ok(())
        })
        .await?;
    Ok(Reply::Made(document(provider)))
}

pub async fn delete(context: Context, path: Vec<Segment>) -> Result<Reply<()>> {
    let pool = context.pool(at(&path, 0)?)?;
    let event = Event::success(context.app.core.clock.now(), Action::ProviderDelete, &context.actor).on(at(&path, 1)?.as_str());
    pool.store()
        .decide(|changes| {
            let name = at(&path, 1)?;
            if !federation::is_there(pool.store(), name.as_str())? {
                return Err(no_provider(&pool, name));
            }
            federation::delete(changes, name.as_str());
            audit::record(changes, &event);
            Ok(())
        })
        .await?;
    Ok(Reply::Done)
}

fn found(pool: &Pool, name: &Segment) -> Result<IdentityProvider> {
    let provider = federation::find(pool, name.as_str())?;
    provider.ok_or_else(|| no_provider(pool, name))
}

fn no_provider(pool: &Pool, name: &Segment) -> Error {
    Error::not_found(format!("pool `{}` has no identity provider `{}`", pool.slug().as_str(), name.as_str()))
}

fn provider(document: ProviderDocument) -> IdentityProvider {
    let ProviderDocument { name, display_name, issuer, client_id, client_secret, mapping } = document;
    let standard = Mapping::default();
    IdentityProvider {
        display_name: display_name.unwrap_or_else(|| name.clone()),
        name,
        kind: ProviderKind::Oidc { issuer, client_id, client_secret: client_secret.map(Secret::new) },
        mapping: Mapping {
            username: mapping.username.unwrap_or(standard.username),
            mail: mapping.mail.unwrap_or(standard.mail),
            name: mapping.name.unwrap_or(standard.name),
            given_name: mapping.given_name.unwrap_or(standard.given_name),
            family_name: mapping.family_name.unwrap_or(standard.family_name),
            unverified_mail: mapping.unverified_mail,
        },
    }
}

fn document(provider: IdentityProvider) -> ProviderDocument {
    let ProviderKind::Oidc { issuer, client_id, client_secret: _ } = provider.kind;
    let Mapping { username, mail, name, given_name, family_name, unverified_mail } = provider.mapping;
    ProviderDocument {
        name: provider.name,
        display_name: Some(provider.display_name),
        issuer,
        client_id,
        client_secret: None,
        mapping: MappingDocument {
            username: Some(username),
            mail: Some(mail),
            name: Some(name),
            given_name: Some(given_name),
            family_name: Some(family_name),
            unverified_mail,
        },
    }
}

//! Upstream identity providers.

use super::reply::{Reply, Shown, at, item};
use crate::admin::context::{Context, Segment};
use crate::admin::types::{Item, MappingDocument, Page, ProviderDocument};
use crate::audit::{self, Action, Event};
use crate::federation::{self, IdentityProvider, MailDomains, Mapping, ProviderKind};
use crate::model::{Error, Result, Secret, Sequence};
use crate::pool::Pool;

pub async fn all(context: Context, path: Vec<Segment>) -> Result<Reply<Page<Item<ProviderDocument>>>> {
    let providers = federation::list(&*context.pool(at(&path, 0)?)?)?;
    let items = providers.iter().map(|provider| item(provider, "name", |provider| document(provider.clone())));
    Ok(Reply::Found(Page { items: items.collect(), next: None }))
}

pub async fn show(context: Context, path: Vec<Segment>) -> Result<Reply<ProviderDocument>> {
    let pool = context.pool(at(&path, 0)?)?;
    let (provider, version) = found(&pool, at(&path, 1)?)?;
    Ok(Reply::Shown(Shown::new(version, document(provider))?))
}

pub async fn add(context: Context, path: Vec<Segment>) -> Result<Reply<Shown<ProviderDocument>>> {
    let provider = provider(context.document()?)?;
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
    Ok(Reply::Made(now(&pool, &provider.name)?))
}

pub async fn update(context: Context, path: Vec<Segment>) -> Result<Reply<ProviderDocument>> {
    let patch = context.patch()?;
    let pool = context.pool(at(&path, 0)?)?;
    let name = at(&path, 1)?;
    let event = Event::success(context.app.core.clock.now(), Action::ProviderPut, &context.actor).on(name.as_str());
    pool.store()
        .decide(|changes| {
            let (mut provider, version) = found(&pool, name)?;
            let Some(mut after) = Shown::new(version, document(provider.clone()))?.patched(&patch)? else { return Ok(()) };
            if !patch.names("client_secret") {
                let ProviderKind::Oidc { client_secret, .. } = &provider.kind;
                after.client_secret = client_secret.as_ref().map(|secret| secret.expose().clone());
            }
            rewrite(&mut provider, after)?;
            federation::replace(&pool, changes, &provider, version, context.app.core.entropy.as_ref())?;
            audit::record(changes, &event);
            Ok(())
        })
        .await?;
    Ok(Reply::Shown(now(&pool, name.as_str())?))
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

fn found(pool: &Pool, name: &Segment) -> Result<(IdentityProvider, Sequence)> {
    federation::read_version(pool, name.as_str())?.ok_or_else(|| no_provider(pool, name))
}

fn no_provider(pool: &Pool, name: &Segment) -> Error {
    Error::not_found(format!("pool `{}` has no identity provider `{}`", pool.slug().as_str(), name.as_str()))
}

/// The provider as it is now, with what its operator should know: who else vouches for the same
/// domains.
fn now(pool: &Pool, name: &str) -> Result<Shown<ProviderDocument>> {
    let gone = || Error::not_found(format!("the identity provider `{name}` was deleted meanwhile"));
    let (provider, version) = federation::read_version(pool, name)?.ok_or_else(gone)?;
    let mut notes = Vec::new();
    // One that cannot be read brings nobody in, so it vouches for nobody either.
    for other in federation::list(pool)?.into_iter().flatten().filter(|other| other.name != name) {
        for domain in provider.mail_domains.shared_with(&other.mail_domains) {
            notes.push(format!("`{}` vouches for mail addresses of {domain} too: who comes first has an address", other.name));
        }
    }
    for note in &notes {
        tracing::warn!(pool = %pool.slug(), provider = name, "{note}");
    }
    Ok(Shown::new(version, document(provider))?.with(notes))
}

fn provider(document: ProviderDocument) -> Result<IdentityProvider> {
    let kind = ProviderKind::Oidc { issuer: String::new(), client_id: String::new(), client_secret: None };
    let (name, display_name) = (document.name.clone(), String::new());
    let mut provider = IdentityProvider { name, display_name, kind, mapping: Mapping::default(), mail_domains: MailDomains::default() };
    rewrite(&mut provider, document)?;
    Ok(provider)
}

/// Makes the provider what the document says.
fn rewrite(provider: &mut IdentityProvider, document: ProviderDocument) -> Result<()> {
    let ProviderDocument { name, display_name, issuer, client_id, client_secret, mapping, mail_domains } = document;
    let standard = Mapping::default();
    provider.display_name = display_name.unwrap_or(name);
    provider.kind = ProviderKind::Oidc { issuer, client_id, client_secret: client_secret.map(Secret::new) };
    provider.mapping = Mapping {
        username: mapping.username.unwrap_or(standard.username),
        mail: mapping.mail.unwrap_or(standard.mail),
        name: mapping.name.unwrap_or(standard.name),
        given_name: mapping.given_name.unwrap_or(standard.given_name),
        family_name: mapping.family_name.unwrap_or(standard.family_name),
        unverified_mail: mapping.unverified_mail,
    };
    provider.mail_domains = MailDomains::parse(&mail_domains)?;
    Ok(())
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
        mail_domains: provider.mail_domains.texts(),
    }
}

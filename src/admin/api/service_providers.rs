//! SAML service providers. Entity ids are URLs as a rule: percent-encode them in the path.

use super::reply::{Reply, Shown, at, item, name};
use crate::admin::context::{Context, Segment};
use crate::admin::types::{AcsDocument, AttributeDocument, Item, Page, ServiceProviderDocument};
use crate::application::{self, Acs, AttributeMapping, EntityId, NameIdFormat, RedirectUri, ServiceProvider, Signed};
use crate::audit::{self, Action, Event};
use crate::crypto::xml::Certificate;
use crate::model::error::Rule;
use crate::model::{Error, Result, Sequence};
use crate::pool::Pool;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

const NAME_IDS: &[(NameIdFormat, &str)] = &[
    (NameIdFormat::Persistent, "persistent"),
    (NameIdFormat::Transient, "transient"),
    (NameIdFormat::EmailAddress, "email"),
    (NameIdFormat::Unspecified, "uid"),
];

const SIGNED: &[(Signed, &str)] = &[(Signed::Assertion, "assertion"), (Signed::Response, "response"), (Signed::Both, "both")];

pub async fn all(context: Context, path: Vec<Segment>) -> Result<Reply<Page<Item<ServiceProviderDocument>>>> {
    let pool = context.pool(at(&path, 0)?)?;
    let limit = context.limit()?;
    let after = context.query.get("after").map(EntityId::parse).transpose()?;
    let providers = application::service_providers(pool.store(), after.as_ref(), limit)?;
    let last = providers.last().filter(|_| providers.len() == limit);
    let next = last.map(|provider| name(provider, |provider| provider.entity_id.as_str()).to_owned());
    let items = providers.iter().map(|provider| item(provider, "entity_id", document));
    Ok(Reply::Found(Page { items: items.collect(), next }))
}

pub async fn show(context: Context, path: Vec<Segment>) -> Result<Reply<ServiceProviderDocument>> {
    let pool = context.pool(at(&path, 0)?)?;
    let (provider, version) = found(&pool, at(&path, 1)?)?;
    Ok(Reply::Shown(Shown::new(version, document(&provider))?))
}

pub async fn add(context: Context, path: Vec<Segment>) -> Result<Reply<ServiceProviderDocument>> {
    let provider = provider(context.document()?)?;
    let pool = context.pool(at(&path, 0)?)?;
    let event = Event::success(context.app.core.clock.now(), Action::ServiceProviderPut, &context.actor).on(provider.entity_id.as_str());
    pool.store()
        .decide(|changes| {
            if application::has_service_provider(pool.store(), &provider.entity_id)? {
                return Err(Error::exists(format!("there is a service provider `{}` already", provider.entity_id.as_str())));
            }
            application::add_service_provider(changes, &provider, context.app.core.entropy.as_ref())?;
            audit::record(changes, &event);
            Ok(())
        })
        .await?;
    Ok(Reply::Made(document(&provider)))
}

pub async fn update(context: Context, path: Vec<Segment>) -> Result<Reply<ServiceProviderDocument>> {
    let patch = context.patch()?;
    let pool = context.pool(at(&path, 0)?)?;
    let event = Event::success(context.app.core.clock.now(), Action::ServiceProviderPut, &context.actor).on(at(&path, 1)?.as_str());
    pool.store()
        .decide(|changes| {
            let (mut provider, version) = found(&pool, at(&path, 1)?)?;
            let Some(after) = Shown::new(version, document(&provider))?.patched(&patch)? else { return Ok(()) };
            rewrite(&mut provider, after)?;
            application::replace_service_provider(pool.store(), changes, &provider, version)?;
            audit::record(changes, &event);
            Ok(())
        })
        .await?;
    show(context, path).await
}

pub async fn delete(context: Context, path: Vec<Segment>) -> Result<Reply<()>> {
    let pool = context.pool(at(&path, 0)?)?;
    let event = Event::success(context.app.core.clock.now(), Action::ServiceProviderDelete, &context.actor).on(at(&path, 1)?.as_str());
    pool.store()
        .decide(|changes| {
            application::delete_service_provider(changes, &registered(&pool, at(&path, 1)?)?);
            audit::record(changes, &event);
            Ok(())
        })
        .await?;
    Ok(Reply::Done)
}

fn found(pool: &Pool, id: &Segment) -> Result<(ServiceProvider, Sequence)> {
    application::read_service_provider(pool.store(), id.as_str())?.ok_or_else(|| no_service_provider(pool, id))
}

/// The entity id of a service provider that is there, whether or not it can be read.
fn registered(pool: &Pool, id: &Segment) -> Result<EntityId> {
    match EntityId::parse(id.as_str()) {
        Ok(entity_id) if application::has_service_provider(pool.store(), &entity_id)? => Ok(entity_id),
        _ => Err(no_service_provider(pool, id)),
    }
}

fn no_service_provider(pool: &Pool, id: &Segment) -> Error {
    Error::not_found(format!("pool `{}` has no service provider `{}`", pool.slug().as_str(), id.as_str()))
}

fn provider(document: ServiceProviderDocument) -> Result<ServiceProvider> {
    let first = document.acs.first().ok_or_else(|| Error::invalid(Rule::Request, "acs: name at least one assertion consumer service"))?;
    let mut provider = ServiceProvider::new(EntityId::parse(&document.entity_id)?, "", RedirectUri::parse(&first.url)?);
    rewrite(&mut provider, document)?;
    Ok(provider)
}

/// Makes the service provider what the document says.
fn rewrite(provider: &mut ServiceProvider, document: ServiceProviderDocument) -> Result<()> {
    let acs = |acs: AcsDocument| Ok(Acs { url: RedirectUri::parse(&acs.url)?, index: acs.index, is_default: acs.is_default });
    let mapping = |mapping: AttributeDocument| AttributeMapping { source: mapping.source, name: mapping.name };
    let certificates = document.request_certificates.iter().map(|text| certificate(text).map(Into::into));
    provider.name = if document.name.is_empty() { document.entity_id } else { document.name };
    provider.acs = document.acs.into_iter().map(acs).collect::<Result<_>>()?;
    provider.name_id = choice("name_id", NAME_IDS, &document.name_id)?;
    provider.attributes = document.attributes.into_iter().map(mapping).collect();
    provider.sign = choice("sign", SIGNED, &document.sign)?;
    provider.request_certificates = certificates.collect::<Result<_>>()?;
    provider.require_signed_requests = document.require_signed_requests;
    Ok(())
}

fn choice<T: Copy>(field: &str, choices: &[(T, &str)], text: &str) -> Result<T> {
    let names = || choices.iter().map(|(_, name)| *name).collect::<Vec<_>>().join(", ");
    let found = choices.iter().find(|(_, name)| *name == text).map(|(choice, _)| *choice);
    found.ok_or_else(|| Error::invalid(Rule::Request, format!("{field}: `{text}` must be one of {}", names())))
}

fn name_of<T: Copy + PartialEq>(choices: &[(T, &'static str)], choice: T) -> String {
    choices.iter().find(|(known, _)| *known == choice).map(|(_, name)| (*name).to_owned()).unwrap_or_default()
}

/// A certificate from PEM or from the base64 text of metadata, with a key that signatures of
/// requests are verified with.
fn certificate(text: &str) -> Result<Vec<u8>> {
    let certificate =
        Certificate::from_text(text).map_err(|error| Error::invalid(Rule::Request, format!("request_certificates: {error}")))?;
    Ok(certificate.der().to_vec())
}

fn document(provider: &ServiceProvider) -> ServiceProviderDocument {
    let acs = |acs: &Acs| AcsDocument { url: acs.url.as_str().to_owned(), index: acs.index, is_default: acs.is_default };
    ServiceProviderDocument {
        entity_id: provider.entity_id.as_str().to_owned(),
        name: provider.name.clone(),
        acs: provider.acs.iter().map(acs).collect(),
        name_id: name_of(NAME_IDS, provider.name_id),
        attributes: provider
            .attributes
            .iter()
            .map(|mapping| AttributeDocument { source: mapping.source.clone(), name: mapping.name.clone() })
            .collect(),
        sign: name_of(SIGNED, provider.sign),
        request_certificates: provider.request_certificates.iter().map(|certificate| STANDARD.encode(certificate.as_slice())).collect(),
        require_signed_requests: provider.require_signed_requests,
    }
}

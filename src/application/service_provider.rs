//! SAML service providers.

use super::client::MAX_NAME;
use super::name::EntityId;
use super::record::{self, Kind};
use super::redirect::RedirectUri;
use crate::model::error::{Error, Result, Rule};
use crate::model::{Entropy, Epoch, Listed, Sequence};
use crate::store::{Changes, Key, PoolStore};
use minicbor::{Decode, Encode};

/// An application that speaks SAML 2.0.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct ServiceProvider {
    /// Its identifier within the pool.
    #[n(0)]
    pub entity_id: EntityId,
    /// Its name as people read it.
    #[n(1)]
    pub name: String,
    /// Where assertions may go (SAML 2.0 metadata, section 2.4.4); never empty.
    #[n(2)]
    pub acs: Vec<Acs>,
    /// What a person is called towards it.
    #[n(3)]
    pub name_id: NameIdFormat,
    /// Which attributes it is told.
    #[n(4)]
    pub attributes: Vec<AttributeMapping>,
    /// What of a response is signed.
    #[n(5)]
    pub sign: Signed,
    /// The certificates (DER) that its requests may be signed with.
    #[n(6)]
    pub request_certificates: Vec<Certificate>,
    /// Whether unsigned requests are refused.
    #[n(7)]
    pub require_signed_requests: bool,
    // The number 8 is not used again: records of earlier versions may hold it.
    /// In which epoch of its identifier it is, so that a request which another one of that
    /// identifier sent is not answered to it. `None` for a service provider of a release that drew
    /// none. Read it, and leave it to [`add_service_provider`] and [`put_service_provider`] to
    /// write it.
    #[n(9)]
    pub epoch: Option<Epoch>,
}

/// A certificate in DER.
pub type Certificate = minicbor::bytes::ByteVec;

/// An assertion consumer service (SAML 2.0 metadata, section 2.2.3). The binding is always
/// HTTP-POST.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Acs {
    /// Where the browser posts the response.
    #[n(0)]
    pub url: RedirectUri,
    /// The number by which a request may name it.
    #[n(1)]
    pub index: u16,
    /// Whether it is meant when a request names none.
    #[n(2)]
    pub is_default: bool,
}

/// The format of the name identifier (SAML 2.0 core, section 8.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum NameIdFormat {
    /// An opaque name that stays, and differs between service providers.
    #[default]
    #[n(0)]
    Persistent,
    /// An opaque name of one session.
    #[n(1)]
    Transient,
    /// The mail address.
    #[n(2)]
    EmailAddress,
    /// The uid, in the unspecified format.
    #[n(3)]
    Unspecified,
}

/// One attribute that a service provider is told.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct AttributeMapping {
    /// The attribute type of the entry.
    #[n(0)]
    pub source: String,
    /// The name in the assertion.
    #[n(1)]
    pub name: String,
}

/// What of a response is signed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Signed {
    /// The assertion.
    #[default]
    #[n(0)]
    Assertion,
    /// The response around it.
    #[n(1)]
    Response,
    /// The assertion, and then the response.
    #[n(2)]
    Both,
}

impl ServiceProvider {
    /// A service provider with safe settings: persistent names, no attributes, signed assertions.
    pub fn new(entity_id: EntityId, name: impl Into<String>, acs: RedirectUri) -> Self {
        Self {
            entity_id,
            name: name.into(),
            acs: vec![Acs { url: acs, index: 0, is_default: true }],
            name_id: NameIdFormat::Persistent,
            attributes: Vec::new(),
            sign: Signed::Assertion,
            request_certificates: Vec::new(),
            require_signed_requests: false,
            epoch: None,
        }
    }

    /// The service that is meant when a request names none: the one marked default, else the first
    /// (SAML 2.0 metadata, section 2.2.3).
    pub fn default_acs(&self) -> Option<&Acs> {
        self.acs.iter().find(|acs| acs.is_default).or_else(|| self.acs.first())
    }

    /// The service with that URL, compared as text.
    pub fn acs_by_url(&self, url: &str) -> Option<&Acs> {
        self.acs.iter().find(|acs| acs.url.as_str() == url)
    }

    /// The service with that number.
    pub fn acs_by_index(&self, index: u16) -> Option<&Acs> {
        self.acs.iter().find(|acs| acs.index == index)
    }

    /// Refuses settings that contradict each other.
    pub fn check(&self) -> Result<()> {
        let refuse = |why: &str| Err(Error::invalid(Rule::Request, format!("service provider {}: {why}", self.entity_id)));
        if self.name.is_empty() || self.name.len() > MAX_NAME || self.name.chars().any(char::is_control) {
            return refuse("its name is empty, over 256 bytes, or has control characters");
        }
        if self.acs.is_empty() {
            return refuse("it needs an assertion consumer service");
        }
        if self.acs.iter().any(|acs| acs.url.is_private_use()) {
            return refuse("an assertion consumer service is an https URL, or http on loopback");
        }
        if self.acs.iter().enumerate().any(|(place, acs)| self.acs.iter().skip(place + 1).any(|other| other.index == acs.index)) {
            return refuse("two assertion consumer services have the same index");
        }
        if self.acs.iter().filter(|acs| acs.is_default).count() > 1 {
            return refuse("two assertion consumer services are marked default");
        }
        if self.require_signed_requests && self.request_certificates.is_empty() {
            return refuse("signed requests are required, but there is no certificate to verify them with");
        }
        if self.attributes.iter().any(|mapping| mapping.source.is_empty() || mapping.name.is_empty()) {
            return refuse("an attribute needs a source and a name");
        }
        Ok(())
    }
}

/// The service provider of that entity id.
pub fn find_service_provider(store: &PoolStore, entity_id: &str) -> Result<Option<ServiceProvider>> {
    Ok(read_service_provider(store, entity_id)?.map(|(provider, _)| provider))
}

/// The same with the commit that last wrote it.
pub fn read_service_provider(store: &PoolStore, entity_id: &str) -> Result<Option<(ServiceProvider, Sequence)>> {
    let Ok(entity_id) = EntityId::parse(entity_id) else { return Ok(None) };
    record::find(store, &record::key(Kind::ServiceProvider, entity_id.as_str()))
}

/// Whether there is a service provider of that entity id, one that cannot be read too.
pub fn has_service_provider(store: &PoolStore, entity_id: &EntityId) -> Result<bool> {
    record::is_there(store, &record::key(Kind::ServiceProvider, entity_id.as_str()))
}

/// Up to `limit` service providers in the order of their identifiers, from after `after` on.
pub fn service_providers(store: &PoolStore, after: Option<&EntityId>, limit: usize) -> Result<Vec<Listed<ServiceProvider>>> {
    record::list(store, Kind::ServiceProvider, after.map(EntityId::as_str), limit)
}

/// Adds a service provider, in an epoch of its own; the commit conflicts if there is one of that
/// identifier.
pub fn add_service_provider(changes: &mut Changes, provider: &ServiceProvider, entropy: &dyn Entropy) -> Result<()> {
    changes.expect_absent(key(provider));
    write(changes, provider, Some(Epoch::draw(entropy)))
}

/// Changes a service provider.
pub fn put_service_provider(store: &PoolStore, changes: &mut Changes, provider: &ServiceProvider) -> Result<()> {
    let present: ServiceProvider = record::present(store, changes, &key(provider))?;
    write(changes, provider, present.epoch)
}

/// Changes a service provider that is still as that commit wrote it; the commit conflicts if it is
/// another one by now.
pub fn replace_service_provider(store: &PoolStore, changes: &mut Changes, provider: &ServiceProvider, version: Sequence) -> Result<()> {
    changes.expect_version(key(provider), version);
    put_service_provider(store, changes, provider)
}

/// Removes a service provider.
pub fn delete_service_provider(changes: &mut Changes, entity_id: &EntityId) {
    changes.delete(record::key(Kind::ServiceProvider, entity_id.as_str()));
}

fn key(provider: &ServiceProvider) -> Key {
    record::key(Kind::ServiceProvider, provider.entity_id.as_str())
}

fn write(changes: &mut Changes, provider: &ServiceProvider, epoch: Option<Epoch>) -> Result<()> {
    provider.check()?;
    record::put(changes, key(provider), &ServiceProvider { epoch, ..provider.clone() })
}

//! Judging an AuthnRequest: what of it is answered, and where the answer goes.
//!
//! Until the service provider and one of its registered addresses are known there is nobody to
//! answer to, and the person gets a page. From then on a refusal goes to that address as a SAML
//! response.

use super::context;
use super::wire::{AuthnRequest, Comparison, POST_BINDING, PROTOCOL, Received, RequestedContext, Status};
use crate::application::{NameIdFormat, ServiceProvider};
use crate::authn::Level;
use crate::crypto::xml::{self, Certificate, DSIG, Element, Expectations, Name, Place};
use crate::model::error::Rule;
use crate::model::{self, Epoch, Error, Timestamp, record};
use minicbor::{Decode, Encode};
use std::time::Duration;

/// How old a request may be when it comes in.
pub const MAX_REQUEST_AGE: Duration = Duration::from_secs(10 * 60);
/// How far the clock of a service provider may be ahead of ours.
pub const MAX_SKEW: Duration = Duration::from_secs(3 * 60);

const VERSION: u8 = 1;

/// A request that was found good, as it waits for the login. What it says is decided upon again
/// afterwards.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct SsoRequest {
    /// The entity id of the service provider.
    #[n(0)]
    pub entity_id: String,
    /// The ID that the response answers to.
    #[n(1)]
    pub id: String,
    /// The registered address that the response goes to.
    #[n(2)]
    pub acs: String,
    /// What the service provider wants back untouched.
    #[n(3)]
    pub relay_state: Option<String>,
    /// Whether a session is not enough.
    #[n(4)]
    pub force: bool,
    /// Whether no page may be shown.
    #[n(5)]
    pub passive: bool,
    /// The NameID that is asked for, if one is.
    #[n(6)]
    pub name_id: Option<NameIdFormat>,
    /// How context classes are compared: the place in [`COMPARISONS`].
    #[n(7)]
    comparison: u8,
    /// The context classes that are asked for.
    #[n(8)]
    classes: Option<Vec<String>>,
    /// The epoch of the service provider, if it had one.
    #[n(9)]
    epoch: Option<Epoch>,
}

const COMPARISONS: [Comparison; 4] = [Comparison::Exact, Comparison::Minimum, Comparison::Maximum, Comparison::Better];

impl SsoRequest {
    /// A request that demands nothing.
    pub fn plain(entity_id: impl Into<String>, id: impl Into<String>, acs: impl Into<String>) -> Self {
        Self {
            entity_id: entity_id.into(),
            id: id.into(),
            acs: acs.into(),
            relay_state: None,
            force: false,
            passive: false,
            name_id: None,
            comparison: 0,
            classes: None,
            epoch: None,
        }
    }

    /// Whether it was that very service provider that was found to have sent it, and its response
    /// would go to an address that is registered now.
    pub fn is_of(&self, provider: &ServiceProvider) -> bool {
        self.entity_id == provider.entity_id.as_str() && self.epoch == provider.epoch && provider.acs_by_url(&self.acs).is_some()
    }

    /// The same with a demand on how somebody must have logged in.
    pub fn demanding(self, context: Option<RequestedContext>) -> Self {
        let Some(RequestedContext { comparison, classes }) = context else { return Self { classes: None, ..self } };
        let comparison = COMPARISONS.iter().position(|known| *known == comparison).and_then(|place| u8::try_from(place).ok()).unwrap_or(0);
        Self { comparison, classes: Some(classes), ..self }
    }

    /// The bytes that an interaction keeps.
    pub fn to_payload(&self) -> Vec<u8> {
        record::encode(VERSION, self)
    }

    /// Reads what an interaction kept.
    pub fn from_payload(payload: &[u8]) -> model::Result<Self> {
        record::decode(VERSION, payload)
    }

    /// How somebody must have logged in.
    pub fn context(&self) -> Option<RequestedContext> {
        let comparison = COMPARISONS.get(usize::from(self.comparison)).copied().unwrap_or(Comparison::Exact);
        self.classes.clone().map(|classes| RequestedContext { comparison, classes })
    }
}

/// A request whose sender is known.
#[derive(Clone, Debug)]
pub struct Judged {
    /// Who sent it.
    pub provider: ServiceProvider,
    /// What it asks.
    pub request: SsoRequest,
    /// Why it is refused nevertheless, if it is.
    pub refusal: Option<Refusal>,
}

/// A refusal that the service provider is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The status of the response.
    pub status: Status,
    /// What its message says.
    pub message: &'static str,
}

/// Judges a message. `find` gives a registered service provider; `endpoint` is the URL at which the
/// message came in.
pub fn judge(
    received: Received,
    endpoint: &str,
    now: Timestamp,
    find: impl FnOnce(&str) -> model::Result<Option<ServiceProvider>>,
) -> model::Result<Judged> {
    let root = xml::parse(&received.message)?;
    let claimed = AuthnRequest::read(&root)?;
    let provider =
        find(&claimed.issuer)?.ok_or_else(|| Error::not_found(format!("no service provider is registered as {}", claimed.issuer)))?;
    let (asked, is_signed) = authentic(&received, &root, claimed, &provider)?;
    destination(&asked, endpoint, is_signed)?;
    let acs = assertion_consumer(&asked, &provider)?;
    let (name_id, name_id_refusal) = match name_id_format(&asked, &provider) {
        Ok(format) => (format, None),
        Err(refusal) => (None, Some(refusal)),
    };
    let refusal = refusal(&asked, now).or(name_id_refusal);
    let request = SsoRequest {
        relay_state: received.relay_state,
        force: asked.force_authn,
        passive: asked.is_passive,
        name_id,
        epoch: provider.epoch,
        ..SsoRequest::plain(provider.entity_id.as_str(), asked.id, acs).demanding(asked.requested_context.map(context::known))
    };
    Ok(Judged { provider, request, refusal })
}

/// The request as its sender vouches for it, and whether a signature does. A signature that is
/// there must be right whenever there is a certificate to judge it by.
fn authentic(
    received: &Received,
    root: &Element,
    claimed: AuthnRequest,
    provider: &ServiceProvider,
) -> model::Result<(AuthnRequest, bool)> {
    let certificates: Vec<Certificate> = provider.request_certificates.iter().filter_map(|der| Certificate::from_der(der).ok()).collect();
    if let Some(signature) = received.signature.as_ref().filter(|_| !certificates.is_empty()) {
        xml::verify_query(&signature.signed, &signature.algorithm, &signature.signature, &certificates)?;
        return Ok((claimed, true));
    }
    let holds_signature = received.signature.is_none() && root.named(DSIG, "Signature").next().is_some();
    if holds_signature && !certificates.is_empty() {
        let element = Name::new(PROTOCOL, "AuthnRequest");
        let verified = xml::verify(&received.message, &Expectations { certificates: &certificates, element, place: Place::Root })?;
        let signed = AuthnRequest::read(verified.element())?;
        return if signed.issuer == claimed.issuer { Ok((signed, true)) } else { Err(refused("the signed request has another issuer")) };
    }
    if provider.require_signed_requests {
        return Err(refused("this service provider signs its requests, and this one is not signed"));
    }
    Ok((claimed, false))
}

/// SAML bindings, sections 3.4.5.2 and 3.5.5.2.
fn destination(asked: &AuthnRequest, endpoint: &str, is_signed: bool) -> model::Result<()> {
    match asked.destination.as_deref() {
        Some(destination) if destination == endpoint => Ok(()),
        Some(_) => Err(refused(format!("the request's Destination is not {endpoint}"))),
        None if is_signed => Err(refused(format!("a signed request names its Destination, which is {endpoint}"))),
        None => Ok(()),
    }
}

/// Where the response goes: a registered address, named by URL or number, or the default.
fn assertion_consumer(asked: &AuthnRequest, provider: &ServiceProvider) -> model::Result<String> {
    let found = match (asked.acs_url.as_deref(), asked.acs_index) {
        (Some(_), Some(_)) => return Err(refused("the request names its AssertionConsumerService by URL and by index")),
        (Some(url), None) => provider.acs_by_url(url),
        (None, Some(index)) => provider.acs_by_index(index),
        (None, None) => provider.default_acs(),
    };
    let found = found
        .ok_or_else(|| refused(format!("the AssertionConsumerService of the request is not registered for {}", provider.entity_id)))?;
    Ok(found.url.as_str().to_owned())
}

fn refusal(asked: &AuthnRequest, now: Timestamp) -> Option<Refusal> {
    let refuse = |status, message| Some(Refusal { status, message });
    if !asked.is_version_2 {
        return refuse(Status::VersionMismatch, "only SAML 2.0 is spoken here");
    }
    if now.since(asked.issue_instant) > MAX_REQUEST_AGE {
        return refuse(Status::Requester, "the request is too old");
    }
    if asked.issue_instant.since(now) > MAX_SKEW {
        return refuse(Status::Requester, "the request is from the future; check the clock of the service provider");
    }
    if asked.protocol_binding.as_deref().is_some_and(|binding| binding != POST_BINDING) {
        return refuse(Status::UnsupportedBinding, "responses are sent over HTTP-POST only");
    }
    if asked.names_subject {
        return refuse(Status::RequestUnsupported, "a request cannot name the person who is to log in");
    }
    if asked.requested_context.as_ref().is_some_and(|requested| !context::is_reachable(requested, Level::HIGHEST)) {
        return refuse(Status::NoAuthnContext, "no login here reaches a context class that is asked for");
    }
    None
}

/// The NameID format that is asked for, if it is given: the registered one; persistent and
/// transient names, which tell nothing; the mail address where it is told as an attribute anyway.
fn name_id_format(asked: &AuthnRequest, provider: &ServiceProvider) -> Result<Option<NameIdFormat>, Refusal> {
    let Some(policy) = &asked.name_id_policy else { return Ok(None) };
    let refuse = |message| Err(Refusal { status: Status::InvalidNameIdPolicy, message });
    if policy.sp_name_qualifier.as_ref().is_some_and(|qualifier| *qualifier != asked.issuer) {
        return refuse("names are given to the service provider that asks only");
    }
    let format = match policy.format.as_deref() {
        None | Some("" | super::name_id::UNSPECIFIED | super::name_id::UNSPECIFIED_2_0) => return Ok(None),
        Some(format) => super::name_id::from_uri(format),
    };
    let tells_mail = || provider.attributes.iter().any(|mapping| mapping.source.eq_ignore_ascii_case("mail"));
    match format {
        Some(format) if format == provider.name_id => Ok(Some(format)),
        Some(format @ (NameIdFormat::Persistent | NameIdFormat::Transient)) => Ok(Some(format)),
        Some(NameIdFormat::EmailAddress) if tells_mail() => Ok(Some(NameIdFormat::EmailAddress)),
        _ => refuse("a NameID of this format is not given to this service provider"),
    }
}

fn refused(message: impl Into<String>) -> Error {
    Error::invalid(Rule::Request, message)
}

#[cfg(test)]
mod tests;

//! Making the signed response to a request: what is said about somebody, or why nothing is.

use super::name_id::{self, Subject};
use super::request::{Refusal, SsoRequest};
use super::wire::{Assertion, Reply, Status, SubjectAttribute, assertion_xml, response_xml};
use crate::application::{ServiceProvider, Signed};
use crate::authn::Session;
use crate::crypto::digest;
use crate::crypto::keys::SigningKey;
use crate::crypto::xml;
use crate::directory::{Directory, Entry, Viewer};
use crate::model::{self, Entropy, Error, Kind, Role, Timestamp};
use crate::policy::session as policy;
use crate::pool::Pool;
use std::sync::Arc;
use std::time::Duration;

/// How long an assertion may be used. It is used once, right away.
pub const LIFETIME: Duration = Duration::from_secs(5 * 60);
/// How far back an assertion is valid, for clocks that are behind ours.
pub const SKEW: Duration = Duration::from_secs(60);
/// What session names are derived for.
const SESSION_PURPOSE: &str = "saml-session-index";

/// Who answers: what every response of one request needs.
#[derive(Clone)]
pub struct Issuer {
    /// The pool.
    pub pool: Arc<Pool>,
    /// Our entity id.
    pub entity_id: String,
    /// The key that signs, with its certificate.
    pub key: Arc<SigningKey>,
    /// The present moment.
    pub now: Timestamp,
    /// Random bytes.
    pub entropy: Arc<dyn Entropy>,
}

impl Issuer {
    /// A response with an assertion about whoever is logged in; the inner error is a refusal that
    /// the service provider is told.
    pub fn assert(
        &self,
        provider: &ServiceProvider,
        request: &SsoRequest,
        session: &Session,
        context_class: &str,
    ) -> model::Result<Result<String, Refusal>> {
        let proof = session.authentication();
        let directory = Directory::new(&self.pool);
        let entry = directory.entry(proof.entry())?.ok_or_else(Error::credentials)?;
        let audience = provider.entity_id.as_str();
        let subject =
            Subject { issuer: &self.entity_id, audience, uuid: proof.uuid(), login_name: proof.name(), mail: entry.first_text("mail") };
        let Some(name_id) = name_id::name(&self.pool, request.name_id.unwrap_or(provider.name_id), &subject, self.entropy.as_ref()) else {
            return Ok(Err(Refusal { status: Status::InvalidNameIdPolicy, message: "the person has no NameID of this format" }));
        };
        let id = self.id();
        // A name of its own for each service provider: they cannot tell that two of them mean one
        // session.
        let session_index =
            format!("_{}", digest::base64url(&self.pool.mac(SESSION_PURPOSE, &name_id::pairwise(audience, session.hash()))));
        let assertion = Assertion {
            id: &id,
            audience,
            name_id,
            not_before: self.now.minus(SKEW),
            not_on_or_after: self.now.plus(LIFETIME),
            authenticated: proof.at(),
            session_index: &session_index,
            session_ends: Some(policy::ends_at_the_latest(&self.pool.settings().session, session.created())),
            context_class,
            attributes: attributes(&directory, &entry, provider)?,
        };
        let reply = self.reply(request);
        let mut assertion = assertion_xml(&reply, &assertion);
        if provider.sign != Signed::Response {
            assertion = self.sign(&assertion, &id)?;
        }
        let id = self.id();
        let response = response_xml(&id, &reply, Ok(&assertion));
        if provider.sign == Signed::Assertion { Ok(Ok(response)) } else { self.sign(&response, &id).map(Ok) }
    }

    /// A response that says why there is no assertion. It has nothing else to be signed, so it is
    /// signed itself.
    pub fn refuse(&self, request: &SsoRequest, refusal: Refusal) -> model::Result<String> {
        let id = self.id();
        let response = response_xml(&id, &self.reply(request), Err((refusal.status, refusal.message)));
        self.sign(&response, &id)
    }

    fn reply<'a>(&'a self, request: &'a SsoRequest) -> Reply<'a> {
        Reply { issuer: &self.entity_id, destination: &request.acs, in_response_to: &request.id, now: self.now }
    }

    fn sign(&self, xml: &str, id: &str) -> model::Result<String> {
        let certificate = self.key.certificate().ok_or_else(|| Error::internal("the SAML signing key has no certificate"))?;
        xml::sign(xml, id, &self.key, certificate)
    }

    fn id(&self) -> String {
        format!("_{}", digest::token(self.entropy.as_ref()).expose())
    }
}

/// What the service provider is told about the person: the attributes that it was registered for
/// and that the person may read of themselves.
fn attributes(directory: &Directory, entry: &Entry, provider: &ServiceProvider) -> model::Result<Vec<SubjectAttribute>> {
    let viewer = Viewer { role: Role::User, entry: Some(entry.id()) };
    let mut told: Vec<SubjectAttribute> = Vec::new();
    for mapping in &provider.attributes {
        let values = match directory.attribute(entry, &mapping.source, &viewer) {
            Ok(values) => values,
            // A mapping may name an attribute that the schema does not have.
            Err(error) if matches!(error.kind(), Kind::Invalid(_)) => continue,
            Err(error) => return Err(error),
        };
        let values: Vec<String> = values.into_iter().filter_map(|value| String::from_utf8(value).ok()).collect();
        if values.is_empty() {
            continue;
        }
        match told.iter_mut().find(|attribute| attribute.name == mapping.name) {
            Some(attribute) => attribute.values.extend(values),
            None => told.push(SubjectAttribute { name: mapping.name.clone(), values }),
        }
    }
    Ok(told)
}

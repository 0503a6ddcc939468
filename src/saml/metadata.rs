//! The metadata of the Identity Provider (SAML metadata, section 2.4.3).

use super::name_id;
use super::wire::{METADATA, POST_BINDING, PROTOCOL, REDIRECT_BINDING};
use crate::authn::Core;
use crate::crypto::keys::{Algorithm, SigningKey};
use crate::crypto::xml::{DSIG, Writer};
use crate::model;
use crate::pool::keys::{self, Use};
use crate::web::http::StatusCode;
use crate::web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use crate::web::page::PageError;
use crate::web::{PoolRequest, PoolUrl, Response, text, with_header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::sync::Arc;

/// The path of the metadata, whose URL is the entity id.
const METADATA_PATH: &str = "/saml2/metadata";
/// The path of single sign-on.
const SSO_PATH: &str = "/saml2/sso";
/// How long service providers may keep the metadata.
const CACHE_DURATION: &str = "PT1H";

/// The entity id of a pool: the URL of its metadata, as SAML metadata (section 4.1.1) recommends.
pub fn entity_id(base: &PoolUrl) -> String {
    base.join(METADATA_PATH)
}

/// Where AuthnRequests go.
pub fn sso_url(base: &PoolUrl) -> String {
    base.join(SSO_PATH)
}

/// The key that signs assertions; RSA-SHA256 is what every service provider can verify.
pub async fn signing_key(core: &Core, request: &PoolRequest) -> model::Result<Arc<SigningKey>> {
    keys::current(&request.pool, Use::Saml, Algorithm::Rs256, core.maker(Some(request.peer))).await
}

/// Answers with the metadata.
pub async fn show(core: Arc<Core>, request: PoolRequest) -> Result<Response, PageError> {
    let failed = |error| PageError::of(&request, &error);
    signing_key(&core, &request).await.map_err(failed)?;
    let keys = keys::public(&request.pool, Use::Saml).map_err(failed)?;
    let certificates: Vec<&[u8]> = keys.iter().filter_map(|key| key.certificate()).collect();
    let response = text(StatusCode::OK, metadata(&request.base, &certificates));
    let response = with_header(response, CONTENT_TYPE, "application/samlmetadata+xml");
    Ok(with_header(response, CACHE_CONTROL, "public, max-age=3600"))
}

fn metadata(base: &PoolUrl, certificates: &[&[u8]]) -> String {
    let mut writer = Writer::new();
    writer.start("md:EntityDescriptor", &[("xmlns:md", METADATA), ("entityID", &entity_id(base)), ("cacheDuration", CACHE_DURATION)]);
    writer.start("md:IDPSSODescriptor", &[("WantAuthnRequestsSigned", "false"), ("protocolSupportEnumeration", PROTOCOL)]);
    for certificate in certificates {
        writer.start("md:KeyDescriptor", &[("use", "signing")]).start("ds:KeyInfo", &[("xmlns:ds", DSIG)]).start("ds:X509Data", &[]);
        writer.element("ds:X509Certificate", &[], &STANDARD.encode(certificate)).end().end().end();
    }
    for format in name_id::FORMATS {
        writer.element("md:NameIDFormat", &[], name_id::uri(format));
    }
    for binding in [REDIRECT_BINDING, POST_BINDING] {
        writer.empty("md:SingleSignOnService", &[("Binding", binding), ("Location", &sso_url(base))]);
    }
    writer.finish()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::crypto::xml::parse;

    #[test]
    fn metadata_names_keys_formats_and_endpoints_in_the_order_of_the_schema() {
        let root = parse(metadata(&PoolUrl::new("https://id.example/pools/acme"), &[b"one", b"two"]).as_bytes()).unwrap();
        assert_eq!(root.attribute("entityID"), Some("https://id.example/pools/acme/saml2/metadata"));
        let descriptor = root.only(METADATA, "IDPSSODescriptor").unwrap();
        let order: Vec<&str> = descriptor.children().iter().map(|child| child.name().local.as_str()).collect();
        assert_eq!(order[..3], ["KeyDescriptor", "KeyDescriptor", "NameIDFormat"]);
        assert_eq!(order[order.len() - 2..], ["SingleSignOnService", "SingleSignOnService"]);
        let location = descriptor.named(METADATA, "SingleSignOnService").next().unwrap().attribute("Location");
        assert_eq!(location, Some("https://id.example/pools/acme/saml2/sso"));
    }
}

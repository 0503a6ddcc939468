//! Signing with a held key: an enveloped signature in one of our own documents.

use super::parse::{self, refused};
use super::{DSIG, ENVELOPED, EXCLUSIVE_C14N, RSA_SHA256, SHA256};
use crate::crypto::digest::sha256;
use crate::crypto::keys::{Algorithm, SigningKey};
use crate::model::{Error, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bergshamra::c14n::{self, C14nMode};
use bergshamra::xml::NodeSet;
use uppsala::{Document, NodeId};

const ECDSA_SHA256: &str = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256";

/// The algorithm that a key signs with, as a URI.
pub(super) const fn algorithm(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::Rs256 => RSA_SHA256,
        Algorithm::Es256 => ECDSA_SHA256,
    }
}

/// Signs the element whose ID is `id` and gives the document with the signature in it: after the
/// element's Issuer where it has one, as the schemas of SAML want it, otherwise as its first child.
/// The certificate (DER) goes along for those who look for it; nobody should trust it for that.
pub fn sign(xml: &str, id: &str, key: &SigningKey, certificate: &[u8]) -> Result<String> {
    let tree = parse::tree(xml)?;
    let covered = by_id(&tree, id)?;
    let canonical = c14n::canonicalize_doc::<&str>(&tree, C14nMode::Exclusive, Some(&NodeSet::tree_without_comments(covered, &tree)), &[])
        .map_err(|error| Error::internal(format!("the element cannot be canonicalised: {error}")))?;
    // Written in its canonical form, so that it need not be canonicalised to be signed.
    let info = format!(
        "<ds:SignedInfo xmlns:ds=\"{DSIG}\"><ds:CanonicalizationMethod Algorithm=\"{EXCLUSIVE_C14N}\"></ds:CanonicalizationMethod><ds:SignatureMethod Algorithm=\"{method}\"></ds:SignatureMethod><ds:Reference URI=\"#{id}\"><ds:Transforms><ds:Transform Algorithm=\"{ENVELOPED}\"></ds:Transform><ds:Transform Algorithm=\"{EXCLUSIVE_C14N}\"></ds:Transform></ds:Transforms><ds:DigestMethod Algorithm=\"{SHA256}\"></ds:DigestMethod><ds:DigestValue>{digest}</ds:DigestValue></ds:Reference></ds:SignedInfo>",
        method = algorithm(key.algorithm()),
        digest = STANDARD.encode(sha256(&canonical)),
    );
    let value = STANDARD.encode(key.sign(info.as_bytes())?);
    let certificate = STANDARD.encode(certificate);
    let signature = format!(
        "<ds:Signature xmlns:ds=\"{DSIG}\">{info}<ds:SignatureValue>{value}</ds:SignatureValue><ds:KeyInfo><ds:X509Data><ds:X509Certificate>{certificate}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></ds:Signature>"
    );
    let (before, after) = place(&tree, covered)
        .and_then(|at| xml.split_at_checked(at))
        .ok_or_else(|| refused("the element that is to be signed is empty"))?;
    Ok([before, &signature, after].concat())
}

fn by_id(tree: &Document<'_>, id: &str) -> Result<NodeId> {
    // The ID is put into the signature as it is.
    if !id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.')) {
        return Err(refused("the ID holds more than letters, digits, underscores, hyphens and dots"));
    }
    let has_id = |node: &NodeId| tree.element(*node).and_then(|element| element.get_attribute("ID")) == Some(id);
    let mut found = tree.descendants(tree.root()).into_iter().filter(has_id);
    match (found.next(), found.next()) {
        (Some(only), None) => Ok(only),
        _ => Err(refused(format!("the document does not hold exactly one element of ID {id}"))),
    }
}

/// The byte of the source at which the signature belongs.
fn place(tree: &Document<'_>, covered: NodeId) -> Option<usize> {
    let first = tree.first_child(covered)?;
    let is_issuer = tree.element(first).is_some_and(|element| element.name.local_name == "Issuer");
    let range = tree.node_range(first)?;
    Some(if is_issuer { range.end } else { range.start })
}

//! Verification of an enveloped signature under the strict profile.

use super::certificate::{Certificate, SignatureAlgorithm};
use super::element::{Element, Name};
use super::parse::{self, refused};
use super::{DSIG, ENVELOPED, EXCLUSIVE_C14N};
use crate::model::Result;
use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bergshamra::c14n::{self, C14nMode};
use bergshamra::xml::NodeSet;
use std::collections::HashSet;
use uppsala::{Document, NodeId, NodeKind};

/// The most certificates of one peer that are tried.
pub const MAX_CERTIFICATES: usize = 8;
/// The most prefixes that an InclusiveNamespaces list may name.
const MAX_PREFIXES: usize = 16;
const XML: &str = "http://www.w3.org/XML/1998/namespace";

/// What must be signed, where it must lie, and by whom.
#[derive(Clone, Debug)]
pub struct Expectations<'a> {
    /// The certificates of the peer; keys in the message are never used.
    pub certificates: &'a [Certificate],
    /// The name of the element that must be signed.
    pub element: Name,
    /// Where it must lie.
    pub place: Place,
}

/// Where the signed element must lie. Anywhere else it is not found, and a second one of its name
/// is refused.
#[derive(Clone, Debug)]
pub enum Place {
    /// It is the document element.
    Root,
    /// It is a child of the document element, which has this name.
    ChildOf(Name),
}

/// An element whose signature was verified, read from the bytes that were hashed.
#[derive(Clone, Debug)]
pub struct VerifiedElement(Element);

impl VerifiedElement {
    /// The element; nothing outside it was signed.
    pub fn element(&self) -> &Element {
        &self.0
    }
}

/// Verifies that the expected element is in its place and signed by one of the certificates
/// (XMLDSig, section 3.2; SAML core, section 5.4).
pub fn verify(document: &[u8], expected: &Expectations<'_>) -> Result<VerifiedElement> {
    let tree = parse::tree(parse::text(document)?)?;
    unique_ids(&tree)?;
    let covered = find(&tree, expected)?;
    let signature = only_child(&tree, covered, "Signature")?;
    let signature_parts = Signature::read(&tree, signature, covered)?;

    let prefixes: Vec<&str> = signature_parts.reference_prefixes.iter().map(String::as_str).collect();
    let mut nodes = NodeSet::tree_without_comments(covered, &tree);
    nodes.remove_id(signature);
    for node in tree.descendants(signature) {
        nodes.remove_id(node);
    }
    let canonical = canonicalise(&tree, &nodes, &prefixes)?;
    let computed = digest::digest(signature_parts.digest_algorithm, &canonical);
    if computed.as_ref() != signature_parts.digest {
        return Err(refused("the signature's digest is not that of the element"));
    }

    let prefixes: Vec<&str> = signature_parts.info_prefixes.iter().map(String::as_str).collect();
    let info = canonicalise(&tree, &NodeSet::tree_without_comments(signature_parts.info, &tree), &prefixes)?;
    let verified = expected
        .certificates
        .iter()
        .take(MAX_CERTIFICATES)
        .any(|certificate| certificate.verifies(signature_parts.algorithm, &info, &signature_parts.value));
    if !verified {
        return Err(refused("the signature was not made by a key that is registered for its sender"));
    }
    parse::parse(&canonical).map(VerifiedElement)
}

/// What a `ds:Signature` says, after every part of it was found allowed.
struct Signature {
    info: NodeId,
    info_prefixes: Vec<String>,
    algorithm: SignatureAlgorithm,
    value: Vec<u8>,
    reference_prefixes: Vec<String>,
    digest_algorithm: &'static digest::Algorithm,
    digest: Vec<u8>,
}

impl Signature {
    fn read(tree: &Document<'_>, signature: NodeId, covered: NodeId) -> Result<Self> {
        let (info, value) = match elements(tree, signature)?.as_slice() {
            [info, value] => (*info, *value),
            [info, value, key_info] if is(tree, *key_info, "KeyInfo") => (*info, *value),
            _ => return Err(refused("a signature holds SignedInfo, SignatureValue and at most one KeyInfo, and nothing else")),
        };
        expect(tree, info, "SignedInfo")?;
        expect(tree, value, "SignatureValue")?;
        let [canonicalisation, method, reference] = elements(tree, info)?[..] else {
            return Err(refused("SignedInfo holds one CanonicalizationMethod, one SignatureMethod and one Reference"));
        };
        expect(tree, canonicalisation, "CanonicalizationMethod")?;
        expect(tree, method, "SignatureMethod")?;
        expect(tree, reference, "Reference")?;

        let info_prefixes = exclusive(tree, canonicalisation)?;
        let algorithm =
            SignatureAlgorithm::from_uri(algorithm(tree, method)?).ok_or_else(|| refused("the signature algorithm is not accepted"))?;
        if !elements(tree, method)?.is_empty() {
            return Err(refused("SignatureMethod takes no parameter"));
        }
        let value = base64(tree, value)?;

        let id = tree.element(covered).and_then(|element| own_attribute(element, "ID")).filter(|id| !id.is_empty());
        let id = id.ok_or_else(|| refused("the signed element has no ID"))?;
        let uri = tree.element(reference).and_then(|element| own_attribute(element, "URI"));
        if uri.and_then(|uri| uri.strip_prefix('#')) != Some(id) {
            return Err(refused("the signature's reference is not the ID of the element that holds it"));
        }
        let [transforms, digest_method, digest_value] = elements(tree, reference)?[..] else {
            return Err(refused("Reference holds Transforms, DigestMethod and DigestValue"));
        };
        expect(tree, transforms, "Transforms")?;
        expect(tree, digest_method, "DigestMethod")?;
        expect(tree, digest_value, "DigestValue")?;
        let [enveloped, canonicalised] = elements(tree, transforms)?[..] else {
            return Err(refused("the transforms are enveloped-signature and exclusive canonicalisation, in this order"));
        };
        expect(tree, enveloped, "Transform")?;
        expect(tree, canonicalised, "Transform")?;
        if self::algorithm(tree, enveloped)? != ENVELOPED || !elements(tree, enveloped)?.is_empty() {
            return Err(refused("the first transform is not enveloped-signature"));
        }
        let reference_prefixes = exclusive(tree, canonicalised)?;
        let digest_algorithm = match self::algorithm(tree, digest_method)? {
            super::SHA256 => &digest::SHA256,
            "http://www.w3.org/2001/04/xmldsig-more#sha384" => &digest::SHA384,
            "http://www.w3.org/2001/04/xmlenc#sha512" => &digest::SHA512,
            _ => return Err(refused("the digest algorithm is not accepted")),
        };
        if !elements(tree, digest_method)?.is_empty() {
            return Err(refused("DigestMethod takes no parameter"));
        }
        let digest = base64(tree, digest_value)?;
        Ok(Self { info, info_prefixes, algorithm, value, reference_prefixes, digest_algorithm, digest })
    }
}

/// The covered element: in its place, and the only one of its name in the document.
fn find(tree: &Document<'_>, expected: &Expectations<'_>) -> Result<NodeId> {
    let Name { namespace, local } = &expected.element;
    let [found] = tree.get_elements_by_tag_name_ns(namespace, local)[..] else {
        return Err(refused(format!("the document does not hold exactly one {local}")));
    };
    let root = tree.document_element();
    let in_place = match &expected.place {
        Place::Root => root == Some(found),
        Place::ChildOf(parent) => {
            tree.parent(found) == root && root.and_then(|root| tree.element(root)).is_some_and(|root| parse::name(&root.name) == *parent)
        }
    };
    if in_place { Ok(found) } else { Err(refused(format!("{local} is not where it belongs"))) }
}

/// Two elements with one ID would leave open which of them a reference means.
fn unique_ids(tree: &Document<'_>) -> Result<()> {
    let mut seen = HashSet::new();
    for node in tree.descendants(tree.root()) {
        let Some(element) = tree.element(node) else { continue };
        for attribute in &element.attributes {
            let namespace = attribute.name.namespace_uri.as_deref().unwrap_or_default();
            let identifies = attribute.name.local_name.eq_ignore_ascii_case("id") && (namespace.is_empty() || namespace == XML);
            if identifies && !seen.insert(attribute.value.as_ref()) {
                return Err(refused("two elements of the document have the same ID"));
            }
        }
    }
    Ok(())
}

fn canonicalise(tree: &Document<'_>, nodes: &NodeSet, prefixes: &[&str]) -> Result<Vec<u8>> {
    c14n::canonicalize_doc(tree, C14nMode::Exclusive, Some(nodes), prefixes).map_err(|_| refused("the element cannot be canonicalised"))
}

fn only_child(tree: &Document<'_>, parent: NodeId, local: &str) -> Result<NodeId> {
    let mut found = tree.children_iter(parent).filter(|child| is(tree, *child, local));
    match (found.next(), found.next()) {
        (Some(only), None) => Ok(only),
        (None, _) => Err(refused("the element is not signed")),
        _ => Err(refused("the element holds more than one signature")),
    }
}

/// The child elements; text other than white space between them is refused.
fn elements(tree: &Document<'_>, parent: NodeId) -> Result<Vec<NodeId>> {
    let mut found = Vec::new();
    for child in tree.children_iter(parent) {
        match tree.node_kind(child) {
            Some(NodeKind::Element(_)) => found.push(child),
            Some(NodeKind::Text(text) | NodeKind::CData(text)) if !text.trim().is_empty() => {
                return Err(refused("text lies between the parts of the signature"));
            }
            _ => {}
        }
    }
    Ok(found)
}

fn is(tree: &Document<'_>, node: NodeId, local: &str) -> bool {
    tree.element(node).is_some_and(|element| element.matches_name_ns(DSIG, local))
}

fn expect(tree: &Document<'_>, node: NodeId, local: &str) -> Result<()> {
    if is(tree, node, local) { Ok(()) } else { Err(refused(format!("the signature has something else where {local} belongs"))) }
}

fn own_attribute<'a>(element: &'a uppsala::Element<'_>, local: &str) -> Option<&'a str> {
    element.attributes.iter().find(|attribute| attribute.name.matches(None, local)).map(|attribute| attribute.value.as_ref())
}

fn algorithm<'a>(tree: &'a Document<'_>, node: NodeId) -> Result<&'a str> {
    tree.element(node)
        .and_then(|element| own_attribute(element, "Algorithm"))
        .ok_or_else(|| refused("a part of the signature names no algorithm"))
}

/// Expects exclusive canonicalisation; gives its list of inclusive prefixes (Exclusive XML
/// Canonicalization, section 3).
fn exclusive(tree: &Document<'_>, node: NodeId) -> Result<Vec<String>> {
    if algorithm(tree, node)? != EXCLUSIVE_C14N {
        return Err(refused("the canonicalisation is not the exclusive one without comments"));
    }
    let list = match elements(tree, node)?[..] {
        [] => return Ok(Vec::new()),
        [list] => tree.element(list).filter(|element| element.matches_name_ns(EXCLUSIVE_C14N, "InclusiveNamespaces")),
        _ => None,
    };
    let list = list.and_then(|element| own_attribute(element, "PrefixList"));
    let list = list.ok_or_else(|| refused("a canonicalisation takes a list of prefixes and nothing else"))?;
    let prefixes: Vec<String> = list.split_ascii_whitespace().take(MAX_PREFIXES + 1).map(str::to_owned).collect();
    if prefixes.len() > MAX_PREFIXES {
        return Err(refused(format!("a canonicalisation names more than {MAX_PREFIXES} prefixes")));
    }
    Ok(prefixes)
}

fn base64(tree: &Document<'_>, node: NodeId) -> Result<Vec<u8>> {
    if tree.children_iter(node).any(|child| tree.element(child).is_some()) {
        return Err(refused("a value of the signature holds elements"));
    }
    let text: String = tree.text_content_deep(node).split_ascii_whitespace().collect();
    STANDARD.decode(text).map_err(|_| refused("a value of the signature is not base64"))
}

#[cfg(test)]
mod tests;

//! What it takes to believe a SAML response.
//!
//! samael checks the signatures against the metadata's certificates, gives only what they cover,
//! and judges issuer, times, Recipient and InResponseTo. It does not do the following, which is
//! done here:
//!
//! - Before a signature is verified, xmlsec fetches what its references name (`http:`, `file:`) and
//!   runs its transforms (XSLT). So a message is read strictly first, by the parser that samael
//!   uses leniently, and signatures may hold nothing but what signing of SAML takes.
//! - An assertion that is for no particular audience is accepted, and so is one with several
//!   audience restrictions of which one names us.
//! - An assertion without an AuthnStatement, which is about somebody who has not logged in, is
//!   accepted.
//! - An assertion need not lie in a response, and others that nobody has signed may lie around it.
//! - Decrypting a short message panics.
//! - A message may be as long as it likes.
//!
//! In `main.rs`: without a signing certificate in the metadata samael would accept unsigned
//! responses; the IDs of its requests can be guessed; and it keeps no account of them, so the same
//! response could be used twice.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use libxml::parser::{Parser, ParserOptions};
use libxml::tree::Node;
use samael::schema::Assertion;
use samael::service_provider::ServiceProvider;
use std::error::Error;

/// The longest response, in bytes of base64.
pub const MAX_RESPONSE: usize = 256 << 10;

const PROTOCOL: &str = "urn:oasis:names:tc:SAML:2.0:protocol";
const ASSERTION: &str = "urn:oasis:names:tc:SAML:2.0:assertion";
const DSIG: &str = "http://www.w3.org/2000/09/xmldsig#";
const EXCLUSIVE_C14N: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";

/// All that a signature is made of. Not in it: Object, Manifest, RetrievalMethod, and whatever a
/// transform takes as parameter.
const SIGNATURE: [&str; 13] = [
    "Signature",
    "SignedInfo",
    "CanonicalizationMethod",
    "SignatureMethod",
    "Reference",
    "Transforms",
    "Transform",
    "DigestMethod",
    "DigestValue",
    "SignatureValue",
    "KeyInfo",
    "X509Data",
    "X509Certificate",
];

/// The algorithms that a signature may name.
const ALGORITHMS: [&str; 4] = [
    EXCLUSIVE_C14N,
    "http://www.w3.org/2000/09/xmldsig#enveloped-signature",
    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
    "http://www.w3.org/2001/04/xmlenc#sha256",
];

/// The assertion in a response that answers the request of that ID.
pub fn verify(provider: &ServiceProvider, response: &str, request: &str) -> Result<Assertion, Box<dyn Error>> {
    if response.len() > MAX_RESPONSE {
        return Err("the response is too long".into());
    }
    let xml = String::from_utf8(STANDARD.decode(response)?)?;
    read_strictly(&xml)?;
    let assertion = provider.parse_xml_response(&xml, Some(&[request]))?;
    is_login_for(provider.entity_id.as_deref().unwrap_or_default(), &assertion)?;
    Ok(assertion)
}

/// One assertion, in a response, with nothing in it that would do something when its signature is
/// verified.
fn read_strictly(xml: &str) -> Result<(), &'static str> {
    // No DTD, no comment that splits a name, no declaration of an encoding in which the rest means
    // something else.
    if !xml.starts_with('<') || ["<!", "<?", "\0"].iter().any(|markup| xml.contains(markup)) {
        return Err("the response holds more than elements and text");
    }
    let options = ParserOptions { recover: false, ..ParserOptions::default() };
    let document = Parser::default().parse_string_with_options(xml, options).map_err(|_| "the response is not XML")?;
    let root = document.get_root_element().filter(|root| is(root, PROTOCOL, "Response")).ok_or("this is not a response")?;
    let mut assertions = 0;
    let mut waiting = root.get_child_elements();
    while let Some(element) = waiting.pop() {
        if element.get_name().ends_with("Assertion") {
            assertions += 1;
            if !is(&element, ASSERTION, "Assertion") || element.get_parent().as_ref() != Some(&root) {
                return Err("an assertion is encrypted or not where it belongs");
            }
        }
        is_harmless(&element)?;
        waiting.extend(element.get_child_elements());
    }
    if assertions == 1 { Ok(()) } else { Err("the response does not hold exactly one assertion") }
}

/// Judges an element if it lies in a signature.
fn is_harmless(element: &Node) -> Result<(), &'static str> {
    let name = element.get_name();
    let is_part = element.get_namespace().is_some_and(|namespace| namespace.get_href() == DSIG);
    let lies_in_part = element.get_parent().and_then(|parent| parent.get_namespace()).is_some_and(|namespace| namespace.get_href() == DSIG);
    let is_allowed =
        if is_part { SIGNATURE.contains(&name.as_str()) } else { !lies_in_part || is(element, EXCLUSIVE_C14N, "InclusiveNamespaces") };
    if !is_allowed {
        return Err("a signature holds more than it needs");
    }
    if is_part && element.get_attribute("Algorithm").is_some_and(|algorithm| !ALGORITHMS.contains(&algorithm.as_str())) {
        return Err("a signature names an algorithm that is not accepted");
    }
    if is(element, DSIG, "Reference") {
        // Reference, SignedInfo, Signature, and then what the signature lies in.
        let covered = (0..3).try_fold(element.clone(), |element, _| element.get_parent()).filter(|parent| parent.is_element_node());
        let id = covered.and_then(|covered| covered.get_attribute("ID")).map(|id| format!("#{id}"));
        if id.is_none() || element.get_attribute("URI") != id {
            return Err("a signature does not cover what it lies in");
        }
    }
    Ok(())
}

/// An assertion says that somebody has logged in, and it is for this service provider.
fn is_login_for(entity_id: &str, assertion: &Assertion) -> Result<(), &'static str> {
    let restrictions = assertion.conditions.as_ref().and_then(|conditions| conditions.audience_restrictions.as_deref()).unwrap_or_default();
    if restrictions.is_empty() || !restrictions.iter().all(|restriction| restriction.audience.iter().any(|audience| audience == entity_id))
    {
        return Err("the assertion is not for this service provider");
    }
    if assertion.authn_statements.as_ref().is_none_or(Vec::is_empty) {
        return Err("the assertion does not say that anybody has logged in");
    }
    Ok(())
}

fn is(element: &Node, namespace: &str, name: &str) -> bool {
    element.get_name() == name && element.get_namespace().is_some_and(|own| own.get_href() == namespace)
}

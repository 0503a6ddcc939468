//! The attacks on signed SAML messages that are known, each against a document that is accepted
//! without it.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use super::super::{Certificate, Element, Expectations, Name, Place, RSA_SHA256, SHA256, VerifiedElement, sign, verify};
use super::{DSIG, ENVELOPED, EXCLUSIVE_C14N};
use crate::crypto::digest::{hmac, sha256};
use crate::crypto::keys::{Algorithm, SigningKey};
use crate::model::{Entropy, Result, Timestamp};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use std::sync::LazyLock;

const ASSERTION: &str = "urn:oasis:names:tc:SAML:2.0:assertion";
const PROTOCOL: &str = "urn:oasis:names:tc:SAML:2.0:protocol";
const GOOD: &str = "alice@good.example";
const EVIL: &str = "admin@good.example";

struct Fives;

impl Entropy for Fives {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.fill(5);
    }
}

struct Signer {
    key: SigningKey,
    der: Vec<u8>,
}

impl Signer {
    fn new(algorithm: Algorithm) -> Self {
        let key = SigningKey::generate(algorithm).unwrap();
        let der = key.self_sign("peer", Timestamp::from_seconds(0), Timestamp::from_seconds(1), &Fives).unwrap();
        Self { key, der }
    }

    fn certificate(&self) -> Certificate {
        Certificate::from_der(&self.der).unwrap()
    }

    fn sign(&self, xml: &str, id: &str) -> String {
        sign(xml, id, &self.key, &self.der).unwrap()
    }

    /// A signature with a `SignedInfo` of the test's choice, whose text must be its canonical form.
    fn signature_over(&self, info: &str) -> String {
        let value = STANDARD.encode(self.key.sign(info.as_bytes()).unwrap());
        format!("<ds:Signature xmlns:ds=\"{DSIG}\">{info}<ds:SignatureValue>{value}</ds:SignatureValue></ds:Signature>")
    }
}

static TRUSTED: LazyLock<Signer> = LazyLock::new(|| Signer::new(Algorithm::Rs256));
static ATTACKER: LazyLock<Signer> = LazyLock::new(|| Signer::new(Algorithm::Rs256));

fn assertion(id: &str, who: &str) -> String {
    format!(
        "<saml:Assertion xmlns:saml=\"{ASSERTION}\" ID=\"{id}\"><saml:Issuer>idp</saml:Issuer><saml:Subject>{who}</saml:Subject></saml:Assertion>"
    )
}

fn response(id: &str, content: &str) -> String {
    format!(
        "<samlp:Response xmlns:samlp=\"{PROTOCOL}\" ID=\"{id}\"><saml:Issuer xmlns:saml=\"{ASSERTION}\">idp</saml:Issuer>{content}</samlp:Response>"
    )
}

fn signed_assertion() -> String {
    TRUSTED.sign(&assertion("a", GOOD), "a")
}

/// The signature of a signed element, and the element without it.
fn split(signed: &str) -> (String, String) {
    let (start, end) = (signed.find("<ds:Signature ").unwrap(), signed.rfind("</ds:Signature>").unwrap() + "</ds:Signature>".len());
    (signed[start..end].to_owned(), format!("{}{}", &signed[..start], &signed[end..]))
}

/// Puts something after the Issuer, where signatures are.
fn after_issuer(element: &str, what: &str) -> String {
    element.replacen("</saml:Issuer>", &format!("</saml:Issuer>{what}"), 1)
}

fn by(document: &str, certificates: &[Certificate], element: Name, place: Place) -> Result<VerifiedElement> {
    verify(document.as_bytes(), &Expectations { certificates, element, place })
}

fn verify_assertion(document: &str) -> Result<VerifiedElement> {
    by(document, &[TRUSTED.certificate()], Name::new(ASSERTION, "Assertion"), Place::ChildOf(Name::new(PROTOCOL, "Response")))
}

fn verify_response(document: &str) -> Result<VerifiedElement> {
    by(document, &[TRUSTED.certificate()], Name::new(PROTOCOL, "Response"), Place::Root)
}

fn subject(verified: &VerifiedElement) -> Option<&str> {
    verified.element().only(ASSERTION, "Subject").and_then(Element::text)
}

#[track_caller]
fn refused(document: &str) {
    assert!(verify_assertion(document).is_err(), "the assertion of {document} was accepted");
    assert!(verify_response(document).is_err(), "the response of {document} was accepted");
}

fn info(uri: &str, transforms: &str, digest: &[u8]) -> String {
    let digest = STANDARD.encode(digest);
    format!(
        "<ds:SignedInfo xmlns:ds=\"{DSIG}\"><ds:CanonicalizationMethod Algorithm=\"{EXCLUSIVE_C14N}\"></ds:CanonicalizationMethod><ds:SignatureMethod Algorithm=\"{RSA_SHA256}\"></ds:SignatureMethod><ds:Reference URI=\"{uri}\"><ds:Transforms>{transforms}</ds:Transforms><ds:DigestMethod Algorithm=\"{SHA256}\"></ds:DigestMethod><ds:DigestValue>{digest}</ds:DigestValue></ds:Reference></ds:SignedInfo>"
    )
}

fn transform(algorithm: &str) -> String {
    format!("<ds:Transform Algorithm=\"{algorithm}\"></ds:Transform>")
}

fn usual_transforms() -> String {
    transform(ENVELOPED) + &transform(EXCLUSIVE_C14N)
}

/// A response whose assertion carries a signature, by the trusted key, with this `SignedInfo`.
fn with_info(info: &str) -> String {
    response("r", &after_issuer(&assertion("a", GOOD), &TRUSTED.signature_over(info)))
}

/// The digest of the assertion without its signature: its text is its own canonical form.
fn digest() -> [u8; 32] {
    sha256(assertion("a", GOOD).as_bytes())
}

#[test]
fn accepts_a_signed_assertion() {
    let verified = verify_assertion(&response("r", &signed_assertion())).unwrap();
    assert_eq!(subject(&verified), Some(GOOD));
    assert!(verified.element().only(DSIG, "Signature").is_none());
}

#[test]
fn accepts_a_signed_response_with_and_without_a_signed_assertion() {
    for content in [assertion("a", GOOD), signed_assertion()] {
        let verified = verify_response(&TRUSTED.sign(&response("r", &content), "r")).unwrap();
        assert_eq!(verified.element().only(ASSERTION, "Assertion").unwrap().only(ASSERTION, "Subject").unwrap().text(), Some(GOOD));
    }
}

#[test]
fn accepts_what_the_forging_helpers_make_of_good_parts() {
    assert_eq!(subject(&verify_assertion(&with_info(&info("#a", &usual_transforms(), &digest()))).unwrap()), Some(GOOD));
}

#[test]
fn accepts_ecdsa_only_with_a_key_of_that_kind() {
    let peer = Signer::new(Algorithm::Es256);
    let document = response("r", &peer.sign(&assertion("a", GOOD), "a"));
    let place = || Place::ChildOf(Name::new(PROTOCOL, "Response"));
    assert!(by(&document, &[TRUSTED.certificate(), peer.certificate()], Name::new(ASSERTION, "Assertion"), place()).is_ok());
    assert!(by(&document, &[TRUSTED.certificate()], Name::new(ASSERTION, "Assertion"), place()).is_err());
    let renamed = document.replace("ecdsa-sha256", "rsa-sha256");
    assert!(by(&renamed, &[peer.certificate()], Name::new(ASSERTION, "Assertion"), place()).is_err());
}

#[test]
fn wrapping_1_response_within_the_signature_of_another() {
    let (signature, original) = split(&TRUSTED.sign(&response("r", &assertion("a", GOOD)), "r"));
    let wrapped = signature.replace("</ds:Signature>", &format!("{original}</ds:Signature>"));
    refused(&after_issuer(&response("evil", &assertion("evil-a", EVIL)), &wrapped));
    refused(&after_issuer(&response("r", &assertion("evil-a", EVIL)), &wrapped));
}

#[test]
fn wrapping_2_response_beside_a_detached_signature() {
    let (signature, original) = split(&TRUSTED.sign(&response("r", &assertion("a", GOOD)), "r"));
    refused(&after_issuer(&response("evil", &assertion("evil-a", EVIL)), &format!("{original}{signature}")));
    refused(&after_issuer(&response("evil", &assertion("evil-a", EVIL)), &format!("{signature}{original}")));
}

#[test]
fn wrapping_3_assertion_before_the_signed_one() {
    let (evil, good) = (assertion("evil", EVIL), signed_assertion());
    refused(&response("r", &format!("{evil}{good}")));
    refused(&response("r", &format!("{good}{evil}")));
}

#[test]
fn wrapping_4_assertion_around_the_signed_one() {
    let around = assertion("evil", EVIL).replace("</saml:Assertion>", &format!("{}</saml:Assertion>", signed_assertion()));
    refused(&response("r", &around));
}

#[test]
fn wrapping_5_signature_moved_to_another_assertion() {
    let (signature, original) = split(&signed_assertion());
    let evil = after_issuer(&assertion("evil", EVIL), &signature);
    refused(&response("r", &format!("{evil}{original}")));
    refused(&response("r", &evil));
    refused(&response("r", &after_issuer(&assertion("a", EVIL), &signature)));
}

#[test]
fn wrapping_6_original_within_the_signature_of_another_assertion() {
    let (signature, original) = split(&signed_assertion());
    let wrapped = signature.replace("</ds:Signature>", &format!("{original}</ds:Signature>"));
    refused(&response("r", &after_issuer(&assertion("evil", EVIL), &wrapped)));
    let in_key_info = signature.replace("</ds:KeyInfo>", &format!("{original}</ds:KeyInfo>"));
    refused(&response("r", &after_issuer(&assertion("evil", EVIL), &in_key_info)));
}

#[test]
fn wrapping_7_assertion_within_extensions() {
    let extensions = format!("<samlp:Extensions>{}</samlp:Extensions>", assertion("evil", EVIL));
    refused(&response("r", &format!("{extensions}{}", signed_assertion())));
    let extensions = format!("<samlp:Extensions>{}</samlp:Extensions>", signed_assertion());
    refused(&response("r", &format!("{extensions}{}", assertion("evil", EVIL))));
    refused(&response("r", &extensions));
}

#[test]
fn wrapping_8_original_within_an_object_of_the_signature() {
    let (signature, original) = split(&signed_assertion());
    let wrapped = signature.replace("</ds:Signature>", &format!("<ds:Object>{original}</ds:Object></ds:Signature>"));
    refused(&response("r", &after_issuer(&assertion("evil", EVIL), &wrapped)));
    let harmless = signed_assertion().replace("</ds:Signature>", "<ds:Object></ds:Object></ds:Signature>");
    refused(&response("r", &harmless));
}

#[test]
fn an_element_in_another_place_is_not_found() {
    assert!(verify_assertion(&signed_assertion()).is_err());
    let other_root = response("r", &signed_assertion()).replace("samlp:Response", "samlp:Other");
    refused(&other_root);
    let other_namespace = response("r", &signed_assertion()).replace(PROTOCOL, "urn:other");
    refused(&other_namespace);
}

#[test]
fn a_comment_neither_cuts_a_value_nor_breaks_the_signature() {
    let document = response("r", &signed_assertion()).replace(GOOD, "alice@good<!-- cut -->.example");
    let verified = verify_assertion(&document).unwrap();
    assert_eq!(subject(&verified), Some(GOOD));
}

#[test]
fn cdata_is_text_like_any_other() {
    let document = response("r", &signed_assertion()).replace(GOOD, &format!("<![CDATA[{GOOD}]]>"));
    assert_eq!(subject(&verify_assertion(&document).unwrap()), Some(GOOD));
}

#[test]
fn document_types_and_entities_are_refused() {
    let document = response("r", &signed_assertion());
    refused(&format!("<!DOCTYPE x>{document}"));
    refused(&format!("<!DOCTYPE x [<!ENTITY who \"{GOOD}\">]>{}", document.replace(GOOD, "&who;")));
    refused(&format!("<!DOCTYPE x [<!ATTLIST y other ID #IMPLIED>]>{document}"));
}

#[test]
fn processing_instructions_are_refused() {
    refused(&response("r", &signed_assertion()).replace("<saml:Subject>", "<?x y?><saml:Subject>"));
}

#[test]
fn two_elements_of_one_id_are_refused() {
    let document = response("r", &signed_assertion());
    for attribute in ["ID=\"a\"", "Id=\"a\"", "id=\"a\"", "xml:id=\"a\""] {
        refused(&document.replace("<samlp:Response ", &format!("<samlp:Response {attribute} ")).replace(" ID=\"r\"", ""));
        refused(&document.replace("</samlp:Response>", &format!("<x {attribute}/></samlp:Response>")));
    }
}

#[test]
fn a_reference_is_the_id_of_the_element_and_nothing_else() {
    for uri in [
        "",
        "#",
        "#r",
        "a",
        "#xpointer(/)",
        "#xpointer(id('a'))",
        "http://attacker.example/a",
        "https://attacker.example/#a",
        "file:///etc/passwd",
        "cid:a",
        "#a#a",
        "# a",
    ] {
        refused(&with_info(&info(uri, &usual_transforms(), &digest())));
    }
    let without = info("#a", &usual_transforms(), &digest()).replace(" URI=\"#a\"", "");
    refused(&with_info(&without));
}

#[test]
fn an_element_without_an_id_is_refused() {
    let bare = assertion("a", GOOD).replace(" ID=\"a\"", "");
    let info = info("#", &usual_transforms(), &sha256(bare.as_bytes()));
    refused(&response("r", &after_issuer(&bare, &TRUSTED.signature_over(&info))));
}

#[test]
fn an_id_counts_only_without_a_namespace() {
    let foreign = assertion("a", GOOD).replace(" ID=\"a\"", " xmlns:x=\"urn:x\" x:ID=\"a\"");
    let info = info("#a", &usual_transforms(), &sha256(foreign.as_bytes()));
    refused(&response("r", &after_issuer(&foreign, &TRUSTED.signature_over(&info))));
}

#[test]
fn only_the_two_transforms_are_evaluated_and_only_in_their_order() {
    let (enveloped, exclusive) = (transform(ENVELOPED), transform(EXCLUSIVE_C14N));
    for transforms in [
        String::new(),
        enveloped.clone(),
        exclusive.clone(),
        format!("{exclusive}{enveloped}"),
        format!("{enveloped}{enveloped}{exclusive}"),
        format!("{enveloped}{exclusive}{exclusive}"),
        format!("{enveloped}{}", transform("http://www.w3.org/2001/10/xml-exc-c14n#WithComments")),
        format!("{enveloped}{}", transform("http://www.w3.org/TR/2001/REC-xml-c14n-20010315")),
        format!("{}{exclusive}", transform("http://www.w3.org/TR/1999/REC-xslt-19991116")),
        format!("{}{exclusive}", transform("http://www.w3.org/TR/1999/REC-xpath-19991116")),
        format!("{}{exclusive}", transform("http://www.w3.org/2002/06/xmldsig-filter2")),
        format!("{}{exclusive}", transform("http://www.w3.org/2000/09/xmldsig#base64")),
        format!(
            "{}{exclusive}",
            transform(ENVELOPED).replace("></ds:Transform>", "><ds:XPath>not(self::saml:Subject)</ds:XPath></ds:Transform>")
        ),
        format!("{enveloped}{}", transform(EXCLUSIVE_C14N).replace("></ds:Transform>", "><ds:XPath>1</ds:XPath></ds:Transform>")),
    ] {
        refused(&with_info(&info("#a", &transforms, &digest())));
    }
}

#[test]
fn prefix_lists_are_honoured_and_bounded() {
    let list = |prefixes: &str| {
        format!(
            "{}<ds:Transform Algorithm=\"{EXCLUSIVE_C14N}\"><ec:InclusiveNamespaces xmlns:ec=\"{EXCLUSIVE_C14N}\" PrefixList=\"{prefixes}\"></ec:InclusiveNamespaces></ds:Transform>",
            transform(ENVELOPED)
        )
    };
    assert!(verify_assertion(&with_info(&info("#a", &list("xs saml"), &digest()))).is_ok());
    let many: Vec<String> = (0..17).map(|number| format!("p{number}")).collect();
    refused(&with_info(&info("#a", &list(&many.join(" ")), &digest())));
}

#[test]
fn weak_and_foreign_algorithms_are_refused() {
    let good = info("#a", &usual_transforms(), &digest());
    for algorithm in [
        "http://www.w3.org/2000/09/xmldsig#rsa-sha1",
        "http://www.w3.org/2000/09/xmldsig#hmac-sha1",
        "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256",
        "http://www.w3.org/2001/04/xmldsig-more#rsa-md5",
        "http://www.w3.org/2000/09/xmldsig#dsa-sha1",
        "http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1",
        "none",
        "",
    ] {
        refused(&with_info(&good.replace(RSA_SHA256, algorithm)));
    }
    for algorithm in ["http://www.w3.org/2000/09/xmldsig#sha1", "http://www.w3.org/2001/04/xmldsig-more#md5", ""] {
        refused(&with_info(&good.replace(SHA256, algorithm)));
    }
    for algorithm in ["http://www.w3.org/TR/2001/REC-xml-c14n-20010315", "http://www.w3.org/2001/10/xml-exc-c14n#WithComments"] {
        refused(&with_info(&good.replacen(EXCLUSIVE_C14N, algorithm, 1)));
    }
}

#[test]
fn a_public_key_is_not_the_secret_of_a_mac() {
    let info = info("#a", &usual_transforms(), &digest()).replace(RSA_SHA256, "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256");
    for secret in [TRUSTED.der.clone(), STANDARD.encode(&TRUSTED.der).into_bytes(), TRUSTED.key.public_der().unwrap()] {
        let value = STANDARD.encode(hmac(&secret, info.as_bytes()));
        let signature = format!("<ds:Signature xmlns:ds=\"{DSIG}\">{info}<ds:SignatureValue>{value}</ds:SignatureValue></ds:Signature>");
        refused(&response("r", &after_issuer(&assertion("a", GOOD), &signature)));
    }
}

#[test]
fn a_missing_signature_is_refused() {
    refused(&response("r", &assertion("a", GOOD)));
    let (signature, _) = split(&signed_assertion());
    refused(&response("r", &after_issuer(&assertion("a", GOOD), &signature.replace(DSIG, "urn:not-dsig"))));
    refused(&response("r", &after_issuer(&assertion("a", GOOD), &format!("<x>{signature}</x>"))));
    refused(&response("r", &format!("{signature}{}", assertion("a", GOOD))));
}

#[test]
fn a_signature_over_one_element_does_not_cover_another() {
    let document = response("r", &signed_assertion());
    assert!(verify_response(&document).is_err());
    let whole = TRUSTED.sign(&response("r", &assertion("a", GOOD)), "r");
    assert!(verify_assertion(&whole).is_err());
}

#[test]
fn two_signatures_or_two_references_are_refused() {
    let (signature, _) = split(&signed_assertion());
    refused(&response("r", &signed_assertion().replace(&signature, &format!("{signature}{signature}"))));
    let good = info("#a", &usual_transforms(), &digest());
    let (start, end) = (good.find("<ds:Reference").unwrap(), good.find("</ds:SignedInfo>").unwrap());
    let reference = good[start..end].to_owned();
    refused(&with_info(&good.replace(&reference, &reference.repeat(2))));
    refused(&with_info(&good.replace(&reference, "")));
}

#[test]
fn keys_in_the_message_are_not_used() {
    let forged = ATTACKER.sign(&assertion("a", EVIL), "a");
    refused(&response("r", &forged));
    let (ours, theirs) = (STANDARD.encode(&TRUSTED.der), STANDARD.encode(&ATTACKER.der));
    refused(&response("r", &forged.replace(&theirs, &ours)));
    let substituted = response("r", &signed_assertion().replace(&ours, &theirs));
    assert_eq!(subject(&verify_assertion(&substituted).unwrap()), Some(GOOD));
}

#[test]
fn without_a_certificate_nothing_is_accepted() {
    let document = response("r", &signed_assertion());
    assert!(by(&document, &[], Name::new(ASSERTION, "Assertion"), Place::ChildOf(Name::new(PROTOCOL, "Response"))).is_err());
}

#[test]
fn any_change_of_the_signed_element_is_noticed() {
    let document = response("r", &signed_assertion());
    refused(&document.replace(GOOD, EVIL));
    refused(&document.replace("<saml:Subject>", "<saml:Subject admin=\"true\">"));
    refused(&document.replace("</saml:Subject>", "</saml:Subject><saml:Subject>x</saml:Subject>"));
    refused(&document.replace("<saml:Subject>", "<saml:Subject> "));
    refused(&document.replace("<saml:Subject>", "<saml:Subject xmlns=\"urn:x\"><y/>"));
}

#[test]
fn a_changed_digest_or_value_is_noticed() {
    let document = response("r", &signed_assertion());
    let forged = STANDARD.encode(sha256(assertion("a", EVIL).as_bytes()));
    refused(&document.replace(GOOD, EVIL).replace(&STANDARD.encode(digest()), &forged));
    refused(&document.replace("<ds:SignatureValue>", "<ds:SignatureValue>AAAA"));
    refused(&document.replace("<ds:SignatureValue>", "<ds:SignatureValue><x/>"));
    refused(&document.replace("<ds:DigestValue>", "<ds:DigestValue>!"));
}

#[test]
fn what_lies_around_a_namespace_does_not_matter() {
    let document = response("r", &signed_assertion());
    let more = document
        .replace("<samlp:Response ", "<samlp:Response xmlns:saml=\"urn:other\" xmlns=\"urn:default\" ")
        .replace("><saml:Issuer xmlns", "\n>\n<saml:Issuer xmlns");
    assert_eq!(subject(&verify_assertion(&more).unwrap()), Some(GOOD));
}

#[test]
fn only_keys_of_a_sound_kind_are_registered() {
    const RSA_1024: &str = "MIIB+jCCAWOgAwIBAgIUYxNJkUTwEisIZT9GAZNlgDC2bmYwDQYJKoZIhvcNAQELBQAwDzENMAsGA1UEAwwEd2VhazAeFw0yNjExMjAxMTA0NTdaFw0zNjExMTcxMTA0NTdaMA8xDTALBgNVBAMMBHdlYWswgZ8wDQYJKoZIhvcNAQEBBQADgY0AMIGJAoGBAKpGXyy/sYH1VHr670xOim9gJtVZWIobKIf6PDda29WPj3LkC24StsO9uEbgcFabkDZaZrIRDLVHP2/A2Tgm7dJYWZ2X+T54lnhqUUa6wgKQp7Gg0G2k0Zj7bQWUJ4jozhH9XSKXiUxeTpTUzk/de2vxaniVFcd9a2IHBuHFnxeFAgMBAAGjUzBRMB0GA1UdDgQWBBQEf5XdkZUSJn8dH+zBs3EBcgj84jAfBgNVHSMEGDAWgBQEf5XdkZUSJn8dH+zBs3EBcgj84jAPBgNVHRMBAf8EBTADAQH/MA0GCSqGSIb3DQEBCwUAA4GBAHItH3bRAXOPMaN3Nz1Q781tv4V/0OdBxuTpMxtyO2aLGArNKVVA/d/8q1G4pXDFc7+dM5Y8KKLMCN8zY59BdcYJS/UeUNjuExh7R0dNSV9ylfSj62kHZ5582tlejW0U6AeXBgowdm4V2attl8+yELr6wxShQUsnfPPJYKoTOHag";
    const P384: &str = "MIIBsDCCATagAwIBAgIUKhenn5K1ukgdo4BeV0eKdiqMCG4wCgYIKoZIzj0EAwIwDzENMAsGA1UEAwwEcDM4NDAeFw0yNjExMjAxMTA0NTdaFw0zNjExMTcxMTA0NTdaMA8xDTALBgNVBAMMBHAzODQwdjAQBgcqhkjOPQIBBgUrgQQAIgNiAARKzTm9lf4gVZm88FYl2k5yKohqZ6wNu30vANEEXaqQtMx9RzrsgBY/j/oPynEb8ovDS/vFKISBSq4eUimIZaRxx3QJ52o5NS+oxYNiQZN8245a1H/dXCTrJUAWOYcUm5ajUzBRMB0GA1UdDgQWBBTjKLxBC/8xzyFQ9UDa1CGCbx2hZTAfBgNVHSMEGDAWgBTjKLxBC/8xzyFQ9UDa1CGCbx2hZTAPBgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA2gAMGUCMQCMkUoSyBlxPNhF/ki9FVtIzRFzeKwfaguymZrgePj9ImOkiOedS6aRLI1yeEBNsxcCMGiEOkJlcT1cACQkI+6cIJ/euNBwK6QzEFb73uXggURmD5a8RFdOYVmU/TxNRt4a9Q==";
    assert!(Certificate::from_text(RSA_1024).unwrap_err().message().contains("2048"));
    assert!(Certificate::from_text(P384).is_err());
    assert!(Certificate::from_text("").is_err());
    let text = STANDARD.encode(&TRUSTED.der);
    assert_eq!(
        Certificate::from_text(&format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")).unwrap(),
        TRUSTED.certificate()
    );
    let longer = [TRUSTED.der.as_slice(), b"x"].concat();
    assert!(Certificate::from_der(&longer).is_err());
}

#[test]
fn signing_refuses_what_could_break_out_of_the_signature() {
    let xml = "<a ID=\"x&quot;y\"><b/></a>";
    assert!(sign(xml, "x\"y", &TRUSTED.key, &TRUSTED.der).is_err());
    assert!(sign("<a ID=\"x\"/>", "x", &TRUSTED.key, &TRUSTED.der).is_err());
    assert!(sign("<a ID=\"x\"><b ID=\"x\"/></a>", "x", &TRUSTED.key, &TRUSTED.der).is_err());
    assert!(sign("<a ID=\"x\"><b/></a>", "y", &TRUSTED.key, &TRUSTED.der).is_err());
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let expected = Expectations { certificates: &[], element: Name::new(ASSERTION, "Assertion"), place: Place::Root };
        let _ = verify(&bytes, &expected);
        let _ = Certificate::from_der(&bytes);
    }

    #[test]
    fn a_document_with_a_changed_byte_is_refused_or_says_the_same(at in any::<proptest::sample::Index>(), byte in 0x20u8..0x7f) {
        let mut document = response("r", &signed_assertion()).into_bytes();
        let at = at.index(document.len());
        document[at] = byte;
        let certificates = [TRUSTED.certificate()];
        let expected = Expectations {
            certificates: &certificates,
            element: Name::new(ASSERTION, "Assertion"),
            place: Place::ChildOf(Name::new(PROTOCOL, "Response")),
        };
        if let Ok(verified) = verify(&document, &expected) {
            prop_assert_eq!(subject(&verified), Some(GOOD));
        }
    }
}

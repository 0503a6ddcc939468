//! Signed XML: no panic, and nothing verifies that the one trusted key has not signed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use poolgate::crypto::xml::{Certificate, Expectations, Name, Place, verify};
use std::sync::LazyLock;

static TRUSTED: LazyLock<[Certificate; 1]> =
    LazyLock::new(|| [Certificate::from_text(include_str!("../../../certs/test-sp.pem")).expect("the test certificate")]);

fuzz_target!(|bytes: &[u8]| {
    let element = Name::new("urn:oasis:names:tc:SAML:2.0:protocol", "AuthnRequest");
    let expected = Expectations { certificates: &*TRUSTED, element, place: Place::Root };
    assert!(verify(bytes, &expected).is_err());
});

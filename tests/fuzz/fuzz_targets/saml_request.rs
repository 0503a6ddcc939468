//! SAML requests of both bindings: no panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use poolgate::crypto::xml;
use poolgate::saml::wire::{AuthnRequest, decode_form, decode_query};

fuzz_target!(|bytes: &[u8]| {
    let _ = decode_form(bytes);
    if let Ok(query) = std::str::from_utf8(bytes) {
        let _ = decode_query(query);
    }
    if let Ok(root) = xml::parse(bytes) {
        let _ = AuthnRequest::read(&root);
    }
});

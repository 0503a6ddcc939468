//! LDIF: no panic and no endless file.
#![no_main]

use libfuzzer_sys::fuzz_target;
use poolgate::sync::ldif::Reader;

fuzz_target!(|bytes: &[u8]| {
    let lines = bytes.len() + 1;
    assert!(Reader::new(bytes).take(lines + 1).count() <= lines);
});

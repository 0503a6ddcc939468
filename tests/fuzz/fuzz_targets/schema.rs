//! Schema definitions: no panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use poolgate::directory::schema::{parse_attribute_type, parse_object_class};

fuzz_target!(|text: &str| {
    let _ = parse_attribute_type(text);
    let _ = parse_object_class(text);
});

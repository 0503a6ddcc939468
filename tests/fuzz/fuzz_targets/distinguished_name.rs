//! Distinguished names: no panic, and a printed name is the same name.
#![no_main]

use libfuzzer_sys::fuzz_target;
use poolgate::model::Dn;

fuzz_target!(|text: &str| {
    if let Ok(name) = Dn::parse(text) {
        assert_eq!(Dn::parse(&name.to_string()).expect("a printed name"), name);
    }
});

//! Forms and queries: no panic and no repeated field.
#![no_main]

use libfuzzer_sys::fuzz_target;
use poolgate::web::form::Form;
use std::collections::BTreeSet;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(form) = Form::parse(bytes) {
        let names: BTreeSet<_> = form.fields().map(|(name, _)| name).collect();
        assert_eq!(names.len(), form.fields().count());
    }
});

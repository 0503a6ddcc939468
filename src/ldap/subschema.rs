//! The subschema (RFC 4512, section 4.2): what entries may hold.

use super::virtual_entry::VirtualEntry;
use crate::directory::schema::Schema;
use crate::model::{Attribute, Dn};

/// Its name, as the root DSE and each entry tell it.
pub(super) const NAME: &str = crate::directory::view::SUBSCHEMA;

/// Whether that name is meant.
pub(super) fn is_named(name: &str) -> bool {
    let Ok(dn) = Dn::parse(name) else { return false };
    let [rdn] = dn.rdns() else { return false };
    let [ava] = rdn.avas() else { return false };
    let is_common_name = ["cn", "commonName", "2.5.4.3"].iter().any(|known| ava.attribute.eq_ignore_ascii_case(known));
    is_common_name && ava.value.trim_ascii().eq_ignore_ascii_case(b"subschema")
}

/// The subschema as an entry.
pub(super) fn entry() -> VirtualEntry {
    let user = vec![Attribute::new("objectClass", ["top", "subentry", "subschema"]), Attribute::new("cn", ["subschema"])];
    VirtualEntry::new(NAME, user, Schema::builtin().subschema_attributes())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;

    #[test]
    fn it_goes_by_any_spelling_of_its_name() {
        for name in ["cn=subschema", "CN=Subschema", "commonName = subschema", "2.5.4.3=subschema"] {
            assert!(is_named(name), "{name}");
        }
        for name in ["", "cn=schema", "cn=subschema,o=acme", "o=subschema", "subschema"] {
            assert!(!is_named(name), "{name}");
        }
    }
}

//! Matching of names: one normal form for every way to write the same DN (RFC 4517, section 4.2.15).

use super::schema::Schema;
use crate::model::{Dn, Rdn, Result};

/// The normal form of an RDN: equal for equal RDNs, whatever names, OIDs, order, case or spaces they are written with.
pub fn normalise_rdn(_rdn: &Rdn, _schema: &Schema) -> Result<Vec<u8>> {
    todo!()
}

/// The normal form of a name, most specific RDN first.
pub fn normalise(_dn: &Dn, _schema: &Schema) -> Result<Vec<u8>> {
    todo!()
}

/// Whether two names are the same (distinguishedNameMatch).
pub fn equal(left: &Dn, right: &Dn, schema: &Schema) -> Result<bool> {
    Ok(normalise(left, schema)? == normalise(right, schema)?)
}

//! The root DSE (RFC 4512, section 5.1): what this server speaks, exactly.

use super::codec::PagedResults;
use super::ops::{PASSWORD_MODIFY, START_TLS, WHO_AM_I};
use super::session::{Identity, Session};
use super::virtual_entry::VirtualEntry;
use super::{Transport, subschema};
use crate::model::Attribute;

/// Controls that an operation takes.
const CONTROLS: &[&str] = &[PagedResults::OID];
/// All operational attributes (RFC 3673), attributes of an object class (RFC 4529), absolute true
/// and false filters (RFC 4526), increment (RFC 4525).
const FEATURES: &[&str] = &["1.3.6.1.4.1.4203.1.5.1", "1.3.6.1.4.1.4203.1.5.2", "1.3.6.1.4.1.4203.1.5.3", "1.3.6.1.1.14"];

/// The root DSE as this connection sees it: the pool's suffix shows only to whoever has bound in
/// the pool.
pub(super) fn entry(session: &Session, identity: Option<&Identity>) -> VirtualEntry {
    let mut extensions = vec![WHO_AM_I, PASSWORD_MODIFY];
    if session.transport == Transport::Plain && session.app.tls.is_some() {
        extensions.push(START_TLS);
    }
    let mut operational = vec![
        Attribute::new("subschemaSubentry", [subschema::NAME]),
        Attribute::new("supportedLDAPVersion", ["3"]),
        Attribute::new("supportedControl", CONTROLS.iter().copied()),
        Attribute::new("supportedExtension", extensions),
        Attribute::new("supportedFeatures", FEATURES.iter().copied()),
        Attribute::new("vendorName", ["Poolgate"]),
    ];
    if let Some(identity) = identity {
        operational.push(Attribute::new("namingContexts", [identity.pool.suffix().to_string().as_str()]));
    }
    VirtualEntry::new("", vec![Attribute::new("objectClass", ["top"])], operational)
}

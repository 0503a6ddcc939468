//! What SAML messages look like on the wire: bindings, requests, responses. Pure and bounded; no
//! store, no clock, no HTTP.

mod authn_request;
mod binding;
mod instant;
mod response;
mod status;

pub use authn_request::{AuthnRequest, Comparison, NameIdPolicy, RequestedContext};
pub use binding::{MAX_ENCODED, MAX_RELAY_STATE, QuerySignature, Received, decode_form, decode_query, encode_query, holds_request};
pub use instant::{format_instant, parse_instant};
pub use response::{Assertion, NameId, Reply, SubjectAttribute, assertion_xml, response_xml};
pub use status::Status;

/// The namespace of assertions.
pub const ASSERTION: &str = "urn:oasis:names:tc:SAML:2.0:assertion";
/// The namespace of protocol messages.
pub const PROTOCOL: &str = "urn:oasis:names:tc:SAML:2.0:protocol";
/// The namespace of metadata.
pub const METADATA: &str = "urn:oasis:names:tc:SAML:2.0:metadata";
/// The HTTP-Redirect binding (SAML bindings, section 3.4).
pub const REDIRECT_BINDING: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect";
/// The HTTP-POST binding (SAML bindings, section 3.5).
pub const POST_BINDING: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST";

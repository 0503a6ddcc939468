//! The page that carries a response to the service provider (SAML bindings, section 3.5.4).

use crate::web::page::{self as pages, SelfPosting};
use crate::web::{PoolRequest, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// A form that submits itself to the assertion consumer service.
pub fn page(request: &PoolRequest, application: &str, acs: &str, response: &str, relay_state: Option<&str>) -> Response {
    let response = STANDARD.encode(response);
    let mut fields = vec![("SAMLResponse", response.as_str())];
    fields.extend(relay_state.map(|value| ("RelayState", value)));
    pages::post(request, &SelfPosting { text: "post-text", application, action: acs, fields: &fields })
}

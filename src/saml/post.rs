//! The page that carries a response to the service provider (SAML bindings, section 3.5.4).

use super::SamlError;
use crate::crypto::digest::sha256;
use crate::model::Error;
use crate::web::http::StatusCode;
use crate::web::http::header::CONTENT_SECURITY_POLICY;
use crate::web::page::{environment, render};
use crate::web::{PoolRequest, Response, with_header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use minijinja::{Environment, context};
use std::sync::LazyLock;

/// The only script of the page, and the same on every page: the browser runs it because its hash is in the policy.
const SCRIPT: &str = "document.forms[0].submit()";

static TEMPLATES: LazyLock<Environment<'static>> = LazyLock::new(|| environment(&[("post.html", include_str!("post.html"))]));

static SCRIPT_SOURCE: LazyLock<String> = LazyLock::new(|| format!("script-src 'sha256-{}'", STANDARD.encode(sha256(SCRIPT.as_bytes()))));

/// A form that submits itself to the assertion consumer service, with a button where scripts do not run.
pub fn page(request: &PoolRequest, application: &str, acs: &str, response: &str, relay_state: Option<&str>) -> Result<Response, SamlError> {
    let content = context! { application, acs, script => SCRIPT, response => STANDARD.encode(response), relay_state };
    let page = render(&TEMPLATES, "post.html", request, StatusCode::OK, content);
    let policy = page
        .headers()
        .get(CONTENT_SECURITY_POLICY)
        .and_then(|policy| policy.to_str().ok())
        .map(|policy| format!("{policy}; {}", *SCRIPT_SOURCE));
    let policy = policy.ok_or_else(|| SamlError::of(request, &Error::internal("a page has no content security policy")))?;
    Ok(with_header(page, CONTENT_SECURITY_POLICY, &policy))
}

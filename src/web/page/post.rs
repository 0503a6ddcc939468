//! The page that carries an answer to an application by a form that submits itself (SAML 2.0 bindings, section 3.5; OAuth 2.0 Form Post Response Mode).

use super::{environment, hidden, render};
use crate::crypto::digest::sha256;
use crate::web::response::with_header;
use crate::web::{PoolRequest, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use minijinja::{Environment, context};
use std::sync::LazyLock;
use warp::http::StatusCode;
use warp::http::header::CONTENT_SECURITY_POLICY;

/// The only script of the page, and the same on every page: the browser runs it because its hash is in the policy.
const SCRIPT: &str = "document.forms[0].submit()";

static TEMPLATES: LazyLock<Environment<'static>> = LazyLock::new(|| environment(&[("post.html", include_str!("templates/post.html"))]));

static SCRIPT_SOURCE: LazyLock<String> = LazyLock::new(|| format!("script-src 'sha256-{}'", STANDARD.encode(sha256(SCRIPT.as_bytes()))));

/// A form with those fields that submits itself to that address, with a button where scripts do not run.
pub fn post(request: &PoolRequest, application: &str, action: &str, fields: &[(&str, &str)]) -> Response {
    let content = context! { application, action, fields => hidden(fields.iter().copied()), script => SCRIPT };
    let page = render(&TEMPLATES, "post.html", request, StatusCode::OK, content);
    let policy = page.headers().get(CONTENT_SECURITY_POLICY).and_then(|policy| policy.to_str().ok()).unwrap_or("default-src 'none'");
    let policy = format!("{policy}; {}", *SCRIPT_SOURCE);
    with_header(page, CONTENT_SECURITY_POLICY, &policy)
}

//! The page whose form submits itself: it carries an answer to an application (SAML 2.0 bindings,
//! section 3.5; OAuth 2.0 Form Post Response Mode), or a request that another site has posted once
//! more to where it was posted.

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

/// The only script of the page, and the same on every page: the browser runs it because its hash is
/// in the policy.
const SCRIPT: &str = "document.forms[0].submit()";

static TEMPLATES: LazyLock<Environment<'static>> = LazyLock::new(|| environment(&[("post.html", include_str!("templates/post.html"))]));

static SCRIPT_SOURCE: LazyLock<String> = LazyLock::new(|| format!("script-src 'sha256-{}'", STANDARD.encode(sha256(SCRIPT.as_bytes()))));

/// A form that submits itself.
pub struct SelfPosting<'a> {
    /// What is said meanwhile: a name in the texts, which may name the application.
    pub text: &'a str,
    /// The application's display name.
    pub application: &'a str,
    /// The address that it goes to.
    pub action: &'a str,
    /// What it carries.
    pub fields: &'a [(&'a str, &'a str)],
}

/// The page of such a form, with a button where scripts do not run.
pub fn post(request: &PoolRequest, form: &SelfPosting<'_>) -> Response {
    let SelfPosting { text, application, action, fields } = *form;
    let content = context! { text, application, action, fields => hidden(fields.iter().copied()), script => SCRIPT };
    let page = render(&TEMPLATES, "post.html", request, StatusCode::OK, content);
    let policy = page.headers().get(CONTENT_SECURITY_POLICY).and_then(|policy| policy.to_str().ok()).unwrap_or("default-src 'none'");
    let policy = format!("{policy}; {}", *SCRIPT_SOURCE);
    with_header(page, CONTENT_SECURITY_POLICY, &policy)
}

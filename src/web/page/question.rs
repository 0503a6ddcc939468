//! A page that asks whether to go on, and sends the answer as a form.

use super::{environment, hidden, render};
use crate::web::csrf;
use crate::web::{PoolRequest, Response};
use minijinja::{Environment, context};
use std::sync::LazyLock;
use warp::http::StatusCode;

static TEMPLATES: LazyLock<Environment<'static>> =
    LazyLock::new(|| environment(&[("question.html", include_str!("templates/question.html"))]));

/// A question with one answer. Title, text and answer are names in the texts; the text may name the
/// pool.
pub struct Question<'a> {
    /// What it is about.
    pub title: &'a str,
    /// What is asked.
    pub text: &'a str,
    /// What the button says.
    pub answer: &'a str,
    /// The path under the pool's URL that the form goes to.
    pub path: &'a str,
    /// What goes along with it.
    pub fields: &'a [(&'a str, &'a str)],
    /// Proof that the form came from this page.
    pub token: &'a str,
}

/// The page of a question.
pub fn question(request: &PoolRequest, question: &Question<'_>) -> Response {
    let Question { title, text, answer, path, fields, token } = *question;
    let fields = hidden(fields.iter().copied().chain([(csrf::FIELD, token)]));
    let content = context! { title, text, answer, action => request.base.join(path), fields };
    render(&TEMPLATES, "question.html", request, StatusCode::OK, content)
}

//! Pages: one layout, one style sheet, texts per language.
//!
//! A web room keeps its own templates and makes an [`Environment`] of them; the layout
//! (`layout.html`), the plain message page (`message.html`) and the hidden fields of a form
//! (`hidden.html`, which shows what is called `fields`) are always there.

mod error;
mod language;
mod post;
mod question;
mod texts;

pub use error::PageError;
pub use language::Language;
pub use post::{SelfPosting, post};
pub use question::{Question, question};

use super::PoolRequest;
use super::response::{Response, html, with_header};
use minijinja::{Environment, Value, context};
use std::sync::LazyLock;
use warp::http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use warp::http::{self, StatusCode};

const LAYOUT: &str = include_str!("templates/layout.html");
const MESSAGE: &str = include_str!("templates/message.html");
const HIDDEN: &str = include_str!("templates/hidden.html");
const STYLE: &str = include_str!("style.css");

const ICON: &str = include_str!("icon.svg");

/// The path of the style sheet under a pool's URL.
pub const STYLE_PATH: &str = "/assets/style.css";
/// The path of the icon under a pool's URL.
pub const ICON_PATH: &str = "/assets/icon.svg";

static OWN: LazyLock<Environment<'static>> = LazyLock::new(|| environment(&[]));

/// Templates of a room beside the layout, which they extend. A template that does not compile is a
/// defect that the first test of its room shows.
pub fn environment(templates: &[(&'static str, &'static str)]) -> Environment<'static> {
    let mut environment = Environment::new();
    for (name, source) in [("layout.html", LAYOUT), ("message.html", MESSAGE), ("hidden.html", HIDDEN)].iter().chain(templates) {
        if let Err(error) = environment.add_template(name, source) {
            tracing::error!(template = name, %error, "a template does not compile");
        }
    }
    environment.add_function("t", texts::function);
    environment
}

/// Renders a template for a request; `content` is what the template needs beyond the layout.
pub fn render(environment: &Environment<'_>, template: &str, request: &PoolRequest, status: StatusCode, content: Value) -> Response {
    let language = Language::preferred(request.header("accept-language"));
    let layout = context! {
        language => language.tag(),
        pool => request.pool.display_name(),
        style => request.base.join(STYLE_PATH),
        icon => request.base.join(ICON_PATH),
    };
    let page = environment.get_template(template).and_then(|template| template.render(context! { ..content, ..layout }));
    match page {
        Ok(page) => html(status, page),
        Err(error) => {
            tracing::error!(template, error = %format_args!("{error:#}"), "a page cannot be rendered");
            html(StatusCode::INTERNAL_SERVER_ERROR, "<!doctype html><title>Error</title><p>This page cannot be shown.".to_owned())
        }
    }
}

/// A page that says one thing: a title and a text, both names in the texts. `detail` is shown as it
/// is, escaped.
pub fn message(request: &PoolRequest, status: StatusCode, title: &str, text: &str, detail: Option<&str>) -> Response {
    render(&OWN, "message.html", request, status, context! { title, text, detail })
}

/// The hidden fields of a form, each a name and a value, as templates take them.
pub fn hidden<'a>(fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> Vec<Vec<String>> {
    fields.into_iter().map(|(name, value)| vec![name.to_owned(), value.to_owned()]).collect()
}

/// The style sheet.
pub fn style() -> Response {
    asset("text/css; charset=utf-8", STYLE)
}

/// The icon of a browser's tab.
pub fn icon() -> Response {
    asset("image/svg+xml", ICON)
}

fn asset(content_type: &str, content: &'static str) -> Response {
    let response = http::Response::new(content.into());
    let response = with_header(response, CONTENT_TYPE, content_type);
    let response = with_header(response, X_CONTENT_TYPE_OPTIONS, "nosniff");
    with_header(response, CACHE_CONTROL, "public, max-age=3600")
}

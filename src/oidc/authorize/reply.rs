//! Where and how an authorization response goes back to the client.

use crate::oidc::wire::{Parameters, append_query};
use crate::web::page::{self, SelfPosting};
use crate::web::{self, PoolRequest, Response};

/// How the response travels (OAuth 2.0 Multiple Response Type Encoding Practices, section 2.1;
/// OAuth 2.0 Form Post Response Mode).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ResponseMode {
    /// In the query of the redirect URI.
    #[default]
    Query,
    /// In a form that posts itself to the redirect URI.
    FormPost,
}

impl ResponseMode {
    /// The names that discovery lists.
    pub const NAMES: &'static [&'static str] = &["query", "form_post"];

    /// The mode of that name.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "query" => Some(Self::Query),
            "form_post" => Some(Self::FormPost),
            _ => None,
        }
    }
}

/// A redirect URI that was found to be the client's, and what every response to it carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplyTo {
    /// The redirect URI as the request wrote it.
    pub redirect_uri: String,
    /// The name of the client, for the page that carries a form.
    pub application: String,
    /// How the response travels.
    pub mode: ResponseMode,
    /// The client's own value, handed back unchanged.
    pub state: Option<String>,
}

impl ReplyTo {
    /// Sends the answer there, with `state` and with `iss`, which tells a client of several
    /// providers whose answer it is (RFC 9207, section 2).
    pub fn answer(&self, request: &PoolRequest, answer: Parameters) -> Response {
        let mut answer = answer;
        if let Some(state) = &self.state {
            answer.push("state", state);
        }
        answer.push("iss", request.base.as_str());
        match self.mode {
            ResponseMode::Query => web::see_other(&append_query(&self.redirect_uri, &answer)),
            ResponseMode::FormPost => {
                let fields: Vec<_> = answer.pairs().collect();
                let (application, action) = (self.application.as_str(), self.redirect_uri.as_str());
                page::post(request, &SelfPosting { text: "post-text", application, action, fields: &fields })
            }
        }
    }
}

//! What stands on a page or in any other answer: forms, and whatever opens something.

use crate::web_client::Reply;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// A form as a browser reads it.
#[derive(Clone, Debug)]
pub struct Form {
    pub action: String,
    pub fields: Vec<(String, String)>,
}

impl Form {
    /// The fields as they are sent.
    pub fn pairs(&self) -> Vec<(&str, &str)> {
        self.fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }

    /// The value of a field.
    #[track_caller]
    pub fn value(&self, name: &str) -> &str {
        self.fields.iter().find(|(known, _)| known == name).map(|(_, value)| value).unwrap_or_else(|| panic!("{name}: {self:?}"))
    }

    /// The same with one more field.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// The first form of a page, with its hidden fields.
#[track_caller]
pub fn form(reply: &Reply) -> Form {
    find_form(reply).unwrap_or_else(|| panic!("no form: {reply:?}"))
}

/// The first form of a page, if it has one.
pub fn find_form(reply: &Reply) -> Option<Form> {
    let (_, rest) = reply.body.split_once("<form method=\"post\" action=\"")?;
    let form = rest.split("</form>").next()?;
    let hidden = form.split("<input type=\"hidden\" name=\"").skip(1).filter_map(|field| {
        let (name, rest) = field.split_once("\" value=\"")?;
        Some((unescaped(name), unescaped(rest.split('"').next()?)))
    });
    Some(Form { action: unescaped(form.split('"').next()?), fields: hidden.collect() })
}

/// Text of HTML as a browser reads it.
fn unescaped(text: &str) -> String {
    let escapes = [("&#x2f;", "/"), ("&quot;", "\""), ("&#x27;", "'"), ("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")];
    escapes.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
}

/// The SAML response that a page carries.
pub fn saml_response(reply: &Reply) -> Option<String> {
    let form = find_form(reply)?;
    let (_, response) = form.fields.iter().find(|(name, _)| name == "SAMLResponse")?;
    String::from_utf8(STANDARD.decode(response).ok()?).ok()
}

/// What an answer holds that only a proof gives.
pub fn given(reply: &Reply) -> Vec<&'static str> {
    let cookies = || reply.headers.iter().filter(|(name, value)| name == "set-cookie" && !value.contains("Max-Age=0;"));
    let location = reply.header("location").and_then(|location| url::Url::parse(location).ok());
    let has_code = location.is_some_and(|url| url.query_pairs().any(|(name, _)| name == "code"));
    let holds = [
        ("session", cookies().any(|(_, value)| value.contains("-session="))),
        ("mark", cookies().any(|(_, value)| value.contains("-mark="))),
        ("code", has_code || find_form(reply).is_some_and(|form| form.fields.iter().any(|(name, _)| name == "code"))),
        ("tokens", reply.body.contains("\"access_token\"")),
        ("claims", reply.body.contains("\"sub\"")),
        ("assertion", saml_response(reply).is_some_and(|xml| xml.contains("<saml:Assertion"))),
    ];
    holds.into_iter().filter(|(_, given)| *given).map(|(name, _)| name).collect()
}

/// Whether the browser is told that its session is over.
pub fn ends_session(reply: &Reply) -> bool {
    reply.headers.iter().any(|(name, value)| name == "set-cookie" && value.contains("-session=;"))
}

//! A browser without pictures: it keeps cookies, follows redirects and links, and fills in forms as
//! a person would.

use reqwest::header::{COOKIE, HeaderMap, LOCATION, SET_COOKIE};
use reqwest::{Method, StatusCode};
use std::collections::HashMap;
use std::sync::Mutex;
use url::Url;

/// The most redirects of one way.
const MAX_REDIRECTS: usize = 20;

/// One person's browser.
pub struct Browser {
    http: reqwest::Client,
    /// Where somebody answers. A redirect to anywhere else ends the way: it leads to an
    /// application.
    answering: Vec<String>,
    cookies: Mutex<Vec<Cookie>>,
}

/// A cookie, which like in every browser belongs to a host and a path, whatever the port.
struct Cookie {
    host: String,
    path: String,
    name: String,
    value: String,
}

/// Where a way has ended: at a page, or at a redirect to an application.
pub struct Page {
    pub url: Url,
    pub status: StatusCode,
    pub text: String,
    /// The application's address that the browser was sent to.
    pub left_for: Option<Url>,
}

/// A form of a page.
pub struct Form {
    pub method: Method,
    pub action: Url,
    pub fields: Vec<(String, String)>,
}

impl Browser {
    /// A new browser for servers at those origins, such as `http://localhost:8080`.
    pub fn new<'a>(origins: impl IntoIterator<Item = &'a str>) -> Self {
        let http = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Self { http, answering: origins.into_iter().map(|origin| format!("{origin}/")).collect(), cookies: Mutex::default() }
    }

    /// Opens an address and follows redirects.
    pub async fn open(&self, url: impl AsRef<str>) -> Page {
        self.go(Method::GET, Url::parse(url.as_ref()).unwrap(), &[]).await
    }

    /// Fills in the page's form, sends it and follows redirects. The fields must be there.
    pub async fn submit(&self, page: &Page, filled: &[(&str, &str)]) -> Page {
        let mut form = page.form();
        for (name, value) in filled {
            let field = form.fields.iter_mut().find(|(known, _)| known == name);
            let (_, field) = field.unwrap_or_else(|| panic!("{} has no field {name}:\n{}", page.url, page.text));
            (*value).clone_into(field);
        }
        self.send(form).await
    }

    /// Sends a form and follows redirects.
    pub async fn send(&self, mut form: Form) -> Page {
        if form.method == Method::GET {
            form.action.query_pairs_mut().clear().extend_pairs(&form.fields);
        }
        self.go(form.method, form.action, &form.fields).await
    }

    /// Follows the link with that text.
    pub async fn follow(&self, page: &Page, text: &str) -> Page {
        self.go(Method::GET, page.link(text), &[]).await
    }

    /// Presses the button with that text, in whichever form it is.
    pub async fn press(&self, page: &Page, text: &str) -> Page {
        self.send(page.pressed(text)).await
    }

    async fn go(&self, mut method: Method, mut url: Url, fields: &[(String, String)]) -> Page {
        for _ in 0..MAX_REDIRECTS {
            let mut request = self.http.request(method.clone(), url.clone()).header(COOKIE, self.cookies_for(&url));
            if method == Method::POST {
                request = request.form(fields);
            }
            let response = request.send().await.unwrap();
            self.keep(&url, response.headers());
            let (status, headers) = (response.status(), response.headers().clone());
            let text = response.text().await.unwrap();
            let target =
                headers.get(LOCATION).filter(|_| status.is_redirection()).map(|target| url.join(target.to_str().unwrap()).unwrap());
            match target {
                Some(target) if self.answering.iter().any(|origin| target.as_str().starts_with(origin)) => {
                    (method, url) = (Method::GET, target);
                }
                left_for => return Page { url, status, text, left_for },
            }
        }
        panic!("more than {MAX_REDIRECTS} redirects, now at {url}");
    }

    fn cookies_for(&self, url: &Url) -> String {
        let cookies = self.cookies.lock().unwrap();
        let sent = cookies.iter().filter(|cookie| cookie.host == url.host_str().unwrap() && is_under(&cookie.path, url.path()));
        sent.map(|cookie| format!("{}={}", cookie.name, cookie.value)).collect::<Vec<_>>().join("; ")
    }

    fn keep(&self, url: &Url, headers: &HeaderMap) {
        let mut cookies = self.cookies.lock().unwrap();
        for field in headers.get_all(SET_COOKIE) {
            let mut parts = field.to_str().unwrap().split(';').map(str::trim);
            let (name, value) = parts.next().unwrap().split_once('=').unwrap();
            let attributes: HashMap<String, &str> =
                parts.map(|part| part.split_once('=').unwrap_or((part, ""))).map(|(name, value)| (name.to_lowercase(), value)).collect();
            let (host, path) = (url.host_str().unwrap(), attributes.get("path").copied().unwrap_or("/"));
            cookies.retain(|cookie| (cookie.host.as_str(), cookie.path.as_str(), cookie.name.as_str()) != (host, path, name));
            let is_over = attributes.get("max-age") == Some(&"0") || attributes.get("expires").is_some_and(|date| date.contains(" 1970 "));
            if !is_over {
                cookies.push(Cookie { host: host.to_owned(), path: path.to_owned(), name: name.to_owned(), value: value.to_owned() });
            }
        }
    }
}

/// RFC 6265, section 5.1.4.
fn is_under(path: &str, requested: &str) -> bool {
    requested.strip_prefix(path).is_some_and(|rest| rest.is_empty() || path.ends_with('/') || rest.starts_with('/'))
}

impl Page {
    /// What an application is told in the query of its address.
    #[track_caller]
    pub fn answer(&self) -> HashMap<String, String> {
        let left_for = self.left_for.as_ref();
        let left_for = left_for.unwrap_or_else(|| panic!("still at {} ({}):\n{}", self.url, self.status, self.text));
        left_for.query_pairs().into_owned().collect()
    }

    /// The page itself, provided that the browser is still there.
    #[track_caller]
    pub fn shown(&self, status: u16) -> &str {
        assert!(self.left_for.is_none(), "left for {:?}", self.left_for);
        assert_eq!(self.status.as_u16(), status, "{}:\n{}", self.url, self.text);
        &self.text
    }

    /// The first form, with the fields' values as the page has them and the first button as the one
    /// that is pressed.
    #[track_caller]
    pub fn form(&self) -> Form {
        let tags = tags(&self.text);
        let start = tags.iter().position(|tag| tag.name == "form").unwrap_or_else(|| panic!("{} has no form:\n{}", self.url, self.text));
        let button = tags[start..].iter().take_while(|tag| tag.name != "/form").find(|tag| tag.name == "button");
        self.form_of(&tags[start], &tags[start + 1..], button)
    }

    /// The form with the button of that text, which is pressed.
    #[track_caller]
    fn pressed(&self, text: &str) -> Form {
        let tags = tags(&self.text);
        let is_it = |tag: &Tag| tag.name == "button" && self.text[tag.end..].split('<').next().unwrap().contains(text);
        let at = tags.iter().position(is_it).unwrap_or_else(|| panic!("{} has no button “{text}”:\n{}", self.url, self.text));
        let start = tags[..at].iter().rposition(|tag| tag.name == "form").unwrap();
        let form = self.form_of(&tags[start], &tags[start + 1..], Some(&tags[at]));
        match tags[at].value("formaction") {
            Some(action) => Form { action: self.url.join(&action).unwrap(), ..form },
            None => form,
        }
    }

    fn form_of(&self, form: &Tag, inside: &[Tag], button: Option<&Tag>) -> Form {
        let inside = inside.iter().take_while(|tag| tag.name != "/form");
        let sent = inside.filter(|tag| tag.name == "input").chain(button);
        let fields = sent.filter_map(|tag| Some((tag.value("name")?, tag.value("value").unwrap_or_default()))).collect();
        let is_post = form.value("method").is_some_and(|method| method.eq_ignore_ascii_case("post"));
        let action = self.url.join(&form.value("action").unwrap_or_default()).unwrap();
        Form { method: if is_post { Method::POST } else { Method::GET }, action, fields }
    }

    /// Where the link with that text leads.
    #[track_caller]
    pub fn link(&self, text: &str) -> Url {
        let link =
            tags(&self.text).into_iter().find(|tag| tag.name == "a" && self.text[tag.end..].split('<').next().unwrap().contains(text));
        let link = link.unwrap_or_else(|| panic!("{} has no link “{text}”:\n{}", self.url, self.text));
        self.url.join(&link.value("href").unwrap()).unwrap()
    }
}

struct Tag {
    name: String,
    attributes: Vec<(String, String)>,
    /// Where the text after it begins.
    end: usize,
}

impl Tag {
    fn value(&self, name: &str) -> Option<String> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
    }
}

/// The tags of a page in their order.
fn tags(page: &str) -> Vec<Tag> {
    let mut tags = Vec::new();
    let mut rest = page;
    while let Some(start) = rest.find('<') {
        let inside = &rest[start + 1..];
        let mut quoted = false;
        let end = inside.find(|c: char| {
            quoted ^= c == '"';
            c == '>' && !quoted
        });
        let Some(end) = end else { break };
        rest = &inside[end + 1..];
        let (name, attributes) = inside[..end].split_once(char::is_whitespace).unwrap_or((&inside[..end], ""));
        tags.push(Tag { name: name.to_lowercase(), attributes: self::attributes(attributes), end: page.len() - rest.len() });
    }
    tags
}

fn attributes(text: &str) -> Vec<(String, String)> {
    let mut attributes = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let name_end = rest.find(|c: char| c == '=' || c.is_whitespace()).unwrap_or(rest.len());
        let (name, after) = rest.split_at(name_end);
        let (value, after) = match after.strip_prefix('=') {
            Some(after) => match after.strip_prefix('"') {
                Some(quoted) => quoted.split_once('"').unwrap(),
                None => after.split_at(after.find(char::is_whitespace).unwrap_or(after.len())),
            },
            None => ("", after),
        };
        attributes.push((name.to_lowercase(), unescape(value)));
        rest = after.trim_start();
    }
    attributes
}

/// Replaces character references.
fn unescape(text: &str) -> String {
    let mut parts = text.split('&');
    let mut plain = parts.next().unwrap().to_owned();
    for part in parts {
        let (reference, rest) = part.split_once(';').unwrap_or_else(|| panic!("a bare & in {text}"));
        plain.push(match reference {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            number => {
                let number = number.strip_prefix('#').unwrap_or_else(|| panic!("&{reference};"));
                let code = number.strip_prefix(['x', 'X']).map_or_else(|| number.parse(), |hex| u32::from_str_radix(hex, 16));
                char::from_u32(code.unwrap()).unwrap()
            }
        });
        plain.push_str(rest);
    }
    plain
}

//! Parsing of an AuthnRequest (SAML core, section 3.4.1). What it asks for is judged elsewhere.

use super::instant::parse_instant;
use super::{ASSERTION, PROTOCOL};
use crate::crypto::xml::Element;
use crate::model::error::Rule;
use crate::model::{Error, Result, Timestamp};

/// The most bytes of an identifier in a message: an ID, an entity id (SAML metadata, section 2.2.1,
/// says 1024), a URL.
pub const MAX_IDENTIFIER: usize = 1024;
/// The most context classes that are read.
pub const MAX_CLASSES: usize = 16;

/// A request to authenticate somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthnRequest {
    /// What the response answers to.
    pub id: String,
    /// Whether it is of SAML 2.0.
    pub is_version_2: bool,
    /// When it was made.
    pub issue_instant: Timestamp,
    /// Where it was sent.
    pub destination: Option<String>,
    /// The entity id of the service provider.
    pub issuer: String,
    /// Where the response shall go, by URL.
    pub acs_url: Option<String>,
    /// Where the response shall go, by the number under which it is registered.
    pub acs_index: Option<u16>,
    /// Over which binding the response shall go.
    pub protocol_binding: Option<String>,
    /// Whether a session is not enough.
    pub force_authn: bool,
    /// Whether no page may be shown.
    pub is_passive: bool,
    /// Which NameID is wanted.
    pub name_id_policy: Option<NameIdPolicy>,
    /// How somebody must have logged in.
    pub requested_context: Option<RequestedContext>,
    /// Whether it names the person, which is not offered.
    pub names_subject: bool,
}

/// Which NameID is wanted (SAML core, section 3.4.1.1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NameIdPolicy {
    /// The format's URI.
    pub format: Option<String>,
    /// In whose name space the identifier is to be.
    pub sp_name_qualifier: Option<String>,
}

/// How somebody must have logged in (SAML core, section 3.3.2.2.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestedContext {
    /// How the classes are compared.
    pub comparison: Comparison,
    /// The classes, best first. Empty when declarations were asked for, which are not offered.
    pub classes: Vec<String>,
}

/// How a login's class is compared with those that are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// One of them.
    Exact,
    /// At least as strong as one of them.
    Minimum,
    /// As strong as possible, and not stronger than one of them.
    Maximum,
    /// Stronger than one of them.
    Better,
}

impl AuthnRequest {
    /// Reads the request.
    pub fn read(root: &Element) -> Result<Self> {
        if !root.is(PROTOCOL, "AuthnRequest") {
            return Err(refused("the message is not an AuthnRequest"));
        }
        let id = text(root, "ID")?
            .filter(|id| is_ncname(id))
            .ok_or_else(|| refused("the AuthnRequest has no ID, or one that is not an NCName"))?;
        let issue_instant = root.attribute("IssueInstant").and_then(parse_instant);
        let issue_instant = issue_instant.ok_or_else(|| refused("the AuthnRequest's IssueInstant is not a moment in UTC"))?;
        let acs_index = match root.attribute("AssertionConsumerServiceIndex") {
            Some(index) => Some(index.trim().parse().map_err(|_| refused("AssertionConsumerServiceIndex is not a number below 65536"))?),
            None => None,
        };
        Ok(Self {
            id,
            is_version_2: root.attribute("Version") == Some("2.0"),
            issue_instant,
            destination: text(root, "Destination")?.filter(|destination| !destination.is_empty()),
            issuer: issuer(root)?,
            acs_url: text(root, "AssertionConsumerServiceURL")?,
            acs_index,
            protocol_binding: text(root, "ProtocolBinding")?,
            force_authn: flag(root, "ForceAuthn")?,
            is_passive: flag(root, "IsPassive")?,
            name_id_policy: at_most_one(root, PROTOCOL, "NameIDPolicy")?.map(name_id_policy).transpose()?,
            requested_context: at_most_one(root, PROTOCOL, "RequestedAuthnContext")?.map(requested_context).transpose()?,
            names_subject: root.named(ASSERTION, "Subject").next().is_some(),
        })
    }
}

fn issuer(root: &Element) -> Result<String> {
    let issuer = root.only(ASSERTION, "Issuer").ok_or_else(|| refused("the AuthnRequest has no Issuer"))?;
    let entity = issuer.attribute("Format").is_none_or(|format| format == "urn:oasis:names:tc:SAML:2.0:nameid-format:entity");
    let name = issuer.text().filter(|name| entity && !name.is_empty() && name.len() <= MAX_IDENTIFIER);
    name.map(str::to_owned).ok_or_else(|| refused(format!("the Issuer is not an entity id of at most {MAX_IDENTIFIER} bytes")))
}

fn name_id_policy(element: &Element) -> Result<NameIdPolicy> {
    Ok(NameIdPolicy { format: text(element, "Format")?, sp_name_qualifier: text(element, "SPNameQualifier")? })
}

fn requested_context(element: &Element) -> Result<RequestedContext> {
    let comparison = match element.attribute("Comparison") {
        None | Some("exact") => Comparison::Exact,
        Some("minimum") => Comparison::Minimum,
        Some("maximum") => Comparison::Maximum,
        Some("better") => Comparison::Better,
        Some(_) => return Err(refused("the Comparison of RequestedAuthnContext is none of exact, minimum, maximum, better")),
    };
    let classes = element.named(ASSERTION, "AuthnContextClassRef").take(MAX_CLASSES).filter_map(Element::text);
    let classes = classes.filter(|class| class.len() <= MAX_IDENTIFIER).map(str::to_owned).collect();
    Ok(RequestedContext { comparison, classes })
}

fn at_most_one<'a>(root: &'a Element, namespace: &'a str, local: &'a str) -> Result<Option<&'a Element>> {
    let mut found = root.named(namespace, local);
    let first = found.next();
    if found.next().is_some() { Err(refused(format!("the AuthnRequest holds more than one {local}"))) } else { Ok(first) }
}

fn text(element: &Element, name: &str) -> Result<Option<String>> {
    match element.attribute(name) {
        Some(value) if value.len() > MAX_IDENTIFIER => Err(refused(format!("{name} is longer than {MAX_IDENTIFIER} bytes"))),
        value => Ok(value.map(|value| value.trim().to_owned())),
    }
}

/// `xs:boolean`.
fn flag(element: &Element, name: &str) -> Result<bool> {
    match element.attribute(name).map(str::trim) {
        None | Some("false" | "0") => Ok(false),
        Some("true" | "1") => Ok(true),
        Some(_) => Err(refused(format!("{name} is neither true nor false"))),
    }
}

/// The response repeats the ID as an `xs:NCName`, so it must be one.
fn is_ncname(id: &str) -> bool {
    let starts = id.starts_with(|first: char| first == '_' || first.is_alphabetic());
    starts && id.chars().all(|character| character.is_alphanumeric() || matches!(character, '_' | '-' | '.'))
}

fn refused(message: impl Into<String>) -> Error {
    Error::invalid(Rule::Request, message)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::crypto::xml::parse;
    use proptest::prelude::*;

    fn read(attributes: &str, content: &str) -> Result<AuthnRequest> {
        let xml = format!(
            "<p:AuthnRequest xmlns:p=\"{PROTOCOL}\" xmlns:a=\"{ASSERTION}\" ID=\"_1\" Version=\"2.0\" IssueInstant=\"2023-11-14T22:13:20Z\" {attributes}>{content}</p:AuthnRequest>"
        );
        AuthnRequest::read(&parse(xml.as_bytes())?)
    }

    const ISSUER: &str = "<a:Issuer> https://sp.example/metadata\n</a:Issuer>";

    #[test]
    fn reads_the_least_that_is_allowed() {
        let request = read("", ISSUER).unwrap();
        assert_eq!(request.issuer, "https://sp.example/metadata");
        assert!(!request.force_authn && !request.is_passive && request.is_version_2);
        assert_eq!((request.acs_url, request.acs_index, request.name_id_policy), (None, None, None));
    }

    #[test]
    fn reads_everything() {
        let request = read(
            "Destination=\"https://idp.example/sso\" AssertionConsumerServiceURL=\"https://sp.example/acs\" ProtocolBinding=\"urn:x\" ForceAuthn=\"1\" IsPassive=\"true\"",
            &format!(
                "{ISSUER}<p:NameIDPolicy Format=\"urn:f\" SPNameQualifier=\"q\" AllowCreate=\"true\"/><p:RequestedAuthnContext Comparison=\"minimum\"><a:AuthnContextClassRef>urn:c</a:AuthnContextClassRef></p:RequestedAuthnContext>"
            ),
        )
        .unwrap();
        assert_eq!(request.destination.as_deref(), Some("https://idp.example/sso"));
        assert!(request.force_authn && request.is_passive);
        assert_eq!(request.name_id_policy.unwrap().format.as_deref(), Some("urn:f"));
        assert_eq!(request.requested_context.unwrap(), RequestedContext { comparison: Comparison::Minimum, classes: vec!["urn:c".into()] });
    }

    #[test]
    fn refuses_what_is_malformed() {
        for (attributes, content) in [
            ("", ""),
            ("", "<a:Issuer/>"),
            ("", "<a:Issuer>a</a:Issuer><a:Issuer>b</a:Issuer>"),
            ("", "<a:Issuer Format=\"urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress\">a</a:Issuer>"),
            ("ForceAuthn=\"yes\"", ISSUER),
            ("AssertionConsumerServiceIndex=\"70000\"", ISSUER),
        ] {
            assert!(read(attributes, content).is_err(), "{attributes} {content}");
        }
        assert!(read(&format!("Destination=\"{}\"", "x".repeat(MAX_IDENTIFIER + 1)), ISSUER).is_err());
        let other = parse(format!("<p:Response xmlns:p=\"{PROTOCOL}\"/>").as_bytes()).unwrap();
        assert!(AuthnRequest::read(&other).is_err());
    }

    #[test]
    fn an_id_is_an_ncname() {
        for (id, allowed) in [
            ("_a1", true),
            ("ONELOGIN_4f", true),
            ("a.b-c", true),
            ("1a", false),
            ("", false),
            ("a b", false),
            ("a:b", false),
            ("a\"b", false),
        ] {
            assert_eq!(is_ncname(id), allowed, "{id}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_content_never_panics(attributes in "[a-zA-Z]{1,8}=\"[^<&\"]{0,8}\"", content in "[ -~]{0,80}") {
            let _ = read(&attributes, &content);
        }
    }
}

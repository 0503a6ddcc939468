//! Writing of responses and assertions (SAML core, sections 2 and 3.2), as the Web Browser SSO
//! profile wants them (SAML profiles, section 4.1.4.2).

use super::instant::format_instant;
use super::status::Status;
use super::{ASSERTION, PROTOCOL};
use crate::crypto::xml::Writer;
use crate::model::Timestamp;

const BEARER: &str = "urn:oasis:names:tc:SAML:2.0:cm:bearer";
const SUCCESS: &str = "urn:oasis:names:tc:SAML:2.0:status:Success";
const BASIC_NAME: &str = "urn:oasis:names:tc:SAML:2.0:attrname-format:basic";
const URI_NAME: &str = "urn:oasis:names:tc:SAML:2.0:attrname-format:uri";

/// What a response and the assertion in it have in common.
#[derive(Clone, Copy, Debug)]
pub struct Reply<'a> {
    /// Our entity id.
    pub issuer: &'a str,
    /// The assertion consumer service that it goes to.
    pub destination: &'a str,
    /// The ID of the request.
    pub in_response_to: &'a str,
    /// When it is made.
    pub now: Timestamp,
}

/// What is said about somebody.
#[derive(Clone, Debug)]
pub struct Assertion<'a> {
    /// Its ID.
    pub id: &'a str,
    /// The entity id of the only service provider that it is for.
    pub audience: &'a str,
    /// What the person is called towards it.
    pub name_id: NameId,
    /// From when on it is good; earlier than now by the skew of clocks.
    pub not_before: Timestamp,
    /// From when on it is not good any more.
    pub not_on_or_after: Timestamp,
    /// When they logged in.
    pub authenticated: Timestamp,
    /// The name of the session towards this service provider.
    pub session_index: &'a str,
    /// When the session ends at the latest.
    pub session_ends: Option<Timestamp>,
    /// How they logged in: an authentication context class.
    pub context_class: &'a str,
    /// What else is told.
    pub attributes: Vec<SubjectAttribute>,
}

/// What a person is called (SAML core, section 2.2.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameId {
    /// The format's URI.
    pub format: &'static str,
    /// The identifier.
    pub value: String,
    /// Whose identifier it is, by us and for the service provider: for names that hold between two
    /// parties only.
    pub qualifiers: Option<(String, String)>,
}

/// An attribute with its values; a name that is a URI is marked as one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubjectAttribute {
    /// Its name.
    pub name: String,
    /// Its values.
    pub values: Vec<String>,
}

/// An assertion, not yet signed.
pub fn assertion_xml(reply: &Reply<'_>, assertion: &Assertion<'_>) -> String {
    let now = format_instant(reply.now);
    let not_on_or_after = format_instant(assertion.not_on_or_after);
    let mut writer = Writer::new();
    writer.start("saml:Assertion", &[("xmlns:saml", ASSERTION), ("ID", assertion.id), ("Version", "2.0"), ("IssueInstant", &now)]);
    writer.element("saml:Issuer", &[], reply.issuer);

    writer.start("saml:Subject", &[]);
    name_id(&mut writer, &assertion.name_id);
    writer.start("saml:SubjectConfirmation", &[("Method", BEARER)]);
    let confirmation =
        [("NotOnOrAfter", not_on_or_after.as_str()), ("Recipient", reply.destination), ("InResponseTo", reply.in_response_to)];
    writer.empty("saml:SubjectConfirmationData", &confirmation).end().end();

    let not_before = format_instant(assertion.not_before);
    writer.start("saml:Conditions", &[("NotBefore", &not_before), ("NotOnOrAfter", &not_on_or_after)]);
    writer.start("saml:AudienceRestriction", &[]).element("saml:Audience", &[], assertion.audience).end().end();

    let authenticated = format_instant(assertion.authenticated);
    let ends = assertion.session_ends.map(format_instant);
    let mut statement = vec![("AuthnInstant", authenticated.as_str()), ("SessionIndex", assertion.session_index)];
    statement.extend(ends.as_deref().map(|ends| ("SessionNotOnOrAfter", ends)));
    writer.start("saml:AuthnStatement", &statement).start("saml:AuthnContext", &[]);
    writer.element("saml:AuthnContextClassRef", &[], assertion.context_class).end().end();

    attributes(&mut writer, &assertion.attributes);
    writer.finish()
}

/// A response around a finished assertion, or one that says why there is none. Not yet signed.
pub fn response_xml(id: &str, reply: &Reply<'_>, outcome: Result<&str, (Status, &str)>) -> String {
    let now = format_instant(reply.now);
    let mut writer = Writer::new();
    let attributes = [
        ("xmlns:samlp", PROTOCOL),
        ("ID", id),
        ("Version", "2.0"),
        ("IssueInstant", &now),
        ("Destination", reply.destination),
        ("InResponseTo", reply.in_response_to),
    ];
    writer.start("samlp:Response", &attributes).element("saml:Issuer", &[("xmlns:saml", ASSERTION)], reply.issuer);
    writer.start("samlp:Status", &[]);
    match outcome {
        Ok(assertion) => writer.empty("samlp:StatusCode", &[("Value", SUCCESS)]).end().finished(assertion),
        Err((status, message)) => {
            writer.start("samlp:StatusCode", &[("Value", status.top())]);
            if let Some(second) = status.second() {
                writer.empty("samlp:StatusCode", &[("Value", second)]);
            }
            writer.end().element("samlp:StatusMessage", &[], message)
        }
    };
    writer.finish()
}

fn name_id(writer: &mut Writer, name_id: &NameId) {
    match &name_id.qualifiers {
        Some((by, to)) => {
            writer.element("saml:NameID", &[("Format", name_id.format), ("NameQualifier", by), ("SPNameQualifier", to)], &name_id.value)
        }
        None => writer.element("saml:NameID", &[("Format", name_id.format)], &name_id.value),
    };
}

fn attributes(writer: &mut Writer, attributes: &[SubjectAttribute]) {
    // The schema does not allow an empty statement.
    if attributes.is_empty() {
        return;
    }
    writer.start("saml:AttributeStatement", &[]);
    for attribute in attributes {
        let is_uri = attribute.name.starts_with("urn:") || attribute.name.contains("://");
        let format = if is_uri { URI_NAME } else { BASIC_NAME };
        writer.start("saml:Attribute", &[("Name", &attribute.name), ("NameFormat", format)]);
        for value in &attribute.values {
            writer.element("saml:AttributeValue", &[], value);
        }
        writer.end();
    }
    writer.end();
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::crypto::xml::{Element, parse};

    const REPLY: Reply<'static> = Reply {
        issuer: "https://idp.example",
        destination: "https://sp.example/acs?a=1&b=2",
        in_response_to: "_r",
        now: Timestamp::from_seconds(1_700_000_000),
    };

    fn assertion(attributes: Vec<SubjectAttribute>) -> Assertion<'static> {
        Assertion {
            id: "_a",
            audience: "https://sp.example",
            name_id: NameId {
                format: "urn:f",
                value: "n<>&".into(),
                qualifiers: Some(("https://idp.example".into(), "https://sp.example".into())),
            },
            not_before: Timestamp::from_seconds(1_699_999_940),
            not_on_or_after: Timestamp::from_seconds(1_700_000_300),
            authenticated: Timestamp::from_seconds(1_699_999_999),
            session_index: "_s",
            session_ends: None,
            context_class: "urn:c",
            attributes,
        }
    }

    fn at<'a>(element: &'a Element, path: &[&str]) -> &'a Element {
        path.iter().fold(element, |element, local| element.only(ASSERTION, local).unwrap_or_else(|| panic!("no {local}")))
    }

    #[test]
    fn an_assertion_says_all_that_the_profile_demands() {
        let values = vec![SubjectAttribute { name: "mail".into(), values: vec!["a@x".into(), "</saml:Assertion>".into()] }];
        let root = parse(assertion_xml(&REPLY, &assertion(values)).as_bytes()).unwrap();
        assert_eq!(root.attribute("IssueInstant"), Some("2023-11-14T22:13:20.000Z"));
        assert_eq!(at(&root, &["Issuer"]).text(), Some("https://idp.example"));
        assert_eq!(at(&root, &["Subject", "NameID"]).text(), Some("n<>&"));
        let data = at(&root, &["Subject", "SubjectConfirmation", "SubjectConfirmationData"]);
        assert_eq!(data.attribute("Recipient"), Some("https://sp.example/acs?a=1&b=2"));
        assert_eq!((data.attribute("InResponseTo"), data.attribute("NotBefore")), (Some("_r"), None));
        assert_eq!(data.attribute("NotOnOrAfter"), at(&root, &["Conditions"]).attribute("NotOnOrAfter"));
        assert_eq!(at(&root, &["Conditions", "AudienceRestriction", "Audience"]).text(), Some("https://sp.example"));
        assert_eq!(at(&root, &["AuthnStatement"]).attribute("SessionIndex"), Some("_s"));
        let attribute = at(&root, &["AttributeStatement", "Attribute"]);
        assert_eq!(attribute.attribute("NameFormat"), Some(BASIC_NAME));
        assert_eq!(attribute.children().len(), 2);
    }

    #[test]
    fn there_is_no_empty_attribute_statement() {
        let root = parse(assertion_xml(&REPLY, &assertion(Vec::new())).as_bytes()).unwrap();
        assert!(root.only(ASSERTION, "AttributeStatement").is_none());
    }

    #[test]
    fn a_refusal_names_both_codes_and_holds_no_assertion() {
        let xml = response_xml("_i", &REPLY, Err((Status::NoPassive, "a login page is needed")));
        let root = parse(xml.as_bytes()).unwrap();
        let code = root.only(PROTOCOL, "Status").unwrap().only(PROTOCOL, "StatusCode").unwrap();
        assert_eq!(code.attribute("Value"), Some("urn:oasis:names:tc:SAML:2.0:status:Responder"));
        assert_eq!(code.only(PROTOCOL, "StatusCode").unwrap().attribute("Value"), Some("urn:oasis:names:tc:SAML:2.0:status:NoPassive"));
        assert_eq!(root.attribute("Destination"), Some("https://sp.example/acs?a=1&b=2"));
        assert!(root.only(ASSERTION, "Assertion").is_none());
    }
}

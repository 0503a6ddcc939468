//! What `cn=subschema` shows (RFC 4512, section 4.2): exactly what is supported, no more.

use super::Schema;
use super::parse::Definition;
use crate::directory::value::{MatchingRule, Syntax};
use crate::model::Attribute;
use std::fmt::Write;

/// Extensions that are ours alone and say nothing to a client.
const PRIVATE: &str = "X-POOLGATE-";

pub(super) fn subschema(schema: &Schema) -> Vec<Attribute> {
    let attribute = |name: &str, values: Vec<String>| Attribute::new(name, values.iter().map(String::as_str));
    vec![
        attribute("attributeTypes", schema.attribute_types().iter().map(|attribute| attribute.definition.clone()).collect()),
        attribute("objectClasses", schema.object_classes().iter().map(|class| class.definition.clone()).collect()),
        attribute("ldapSyntaxes", schema.syntaxes().iter().copied().map(syntax).collect()),
        attribute("matchingRules", schema.matching_rules().iter().copied().map(rule).collect()),
        attribute("matchingRuleUse", schema.matching_rules().iter().filter_map(|rule| rule_use(schema, *rule)).collect()),
    ]
}

/// A definition in the form of RFC 4512, section 4.1, on one line.
pub(super) fn definition(definition: &Definition) -> String {
    let mut text = format!("( {}", definition.oid);
    for (keyword, values) in definition.fields.iter().filter(|(keyword, _)| !keyword.starts_with(PRIVATE)) {
        text.push(' ');
        text.push_str(keyword);
        match keyword.as_str() {
            "NAME" => list(&mut text, values.iter().map(|value| quote(value)), " "),
            "DESC" => list(&mut text, values.iter().map(|value| quote(value)), " "),
            "SYNTAX" => list(&mut text, std::iter::once(values.join("{") + if values.len() > 1 { "}" } else { "" }), " "),
            keyword if keyword.starts_with("X-") => list(&mut text, values.iter().map(|value| quote(value)), " "),
            _ => list(&mut text, values.iter().cloned(), " $ "),
        }
    }
    text.push_str(" )");
    text
}

fn syntax(syntax: Syntax) -> String {
    let extension = if syntax.is_human_readable() { "" } else { " X-NOT-HUMAN-READABLE 'TRUE'" };
    format!("( {} DESC '{}'{extension} )", syntax.oid(), syntax.description())
}

fn rule(rule: MatchingRule) -> String {
    format!("( {} NAME '{}' SYNTAX {} )", rule.oid(), rule.name(), rule.syntax().oid())
}

fn rule_use(schema: &Schema, rule: MatchingRule) -> Option<String> {
    let names: Vec<String> = schema
        .attribute_types()
        .iter()
        .filter(|attribute| rule.applies_to(attribute.syntax))
        .map(|attribute| attribute.name().to_owned())
        .collect();
    if names.is_empty() {
        return None;
    }
    let mut text = format!("( {} NAME '{}' APPLIES", rule.oid(), rule.name());
    list(&mut text, names.into_iter(), " $ ");
    text.push_str(" )");
    Some(text)
}

/// One value as it is, several in parentheses; nothing for a flag.
fn list(text: &mut String, values: impl Iterator<Item = String>, separator: &str) {
    let values: Vec<String> = values.collect();
    // Writing to a String cannot fail.
    let _ = match values.as_slice() {
        [] => Ok(()),
        [one] => write!(text, " {one}"),
        several => write!(text, " ( {} )", several.join(separator)),
    };
}

fn quote(value: &str) -> String {
    format!("'{}'", value.replace('\\', "\\5C").replace('\'', "\\27"))
}

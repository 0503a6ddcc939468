//! The attributes of an entry in its document: values as text, names as they are shown, and a
//! patched document as the steps of a modify.

use crate::admin::patch::Patch;
use crate::admin::types::EntryDocument;
use crate::directory::{Directory, Modification, ModificationKind};
use crate::model::error::Rule;
use crate::model::{Attribute, Error, Result};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Marks a value that is not text.
const BASE64: &str = "base64:";
/// The field of the document that holds them.
const FIELD: &str = "attributes";
/// The attribute of the password.
const PASSWORD: &str = "userPassword";
/// The attribute that says whether the entry may log in.
const DISABLED: &str = "poolgateAccountDisabled";

/// A value as the document shows it.
pub fn text(value: &[u8]) -> String {
    match std::str::from_utf8(value) {
        Ok(text) if !text.starts_with(BASE64) => text.to_owned(),
        _ => format!("{BASE64}{}", STANDARD.encode(value)),
    }
}

fn bytes(text: &str) -> Result<Vec<u8>> {
    match text.strip_prefix(BASE64) {
        None => Ok(text.as_bytes().to_vec()),
        Some(encoded) => STANDARD.decode(encoded).map_err(|error| Error::invalid(Rule::Request, format!("`{BASE64}…`: {error}"))),
    }
}

/// Writes the names of attributes in a patch the way the document does, since LDAP knows one by
/// several: `SN` and `surname` are `sn`. What takes away an attribute that is not there goes: it is
/// no change. Answers with the steps that take away what no document shows, whether it is there or
/// not.
pub fn name_as_shown(directory: &Directory, patch: &mut Patch, shown: &EntryDocument) -> Result<Vec<Modification>> {
    let Some(Value::Object(asked)) = patch.field_mut(FIELD) else { return Ok(Vec::new()) };
    let mut known = BTreeMap::new();
    for name in shown.attributes.keys() {
        known.insert(canonical(directory, name)?, name);
    }
    let (mut named, mut unseen) = (Map::new(), Vec::new());
    for (name, values) in std::mem::take(asked) {
        let canonical = canonical(directory, &name)?;
        let name = match known.get(&canonical) {
            Some(shown) => (*shown).clone(),
            None if is_none(&values) => {
                if is_never_shown(&canonical) {
                    unseen.push(replace(Attribute { name: canonical, values: Vec::new() }));
                }
                continue;
            }
            None => canonical,
        };
        if named.contains_key(&name) {
            return Err(Error::invalid(Rule::Request, format!("{FIELD}.{name}: it is named twice; name it once with all its values")));
        }
        named.insert(name, values);
    }
    *asked = named;
    Ok(unseen)
}

/// Whether no document shows that attribute, so that its absence says nothing.
fn is_never_shown(canonical: &str) -> bool {
    canonical.split(';').next() == Some(PASSWORD)
}

fn is_none(values: &Value) -> bool {
    values.is_null() || values.as_array().is_some_and(Vec::is_empty)
}

/// One name for all that mean the same attribute with the same options.
fn canonical(directory: &Directory, name: &str) -> Result<String> {
    let located = |error: Error| Error::new(error.kind().clone(), format!("{FIELD}.{name}: {}", error.message()));
    let attribute = directory.schema().require_attribute(name).map_err(located)?;
    let mut options: Vec<_> = name.split(';').skip(1).map(str::to_ascii_lowercase).collect();
    options.sort_unstable();
    options.dedup();
    Ok(options.iter().fold(attribute.name().to_owned(), |name, option| format!("{name};{option}")))
}

/// What makes the one document the other.
pub fn steps(before: &EntryDocument, after: EntryDocument) -> Result<Vec<Modification>> {
    let mut steps = Vec::new();
    for name in before.attributes.keys().filter(|name| !after.attributes.contains_key(*name)) {
        steps.push(replace(Attribute { name: name.clone(), values: Vec::new() }));
    }
    for (name, values) in after.attributes {
        if before.attributes.get(&name) != Some(&values) {
            steps.push(replace(Attribute { name, values: values.iter().map(|value| bytes(value)).collect::<Result<_>>()? }));
        }
    }
    if after.disabled != before.disabled {
        let value = if after.disabled { "TRUE" } else { "FALSE" };
        steps.push(replace(Attribute::new(DISABLED, [value])));
    }
    Ok(steps)
}

/// The step that leaves these values of an attribute, and no other.
pub fn replace(attribute: Attribute) -> Modification {
    Modification { kind: ModificationKind::Replace, attribute }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::directory::testing::Home;

    #[test]
    fn an_attribute_with_its_options_has_one_name() {
        let home = Home::new();
        for name in ["sn;lang-de;lang-en", "surname;LANG-EN;lang-de", "SN;lang-en;lang-de;lang-En"] {
            assert_eq!(canonical(&home.directory, name).unwrap(), "sn;lang-de;lang-en", "{name}");
        }
    }

    #[test]
    fn values_come_back_as_they_were() {
        for value in [&b"text"[..], b"", b"\xff\x00", b"base64:no", "ä".as_bytes()] {
            assert_eq!(bytes(&text(value)).unwrap(), value);
        }
        assert!(bytes("base64:*").is_err());
    }

    #[test]
    fn what_differs_becomes_a_step() {
        let document = |disabled, attributes: &[(&str, &[&str])]| EntryDocument {
            name: "ann".into(),
            dn: "uid=ann,ou=people,o=acme".into(),
            uuid: String::new(),
            disabled,
            attributes: attributes
                .iter()
                .map(|(name, values)| ((*name).into(), values.iter().map(|value| (*value).into()).collect()))
                .collect(),
        };
        let before = || document(false, &[("cn", &["Ann"]), ("description", &["one", "two"]), ("sn", &["Ash"])]);
        assert!(steps(&before(), before()).unwrap().is_empty());
        let after = document(true, &[("cn", &["Ann"]), ("mobile", &["+1"]), ("sn", &[])]);
        let steps: Vec<_> =
            steps(&before(), after).unwrap().into_iter().map(|step| (step.attribute.name, step.attribute.values.len())).collect();
        let expected = [("description", 0), ("mobile", 1), ("sn", 0), (DISABLED, 1)];
        assert_eq!(steps, expected.map(|(name, values)| (name.to_owned(), values)));
    }
}

//! From the text of schema files to a schema in which every name is resolved.

use super::attribute::{AccessClass, AttributeType, DEFAULT_MAX_LENGTH, Indexes, Usage};
use super::class::{ClassKind, ObjectClass};
use super::parse::{self, Definition};
use super::{Schema, listing};
use crate::directory::value::{MatchingRule, Syntax};
use crate::model::AttributeId;

type Result<T> = std::result::Result<T, String>;

/// Adds the definitions of one file. A definition refers only to what comes before it. The error
/// names file and line.
pub(super) fn file(schema: &mut Schema, name: &str, text: &str) -> Result<()> {
    for statement in statements(text) {
        add(schema, &statement.text).map_err(|error| format!("{name}, line {}: {error}", statement.line))?;
    }
    Ok(())
}

struct Statement {
    line: usize,
    text: String,
}

/// A statement begins in the first column; lines that begin with a space belong to it. Lines that
/// begin with `#` are comments.
fn statements(text: &str) -> Vec<Statement> {
    let mut statements: Vec<Statement> = Vec::new();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.starts_with('#') && !line.trim().is_empty()) {
        match statements.last_mut() {
            Some(statement) if line.starts_with([' ', '\t']) => {
                statement.text.push('\n');
                statement.text.push_str(line);
            }
            _ => statements.push(Statement { line: number + 1, text: line.to_owned() }),
        }
    }
    statements
}

fn add(schema: &mut Schema, statement: &str) -> Result<()> {
    let (keyword, definition) = statement.split_once([' ', '\t']).ok_or("a statement is a keyword and a definition")?;
    match keyword {
        "attributetype" => {
            let definition = parse::attribute_type(definition).map_err(|error| error.to_string())?;
            let attribute = attribute(schema, &definition)?;
            schema.insert_attribute(attribute)
        }
        "objectclass" => {
            let definition = parse::object_class(definition).map_err(|error| error.to_string())?;
            let class = class(schema, &definition)?;
            schema.insert_class(class)
        }
        other => Err(format!("a statement begins with attributetype or objectclass, not with '{other}'")),
    }
}

fn attribute(schema: &Schema, definition: &Definition) -> Result<AttributeType> {
    let sup = match definition.value("SUP") {
        Some(name) => Some(schema.attribute(name).ok_or_else(|| format!("the supertype {name} is not defined before"))?),
        None => None,
    };
    if definition.has("COLLECTIVE") {
        return Err("collective attributes are not supported".to_owned());
    }
    let equality = rule(definition, "EQUALITY", sup.and_then(|sup| sup.equality))?;
    let ordering = rule(definition, "ORDERING", sup.and_then(|sup| sup.ordering))?;
    let substr = rule(definition, "SUBSTR", sup.and_then(|sup| sup.substr))?;
    let syntax = match definition.value("SYNTAX") {
        Some(oid) => Syntax::find(oid).ok_or_else(|| format!("the syntax {oid} is not supported"))?,
        None => sup.map(|sup| sup.syntax).ok_or("a SYNTAX or a SUP with one is missing")?,
    };
    let usage = usage(definition)?;
    let id = number(definition, "X-POOLGATE-ID")?.ok_or("X-POOLGATE-ID is missing")?;
    let id = AttributeId::new(u16::try_from(id).map_err(|_| format!("X-POOLGATE-ID {id} is over {}", u16::MAX))?);
    let traits = words(definition, "X-POOLGATE-TRAITS", &["link", "virtual", "unique"])?;
    let indexes = words(definition, "X-POOLGATE-INDEX", &["presence", "equality", "ordering", "substring"])?;
    let has = |values: &[String], name: &str| values.iter().any(|value| value == name);
    Ok(AttributeType {
        id,
        oid: definition.oid.clone(),
        names: names(definition)?,
        description: definition.value("DESC").map(str::to_owned),
        obsolete: definition.has("OBSOLETE"),
        sup: sup.map(|sup| sup.id),
        equality,
        ordering,
        substr,
        syntax,
        max_length: number(definition, "X-POOLGATE-MAX")?.unwrap_or(DEFAULT_MAX_LENGTH),
        single_value: definition.has("SINGLE-VALUE"),
        no_user_modification: definition.has("NO-USER-MODIFICATION"),
        usage,
        access: access(definition, usage)?,
        link: has(traits, "link"),
        is_virtual: has(traits, "virtual"),
        indexes: Indexes {
            presence: has(indexes, "presence"),
            equality: has(indexes, "equality"),
            ordering: has(indexes, "ordering"),
            substring: has(indexes, "substring"),
        },
        unique: has(traits, "unique"),
        definition: listing::definition(definition),
    })
}

fn class(schema: &Schema, definition: &Definition) -> Result<ObjectClass> {
    let kind = match (definition.has("ABSTRACT"), definition.has("STRUCTURAL"), definition.has("AUXILIARY")) {
        (true, false, false) => ClassKind::Abstract,
        (false, _, false) => ClassKind::Structural,
        (false, false, true) => ClassKind::Auxiliary,
        _ => return Err("a class is one of ABSTRACT, STRUCTURAL and AUXILIARY".to_owned()),
    };
    let position = |name: &String| schema.class_position(name).ok_or_else(|| format!("the superclass {name} is not defined before"));
    let attribute = |name: &String| match schema.attribute(name) {
        Some(attribute) => Ok(attribute.id),
        None => Err(format!("the attribute {name} is not defined before")),
    };
    let listed = |keyword: &str| definition.values(keyword).unwrap_or_default();
    Ok(ObjectClass {
        oid: definition.oid.clone(),
        names: names(definition)?,
        description: definition.value("DESC").map(str::to_owned),
        obsolete: definition.has("OBSOLETE"),
        sup: listed("SUP").iter().map(position).collect::<Result<_>>()?,
        kind,
        must: listed("MUST").iter().map(attribute).collect::<Result<_>>()?,
        may: listed("MAY").iter().map(attribute).collect::<Result<_>>()?,
        definition: listing::definition(definition),
    })
}

fn names(definition: &Definition) -> Result<Vec<String>> {
    let names = definition.values("NAME").unwrap_or_default();
    match names.iter().find(|name| !crate::model::dn::is_descriptor(name)) {
        Some(name) => Err(format!("'{name}' is not a name: a letter, then letters, digits and hyphens")),
        None => Ok(names.to_vec()),
    }
}

fn rule(definition: &Definition, keyword: &str, inherited: Option<MatchingRule>) -> Result<Option<MatchingRule>> {
    let Some(name) = definition.value(keyword) else { return Ok(inherited) };
    let rule = MatchingRule::find(name).ok_or_else(|| format!("the matching rule {name} is not supported"))?;
    let fits = match keyword {
        "SUBSTR" => rule.is_substrings(),
        "ORDERING" => rule.is_ordering(),
        _ => !rule.is_substrings() && !rule.is_ordering(),
    };
    if fits { Ok(Some(rule)) } else { Err(format!("{name} is not a rule for {keyword}")) }
}

fn usage(definition: &Definition) -> Result<Usage> {
    match definition.value("USAGE") {
        None | Some("userApplications") => Ok(Usage::UserApplications),
        Some("directoryOperation") => Ok(Usage::DirectoryOperation),
        Some("distributedOperation") => Ok(Usage::DistributedOperation),
        Some("dSAOperation") => Ok(Usage::DsaOperation),
        Some(other) => Err(format!("the usage {other} does not exist")),
    }
}

fn access(definition: &Definition, usage: Usage) -> Result<AccessClass> {
    match definition.value("X-POOLGATE-ACCESS") {
        None if usage == Usage::UserApplications => Ok(AccessClass::Public),
        None | Some("operational") => Ok(AccessClass::Operational),
        Some("public") => Ok(AccessClass::Public),
        Some("sensitive") => Ok(AccessClass::Sensitive),
        Some("secret") => Ok(AccessClass::Secret),
        Some(other) => Err(format!("the access class {other} does not exist")),
    }
}

fn number(definition: &Definition, keyword: &str) -> Result<Option<usize>> {
    let parse = |text: &str| text.parse().map_err(|_| format!("{keyword} '{text}' is not a number"));
    definition.value(keyword).map(parse).transpose()
}

fn words<'a>(definition: &'a Definition, keyword: &str, known: &[&str]) -> Result<&'a [String]> {
    let values = definition.values(keyword).unwrap_or_default();
    match values.iter().find(|value| !known.contains(&value.as_str())) {
        Some(value) => Err(format!("{keyword} knows {}, not '{value}'", known.join(", "))),
        None => Ok(values),
    }
}

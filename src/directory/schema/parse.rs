//! The parser of schema definitions (RFC 4512, section 4.1): flat, so without recursion, and
//! bounded by the length of its input.

use std::fmt;

/// The most octets of one definition.
pub const MAX_DEFINITION: usize = 16 * 1024;

/// What is wrong with a definition, and at which octet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// Octets before the place.
    pub position: usize,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at octet {}: {}", self.position + 1, self.message)
    }
}

type Result<T> = std::result::Result<T, ParseError>;

/// A definition as written: its OID, and its fields in their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Definition {
    /// The dotted OID.
    pub oid: String,
    /// Keyword and values; a flag has none.
    pub fields: Vec<(String, Vec<String>)>,
}

impl Definition {
    /// The values of a field; `None` if it is not there.
    pub fn values(&self, keyword: &str) -> Option<&[String]> {
        self.fields.iter().find(|(name, _)| name == keyword).map(|(_, values)| values.as_slice())
    }

    /// The value of a field that has one.
    pub fn value(&self, keyword: &str) -> Option<&str> {
        self.values(keyword)?.first().map(String::as_str)
    }

    /// Whether the field is there.
    pub fn has(&self, keyword: &str) -> bool {
        self.values(keyword).is_some()
    }
}

/// What follows a keyword.
#[derive(Clone, Copy)]
enum Shape {
    Flag,
    /// `'name'` or `( 'name' 'other' )`.
    Quoted,
    /// `'text'`.
    Text,
    /// A descriptor or OID.
    Oid,
    /// One or several, joined by `$`.
    Oids,
    /// An OID that may be followed by `{64}`.
    OidLength,
    Word,
}

const ATTRIBUTE: &[(&str, Shape)] = &[
    ("NAME", Shape::Quoted),
    ("DESC", Shape::Text),
    ("OBSOLETE", Shape::Flag),
    ("SUP", Shape::Oid),
    ("EQUALITY", Shape::Oid),
    ("ORDERING", Shape::Oid),
    ("SUBSTR", Shape::Oid),
    ("SYNTAX", Shape::OidLength),
    ("SINGLE-VALUE", Shape::Flag),
    ("COLLECTIVE", Shape::Flag),
    ("NO-USER-MODIFICATION", Shape::Flag),
    ("USAGE", Shape::Word),
];

const CLASS: &[(&str, Shape)] = &[
    ("NAME", Shape::Quoted),
    ("DESC", Shape::Text),
    ("OBSOLETE", Shape::Flag),
    ("SUP", Shape::Oids),
    ("ABSTRACT", Shape::Flag),
    ("STRUCTURAL", Shape::Flag),
    ("AUXILIARY", Shape::Flag),
    ("MUST", Shape::Oids),
    ("MAY", Shape::Oids),
];

/// Fields of matchingRules, matchingRuleUse and ldapSyntaxes.
const OTHER: &[(&str, Shape)] =
    &[("NAME", Shape::Quoted), ("DESC", Shape::Text), ("OBSOLETE", Shape::Flag), ("SYNTAX", Shape::Oid), ("APPLIES", Shape::Oids)];

/// Parses an AttributeTypeDescription (RFC 4512, section 4.1.2).
pub fn attribute_type(text: &str) -> Result<Definition> {
    definition(text, ATTRIBUTE)
}

/// Parses an ObjectClassDescription (RFC 4512, section 4.1.1).
pub fn object_class(text: &str) -> Result<Definition> {
    definition(text, CLASS)
}

/// Parses a MatchingRuleDescription, MatchingRuleUseDescription or SyntaxDescription (RFC 4512,
/// sections 4.1.3 to 4.1.5).
pub fn other(text: &str) -> Result<Definition> {
    definition(text, OTHER)
}

fn definition(text: &str, keywords: &[(&str, Shape)]) -> Result<Definition> {
    if text.len() > MAX_DEFINITION {
        return Err(ParseError { position: MAX_DEFINITION, message: format!("a definition holds at most {MAX_DEFINITION} octets") });
    }
    let mut scanner = Scanner { text, position: 0 };
    scanner.expect('(')?;
    let oid = scanner.word()?;
    if !crate::model::dn::is_oid(&oid) {
        return Err(scanner.error(format!("a definition begins with a dotted OID, not with '{oid}'")));
    }
    let mut fields: Vec<(String, Vec<String>)> = Vec::new();
    loop {
        if scanner.take(')') {
            scanner.skip_space();
            return if scanner.rest().is_empty() {
                Ok(Definition { oid, fields })
            } else {
                Err(scanner.error("text follows the definition"))
            };
        }
        let keyword = scanner.word()?;
        if fields.iter().any(|(name, _)| *name == keyword) {
            return Err(scanner.error(format!("{keyword} comes twice")));
        }
        let known = keywords.iter().find(|(name, _)| *name == keyword).map(|(_, shape)| *shape);
        let shape = known.or_else(|| keyword.starts_with("X-").then_some(Shape::Quoted));
        let Some(shape) = shape else { return Err(scanner.error(format!("{keyword} is not a field of such a definition"))) };
        fields.push((keyword, scanner.values(shape)?));
    }
}

struct Scanner<'a> {
    text: &'a str,
    position: usize,
}

impl<'a> Scanner<'a> {
    fn values(&mut self, shape: Shape) -> Result<Vec<String>> {
        match shape {
            Shape::Flag => Ok(Vec::new()),
            Shape::Text => Ok(vec![self.quoted()?]),
            Shape::Word => Ok(vec![self.word()?]),
            Shape::Oid => Ok(vec![self.oid()?]),
            Shape::OidLength => self.oid_length(),
            Shape::Quoted if self.take('(') => {
                let mut values = Vec::new();
                while !self.take(')') {
                    values.push(self.quoted()?);
                }
                Ok(values)
            }
            Shape::Quoted => Ok(vec![self.quoted()?]),
            Shape::Oids if self.take('(') => {
                let mut values = vec![self.oid()?];
                while !self.take(')') {
                    self.expect('$')?;
                    values.push(self.oid()?);
                }
                Ok(values)
            }
            Shape::Oids => Ok(vec![self.oid()?]),
        }
    }

    /// `1.2.3` or `1.2.3{64}`; the length is a second value.
    fn oid_length(&mut self) -> Result<Vec<String>> {
        let oid = self.oid()?;
        let Some(rest) = self.rest().strip_prefix('{') else { return Ok(vec![oid]) };
        let digits = rest.split('}').next().unwrap_or_default();
        if digits.is_empty() || digits.len() > 9 || !digits.bytes().all(|octet| octet.is_ascii_digit()) || digits.len() == rest.len() {
            return Err(self.error("a length such as {64} is malformed"));
        }
        self.position += digits.len() + 2;
        Ok(vec![oid, digits.to_owned()])
    }

    fn oid(&mut self) -> Result<String> {
        let word = self.word()?;
        let is_name = crate::model::dn::is_descriptor(&word) || crate::model::dn::is_oid(&word);
        if is_name { Ok(word) } else { Err(self.error(format!("'{word}' is neither a name nor an OID"))) }
    }

    fn word(&mut self) -> Result<String> {
        self.skip_space();
        let rest = self.rest();
        let end = rest.find(|character: char| !character.is_ascii_alphanumeric() && !"-.".contains(character)).unwrap_or(rest.len());
        let word = rest.get(..end).unwrap_or_default();
        if word.is_empty() {
            let found = rest.chars().next().map_or_else(|| "the end".to_owned(), |character| format!("'{}'", character.escape_default()));
            return Err(self.error(format!("a keyword, a name or ')' is missing before {found}")));
        }
        self.position += end;
        Ok(word.to_owned())
    }

    /// `'text'`, in which `\27` stands for a quote and `\5c` for a backslash.
    fn quoted(&mut self) -> Result<String> {
        self.expect('\'')?;
        let rest = self.rest();
        let Some(end) = rest.find('\'') else { return Err(self.error("a quote is not closed")) };
        let inner = rest.get(..end).unwrap_or_default();
        if inner.is_empty() {
            return Err(self.error("the text between the quotes is missing"));
        }
        self.position += end + 1;
        Ok(inner.replace("\\27", "'").replace("\\5C", "\\").replace("\\5c", "\\"))
    }

    fn expect(&mut self, character: char) -> Result<()> {
        if self.take(character) { Ok(()) } else { Err(self.error(format!("'{character}' is missing"))) }
    }

    fn take(&mut self, character: char) -> bool {
        self.skip_space();
        let found = self.rest().starts_with(character);
        if found {
            self.position += character.len_utf8();
        }
        found
    }

    fn skip_space(&mut self) {
        let rest = self.rest();
        self.position += rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n']).len();
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.position..).unwrap_or_default()
    }

    fn error(&self, message: impl Into<String>) -> ParseError {
        ParseError { position: self.position, message: message.into() }
    }
}

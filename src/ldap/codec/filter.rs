//! Search filters (RFC 4511, section 4.5.1.7).

use super::Limits;
use super::decode::{Reason, text};
use crate::model::ber::{Reader, Writer, boolean, context, context_constructed};

const AND: u8 = context_constructed(0);
const OR: u8 = context_constructed(1);
const NOT: u8 = context_constructed(2);
const EQUALITY: u8 = context_constructed(3);
const SUBSTRINGS: u8 = context_constructed(4);
const GREATER_OR_EQUAL: u8 = context_constructed(5);
const LESS_OR_EQUAL: u8 = context_constructed(6);
const PRESENT: u8 = context(7);
const APPROXIMATE: u8 = context_constructed(8);
const EXTENSIBLE: u8 = context_constructed(9);

const INITIAL: u8 = context(0);
const ANY: u8 = context(1);
const FINAL: u8 = context(2);

const RULE: u8 = context(1);
const ATTRIBUTE: u8 = context(2);
const VALUE: u8 = context(3);
const DN_ATTRIBUTES: u8 = context(4);

/// A filter as sent. Attribute descriptions and values are not yet checked against a schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Filter<'a> {
    /// All of them; true without any (RFC 4526).
    And(Vec<Self>),
    /// One of them; false without any (RFC 4526).
    Or(Vec<Self>),
    /// Not that.
    Not(Box<Self>),
    /// A value equals.
    Equality(Assertion<'a>),
    /// A value holds parts.
    Substrings(Substrings<'a>),
    /// A value is not below.
    GreaterOrEqual(Assertion<'a>),
    /// A value is not above.
    LessOrEqual(Assertion<'a>),
    /// The attribute has a value.
    Present(&'a str),
    /// A value is about that.
    Approximate(Assertion<'a>),
    /// A matching rule of the client's choice.
    Extensible(Extensible<'a>),
}

/// An attribute description with the value it is asserted to have (RFC 4511, section 4.1.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Assertion<'a> {
    /// The attribute description.
    pub attribute: &'a str,
    /// The asserted value.
    pub value: &'a [u8],
}

/// A substring assertion: at least one part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Substrings<'a> {
    /// The attribute description.
    pub attribute: &'a str,
    /// How the value begins.
    pub initial: Option<&'a [u8]>,
    /// What it holds, in this order.
    pub any: Vec<&'a [u8]>,
    /// How it ends.
    pub last: Option<&'a [u8]>,
}

/// An extensible match (RFC 4511, section 4.5.1.7.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extensible<'a> {
    /// The matching rule, if it is named.
    pub rule: Option<&'a str>,
    /// The attribute description, if it is named.
    pub attribute: Option<&'a str>,
    /// The asserted value.
    pub value: &'a [u8],
    /// Whether the attributes of the entry's name count too.
    pub dn_attributes: bool,
}

/// What is left of the limits while one filter is read.
struct Budget {
    depth: usize,
    items: usize,
}

impl Budget {
    fn take(&mut self) -> Result<(), Reason> {
        self.items = self.items.checked_sub(1).ok_or(Reason::Limit("the filter has too many items"))?;
        Ok(())
    }
}

impl<'a> Filter<'a> {
    /// Reads the next TLV as a filter.
    pub(super) fn decode(reader: &mut Reader<'a>, limits: &Limits) -> Result<Self, Reason> {
        let mut budget = Budget { depth: limits.filter_depth, items: limits.filter_items };
        decode(reader, &mut budget)
    }

    /// Writes the filter as a TLV.
    pub(super) fn encode(&self, writer: &mut Writer<'_>) {
        match self {
            Self::And(filters) => writer.constructed(AND, |writer| filters.iter().for_each(|filter| filter.encode(writer))),
            Self::Or(filters) => writer.constructed(OR, |writer| filters.iter().for_each(|filter| filter.encode(writer))),
            Self::Not(filter) => writer.constructed(NOT, |writer| filter.encode(writer)),
            Self::Equality(assertion) => assertion.encode(EQUALITY, writer),
            Self::Substrings(substrings) => substrings.encode(writer),
            Self::GreaterOrEqual(assertion) => assertion.encode(GREATER_OR_EQUAL, writer),
            Self::LessOrEqual(assertion) => assertion.encode(LESS_OR_EQUAL, writer),
            Self::Present(attribute) => writer.tlv(PRESENT, attribute.as_bytes()),
            Self::Approximate(assertion) => assertion.encode(APPROXIMATE, writer),
            Self::Extensible(extensible) => extensible.encode(writer),
        }
    }
}

fn decode<'a>(reader: &mut Reader<'a>, budget: &mut Budget) -> Result<Filter<'a>, Reason> {
    budget.take()?;
    budget.depth = budget.depth.checked_sub(1).ok_or(Reason::Limit("the filter nests too deep"))?;
    let (tag, contents) = reader.read()?;
    let inner = Reader::new(contents);
    let filter = match tag {
        AND => Filter::And(decode_all(inner, budget)?),
        OR => Filter::Or(decode_all(inner, budget)?),
        NOT => {
            let mut inner = inner;
            let filter = decode(&mut inner, budget)?;
            inner.finish()?;
            Filter::Not(Box::new(filter))
        }
        EQUALITY => Filter::Equality(Assertion::decode(inner)?),
        SUBSTRINGS => Filter::Substrings(Substrings::decode(inner, budget)?),
        GREATER_OR_EQUAL => Filter::GreaterOrEqual(Assertion::decode(inner)?),
        LESS_OR_EQUAL => Filter::LessOrEqual(Assertion::decode(inner)?),
        PRESENT => Filter::Present(text(contents)?),
        APPROXIMATE => Filter::Approximate(Assertion::decode(inner)?),
        EXTENSIBLE => Filter::Extensible(Extensible::decode(inner)?),
        _ => return Err(Reason::Value("a filter item is of an unknown kind")),
    };
    budget.depth += 1;
    Ok(filter)
}

fn decode_all<'a>(mut reader: Reader<'a>, budget: &mut Budget) -> Result<Vec<Filter<'a>>, Reason> {
    let mut filters = Vec::new();
    while !reader.is_empty() {
        filters.push(decode(&mut reader, budget)?);
    }
    Ok(filters)
}

impl<'a> Assertion<'a> {
    pub(super) fn decode(mut reader: Reader<'a>) -> Result<Self, Reason> {
        let attribute = text(reader.octets()?)?;
        let value = reader.octets()?;
        reader.finish()?;
        Ok(Self { attribute, value })
    }

    fn encode(&self, tag: u8, writer: &mut Writer<'_>) {
        writer.constructed(tag, |writer| {
            writer.octets(self.attribute.as_bytes());
            writer.octets(self.value);
        });
    }
}

impl<'a> Substrings<'a> {
    fn decode(mut reader: Reader<'a>, budget: &mut Budget) -> Result<Self, Reason> {
        let attribute = text(reader.octets()?)?;
        let mut parts = reader.sequence()?;
        reader.finish()?;
        if parts.is_empty() {
            return Err(Reason::Value("a substring filter has no part"));
        }
        let mut substrings = Self { attribute, initial: parts.optional(INITIAL)?, any: Vec::new(), last: None };
        while let Some(part) = parts.optional(ANY)? {
            budget.take()?;
            substrings.any.push(part);
        }
        substrings.last = parts.optional(FINAL)?;
        if !parts.is_empty() {
            return Err(Reason::Value("the parts of a substring filter are out of order"));
        }
        Ok(substrings)
    }

    fn encode(&self, writer: &mut Writer<'_>) {
        writer.constructed(SUBSTRINGS, |writer| {
            writer.octets(self.attribute.as_bytes());
            writer.constructed(crate::model::ber::SEQUENCE, |writer| {
                self.initial.iter().for_each(|part| writer.tlv(INITIAL, part));
                self.any.iter().for_each(|part| writer.tlv(ANY, part));
                self.last.iter().for_each(|part| writer.tlv(FINAL, part));
            });
        });
    }
}

impl<'a> Extensible<'a> {
    fn decode(mut reader: Reader<'a>) -> Result<Self, Reason> {
        let rule = reader.optional(RULE)?.map(text).transpose()?;
        let attribute = reader.optional(ATTRIBUTE)?.map(text).transpose()?;
        let value = reader.expect(VALUE)?;
        let dn_attributes = reader.optional(DN_ATTRIBUTES)?.map(boolean).transpose()?.unwrap_or(false);
        reader.finish()?;
        if rule.is_none() && attribute.is_none() {
            return Err(Reason::Value("an extensible match names neither a rule nor an attribute"));
        }
        Ok(Self { rule, attribute, value, dn_attributes })
    }

    fn encode(&self, writer: &mut Writer<'_>) {
        writer.constructed(EXTENSIBLE, |writer| {
            self.rule.iter().for_each(|rule| writer.tlv(RULE, rule.as_bytes()));
            self.attribute.iter().for_each(|attribute| writer.tlv(ATTRIBUTE, attribute.as_bytes()));
            writer.tlv(VALUE, self.value);
            if self.dn_attributes {
                writer.boolean_as(DN_ATTRIBUTES, true);
            }
        });
    }
}

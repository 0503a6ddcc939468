//! Entries that no store holds: the root DSE and the subschema. They are found by their name alone.

use super::codec::{Filter, encode_entry};
use crate::directory::schema::Schema;
use crate::model::Attribute;
use crate::model::ber::{SEQUENCE, SET, Writer};

/// An entry made up for one answer.
pub(super) struct VirtualEntry {
    name: &'static str,
    user: Vec<Attribute>,
    operational: Vec<Attribute>,
}

impl VirtualEntry {
    pub const fn new(name: &'static str, user: Vec<Attribute>, operational: Vec<Attribute>) -> Self {
        Self { name, user, operational }
    }

    /// Whether a filter is true of it (RFC 4511, section 4.5.1.7). Values compare as texts without
    /// regard to case, as those of these entries do; what else a filter may ask is Undefined here.
    pub fn matches(&self, filter: &Filter<'_>) -> bool {
        self.evaluate(filter) == Some(true)
    }

    /// Appends it as a found entry, with the attributes that were asked for (RFC 4511, section
    /// 4.5.1.8).
    pub fn encode(&self, id: i32, asked: &[&str], types_only: bool, out: &mut Vec<u8>) {
        let all_user = asked.is_empty() || asked.contains(&"*");
        let all_operational = asked.contains(&"+");
        let is_asked = |attribute: &Attribute| asked.iter().any(|name| is_named(attribute, name));
        let user = self.user.iter().filter(|attribute| all_user || is_asked(attribute));
        let operational = self.operational.iter().filter(|attribute| all_operational || is_asked(attribute));
        let write = |out: &mut Vec<u8>| -> Result<(), std::convert::Infallible> {
            Writer::new(out).constructed(SEQUENCE, |writer| {
                for attribute in user.chain(operational) {
                    writer.constructed(SEQUENCE, |writer| {
                        writer.octets(attribute.name.as_bytes());
                        let values = if types_only { &[] } else { attribute.values.as_slice() };
                        writer.constructed(SET, |writer| values.iter().for_each(|value| writer.octets(value)));
                    });
                }
            });
            Ok(())
        };
        match encode_entry(id, self.name, out, write) {
            Ok(()) => {}
            Err(never) => match never {},
        }
    }

    /// Three-valued, as RFC 4511 has it: `None` is Undefined.
    fn evaluate(&self, filter: &Filter<'_>) -> Option<bool> {
        match filter {
            Filter::And(filters) => self.joined(filters, false),
            Filter::Or(filters) => self.joined(filters, true),
            Filter::Not(filter) => self.evaluate(filter).map(|is| !is),
            Filter::Present(name) => Some(self.attribute(name).is_some()),
            Filter::Equality(assertion) | Filter::Approximate(assertion) => {
                let attribute = self.attribute(assertion.attribute)?;
                Some(attribute.values.iter().any(|value| value.eq_ignore_ascii_case(assertion.value)))
            }
            Filter::Substrings(_) | Filter::GreaterOrEqual(_) | Filter::LessOrEqual(_) | Filter::Extensible(_) => None,
        }
    }

    /// One part with the deciding value decides; otherwise one that is Undefined leaves all
    /// Undefined.
    fn joined(&self, filters: &[Filter<'_>], deciding: bool) -> Option<bool> {
        let mut joined = Some(!deciding);
        for filter in filters {
            match self.evaluate(filter) {
                Some(value) if value == deciding => return Some(deciding),
                Some(_) => {}
                None => joined = None,
            }
        }
        joined
    }

    fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.user.iter().chain(&self.operational).find(|attribute| is_named(attribute, name))
    }
}

/// Whether an attribute goes by this name, which may be an alias or an OID.
fn is_named(attribute: &Attribute, name: &str) -> bool {
    if attribute.name.eq_ignore_ascii_case(name) {
        return true;
    }
    Schema::builtin().attribute(name).is_some_and(|known| known.name().eq_ignore_ascii_case(&attribute.name))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::ldap::codec::{Assertion, Limits, Operation, decode};

    fn entry() -> VirtualEntry {
        VirtualEntry::new("", vec![Attribute::new("objectClass", ["top"])], vec![Attribute::new("supportedLDAPVersion", ["3"])])
    }

    fn returned(asked: &[&str], types_only: bool) -> Vec<(String, usize)> {
        let mut out = Vec::new();
        entry().encode(2, asked, types_only, &mut out);
        let (message, size) = decode(&out, &Limits::BOUND).unwrap().unwrap();
        assert_eq!(size, out.len());
        let Operation::SearchEntry(entry) = message.operation else { panic!("no entry") };
        entry.attributes.iter().map(|attribute| (attribute.name.to_owned(), attribute.values.len())).collect()
    }

    #[test]
    fn operational_attributes_come_when_asked_for() {
        let class = ("objectClass".to_owned(), 1);
        let version = ("supportedLDAPVersion".to_owned(), 1);
        assert_eq!(returned(&[], false), std::slice::from_ref(&class));
        assert_eq!(returned(&["+"], false), std::slice::from_ref(&version));
        assert_eq!(returned(&["*", "+"], false), [class, version.clone()]);
        assert_eq!(returned(&["SUPPORTEDldapVersion"], false), [version]);
        assert_eq!(returned(&["1.1"], false), []);
        assert_eq!(returned(&[], true), [("objectClass".to_owned(), 0)]);
    }

    #[test]
    fn filters_have_three_values() {
        let class = |value: &'static [u8]| Filter::Equality(Assertion { attribute: "objectclass", value });
        let undefined = || Filter::GreaterOrEqual(Assertion { attribute: "objectClass", value: b"a" });
        let not = |filter| Filter::Not(Box::new(filter));
        assert!(entry().matches(&Filter::Present("objectClass")));
        assert!(entry().matches(&class(b"TOP")));
        assert!(entry().matches(&not(class(b"person"))));
        assert!(entry().matches(&Filter::And(vec![])));
        assert!(!entry().matches(&Filter::Or(vec![])));
        assert!(entry().matches(&Filter::Or(vec![undefined(), class(b"top")])));
        assert!(!entry().matches(&Filter::And(vec![undefined(), class(b"top")])));
        assert!(!entry().matches(&not(undefined())));
    }
}

//! What the rows of a store were made by: the version of the normal forms, and what the schema says
//! that keys and records depend on. Another version would look for entries where they are not, so
//! the server compares what is written down with what it would write, before anybody reads.

use super::schema::{AttributeType, Schema};
use super::{index, value};
use crate::crypto::digest::sha256;
use crate::model::{Error, Result};
use std::collections::BTreeMap;

/// The name of the record that holds it.
pub const NAME: &str = "directory";

/// The version of the record itself.
const FORMAT: u8 = 1;
/// Octets of a number of an attribute and of the digest of what is said of it.
const ATTRIBUTE: usize = 2 + DIGEST;
const DIGEST: usize = 8;

/// Whether this version reads rows right that were made as `stored` says; answers what is to be
/// written down if that has changed, or is not there yet.
pub fn check(stored: Option<&[u8]>) -> Result<Option<Vec<u8>>> {
    let own = describe(Schema::builtin());
    let Some(stored) = stored else { return Ok(Some(own)) };
    let made = parse(stored).ok_or_else(|| refuse("in a form that this version does not know"))?;
    let (normal_forms, attributes) = parse(&own).ok_or_else(|| Error::internal("the server cannot read what it writes"))?;
    if made.0 != normal_forms {
        return Err(refuse(&format!(
            "with version {} of the normal forms of values, and this version of Poolgate has {normal_forms}",
            made.0
        )));
    }
    for (id, digest) in &made.1 {
        // An attribute that is new has no rows yet.
        match attributes.get(id) {
            Some(own) if own == digest => {}
            Some(_) => {
                let name = Schema::builtin().attribute_types().iter().find(|attribute| attribute.id.get() == *id).map(AttributeType::name);
                return Err(refuse(&format!("when {} was compared or indexed in another way", name.unwrap_or("an attribute"))));
            }
            None => return Err(refuse(&format!("with an attribute of the number {id}, which this version of Poolgate does not know"))),
        }
    }
    Ok((own != stored).then_some(own))
}

fn describe(schema: &Schema) -> Vec<u8> {
    let mut bytes = vec![FORMAT];
    bytes.extend_from_slice(&value::VERSION.to_be_bytes());
    let attributes: BTreeMap<_, _> = schema.attribute_types().iter().map(|attribute| (attribute.id.get(), digest(attribute))).collect();
    for (id, digest) in attributes {
        bytes.extend_from_slice(&id.to_be_bytes());
        bytes.extend_from_slice(&digest);
    }
    bytes
}

fn digest(attribute: &AttributeType) -> [u8; DIGEST] {
    let rules = [attribute.equality, attribute.ordering, attribute.substr].map(|rule| rule.map_or("-", |rule| rule.oid()));
    let indexes = attribute.indexes;
    let flags =
        [indexes.presence, indexes.equality, indexes.ordering, indexes.substring, attribute.unique, attribute.link, attribute.is_virtual];
    let flags: String = flags.into_iter().map(|flag| if flag { '1' } else { '0' }).collect();
    let shared = index::shared_seconds(attribute).map(|seconds| format!(" {seconds} seconds")).unwrap_or_default();
    let [a, b, c, d, e, f, g, h, ..] = sha256(format!("{} {flags}{shared}", rules.join(" ")).as_bytes());
    [a, b, c, d, e, f, g, h]
}

fn parse(bytes: &[u8]) -> Option<(u32, BTreeMap<u16, &[u8]>)> {
    let (normal_forms, attributes) = bytes.strip_prefix(&[FORMAT])?.split_first_chunk()?;
    let pairs = attributes.chunks(ATTRIBUTE).map(|pair| match pair.split_first_chunk() {
        Some((id, digest)) if digest.len() == DIGEST => Some((u16::from_be_bytes(*id), digest)),
        _ => None,
    });
    Some((u32::from_be_bytes(*normal_forms), pairs.collect::<Option<_>>()?))
}

fn refuse(how: &str) -> Error {
    Error::down(format!(
        "the data was written {how}; searches over it would miss entries: export each pool with the version of Poolgate that wrote it, and import it into a \
         new data folder with this one"
    ))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;

    #[test]
    fn what_this_version_writes_it_reads() {
        let own = check(None).unwrap().unwrap();
        assert_eq!(check(Some(&own)).unwrap(), None);
        assert!(own.len() < 7000, "it is one row");
        let older = &own[..own.len() - ATTRIBUTE];
        assert_eq!(check(Some(older)).unwrap(), Some(own), "an attribute was added to the schema");
    }

    #[test]
    fn what_another_version_made_is_refused_with_the_way_to_mend_it() {
        let own = check(None).unwrap().unwrap();
        let said = |bytes: &[u8]| {
            let message = check(Some(bytes)).unwrap_err().message().to_owned();
            assert!(message.contains("export") && message.contains("import"), "{message}");
            message
        };
        let mut other = own.clone();
        other[4] += 1;
        assert!(said(&other).contains("normal forms"));
        let mut other = own.clone();
        other[7] ^= 1;
        assert!(said(&other).contains("objectClass was compared"), "{}", said(&other));
        let unknown = [own.as_slice(), &60_000_u16.to_be_bytes(), &[0; DIGEST]].concat();
        assert!(said(&unknown).contains("60000"));
        said(&own[..own.len() - 1]);
        said(b"");
    }

    #[test]
    fn the_digest_follows_what_rows_depend_on() {
        let cn = Schema::builtin().attribute("cn").unwrap();
        let with = |change: &dyn Fn(&mut AttributeType)| {
            let mut other = cn.clone();
            change(&mut other);
            digest(&other) != digest(cn)
        };
        assert!(with(&|attribute| attribute.equality = None) && with(&|attribute| attribute.ordering = attribute.equality));
        assert!(with(&|attribute| attribute.substr = None) && with(&|attribute| attribute.unique ^= true));
        assert!(with(&|attribute| attribute.indexes.equality ^= true) && with(&|attribute| attribute.indexes.substring ^= true));
        assert!(with(&|attribute| attribute.link ^= true) && with(&|attribute| attribute.is_virtual ^= true));
        assert!(!with(&|attribute| attribute.description = None) && !with(&|attribute| attribute.max_length = 1));
    }
}

//! The rule that keeps pools apart in the directory tree: no suffix equals, contains or lies under
//! another's, and none is used twice.
//!
//! Each suffix has a row under its normalised name, and each of its ancestors has a row that says
//! "a suffix lies under here". A new suffix needs its own row to be absent and none of its
//! ancestors' rows to be a suffix: a handful of rows, whatever the number of pools, and two
//! creations at the same time cannot both succeed.

use crate::model::error::Rule;
use crate::model::{Dn, Error, PoolId, Rdn, Result};
use crate::store::{ServerChanges, ServerKey, Store};
use minicbor::{Decode, Encode};

/// Most RDNs of a suffix.
pub const MAX_SUFFIX_RDNS: usize = 8;
/// Most bytes of a suffix as written.
pub const MAX_SUFFIX_BYTES: usize = 255;

const VERSION: u8 = 1;

/// The attribute types that may name a suffix, with their other names (RFC 4519).
const TYPES: &[(&str, &[&str])] = &[
    ("o", &["organizationname", "2.5.4.10"]),
    ("ou", &["organizationalunitname", "2.5.4.11"]),
    ("dc", &["domaincomponent", "0.9.2342.19200300.100.1.25"]),
    ("c", &["countryname", "2.5.4.6"]),
    ("l", &["localityname", "2.5.4.7"]),
    ("st", &["stateorprovincename", "2.5.4.8"]),
];

/// What lies under a normalised name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(super) struct SuffixRecord {
    /// The pool whose suffix it is; none if suffixes lie under it.
    #[n(0)]
    pool: Option<PoolId>,
}

/// The normalised names of a suffix and of its ancestors, the uppermost first.
pub(super) fn new_suffix(dn: &Dn) -> Result<Vec<Vec<u8>>> {
    let refused = |why: &str| Error::invalid(Rule::Naming, format!("`{dn}` cannot be the suffix of a pool: {why}"));
    if dn.is_root() {
        return Err(refused("it is empty"));
    }
    if dn.rdns().len() > MAX_SUFFIX_RDNS || dn.to_string().len() > MAX_SUFFIX_BYTES {
        return Err(refused(&format!("it may have {MAX_SUFFIX_RDNS} parts and {MAX_SUFFIX_BYTES} bytes at most")));
    }
    let names: Vec<Vec<u8>> = normalised(dn).collect();
    if names.len() < dn.rdns().len() {
        return Err(refused(
            "each part must be one of o, ou, dc, c, l and st with one value of printable text, such as o=acme or dc=example,dc=com",
        ));
    }
    Ok(names)
}

/// The normalised names that could be the suffix over a DN, the uppermost first. Ends before the
/// first RDN that no suffix can hold.
pub(super) fn normalised(dn: &Dn) -> impl Iterator<Item = Vec<u8>> {
    let parts = dn.rdns().iter().rev().take(MAX_SUFFIX_RDNS).map_while(normalised_rdn);
    parts
        .scan(Vec::new(), |name, part| {
            name.extend_from_slice(&part);
            Some(name.clone())
        })
        .take_while(|name| name.len() <= 2 * MAX_SUFFIX_BYTES)
}

fn normalised_rdn(rdn: &Rdn) -> Option<Vec<u8>> {
    let [ava] = rdn.avas() else { return None };
    let is_written = |name: &str| name.eq_ignore_ascii_case(&ava.attribute);
    let (name, _) = TYPES.iter().find(|(name, others)| is_written(name) || others.iter().any(|other| is_written(other)))?;
    let value = std::str::from_utf8(&ava.value).ok()?;
    let prepared = prepared(&prepared(value)?)?;
    let value = prepared.split_whitespace().collect::<Vec<_>>().join(" ");
    // NUL ends a part, so that no name is the beginning of another but its descendants'.
    (!value.is_empty() && !value.contains('\0')).then(|| format!("{name}={value}\0").into_bytes())
}

/// Maps, folds and normalises (RFC 4518, section 2). Normalising can uncover letters that fold
/// again, hence it is done twice; it folds or normalises, but not both at once.
fn prepared(value: &str) -> Option<String> {
    if !value.is_empty() && value.bytes().all(|octet| matches!(octet, b' '..=b'~')) {
        return Some(value.to_ascii_lowercase());
    }
    let folded = stringprep::x520prep(value, true).ok()?;
    stringprep::x520prep(&folded, false).ok().map(Into::into)
}

/// Adds what gives the suffix to the pool, with everything that must hold for it.
pub(super) fn claim(store: &Store, dn: &Dn, pool: PoolId, changes: &mut ServerChanges) -> Result<()> {
    let mut names = new_suffix(dn)?;
    let own = names.pop().unwrap_or_default();
    for name in names {
        let key = ServerKey::suffix(&name);
        match read(store, &key)? {
            Some(SuffixRecord { pool: Some(_) }) => {
                return Err(Error::exists(format!(
                    "`{dn}` lies under the suffix of another pool, or of one that was deleted; choose another suffix"
                )));
            }
            Some(SuffixRecord { pool: None }) => {}
            None => {
                changes.expect_absent(key.clone());
                changes.put(key, encode(None));
            }
        }
    }
    let key = ServerKey::suffix(&own);
    match read(store, &key)? {
        Some(SuffixRecord { pool: Some(_) }) => {
            Err(Error::exists(format!("`{dn}` is the suffix of a pool, or was that of one that was deleted; a suffix is never used again")))
        }
        Some(SuffixRecord { pool: None }) => {
            Err(Error::exists(format!("`{dn}` contains the suffix of another pool, or of one that was deleted; choose another suffix")))
        }
        None => {
            changes.expect_absent(key.clone());
            changes.put(key, encode(Some(pool)));
            Ok(())
        }
    }
}

/// The pool that has exactly this normalised suffix.
pub(super) fn holder(store: &Store, name: &[u8]) -> Result<Option<PoolId>> {
    Ok(read(store, &ServerKey::suffix(name))?.and_then(|record| record.pool))
}

fn read(store: &Store, key: &ServerKey) -> Result<Option<SuffixRecord>> {
    store.server_get(key)?.map(|row| crate::model::record::decode(VERSION, &row.value)).transpose()
}

fn encode(pool: Option<PoolId>) -> Vec<u8> {
    crate::model::record::encode(VERSION, &SuffixRecord { pool })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn own(text: &str) -> Vec<u8> {
        new_suffix(&Dn::parse(text).unwrap()).unwrap().pop().unwrap()
    }

    #[test]
    fn golden_bytes_of_the_record() {
        assert_eq!(encode(Some(PoolId::new(7))), [1, 0xa1, 0, 7]);
        assert_eq!(encode(None), [1, 0xa0]);
    }

    #[test]
    fn names_begin_at_the_root() {
        let names = new_suffix(&Dn::parse("ou=Staff,dc=Example,dc=COM").unwrap()).unwrap();
        assert_eq!(names, [&b"dc=com\0"[..], b"dc=com\0dc=example\0", b"dc=com\0dc=example\0ou=staff\0"]);
    }

    #[test]
    fn spellings_of_one_name_are_one_name() {
        for other in ["O=ACME Corp", "organizationName=acme   corp", "2.5.4.10= acme corp ", "o=acme\\20corp", "o=\u{ff41}cme corp"] {
            assert_eq!(own(other), own("o=acme corp"), "{other}");
        }
        assert_eq!(own("o=MÜLLER"), own("o=mu\u{308}ller"));
        assert_ne!(own("o=acme"), own("ou=acme"));
        assert_ne!(own("o=acme"), own("o=acmes"));
    }

    #[test]
    fn unfit_suffixes_are_refused() {
        let deep = ["dc=a"; MAX_SUFFIX_RDNS + 1].join(",");
        let long = format!("o={}", "a".repeat(MAX_SUFFIX_BYTES));
        for text in ["", "uid=alice", "cn=acme", "o=acme+ou=staff", "o=\\00", "o=\\ff", "o=\\20", "uid=alice,o=acme", &deep, &long] {
            assert!(Dn::parse(text).and_then(|dn| new_suffix(&dn)).is_err(), "{text}");
        }
    }

    #[test]
    fn a_dn_names_the_suffixes_that_could_hold_it() {
        let dn = Dn::parse("uid=alice,ou=people,o=acme").unwrap();
        assert_eq!(normalised(&dn).collect::<Vec<_>>(), [&b"o=acme\0"[..], b"o=acme\0ou=people\0"]);
        assert_eq!(normalised(&Dn::root()).count(), 0);
        assert_eq!(normalised(&Dn::parse("cn=subschema").unwrap()).count(), 0);
        let deep = Dn::parse(&["dc=a"; 60].join(",")).unwrap();
        assert_eq!(normalised(&deep).count(), MAX_SUFFIX_RDNS);
    }

    proptest! {
        #[test]
        fn printable_ascii_is_prepared_as_all_text_is(value in "[ -~]{0,12}") {
            let long_way = stringprep::x520prep(&value, true).ok().and_then(|folded| stringprep::x520prep(&folded, false).ok().map(String::from));
            prop_assert_eq!(prepared(&value), long_way);
        }
    }
}

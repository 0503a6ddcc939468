//! The entries that a pool begins with.

use super::add::{self, Place};
use crate::directory::{Directory, SUFFIX};
use crate::model::error::Rule;
use crate::model::{Actor, Attribute, Dn, Entropy, Error, Rdn, Result, Timestamp};
use crate::store::Changes;

/// The units under the suffix, with what they hold.
pub const UNITS: &[(&str, &str)] = &[
    ("people", "The people of this pool"),
    ("groups", "The groups of this pool"),
    ("services", "Accounts of services that bind and search"),
    ("apps", "One unit for each application"),
];

pub fn create(directory: &Directory, changes: &mut Changes, actor: &Actor, now: Timestamp, entropy: &dyn Entropy) -> Result<()> {
    let suffix = directory.suffix();
    let rdn = suffix.rdns().first().ok_or_else(|| Error::invalid(Rule::Naming, "the suffix of a pool cannot be the root"))?;
    let parent_dn = suffix.parent().unwrap_or_default();
    let place = Place { id: SUFFIX, parent: None, parent_dn: &parent_dn, rdn };
    add::insert(directory, changes, &place, &[Attribute::new("objectClass", [class(rdn)?])], actor, now, entropy)?;
    for (name, description) in UNITS {
        let attributes = [Attribute::new("objectClass", ["organizationalUnit"]), Attribute::new("description", [*description])];
        unit(directory, changes, suffix, name, &attributes, actor, now, entropy)?;
    }
    Ok(())
}

#[allow(clippy::too_many_arguments, reason = "one unit, and who creates it when")]
fn unit(
    directory: &Directory,
    changes: &mut Changes,
    suffix: &Dn,
    name: &str,
    attributes: &[Attribute],
    actor: &Actor,
    now: Timestamp,
    entropy: &dyn Entropy,
) -> Result<()> {
    let rdn = Rdn::single("ou", name);
    let place = Place { id: add::new_id(now, entropy), parent: Some(SUFFIX), parent_dn: suffix, rdn: &rdn };
    add::insert(directory, changes, &place, attributes, actor, now, entropy)
}

fn class(rdn: &Rdn) -> Result<&'static str> {
    let attribute = rdn.avas().first().map_or("", |ava| ava.attribute.as_str());
    match attribute.to_ascii_lowercase().as_str() {
        "o" => Ok("organization"),
        "dc" => Ok("domain"),
        "ou" => Ok("organizationalUnit"),
        "l" => Ok("locality"),
        "c" => Ok("country"),
        _ => Err(Error::invalid(Rule::Naming, format!("a suffix begins with o=, dc=, ou=, l= or c=, not with {attribute}="))),
    }
}

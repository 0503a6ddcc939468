//! Where the API keeps its kinds of entries, and how it finds them wherever somebody else has put
//! them.

use crate::directory::{Directory, Entry, Filter, Scope, Search};
use crate::model::error::Rule;
use crate::model::{Dn, EntryId, Error, Kind, Rdn, Result};
use crate::policy::access::{EntryKind, Viewer};
use crate::pool::Pool;

/// A branch of a pool's tree in which the API makes one kind of entry.
#[derive(Clone, Copy, Debug)]
pub struct Branch {
    /// The name of its organizational unit.
    pub unit: &'static str,
    /// The attribute that names its entries.
    pub naming: &'static str,
    /// What one of them is called in messages.
    pub noun: &'static str,
    /// The kind of entry.
    pub kind: EntryKind,
}

impl Branch {
    /// Where users are.
    pub const PEOPLE: Self = Self { unit: "people", naming: "uid", noun: "user", kind: EntryKind::User };
    /// Where groups are.
    pub const GROUPS: Self = Self { unit: "groups", naming: "cn", noun: "group", kind: EntryKind::Group };
    /// Where service accounts are.
    pub const SERVICES: Self = Self { unit: "services", naming: "cn", noun: "service account", kind: EntryKind::Service };

    /// The name of an entry that is made in it.
    pub fn entry_dn(self, pool: &Pool, name: &str) -> Dn {
        pool.suffix().child(Rdn::single("ou", self.unit)).child(Rdn::single(self.naming, name))
    }

    /// The entry of that name: a DN, or what lists show as its name. An import or an LDAP client
    /// can have put it anywhere and named it by anything, and whoever lets it act must be able to
    /// stop it.
    pub fn find(self, pool: &Pool, name: &str, viewer: &Viewer) -> Result<Entry> {
        let directory = Directory::new(pool);
        if let Some(entry) = found(directory.find(&self.entry_dn(pool, name), viewer))? {
            return Ok(entry);
        }
        let elsewhere = match Dn::parse(name) {
            Ok(dn) if name.contains('=') => found(directory.find(&dn, viewer))?,
            _ => match self.elsewhere(pool, &directory, name, viewer)? {
                Some(id) => found(directory.visible(id, viewer))?,
                None => None,
            },
        };
        elsewhere.ok_or_else(|| Error::not_found(format!("pool `{}` has no {} `{name}`", pool.slug().as_str(), self.noun)))
    }

    /// By the attribute that lists show as the name, in the whole pool.
    fn elsewhere(self, pool: &Pool, directory: &Directory, name: &str, viewer: &Viewer) -> Result<Option<EntryId>> {
        if self.naming == "uid" {
            return directory.by_unique("uid", name.as_bytes());
        }
        let named = Filter::equality(directory, self.naming, name.as_bytes())?;
        let base = directory.resolve(directory.suffix())?;
        let search = Search { base, scope: Scope::Subtree, filter: &named, after: None, viewer, stop: None };
        let mut one = None;
        for entry in directory.search(search)? {
            let entry = entry?;
            if entry.kind() != self.kind {
                continue;
            }
            if one.replace(entry.id()).is_some() {
                let (slug, noun) = (pool.slug().as_str(), self.noun);
                let message = format!("pool `{slug}` has more than one {noun} `{name}`: name the one that is meant by its DN");
                return Err(Error::invalid(Rule::Request, message));
            }
        }
        Ok(one)
    }
}

/// What was looked for, if it is there.
fn found(entry: Result<Entry>) -> Result<Option<Entry>> {
    match entry {
        Ok(entry) => Ok(Some(entry)),
        Err(error) if matches!(error.kind(), Kind::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

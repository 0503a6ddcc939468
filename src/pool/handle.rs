//! The handle of a pool: what its registry row says, its part of the store, its secrets.

use super::settings::Settings;
use super::slug::Slug;
use crate::model::{Dn, PoolId, Result, Secret, Sequence, Timestamp};
use crate::store::{Key, PoolStore};

/// Where a pool is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// It serves.
    Active,
    /// Nobody can log in; nothing is lost.
    Suspended,
    /// Its records are being removed; it does not come back.
    Deleting,
}

/// A pool as it was read. Cheap to hold for one request; the next request asks the registry again.
pub struct Pool;

impl Pool {
    /// Its number.
    pub fn id(&self) -> PoolId {
        todo!()
    }

    /// Its name in URLs.
    pub fn slug(&self) -> &Slug {
        todo!()
    }

    /// The name of its uppermost entry.
    pub fn suffix(&self) -> &Dn {
        todo!()
    }

    /// Its name for people.
    pub fn display_name(&self) -> &str {
        todo!()
    }

    /// Its settings.
    pub fn settings(&self) -> &Settings {
        todo!()
    }

    /// The group whose members administer it.
    pub fn administrators(&self) -> &Dn {
        todo!()
    }

    /// Where it is in its life.
    pub fn status(&self) -> Status {
        todo!()
    }

    /// When it was created.
    pub fn created(&self) -> Timestamp {
        todo!()
    }

    /// Its records.
    pub fn store(&self) -> &PoolStore {
        todo!()
    }

    /// The commit that last wrote its registry row.
    pub fn version(&self) -> Sequence {
        todo!()
    }

    /// Seals a secret that will be stored under that key.
    pub fn seal(&self, _key: &Key, _plain: &[u8]) -> Result<Vec<u8>> {
        todo!()
    }

    /// Opens a secret that was sealed for that key.
    pub fn open(&self, _key: &Key, _sealed: &[u8]) -> Result<Secret<Vec<u8>>> {
        todo!()
    }

    /// A message authentication code under a key of this pool, one for each purpose: paging cookies, hashes of unknown names, pairwise ids.
    pub fn mac(&self, _purpose: &str, _message: &[u8]) -> [u8; 32] {
        todo!()
    }
}

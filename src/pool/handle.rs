//! The handle of a pool: what its registry row says, its part of the store, its secrets.

use super::keys::Keyring;
use super::record::PoolRecord;
use super::settings::Settings;
use super::slug::Slug;
use crate::crypto::digest;
use crate::crypto::sealed::{self, DataKey, MasterKey};
use crate::model::entropy::random;
use crate::model::{Dn, Entropy, Error, PoolId, Rdn, Result, Secret, Sequence, Timestamp};
use crate::store::{Key, PoolStore};
use minicbor::{Decode, Encode};
use std::fmt;
use std::sync::Arc;

/// Random bytes before a sealed text, from which its key is derived.
const SALT: usize = 16;

/// Where a pool is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Status {
    /// It serves.
    #[n(0)]
    Active,
    /// Nobody can log in; nothing is lost.
    #[n(1)]
    Suspended,
    /// Its records are being removed; it does not come back.
    #[n(2)]
    Deleting,
}

impl Status {
    /// Its name in the admin API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Deleting => "deleting",
        }
    }
}

/// A pool as it was read. Cheap to hold for one request; the next request asks the registry again.
pub struct Pool {
    slug: Slug,
    suffix: Arc<Dn>,
    display_name: String,
    settings: Settings,
    administrators: Dn,
    status: Status,
    created: Timestamp,
    version: Sequence,
    store: PoolStore,
    data_key: DataKey,
    former_data_keys: Vec<DataKey>,
    surroundings: Surroundings,
}

/// What every handle shares with all others.
#[derive(Clone)]
pub(super) struct Surroundings {
    pub(super) master: MasterKey,
    pub(super) entropy: Arc<dyn Entropy>,
    pub(super) keyring: Arc<Keyring>,
}

impl Pool {
    pub(super) fn read(record: PoolRecord, store: PoolStore, version: Sequence, surroundings: &Surroundings) -> Result<Self> {
        let place = data_key_place(store.pool());
        let unwrap = |wrapped: &minicbor::bytes::ByteVec| surroundings.master.unwrap(wrapped, &place);
        let mut data_keys = record.data_keys.iter().map(unwrap).collect::<Result<Vec<_>>>()?;
        let data_key = data_keys
            .pop()
            .ok_or_else(|| Error::internal(format!("the pool `{}` has no data key; restore the store from a backup", record.slug)))?;
        let suffix = Dn::parse(&record.suffix)?;
        let administrators = match &record.settings.administrators {
            Some(dn) => dn.clone(),
            None => suffix.child(Rdn::single("ou", "groups")).child(Rdn::single("cn", "admins")),
        };
        let store = store.keeping_audit(record.settings.audit.retention.duration());
        Ok(Self {
            slug: Slug::stored(record.slug),
            suffix: Arc::new(suffix),
            display_name: record.display_name,
            settings: record.settings,
            administrators,
            status: record.status,
            created: record.created,
            version,
            store,
            data_key,
            former_data_keys: data_keys,
            surroundings: surroundings.clone(),
        })
    }

    /// Its number.
    pub const fn id(&self) -> PoolId {
        self.store.pool()
    }

    /// Its name in URLs.
    pub const fn slug(&self) -> &Slug {
        &self.slug
    }

    /// The name of its uppermost entry.
    pub const fn suffix(&self) -> &Arc<Dn> {
        &self.suffix
    }

    /// Its name for people.
    pub fn display_name(&self) -> &str {
        &self.display_name
    }

    /// Its settings.
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The group whose members administer it.
    pub const fn administrators(&self) -> &Dn {
        &self.administrators
    }

    /// Where it is in its life.
    pub const fn status(&self) -> Status {
        self.status
    }

    /// When it was created.
    pub const fn created(&self) -> Timestamp {
        self.created
    }

    /// Its records.
    pub const fn store(&self) -> &PoolStore {
        &self.store
    }

    /// The commit that last wrote its registry row; zero while it is being created.
    pub const fn version(&self) -> Sequence {
        self.version
    }

    /// Seals a secret that will be stored under that key.
    pub fn seal(&self, key: &Key, plain: &[u8]) -> Result<Vec<u8>> {
        sealed::seal(&self.data_key, plain, &self.place(key), self.surroundings.entropy.as_ref())
    }

    /// Opens a secret that was sealed for that key. Fails with `Internal` on anything else.
    pub fn open(&self, key: &Key, sealed: &[u8]) -> Result<Secret<Vec<u8>>> {
        let id = sealed::key_id(sealed);
        let former = self.former_data_keys.iter().find(|former| Some(former.id()) == id);
        sealed::open(former.unwrap_or(&self.data_key), sealed, &self.place(key))
    }

    /// Seals what others carry for us, as base64url text. It opens in this pool only, for that
    /// purpose and for whom `bound_to` names.
    pub fn seal_text(&self, purpose: &str, bound_to: &[u8], plain: &[u8]) -> Result<String> {
        let salt: [u8; SALT] = random(self.surroundings.entropy.as_ref());
        let key = self.data_key.derive(purpose, &salt);
        let sealed = sealed::seal(&key, plain, &self.carried(bound_to), self.surroundings.entropy.as_ref())?;
        Ok(digest::base64url(&[salt.as_slice(), &sealed].concat()))
    }

    /// Opens what [`seal_text`](Self::seal_text) made for that purpose and for whom `bound_to`
    /// names. `None` for everything else: anybody may send anything.
    pub fn open_text(&self, purpose: &str, bound_to: &[u8], text: &str) -> Option<Secret<Vec<u8>>> {
        let bytes = digest::from_base64url(text)?;
        let (salt, sealed) = bytes.split_at_checked(SALT)?;
        let id = sealed::key_id(sealed)?;
        let key = self.former_data_keys.iter().chain([&self.data_key]).find(|key| key.id() == id)?;
        sealed::open(&key.derive(purpose, salt), sealed, &self.carried(bound_to)).ok()
    }

    /// A message authentication code under a key of this pool, one for each purpose: paging
    /// cookies, hashes of unknown names, pairwise ids.
    pub fn mac(&self, purpose: &str, message: &[u8]) -> [u8; 32] {
        self.former_data_keys.first().unwrap_or(&self.data_key).mac(purpose, message)
    }

    pub(super) fn keyring(&self) -> &Keyring {
        &self.surroundings.keyring
    }

    /// For whom something is carried: pool and whoever else it is bound to.
    fn carried(&self, bound_to: &[u8]) -> Vec<u8> {
        [self.id().get().to_be_bytes().as_slice(), bound_to].concat()
    }

    /// The full name of a record: pool and key.
    fn place(&self, key: &Key) -> Vec<u8> {
        [self.id().get().to_be_bytes().as_slice(), key.as_bytes()].concat()
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pool({} {} {})", self.id(), self.slug, self.status.name())
    }
}

/// What a pool's data keys are sealed for.
pub(super) fn data_key_place(pool: PoolId) -> Vec<u8> {
    [b"data key of pool ".as_slice(), &pool.get().to_be_bytes()].concat()
}

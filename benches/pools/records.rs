//! What lies in a data folder after its server has stopped.

use poolgate::store::{Options, Prefix, SegmentSync, ServerPrefix, Space, Store};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

const SPACES: [Space; 18] = [
    Space::Entry,
    Space::Value,
    Space::Child,
    Space::Unique,
    Space::Index,
    Space::Link,
    Space::Backlink,
    Space::Credential,
    Space::Application,
    Space::Grant,
    Space::Session,
    Space::Interaction,
    Space::SigningKey,
    Space::Provider,
    Space::Federated,
    Space::Audit,
    Space::Checkpoint,
    Space::Throttle,
];

/// How many records there are; the journal and its feed are not among them.
pub struct Records {
    /// Those of all pools and of the registry.
    pub all: usize,
    /// Those of the pool that was created last.
    pub newest: usize,
}

pub fn count(data: &Path) -> Records {
    let store = Store::open(data, Options::default(), SegmentSync::install()).expect("the store of a server that has stopped");
    let registry = [ServerPrefix::pools(), ServerPrefix::slugs(), ServerPrefix::suffixes(), ServerPrefix::checkpoints()];
    let mut records = Records { all: registry.iter().map(|prefix| store.server_scan(prefix, None).count()).sum(), newest: 0 };
    for row in store.server_scan(&ServerPrefix::pools(), None) {
        let pool = store.pool(row.expect("a row").0.pool_id().expect("the row of a pool"));
        records.newest = SPACES.iter().map(|space| pool.count(&Prefix::space(*space)).expect("a scan")).sum();
        records.all += records.newest;
    }
    store.close();
    records
}

/// Bytes that the files of a folder occupy.
pub fn disk(folder: &Path) -> u64 {
    let files = std::fs::read_dir(folder).expect("a folder").map(|file| file.expect("a file"));
    let sizes = files.map(|file| {
        let data = file.metadata().expect("a file");
        if data.is_dir() { disk(&file.path()) } else { data.blocks() * 512 }
    });
    sizes.sum()
}

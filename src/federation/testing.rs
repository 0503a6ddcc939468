//! Records as earlier versions left them.

use super::{link, provider};
use crate::model::EntryId;
use crate::pool::Pool;
use crate::store::Changes;

/// Leaves the provider's record as versions wrote it that knew neither epochs nor mail domains.
pub async fn make_former(pool: &Pool, name: &str) {
    let mut changes = Changes::new();
    provider::tests::put_former(pool, &mut changes, name);
    pool.store().commit(changes).await.unwrap();
}

/// Makes the ties of an entry such that they do not say where its address is from.
pub async fn forget_mail_origin(pool: &Pool, entry: EntryId) {
    let mut changes = Changes::new();
    let directory = crate::directory::Directory::new(pool);
    link::of_entry(&directory, entry).unwrap().into_iter().for_each(|tie| link::tests::put_former(&mut changes, tie));
    pool.store().commit(changes).await.unwrap();
}

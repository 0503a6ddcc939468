//! Whether somebody may still do what they have asked for.
//!
//! An operation can wait, for a hash or for its turn, while its actor is disabled or deleted, loses
//! a role, or has their pool suspended. So each decision looks again, and the commit expects what
//! it has seen.

use super::identity;
use crate::directory::Directory;
use crate::model::{Actor, EntryId, Error, Result, Role};
use crate::pool::{Pool, Registry, Status};
use crate::store::{Changes, Key};

/// Looks at the actor again. The operator and the server itself are no entries, and stay what they
/// are.
///
/// Fails with `Denied(Credentials)` if a bind of theirs would fail, and with `Denied(NotAllowed)`
/// if they were an administrator and are none any more.
pub(super) fn expect(registry: &Registry, pool: &Pool, changes: &mut Changes, actor: &Actor) -> Result<()> {
    let Some(entry) = actor.entry else { return Ok(()) };
    let pool = registry.by_id(pool.id())?.filter(|pool| pool.status() == Status::Active).ok_or_else(Error::credentials)?;
    let directory = identity::directory(&pool);
    let head = directory.head(entry)?.filter(|head| !head.is_disabled()).ok_or_else(Error::credentials)?;
    changes.expect_unchanged(Key::entry(entry), head.version());
    if actor.role == Role::Administrator && !is_administrator(&pool, &directory, changes, entry)? {
        return Err(Error::not_allowed("whoever asked for it is no administrator any more"));
    }
    Ok(())
}

fn is_administrator(pool: &Pool, directory: &Directory, changes: &mut Changes, entry: EntryId) -> Result<bool> {
    let Some(group) = identity::administrators(pool, directory)? else { return Ok(false) };
    directory.expect_member(changes, group, entry)
}

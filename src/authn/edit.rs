//! Changes to entries as callers ask for them: access, directory, credential and audit in one commit, tried again when others were faster.

use super::Core;
use crate::{
    directory::{Modification, NewEntry},
    model::{Actor, EntryId, Rdn, Result, Secret},
    pool::Pool,
};
use std::sync::Arc;

impl Core {
    /// Adds an entry (RFC 4511, section 4.7). `userPassword` among its attributes sets the password.
    pub async fn add_entry(&self, _pool: &Arc<Pool>, _actor: &Actor, _entry: NewEntry) -> Result<EntryId> {
        todo!()
    }

    /// Changes an entry (RFC 4511, section 4.6). `userPassword` among the modifications sets the password.
    pub async fn modify_entry(&self, _pool: &Arc<Pool>, _actor: &Actor, _target: EntryId, _modifications: &[Modification]) -> Result<()> {
        todo!()
    }

    /// Deletes an entry without children, with its credentials (RFC 4511, section 4.8).
    pub async fn delete_entry(&self, _pool: &Arc<Pool>, _actor: &Actor, _target: EntryId) -> Result<()> {
        todo!()
    }

    /// Renames or moves an entry (RFC 4511, section 4.9).
    pub async fn rename_entry(
        &self,
        _pool: &Arc<Pool>,
        _actor: &Actor,
        _target: EntryId,
        _rdn: &Rdn,
        _delete_old: bool,
        _new_parent: Option<EntryId>,
    ) -> Result<()> {
        todo!()
    }

    /// Sets a password (RFC 3062). Users give the old one; without a new one, one is generated and returned.
    pub async fn set_password(
        &self,
        _pool: &Arc<Pool>,
        _actor: &Actor,
        _target: EntryId,
        _old: Option<&Secret<Vec<u8>>>,
        _new: Option<Secret<Vec<u8>>>,
    ) -> Result<Option<Secret<Vec<u8>>>> {
        todo!()
    }

    /// Lifts the lockout of an entry. For administrators.
    pub async fn unlock(&self, _pool: &Arc<Pool>, _actor: &Actor, _target: EntryId) -> Result<()> {
        todo!()
    }
}

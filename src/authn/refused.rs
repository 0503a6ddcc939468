//! What somebody known has asked for and may not have: counted, so that the audit log tells who
//! tries, and nobody fills it by trying on.

use super::{Core, identity};
use crate::{
    audit::{Action, Counted, Reason},
    model::{Actor, EntryId, Error, Kind, error::Denial},
    pool::Pool,
};

impl Core {
    /// Counts a refusal, if the error is one.
    pub(super) fn note_refusal(&self, pool: &Pool, actor: &Actor, action: Action, target: &str, error: &Error) {
        if *error.kind() != Kind::Denied(Denial::NotAllowed) {
            return;
        }
        let Actor { role, entry, face, address, .. } = *actor;
        let what = Counted::Futile { role, entry, name: actor.name.clone(), target: Some(target.to_owned()) };
        self.counters.count(pool.id(), action, what, Some(Reason::NotAllowed), face, address);
    }

    /// The same for what was to be done to an entry.
    pub(super) fn note_refusal_on(&self, pool: &Pool, actor: &Actor, action: Action, target: EntryId, error: &Error) {
        // Without its name the refusal is told all the same.
        let name = identity::name(&identity::directory(pool), target).unwrap_or_default();
        self.note_refusal(pool, actor, action, &name, error);
    }
}

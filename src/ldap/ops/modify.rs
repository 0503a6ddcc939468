//! Modify (RFC 4511, section 4.6), with increment (RFC 4525).

use super::super::codec::{ChangeKind, LdapResult, Message, ModifyRequest, ResultCode};
use super::super::error;
use super::super::pending::{Later, Pending, Ticket};
use super::super::session::{Identity, Session};
use super::super::wire::Wire;
use super::{Next, answer, attribute, unseen};
use crate::authn::Core;
use crate::directory::{Modification, ModificationKind};
use crate::model::{Dn, EntryId, Result};
use futures_util::FutureExt;
use std::sync::Arc;

/// Does what is asked for, beside others that the client has asked for before and that wait for
/// their commit; nothing if it has to wait for them first. `octets` are those of the message.
pub(super) async fn modify(
    session: &mut Session,
    wire: &mut Wire,
    pending: &mut Pending,
    identity: Option<&Arc<Identity>>,
    octets: usize,
    message: &Message<'_>,
    request: &ModifyRequest<'_>,
) -> Option<Next> {
    let Some(identity) = identity else { return Some(answer(wire, message, unseen())) };
    let begun = match Asked::read(identity, request) {
        Ok(asked) if asked.is_alone(session, identity, octets) => {
            if !pending.is_empty() {
                return None;
            }
            Err(asked.done_alone(session, identity).await)
        }
        Ok(asked) => {
            let ticket = Ticket { id: message.id, target: asked.target, octets };
            if !pending.has_room_for(&ticket, &session.app.limits) {
                return None;
            }
            let mut result = asked.begin(&session.app.core, identity);
            // Once at least, so that they are decided in the order in which they came.
            match (&mut result).now_or_never() {
                Some(result) => Err(result),
                None => Ok((ticket, result)),
            }
        }
        Err(error) => Err(error::result(&error)),
    };
    match begun {
        Ok((ticket, result)) => pending.push(ticket, result),
        // What is refused may need what was asked for before it.
        Err(refused) if refused.code != ResultCode::SUCCESS && !pending.is_empty() => return None,
        Err(done) => return Some(answer(wire, message, done)),
    }
    Some(Next::Go)
}

/// A request without its bytes.
struct Asked {
    target: EntryId,
    /// Whether the entry is more than its record holds.
    is_large: bool,
    steps: Vec<Modification>,
}

impl Asked {
    fn read(identity: &Identity, request: &ModifyRequest<'_>) -> Result<Self> {
        let entry = identity.directory().locate(&Dn::parse(request.entry)?, &identity.viewer())?;
        let steps = request.changes.iter();
        let steps = steps.map(|change| Modification { kind: kind(change.kind), attribute: attribute(&change.attribute) }).collect();
        Ok(Self { target: entry.id(), is_large: entry.octets_in_parts() > 0, steps })
    }

    /// Whether nothing else may be under way: it may change who asks and what they may do, or it is
    /// much, so that it is decided elsewhere, in its time.
    fn is_alone(&self, session: &Session, identity: &Identity, octets: usize) -> bool {
        let directory = identity.directory();
        identity.actor.entry == Some(self.target)
            || octets > session.app.limits.own
            || self.steps.iter().any(|step| directory.names_entries(&step.attribute))
            || session.app.core.sets_password(&identity.pool, &self.steps)
            || self.is_large
            // An error shows itself again when it is done.
            || directory.is_much_to_modify(self.target, &self.steps).unwrap_or(true)
    }

    async fn done_alone(&self, session: &mut Session, identity: &Identity) -> LdapResult<'static> {
        let set = session.app.core.modify_entry(&identity.pool, &identity.actor, self.target, &self.steps).await;
        let renewed = set.and_then(|set| match set.filter(|_| identity.actor.entry == Some(self.target)) {
            Some(at) => session.renew(at),
            None => Ok(()),
        });
        outcome(renewed)
    }

    fn begin(self, core: &Arc<Core>, identity: &Arc<Identity>) -> Later {
        let (core, identity) = (Arc::clone(core), Arc::clone(identity));
        async move { outcome(core.modify_entry(&identity.pool, &identity.actor, self.target, &self.steps).await.map(drop)) }.boxed()
    }
}

fn outcome(done: Result<()>) -> LdapResult<'static> {
    done.map_or_else(|error| error::result(&error), |()| LdapResult::success())
}

const fn kind(kind: ChangeKind) -> ModificationKind {
    match kind {
        ChangeKind::Add => ModificationKind::Add,
        ChangeKind::Delete => ModificationKind::Delete,
        ChangeKind::Replace => ModificationKind::Replace,
        ChangeKind::Increment => ModificationKind::Increment,
    }
}

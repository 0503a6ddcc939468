//! Modify (RFC 4511, section 4.6), with increment (RFC 4525).

use super::super::codec::{ChangeKind, LdapResult, Message, ModifyRequest, ResultCode};
use super::super::error;
use super::super::pending::{Change, Pending, Ticket};
use super::super::session::{Identity, Session};
use super::super::wire::Wire;
use super::{Next, answer, attribute, unseen};
use crate::authn::Core;
use crate::directory::{Modification, ModificationKind};
use crate::model::{Dn, EntryId, Result};
use futures_util::FutureExt;
use std::sync::Arc;

/// Does what is asked for; as a rule beside others that the client has asked for before and that wait for their commit. `octets` are those of the message.
pub(super) async fn modify(
    session: &mut Session,
    wire: &mut Wire,
    pending: &mut Pending,
    identity: Option<&Arc<Identity>>,
    (message, octets): (&Message<'_>, usize),
    request: &ModifyRequest<'_>,
) -> Next {
    let Some(identity) = identity else { return answer(wire, message, unseen()) };
    let asked = match Asked::read(identity, request) {
        Ok(asked) => asked,
        Err(error) => return answer(wire, message, error::result(&error)),
    };
    let ticket = Ticket { id: message.id, target: asked.target, octets };
    if asked.is_alone(session, identity) {
        pending.settle(wire).await;
        let result = asked.done_alone(session, identity).await;
        return answer(wire, message, result);
    }
    if !pending.has_room_for(&ticket, &session.app.limits) {
        pending.settle(wire).await;
    }
    let mut change = asked.clone().begin(&session.app.core, identity);
    let mut ended = (&mut change).now_or_never();
    if ended.as_ref().is_some_and(|result| result.code != ResultCode::SUCCESS) && !pending.is_empty() {
        // What failed may need what was asked for before it.
        pending.settle(wire).await;
        change = asked.begin(&session.app.core, identity);
        ended = (&mut change).now_or_never();
    }
    match ended {
        Some(result) => answer(wire, message, result),
        None => {
            pending.push(ticket, change);
            Next::Go
        }
    }
}

/// A request without its bytes.
#[derive(Clone)]
struct Asked {
    target: EntryId,
    steps: Vec<Modification>,
}

impl Asked {
    fn read(identity: &Identity, request: &ModifyRequest<'_>) -> Result<Self> {
        let target = identity.directory().locate(&Dn::parse(request.entry)?, &identity.viewer())?.id();
        let step =
            |change: &super::super::codec::Change<'_>| Modification { kind: kind(change.kind), attribute: attribute(&change.attribute) };
        Ok(Self { target, steps: request.changes.iter().map(step).collect() })
    }

    /// Whether nothing else may be under way: who sets their own password rests on it from then on, and what is much is decided elsewhere, in its time.
    fn is_alone(&self, session: &Session, identity: &Identity) -> bool {
        // An error shows itself again when it is done.
        let is_much = || identity.directory().is_much_to_modify(self.target, &self.steps).unwrap_or(true);
        session.app.core.sets_password(&identity.pool, &self.steps) || is_much()
    }

    async fn done_alone(&self, session: &mut Session, identity: &Identity) -> LdapResult<'static> {
        let set = session.app.core.modify_entry(&identity.pool, &identity.actor, self.target, &self.steps).await;
        let renewed = set.and_then(|set| match set.filter(|_| identity.actor.entry == Some(self.target)) {
            Some(at) => session.renew(at),
            None => Ok(()),
        });
        outcome(renewed)
    }

    fn begin(self, core: &Arc<Core>, identity: &Arc<Identity>) -> Change {
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

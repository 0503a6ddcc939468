//! Modify (RFC 4511, section 4.6), with increment (RFC 4525).

use super::super::codec::{ChangeKind, LdapResult, ModifyRequest};
use super::super::session::{Identity, Session};
use super::{attribute, done_by};
use crate::directory::{Modification, ModificationKind};
use crate::model::Dn;

pub(super) async fn modify(session: &mut Session, identity: Option<&Identity>, request: &ModifyRequest<'_>) -> LdapResult<'static> {
    done_by(identity, async |identity| {
        let directory = identity.directory();
        let target = directory.locate(&Dn::parse(request.entry)?, &identity.viewer())?.id();
        let steps: Vec<_> = request
            .changes
            .iter()
            .map(|change| Modification { kind: kind(change.kind), attribute: attribute(&change.attribute) })
            .collect();
        let password_set = session.app.core.modify_entry(&identity.pool, &identity.actor, target, &steps).await?;
        if let Some(at) = password_set.filter(|_| identity.actor.entry == Some(target)) {
            session.renew(at)?;
        }
        Ok(())
    })
    .await
}

const fn kind(kind: ChangeKind) -> ModificationKind {
    match kind {
        ChangeKind::Add => ModificationKind::Add,
        ChangeKind::Delete => ModificationKind::Delete,
        ChangeKind::Replace => ModificationKind::Replace,
        ChangeKind::Increment => ModificationKind::Increment,
    }
}

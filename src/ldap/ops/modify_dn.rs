//! Modify DN (RFC 4511, section 4.9).

use super::super::codec::{LdapResult, ModifyDnRequest};
use super::super::session::{Identity, Session};
use super::done_by;
use crate::model::{Dn, Rdn};

pub(super) async fn modify_dn(session: &Session, identity: Option<&Identity>, request: &ModifyDnRequest<'_>) -> LdapResult<'static> {
    done_by(identity, async |identity| {
        let (directory, viewer) = (identity.directory(), identity.viewer());
        let target = directory.locate(&Dn::parse(request.entry)?, &viewer)?.id();
        let rdn = Rdn::parse(request.new_rdn)?;
        let parent = match request.new_superior {
            Some(name) => Some(directory.locate(&Dn::parse(name)?, &viewer)?.id()),
            None => None,
        };
        session.app.core.rename_entry(&identity.pool, &identity.actor, target, &rdn, request.delete_old_rdn, parent).await
    })
    .await
}

//! Delete (RFC 4511, section 4.8).

use super::super::codec::LdapResult;
use super::super::session::{Identity, Session};
use super::done_by;
use crate::model::Dn;

pub(super) async fn delete(session: &Session, identity: Option<&Identity>, entry: &str) -> LdapResult<'static> {
    done_by(identity, async |identity| {
        let target = identity.directory().locate(&Dn::parse(entry)?, &identity.viewer())?.id();
        session.app.core.delete_entry(&identity.pool, &identity.actor, target).await
    })
    .await
}

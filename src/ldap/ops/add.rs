//! Add (RFC 4511, section 4.7).

use super::super::codec::{AddRequest, LdapResult};
use super::super::session::{Identity, Session};
use super::{attribute, done_by};
use crate::directory::NewEntry;
use crate::model::Dn;

pub(super) async fn add(session: &Session, identity: Option<&Identity>, request: &AddRequest<'_>) -> LdapResult<'static> {
    done_by(identity, async |identity| {
        let entry = NewEntry { dn: Dn::parse(request.entry)?, attributes: request.attributes.iter().map(attribute).collect() };
        session.app.core.add_entry(&identity.pool, &identity.actor, entry).await?;
        Ok(())
    })
    .await
}

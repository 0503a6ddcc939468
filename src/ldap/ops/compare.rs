//! Compare (RFC 4511, section 4.10).

use super::super::codec::{CompareRequest, LdapResult, ResultCode};
use super::super::error;
use super::super::session::{Identity, Session};
use super::{AT_ONCE, unseen};
use crate::model::{Dn, Result};

pub(super) async fn compare(session: &Session, identity: Option<&Identity>, request: &CompareRequest<'_>) -> LdapResult<'static> {
    let Some(identity) = identity else { return unseen() };
    match is_equal(session, identity, request).await {
        Ok(true) => LdapResult::new(ResultCode::COMPARE_TRUE, ""),
        Ok(false) => LdapResult::new(ResultCode::COMPARE_FALSE, ""),
        Err(error) => error::result(&error),
    }
}

async fn is_equal(session: &Session, identity: &Identity, request: &CompareRequest<'_>) -> Result<bool> {
    let (directory, viewer) = (identity.directory(), identity.viewer());
    let entry = directory.locate(&Dn::parse(request.entry)?, &viewer)?;
    if entry.octets_in_parts() + request.value.len() <= AT_ONCE {
        return directory.compare(&entry, request.attribute, request.value, &viewer);
    }
    let (attribute, value) = (request.attribute.to_owned(), request.value.to_vec());
    session
        .app
        .core
        .work
        .run(session.app.core.known_caller(&identity.pool, session.address()), move || {
            directory.compare(&entry, &attribute, &value, &viewer)
        })
        .await?
}

//! Compare (RFC 4511, section 4.10).

use super::super::codec::{CompareRequest, LdapResult, ResultCode};
use super::super::error;
use super::super::session::Identity;
use super::unseen;
use crate::model::{Dn, Result};

pub(super) fn compare(identity: Option<&Identity>, request: &CompareRequest<'_>) -> LdapResult<'static> {
    let Some(identity) = identity else { return unseen() };
    match is_equal(identity, request) {
        Ok(true) => LdapResult::new(ResultCode::COMPARE_TRUE, ""),
        Ok(false) => LdapResult::new(ResultCode::COMPARE_FALSE, ""),
        Err(error) => error::result(&error),
    }
}

fn is_equal(identity: &Identity, request: &CompareRequest<'_>) -> Result<bool> {
    let (directory, viewer) = (identity.directory(), identity.viewer());
    let entry = directory.find(&Dn::parse(request.entry)?, &viewer)?;
    directory.compare(&entry, request.attribute, request.value, &viewer)
}

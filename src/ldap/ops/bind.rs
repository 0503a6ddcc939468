//! Bind (RFC 4511, section 4.2; RFC 4513, section 5).

use super::super::codec::{Authentication, BindRequest, LdapResult, ResultCode};
use super::super::error;
use super::super::session::Session;
use crate::authn::BindName;
use crate::model::{Dn, Error, Result, Secret};
use crate::pool::Pool;
use std::sync::Arc;

const VERSION: u8 = 3;

pub(super) async fn bind(session: &mut Session, request: &BindRequest<'_>) -> LdapResult<'static> {
    // Whoever was bound is no longer, whatever becomes of this bind (RFC 4511, section 4.2.1).
    session.unbind();
    if request.version != VERSION {
        return LdapResult::new(ResultCode::PROTOCOL_ERROR, "only version 3 of the protocol is spoken here");
    }
    let Authentication::Simple(password) = request.authentication else {
        return LdapResult::new(ResultCode::AUTH_METHOD_NOT_SUPPORTED, "only simple binds are supported");
    };
    match (request.name.is_empty(), password.is_empty()) {
        // It names no pool, so no pool can refuse it; nobody in particular sees the root DSE and nothing else.
        (true, true) => return LdapResult::success(),
        (true, false) => return error::result(&Error::credentials()),
        // RFC 4513, section 5.1.2: a client that takes this for a login would let anybody in.
        (false, true) => return LdapResult::new(ResultCode::UNWILLING_TO_PERFORM, "a bind with a name needs a password"),
        (false, false) => {}
    }
    if session.is_exposed() {
        return LdapResult::new(ResultCode::CONFIDENTIALITY_REQUIRED, "a password is taken over TLS only: use StartTLS or ldaps");
    }
    match simple(session, request.name, Secret::new(password.to_vec())).await {
        Ok(authentication) => {
            session.bind(authentication);
            LdapResult::success()
        }
        Err(error) => error::result(&error),
    }
}

async fn simple(session: &Session, name: &str, password: Secret<Vec<u8>>) -> Result<crate::authn::Authentication> {
    let core = &session.app.core;
    // Which pools there are is no secret: each has its public URL. So a name that leads to none may be answered sooner than a wrong password.
    let (Some(pool), who) = place(session, name)? else { return Err(Error::credentials()) };
    core.bind(&pool, &who, &password, session.origin()).await
}

/// The pool that a bind name leads to, and whom it means there: a DN leads by its suffix, `uid@slug` by its slug.
fn place(session: &Session, name: &str) -> Result<(Option<Arc<Pool>>, BindName)> {
    let registry = &session.app.core.registry;
    match Dn::parse(name) {
        Ok(dn) => Ok((registry.by_suffix(&dn)?, BindName::Dn(dn))),
        Err(error) => {
            let Some((uid, slug)) = name.rsplit_once('@').filter(|(uid, slug)| !uid.is_empty() && !slug.is_empty()) else {
                return Err(error);
            };
            Ok((registry.by_slug(slug)?, BindName::Uid(uid.to_owned())))
        }
    }
}

//! Bind (RFC 4511, section 4.2; RFC 4513, section 5).

use super::super::codec::{Authentication, BindRequest, LdapResult, ResultCode};
use super::super::error;
use super::super::session::Session;
use crate::model::error::Shortage;
use crate::model::{Error, Kind, Secret};
use std::time::Duration;

const VERSION: u8 = 3;

/// How long somebody waits for the answer that too many wait, or too many try the same name: whoever
/// asks again at once would be refused some ten thousand times a second.
const PAUSE_OF_MANY: Duration = Duration::from_secs(1);

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
        // It names no pool, so no pool can refuse it; nobody in particular sees the root DSE and
        // nothing else.
        (true, true) => return LdapResult::success(),
        (true, false) => return error::result(&Error::credentials()),
        // RFC 4513, section 5.1.2: a client that takes this for a login would let anybody in.
        (false, true) => return LdapResult::new(ResultCode::UNWILLING_TO_PERFORM, "a bind with a name needs a password"),
        (false, false) => {}
    }
    if session.is_exposed() {
        return LdapResult::new(ResultCode::CONFIDENTIALITY_REQUIRED, "a password is taken over TLS only: use StartTLS or ldaps");
    }
    // Strangers for whom nothing is done give way before one whose password is looked at.
    let busy = session.peer.guest.busy();
    match session.app.core.bind_as(request.name, &Secret::new(password.to_vec()), session.origin()).await {
        Ok(authentication) => {
            session.bind(authentication);
            LdapResult::success()
        }
        Err(error) => {
            if matches!(error.kind(), Kind::Unavailable(Shortage::Busy)) {
                drop(busy);
                tokio::time::sleep(PAUSE_OF_MANY).await;
            }
            error::result(&error)
        }
    }
}

//! Extended operations: StartTLS (RFC 4511, section 4.14), Who am I (RFC 4532), password modify
//! (RFC 3062).

use super::super::codec::{
    ExtendedRequest, ExtendedResponse, LdapResult, Message, Operation, PasswordModify, ResultCode, encode_generated_password,
};
use super::super::session::{Identity, Session};
use super::super::wire::Wire;
use super::super::{Transport, error};
use super::{Next, unseen};
use crate::directory::Entry;
use crate::model::{Dn, Error, Result, Secret};
use std::borrow::Cow;

/// The name of StartTLS.
pub(in super::super) const START_TLS: &str = "1.3.6.1.4.1.1466.20037";
/// The name of Who am I.
pub(in super::super) const WHO_AM_I: &str = "1.3.6.1.4.1.4203.1.11.3";
/// The name of password modify.
pub(in super::super) const PASSWORD_MODIFY: &str = "1.3.6.1.4.1.4203.1.11.1";

pub(super) async fn extended(
    session: &mut Session,
    wire: &mut Wire,
    identity: Option<&Identity>,
    id: i32,
    request: &ExtendedRequest<'_>,
) -> Next {
    let mut value = None;
    let result = match request.name {
        START_TLS => match may_start_tls(session, request) {
            Ok(()) => return Next::StartTls(id),
            Err(refusal) => refusal,
        },
        WHO_AM_I if request.value.is_some() => LdapResult::new(ResultCode::PROTOCOL_ERROR, "Who am I takes no value"),
        WHO_AM_I => {
            value = Some(Cow::Owned(authorization_id(identity).into_bytes()));
            LdapResult::success()
        }
        PASSWORD_MODIFY => match modify_password(session, identity, request.value).await {
            Ok(generated) => {
                value = generated.map(|password| Cow::Owned(encode_generated_password(password.expose())));
                LdapResult::success()
            }
            Err(refusal) => refusal,
        },
        name => LdapResult::new(ResultCode::PROTOCOL_ERROR, format!("the extended operation {name} is not supported")),
    };
    let operation = Operation::ExtendedResponse(ExtendedResponse { result, name: None, value });
    wire.send(&Message { id, operation, controls: Vec::new() });
    Next::Go
}

/// The answer after which the handshake begins.
pub(in super::super) fn start_tls_answer(id: i32) -> Message<'static> {
    let response = ExtendedResponse { result: LdapResult::success(), name: Some(START_TLS), value: None };
    Message { id, operation: Operation::ExtendedResponse(response), controls: Vec::new() }
}

fn may_start_tls(session: &Session, request: &ExtendedRequest<'_>) -> std::result::Result<(), LdapResult<'static>> {
    let refuse = |code, text| Err(LdapResult::new(code, text));
    if session.transport == Transport::Tls {
        return refuse(ResultCode::OPERATIONS_ERROR, "the connection is within TLS already");
    }
    if session.app.tls.is_none() {
        return refuse(ResultCode::PROTOCOL_ERROR, "StartTLS is not supported here");
    }
    if request.value.is_some() {
        return refuse(ResultCode::PROTOCOL_ERROR, "StartTLS takes no value");
    }
    Ok(())
}

/// Who the connection speaks for, in the form of RFC 4513, section 5.2.1.8.
fn authorization_id(identity: Option<&Identity>) -> String {
    identity.map(|identity| format!("dn:{}", identity.actor.name)).unwrap_or_default()
}

async fn modify_password(
    session: &mut Session,
    identity: Option<&Identity>,
    value: Option<&[u8]>,
) -> std::result::Result<Option<Secret<Vec<u8>>>, LdapResult<'static>> {
    let request = PasswordModify::decode(value).map_err(|reason| LdapResult::new(ResultCode::PROTOCOL_ERROR, reason.to_string()))?;
    let identity = identity.ok_or_else(unseen)?;
    if session.is_exposed() {
        return Err(LdapResult::new(ResultCode::CONFIDENTIALITY_REQUIRED, "a password is taken over TLS only: use StartTLS or ldaps"));
    }
    let set = async {
        let target = target(identity, request.user)?.id();
        let old = request.old.map(|old| Secret::new(old.to_vec()));
        let new = request.new.map(|new| Secret::new(new.to_vec()));
        let set = session.app.core.set_password(&identity.pool, &identity.actor, target, old.as_ref(), new).await?;
        if identity.actor.entry == Some(target) {
            session.renew(set.at)?;
        }
        Ok(set.generated)
    };
    set.await.map_err(|error| error::result(&error))
}

/// Whose password is meant: a DN, a uid of the pool, or nobody else than who asks.
fn target(identity: &Identity, user: Option<&str>) -> Result<Entry> {
    let (directory, viewer) = (identity.directory(), identity.viewer());
    let Some(user) = user else {
        let own = identity.actor.entry.ok_or_else(|| Error::not_found("this identity has no entry of its own"))?;
        return directory.visible(own, &viewer);
    };
    match Dn::parse(user) {
        Ok(dn) => directory.find(&dn, &viewer),
        Err(_) => match directory.by_unique("uid", user.as_bytes())? {
            Some(id) => directory.visible(id, &viewer),
            None => Err(Error::not_found("there is no such entry")),
        },
    }
}

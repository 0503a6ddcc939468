//! The operations, one file each: read the request, call the core, answer.
//!
//! Here is what is common to them: which controls they take, who asks, and how a result becomes an
//! answer.

mod add;
mod bind;
mod compare;
mod delete;
mod extended;
mod filter;
mod modify;
mod modify_dn;
mod scan;
mod search;

pub(super) use extended::{PASSWORD_MODIFY, START_TLS, WHO_AM_I, start_tls_answer};

use super::codec::{
    BindResponse, Control, DecodeError, ExtendedResponse, LdapResult, Message, Operation, PagedResults, PartialAttribute, ResultCode,
};
use super::error;
use super::pending::Pending;
use super::session::{Identity, Session, Standing};
use super::wire::Wire;
use crate::crowd::rounds::pressing;
use crate::model::{Attribute, Result};
use bytes::Bytes;

/// Octets of values that are gone over on the task of a connection; what is more is a job in
/// `work`.
const AT_ONCE: usize = 64 << 10;

/// What the connection does after an operation.
pub(super) enum Next {
    /// It goes on.
    Go,
    /// It ends without a word: the peer has unbound or is gone.
    Close,
    /// It ends with a notice.
    Disconnect(LdapResult<'static>),
    /// It goes on within TLS, once the request with this id is answered.
    StartTls(i32),
}

/// Answers a message. `frame` holds its bytes.
pub(super) async fn perform(session: &mut Session, wire: &mut Wire, pending: &mut Pending, frame: &Bytes, message: &Message<'_>) -> Next {
    if !matches!(message.operation, Operation::ModifyRequest(_) | Operation::AbandonRequest(_)) {
        pending.settle(wire).await;
    }
    loop {
        if let Some(next) = perform_beside(session, wire, pending, frame, message).await {
            return next;
        }
        // Who asks is asked anew: what was under way may have changed it.
        pending.settle(wire).await;
    }
}

/// Answers a message beside the modifies that are under way; nothing if it has to wait for them.
async fn perform_beside(
    session: &mut Session,
    wire: &mut Wire,
    pending: &mut Pending,
    frame: &Bytes,
    message: &Message<'_>,
) -> Option<Next> {
    let standing = match standing_for(session, &message.operation) {
        Ok(Standing::Revoked) => {
            let text = "the identity of this connection may no longer log in; bind again on a new connection";
            return Some(Next::Disconnect(LdapResult::new(ResultCode::STRONGER_AUTH_REQUIRED, text)));
        }
        Ok(Standing::Bound(identity)) => Some(identity),
        Ok(Standing::Anonymous) => None,
        Err(error) => return Some(answer(wire, message, error::result(&error))),
    };
    if let Err(refusal) = check_controls(&message.operation, &message.controls) {
        if matches!(message.operation, Operation::BindRequest(_)) {
            // A bind that fails leaves nobody bound (RFC 4511, section 4.2.1).
            session.unbind();
        }
        return Some(answer(wire, message, refusal));
    }
    let _pressing = (!matches!(message.operation, Operation::SearchRequest(_) | Operation::CompareRequest(_))).then(pressing);
    if let Operation::ModifyRequest(request) = &message.operation {
        return modify::modify(session, wire, pending, standing.as_ref(), frame.len(), message, request).await;
    }
    Some(perform_alone(session, wire, standing.as_deref(), frame, message).await)
}

async fn perform_alone(session: &mut Session, wire: &mut Wire, identity: Option<&Identity>, frame: &Bytes, message: &Message<'_>) -> Next {
    let result = match &message.operation {
        Operation::UnbindRequest => return Next::Close,
        // What is abandoned here is answered already, was stopped by its own search, or is a
        // modify, which goes on: only a search can be stopped halfway.
        Operation::AbandonRequest(_) => return Next::Go,
        Operation::BindRequest(request) => bind::bind(session, request).await,
        Operation::SearchRequest(request) => return search::search(session, wire, identity, frame, message, request).await,
        Operation::CompareRequest(request) => compare::compare(session, identity, request).await,
        Operation::AddRequest(request) => add::add(session, identity, request).await,
        Operation::DeleteRequest(entry) => delete::delete(session, identity, entry).await,
        Operation::ModifyDnRequest(request) => modify_dn::modify_dn(session, identity, request).await,
        Operation::ExtendedRequest(request) => return extended::extended(session, wire, identity, message.id, request).await,
        _ => return Next::Disconnect(LdapResult::new(ResultCode::PROTOCOL_ERROR, "a client sends requests, not answers")),
    };
    answer(wire, message, result)
}

/// Answers a message that could not be read, if it can be answered.
pub(super) fn refuse(session: &mut Session, wire: &mut Wire, malformed: &DecodeError) -> Next {
    let result = error::malformed(malformed);
    let Some(request) = malformed.answerable else { return Next::Disconnect(result) };
    if request.is_bind() {
        // A bind that fails leaves nobody bound (RFC 4511, section 4.2.1).
        session.unbind();
    }
    if let Some(answer) = request.answer(result) {
        wire.send(&answer);
    }
    Next::Go
}

/// Who asks. A bind, an unbind and an abandon are the same whoever asks.
fn standing_for(session: &mut Session, operation: &Operation<'_>) -> Result<Standing> {
    match operation {
        Operation::BindRequest(_) | Operation::UnbindRequest | Operation::AbandonRequest(_) => Ok(Standing::Anonymous),
        _ => session.standing(),
    }
}

fn answer(wire: &mut Wire, message: &Message<'_>, result: LdapResult<'_>) -> Next {
    let operation = match &message.operation {
        Operation::BindRequest(_) => Operation::BindResponse(BindResponse { result, credentials: None }),
        Operation::SearchRequest(_) => Operation::SearchDone(result),
        Operation::CompareRequest(_) => Operation::CompareResponse(result),
        Operation::AddRequest(_) => Operation::AddResponse(result),
        Operation::ModifyRequest(_) => Operation::ModifyResponse(result),
        Operation::DeleteRequest(_) => Operation::DeleteResponse(result),
        Operation::ModifyDnRequest(_) => Operation::ModifyDnResponse(result),
        Operation::ExtendedRequest(_) => Operation::ExtendedResponse(ExtendedResponse { result, name: None, value: None }),
        _ => return Next::Go,
    };
    wire.send(&Message { id: message.id, operation, controls: Vec::new() });
    Next::Go
}

/// Refuses what may not be done without a control that is not supported here (RFC 4511, section
/// 4.1.11).
fn check_controls(operation: &Operation<'_>, controls: &[Control<'_>]) -> std::result::Result<(), LdapResult<'static>> {
    if matches!(operation, Operation::UnbindRequest | Operation::AbandonRequest(_)) {
        return Ok(());
    }
    let is_supported = |control: &Control<'_>| control.oid == PagedResults::OID && matches!(operation, Operation::SearchRequest(_));
    if let Some(control) = controls.iter().find(|control| control.critical && !is_supported(control)) {
        let text = format!("the control {} is critical and not supported for this operation", control.oid);
        return Err(LdapResult::new(ResultCode::UNAVAILABLE_CRITICAL_EXTENSION, text));
    }
    if controls.iter().filter(|control| is_supported(control)).count() > 1 {
        return Err(LdapResult::new(ResultCode::PROTOCOL_ERROR, "a control stands in the request twice"));
    }
    Ok(())
}

/// What somebody who has not bound hears of every entry but the root DSE.
fn unseen() -> LdapResult<'static> {
    LdapResult::new(ResultCode::NO_SUCH_OBJECT, "there is no such entry for this identity; bind first")
}

/// Does what only somebody who has bound can do, and turns the outcome into a result.
async fn done_by<'i, F>(identity: Option<&'i Identity>, act: impl FnOnce(&'i Identity) -> F) -> LdapResult<'static>
where
    F: Future<Output = Result<()>>,
{
    let Some(identity) = identity else { return unseen() };
    match act(identity).await {
        Ok(()) => LdapResult::success(),
        Err(error) => error::result(&error),
    }
}

/// An attribute as the core takes it.
fn attribute(attribute: &PartialAttribute<'_>) -> Attribute {
    Attribute { name: attribute.name.to_owned(), values: attribute.values.iter().map(|value| value.to_vec()).collect() }
}

//! Search (RFC 4511, section 4.5), with paged results (RFC 2696).

use super::super::budget::Room;
use super::super::codec::{self, Control, LdapResult, Message, Operation, PagedResults, ResultCode, SearchRequest};
use super::super::paging::Query;
use super::super::session::{Identity, Session};
use super::super::virtual_entry::VirtualEntry;
use super::super::wire::Wire;
use super::super::{error, rootdse, subschema};
use super::scan::{Bounds, Pace, Pause, Scan};
use super::{Next, filter, unseen};
use crate::directory::{MAX_ENTRY, Scope, Selection};
use crate::model::{EntryId, Error, Result, error::Rule};
use bytes::Bytes;
use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::time::timeout;

/// A request with a filter that is not resolved at once: each DN in it is looked for, and each
/// value brought into normal form. Octets.
const LONG_FILTER: usize = 1 << 10;

/// How a search ended.
enum Outcome {
    /// With a result and, if it was paged, the cookie of the next page.
    Done(LdapResult<'static>, Option<Vec<u8>>),
    /// Nobody waits for the result.
    Unwanted,
    /// The connection is gone.
    Lost,
}

pub(super) async fn search(
    session: &Session,
    wire: &mut Wire,
    identity: Option<&Identity>,
    frame: &Bytes,
    message: &Message<'_>,
    request: &SearchRequest<'_>,
) -> Next {
    let outcome = match (virtual_entry(session, identity, request), identity) {
        (Some(entry), _) => {
            match paged(message) {
                Ok(page) => {
                    if entry.matches(&request.filter) {
                        entry.encode(message.id, &request.attributes, request.types_only, &mut wire.output);
                    }
                    // There is one entry, so its page is the last.
                    Outcome::Done(LdapResult::success(), page.map(|_| Vec::new()))
                }
                Err(error) => Outcome::Done(error::result(&error), None),
            }
        }
        (None, None) => Outcome::Done(unseen(), None),
        (None, Some(identity)) => {
            let outcome = in_pool(session, wire, identity, frame, message, request).await;
            outcome.unwrap_or_else(|error| Outcome::Done(error::result(&error), None))
        }
    };
    match outcome {
        Outcome::Done(result, cookie) => {
            let page = cookie.map(|cookie| PagedResults { size: 0, cookie: &cookie }.encode());
            let controls =
                page.map(|value| Control { oid: PagedResults::OID, critical: false, value: Some(Cow::Owned(value)) }).into_iter().collect();
            wire.send(&Message { id: message.id, operation: Operation::SearchDone(result), controls });
            Next::Go
        }
        Outcome::Unwanted => Next::Go,
        Outcome::Lost => Next::Close,
    }
}

/// The entry that no store holds, if one is searched for by its name.
fn virtual_entry(session: &Session, identity: Option<&Identity>, request: &SearchRequest<'_>) -> Option<VirtualEntry> {
    if request.scope != codec::Scope::Base {
        return None;
    }
    if request.base.is_empty() {
        return Some(rootdse::entry(session, identity));
    }
    (identity.is_some() && subschema::is_named(request.base)).then(subschema::entry)
}

async fn in_pool(
    session: &Session,
    wire: &mut Wire,
    identity: &Identity,
    frame: &Bytes,
    message: &Message<'_>,
    request: &SearchRequest<'_>,
) -> Result<Outcome> {
    let query =
        Query { key: &session.app.cookie_key, pool: identity.pool.id(), who: identity.actor.entry, request: codec::operation_bytes(frame) };
    let page = Page::of(message, request, &query)?;
    let (directory, viewer) = (identity.directory(), identity.viewer());
    let base = identity.base(request.base)?;
    let filter = if frame.len() > LONG_FILTER {
        let (frame, directory, limits) = (frame.clone(), directory.clone(), session.app.limits.bound);
        session
            .app
            .core
            .work
            .run(session.app.core.known_caller(&identity.pool, session.address()), move || filter::resolve_in(&directory, &frame, &limits))
            .await??
    } else {
        filter::resolve(&directory, &request.filter)?
    };
    let clock = Arc::clone(&session.app.core.clock);
    let deadline = clock.steady() + time_limit(session, request);
    let scan = Scan {
        id: message.id,
        base,
        scope: scope(request.scope),
        filter,
        selection: Selection::parse(&directory, request.attributes.iter().copied()),
        types_only: request.types_only,
        viewer,
        clock,
        deadline,
        plan: OnceLock::new(),
        unwanted: AtomicBool::new(false),
        directory,
    };
    let most = session.app.limits.search_entries;
    match page {
        None => {
            let limit = if request.size_limit == 0 { most } else { request.size_limit.min(most) };
            run(session, wire, identity, Arc::new(scan), None, limit, |_| {
                (
                    LdapResult::new(
                        ResultCode::SIZE_LIMIT_EXCEEDED,
                        "there are more entries than the limit allows; ask for pages (RFC 2696)",
                    ),
                    None,
                )
            })
            .await
        }
        // RFC 2696, section 3: a page of no entries ends the search.
        Some(Page { size: 0, .. }) => Ok(Outcome::Done(LdapResult::success(), Some(Vec::new()))),
        Some(Page { size, after }) => {
            let outcome = run(session, wire, identity, Arc::new(scan), after, size.min(most), |last| {
                (LdapResult::success(), last.map(|last| query.cookie(last)))
            });
            Ok(match outcome.await? {
                Outcome::Done(result, cookie) => Outcome::Done(result, Some(cookie.unwrap_or_default())),
                other => other,
            })
        }
    }
}

/// Runs a scan to its end: a first stretch here, the others in `work`, and lets the peer read in
/// between.
async fn run(
    session: &Session,
    wire: &mut Wire,
    identity: &Identity,
    scan: Arc<Scan>,
    after: Option<EntryId>,
    entries: u32,
    at_limit: impl FnOnce(Option<EntryId>) -> (LdapResult<'static>, Option<Vec<u8>>),
) -> Result<Outcome> {
    let output = session.app.limits.output;
    let mut bounds = Bounds { after, entries, output: output.min(session.app.limits.own), pace: Pace::AtOnce };
    let mut stretch = scan.stretch(bounds, &mut wire.output)?;
    loop {
        match stretch.pause {
            Pause::Done => return Ok(Outcome::Done(LdapResult::success(), None)),
            Pause::Limit => {
                let (result, cookie) = at_limit(stretch.last);
                return Ok(Outcome::Done(result, cookie));
            }
            Pause::Late => return Ok(late()),
            Pause::Unwanted => return Ok(Outcome::Unwanted),
            Pause::Spent => {}
        }
        if wire.is_full() && wire.flush().await.is_err() {
            return Ok(Outcome::Lost);
        }
        if wire.is_unwanted(scan.id) {
            return Ok(Outcome::Unwanted);
        }
        let room = match room(session, wire, &scan).await {
            Ok(room) => room,
            Err(outcome) => return Ok(outcome),
        };
        bounds = Bounds { after: stretch.last, entries: bounds.entries - stretch.found, output, pace: Pace::AsJob };
        let job = {
            let scan = Arc::clone(&scan);
            move || {
                let mut out = Vec::new();
                scan.stretch(bounds, &mut out).map(|stretch| (stretch, out))
            }
        };
        let step = session.app.core.work.run(session.app.core.known_caller(&identity.pool, session.address()), job);
        let (next, out) = wire.listen_while(scan.id, step, || scan.unwanted.store(true, Ordering::Relaxed)).await??;
        wire.send_encoded(out, room);
        stretch = next;
    }
}

/// Room for what the next stretch may find: more than a connection may hold by itself. There may be
/// none for as long as a peer may take to read.
async fn room(session: &Session, wire: &mut Wire, scan: &Scan) -> std::result::Result<Room, Outcome> {
    let limits = &session.app.limits;
    let taking = session.app.budget.output.take(session.account(), limits.output + MAX_ENTRY);
    let time = limits.write.min(scan.deadline.saturating_sub(scan.clock.steady()));
    match wire.while_wanted(scan.id, timeout(time, taking)).await {
        Some(Ok(Some(room))) => Ok(room),
        None => Err(Outcome::Unwanted),
        Some(_) if scan.clock.steady() >= scan.deadline => Err(late()),
        Some(_) => {
            let text = "too much waits to be read; try again in a moment";
            Err(Outcome::Done(LdapResult::new(ResultCode::BUSY, text), None))
        }
    }
}

fn late() -> Outcome {
    Outcome::Done(LdapResult::new(ResultCode::TIME_LIMIT_EXCEEDED, "the search took longer than the limit allows"), None)
}

/// The page that a search asks for.
struct Page {
    size: u32,
    after: Option<EntryId>,
}

impl Page {
    fn of(message: &Message<'_>, request: &SearchRequest<'_>, query: &Query<'_>) -> Result<Option<Self>> {
        let Some(value) = paged(message)? else { return Ok(None) };
        // RFC 2696, section 3: one page holds all that the size limit allows.
        if request.size_limit != 0 && value.size >= request.size_limit && value.cookie.is_empty() {
            return Ok(None);
        }
        let after = match value.cookie {
            [] => None,
            cookie => {
                let text = "the paging cookie belongs to another search, or the server has restarted since; begin the search again";
                Some(query.open(cookie).ok_or_else(|| Error::invalid(Rule::Unwilling, text))?)
            }
        };
        Ok(Some(Self { size: value.size, after }))
    }
}

/// The paged results control of a search, if it has one.
fn paged<'a>(message: &'a Message<'_>) -> Result<Option<PagedResults<'a>>> {
    let Some(control) = message.controls.iter().find(|control| control.oid == PagedResults::OID) else { return Ok(None) };
    let value = PagedResults::decode(control.value.as_deref().unwrap_or_default());
    value.map(Some).map_err(|reason| Error::invalid(Rule::Request, format!("the value of the paged results control: {reason}")))
}

fn time_limit(session: &Session, request: &SearchRequest<'_>) -> Duration {
    let most = session.app.limits.search_time;
    if request.time_limit == 0 { most } else { Duration::from_secs(u64::from(request.time_limit)).min(most) }
}

const fn scope(scope: codec::Scope) -> Scope {
    match scope {
        codec::Scope::Base => Scope::Base,
        codec::Scope::One => Scope::One,
        codec::Scope::Subtree => Scope::Subtree,
    }
}

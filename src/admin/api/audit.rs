//! The audit log.

use super::reply::{Reply, at};
use crate::admin::context::{Context, Segment};
use crate::admin::types::{EventDocument, Item, Page, UnreadableItem};
use crate::audit::{self, Action, Cursor, Event, Query};
use crate::model::error::Rule;
use crate::model::{EntryId, Error, Face, Result, Timestamp};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Events in the order of their time; `from` and `to` are RFC 3339 times, `action` is the name of
/// one kind.
pub async fn events(context: Context, path: Vec<Segment>) -> Result<Reply<Page<Item<EventDocument>>>> {
    let pool = context.pool(at(&path, 0)?)?;
    let limit = context.limit()?;
    let query = Query {
        from: context.query.get("from").map(|text| moment("from", text)).transpose()?,
        to: context.query.get("to").map(|text| moment("to", text)).transpose()?,
        after: context.query.get("after").map(cursor).transpose()?,
        limit,
        action: context.query.get("action").map(action).transpose()?,
    };
    let store = pool.store().clone();
    let found = context.app.core.work.run(pool.id(), move || audit::query(&store, &query)).await??;
    let next = found.last().filter(|_| found.len() == limit).map(|(cursor, _)| cursor.to_text());
    let items = found.iter().map(|(place, event)| match event {
        Ok(event) => Item::Readable(document(event)),
        Err(unreadable) => {
            let at = place.at().map(written).unwrap_or_default();
            Item::Unreadable(UnreadableItem { known: [("at", at.into())].into(), problem: unreadable.reason.message().to_owned() })
        }
    });
    Ok(Reply::Found(Page { items: items.collect(), next }))
}

/// A moment as RFC 3339 writes it.
fn written(moment: Timestamp) -> String {
    let at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(moment.micros()) * 1000);
    at.ok().and_then(|at| at.format(&Rfc3339).ok()).unwrap_or_default()
}

fn moment(name: &str, text: &str) -> Result<Timestamp> {
    let wrong = |_| Error::invalid(Rule::Request, format!("{name}={text}: must be a time such as 2026-01-31T12:00:00Z"));
    let nanos = OffsetDateTime::parse(text, &Rfc3339).map_err(wrong)?.unix_timestamp_nanos();
    Ok(Timestamp::from_micros(i64::try_from(nanos / 1000).unwrap_or(i64::MAX)))
}

fn cursor(text: &str) -> Result<Cursor> {
    Cursor::from_text(text).ok_or_else(|| Error::invalid(Rule::Request, format!("after={text}: must be what the last page gave as `next`")))
}

fn action(name: &str) -> Result<Action> {
    let known = || Action::ALL.iter().map(|action| action.name()).collect::<Vec<_>>().join(", ");
    Action::parse(name).ok_or_else(|| Error::invalid(Rule::Request, format!("action={name}: must be one of {}", known())))
}

fn document(event: &Event) -> EventDocument {
    let face = match event.face {
        Face::Ldap => "ldap",
        Face::Oidc => "oidc",
        Face::Saml => "saml",
        Face::Login => "login",
        Face::Admin => "admin",
        Face::Server => "server",
    };
    EventDocument {
        at: written(event.at),
        action: event.action.name().to_owned(),
        outcome: event.outcome.name().to_owned(),
        actor: event.actor.clone(),
        entry: event.entry.map(EntryId::get),
        face: face.to_owned(),
        address: event.address.map(|address| address.to_string()),
        target: event.target.clone(),
        reason: event.reason.map(|reason| reason.name().to_owned()),
        count: u64::from(event.count),
    }
}

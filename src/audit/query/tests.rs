#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use super::*;
use crate::audit::record;
use crate::model::{Actor, Face, PoolId};
use crate::store::{Changes, Options, SegmentSync, Store};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(seconds)
}

/// Ten events, one a second; those of even seconds are binds, the others logins.
async fn ten_events() -> (tempfile::TempDir, PoolStore) {
    let folder = tempfile::tempdir().unwrap();
    let pool = Store::open(folder.path(), Options::default(), SegmentSync::install()).unwrap().pool(PoolId::new(1));
    for number in 0..10 {
        let action = if number % 2 == 0 { Action::Bind } else { Action::Login };
        let mut changes = Changes::new();
        record(&mut changes, &Event::success(at(number), action, &Actor::anonymous(Face::Ldap, None)).on(number.to_string()));
        pool.commit(changes).await.unwrap();
    }
    (folder, pool)
}

fn told(store: &PoolStore, asked: Query) -> String {
    query(store, &asked).unwrap().into_iter().filter_map(|(_, event)| event.unwrap().target).collect()
}

#[tokio::test]
async fn events_come_oldest_first_within_the_span_and_the_limit() {
    let (_folder, store) = ten_events().await;
    let all = Query { limit: 100, ..Query::default() };
    assert_eq!(told(&store, all.clone()), "0123456789");
    assert_eq!(told(&store, Query { from: Some(at(3)), to: Some(at(6)), ..all.clone() }), "345");
    assert_eq!(told(&store, Query { limit: 4, ..all.clone() }), "0123");
    assert_eq!(told(&store, Query { limit: 0, ..all.clone() }), "");
    assert_eq!(told(&store, Query { action: Some(Action::Login), ..all.clone() }), "13579");
    assert_eq!(told(&store, Query { action: Some(Action::Export), ..all.clone() }), "");
    assert_eq!(told(&store, Query { from: Some(at(10)), ..all.clone() }), "");
    assert_eq!(told(&store, Query { from: Some(at(-5)), to: Some(at(1)), ..all }), "0");
}

#[tokio::test]
async fn a_cursor_continues_where_it_was_given() {
    let (_folder, store) = ten_events().await;
    let mut asked = Query { limit: 3, ..Query::default() };
    let mut parts = Vec::new();
    loop {
        let events = query(&store, &asked).unwrap();
        let Some((cursor, _)) = events.last() else { break };
        asked.after = Cursor::from_text(&cursor.to_text());
        assert_eq!(asked.after.as_ref(), Some(cursor));
        parts.push(events.into_iter().filter_map(|(_, event)| event.unwrap().target).collect::<String>());
    }
    assert_eq!(parts, ["012", "345", "678", "9"]);
    asked.from = Some(at(2));
    assert_eq!(told(&store, asked), "", "a later cursor is not undone by an earlier `from`");
}

#[tokio::test]
async fn events_of_one_commit_are_all_there() {
    let (_folder, store) = ten_events().await;
    let mut changes = Changes::new();
    for name in ["a", "b", "c"] {
        record(&mut changes, &Event::success(at(20), Action::Import, &Actor::anonymous(Face::Admin, None)).on(name));
    }
    store.commit(changes).await.unwrap();
    assert_eq!(told(&store, Query { from: Some(at(20)), limit: 10, ..Query::default() }), "abc");
}

#[tokio::test]
async fn an_event_that_cannot_be_read_hides_no_other() {
    let (_folder, store) = ten_events().await;
    let mut changes = Changes::new();
    changes.audit(at(4), vec![99, 1, 2]);
    store.commit(changes).await.unwrap();
    let all = Query { limit: 100, ..Query::default() };
    let told = |asked: &Query| -> String {
        let events = query(&store, asked).unwrap().into_iter();
        events.map(|(_, event)| event.map_or_else(|unreadable| format!("({})", unreadable.reason), |event| event.target.unwrap())).collect()
    };
    let reason = "(a stored record has version 99 and this server reads versions 1 to 1; start the server version that wrote it)";
    assert_eq!(told(&all), format!("01234{reason}56789"));
    assert_eq!(told(&Query { from: Some(at(4)), to: Some(at(5)), ..all.clone() }), format!("4{reason}"));
    assert_eq!(told(&Query { action: Some(Action::Export), ..all.clone() }), reason, "it may be one of those");
    let place = &query(&store, &all).unwrap()[5].0;
    assert_eq!(place.at(), Some(at(4)));
    assert_eq!(told(&Query { after: Some(place.clone()), ..all }), "56789");
}

#[test]
fn a_text_that_is_no_cursor_is_none() {
    for text in ["", "AAAA", "not base64!", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"] {
        assert_eq!(Cursor::from_text(text), None, "{text}");
    }
}

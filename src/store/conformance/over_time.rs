//! What happens to records after their commit: they are told of, they end, they are fought over,
//! they go with their pool.

use super::{Check, ensure, key, put, told, value};
use crate::model::{PoolId, Sequence, Timestamp};
use crate::store::{Changes, CommitError, Feed, Key, Prefix, Space, Store};
use std::time::Duration;

pub(super) async fn audit(store: &Store) -> Check {
    let pool = store.pool(PoolId::new(9));
    let at = Timestamp::from_seconds;
    let mut sequences = Vec::new();
    for second in [5, 3] {
        let mut changes = Changes::new();
        changes.audit(at(second), b"first".to_vec());
        changes.audit(at(second), b"second".to_vec());
        sequences.push(told(pool.commit(changes).await)?);
    }
    let rows: Result<Vec<_>, _> = pool.scan(&Prefix::space(Space::Audit), None).collect();
    let rows: Vec<_> = told(rows)?.into_iter().map(|(key, row)| (key.audit_parts(), row.value.to_vec())).collect();
    let mut expected = Vec::new();
    for (second, sequence) in [5, 3].into_iter().zip(sequences).rev() {
        expected.push((Some((at(second), sequence, 0)), b"first".to_vec()));
        expected.push((Some((at(second), sequence, 1)), b"second".to_vec()));
    }
    ensure(rows == expected, "audit records are not kept by time, commit and number")?;
    let from = Key::audit(at(4), Sequence::new(0), 0);
    ensure(pool.scan(&Prefix::space(Space::Audit), Some(&from)).count() == 2, "audit records cannot be read from a moment on")?;
    audit_ends(store).await
}

async fn audit_ends(store: &Store) -> Check {
    let (at, days) = (Timestamp::from_seconds, |days: u64| Duration::from_secs(days * 86_400));
    let pool = store.pool(PoolId::new(16)).keeping_audit(days(2));
    for (moment, said) in [(1, None), (2, Some(1)), (3, None), (10_800, None)] {
        let mut changes = Changes::new();
        changes.audit(at(moment), Vec::new());
        said.into_iter().for_each(|said| changes.keep_audit(days(said)));
        told(pool.commit(changes).await)?;
    }
    let left = || told(pool.count(&Prefix::space(Space::Audit)));
    // Not before its time, and an hour later at the latest.
    for (moment, expected) in [(86_401, 4), (90_002, 3), (172_800, 3), (176_403, 1), (183_599, 1), (187_200, 0)] {
        told(store.sweep(at(moment), 100).await)?;
        ensure(left()? == expected, "audit records do not end when they are to")?;
    }
    Ok(())
}

pub(super) async fn expiry(store: &Store) -> Check {
    let pool = store.pool(PoolId::new(10));
    let at = Timestamp::from_seconds;
    let mut changes = Changes::new();
    changes.put_until(key("early"), Vec::new(), at(10));
    changes.put_until(key("prolonged"), Vec::new(), at(10));
    changes.put_until(key("made lasting"), Vec::new(), at(10));
    changes.put_until(key("deleted"), Vec::new(), at(10));
    changes.put_until(key("late"), Vec::new(), at(30));
    told(pool.commit(changes).await)?;
    let mut changes = Changes::new();
    changes.put_until(key("prolonged"), Vec::new(), at(20));
    changes.put(key("made lasting"), Vec::new());
    changes.delete(key("deleted"));
    told(pool.commit(changes).await)?;
    told(store.sweep(at(9), 100).await)?;
    ensure(value(store, 10, "early")?.is_some(), "a record was swept before its time")?;
    told(store.sweep(at(10), 100).await)?;
    ensure(value(store, 10, "early")?.is_none(), "a record was not swept when its time had come")?;
    ensure(value(store, 10, "prolonged")?.is_some(), "a record that was prolonged was swept")?;
    ensure(value(store, 10, "made lasting")?.is_some(), "a record that no longer ends was swept")?;
    ensure(told(store.sweep(at(10), 100).await)? == 0, "the sweep finds again what it has removed")?;
    ensure(told(store.sweep(at(40), 1).await)? == 1, "the sweep does not keep its limit")?;
    ensure(value(store, 10, "late")?.is_some(), "the sweep does not go by time")?;
    told(store.sweep(at(40), 100).await)?;
    ensure(told(pool.count(&Prefix::space(Space::Checkpoint)))? == 1, "the sweep left a record or took one too many")
}

pub(super) async fn feed(store: &Store) -> Check {
    let pool = store.pool(PoolId::new(11));
    let start = pool.latest();
    let mut expected = Vec::new();
    for number in 0..5 {
        let name = format!("record {number}");
        let mut changes = Changes::new();
        changes.put(key(&name), vec![0; 5000]);
        changes.put(key("large"), vec![0; 5000]);
        changes.delete(key("gone"));
        let sequence = told(pool.commit(changes).await)?;
        expected.push((sequence, vec![key(&name), key("large")], vec![key("gone")]));
        put(store, 12, "elsewhere", b"").await?;
    }
    let mut found = Vec::new();
    let mut position = start;
    loop {
        let Feed::Changes { changes, position: next } = told(pool.feed(position, 2))? else {
            return Err("the feed of fresh commits is trimmed".into());
        };
        ensure(changes.len() <= 2, "the feed does not keep its limit")?;
        ensure(!changes.is_empty() || next == pool.latest(), "the feed of a quiet pool does not move on")?;
        if changes.is_empty() {
            break;
        }
        position = next;
        found.extend(changes.into_iter().map(|change| (change.sequence, change.written, change.removed)));
    }
    ensure(found == expected, "the feed does not tell what was committed")
}

pub(super) async fn contention(store: &Store) -> Check {
    const WRITERS: usize = 16;
    const EACH: usize = 8;
    put(store, 13, "counter", b"0").await?;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..WRITERS {
        let store = store.clone();
        tasks.spawn(async move {
            let pool = store.pool(PoolId::new(13));
            let mut done = 0;
            while done < EACH {
                let row = told(pool.get(&key("counter")))?.ok_or("the counter is gone")?;
                let number: usize = told(told(std::str::from_utf8(&row.value))?.parse())?;
                let mut changes = Changes::new();
                changes.expect_version(key("counter"), row.version);
                changes.put(key("counter"), (number + 1).to_string().into_bytes());
                match pool.commit(changes).await {
                    Ok(_) => done += 1,
                    Err(CommitError::Conflict) => {}
                    Err(error) => return Err(error.to_string()),
                }
            }
            Ok(())
        });
    }
    while let Some(done) = tasks.join_next().await {
        told(done)??;
    }
    let total = value(store, 13, "counter")?;
    ensure(total == Some((WRITERS * EACH).to_string().into_bytes()), "an increment was lost")
}

pub(super) async fn removal(store: &Store) -> Check {
    let pool = PoolId::new(14);
    put(store, 15, "neighbour", b"").await?;
    let before = store.pool(pool).latest();
    for number in 0..20 {
        let mut changes = Changes::new();
        changes.audit(Timestamp::from_seconds(1000 * number), Vec::new());
        changes.keep_audit(Duration::from_secs(50));
        changes.put(key(&format!("record {number}")), Vec::new());
        changes.put_until(key(&format!("ending {number}")), Vec::new(), Timestamp::from_seconds(50));
        told(store.pool(pool).commit(changes).await)?;
    }
    let mut steps = 0;
    loop {
        let removed = told(store.remove_pool_rows(pool, 7).await)?;
        let mut late = Changes::new();
        late.put(key("late"), Vec::new());
        let late = store.pool(pool).commit(late).await;
        ensure(late == Err(CommitError::Closed), "a commit to a pool that is being removed was not refused")?;
        ensure(removed <= 7, "a step of a removal does not keep its limit")?;
        if removed == 0 {
            break;
        }
        steps += 1;
    }
    ensure(steps > 5, "a removal is not done in steps")?;
    ensure(told(store.pool(pool).count(&Prefix::space(Space::Checkpoint)))? == 0, "a removed pool has records")?;
    ensure(value(store, 14, "record 3")?.is_none(), "a record of a removed pool is still read")?;
    let told_of = match told(store.pool(pool).feed(before, 100))? {
        Feed::Changes { changes, .. } => changes.iter().any(|change| !change.written.is_empty()),
        Feed::Trimmed { .. } => false,
    };
    ensure(!told_of, "the feed still tells of a removed pool")?;
    ensure(told(store.sweep(Timestamp::from_seconds(50_000), 100).await)? == 0, "expiry rows of a removed pool are left")?;
    ensure(value(store, 15, "neighbour")?.is_some(), "the removal of a pool reached into another")
}

//! How rows are named in the engine: the pool's id, then its own key; the server's records under id
//! zero, in spaces that no pool has.

use crate::model::{PoolId, Sequence, Timestamp};
use crate::store::keys::{Key, ordered, unordered};
use crate::store::server_keys::{ServerKey, ServerPrefix, ServerSpace};

/// The space of a pool that holds its change feed: the first commit of a journal record → (). Above
/// every [`crate::store::Space`], below every [`ServerSpace`].
const FEED: u8 = 127;
const FIRST_SERVER_SPACE: u8 = 128;
const SERVER: [u8; 4] = [0; 4];

pub(super) fn pool_key(pool: PoolId, key: &[u8]) -> Vec<u8> {
    [&pool.get().to_be_bytes(), key].concat()
}

pub(super) fn server_key(key: &ServerKey) -> Vec<u8> {
    [&SERVER, key.as_bytes()].concat()
}

pub(super) fn server_prefix(prefix: &ServerPrefix) -> Vec<u8> {
    [&SERVER, prefix.as_bytes()].concat()
}

/// What comes after the pool's id.
pub(super) fn within(row: &[u8]) -> &[u8] {
    row.get(4..).unwrap_or_default()
}

/// The pool to which a row belongs; none for a row of the server.
pub(super) fn pool_of(row: &[u8]) -> Option<PoolId> {
    let (pool, rest) = row.split_first_chunk()?;
    (*rest.first()? < FIRST_SERVER_SPACE).then(|| PoolId::new(u32::from_be_bytes(*pool)))
}

/// All rows of a pool, the feed last: from the first bound, up to and without the second.
pub(super) fn pool_range(pool: PoolId) -> (Vec<u8>, Vec<u8>) {
    (pool_key(pool, &[0]), pool_key(pool, &[FIRST_SERVER_SPACE]))
}

pub(super) fn audit_key(pool: PoolId, at: Timestamp, sequence: Sequence, number: u16) -> Vec<u8> {
    pool_key(pool, Key::audit(at, sequence, number).as_bytes())
}

/// Says that the journal record with that first commit holds commits of the pool.
pub(super) fn feed_key(pool: PoolId, first: Sequence) -> Vec<u8> {
    let mut row = pool_key(pool, &[FEED]);
    row.extend_from_slice(&first.get().to_be_bytes());
    row
}

pub(super) fn feed_record(row: &[u8]) -> Option<Sequence> {
    let (space, rest) = within(row).split_first()?;
    let first = rest.try_into().ok()?;
    (*space == FEED).then(|| Sequence::new(u64::from_be_bytes(first)))
}

fn server_space(space: ServerSpace) -> Vec<u8> {
    [SERVER.as_slice(), &[space as u8]].concat()
}

pub(super) fn journal_prefix() -> Vec<u8> {
    server_space(ServerSpace::Journal)
}

/// A journal record by the first commit in it, and its number where one commit takes several
/// records.
pub(super) fn journal_key(first: Sequence, part: u16) -> Vec<u8> {
    let mut row = journal_prefix();
    row.extend_from_slice(&first.get().to_be_bytes());
    row.extend_from_slice(&part.to_be_bytes());
    row
}

pub(super) fn journal_parts(row: &[u8]) -> Option<(Sequence, u16)> {
    let (first, part) = row.strip_prefix(journal_prefix().as_slice())?.split_first_chunk()?;
    Some((Sequence::new(u64::from_be_bytes(*first)), u16::from_be_bytes(part.try_into().ok()?)))
}

pub(super) fn expiry_prefix() -> Vec<u8> {
    server_space(ServerSpace::Expiry)
}

/// Says that a row ends at that moment.
pub(super) fn expiry_key(at: Timestamp, row: &[u8]) -> Vec<u8> {
    [expiry_prefix().as_slice(), &ordered(at), row].concat()
}

/// The first name after all expiry rows up to and with that moment.
pub(super) fn expiry_end(now: Timestamp) -> Vec<u8> {
    let next = Timestamp::from_micros(now.micros().saturating_add(1));
    expiry_key(next, &[])
}

pub(super) fn expiry_parts(row: &[u8]) -> Option<(Timestamp, &[u8])> {
    let (at, row) = row.strip_prefix(expiry_prefix().as_slice())?.split_first_chunk()?;
    Some((unordered(*at), row))
}

/// The first name after all that begin so; none after a prefix of all ones.
pub(super) fn successor(prefix: &[u8]) -> Option<Vec<u8>> {
    let kept = prefix.iter().rposition(|byte| *byte != u8::MAX)?;
    let mut end = prefix.get(..=kept)?.to_vec();
    *end.last_mut()? += 1;
    Some(end)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::store::Space;

    #[test]
    fn a_pool_cannot_name_a_row_of_the_server_even_under_id_zero() {
        let row = pool_key(PoolId::new(0), Key::named(Space::Throttle, b"x").as_bytes());
        assert_eq!(pool_of(&row), Some(PoolId::new(0)));
        assert_eq!(pool_of(&server_key(&ServerKey::meta("x"))), None);
        let (from, to) = pool_range(PoolId::new(0));
        assert!(from <= row && row < to && to <= journal_prefix());
    }

    #[test]
    fn names_are_taken_apart_as_they_were_put_together() {
        let row = pool_key(PoolId::new(7), b"\x01abc");
        assert_eq!(journal_parts(&journal_key(Sequence::new(9), 3)), Some((Sequence::new(9), 3)));
        assert_eq!(feed_record(&feed_key(PoolId::new(7), Sequence::new(9))), Some(Sequence::new(9)));
        for micros in [i64::MIN, -1, 0, 1, i64::MAX] {
            let at = Timestamp::from_micros(micros);
            assert_eq!(expiry_parts(&expiry_key(at, &row)), Some((at, row.as_slice())));
        }
        assert_eq!(journal_parts(&row), None);
        assert_eq!(feed_record(&row), None);
        assert_eq!(expiry_parts(&row), None);
    }

    #[test]
    fn expiry_rows_sort_by_time() {
        let at = |micros| expiry_key(Timestamp::from_micros(micros), b"\xff\xff");
        assert!(at(-5) < at(3) && at(3) < at(4));
        assert!(at(3) < expiry_end(Timestamp::from_micros(3)));
        assert!(at(4) > expiry_end(Timestamp::from_micros(3)));
    }

    #[test]
    fn a_prefix_ends_where_its_successor_begins() {
        assert_eq!(successor(b"ab"), Some(b"ac".to_vec()));
        assert_eq!(successor(b"a\xff\xff"), Some(b"b".to_vec()));
        assert_eq!(successor(b"\xff"), None);
        assert_eq!(successor(b""), None);
    }
}

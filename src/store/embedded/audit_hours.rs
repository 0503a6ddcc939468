//! Audit rows end by the hour: those of a pool that were written in the same hour and stay equally
//! long share one expiry row, which is due when the last of them can be. It names no row but their
//! hour: the pool, the space, the moment at which the hour begins.

use super::names;
use crate::model::{PoolId, Timestamp};
use crate::store::Space;
use crate::store::keys::{Key, ordered, unordered};
use std::collections::HashSet;
use std::ops::Range;
use std::time::Duration;

/// The time whose audit rows share an expiry row.
const HOUR: Duration = Duration::from_hours(1);

/// Expiry rows of hours that the committer remembers.
const MAX_REMEMBERED: usize = 16_384;

/// The name of the expiry row for audit rows of that moment that stay so long.
pub(super) fn expiry_key(pool: PoolId, at: Timestamp, kept: Duration) -> Vec<u8> {
    let begin = begin(at);
    names::expiry_key(last(begin).plus(kept), &from(pool, begin))
}

/// The name of the expiry row for an audit row that ends then; none if the row is none.
pub(super) fn expiry_key_of(row: &[u8], end: Timestamp) -> Option<Vec<u8>> {
    let (at, ..) = Key::from_bytes(names::within(row).to_vec()).audit_parts()?;
    Some(expiry_key(names::pool_of(row)?, at, end.since(at)))
}

/// The names of the audit rows for which an expiry row stands, if what it names is an hour.
pub(super) fn rows(hour: &[u8]) -> Option<Range<Vec<u8>>> {
    let (space, begin) = names::within(hour).split_first()?;
    let begin = unordered(begin.try_into().ok()?);
    if *space != Space::Audit as u8 {
        return None;
    }
    let end = names::successor(&from(names::pool_of(hour)?, last(begin)))?;
    Some(hour.to_vec()..end)
}

fn from(pool: PoolId, at: Timestamp) -> Vec<u8> {
    names::pool_key(pool, Key::named(Space::Audit, &ordered(at)).as_bytes())
}

fn begin(at: Timestamp) -> Timestamp {
    Timestamp::from_micros(at.micros().div_euclid(length()).saturating_mul(length()))
}

/// The last moment of the hour that begins then.
fn last(begin: Timestamp) -> Timestamp {
    Timestamp::from_micros(begin.micros().saturating_add(length() - 1))
}

const fn length() -> i64 {
    HOUR.as_micros() as i64
}

/// Expiry rows of hours that are known to be there, so that not every commit puts its own again.
/// One that was forgotten is put once more, which changes nothing.
#[derive(Debug, Default)]
pub(super) struct Remembered(HashSet<Vec<u8>>);

impl Remembered {
    pub(super) fn contains(&self, expiry: &[u8]) -> bool {
        self.0.contains(expiry)
    }

    /// Remembers rows that are in the journal.
    pub(super) fn extend(&mut self, expiries: HashSet<Vec<u8>>) {
        if self.0.len() + expiries.len() > MAX_REMEMBERED {
            self.0.clear();
        }
        self.0.extend(expiries.into_iter().take(MAX_REMEMBERED));
    }

    pub(super) fn forget(&mut self, expiry: &[u8]) {
        self.0.remove(expiry);
    }

    pub(super) fn forget_pool(&mut self, pool: PoolId) {
        self.0.retain(|expiry| names::expiry_parts(expiry).and_then(|(_, hour)| names::pool_of(hour)) != Some(pool));
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::model::Sequence;

    const POOL: PoolId = PoolId::new(7);

    fn row(at: i64) -> Vec<u8> {
        names::audit_key(POOL, Timestamp::from_micros(at), Sequence::new(u64::MAX), u16::MAX)
    }

    fn expiry(at: i64, kept: Duration) -> (Timestamp, Vec<u8>) {
        let expiry = expiry_key(POOL, Timestamp::from_micros(at), kept);
        let (end, hour) = names::expiry_parts(&expiry).unwrap();
        (end, hour.to_vec())
    }

    #[test]
    fn an_hour_holds_its_rows_and_no_other() {
        let kept = Duration::from_secs(5);
        for begin in [0, length(), -length(), 471_234 * length()] {
            let (end, hour) = expiry(begin, kept);
            assert_eq!(end, Timestamp::from_micros(begin + length() - 1).plus(kept));
            let names = rows(&hour).unwrap();
            for (at, within) in
                [(begin - 1, false), (begin, true), (begin + length() / 2, true), (begin + length() - 1, true), (begin + length(), false)]
            {
                assert_eq!((names.contains(&row(at)), expiry(at, kept).1 == hour), (within, within), "{at} from {begin}");
            }
        }
    }

    #[test]
    fn no_row_is_due_after_its_hour_even_at_the_ends_of_time() {
        for at in [i64::MIN, i64::MIN + 1, -1, i64::MAX - 1, i64::MAX] {
            for kept in [Duration::ZERO, Duration::from_hours(24), Duration::MAX] {
                let moment = Timestamp::from_micros(at);
                let (end, hour) = expiry(at, kept);
                assert!(end >= moment.plus(kept) && rows(&hour).unwrap().contains(&row(at)), "{at}");
                assert_eq!(expiry_key_of(&row(at), moment.plus(kept)), Some(expiry_key(POOL, moment, kept)), "{at} {kept:?}");
            }
        }
    }

    #[test]
    fn what_names_no_hour_is_none() {
        assert_eq!(rows(&row(5)), None);
        assert_eq!(rows(&names::pool_key(POOL, Key::named(Space::Session, &[0; 8]).as_bytes())), None);
        assert_eq!(rows(b""), None);
        assert_eq!(expiry_key_of(&names::pool_key(POOL, b"\x01abc"), Timestamp::from_micros(1)), None);
    }

    #[test]
    fn what_is_remembered_is_bounded_and_forgotten_by_pool() {
        let mut remembered = Remembered::default();
        let expiry = |pool: u32, hour: i64| expiry_key(PoolId::new(pool), Timestamp::from_micros(hour * length()), Duration::ZERO);
        for hour in 0..2 * MAX_REMEMBERED as i64 {
            remembered.extend(HashSet::from([expiry(1, hour)]));
            assert!(remembered.contains(&expiry(1, hour)));
            assert!(remembered.0.len() <= MAX_REMEMBERED);
        }
        remembered.extend((0..2 * MAX_REMEMBERED as i64).map(|hour| expiry(1, hour)).collect());
        assert!(remembered.0.len() <= MAX_REMEMBERED);
        remembered.extend(HashSet::from([expiry(1, 1), expiry(2, 1), expiry(2, 2)]));
        remembered.forget_pool(PoolId::new(1));
        assert!(!remembered.contains(&expiry(1, 1)) && remembered.contains(&expiry(2, 1)));
        remembered.forget(&expiry(2, 1));
        assert!(!remembered.contains(&expiry(2, 1)) && remembered.contains(&expiry(2, 2)));
    }
}

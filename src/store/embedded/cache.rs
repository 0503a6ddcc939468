//! The bounded cache of hot records before the engine, and of names that were asked for and are not
//! there.
//!
//! A reader fills it through a guard; who writes a row removes its name *after* that, or puts the
//! new row in the place of an old one. That voids a fill that began before: a reader may still
//! answer what it read, but nobody finds it afterwards.

use crate::store::{ReadError, Row};
use quick_cache::sync::{Cache as Slots, DefaultLifecycle, GuardResult};
use quick_cache::{DefaultHashBuilder, OptionsBuilder, Weighter};

/// What a record costs beside its own bytes, roughly.
const OVERHEAD: u64 = 96;
const TYPICAL: u64 = 512;

#[derive(Clone)]
struct Bytes;

impl Weighter<Vec<u8>, Option<Row>> for Bytes {
    fn weight(&self, name: &Vec<u8>, row: &Option<Row>) -> u64 {
        OVERHEAD + name.len() as u64 + row.as_ref().map_or(0, |row| row.value.len() as u64)
    }
}

pub(super) struct Cache(Slots<Vec<u8>, Option<Row>, Bytes>);

impl Cache {
    pub(super) fn new(capacity: u64) -> Self {
        let items = usize::try_from(capacity / TYPICAL).unwrap_or(usize::MAX).max(16);
        let options = OptionsBuilder::new().estimated_items_capacity(items).weight_capacity(capacity).build();
        Self(match options {
            Ok(options) => Slots::with_options(options, Bytes, DefaultHashBuilder::default(), DefaultLifecycle::default()),
            Err(_) => Slots::with_weighter(items, capacity, Bytes),
        })
    }

    /// The record from the cache, or else from `read`. Tells whether the cache knew of it, or knew
    /// that there is none.
    pub(super) fn get(&self, name: &[u8], read: impl FnOnce() -> Result<Option<Row>, ReadError>) -> Result<(Option<Row>, bool), ReadError> {
        match self.0.get_value_or_guard(name, None) {
            GuardResult::Value(row) => Ok((row, true)),
            GuardResult::Guard(guard) => {
                let row = read()?;
                // Refused when the committer removed the name meanwhile: then this answer is old,
                // and must not stay.
                let _ = guard.insert(row.clone());
                Ok((row, false))
            }
            GuardResult::Timeout => Ok((read()?, false)),
        }
    }

    /// Forgets a record, and any fill of it that is under way.
    pub(super) fn remove(&self, name: &[u8]) {
        self.0.remove(name);
    }

    /// Puts a new row in the place of one that is held, which is read again as a rule. A row that
    /// is not held may be about to be: any fill of it is voided, as [`Self::remove`] does.
    pub(super) fn update(&self, name: &[u8], row: impl FnOnce() -> Option<Row>) {
        let row = if self.0.contains_key(name) { row() } else { None };
        if row.is_none_or(|row| self.0.replace(name.to_vec(), Some(row), true).is_err()) {
            self.remove(name);
        }
    }

    /// Bytes that it holds, by its own reckoning.
    #[cfg(test)]
    fn weight(&self) -> u64 {
        self.0.weight()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::model::Sequence;
    use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

    fn row(version: u64) -> Row {
        Row { version: Sequence::new(version), value: bytes::Bytes::from(vec![0; 100]) }
    }

    #[test]
    fn a_second_read_is_a_hit() {
        let cache = Cache::new(1 << 20);
        assert_eq!(cache.get(b"a", || Ok(Some(row(1)))).unwrap(), (Some(row(1)), false));
        assert_eq!(cache.get(b"a", || panic!("read")).unwrap(), (Some(row(1)), true));
        cache.remove(b"a");
        assert_eq!(cache.get(b"a", || Ok(None)).unwrap(), (None, false));
        assert_eq!(cache.get(b"a", || panic!("read")).unwrap(), (None, true), "what is not there is known too");
        cache.remove(b"a");
        assert_eq!(cache.get(b"a", || Ok(Some(row(2)))).unwrap(), (Some(row(2)), false));
    }

    #[test]
    fn it_stays_within_its_capacity() {
        let cache = Cache::new(100_000);
        for number in 0..10_000_u32 {
            cache.get(&number.to_be_bytes(), || Ok(Some(row(1)))).unwrap();
        }
        assert!(cache.weight() <= 100_000);
    }

    #[test]
    fn a_fill_that_began_before_the_removal_is_void() {
        let cache = Cache::new(1 << 20);
        let late = cache.get(b"a", || {
            cache.remove(b"a");
            Ok(Some(row(1)))
        });
        assert_eq!(late.unwrap().0, Some(row(1)));
        assert_eq!(cache.get(b"a", || Ok(Some(row(2)))).unwrap(), (Some(row(2)), false));
        let late = cache.get(b"absent", || {
            cache.remove(b"absent");
            Ok(None)
        });
        assert_eq!(late.unwrap().0, None);
        assert_eq!(cache.get(b"absent", || Ok(Some(row(3)))).unwrap(), (Some(row(3)), false), "it is there by now");
    }

    #[test]
    fn an_update_replaces_what_is_held_and_nothing_else() {
        let cache = Cache::new(1 << 20);
        cache.update(b"a", || panic!("made"));
        assert_eq!(cache.get(b"a", || Ok(Some(row(1)))).unwrap(), (Some(row(1)), false));
        cache.update(b"a", || Some(row(2)));
        assert_eq!(cache.get(b"a", || panic!("read")).unwrap(), (Some(row(2)), true));
        cache.get(b"absent", || Ok(None)).unwrap();
        cache.update(b"absent", || Some(row(3)));
        assert_eq!(cache.get(b"absent", || panic!("read")).unwrap(), (Some(row(3)), true));
    }

    #[test]
    fn a_fill_that_began_before_an_update_is_void() {
        let cache = Cache::new(1 << 20);
        let late = cache.get(b"a", || {
            cache.update(b"a", || Some(row(2)));
            Ok(Some(row(1)))
        });
        assert_eq!(late.unwrap().0, Some(row(1)));
        assert_eq!(cache.get(b"a", || Ok(Some(row(2)))).unwrap(), (Some(row(2)), false));
    }

    #[test]
    fn a_row_that_is_too_large_to_be_held_takes_the_old_one_along() {
        let cache = Cache::new(10_000);
        cache.get(b"a", || Ok(Some(row(1)))).unwrap();
        cache.update(b"a", || Some(Row { version: Sequence::new(2), value: bytes::Bytes::from(vec![0; 20_000]) }));
        assert_eq!(cache.get(b"a", || Ok(Some(row(3)))).unwrap().0, Some(row(3)));
    }

    #[test]
    fn a_failed_read_leaves_nothing() {
        let cache = Cache::new(1 << 20);
        assert!(cache.get(b"a", || Err(ReadError("gone".into()))).is_err());
        assert_eq!(cache.get(b"a", || Ok(Some(row(2)))).unwrap(), (Some(row(2)), false));
    }

    #[test]
    fn readers_that_race_with_the_writer_never_find_an_old_row() {
        const ROUNDS: u64 = 20_000;
        let cache = Cache::new(1 << 20);
        let (engine, published, done) = (AtomicU64::new(1), AtomicU64::new(1), AtomicBool::new(false));
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    while !done.load(Ordering::SeqCst) {
                        let published = published.load(Ordering::SeqCst);
                        let (found, _) = cache.get(b"a", || Ok(Some(row(engine.load(Ordering::SeqCst))))).unwrap();
                        assert!(found.unwrap().version.get() >= published);
                    }
                });
            }
            for version in 2..ROUNDS {
                engine.store(version, Ordering::SeqCst);
                if version % 2 == 0 {
                    cache.remove(b"a")
                } else {
                    cache.update(b"a", || Some(row(version)))
                }
                published.store(version, Ordering::SeqCst);
            }
            done.store(true, Ordering::SeqCst);
        });
    }
}

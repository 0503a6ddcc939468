//! The entries of a small branch of the tree.

use crate::directory::change::moved_key;
use crate::directory::{Directory, index};
use crate::model::{EntryId, Error, Result, Sequence};
use std::collections::BTreeSet;

/// The most entries that are collected; a larger branch is searched by going over all entries.
const MAX_BRANCH: usize = 1024;
/// How often collecting is tried while entries move.
const TRIES: usize = 3;

/// The base and all that is below it, in the order of ids; `None` if that is too much to collect,
/// or does not hold still.
pub fn below(directory: &Directory, base: EntryId) -> Result<Option<Vec<EntryId>>> {
    let moved = || Ok(directory.store.get(&moved_key())?.map(|row| row.version));
    settle(base, moved, |found| collect(directory, base, found))
}

/// An entry that moves from a parent that is looked at late to one that was looked at early would
/// be missed. So the branch is collected twice, which finds it, since a second miss takes a second
/// move; and a move writes a row that tells of it before it takes anything away.
fn settle(
    base: EntryId,
    moved: impl Fn() -> Result<Option<Sequence>>,
    mut pass: impl FnMut(&mut BTreeSet<EntryId>) -> Result<bool>,
) -> Result<Option<Vec<EntryId>>> {
    for _ in 0..TRIES {
        let before = moved()?;
        let mut found = BTreeSet::from([base]);
        if !pass(&mut found)? || !pass(&mut found)? {
            return Ok(None);
        }
        if moved()? == before {
            return Ok(Some(found.into_iter().collect()));
        }
    }
    Ok(None)
}

/// Adds what is below the base; false if that is too much.
fn collect(directory: &Directory, base: EntryId, found: &mut BTreeSet<EntryId>) -> Result<bool> {
    let mut open = vec![base];
    let mut seen = BTreeSet::from([base]);
    while let Some(parent) = open.pop() {
        for row in directory.store.scan(&index::children(parent), None) {
            let child = row?.0.last_entry().ok_or_else(|| Error::internal("the key of a child is too short"))?;
            if seen.insert(child) {
                open.push(child);
                found.insert(child);
            }
            if found.len() > MAX_BRANCH {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::directory::SUFFIX;
    use crate::directory::testing::Home;
    use std::cell::Cell;

    const BASE: EntryId = EntryId::new(5);
    const MOVED: EntryId = EntryId::new(9);

    #[test]
    fn what_one_pass_misses_the_other_finds() {
        for miss in 0..2 {
            let mut passes = 0;
            let pass = |found: &mut BTreeSet<EntryId>| {
                if passes != miss {
                    found.insert(MOVED);
                }
                passes += 1;
                Ok(true)
            };
            assert_eq!(settle(BASE, || Ok(None), pass).unwrap().unwrap(), [BASE, MOVED]);
        }
    }

    #[test]
    fn a_branch_that_does_not_hold_still_is_collected_again_and_then_given_up() {
        let moves = Cell::new(0);
        let moved = || Ok(Some(Sequence::new(moves.get())));
        let pass = |found: &mut BTreeSet<EntryId>| {
            found.insert(if moves.get() == 0 { EntryId::new(8) } else { MOVED });
            moves.set(moves.get().max(1));
            Ok(true)
        };
        assert_eq!(settle(BASE, moved, pass).unwrap().unwrap(), [BASE, MOVED]);
        let restless = |_: &mut BTreeSet<EntryId>| {
            moves.set(moves.get() + 1);
            Ok(true)
        };
        assert_eq!(settle(BASE, moved, restless).unwrap(), None);
    }

    #[test]
    fn moves_tell_of_themselves_and_renames_need_not() {
        let home = Home::new();
        let unit = home.unit("ou=a,ou=people,o=acme");
        let moved = || home.directory.store().get(&moved_key()).unwrap().map(|row| row.version);
        home.rename(unit, "ou=b", true, None).unwrap();
        assert_eq!(moved(), None);
        home.rename(unit, "ou=b", true, Some(SUFFIX)).unwrap();
        let first = moved();
        home.rename(unit, "ou=b", true, Some(home.id("ou=people,o=acme"))).unwrap();
        assert!(first.is_some() && moved() > first);
        assert_eq!(below(&home.directory, unit).unwrap().unwrap(), [unit]);
    }

    #[test]
    fn a_large_branch_is_not_collected() {
        let mut found = BTreeSet::from([BASE]);
        assert_eq!(settle(BASE, || Ok(None), |_| Ok(false)).unwrap(), None);
        let home = Home::new();
        assert!(collect(&home.directory, SUFFIX, &mut found).unwrap());
        found.extend((10_000..10_000 + MAX_BRANCH as u64).map(EntryId::new));
        assert!(!collect(&home.directory, SUFFIX, &mut found).unwrap());
    }
}

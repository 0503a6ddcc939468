//! How many bytes the journal holds, commit by commit: commits differ in size by a factor of ten
//! thousand, so that their number alone bounds no disk.

use super::names;
use super::rows::Rows;
use std::collections::VecDeque;

/// The sizes of the journal's records, oldest first.
#[derive(Debug, Default)]
pub(super) struct Extent {
    /// The first commit of a record, and the bytes of all records that begin with it.
    records: VecDeque<(u64, u64)>,
    bytes: u64,
}

impl Extent {
    /// Measures a journal as it is found. Goes over all of it.
    pub(super) fn measure(rows: &Rows) -> Result<Self, sled::Error> {
        let mut extent = Self::default();
        for item in rows.scan_prefix(names::journal_prefix()) {
            let (name, record) = item?;
            if let Some((first, _)) = names::journal_parts(&name) {
                extent.add(first.get(), record.len());
            }
        }
        Ok(extent)
    }

    /// Takes note of a record behind all others.
    pub(super) fn add(&mut self, first: u64, bytes: usize) {
        let bytes = bytes as u64;
        self.bytes += bytes;
        match self.records.back_mut() {
            Some((last, sum)) if *last == first => *sum += bytes,
            _ => self.records.push_back((first, bytes)),
        }
    }

    /// Takes note that the records which begin with that commit hold other bytes now.
    pub(super) fn resize(&mut self, first: u64, bytes: usize) {
        let place = self.records.binary_search_by_key(&first, |(first, _)| *first);
        if let Some((_, sum)) = place.ok().and_then(|place| self.records.get_mut(place)) {
            let bytes = bytes as u64;
            self.bytes = self.bytes - *sum + bytes;
            *sum = bytes;
        }
    }

    /// Forgets the records before that commit.
    pub(super) fn drop_before(&mut self, floor: u64) {
        while let Some((_, bytes)) = self.records.pop_front_if(|(first, _)| *first < floor) {
            self.bytes -= bytes;
        }
    }

    /// The earliest commit from which on the journal holds at most so many bytes; never one after
    /// `most`.
    pub(super) fn within(&self, limit: u64, most: u64) -> u64 {
        let mut left = self.bytes;
        for (first, bytes) in &self.records {
            if left <= limit || *first >= most {
                return (*first).min(most);
            }
            left -= bytes;
        }
        most
    }

    /// The bytes of the records before that commit, counted up to `enough`.
    pub(super) fn before(&self, commit: u64, enough: u64) -> u64 {
        let mut sum = 0;
        for (first, bytes) in &self.records {
            if *first >= commit || sum >= enough {
                break;
            }
            sum += bytes;
        }
        sum
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;

    fn extent() -> Extent {
        let mut extent = Extent::default();
        for (first, bytes) in [(1, 10), (5, 100), (5, 100), (5, 50), (6, 10), (9, 20)] {
            extent.add(first, bytes);
        }
        extent
    }

    #[test]
    fn the_earliest_commit_within_a_limit() {
        let extent = extent();
        for (limit, first) in [(1000, 1), (290, 1), (289, 5), (280, 5), (279, 6), (30, 6), (29, 9), (20, 9), (19, 40), (0, 40)] {
            assert_eq!(extent.within(limit, 40), first, "{limit}");
        }
        assert_eq!(extent.within(30, 3), 3);
        assert_eq!(extent.within(0, 6), 6);
        assert_eq!(Extent::default().within(0, 7), 7);
    }

    #[test]
    fn what_is_emptied_counts_no_more() {
        let mut extent = extent();
        extent.resize(5, 30);
        extent.resize(7, 1000);
        assert_eq!((extent.bytes, extent.before(6, 1000)), (70, 40));
        assert_eq!([extent.within(60, 40), extent.within(59, 40)], [5, 6]);
        extent.drop_before(40);
        assert_eq!(extent.bytes, 0);
    }

    #[test]
    fn what_is_trimmed_counts_no_more() {
        let mut extent = extent();
        assert_eq!([extent.before(1, 1000), extent.before(6, 1000), extent.before(40, 1000)], [0, 260, 290]);
        assert_eq!(extent.before(40, 10), 10);
        extent.drop_before(6);
        assert_eq!(extent.bytes, 30);
        assert_eq!(extent.within(30, 40), 6);
        extent.drop_before(40);
        assert_eq!((extent.bytes, extent.records.len()), (0, 0));
    }
}

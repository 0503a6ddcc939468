//! What the store counts: for the metrics, and for tests, which count instead of taking time.

/// Counts since the store was opened, and how it stands now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Records asked for by name.
    pub gets: u64,
    /// Of those, how many the cache of hot records answered.
    pub hits: u64,
    /// Records that scans went over.
    pub scanned: u64,
    /// Commits done.
    pub commits: u64,
    /// Commits refused because an expectation did not hold.
    pub conflicts: u64,
    /// Groups of commits that went to disk together.
    pub groups: u64,
    /// Data syncs done.
    pub syncs: u64,
    /// Journal records written.
    pub journal_records: u64,
    /// Journal records trimmed.
    pub journal_trimmed: u64,
    /// Rows that commits and the trimming of the journal wrote or removed, those of the journal and
    /// the feeds among them: what a commit costs the engine.
    pub row_writes: u64,
    /// Commits applied again when the store was opened.
    pub replayed: u64,
    /// Commits and other requests that wait to be taken up, now.
    pub waiting: u64,
    /// Files outside the engine's log, which it does not sync: anything but zero is an alarm.
    pub blobs: u64,
    /// Bytes in the data folder.
    pub bytes_on_disk: u64,
}

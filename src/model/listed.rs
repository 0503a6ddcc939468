//! What a list holds: records, and those that cannot be read, so that one of these hides no other
//! and can be found to be deleted.

use super::error::Error;

/// A record, or why it cannot be read.
pub type Listed<T> = Result<T, Unreadable>;

/// A record that a list has met and that cannot be read: damaged, of a later version, or sealed
/// with another key.
#[derive(Clone, Debug)]
pub struct Unreadable {
    /// What it is called, which its key tells.
    pub name: String,
    /// Why it cannot be read, and how to mend it.
    pub reason: Error,
}

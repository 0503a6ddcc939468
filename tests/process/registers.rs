//! What the writers of the tests write: rows of their own, with numbers that look random and are the
//! same in each run.

use poolgate::store::{Key, Space};

/// A row of a writer.
pub fn register(writer: u64, row: u64) -> Key {
    Key::named(Space::Checkpoint, format!("{writer}/{row}").as_bytes())
}

/// Numbers by Marsaglia's xorshift (13, 7, 17). Begins with anything but zero.
pub struct Numbers(pub u64);

impl Numbers {
    /// The next one, below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

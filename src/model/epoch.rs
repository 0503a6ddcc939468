//! Which of the records that have borne a name.

use super::entropy::{Entropy, random};
use super::id::Sequence;
use minicbor::{Decode, Encode};
use std::fmt;

/// A time in the life of a name: it begins when a record of that name is made, and again when all
/// that was given in the record's name is taken back. What is given says in which epoch, and ends
/// with it: a record that is made anew under the name of a deleted one inherits nothing. Edits
/// leave the epoch as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct Epoch(#[n(0)] u64);

/// Set in each epoch that is drawn, and in no number of a commit.
const DRAWN: u64 = 1 << 63;

impl Epoch {
    /// A new one. It is drawn and not counted, since a deleted record leaves nothing to count on
    /// from.
    pub fn draw(entropy: &dyn Entropy) -> Self {
        Self(u64::from_be_bytes(random(entropy)) | DRAWN)
    }

    /// That of a record which was written before epochs were drawn, and was told from others of its
    /// name by the commit that last wrote it.
    pub const fn of_commit(written: Sequence) -> Self {
        Self(written.get() & !DRAWN)
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Same(u8);

    impl Entropy for Same {
        fn fill(&self, buffer: &mut [u8]) {
            buffer.fill(self.0);
        }
    }

    #[test]
    fn one_that_is_drawn_is_never_that_of_a_commit() {
        for byte in [0, 1, 0x7f, 0x80, 0xff] {
            let drawn = Epoch::draw(&Same(byte));
            assert_eq!(drawn, Epoch::draw(&Same(byte)));
            for commit in [0, 1, u64::from_be_bytes([byte; 8]), u64::MAX] {
                assert_ne!(drawn, Epoch::of_commit(Sequence::new(commit)), "{byte} {commit}");
            }
        }
    }
}

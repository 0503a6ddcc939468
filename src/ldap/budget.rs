//! Octets that all connections together may hold of large messages and of answers that wait to be taken. Each connection has a little of its own; whoever needs more
//! takes it from here and gives it back, so that what many connections hold is bounded by what the server can spare and not by what each of them may do.

use super::Limits;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Room that has been taken; it is given back when this is dropped.
pub(super) type Room = OwnedSemaphorePermit;

/// What is left. Input and output are apart: who waits for room to answer holds a message, and must not keep others from being answered.
#[derive(Debug)]
pub(super) struct Budget {
    pub input: Share,
    pub output: Share,
}

/// One of the two.
#[derive(Debug)]
pub(super) struct Share {
    left: Arc<Semaphore>,
    whole: u32,
}

impl Budget {
    pub fn new(limits: &Limits) -> Arc<Self> {
        Arc::new(Self { input: Share::new(limits.all_input), output: Share::new(limits.all_output) })
    }
}

impl Share {
    fn new(octets: usize) -> Self {
        let whole = u32::try_from(octets).unwrap_or(u32::MAX);
        Self { left: Arc::new(Semaphore::new(whole as usize)), whole }
    }

    /// Waits until there is room for so many octets. What is larger than all there is takes all of it.
    pub async fn take(&self, octets: usize) -> Option<Room> {
        let octets = u32::try_from(octets).unwrap_or(u32::MAX).min(self.whole);
        // The semaphore is never closed.
        Arc::clone(&self.left).acquire_many_owned(octets).await.ok()
    }

    /// Gives back what is not needed of a room.
    pub fn shrink(room: &mut Room, octets: usize) {
        drop(room.split(room.num_permits().saturating_sub(octets)));
    }

    /// How many octets can be taken now.
    #[cfg(test)]
    pub fn left(&self) -> usize {
        self.left.available_permits()
    }
}

//! How fast the log may grow: strangers can make some lines happen without end. Each place in the
//! code writes so many a minute about each pool; what is more is counted, and the log is told how
//! much that was.

use crate::model::Clock;
use std::collections::HashMap;
use std::fmt::{Debug, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tracing::callsite::Identifier;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Filter};

/// Lines that one place in the code may write within a minute about one pool. Whoever asks for the
/// levels `debug` and `trace` wants all of these.
pub(super) const LINES_A_MINUTE: u32 = 30;

/// Places and pools that are counted apart within a minute. Pools beyond them share a count.
const MAX_COUNTS: usize = 4096;

/// Counts the lines.
#[derive(Clone)]
pub(super) struct Pace(Arc<Shared>);

struct Shared {
    clock: Arc<dyn Clock>,
    counts: Mutex<HashMap<Key, Count>>,
}

/// A place in the code, and the pool that a line of it is about; empty if it is about none.
type Key = (Identifier, String);

/// The lines of one place about one pool.
#[derive(Default)]
struct Count {
    /// The minute of the steady clock in which it wrote last.
    minute: u64,
    lines: u32,
    left_out: u64,
    /// What the first line said that was left out.
    message: String,
}

impl Pace {
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self(Arc::new(Shared { clock, counts: Mutex::default() }))
    }

    /// Tells the log what was left out since it was told last.
    pub fn tell(&self) {
        let (minute, mut untold) = (self.minute(), Vec::new());
        // Collected first: to tell takes the lock again.
        self.lock().retain(|(_, pool), count| {
            if count.left_out > 0 {
                untold.push((pool.clone(), std::mem::take(&mut count.left_out), std::mem::take(&mut count.message)));
            }
            count.minute == minute
        });
        for (pool, count, line) in untold {
            let pool = Some(pool.as_str()).filter(|pool| !pool.is_empty());
            tracing::warn!(count, pool, line, "lines of one kind came too fast, and were left out");
        }
    }

    fn admits(&self, event: &Event<'_>) -> bool {
        let minute = self.minute();
        let mut key = (event.metadata().callsite(), said(event, "pool"));
        let mut counts = self.lock();
        if counts.len() >= MAX_COUNTS && !counts.contains_key(&key) {
            key.1.clear();
        }
        let count = counts.entry(key).or_default();
        if count.minute != minute {
            (count.minute, count.lines) = (minute, 0);
        }
        if count.lines < LINES_A_MINUTE {
            count.lines += 1;
            return true;
        }
        if count.left_out == 0 {
            count.message = said(event, "message");
        }
        count.left_out += 1;
        false
    }

    /// Of the steady clock.
    fn minute(&self) -> u64 {
        self.0.clock.steady().as_secs() / 60
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Count>> {
        self.0.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: Subscriber> Filter<S> for Pace {
    fn enabled(&self, _: &tracing::Metadata<'_>, _: &Context<'_, S>) -> bool {
        true
    }

    fn event_enabled(&self, event: &Event<'_>, _: &Context<'_, S>) -> bool {
        *event.metadata().level() > Level::INFO || self.admits(event)
    }
}

/// What an event says in the field of that name; empty if it has none.
fn said(event: &Event<'_>, name: &'static str) -> String {
    let mut said = Said { name, text: String::new() };
    event.record(&mut said);
    said.text
}

struct Said {
    name: &'static str,
    text: String,
}

impl Visit for Said {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == self.name {
            // To write into a text cannot fail.
            let _ = write!(self.text, "{value:?}");
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::model::testing::{Lines, SteadyHand};
    use std::time::Duration;
    use tracing_subscriber::Layer;
    use tracing_subscriber::layer::SubscriberExt;

    fn flood(times: u32) {
        for number in 0..times {
            tracing::warn!(number, "a stranger came");
        }
    }

    #[test]
    fn a_flood_about_one_pool_hides_no_other_pool() {
        let (written, pace) = (Lines::default(), Pace::new(Arc::new(SteadyHand::default())));
        let lines = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(written.clone()).with_filter(pace.clone());
        let count = |text: &str| written.text().lines().filter(|line| line.contains(text)).count();
        let fail = |pool: &str| tracing::warn!(pool = %pool, "an upstream login failed");
        tracing::subscriber::with_default(tracing_subscriber::registry().with(lines), || {
            (0..100).for_each(|_| fail("noisy"));
            fail("quiet");
            assert_eq!((count("pool=noisy"), count("pool=quiet")), (30, 1));
            pace.tell();
            assert_eq!(count("were left out count=70 pool=\"noisy\" line=\"an upstream login failed\""), 1);
            (0..2 * MAX_COUNTS).for_each(|pool| fail(&format!("pool {pool}")));
            assert!(pace.lock().len() <= MAX_COUNTS + 1, "{}", pace.lock().len());
        });
    }

    #[test]
    fn a_flood_is_cut_and_told_and_hides_no_other_line() {
        let (written, hand) = (Lines::default(), Arc::new(SteadyHand::default()));
        let pace = Pace::new(hand.clone());
        let lines = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(written.clone()).with_filter(pace.clone());
        let count = |text: &str| written.text().lines().filter(|line| line.contains(text)).count();
        tracing::subscriber::with_default(tracing_subscriber::registry().with(lines), || {
            flood(LINES_A_MINUTE);
            pace.tell();
            assert_eq!((count("a stranger came"), count("too fast")), (30, 0), "nothing was left out");
            flood(1000);
            tracing::error!("something else");
            assert_eq!((count("a stranger came"), count("something else")), (30, 1));
            pace.tell();
            assert_eq!(count("lines of one kind came too fast, and were left out count=1000 line=\"a stranger came\""), 1);
            pace.tell();
            assert_eq!(count("too fast"), 1, "told once");
            hand.forward(Duration::from_secs(60));
            flood(31);
            pace.tell();
            assert_eq!(count("number="), 60);
            assert_eq!(count("count=1 "), 1);
            for _ in 0..100 {
                tracing::debug!("looked at closely");
            }
            assert_eq!(count("looked at closely"), 100);
        });
    }
}

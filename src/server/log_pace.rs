//! How fast the log may grow: strangers can make some lines happen without end. Each place in the
//! code writes so many a minute; what is more is counted, and the log is told how much that was.

use crate::model::Clock;
use std::collections::HashMap;
use std::fmt::{Debug, Write};
use std::sync::{Arc, Mutex, PoisonError};
use tracing::callsite::Identifier;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Filter};

/// Lines that one place in the code may write within a minute. Whoever asks for the levels `debug`
/// and `trace` wants all of these.
pub(super) const LINES_A_MINUTE: u32 = 30;

/// Counts the lines.
#[derive(Clone)]
pub(super) struct Pace(Arc<Shared>);

struct Shared {
    clock: Arc<dyn Clock>,
    places: Mutex<HashMap<Identifier, Place>>,
}

/// A place in the code that writes lines.
#[derive(Default)]
struct Place {
    /// The minute of the steady clock in which it wrote last.
    minute: u64,
    lines: u32,
    left_out: u64,
    /// What the first line said that was left out.
    message: String,
}

impl Pace {
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self(Arc::new(Shared { clock, places: Mutex::default() }))
    }

    /// Tells the log what was left out since it was told last.
    pub fn tell(&self) {
        // Collected first: to tell takes the lock again.
        let untold: Vec<_> = self.lock().values_mut().filter(|place| place.left_out > 0).map(Place::take).collect();
        for (count, message) in untold {
            tracing::warn!(count, line = message, "lines of one kind came too fast, and were left out");
        }
    }

    fn admits(&self, event: &Event<'_>) -> bool {
        let minute = self.0.clock.steady().as_secs() / 60;
        let mut places = self.lock();
        let place = places.entry(event.metadata().callsite()).or_default();
        if place.minute != minute {
            (place.minute, place.lines) = (minute, 0);
        }
        if place.lines < LINES_A_MINUTE {
            place.lines += 1;
            return true;
        }
        if place.left_out == 0 {
            event.record(&mut Message(&mut place.message));
        }
        place.left_out += 1;
        false
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Identifier, Place>> {
        self.0.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    fn take(&mut self) -> (u64, String) {
        (std::mem::take(&mut self.left_out), std::mem::take(&mut self.message))
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

/// What a line says, without its fields.
struct Message<'m>(&'m mut String);

impl Visit for Message<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "message" {
            // To write into a text cannot fail.
            let _ = write!(self.0, "{value:?}");
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::model::Timestamp;
    use crate::model::testing::Lines;
    use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
    use std::time::Duration;
    use tracing_subscriber::Layer;
    use tracing_subscriber::layer::SubscriberExt;

    #[derive(Default)]
    struct Hand(AtomicU64);

    impl Clock for Hand {
        fn now(&self) -> Timestamp {
            Timestamp::from_seconds(0)
        }

        fn steady(&self) -> Duration {
            Duration::from_secs(self.0.load(SeqCst))
        }
    }

    fn flood(times: u32) {
        for number in 0..times {
            tracing::warn!(number, "a stranger came");
        }
    }

    #[test]
    fn a_flood_is_cut_and_told_and_hides_no_other_line() {
        let (written, hand) = (Lines::default(), Arc::new(Hand::default()));
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
            hand.0.store(60, SeqCst);
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

//! For tests: what the log is told, and a clock that is moved by hand.

use super::{Clock, Timestamp};
use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;
use tracing::Dispatch;
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::fmt::MakeWriter;

/// Lines of a log, kept in memory.
#[derive(Clone, Default)]
pub struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    /// All that was written.
    pub fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Lines {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

/// While a process has one subscriber, the thread that comes to a line first decides for all
/// whether anybody listens to it. So there is always another one.
static ANOTHER: LazyLock<Dispatch> = LazyLock::new(|| Dispatch::new(tracing_subscriber::fmt().with_writer(io::sink).finish()));

/// What this thread tells the log from now on.
pub struct Log {
    lines: Lines,
    _guard: DefaultGuard,
}

impl Log {
    /// Begins to listen.
    pub fn listen() -> Self {
        LazyLock::force(&ANOTHER);
        let lines = Lines::default();
        let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(lines.clone()).finish();
        Self { lines, _guard: tracing::subscriber::set_default(subscriber) }
    }

    /// How many lines have that text.
    pub fn count(&self, text: &str) -> usize {
        self.lines.text().lines().filter(|line| line.contains(text)).count()
    }
}

/// A clock whose steady hand is moved by the test, and by a step whenever somebody looks at it. The
/// time of day stands still.
#[derive(Default)]
pub struct SteadyHand {
    micros: AtomicU64,
    step: u64,
}

impl SteadyHand {
    /// With that step.
    pub fn stepping(step: Duration) -> Self {
        Self { micros: AtomicU64::new(0), step: step.as_micros() as u64 }
    }

    /// So much later.
    pub fn forward(&self, time: Duration) {
        self.micros.fetch_add(time.as_micros() as u64, Ordering::SeqCst);
    }
}

impl Clock for SteadyHand {
    fn now(&self) -> Timestamp {
        Timestamp::from_seconds(0)
    }

    fn steady(&self) -> Duration {
        Duration::from_micros(self.micros.fetch_add(self.step, Ordering::SeqCst))
    }
}

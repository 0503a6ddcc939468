//! Structured logs on standard error.

use super::clock::SystemClock;
use super::config::{Log, LogFormat};
use super::error::ConfigError;
use super::log_lines::Lines;
use super::log_pace::Pace;
use std::sync::{Arc, OnceLock};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt, registry};

/// The log is one for the process.
static PACE: OnceLock<Pace> = OnceLock::new();

/// Starts logging for the process.
pub fn start(log: &Log) -> Result<(), ConfigError> {
    let filter = log.filter.directives().map_err(|error| ConfigError::new(format!("`log.filter`: {error}")))?;
    let pace = PACE.get_or_init(|| Pace::new(Arc::new(SystemClock::default()))).clone();
    // A line that cannot be written is lost. To say so on standard error too would panic in
    // whatever was about to log, once whoever read it has gone. Colours are control characters too.
    let lines = fmt::layer().with_writer(|| Lines(std::io::stderr())).with_ansi(false).log_internal_errors(false);
    let lines = match log.format {
        LogFormat::Text => lines.boxed(),
        LogFormat::Json => lines.json().boxed(),
    };
    let started = registry().with(filter).with(lines.with_filter(pace)).try_init();
    started.map_err(|error| ConfigError::new(format!("logging cannot start: {error}")))
}

/// Tells the log what it was spared. To be called each minute and at the end.
pub(super) fn tell_left_out() {
    if let Some(pace) = PACE.get() {
        pace.tell();
    }
}

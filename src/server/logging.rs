//! Structured logs on standard error.

use super::config::{ConfigError, Log, LogFormat};
use tracing_subscriber::util::SubscriberInitExt;

/// Starts logging for the process.
pub fn start(log: &Log) -> Result<(), ConfigError> {
    let filter = log.filter.directives().map_err(|error| ConfigError::new(format!("`log.filter`: {error}")))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = match log.format {
        LogFormat::Text => builder.finish().try_init(),
        LogFormat::Json => builder.json().finish().try_init(),
    };
    started.map_err(|error| ConfigError::new(format!("logging cannot start: {error}")))
}

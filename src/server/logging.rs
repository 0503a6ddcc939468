//! Structured logs on standard error.

use super::config::{Log, LogFormat};
use super::error::ConfigError;
use tracing_subscriber::util::SubscriberInitExt;

/// Starts logging for the process.
pub fn start(log: &Log) -> Result<(), ConfigError> {
    let filter = log.filter.directives().map_err(|error| ConfigError::new(format!("`log.filter`: {error}")))?;
    // A line that cannot be written is lost. To say so on standard error too would panic in
    // whatever was about to log, once whoever read it has gone.
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).log_internal_errors(false);
    let started = match log.format {
        LogFormat::Text => builder.finish().try_init(),
        LogFormat::Json => builder.json().finish().try_init(),
    };
    started.map_err(|error| ConfigError::new(format!("logging cannot start: {error}")))
}

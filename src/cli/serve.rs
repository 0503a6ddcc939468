//! `poolgate serve`.

use super::Outcome;
use crate::server::{self, Config, Running, SystemClock, SystemEntropy};
use clap::Args;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::signal::unix::{SignalKind, signal};

/// Runs the server.
#[derive(Args)]
pub struct Serve {
    /// The configuration file.
    #[arg(long, default_value = "poolgate.toml", value_name = "FILE")]
    config: PathBuf,
}

impl Serve {
    /// Serves until SIGTERM or SIGINT; SIGHUP reads the certificate again.
    pub async fn run(self) -> Outcome {
        let config = Config::load(&self.config)?;
        server::start_logging(&config.log)?;
        let running = server::start(config, Arc::new(SystemClock), Arc::new(SystemEntropy::default())).await?;
        tracing::info!(addresses = ?running.addresses(), "ready");
        until_stopped(running).await
    }
}

/// Waits for the signal to stop, and stops.
pub async fn until_stopped(running: Running) -> Outcome {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            _ = hang_up.recv() => running.reload_certificate(),
        }
    }
    tracing::info!("stopping");
    running.stop().await;
    Ok(())
}

//! `poolgate serve`.

use super::Outcome;
use crate::server::{self, Config, Loaded, Running, SystemClock, SystemEntropy};
use clap::Args;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::signal::unix::{Signal, SignalKind, signal};

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
        let Loaded { config, variables, unknown_variables } = Config::load(&self.config)?;
        server::start_logging(&config.log)?;
        for variable in unknown_variables {
            tracing::warn!(variable, "this variable names no key of the configuration and changes nothing");
        }
        let signals = Signals::listen()?;
        let running = server::start(config, Arc::new(SystemClock::default()), Arc::new(SystemEntropy::default())).await?;
        for variable in variables {
            tracing::info!(variable, "this variable stands over the configuration file");
        }
        tracing::info!(addresses = ?running.addresses(), "ready");
        signals.until_stopped(running).await
    }
}

/// The signals that a server obeys. Listened to before it starts: one that came earlier would end
/// the process on the spot.
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

impl Signals {
    /// From now on signals wait to be obeyed.
    pub fn listen() -> Outcome<Self> {
        let [terminate, interrupt, hang_up] = [SignalKind::terminate(), SignalKind::interrupt(), SignalKind::hangup()].map(signal);
        Ok(Self { terminate: terminate?, interrupt: interrupt?, hang_up: hang_up? })
    }

    /// Waits for the signal to stop, and stops.
    pub async fn until_stopped(mut self, running: Running) -> Outcome {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => break,
                _ = self.interrupt.recv() => break,
                _ = self.hang_up.recv() => running.reload_certificate(),
            }
        }
        tracing::info!("stopping");
        running.stop().await;
        Ok(())
    }
}

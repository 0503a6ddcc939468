//! The `poolgate` command.
//!
//! Owns the commands, their arguments and what they print. A client of the admin API over its unix
//! socket; `serve` and `demo` start the server in this process. Uses `server`, the documents of
//! `admin`, and `model`. Never opens the store.

mod client;
mod commands;
pub mod demo;
mod output;
mod serve;

use clap::{Args, Parser, Subcommand};
use client::Client;
use std::fmt;
use std::path::PathBuf;
use std::process::ExitCode;

/// Isolated user pools with an LDAP, an OpenID Connect and a SAML face.
#[derive(Parser)]
#[command(name = "poolgate", version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs a server with sample pools on this machine's loopback addresses.
    Demo(demo::Demo),
    /// Runs the server.
    Serve(serve::Serve),
    #[command(flatten)]
    Operator(commands::Command),
}

/// What every command of an operator takes.
#[derive(Args, Clone)]
struct Operator {
    /// The data folder of the running server.
    #[arg(long, env = "POOLGATE_DATA", value_name = "DIR", global = true)]
    data: Option<PathBuf>,
    /// Print JSON for scripts.
    #[arg(long, global = true)]
    json: bool,
}

/// Exit code of a command that was refused or failed.
const REFUSED: u8 = 1;
/// Exit code of a command that was not used as it is meant; what the argument parser refuses itself
/// has the same.
const WRONG_USAGE: u8 = 2;

/// Why a command was not done.
#[derive(Debug)]
pub struct Failure {
    message: String,
    code: u8,
}

impl Failure {
    /// It was refused or went wrong.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), code: REFUSED }
    }

    /// It lacks an argument, or has one that is none.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self { message: message.into(), code: WRONG_USAGE }
    }
}

impl<E: fmt::Display> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::new(error.to_string())
    }
}

/// What a command ends with.
pub type Outcome<T = ()> = Result<T, Failure>;

/// Runs the command that the arguments name. Exit codes: 0 done, 1 refused or failed, 2 wrong
/// usage.
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    // One provider for the whole process, whatever a dependency would choose.
    if rustls::crypto::aws_lc_rs::default_provider().install_default().is_err() {
        return fail(&Failure::new("another TLS provider is installed in this process"));
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&Failure::from(error)),
    };
    let done = runtime.block_on(async {
        match cli.command {
            Command::Demo(demo) => demo.run().await,
            Command::Serve(serve) => serve.run().await,
            Command::Operator(command) => command.run().await,
        }
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => fail(&failure),
    }
}

fn fail(failure: &Failure) -> ExitCode {
    eprintln!("poolgate: {}", failure.message);
    ExitCode::from(failure.code)
}

impl Operator {
    /// A connection to the running server.
    async fn client(&self) -> Outcome<Client> {
        let data = self.data.clone().filter(|data| !data.as_os_str().is_empty());
        let data = data.ok_or_else(|| Failure::usage("which server? Name its data folder with --data DIR or POOLGATE_DATA"))?;
        Client::connect(&data).await
    }
}

#[cfg(test)]
mod tests {
    use super::Cli;
    use clap::CommandFactory;

    #[test]
    fn the_arguments_of_every_command_fit_together() {
        Cli::command().debug_assert();
    }
}

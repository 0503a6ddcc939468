//! The commands of an operator, one file for each kind of thing.

mod audit;
mod branch;
mod client;
mod group;
mod idp;
mod pool;
mod service;
mod sp;
mod transfer;
mod update;
mod user;

use super::client::segment;
use super::{Failure, Operator, Outcome, output};
use branch::Of;
use clap::Subcommand;

/// The commands of an operator.
#[derive(Subcommand)]
pub enum Command {
    /// Pools.
    #[command(subcommand)]
    Pool(pool::Pool),
    /// Users of a pool.
    User(Of<user::User>),
    /// Groups of a pool.
    Group(Of<group::Group>),
    /// Service accounts of a pool.
    Service(Of<service::Service>),
    /// OpenID Connect clients of a pool.
    Client(Of<client::OidcClient>),
    /// SAML service providers of a pool.
    Sp(Of<sp::ServiceProvider>),
    /// Upstream identity providers of a pool.
    Idp(Of<idp::IdentityProvider>),
    /// The audit log of a pool.
    Audit(audit::Audit),
    /// Imports entries into a pool.
    Import(transfer::Import),
    /// Exports the entries of a pool.
    Export(transfer::Export),
}

impl Command {
    /// Runs the command against the server that its arguments name.
    pub async fn run(self) -> Outcome {
        match self {
            Self::Pool(command) => command.run().await,
            Self::User(Of { place, verb }) => verb.run(&place).await,
            Self::Group(Of { place, verb }) => verb.run(&place).await,
            Self::Service(Of { place, verb }) => verb.run(&place).await,
            Self::Client(Of { place, verb }) => verb.run(&place).await,
            Self::Sp(Of { place, verb }) => verb.run(&place).await,
            Self::Idp(Of { place, verb }) => verb.run(&place).await,
            Self::Audit(command) => command.run().await,
            Self::Import(command) => command.run().await,
            Self::Export(command) => command.run().await,
        }
    }
}

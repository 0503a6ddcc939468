//! `poolgate pool`.

use super::{Failure, Operator, Outcome, output, segment, update};
use crate::admin::types::NewPool;
use clap::{Args, Subcommand};
use serde_json::Value;
use std::path::PathBuf;

/// Pools.
#[derive(Subcommand)]
pub enum Pool {
    /// Creates a pool.
    Create(Create),
    /// Lists all pools.
    List(List),
    /// Shows a pool and its settings.
    Show(Named),
    /// Changes the display name or the settings of a pool.
    Update(Update),
    /// Suspends a pool: nobody can log in until it is resumed.
    Suspend(Named),
    /// Makes a suspended pool active again.
    Resume(Named),
    /// Deletes a pool with everything in it. Its slug and suffix stay used.
    Delete(Delete),
}

#[derive(Args)]
pub struct List {
    #[command(flatten)]
    operator: Operator,
}

#[derive(Args)]
pub struct Named {
    /// The pool's slug.
    slug: String,
    #[command(flatten)]
    operator: Operator,
}

#[derive(Args)]
pub struct Create {
    /// The pool's name in URLs: letters, digits, hyphens. Fixed for ever.
    slug: String,
    /// The DN at the top of its tree; o=SLUG if not given. Fixed for ever.
    #[arg(long)]
    suffix: Option<String>,
    /// What people see; the slug if not given.
    #[arg(long)]
    display_name: Option<String>,
    #[command(flatten)]
    operator: Operator,
}

#[derive(Args)]
pub struct Update {
    /// The pool's slug.
    slug: String,
    /// What people see.
    #[arg(long)]
    display_name: Option<String>,
    /// A JSON file with settings to change, in the form that `show --json` prints them; what it
    /// leaves out stays, and null gives the default back.
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,
    #[command(flatten)]
    patch: update::Patch,
    #[command(flatten)]
    operator: Operator,
}

#[derive(Args)]
pub struct Delete {
    /// The pool's slug.
    slug: String,
    /// The slug again, to show that it is meant.
    #[arg(long, value_name = "SLUG")]
    confirm: String,
    #[command(flatten)]
    operator: Operator,
}

impl Pool {
    pub(super) async fn run(self) -> Outcome {
        match self {
            Self::Create(command) => command.run().await,
            Self::List(List { operator }) => {
                let pools = operator.client().await?.all("/pools").await?;
                output::list(&pools, &["slug", "suffix", "display_name", "status"], operator.json);
                Ok(())
            }
            Self::Show(Named { slug, operator }) => {
                let pool = operator.client().await?.get(&path(&slug)).await?;
                output::show(&pool, operator.json);
                Ok(())
            }
            Self::Update(command) => command.run().await,
            Self::Suspend(named) => named.post("suspend").await,
            Self::Resume(named) => named.post("resume").await,
            Self::Delete(command) => command.run().await,
        }
    }
}

impl Create {
    async fn run(self) -> Outcome {
        let new = NewPool { slug: self.slug, suffix: self.suffix, display_name: self.display_name, settings: Default::default() };
        let pool = self.operator.client().await?.post("/pools", &new).await?;
        output::show(&pool, self.operator.json);
        Ok(())
    }
}

impl Update {
    async fn run(self) -> Outcome {
        let settings = self.settings.as_deref().map(update::read).transpose()?;
        let flags = [("display_name", self.display_name.map(Value::from)), ("settings", settings.map(Value::Object))];
        let change = self.patch.with(update::fields(flags))?;
        let pool = self.operator.client().await?.patch(&path(&self.slug), &change).await?;
        output::show(&pool, self.operator.json);
        Ok(())
    }
}

impl Named {
    async fn post(self, verb: &str) -> Outcome {
        let pool = self.operator.client().await?.post(&format!("{}/{verb}", path(&self.slug)), &()).await?;
        output::show(&pool, self.operator.json);
        Ok(())
    }
}

impl Delete {
    async fn run(self) -> Outcome {
        if self.confirm != self.slug {
            return Err(Failure::new(format!("--confirm {} is not {}: nothing was deleted", self.confirm, self.slug)));
        }
        self.operator.client().await?.delete(&path(&self.slug)).await?;
        output::done(&format!("pool {} is gone", self.slug), self.operator.json);
        Ok(())
    }
}

fn path(slug: &str) -> String {
    format!("/pools/{}", segment(slug))
}

//! What the commands for users, groups, service accounts and applications share: each kind is a
//! list under a pool.

use super::update::{Patch, fields};
use super::{Failure, Operator, Outcome, output, segment};
use clap::{Args, Subcommand};
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::io::Read;

/// What is done, and in which pool.
#[derive(Args)]
pub struct Of<Verb: Subcommand> {
    #[command(flatten)]
    pub place: InPool,
    #[command(subcommand)]
    pub verb: Verb,
}

/// What changes of an entry.
#[derive(Args)]
pub struct Change {
    /// An attribute with its new value; repeat it for several values, leave the value empty to
    /// remove the attribute.
    #[arg(long, value_name = "NAME=VALUE")]
    attribute: Vec<String>,
    #[command(flatten)]
    patch: Patch,
}

impl Change {
    /// As a merge patch.
    pub fn patch(self) -> Outcome<Value> {
        self.patch.with(changed(&self.attribute)?)
    }
}

/// The pool that a command works on.
#[derive(Args, Clone)]
pub struct InPool {
    /// The pool's slug.
    #[arg(long, global = true, value_name = "SLUG")]
    pool: Option<String>,
    #[command(flatten)]
    pub operator: Operator,
}

impl InPool {
    /// The path of a list of the pool.
    pub fn list_path(&self, kind: &str) -> Outcome<String> {
        let pool = self.pool.as_deref().ok_or_else(|| Failure::usage("which pool? Name it with --pool SLUG"))?;
        Ok(format!("/pools/{}/{kind}", segment(pool)))
    }

    /// The path of one item.
    pub fn item_path(&self, kind: &str, name: &str) -> Outcome<String> {
        Ok(format!("{}/{}", self.list_path(kind)?, segment(name)))
    }

    /// Prints a list.
    pub async fn list(&self, kind: &str, fields: &[&str]) -> Outcome {
        let items = self.operator.client().await?.all(&self.list_path(kind)?).await?;
        output::list(&items, fields, self.operator.json);
        Ok(())
    }

    /// Prints one item.
    pub async fn show(&self, kind: &str, name: &str) -> Outcome {
        let item = self.operator.client().await?.get(&self.item_path(kind, name)?).await?;
        output::show(&item, self.operator.json);
        Ok(())
    }

    /// Adds an item and prints what the server answers.
    pub async fn add(&self, kind: &str, document: &impl Serialize) -> Outcome {
        let item = self.operator.client().await?.post(&self.list_path(kind)?, document).await?;
        output::show(&item, self.operator.json);
        Ok(())
    }

    /// Changes an item by a merge patch and prints it.
    pub async fn change(&self, kind: &str, name: &str, patch: &impl Serialize) -> Outcome {
        let item = self.operator.client().await?.patch(&self.item_path(kind, name)?, patch).await?;
        output::show(&item, self.operator.json);
        Ok(())
    }

    /// Does something to an item and prints what the server answers.
    pub async fn act(&self, kind: &str, name: &str, verb: &str, document: &impl Serialize) -> Outcome {
        let answer = self.operator.client().await?.post(&format!("{}/{verb}", self.item_path(kind, name)?), document).await?;
        output::show(&answer, self.operator.json);
        Ok(())
    }

    /// Deletes an item.
    pub async fn delete(&self, kind: &str, name: &str) -> Outcome {
        self.operator.client().await?.delete(&self.item_path(kind, name)?).await?;
        output::done(&format!("{name} is gone"), self.operator.json);
        Ok(())
    }
}

/// A secret from standard input, so that no process list shows it; a final line break is not part
/// of it.
pub fn secret_from_input(wanted: bool) -> Outcome<Option<String>> {
    if !wanted {
        return Ok(None);
    }
    let mut text = String::new();
    std::io::stdin().lock().read_to_string(&mut text)?;
    Ok(Some(text.trim_end_matches(['\r', '\n']).to_owned()))
}

/// `name=value` arguments as attributes; a name may come several times, and an empty value removes
/// the attribute.
pub fn attributes(arguments: &[String]) -> Outcome<BTreeMap<String, Vec<String>>> {
    let mut attributes: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for argument in arguments {
        let (name, value) =
            argument.split_once('=').ok_or_else(|| Failure::usage(format!("--attribute {argument}: write it as name=value")))?;
        let values = attributes.entry(name.to_owned()).or_default();
        if !value.is_empty() {
            values.push(value.to_owned());
        }
    }
    Ok(attributes)
}

/// The same as a part of a patch: nothing if there are none.
fn changed(arguments: &[String]) -> Outcome<Map<String, Value>> {
    let attributes = attributes(arguments)?;
    Ok(fields([("attributes", (!attributes.is_empty()).then(|| json!(attributes)))]))
}

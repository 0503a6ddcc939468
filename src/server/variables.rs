//! The `POOLGATE_…` variables over the configuration file.
//!
//! A variable is named after its key in capitals, with two underscores between table and key:
//! `POOLGATE_DATA`, `POOLGATE_LISTEN__HTTP`. Lists are written as in TOML:
//! `POOLGATE_LISTEN__HTTP='["127.0.0.1:8080"]'`. One that names no key is left out and told, since
//! others make variables of that form too: Kubernetes sets `POOLGATE_SERVICE_HOST` and
//! `POOLGATE_PORT` where a service is called poolgate.

use figment::Figment;
use figment::error::Kind;
use figment::providers::{Format, Serialized, Toml};
use figment::value::Value;
use serde::de::DeserializeOwned;

const PREFIX: &str = "POOLGATE_";

/// A variable that begins like ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    name: String,
    value: String,
}

/// A configuration, and what became of the variables.
pub struct Merged<C> {
    /// The file with the variables over it.
    pub config: C,
    /// Names of variables that were taken.
    pub taken: Vec<String>,
    /// Names of those that name no key.
    pub unknown: Vec<String>,
}

impl Variable {
    /// All variables of this process that begin like ours.
    pub fn of_process() -> Vec<Self> {
        let all = std::env::vars_os().map(|(name, value)| (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned()));
        all.filter_map(|(name, value)| Self::new(&name, &value)).collect()
    }

    /// The variable, if it begins like ours.
    pub fn new(name: &str, value: &str) -> Option<Self> {
        name.starts_with(PREFIX).then(|| Self { name: name.to_owned(), value: value.to_owned() })
    }

    /// The key that it names, with dots between tables; `None` if it cannot be one.
    fn key(&self) -> Option<String> {
        let key = self.name.strip_prefix(PREFIX)?.to_ascii_lowercase().replace("__", ".");
        (!key.split('.').any(str::is_empty)).then_some(key)
    }

    /// The file with this variable over it.
    fn over(&self, file: Figment) -> Option<Figment> {
        let value: Value = self.value.parse().unwrap_or_else(|never| match never {});
        Some(file.merge(Serialized::default(&self.key()?, value)))
    }

    /// Whether it names a key, whatever its value. The configuration itself says so, which knows
    /// its keys.
    fn is_known<C: DeserializeOwned>(&self, file: &Figment) -> bool {
        let Some(over) = self.over(file.clone()) else { return false };
        !matches!(over.extract::<C>(), Err(error) if matches!(error.kind, Kind::UnknownField(..)))
    }
}

/// Puts the variables over the text of the file, which has been read without them. An error names
/// the variable.
pub fn merge<C: DeserializeOwned>(text: &str, variables: Vec<Variable>) -> Result<Merged<C>, String> {
    let file = Figment::from(Toml::string(text));
    let (mut known, mut unknown): (Vec<_>, Vec<_>) = variables.into_iter().partition(|variable| variable.is_known::<C>(&file));
    known.sort_by(|one, other| one.name.cmp(&other.name));
    unknown.sort_by(|one, other| one.name.cmp(&other.name));
    let all = known.iter().try_fold(file, |over, variable| variable.over(over)).ok_or("a variable names no key")?;
    let config = all.extract().map_err(|error| said(&error, &known))?;
    let names = |variables: Vec<Variable>| variables.into_iter().map(|variable| variable.name).collect();
    Ok(Merged { config, taken: names(known), unknown: names(unknown) })
}

/// The key of the file's text that has a bad value, with dots between tables; none if something
/// else is wrong with the text.
pub fn bad_key<C: DeserializeOwned>(text: &str) -> Option<String> {
    let error = Figment::from(Toml::string(text)).extract::<C>().err()?;
    (!error.path.is_empty() && !matches!(error.kind, Kind::UnknownField(..))).then(|| error.path.join("."))
}

/// What is wrong with which variable. Without a path it is a table that lacks a key, so it may be
/// any of them.
fn said(error: &figment::Error, known: &[Variable]) -> String {
    let path = error.path.join(".");
    let is_meant = |variable: &&Variable| {
        variable.key().is_some_and(|key| key == path || path.starts_with(&format!("{key}.")) || key.starts_with(&format!("{path}.")))
    };
    let meant = known.iter().filter(is_meant).map(|variable| variable.name.as_str()).collect::<Vec<_>>();
    let all = known.iter().map(|variable| variable.name.as_str()).collect::<Vec<_>>();
    format!("{}: {}", if meant.is_empty() { all } else { meant }.join(", "), error.kind)
}

//! Which lines are logged, as the configuration says it.

use serde::{Deserialize, Deserializer};
use std::str::FromStr;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

/// A filter such as `info` or `poolgate=debug,warn`: directives that each name a level. What none
/// of them is about is logged if it is an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogFilter(String);

impl LogFilter {
    /// The filter as `tracing` takes it.
    pub(super) fn directives(&self) -> Result<EnvFilter, String> {
        // A directive without a target comes before: a later one takes its place.
        EnvFilter::try_new(format!("error,{}", self.0)).map_err(|error| error.to_string())
    }
}

impl Default for LogFilter {
    fn default() -> Self {
        Self("info".to_owned())
    }
}

impl FromStr for LogFilter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        for directive in directives(text) {
            let level = level_of(directive);
            if level.is_empty() || level.parse::<LevelFilter>().is_err() {
                return Err(format!(
                    "`{directive}` names no level; write it as error, warn, info, debug, trace or off, or as a target with one of them, such as poolgate=debug"
                ));
            }
        }
        let filter = Self(directives(text).collect::<Vec<_>>().join(","));
        filter.directives().map(|_| filter)
    }
}

impl<'de> Deserialize<'de> for LogFilter {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// What stands between the commas.
fn directives(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim)
}

/// What a directive says of its level: what follows its last `=` behind the span, or all of it
/// where there is no target.
fn level_of(directive: &str) -> &str {
    let (target, after_span) = directive.rsplit_once(']').map_or((None, directive), |(span, rest)| (Some(span), rest));
    match (target, after_span.rsplit_once('=')) {
        (_, Some((_, level))) => level.trim(),
        (None, None) => after_span,
        (Some(_), None) => "",
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::model::testing::Lines;

    /// What of an error, a warning and a note is logged.
    fn logged(filter: &str) -> String {
        let lines = Lines::default();
        let subscriber = tracing_subscriber::fmt()
            .with_env_filter(filter.parse::<LogFilter>().unwrap().directives().unwrap())
            .with_writer(lines.clone())
            .finish();
        tracing::subscriber::with_default(subscriber, || {
            tracing::error!(target: "poolgate::store", "e");
            tracing::warn!(target: "poolgate::store", "w");
            tracing::info!(target: "poolgate::store", "i");
        });
        lines.text().lines().filter_map(|line| line.chars().last()).collect()
    }

    #[test]
    fn errors_are_logged_unless_the_filter_says_otherwise() {
        for (filter, expected) in [
            ("info", "ewi"),
            ("warn", "ew"),
            ("error", "e"),
            ("WARN", "ew"),
            ("off", ""),
            ("hyper=debug", "e"),
            ("poolgate=off", ""),
            ("poolgate::nix=debug", "e"),
            ("poolgate=info", "ewi"),
            ("poolgate::store=warn,hyper=trace", "ew"),
            ("inof=debug", "e"),
            ("inof=debug,info", "ewi"),
            (" warn , hyper=info", "ew"),
            ("[request{path=\"/a\"}]=trace,warn", "ew"),
        ] {
            assert_eq!(logged(filter), expected, "{filter}");
        }
    }

    #[test]
    fn a_directive_that_names_no_level_is_refused_by_its_words() {
        for (filter, directive) in [
            ("inof", "`inof`"),
            ("poolgate", "`poolgate`"),
            ("info,poolgate", "`poolgate`"),
            ("poolgate=loud", "`poolgate=loud`"),
            ("poolgate=", "`poolgate=`"),
            ("[request]", "`[request]`"),
            ("[request{path=\"info\"}]", "`[request{path=\"info\"}]`"),
            ("", "``"),
            ("info,", "``"),
            ("info debug", "`info debug`"),
        ] {
            let said = filter.parse::<LogFilter>().unwrap_err();
            assert!(said.starts_with(directive) && said.contains("error, warn, info"), "{filter}: {said}");
        }
        assert!("[=info".parse::<LogFilter>().is_err());
    }
}

//! What can be chosen on the command line.

use crate::server::Kind;
use crate::workload::{Operation, Shape};
use clap::Parser;
use std::path::PathBuf;
use std::time::Duration;

/// Poolgate beside slapd, over LDAP.
#[derive(Parser)]
#[command(name = "ldap_vs_slapd", bin_name = "cargo bench --bench ldap_vs_slapd --")]
pub struct Options {
    /// Entries of people to load, of about 1 KB each.
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(100..=1_000_000))]
    pub entries: u32,
    /// Seconds of each measurement, after a warm-up.
    #[arg(long, default_value_t = 3.0)]
    pub seconds: f64,
    /// Measure only these: operations (search, two-attributes, compare, bind, modify, modify-one),
    /// shapes (8x1: connections x window), servers (slapd, poolgate).
    #[arg(long, value_delimiter = ',', value_name = "WORDS")]
    pub only: Vec<String>,
    /// Keep the servers' data in that folder, and use what an earlier run has loaded there.
    #[arg(long, value_name = "FOLDER")]
    pub data: Option<PathBuf>,
    /// What cargo says to a benchmark.
    #[arg(long, hide = true)]
    pub bench: bool,
}

impl Options {
    /// The servers to measure.
    pub fn servers(&self) -> impl Iterator<Item = Kind> {
        [Kind::Slapd, Kind::Poolgate].into_iter().filter(|kind| self.wants(kind.name(), &Kind::NAMES))
    }

    /// What to measure, in order.
    pub fn measurements(&self) -> Vec<(Operation, Shape)> {
        let operations = Operation::ALL.into_iter().filter(|operation| self.wants(operation.name(), &Operation::ALL.map(Operation::name)));
        let shapes: Vec<String> = Shape::ALL.map(|shape| shape.to_string()).into();
        let shapes: Vec<&str> = shapes.iter().map(String::as_str).collect();
        operations
            .flat_map(|operation| {
                Shape::ALL.into_iter().filter(move |shape| operation.has_window() || shape.window == 1).map(move |shape| (operation, shape))
            })
            .filter(|(_, shape)| self.wants(&shape.to_string(), &shapes))
            .collect()
    }

    pub fn time(&self) -> Duration {
        Duration::from_secs_f64(self.seconds)
    }

    /// Whether a word is named, or none of its kind is.
    fn wants(&self, word: &str, kind: &[&str]) -> bool {
        let mut named = self.only.iter().filter(|named| kind.contains(&named.as_str())).peekable();
        named.peek().is_none() || named.any(|named| named == word)
    }
}

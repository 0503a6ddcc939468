//! What `update` takes of every kind of thing: a merge patch from a file, as a whole or beside
//! flags, and the state that it is for.

use super::{Failure, Outcome};
use crate::admin::json_object;
use clap::Args;
use serde_json::{Map, Value};
use std::io::Read;
use std::path::{Path, PathBuf};

/// The file that stands for standard input.
const INPUT: &str = "-";

/// What changes, from a file.
#[derive(Args)]
pub struct Patch {
    /// A JSON file with what changes, or - for standard input. What it leaves out stays, and null
    /// gives the default back. It takes what `show --json` prints, whole or in part; with the ETag
    /// in it nothing is written if somebody else was faster.
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    /// Write nothing unless this is the ETag that `show` prints.
    #[arg(long)]
    etag: Option<String>,
}

impl Patch {
    /// The whole of it: what the file says, and over it what the flags say.
    pub fn with(self, flags: Map<String, Value>) -> Outcome<Value> {
        let mut patch = match &self.from {
            Some(file) => read(file)?,
            None if flags.is_empty() => {
                return Err(Failure::usage("what is to change? Say it with flags, or name a file with --from FILE"));
            }
            None => Map::new(),
        };
        for (name, value) in flags {
            match (patch.get_mut(&name), value) {
                (Some(Value::Object(fields)), Value::Object(more)) => fields.extend(more),
                (_, value) => drop(patch.insert(name, value)),
            }
        }
        if let Some(etag) = self.etag {
            patch.insert("etag".to_owned(), Value::String(etag));
        }
        Ok(Value::Object(patch))
    }
}

/// The JSON object in a file.
pub fn read(file: &Path) -> Outcome<Map<String, Value>> {
    let failed = |error: &dyn std::fmt::Display| Failure::new(format!("{}: {error}", file.display()));
    let mut text = Vec::new();
    if file == Path::new(INPUT) {
        std::io::stdin().lock().read_to_end(&mut text)?;
    } else {
        text = std::fs::read(file).map_err(|error| failed(&error))?;
    }
    json_object(&text).map_err(|error| failed(&error))
}

/// The fields that flags were given for.
pub fn fields<const N: usize>(flags: [(&str, Option<Value>); N]) -> Map<String, Value> {
    flags.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn flags_go_over_what_the_file_says_field_by_field() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("patch.json");
        std::fs::write(&file, r#"{"attributes":{"sn":["Ash"],"title":["Dr"]},"disabled":true,"etag":"of the file"}"#).unwrap();
        let flags = fields([("attributes", Some(json!({"title": ["Prof"]}))), ("disabled", Some(json!(false))), ("name", None)]);
        let patch = Patch { from: Some(file), etag: Some("of the flag".into()) };
        assert_eq!(
            patch.with(flags).map_err(drop).unwrap(),
            json!({"attributes": {"sn": ["Ash"], "title": ["Prof"]}, "disabled": false, "etag": "of the flag"})
        );
        assert!(Patch { from: None, etag: Some("x".into()) }.with(Map::new()).is_err(), "nothing is to change");
    }
}

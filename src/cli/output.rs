//! What commands print: lines for people, JSON for scripts.

use serde_json::Value;
use std::io::{ErrorKind, Write, stdout};
use std::process::exit;

/// Prints a line. Whoever has stopped reading, as `head` does, has what they wanted; any other
/// failure is told.
pub fn line(text: &str) {
    match writeln!(stdout(), "{text}") {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::BrokenPipe => exit(0),
        Err(error) => {
            eprintln!("poolgate: standard output: {error}");
            exit(1)
        }
    }
}

/// Prints a list: one line an item with these fields, in columns; and on standard error what cannot
/// be read of it, by its first field.
pub fn list(items: &[Value], fields: &[&str], json: bool) {
    if json {
        return print_json(&Value::Array(items.to_vec()));
    }
    let head: Vec<String> = fields.iter().map(|field| field.to_uppercase().replace('_', " ")).collect();
    let rows: Vec<Vec<String>> = items.iter().map(|item| fields.iter().map(|field| text(item.get(field))).collect()).collect();
    let width =
        |column: usize| rows.iter().chain([&head]).filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..fields.len()).map(width).collect();
    for row in [&head].into_iter().chain(&rows) {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        line(cells.join("  ").trim_end());
    }
    for (item, problem) in items.iter().filter_map(|item| Some((item, item.get("problem")?))) {
        let name = fields.first().map(|field| text(item.get(field))).unwrap_or_default();
        eprintln!("poolgate: {name} cannot be read: {}", text(Some(problem)));
    }
}

/// Prints one thing: a line a field.
pub fn show(item: &Value, json: bool) {
    match item {
        _ if json => print_json(item),
        Value::Object(fields) => fields.iter().for_each(|(name, value)| print_field(name, value, "")),
        Value::Null => {}
        other => line(&text(Some(other))),
    }
}

/// Prints that something was done, which JSON readers see from the exit code.
pub fn done(message: &str, json: bool) {
    if !json {
        line(message);
    }
}

fn print_field(name: &str, value: &Value, indent: &str) {
    match value {
        Value::Object(fields) => {
            line(&format!("{indent}{name}:"));
            fields.iter().for_each(|(name, value)| print_field(name, value, &format!("{indent}  ")));
        }
        Value::Array(items) if items.iter().any(Value::is_object) => {
            for (number, item) in items.iter().enumerate() {
                print_field(&format!("{name} {}", number + 1), item, indent);
            }
        }
        _ => line(&format!("{indent}{name}: {}", text(Some(value)))),
    }
}

fn print_json(value: &Value) {
    line(&serde_json::to_string_pretty(value).unwrap_or_default());
}

fn text(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(items)) => items.iter().map(text_of).collect::<Vec<_>>().join(", "),
        Some(other) => other.to_string(),
    }
}

fn text_of(value: &Value) -> String {
    text(Some(value))
}

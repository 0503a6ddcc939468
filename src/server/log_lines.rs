//! Lines of the log as they go out: each is one line, whatever strangers have written into its
//! fields.

use std::borrow::Cow;
use std::io::{self, Write};

/// Writes whole lines, with the control characters in them escaped: a new line would forge another
/// one, and a terminal obeys others.
pub(super) struct Lines<W>(pub W);

impl<W: Write> Write for Lines<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.write_all(escaped(line).as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

fn escaped(line: &[u8]) -> String {
    let text: Cow<'_, str> = String::from_utf8_lossy(line);
    let (text, end) = text.strip_suffix('\n').map_or((&*text, ""), |text| (text, "\n"));
    let mut escaped = String::with_capacity(text.len() + 1);
    for character in text.chars() {
        match character.is_control() {
            true => escaped.extend(character.escape_unicode()),
            false => escaped.push(character),
        }
    }
    escaped + end
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::model::testing::Lines as Written;

    #[test]
    fn no_text_in_a_line_makes_another_one_or_is_obeyed_by_a_terminal() {
        let written = Written::default();
        let writer = written.clone();
        let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || Lines(writer.clone())).finish();
        let foreign = "x\u{1b}[31m\r\n2026-11-30T00:00:00Z ERROR poolgate::store: FORGED\u{9b}";
        tracing::subscriber::with_default(subscriber, || {
            tracing::warn!(error = %foreign, "an upstream login failed");
            tracing::warn!("{foreign}");
        });
        let text = written.text();
        assert_eq!(text.lines().count(), 2, "{text}");
        assert!(!text.contains(['\u{1b}', '\r', '\u{9b}']), "{text}");
        assert!(text.contains("error=x\\u{1b}[31m\\u{d}\\u{a}2026-11-30"), "{text}");
    }
}

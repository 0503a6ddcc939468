//! Writing LDIF (RFC 2849).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::io::{Result, Write};

/// Columns of a line; what is longer is folded.
const COLUMNS: usize = 76;

/// Writes entries one after the other.
pub struct Writer<W> {
    output: W,
}

impl<W: Write> Writer<W> {
    /// A writer that opens the file with `version: 1`.
    pub fn new(mut output: W) -> Result<Self> {
        output.write_all(b"version: 1\n")?;
        Ok(Self { output })
    }

    /// A writer that goes on with a file.
    pub const fn resume(output: W) -> Self {
        Self { output }
    }

    /// Writes one entry.
    pub fn entry<'a>(&mut self, dn: &str, values: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Result<()> {
        self.output.write_all(b"\n")?;
        self.line("dn", dn.as_bytes())?;
        values.into_iter().try_for_each(|(name, value)| self.line(name, value))
    }

    /// What it writes to.
    pub const fn output(&self) -> &W {
        &self.output
    }

    /// Flushes and gives the output back.
    pub fn finish(mut self) -> Result<W> {
        self.output.flush()?;
        Ok(self.output)
    }

    fn line(&mut self, name: &str, value: &[u8]) -> Result<()> {
        let text = match std::str::from_utf8(value) {
            Ok("") => format!("{name}:"),
            Ok(text) if is_safe(value) => format!("{name}: {text}"),
            _ => format!("{name}:: {}", STANDARD.encode(value)),
        };
        // Everything is ASCII here, so a fold cannot divide a character.
        let (first, mut rest) = text.split_at_checked(COLUMNS).unwrap_or((&text, ""));
        writeln!(self.output, "{first}")?;
        while !rest.is_empty() {
            let (piece, tail) = rest.split_at_checked(COLUMNS - 1).unwrap_or((rest, ""));
            writeln!(self.output, " {piece}")?;
            rest = tail;
        }
        Ok(())
    }
}

/// Whether a value may stand as it is (RFC 2849, SAFE-STRING). A trailing space would be lost in
/// many editors.
fn is_safe(value: &[u8]) -> bool {
    let starts_safely = !matches!(value.first(), Some(b' ' | b':' | b'<'));
    starts_safely && value.last() != Some(&b' ') && value.iter().all(|octet| octet.is_ascii() && !matches!(octet, 0 | b'\n' | b'\r'))
}

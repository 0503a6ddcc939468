//! CSV (RFC 4180) as a table of entries: the first row names attributes, each further row is an
//! entry.
//!
//! A column `dn` names the entries; without one, the column `uid` does, under `ou=people`. Without
//! an `objectClass` they are inetOrgPerson. A column that comes twice gives two values, an empty
//! cell none, unless the column is there to say that somebody may log in: then the empty cell does
//! not say so. Cells are divided by commas, semicolons or tabs, whichever the first row has first.

use super::ldif::{FileError, MAX_LINE, Record};
use super::prepare::names;
use super::standing;
use crate::directory::schema::Schema;
use crate::model::{Dn, Rdn};
use std::io::BufRead;

/// The most columns of a row.
pub const MAX_COLUMNS: usize = 256;

const DEFAULT_CLASS: &str = "inetOrgPerson";

type Result<T> = std::result::Result<T, FileError>;

/// Reads the entries of a file; after an error it ends.
pub struct Reader<R> {
    input: R,
    suffix: Dn,
    /// Lines read so far.
    line: u64,
    delimiter: u8,
    header: Vec<String>,
    ended: bool,
}

/// The cells of a row and the line on which it begins.
struct Row {
    line: u64,
    cells: Vec<String>,
}

impl<R: BufRead> Reader<R> {
    /// A reader of the file, for a pool with that suffix.
    pub const fn new(input: R, suffix: Dn) -> Self {
        Self { input, suffix, line: 0, delimiter: b',', header: Vec::new(), ended: false }
    }

    fn record(&mut self) -> Result<Option<Record>> {
        if self.header.is_empty() {
            let Some(row) = self.row()? else { return Ok(None) };
            self.header = row.cells.into_iter().map(|cell| names::of(Schema::builtin(), cell.trim())).collect();
            if self.header.iter().any(String::is_empty) {
                return Err(error(row.line, "a column has no name; the first row names the attribute of each column"));
            }
        }
        let Some(row) = self.row()? else { return Ok(None) };
        if row.cells.len() > self.header.len() {
            let message = format!(
                "the row has {} cells and the first row only {}; quote cells that hold the delimiter",
                row.cells.len(),
                self.header.len()
            );
            return Err(error(row.line, message));
        }
        self.entry(row).map(Some)
    }

    fn entry(&self, row: Row) -> Result<Record> {
        let mut record = Record { line: row.line, dn: Dn::root(), attributes: Vec::new() };
        let mut uid = None;
        let mut has_class = false;
        let cells = row.cells.into_iter().chain(std::iter::repeat(String::new()));
        let is_said =
            |(name, cell): &(&String, String)| !cell.is_empty() || standing::Row::find(name).is_some_and(standing::Row::is_needed);
        for (name, cell) in self.header.iter().zip(cells).filter(is_said) {
            if name.eq_ignore_ascii_case("dn") {
                record.dn = Dn::parse(&cell).map_err(|cause| error(row.line, cause.to_string()))?;
                continue;
            }
            if name.eq_ignore_ascii_case("uid") && uid.is_none() {
                uid = Some(cell.clone());
            }
            has_class |= name.eq_ignore_ascii_case("objectClass");
            record.push(name.clone(), cell.into_bytes(), row.line);
        }
        if record.dn.is_root() {
            let uid = uid.ok_or_else(|| error(row.line, "the row has neither a dn nor a uid; one of them names the entry"))?;
            record.dn = self.suffix.child(Rdn::single("ou", "people")).child(Rdn::single("uid", uid));
        }
        if !has_class {
            record.push("objectClass".to_owned(), DEFAULT_CLASS.as_bytes().to_vec(), row.line);
        }
        Ok(record)
    }

    /// The next row that is not empty.
    fn row(&mut self) -> Result<Option<Row>> {
        loop {
            let Some(text) = self.text()? else { return Ok(None) };
            let line = self.line + 1 - text.matches('\n').count().max(1) as u64;
            if self.header.is_empty() {
                self.delimiter = delimiter(&text);
            }
            let cells = cells(&text, self.delimiter).map_err(|message| error(line, message))?;
            if cells.len() > MAX_COLUMNS {
                return Err(error(line, format!("the row has more than {MAX_COLUMNS} cells")));
            }
            if cells.iter().any(|cell| !cell.is_empty()) {
                return Ok(Some(Row { line, cells }));
            }
        }
    }

    /// The text of a row: lines up to one after which no quote is open. Ends with a line feed.
    fn text(&mut self) -> Result<Option<String>> {
        let mut text = Vec::new();
        let mut quotes = 0;
        loop {
            let start = text.len();
            let limit = (MAX_LINE + 1).saturating_sub(start) as u64;
            let read = std::io::Read::take(&mut self.input, limit).read_until(b'\n', &mut text);
            read.map_err(|cause| error(self.line + 1, format!("the file cannot be read: {cause}")))?;
            let piece = text.get(start..).unwrap_or_default();
            if text.len() > MAX_LINE {
                return Err(error(self.line + 1, format!("the row has more than {MAX_LINE} octets; a quote may not be closed")));
            }
            if piece.is_empty() {
                break;
            }
            self.line += 1;
            quotes += memchr::memchr_iter(b'"', piece).count();
            if quotes % 2 == 0 {
                break;
            }
        }
        if text.is_empty() {
            return Ok(None);
        }
        if quotes % 2 == 1 {
            return Err(error(self.line, "a quote is not closed"));
        }
        if text.last() != Some(&b'\n') {
            text.push(b'\n');
        }
        let text = String::from_utf8(text).map_err(|_| error(self.line, "the row is not UTF-8; save the table as CSV in UTF-8"))?;
        let mark = if self.header.is_empty() { text.strip_prefix('\u{feff}') } else { None };
        Ok(Some(mark.map(str::to_owned).unwrap_or(text)))
    }
}

impl<R: BufRead> Iterator for Reader<R> {
    type Item = Result<Record>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let record = self.record().transpose();
        self.ended = !matches!(record, Some(Ok(_)));
        record
    }
}

fn delimiter(header: &str) -> u8 {
    header.bytes().find(|octet| matches!(octet, b',' | b';' | b'\t')).unwrap_or(b',')
}

/// The cells of a row (RFC 4180, section 2): quoted ones may hold delimiters, line breaks and
/// doubled quotes.
fn cells(row: &str, delimiter: u8) -> std::result::Result<Vec<String>, String> {
    let delimiter = char::from(delimiter);
    let mut rest = row.trim_end_matches(['\r', '\n']);
    let mut cells = Vec::new();
    loop {
        let (cell, after) = match rest.strip_prefix('"') {
            Some(quoted) => unquote(quoted)?,
            None => {
                let end = rest.find(delimiter).unwrap_or(rest.len());
                let (cell, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
                (cell.to_owned(), after)
            }
        };
        cells.push(cell);
        match after.strip_prefix(delimiter) {
            Some(next) => rest = next,
            None if after.is_empty() => return Ok(cells),
            None => return Err(format!("text follows the closing quote of cell {}; double the quotes within a cell", cells.len())),
        }
    }
}

/// What a quoted cell holds, and what follows its closing quote.
fn unquote(quoted: &str) -> std::result::Result<(String, &str), String> {
    let mut cell = String::new();
    let mut rest = quoted;
    loop {
        let (inner, after) = rest.split_once('"').ok_or("a quote is not closed")?;
        cell.push_str(inner);
        match after.strip_prefix('"') {
            Some(more) => {
                cell.push('"');
                rest = more;
            }
            None => return Ok((cell, after)),
        }
    }
}

fn error(line: u64, message: impl Into<String>) -> FileError {
    FileError { line, message: message.into() }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: impl AsRef<[u8]>) -> Result<Vec<Record>> {
        Reader::new(text.as_ref(), Dn::parse("o=acme").unwrap()).collect()
    }

    fn values(record: &Record, name: &str) -> Vec<String> {
        let found = record.attributes.iter().filter(|field| field.attribute.name == name);
        found.flat_map(|field| &field.attribute.values).map(|value| String::from_utf8(value.clone()).unwrap()).collect()
    }

    #[test]
    fn rows_become_entries() {
        let records =
            read("uid,cn,sn,mail,mail\nalice,\"Smith, \"\"Al\"\"\",Smith,a@x,b@x\nbob,\"two\nlines\",B,,\n\ncarol,C,C,,\n").unwrap();
        assert_eq!(records.len(), 3);
        assert_eq!(records[0].dn.to_string(), "uid=alice,ou=people,o=acme");
        assert_eq!(
            (values(&records[0], "cn"), values(&records[0], "mail")),
            (vec!["Smith, \"Al\"".to_owned()], vec!["a@x".to_owned(), "b@x".to_owned()])
        );
        assert_eq!((values(&records[1], "cn"), values(&records[1], "mail")), (vec!["two\nlines".to_owned()], vec![]));
        assert_eq!(values(&records[0], "objectClass"), ["inetOrgPerson"]);
        assert_eq!(records.iter().map(|record| record.line).collect::<Vec<_>>(), [2, 3, 6]);
    }

    #[test]
    fn what_tables_look_like_elsewhere_is_read() {
        let records = read("\u{feff}dn;objectClass;objectClass;cn\r\ncn=a,o=acme;device;ieee802Device;a\r\n").unwrap();
        assert_eq!(records[0].dn.to_string(), "cn=a,o=acme");
        assert_eq!(values(&records[0], "objectClass"), ["device", "ieee802Device"]);
        assert_eq!(values(&read("uid\tcn\na\tA").unwrap()[0], "cn"), ["A"]);
        assert!(read("").unwrap().is_empty() && read("uid,cn\n").unwrap().is_empty());
    }

    #[test]
    fn an_empty_cell_does_not_say_that_somebody_may_log_in() {
        let records = read("uid,enabled,locked,mail\na,,,\nb,true\nc\n").unwrap();
        assert_eq!(records.iter().map(|record| values(record, "enabled")).collect::<Vec<_>>(), [[""], ["true"], [""]]);
        assert!(records.iter().all(|record| values(record, "locked").is_empty() && values(record, "mail").is_empty()));
    }

    #[test]
    fn errors_name_the_line() {
        for (text, expected) in [
            ("uid,,cn\n", "line 1: a column has no name"),
            ("uid,cn\na,b,c\n", "line 2: the row has 3 cells and the first row only 2"),
            ("cn,sn\na,b\n", "line 2: the row has neither a dn nor a uid"),
            ("dn,sn\nnonsense,b\n", "line 2: the name is malformed"),
            ("uid,cn\na,\"b\n", "line 2: a quote is not closed"),
            ("uid,cn\na,\"b\"c\n", "line 2: text follows the closing quote of cell 2"),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{text:?}: {error}");
        }
        assert!(read(b"uid,cn\na,\xff\n").unwrap_err().message.contains("not UTF-8"));
        let wide = vec!["a"; MAX_COLUMNS + 1].join(",");
        assert!(read(wide).unwrap_err().message.contains("more than 256 cells"));
        assert!(read(format!("uid,cn\na,{}", "b".repeat(MAX_LINE))).unwrap_err().message.contains("more than 2097152 octets"));
    }

    proptest! {
        #[test]
        fn cells_are_read_as_they_were_quoted(rows in proptest::collection::vec(("[a-z]{1,5}", "[a-z\",;\n ]{1,8}"), 1..5)) {
            let quoted: String = rows.iter().map(|(uid, cn)| format!("{uid},\"{}\"\n", cn.replace('"', "\"\""))).collect();
            let records = read(format!("uid,cn\n{quoted}")).unwrap();
            prop_assert_eq!(records.len(), rows.len());
            for (record, (uid, cn)) in records.iter().zip(&rows) {
                prop_assert_eq!((values(record, "uid"), values(record, "cn")), (vec![uid.clone()], vec![cn.clone()]));
            }
        }

        #[test]
        fn any_octets_are_read_or_refused(octets in any::<Vec<u8>>(), text in "[a-z,;\"\\n]{0,40}") {
            let _ = read(octets);
            let _ = read(text);
        }
    }
}

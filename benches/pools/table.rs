//! A table with a column for each number of pools.

use std::fmt;

pub struct Table {
    rows: Vec<(String, Vec<String>)>,
}

impl Table {
    /// A table with these heads of columns.
    pub fn new(heads: impl Iterator<Item = String>) -> Self {
        Self { rows: vec![("pools".to_owned(), heads.collect())] }
    }

    pub fn row(&mut self, what: &str, cells: impl Iterator<Item = String>) {
        self.rows.push((what.to_owned(), cells.collect()));
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first = self.rows.iter().map(|(what, _)| what.chars().count()).max().unwrap_or(0);
        let other = self.rows.iter().flat_map(|(_, cells)| cells).map(|cell| cell.chars().count()).max().unwrap_or(0);
        for (what, cells) in &self.rows {
            write!(f, "{what:<first$}")?;
            for cell in cells {
                write!(f, "  {cell:>other$}")?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

/// A number with commas between groups of three digits.
pub fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let groups: Vec<_> = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy).collect();
    groups.join(",")
}

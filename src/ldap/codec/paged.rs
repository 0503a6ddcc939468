//! The value of the paged results control (RFC 2696).

use super::decode::Reason;
use crate::model::ber::{Reader, SEQUENCE, Writer};

/// The value of the control, in a request and in an answer (RFC 2696, section 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PagedResults<'a> {
    /// In a request the size of the page; in an answer an estimate of all, zero when there is none.
    pub size: u32,
    /// Where the page begins; empty for the first, and after the last.
    pub cookie: &'a [u8],
}

impl<'a> PagedResults<'a> {
    /// The object identifier of the control.
    pub const OID: &'static str = "1.2.840.113556.1.4.319";

    /// Reads the value.
    pub fn decode(value: &'a [u8]) -> Result<Self, Reason> {
        let mut outer = Reader::new(value);
        let mut reader = outer.sequence()?;
        outer.finish()?;
        let size = u32::try_from(reader.integer()?).ok().filter(|size| *size <= i32::MAX.unsigned_abs());
        let cookie = reader.octets()?;
        reader.finish()?;
        Ok(Self { size: size.ok_or(Reason::Value("the size of a page is out of range"))?, cookie })
    }

    /// Writes the value.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        Writer::new(&mut out).constructed(SEQUENCE, |writer| {
            writer.integer(i64::from(self.size));
            writer.octets(self.cookie);
        });
        out
    }
}

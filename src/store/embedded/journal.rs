//! The bytes of journal records. Pure: nothing here touches the engine.
//!
//! A record is named by the sequence of its first commit and a number, and holds `format:1 kind:1
//! applied:8 checksum:4 body`. `applied` is the last commit whose rows were all written before this
//! record. The checksum covers the name too.
//!
//! - A whole record holds one commit or more, each `sequence:8 length:4 commit`.
//! - A commit over [`MAX_BODY`] is cut into parts, numbered from zero. The last part begins with
//!   `length:4 checksum:4` of the whole; without it the commit never was.
//!
//! A commit is `puts:4 (length:2 key length:2 tail)… deletes:4 (length:2 key)…` with names and rows
//! as the engine holds them.

use crate::model::Sequence;

/// Bytes of commits in one record.
pub(super) const MAX_BODY: usize = 6 * 1024;

const FORMAT: u8 = 1;
const WHOLE: u8 = 1;
const PART: u8 = 2;
const LAST: u8 = 3;
const HEADER: usize = 14;
/// Where in the header the checksum begins.
const CHECKSUM: usize = 10;
const FRAME: usize = 12;

/// What one commit writes: rows by their full names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Commit {
    pub sequence: Sequence,
    /// Name and tail of each row, in the order in which readers may meet them.
    pub puts: Vec<(Vec<u8>, Vec<u8>)>,
    pub deletes: Vec<Vec<u8>>,
}

/// The name of a record: its first commit, and the number of the part.
pub(super) type Name = (Sequence, u16);

/// A record as read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub applied: Sequence,
    pub body: Body,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Body {
    Whole(Vec<Commit>),
    Part(Vec<u8>),
    Last { length: usize, checksum: u32, part: Vec<u8> },
}

/// Bytes that are no journal record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("journal record {0}.{1} is damaged: {2}")]
pub(super) struct Damaged(pub Sequence, pub u16, pub &'static str);

impl Commit {
    /// A commit that writes nothing.
    pub(super) const fn empty(sequence: Sequence) -> Self {
        Self { sequence, puts: Vec::new(), deletes: Vec::new() }
    }

    /// The names of all rows that it touches.
    pub(super) fn names(&self) -> impl Iterator<Item = &[u8]> {
        self.puts.iter().map(|(name, _)| name.as_slice()).chain(self.deletes.iter().map(Vec::as_slice))
    }

    /// The bytes that [`Commit::encode`] adds.
    fn encoded_len(&self) -> usize {
        let puts = self.puts.iter().map(|(name, tail)| 4 + name.len() + tail.len());
        let deletes = self.deletes.iter().map(|name| 2 + name.len());
        8 + puts.chain(deletes).sum::<usize>()
    }

    fn encode(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&length32(self.puts.len()));
        for (name, tail) in &self.puts {
            push16(bytes, name);
            push16(bytes, tail);
        }
        bytes.extend_from_slice(&length32(self.deletes.len()));
        for name in &self.deletes {
            push16(bytes, name);
        }
    }

    fn decode(sequence: Sequence, bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes;
        let mut commit = Self::empty(sequence);
        for _ in 0..take32(&mut rest)? {
            commit.puts.push((take16(&mut rest)?.to_vec(), take16(&mut rest)?.to_vec()));
        }
        for _ in 0..take32(&mut rest)? {
            commit.deletes.push(take16(&mut rest)?.to_vec());
        }
        rest.is_empty().then_some(commit)
    }
}

/// The records of commits in sequence: small ones together, large ones in parts.
pub(super) fn records(commits: &[Commit], applied: Sequence) -> Vec<(Name, Vec<u8>)> {
    let mut records = Vec::new();
    let mut open: Option<(Name, Vec<u8>)> = None;
    for commit in commits {
        let length = commit.encoded_len();
        if let Some((name, record)) = open.take_if(|(_, record)| record.len() + FRAME + length > HEADER + MAX_BODY) {
            records.push((name, seal(name, WHOLE, applied, record)));
        }
        if FRAME + length > MAX_BODY {
            records.extend(parts(commit, length, applied));
            continue;
        }
        let (_, record) = open.get_or_insert_with(|| ((commit.sequence, 0), begin(WHOLE, applied)));
        record.extend_from_slice(&commit.sequence.get().to_be_bytes());
        record.extend_from_slice(&length32(length));
        commit.encode(record);
    }
    records.extend(open.map(|(name, record)| (name, seal(name, WHOLE, applied, record))));
    records
}

/// Reads the record of that name.
pub(super) fn decode(name: Name, bytes: &[u8]) -> Result<Record, Damaged> {
    let damaged = |what| Damaged(name.0, name.1, what);
    let (header, body) = bytes.split_first_chunk::<HEADER>().ok_or(damaged("it is too short"))?;
    let [format, kind, a, b, c, d, e, f, g, h, sum @ ..] = *header;
    if format != FORMAT {
        return Err(damaged("it has a format that this version does not know"));
    }
    let applied = Sequence::new(u64::from_be_bytes([a, b, c, d, e, f, g, h]));
    if checksum(name, kind, applied, body) != u32::from_be_bytes(sum) {
        return Err(damaged("its checksum does not match"));
    }
    let body = match kind {
        WHOLE => whole(name.0, body).map(Body::Whole),
        PART => Some(Body::Part(body.to_vec())),
        LAST => last(body),
        _ => None,
    };
    Ok(Record { applied, body: body.ok_or(damaged("its body cannot be read"))? })
}

/// Puts the parts of large commits together again.
#[derive(Debug, Default)]
pub(super) struct Assembler {
    open: Option<(Sequence, u16, Vec<u8>)>,
}

impl Assembler {
    /// Takes the next record and gives the commits that it completes.
    pub(super) fn take(&mut self, name: Name, body: Body) -> Result<Vec<Commit>, Damaged> {
        let damaged = |what| Damaged(name.0, name.1, what);
        let (part, end) = match (body, &self.open) {
            (Body::Whole(commits), None) => return Ok(commits),
            (Body::Whole(_), Some(_)) => return Err(damaged("the commit before it lacks its end")),
            (Body::Part(part), _) => (part, None),
            (Body::Last { length, checksum, part }, _) => (part, Some((length, checksum))),
        };
        let (sequence, next, mut bytes) = self.open.take().unwrap_or((name.0, 0, Vec::new()));
        if (sequence, next) != name {
            return Err(damaged("a part before it is missing"));
        }
        bytes.extend_from_slice(&part);
        let Some((length, checksum)) = end else {
            self.open = Some((sequence, next.saturating_add(1), bytes));
            return Ok(Vec::new());
        };
        if length != bytes.len() || checksum != crc32fast::hash(&bytes) {
            return Err(damaged("its parts do not fit together"));
        }
        Ok(vec![Commit::decode(sequence, &bytes).ok_or(damaged("its commit cannot be read"))?])
    }

    /// The commit that lacks its end, if there is one.
    pub(super) fn torn(&self) -> Option<Sequence> {
        self.open.as_ref().map(|(sequence, ..)| *sequence)
    }
}

fn parts(commit: &Commit, length: usize, applied: Sequence) -> Vec<(Name, Vec<u8>)> {
    let mut bytes = Vec::with_capacity(length);
    commit.encode(&mut bytes);
    let count = length.div_ceil(MAX_BODY);
    let numbered = (0..).zip(bytes.chunks(MAX_BODY)).enumerate();
    numbered
        .map(|(index, (number, part))| {
            let name = (commit.sequence, number);
            let kind = if index + 1 < count { PART } else { LAST };
            let mut record = begin(kind, applied);
            if kind == LAST {
                record.extend_from_slice(&length32(length));
                record.extend_from_slice(&crc32fast::hash(&bytes).to_be_bytes());
            }
            record.extend_from_slice(part);
            (name, seal(name, kind, applied, record))
        })
        .collect()
}

fn whole(first: Sequence, mut rest: &[u8]) -> Option<Vec<Commit>> {
    let mut commits = Vec::new();
    while !rest.is_empty() {
        let (sequence, after) = rest.split_first_chunk()?;
        rest = after;
        let length = usize::try_from(take32(&mut rest)?).ok()?;
        let (commit, after) = rest.split_at_checked(length)?;
        rest = after;
        commits.push(Commit::decode(Sequence::new(u64::from_be_bytes(*sequence)), commit)?);
    }
    (commits.first()?.sequence == first).then_some(commits)
}

fn last(body: &[u8]) -> Option<Body> {
    let mut rest = body;
    let length = usize::try_from(take32(&mut rest)?).ok()?;
    let checksum = take32(&mut rest)?;
    Some(Body::Last { length, checksum, part: rest.to_vec() })
}

/// A record that lacks its checksum and its body.
fn begin(kind: u8, applied: Sequence) -> Vec<u8> {
    let mut record = Vec::with_capacity(HEADER + 8 + MAX_BODY);
    record.extend_from_slice(&[FORMAT, kind]);
    record.extend_from_slice(&applied.get().to_be_bytes());
    record.extend_from_slice(&[0; HEADER - CHECKSUM]);
    record
}

/// Puts the checksum in its place.
fn seal(name: Name, kind: u8, applied: Sequence, mut record: Vec<u8>) -> Vec<u8> {
    let sum = checksum(name, kind, applied, record.get(HEADER..).unwrap_or_default());
    if let Some(place) = record.get_mut(CHECKSUM..HEADER) {
        place.copy_from_slice(&sum.to_be_bytes());
    }
    record
}

fn checksum(name: Name, kind: u8, applied: Sequence, body: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&name.0.get().to_be_bytes());
    hasher.update(&name.1.to_be_bytes());
    hasher.update(&[FORMAT, kind]);
    hasher.update(&applied.get().to_be_bytes());
    hasher.update(body);
    hasher.finalize()
}

/// Lengths are bounded by the caps of a commit, far below what fits.
fn length32(length: usize) -> [u8; 4] {
    u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes()
}

fn push16(bytes: &mut Vec<u8>, part: &[u8]) {
    bytes.extend_from_slice(&u16::try_from(part.len()).unwrap_or(u16::MAX).to_be_bytes());
    bytes.extend_from_slice(part);
}

fn take32(rest: &mut &[u8]) -> Option<u32> {
    let (number, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(u32::from_be_bytes(*number))
}

fn take16<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, after) = rest.split_first_chunk()?;
    let (part, after) = after.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
    *rest = after;
    Some(part)
}

#[cfg(test)]
mod tests;

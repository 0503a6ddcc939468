//! Import of a file into a pool.
//!
//! The first pass judges the whole file and writes nothing. The second adds the entries level by level, so that their order in the file does not matter. The third
//! adds the links between them. Each commit is small, and a checkpoint says how far all that is done, so that the same import goes on after a crash.

use super::checkpoint::{self, Checkpoint, Phase};
use super::ldif::{FileError, Record};
use super::prepare::{self, Prepared};
use super::source::{self, Format, Records, Source};
use super::survey::{MAX_PROBLEMS, Survey};
use crate::authn::Core;
use crate::directory::{Directory, EntryKind, Modification, ModificationKind, change};
use crate::model::error::{Clash, Rule, Shortage};
use crate::model::{Actor, Attribute, EntryId, Error, Kind, Result};
use crate::pool::Pool;
use futures_util::{StreamExt, TryStreamExt, stream};
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Records that one job reads.
const CHUNK: usize = 256;
/// Octets of values after which a job reads no further record: one record can be as large as [`super::ldif::MAX_RECORD`].
const CHUNK_OCTETS: usize = 8 << 20;
/// Commits that wait for the disk together.
const IN_FLIGHT: usize = 32;
/// Links that one commit adds.
const LINKS_PER_COMMIT: usize = 256;
/// How often a busy server is asked again before the import stops, and how long it waits in between.
const PATIENCE: (u32, Duration) = (200, Duration::from_millis(50));

/// What ids of entries tell apart.
const TICK: Duration = Duration::from_millis(1);

/// An import, ready to run.
pub struct Import {
    core: Arc<Core>,
    pool: Arc<Pool>,
    actor: Actor,
    source: Arc<dyn Source>,
    format: Format,
    progress: Arc<Progress>,
}

/// How far an import has come since it was started, for whoever watches it.
#[derive(Debug, Default)]
pub struct Progress {
    judged: AtomicU64,
    added: AtomicU64,
    links: AtomicU64,
}

impl Progress {
    /// Records that the first pass has judged.
    pub fn judged(&self) -> u64 {
        self.judged.load(Ordering::Relaxed)
    }

    /// Entries that the second pass has added.
    pub fn added(&self) -> u64 {
        self.added.load(Ordering::Relaxed)
    }

    /// Links that the third pass has added.
    pub fn links(&self) -> u64 {
        self.links.load(Ordering::Relaxed)
    }
}

/// What an import did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Entries that were added, those before a crash included.
    pub added: u64,
    /// Links between entries that were added.
    pub links: u64,
    /// Entries of the file that were there before and stay as they are: the suffix, organizational units.
    pub kept: u64,
    /// Whether it went on where an earlier attempt was cut off.
    pub resumed: bool,
    /// Attributes that were left out, because the server computes them or only another server uses them.
    pub left_out: Vec<String>,
}

/// Why an import did not end well.
#[derive(Debug)]
pub enum Failure {
    /// The first pass found problems, and nothing was written.
    Refused(Vec<FileError>),
    /// It was cut off. What is done stays done; the same import goes on from there.
    Stopped {
        /// The line of the record, if it was one.
        line: Option<u64>,
        /// Why.
        error: Error,
    },
}

type Outcome<T> = std::result::Result<T, Failure>;

enum Added {
    New,
    Kept,
    Already,
}

impl Import {
    /// An import into that pool, for that actor.
    pub fn new(core: Arc<Core>, pool: Arc<Pool>, actor: Actor, source: Arc<dyn Source>, format: Format) -> Self {
        Self { core, pool, actor, source, format, progress: Arc::default() }
    }

    /// What shows how far it has come while it runs.
    pub fn progress(&self) -> Arc<Progress> {
        Arc::clone(&self.progress)
    }

    /// Runs the first pass alone: tells whether the file could be imported.
    pub async fn check(&self) -> Outcome<()> {
        let now = self.core.clock.now().plus(TICK);
        self.survey(change::first_id(now)).await.map(drop)
    }

    /// Runs the import, or goes on with it where it was cut off.
    pub async fn run(&self) -> Outcome<Report> {
        let source = Arc::clone(&self.source);
        let file = self.job(move || source::fingerprint(&*source)).await?.map_err(|error| self.unreadable(&error))?;
        let before = Checkpoint::load(&self.pool)?;
        if before.as_ref().is_some_and(|checkpoint| checkpoint.file != file) {
            return Err(checkpoint::foreign().into());
        }
        let mut report = Report { resumed: before.is_some(), ..Report::default() };
        let mut at = match before {
            Some(checkpoint) => checkpoint,
            None => self.begin(file).await,
        };
        let survey = self.survey(change::first_id(at.began)).await?;
        match report.resumed {
            true => at.save(&self.pool).await?,
            false => at.claim(&self.pool).await?,
        }
        if at.phase == Phase::Entries {
            for depth in survey.depths.keys().map(|depth| *depth as u64).filter(|depth| *depth >= at.depth).collect::<Vec<_>>() {
                if depth > at.depth {
                    at = Checkpoint { depth, records: 0, ..at };
                }
                self.add_entries(&mut at, &mut report).await?;
            }
            at = Checkpoint { phase: Phase::Links, depth: 0, records: 0, ..at };
            at.save(&self.pool).await?;
        }
        if survey.has_links {
            self.add_links(&mut at).await?;
        }
        Checkpoint::clear(&self.pool).await?;
        report.added = at.added;
        report.links = at.links;
        report.left_out = survey.left_out.into_iter().collect();
        Ok(report)
    }

    /// Ids of entries tell milliseconds apart: what is added in a later one than this is the import's own.
    async fn begin(&self, file: [u8; 32]) -> Checkpoint {
        let began = self.core.clock.now().plus(TICK);
        tokio::time::sleep(TICK * 2).await;
        Checkpoint::begin(file, began)
    }

    /// Gives up an import that was cut off. The entries that it added stay.
    pub async fn give_up(pool: &Pool) -> Result<()> {
        Checkpoint::clear(pool).await
    }

    async fn survey(&self, own_from: EntryId) -> Outcome<Survey> {
        let mut records = self.records().await?;
        let mut survey = Survey::new(Arc::clone(&self.pool), self.actor.clone(), own_from);
        loop {
            let (core, progress) = (Arc::clone(&self.core), Arc::clone(&self.progress));
            let (rest, judged, more) = self
                .job(move || {
                    let more = judge(&core, &mut records, &mut survey, &progress);
                    (records, survey, more)
                })
                .await?;
            records = rest;
            survey = judged;
            if survey.is_full() {
                survey.cut_off();
                break;
            }
            if !more? {
                break;
            }
        }
        survey.finish();
        if survey.problems.is_empty() { Ok(survey) } else { Err(Failure::Refused(survey.problems)) }
    }

    /// Adds the entries of one level of the tree.
    async fn add_entries(&self, at: &mut Checkpoint, report: &mut Report) -> Outcome<()> {
        let depth = usize::try_from(at.depth).unwrap_or(usize::MAX) + self.pool.suffix().rdns().len();
        let own_from = change::first_id(at.began);
        let mut rest = Rest::new(self.records().await?, at.records);
        while let Some(chunk) = self.chunk(&mut rest).await? {
            let level = chunk.into_iter().filter(|record| record.dn.rdns().len() == depth);
            let done: Vec<Added> =
                stream::iter(level).map(|record| self.add(record, own_from)).buffer_unordered(IN_FLIGHT).try_collect().await?;
            at.added += done.iter().filter(|added| !matches!(added, Added::Kept)).count() as u64;
            report.kept += done.iter().filter(|added| matches!(added, Added::Kept)).count() as u64;
            at.records = rest.position;
            if done.iter().any(|added| matches!(added, Added::New)) {
                at.save(&self.pool).await?;
            }
        }
        Ok(())
    }

    async fn add(&self, record: Record, own_from: EntryId) -> Outcome<Added> {
        let Prepared { line, entry, .. } = prepare::prepare(Directory::new(&self.pool).schema(), record, &mut BTreeSet::new());
        let stopped = |error| Failure::Stopped { line: Some(line), error };
        let added = self.patiently(|| self.core.add_entry(&self.pool, &self.actor, entry.clone())).await;
        match added {
            Ok(_) => {
                self.progress.added.fetch_add(1, Ordering::Relaxed);
                Ok(Added::New)
            }
            Err(error) if *error.kind() == Kind::Conflict(Clash::Exists) => {
                let directory = Directory::new(&self.pool);
                let there = directory.resolve(&entry.dn).and_then(|id| Ok((id, directory.entry(id)?))).map_err(stopped)?;
                match there {
                    (id, _) if id >= own_from => Ok(Added::Already),
                    (_, Some(entry)) if entry.kind() == EntryKind::Container => Ok(Added::Kept),
                    _ => Err(stopped(error)),
                }
            }
            Err(error) => Err(stopped(error)),
        }
    }

    async fn add_links(&self, at: &mut Checkpoint) -> Outcome<()> {
        let own_from = change::first_id(at.began);
        let mut rest = Rest::new(self.records().await?, at.records);
        while let Some(chunk) = self.chunk(&mut rest).await? {
            let linked: Vec<u64> =
                stream::iter(chunk).map(|record| self.link(record, own_from)).buffer_unordered(IN_FLIGHT).try_collect().await?;
            at.records = rest.position;
            at.links += linked.iter().sum::<u64>();
            if linked.iter().any(|links| *links > 0) {
                at.save(&self.pool).await?;
            }
        }
        Ok(())
    }

    /// Adds the links of one entry, unless it was there before; tells how many.
    async fn link(&self, record: Record, own_from: EntryId) -> Outcome<u64> {
        let directory = Directory::new(&self.pool);
        let Prepared { line, entry, links } = prepare::prepare(directory.schema(), record, &mut BTreeSet::new());
        let stopped = |error| Failure::Stopped { line: Some(line), error };
        if links.is_empty() {
            return Ok(0);
        }
        let id = directory.resolve(&entry.dn).map_err(stopped)?;
        // Of what was there before, an import keeps containers alone. Anything else is its own, also if the clock has been set back since it began.
        if id < own_from && directory.record(id)?.is_none_or(|entry| entry.kind() == EntryKind::Container) {
            return Ok(0);
        }
        let mut added = 0;
        for field in &links {
            for values in field.attribute.values.chunks(LINKS_PER_COMMIT) {
                match self.add_values(id, &field.attribute.name, values).await {
                    Ok(()) => {}
                    // An attempt that was cut off has added some of them: the others one by one.
                    Err(error) if *error.kind() == Kind::Invalid(Rule::ValueExists) => {
                        for value in values.chunks(1) {
                            match self.add_values(id, &field.attribute.name, value).await {
                                Err(error) if *error.kind() != Kind::Invalid(Rule::ValueExists) => return Err(stopped(error)),
                                _ => {}
                            }
                        }
                    }
                    Err(error) => return Err(stopped(error)),
                }
                added += values.len() as u64;
                self.progress.links.fetch_add(values.len() as u64, Ordering::Relaxed);
            }
        }
        Ok(added)
    }

    async fn add_values(&self, id: EntryId, name: &str, values: &[Vec<u8>]) -> Result<()> {
        let attribute = Attribute { name: name.to_owned(), values: values.to_vec() };
        let step = Modification { kind: ModificationKind::Add, attribute };
        self.patiently(|| self.core.modify_entry(&self.pool, &self.actor, id, std::slice::from_ref(&step))).await.map(drop)
    }

    /// Asks again while the server is busy: an import takes what is left over.
    async fn patiently<T, F: Future<Output = Result<T>>>(&self, mut ask: impl FnMut() -> F) -> Result<T> {
        let (attempts, pause) = PATIENCE;
        for _ in 0..attempts {
            match ask().await {
                Err(error) if is_passing(&error) => tokio::time::sleep(pause).await,
                answer => return answer,
            }
        }
        ask().await
    }

    async fn records(&self) -> Outcome<Records> {
        let (source, format, suffix) = (Arc::clone(&self.source), self.format, self.pool.suffix().clone());
        let records = self.job(move || Records::open(&*source, format, &suffix)).await?;
        records.map_err(|error| self.unreadable(&error))
    }

    /// The next records that are not done yet; `None` at the end. That the file can be read is known from the first pass.
    async fn chunk(&self, rest: &mut Rest) -> Outcome<Option<Vec<Record>>> {
        let changed = |problem: FileError| Failure::Stopped {
            line: Some(problem.line),
            error: Error::invalid(Rule::Request, format!("the file has changed while it was imported: {}", problem.message)),
        };
        while let Some(mut records) = rest.records.take() {
            let (records, chunk) = self
                .job(move || {
                    let chunk = read(&mut records);
                    (records, chunk)
                })
                .await?;
            let chunk = chunk.map_err(changed)?;
            if chunk.is_empty() {
                break;
            }
            rest.records = Some(records);
            rest.position += chunk.len() as u64;
            if rest.position > rest.done {
                return Ok(Some(chunk));
            }
        }
        Ok(None)
    }

    /// Reading and judging take time, so they wait for their turn like other blocking work.
    async fn job<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> Outcome<T> {
        Ok(self.core.work.run(self.pool.id(), job).await?)
    }

    fn unreadable(&self, error: &std::io::Error) -> Failure {
        Failure::Stopped { line: None, error: Error::invalid(Rule::Request, format!("the file cannot be read: {error}")) }
    }
}

/// What of a file is still to be read in one pass.
struct Rest {
    records: Option<Records>,
    /// Records that have been read.
    position: u64,
    /// Records that an earlier attempt has done.
    done: u64,
}

impl Rest {
    const fn new(records: Records, done: u64) -> Self {
        Self { records: Some(records), position: 0, done }
    }
}

/// The next records of a file, as many as one job reads. The same for the same file, so that an import that goes on finds its place.
fn read(records: &mut Records) -> std::result::Result<Vec<Record>, FileError> {
    let (mut chunk, mut octets) = (Vec::new(), 0);
    while chunk.len() < CHUNK && octets < CHUNK_OCTETS {
        let Some(record) = records.next().transpose()? else { break };
        octets += record.octets();
        chunk.push(record);
    }
    Ok(chunk)
}

/// Judges the next records; whether there may be more.
fn judge(core: &Core, records: &mut Records, survey: &mut Survey, progress: &Progress) -> Result<bool> {
    for _ in 0..CHUNK {
        match records.next() {
            None => return Ok(false),
            Some(Ok(record)) => {
                survey.examine(core, record)?;
                progress.judged.fetch_add(1, Ordering::Relaxed);
            }
            Some(Err(problem)) => {
                survey.problem(problem.line, problem.message);
                survey.cut_off();
                return Ok(false);
            }
        }
    }
    Ok(true)
}

fn is_passing(error: &Error) -> bool {
    matches!(error.kind(), Kind::Unavailable(Shortage::Busy) | Kind::Conflict(Clash::Contended))
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Stopped { line: None, error }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(problems) => {
                let more = if problems.len() >= MAX_PROBLEMS { ", the first of them" } else { "" };
                write!(f, "the file was not imported; nothing was written. Problems{more}:")?;
                problems.iter().try_for_each(|problem| write!(f, "\n{problem}"))
            }
            Self::Stopped { line: Some(line), error } => {
                write!(f, "the import stopped at line {line}: {error}; import the file again to go on")
            }
            Self::Stopped { line: None, error } => error.fmt(f),
        }
    }
}

impl std::error::Error for Failure {}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        let kind = match &failure {
            Failure::Refused(_) => Kind::Invalid(Rule::Constraint),
            Failure::Stopped { error, .. } => error.kind().clone(),
        };
        Self::new(kind, failure.to_string())
    }
}

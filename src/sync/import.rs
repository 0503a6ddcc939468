//! Import of a file into a pool.
//!
//! The first pass judges the whole file and writes nothing. The second adds the entries level by
//! level, so that their order in the file does not matter. The third adds the links between them.
//! Each commit is small, and a checkpoint says how far all that is done, so that the same import
//! goes on after a crash.

use super::checkpoint::{self, Checkpoint, Phase};
use super::ldif::{FileError, Record};
use super::outcome::{Failure, Progress, Report};
use super::own::{self, Own, Run};
use super::password::{Census, Plain};
use super::prepare::{self, Prepared, Rules};
use super::source::{self, Format, Records, Source};
use super::survey::Survey;
use crate::audit::{self, Action, Event};
use crate::authn::Core;
use crate::directory::{Directory, EntryKind};
use crate::model::error::{Clash, Rule, Shortage};
use crate::model::{Actor, Attribute, Dn, EntryId, Error, Kind, Result, Timestamp};
use crate::pool::Pool;
use futures_util::{StreamExt, TryStreamExt, stream};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Records that one job reads.
const CHUNK: usize = 256;
/// Octets of values after which a job reads no further record: one record can be as large as
/// [`super::ldif::MAX_RECORD`].
const CHUNK_OCTETS: usize = 8 << 20;
/// Commits that wait for the disk together.
const IN_FLIGHT: usize = 32;
/// Links that one commit adds.
const LINKS_PER_COMMIT: usize = 256;
/// How often a busy server is asked again before the import stops, and how long it waits in
/// between.
const PATIENCE: (u32, Duration) = (200, Duration::from_millis(50));

/// An import, ready to run.
pub struct Import {
    core: Arc<Core>,
    pool: Arc<Pool>,
    actor: Actor,
    source: Arc<dyn Source>,
    format: Format,
    takes_plain: bool,
    progress: Arc<Progress>,
    run: Run,
}

type Outcome<T> = std::result::Result<T, Failure>;

/// What has become of a record.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Added {
    /// An entry, now or before a crash.
    Entry,
    /// An entry that was there stays as it is.
    Kept,
    /// An entry of an import that was given up is now one of this import.
    TakenOver,
}

impl Import {
    /// An import into that pool, for that actor.
    pub fn new(core: Arc<Core>, pool: Arc<Pool>, actor: Actor, source: Arc<dyn Source>, format: Format) -> Self {
        let run = Run::new(&core);
        Self { core, pool, actor, source, format, takes_plain: false, progress: Arc::default(), run }
    }

    /// Whether passwords in plain text are taken. Unless the caller knows that the file holds some,
    /// a hash of a form that is not known would become the password. Beside hashes only what cannot
    /// be one is taken.
    #[must_use]
    pub fn plain_passwords(self, taken: bool) -> Self {
        Self { takes_plain: taken, ..self }
    }

    /// What shows how far it has come while it runs.
    pub fn progress(&self) -> Arc<Progress> {
        Arc::clone(&self.progress)
    }

    /// Runs the import, or goes on with it where it was cut off. A run that is still going on is
    /// ended by it.
    pub async fn run(&self) -> Outcome<Report> {
        let source = Arc::clone(&self.source);
        let file = self.job(move || source::fingerprint(&*source)).await?.map_err(|error| self.unreadable(&error))?;
        let mut before = Checkpoint::load(&self.pool)?;
        if let Some(over) = before.as_ref().filter(|before| before.file != file && before.phase == Phase::Over) {
            self.settle(over).await?;
            before = None;
        }
        if before.as_ref().is_some_and(|before| before.file != file) {
            return Err(checkpoint::foreign().into());
        }
        let resumed = before.is_some();
        // An import that goes on judges as it began: what it has added so would not be what it
        // tells.
        let judged = match &before {
            Some(before) => before.judged,
            None => Some(self.core.clock.now()),
        };
        let mut rules = self.rules(judged);
        // When all is there, what the import has noted of its entries is gone in part, and there is
        // nothing to judge.
        let survey = match before {
            Some(Checkpoint { phase: Phase::Over, .. }) => None,
            _ => {
                rules.plain.is_among_hashes = self.holds_hashes().await?;
                Some(self.survey(resumed.then_some(&file), rules).await?)
            }
        };
        let mut at = Checkpoint::claim(&self.pool, file, judged, resumed, &self.run).await?;
        if let Some(survey) = &survey {
            // Another run of the same import can have begun it a moment earlier.
            let rules = Rules { now: at.judged.unwrap_or(rules.now), ..rules };
            self.write(&mut at, survey, rules).await?;
        }
        own::forget(&self.pool, &file, &self.run).await?;
        Checkpoint::clear(&self.pool, |changes| self.run.hold(&self.pool, changes)).await?;
        let mut report =
            Report { added: at.added, links: at.links, kept: at.kept, taken_over: at.taken_over, resumed, ..Report::default() };
        if let Some(survey) = survey {
            (report.notes, report.more_notes) = (survey.notes, survey.more_notes);
            report.left_out = survey.left_out.into_iter().collect();
            report.notes.sort_by_key(|note| note.line);
        }
        Ok(report)
    }

    /// Gives up an import that was cut off, and ends a run of it that goes on. The entries that it
    /// added stay; answers how many. The next import takes them over where its file has the same
    /// records.
    pub async fn give_up(core: &Core, pool: &Pool, actor: &Actor) -> Result<u64> {
        let at = Checkpoint::load(pool)?.ok_or_else(checkpoint::none)?;
        let added = own::count(pool, &at.file)?;
        if at.phase == Phase::Over {
            // Only the notes of what it has added are left.
            let run = Run::new(core);
            Checkpoint::claim(pool, at.file, at.judged, true, &run).await?;
            own::forget(pool, &at.file, &run).await?;
        }
        Checkpoint::clear(pool, |changes| {
            at.expect(pool, changes)?;
            audit::record(changes, &Event::success(core.clock.now(), Action::ImportGiveUp, actor));
            Ok(())
        })
        .await?;
        Ok(added)
    }

    /// Ends an import of another file of which everything is there.
    async fn settle(&self, over: &Checkpoint) -> Result<()> {
        Checkpoint::claim(&self.pool, over.file, over.judged, true, &self.run).await?;
        own::forget(&self.pool, &over.file, &self.run).await?;
        Checkpoint::clear(&self.pool, |changes| self.run.hold(&self.pool, changes)).await
    }

    fn rules(&self, judged: Option<Timestamp>) -> Rules {
        let plain = Plain { is_taken: self.takes_plain, is_among_hashes: false };
        Rules { now: judged.unwrap_or_else(|| self.core.clock.now()), plain }
    }

    /// Whether hashes stand in the file where passwords do. The file is read for it, as far as a
    /// hash with its mark, since what no record says alone is needed to judge the first one.
    async fn holds_hashes(&self) -> Outcome<bool> {
        let (mut records, mut census) = (self.records().await?, Census::default());
        loop {
            let schema = Directory::new(&self.pool).schema();
            let (rest, counted, more) = self
                .job(move || {
                    // What cannot be read ends the first pass too, which tells it.
                    let mut chunk = records.by_ref().take(CHUNK).map_while(std::result::Result::ok).peekable();
                    let more = chunk.peek().is_some();
                    chunk.for_each(|record| census.count(&prepare::names::resolved(schema, record)));
                    (records, census, more)
                })
                .await?;
            (records, census) = (rest, counted);
            if census.is_certain() || !more {
                return Ok(census.has_hashes());
            }
        }
    }

    /// The first pass. `earlier` is the file, if an earlier run of its import was cut off.
    async fn survey(&self, earlier: Option<&[u8; 32]>, rules: Rules) -> Outcome<Survey> {
        let mut records = self.records().await?;
        let mut survey = Survey::new(Arc::clone(&self.pool), self.actor.clone(), rules);
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
        let survey = self.explain(survey).await?;
        if survey.problems.is_empty() {
            return Ok(survey);
        }
        let earlier = earlier.map_or(Ok(0), |file| own::count(&self.pool, file))?;
        Err(Failure::Refused { problems: survey.into_problems(), earlier })
    }

    /// Reads the file once more for the records that need what is missing, if anything is.
    async fn explain(&self, mut survey: Survey) -> Outcome<Survey> {
        let mut missing = survey.missing();
        if missing.is_empty() {
            return Ok(survey);
        }
        let mut rest = Rest::new(self.records().await?, 0);
        while let Some(chunk) = self.chunk(&mut rest).await? {
            chunk.iter().try_for_each(|record| survey.explain(record, &mut missing))?;
            if missing.is_empty() {
                break;
            }
        }
        Ok(survey)
    }

    /// The second and the third pass, from where they are.
    async fn write(&self, at: &mut Checkpoint, survey: &Survey, rules: Rules) -> Outcome<()> {
        if at.phase == Phase::Entries {
            for depth in survey.depths.keys().map(|depth| *depth as u64).filter(|depth| *depth >= at.depth).collect::<Vec<_>>() {
                if depth > at.depth {
                    (at.depth, at.records) = (depth, 0);
                }
                self.add_entries(at, rules).await?;
            }
            (at.phase, at.depth, at.records) = (Phase::Links, 0, 0);
            at.save(&self.pool, &self.run).await?;
        }
        if at.phase == Phase::Links && survey.has_links {
            self.add_links(at, rules).await?;
        }
        at.phase = Phase::Over;
        Ok(at.save(&self.pool, &self.run).await?)
    }

    /// Adds the entries of one level of the tree.
    async fn add_entries(&self, at: &mut Checkpoint, rules: Rules) -> Outcome<()> {
        let depth = usize::try_from(at.depth).unwrap_or(usize::MAX) + self.pool.suffix().rdns().len();
        let file = at.file;
        let mut rest = Rest::new(self.records().await?, at.records);
        while let Some(chunk) = self.chunk(&mut rest).await? {
            let level = chunk.into_iter().filter(|record| record.dn.rdns().len() == depth);
            let done: Vec<Added> =
                stream::iter(level).map(|record| self.add(record, &file, rules)).buffer_unordered(IN_FLIGHT).try_collect().await?;
            let count = |what| done.iter().filter(|added| **added == what).count() as u64;
            at.added += count(Added::Entry);
            at.kept += count(Added::Kept);
            at.taken_over += count(Added::TakenOver);
            at.records = rest.position;
            if !done.is_empty() {
                at.save(&self.pool, &self.run).await?;
            }
        }
        Ok(())
    }

    async fn add(&self, record: Record, file: &[u8; 32], rules: Rules) -> Outcome<Added> {
        let prepared = prepare::prepare(Directory::new(&self.pool).schema(), record, rules);
        let stopped = |error| Failure::at(prepared.line, error);
        let (file, said) = (*file, prepared.digest());
        let add = || {
            let (pool, run) = (Arc::clone(&self.pool), self.run);
            let (entry, terms) = (prepared.entry.clone(), prepared.terms);
            self.core.import_entry(&self.pool, &self.actor, entry, terms, rules.plain.is_taken, move |changes, id| {
                Own::new(&pool, &file, id, &said).put(changes, id);
                run.hold(&pool, changes)
            })
        };
        match self.patiently(add).await {
            Ok(_) => {
                self.progress.added.fetch_add(1, Ordering::Relaxed);
                Ok(Added::Entry)
            }
            Err(error) if *error.kind() == Kind::Conflict(Clash::Exists) => {
                self.there(&prepared.entry.dn, &said, &file).await.map_err(stopped)?.ok_or_else(|| stopped(error))
            }
            Err(error) => Err(stopped(error)),
        }
    }

    /// What an entry that is there already is to the import of that file, in which the record says
    /// that; `None` if it is somebody else's.
    async fn there(&self, dn: &Dn, said: &[u8; 32], file: &[u8; 32]) -> Result<Option<Added>> {
        let id = Directory::new(&self.pool).resolve(dn)?;
        match Own::load(&self.pool, id)? {
            Some(own) if own.is_of(file) => Ok(Some(if own.was_taken_over() { Added::TakenOver } else { Added::Entry })),
            Some(own) if own.is_from(&self.pool, id, said) => {
                let own = Own::new(&self.pool, file, id, said).taken_over();
                let take_over = self.pool.store().decide(|changes| {
                    own::expect(changes, id);
                    own.put(changes, id);
                    self.run.hold(&self.pool, changes)
                });
                take_over.await?;
                Ok(Some(Added::TakenOver))
            }
            _ => Ok(self.is_container(id)?.then_some(Added::Kept)),
        }
    }

    fn is_container(&self, id: EntryId) -> Result<bool> {
        Ok(Directory::new(&self.pool).entry(id)?.is_some_and(|entry| entry.kind() == EntryKind::Container))
    }

    async fn add_links(&self, at: &mut Checkpoint, rules: Rules) -> Outcome<()> {
        let file = at.file;
        let mut rest = Rest::new(self.records().await?, at.records);
        while let Some(chunk) = self.chunk(&mut rest).await? {
            let linked: Vec<u64> =
                stream::iter(chunk).map(|record| self.link(record, &file, rules)).buffer_unordered(IN_FLIGHT).try_collect().await?;
            at.records = rest.position;
            at.links += linked.iter().sum::<u64>();
            if linked.iter().any(|links| *links > 0) {
                at.save(&self.pool, &self.run).await?;
            }
        }
        Ok(())
    }

    /// Adds the links of one entry, unless it was there before; tells how many.
    async fn link(&self, record: Record, file: &[u8; 32], rules: Rules) -> Outcome<u64> {
        let directory = Directory::new(&self.pool);
        let Prepared { line, entry, links, .. } = prepare::prepare(directory.schema(), record, rules);
        let stopped = |error| Failure::at(line, error);
        if links.is_empty() {
            return Ok(0);
        }
        let Some(id) = self.own(&entry.dn, file).map_err(stopped)? else { return Ok(0) };
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

    /// The entry of that name, if the import has added it; `None` if it was there before, as only
    /// containers may be.
    fn own(&self, dn: &Dn, file: &[u8; 32]) -> Result<Option<EntryId>> {
        let id = Directory::new(&self.pool).resolve(dn)?;
        if Own::load(&self.pool, id)?.is_some_and(|own| own.is_of(file)) {
            return Ok(Some(id));
        }
        match self.is_container(id)? {
            true => Ok(None),
            false => Err(Error::exists(format!("the entry '{dn}' that the import had added is gone, and another has taken its name"))),
        }
    }

    async fn add_values(&self, id: EntryId, name: &str, values: &[Vec<u8>]) -> Result<()> {
        let links = Attribute { name: name.to_owned(), values: values.to_vec() };
        let add = || {
            self.core.link_entry(&self.pool, &self.actor, id, &links, |changes| {
                own::expect(changes, id);
                self.run.hold(&self.pool, changes)
            })
        };
        self.patiently(add).await
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

    /// The next records that are not done yet; `None` at the end. That the file can be read is
    /// known from the first pass.
    async fn chunk(&self, rest: &mut Rest) -> Outcome<Option<Vec<Record>>> {
        let changed = |problem: FileError| Failure::Stopped {
            line: Some(problem.line),
            goes_on: true,
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
        Error::invalid(Rule::Request, format!("the file cannot be read: {error}")).into()
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

/// The next records of a file, as many as one job reads. The same for the same file, so that an
/// import that goes on finds its place.
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

//! `poolgate import` and `poolgate export`.

use super::branch::InPool;
use super::{Failure, Outcome, output};
use crate::admin::types::{ImportLine, Problem};
use clap::{Args, ValueEnum};
use futures_util::StreamExt;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use indicatif::{ProgressBar, ProgressStyle};
use std::fs::File;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use tokio_util::io::ReaderStream;

/// How a bar for bytes looks.
const BYTES: &str = "{msg} {wide_bar} {bytes}/{total_bytes} {eta}";
/// How a bar of unknown length looks.
const COUNT: &str = "{msg} {bytes} {bytes_per_sec}";

/// Imports entries from a file. The whole file is judged first: one rejected record, and nothing is
/// written.
///
/// An import that is cut off goes on where it was when the same file is imported again. Until then
/// no other file can be imported into the pool. With --give-up it is ended as it is: its entries
/// stay, and the next import takes over those whose records it holds unchanged, and adds their
/// links. So a corrected file can be imported in the place of the first.
///
/// Hashes that cannot be verified are left out, and whoever may not log in at the server that the
/// file comes from may not log in here: each is told with its line.
#[derive(Args)]
pub struct Import {
    #[command(flatten)]
    place: InPool,
    /// The file; its ending tells the format if --format does not.
    #[arg(required_unless_present = "give_up")]
    file: Option<PathBuf>,
    /// The format of the file.
    #[arg(long)]
    format: Option<Format>,
    /// Takes passwords in plain text. Only for a file that is known to hold some: a hash of a form
    /// that is not known would become the password. In a file that holds hashes too, what could be
    /// one is refused: keep passwords in plain text in a file of their own.
    #[arg(long)]
    plain_passwords: bool,
    /// Gives up an import into the pool that was cut off. What it has added stays.
    #[arg(long, conflicts_with_all = ["file", "format", "plain_passwords"])]
    give_up: bool,
}

/// Exports all entries of a pool as LDIF. Secrets are never exported.
///
/// Who is disabled stays so when the file is imported. Passwords are not in it, and with them what
/// holds of them is left behind: that they must be changed, when they end, and that failed logins
/// have locked them. Nobody can log in with a password after an import of the file until one is
/// set.
#[derive(Args)]
pub struct Export {
    #[command(flatten)]
    place: InPool,
    /// The file to write; standard output if not given.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// The format of a file of entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// LDIF (RFC 2849).
    Ldif,
    /// A table whose first line names the attributes.
    Csv,
}

impl Import {
    pub(super) async fn run(self) -> Outcome {
        match &self.file {
            Some(path) => self.import(path).await,
            None => self.give_up().await,
        }
    }

    async fn give_up(&self) -> Outcome {
        let given_up = self.place.operator.client().await?.delete(&self.place.list_path("import")?).await?;
        output::show(&given_up, self.place.operator.json);
        Ok(())
    }

    async fn import(&self, path: &Path) -> Outcome {
        let format = match self.format.or_else(|| format_of(path)) {
            Some(Format::Ldif) => "ldif",
            Some(Format::Csv) => "csv",
            None => return Err(Failure::new(format!("{}: say with --format whether it is ldif or csv", path.display()))),
        };
        let unreadable = |error| Failure::new(format!("{}: {error}", path.display()));
        let file = tokio::fs::File::open(path).await.map_err(unreadable)?;
        let size = file.metadata().await.map_err(unreadable)?.len();
        let bar = ProgressBar::new(size).with_style(ProgressStyle::with_template(BYTES)?).with_message("Sending");
        let sent = bar.clone();
        let pieces = ReaderStream::new(file).inspect(move |piece| sent.inc(piece.as_ref().map_or(0, |piece| piece.len() as u64)));
        let route = format!("{}?format={format}&plain_passwords={}", self.place.list_path("import")?, self.plain_passwords);
        let mut answer = self.place.operator.client().await?.upload(&route, pieces).await?;
        bar.set_style(ProgressStyle::with_template("{spinner} {msg}")?);
        let ended = watch(&mut answer, &bar).await;
        bar.finish_and_clear();
        self.tell(path, ended?)
    }

    fn tell(&self, path: &Path, ended: ImportLine) -> Outcome {
        let located = |problem: &Problem| {
            let line = problem.line.map_or_else(String::new, |line| format!(":{line}"));
            format!("{}{line}: {}", path.display(), problem.message)
        };
        match ended {
            ImportLine::Done(report) => {
                let mut shown = serde_json::to_value(&report)?;
                if let Some(fields) = shown.as_object_mut().filter(|_| !self.place.operator.json) {
                    report.notes.iter().for_each(|note| output::line(&located(note)));
                    if report.more_notes > 0 {
                        output::line(&format!("{}: {} more notes like these", path.display(), report.more_notes));
                    }
                    fields.retain(|name, _| !name.ends_with("notes"));
                }
                output::show(&shown, self.place.operator.json);
                Ok(())
            }
            ImportLine::Refused { problems, earlier } => {
                let lines: Vec<_> = problems.iter().map(located).collect();
                let written = match earlier {
                    0 => "nothing was written".to_owned(),
                    _ => format!(
                        "the import does not go on; this run wrote nothing, and {earlier} entries are there from the one that was cut off. \
                         Mend what stands below and run it again, or end it with --give-up and import a corrected file"
                    ),
                };
                Err(Failure::new(format!("{written}:\n{}", lines.join("\n"))))
            }
            ImportLine::Stopped { problem, goes_on: true } => {
                Err(Failure::new(format!("cut off, run it again to go on: {}", located(&problem))))
            }
            ImportLine::Stopped { problem, goes_on: false } if problem.line.is_some() => Err(Failure::new(format!(
                "stopped, and what was written stays; mend this and run it again, or end it with --give-up: {}",
                located(&problem)
            ))),
            ImportLine::Stopped { problem, goes_on: false } => Err(Failure::new(located(&problem))),
            ImportLine::Progress { .. } => Err(Failure::new("the server stopped before the import was over; run it again to go on")),
        }
    }
}

impl Export {
    /// Where to write. Under its own name there is never a part of an export, so a file is written
    /// under another one first, for its owner alone unless there is a file already that more may
    /// read. A pipe or a device is written as it stands.
    fn open(path: &Path) -> Outcome<(File, Option<PathBuf>)> {
        let present = path.metadata().ok();
        if present.as_ref().is_some_and(|present| !present.is_file()) {
            return Ok((File::options().write(true).open(path).map_err(|error| about(path, &error))?, None));
        }
        let mut partial = path.canonicalize().unwrap_or_else(|_| path.to_owned()).into_os_string();
        partial.push(".partial");
        let partial = PathBuf::from(partial);
        let written = File::options().write(true).create(true).truncate(true).mode(0o600).open(&partial);
        let file = written.map_err(|error| about(&partial, &error))?;
        if let Some(present) = present {
            file.set_permissions(present.permissions()).map_err(|error| about(&partial, &error))?;
        }
        Ok((file, Some(partial)))
    }

    pub(super) async fn run(self) -> Outcome {
        let mut body = self.place.operator.client().await?.download(&self.place.list_path("export")?).await?;
        match &self.output {
            None => copy(&mut body, &mut std::io::stdout().lock(), &ProgressBar::hidden())
                .await
                .map_err(|error| Failure::new(format!("{}; what was printed is not the whole pool", error.message))),
            Some(path) => {
                let (mut file, partial) = Self::open(path)?;
                let written_to = partial.as_deref().unwrap_or(path);
                let bar = ProgressBar::no_length().with_style(ProgressStyle::with_template(COUNT)?).with_message("Receiving");
                let copied = copy(&mut body, &mut file, &bar).await;
                bar.finish_and_clear();
                copied.map_err(|error| Failure::new(format!("{}; what came is in {}", error.message, written_to.display())))?;
                let Some(partial) = &partial else { return Ok(()) };
                file.sync_all().map_err(|error| about(partial, &error))?;
                std::fs::rename(partial, path.canonicalize().as_ref().unwrap_or(path)).map_err(|error| about(path, &error))
            }
        }
    }
}

fn about(file: &Path, error: &std::io::Error) -> Failure {
    Failure::new(format!("{}: {error}", file.display()))
}

fn format_of(file: &std::path::Path) -> Option<Format> {
    let ending = file.extension()?.to_str()?.to_ascii_lowercase();
    Format::from_str(&ending, true).ok()
}

/// Shows how far the import has come; answers with the last line.
async fn watch(answer: &mut Incoming, bar: &ProgressBar) -> Outcome<ImportLine> {
    let mut received = Vec::new();
    let mut last = ImportLine::Progress { judged: 0, added: 0, links: 0 };
    while let Some(frame) = answer.frame().await {
        received.extend_from_slice(frame?.data_ref().map(AsRef::as_ref).unwrap_or_default());
        while let Some(end) = received.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = received.drain(..=end).collect();
            last = serde_json::from_slice(&line)?;
            if let ImportLine::Progress { judged, added, links } = &last {
                bar.set_message(format!("{judged} records judged, {added} entries and {links} links added"));
                bar.tick();
            }
        }
    }
    Ok(last)
}

async fn copy(body: &mut Incoming, to: &mut impl Write, bar: &ProgressBar) -> Outcome {
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| {
            Failure::new(format!("the export broke off ({error}): the server's log says why; mend that and run it again"))
        })?;
        if let Some(piece) = frame.data_ref() {
            to.write_all(piece)?;
            bar.inc(piece.len() as u64);
        }
    }
    Ok(to.flush()?)
}

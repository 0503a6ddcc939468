//! `poolgate import` and `poolgate export`.

use super::branch::InPool;
use super::{Failure, Outcome, output};
use crate::admin::types::{ImportLine, Problem};
use clap::{Args, ValueEnum};
use futures_util::StreamExt;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::Write;
use std::path::PathBuf;
use tokio_util::io::ReaderStream;

/// How a bar for bytes looks.
const BYTES: &str = "{msg} {wide_bar} {bytes}/{total_bytes} {eta}";
/// How a bar of unknown length looks.
const COUNT: &str = "{msg} {bytes} {bytes_per_sec}";

/// Imports entries from a file. The whole file is judged first: one rejected record, and nothing is written.
#[derive(Args)]
pub struct Import {
    #[command(flatten)]
    place: InPool,
    /// The file; its ending tells the format if --format does not.
    file: PathBuf,
    /// The format of the file.
    #[arg(long)]
    format: Option<Format>,
}

/// Exports all entries of a pool as LDIF. Secrets are never exported.
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
        let format = match self.format.or_else(|| format_of(&self.file)) {
            Some(Format::Ldif) => "ldif",
            Some(Format::Csv) => "csv",
            None => return Err(Failure::new(format!("{}: say with --format whether it is ldif or csv", self.file.display()))),
        };
        let unreadable = |error| Failure::new(format!("{}: {error}", self.file.display()));
        let file = tokio::fs::File::open(&self.file).await.map_err(unreadable)?;
        let size = file.metadata().await.map_err(unreadable)?.len();
        let bar = ProgressBar::new(size).with_style(ProgressStyle::with_template(BYTES)?).with_message("Sending");
        let sent = bar.clone();
        let pieces = ReaderStream::new(file).inspect(move |piece| sent.inc(piece.as_ref().map_or(0, |piece| piece.len() as u64)));
        let path = format!("{}?format={format}", self.place.list_path("import")?);
        let mut answer = self.place.operator.client().await?.upload(&path, pieces).await?;
        bar.set_style(ProgressStyle::with_template("{spinner} {msg}")?);
        let ended = watch(&mut answer, &bar).await;
        bar.finish_and_clear();
        self.tell(ended?)
    }

    fn tell(&self, ended: ImportLine) -> Outcome {
        let located = |problem: &Problem| {
            let line = problem.line.map_or_else(String::new, |line| format!(":{line}"));
            format!("{}{line}: {}", self.file.display(), problem.message)
        };
        match ended {
            ImportLine::Done(report) => {
                output::show(&serde_json::to_value(report)?, self.place.operator.json);
                Ok(())
            }
            ImportLine::Refused { problems } => {
                let lines: Vec<_> = problems.iter().map(located).collect();
                Err(Failure::new(format!("nothing was written:\n{}", lines.join("\n"))))
            }
            ImportLine::Stopped(problem) => Err(Failure::new(format!("cut off, run it again to go on: {}", located(&problem)))),
            ImportLine::Progress { .. } => Err(Failure::new("the server stopped before the import was over; run it again to go on")),
        }
    }
}

impl Export {
    pub(super) async fn run(self) -> Outcome {
        let mut body = self.place.operator.client().await?.download(&self.place.list_path("export")?).await?;
        match &self.output {
            None => copy(&mut body, &mut std::io::stdout().lock(), &ProgressBar::hidden()).await,
            Some(path) => {
                let unwritten = |error| Failure::new(format!("{}: {error}", path.display()));
                let mut file = std::fs::File::create(path).map_err(unwritten)?;
                let bar = ProgressBar::no_length().with_style(ProgressStyle::with_template(COUNT)?).with_message("Receiving");
                let copied = copy(&mut body, &mut file, &bar).await;
                bar.finish_and_clear();
                copied.and_then(|()| file.sync_all().map_err(unwritten))
            }
        }
    }
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
        if let Some(piece) = frame?.data_ref() {
            to.write_all(piece)?;
            bar.inc(piece.len() as u64);
        }
    }
    Ok(to.flush()?)
}

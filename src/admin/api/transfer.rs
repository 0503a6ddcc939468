//! Import and export of a pool's entries.

use super::reply::{Reply, at};
use crate::admin::context::{Context, Segment};
use crate::admin::types::{GivenUp, ImportLine, ImportReport, Problem};
use crate::audit::{self, Action, Event};
use crate::model::error::Rule;
use crate::model::{Error, Result, entropy};
use crate::pool::Pool;
use crate::sync::{Export, Failure, Format, Import, Progress, Report};
use bytes::{Buf, Bytes};
use futures_util::{Stream, StreamExt};
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::fs::OpenOptions;
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc;

/// The largest file that is imported, in bytes.
pub const MAX_IMPORT: u64 = 16 << 30;
/// How often an import tells how far it has come.
const REPORT_INTERVAL: Duration = Duration::from_millis(200);
/// Lines or pieces that wait for a slow reader.
const WAITING: usize = 4;

/// What a transfer answers with, piece by piece.
pub type Pieces = mpsc::Receiver<std::io::Result<Bytes>>;

/// A received file; it is removed when the import is over.
struct Spooled(PathBuf);

impl Drop for Spooled {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Takes a file (`format=ldif` or `csv`; `plain_passwords=true` if it holds passwords in plain
/// text), judges all of it, and then imports it.
pub async fn import<B: Buf, E: Display>(
    context: Context,
    path: Vec<Segment>,
    body: impl Stream<Item = std::result::Result<B, E>>,
) -> Result<Pieces> {
    let pool = context.pool(at(&path, 0)?)?;
    let format = match context.query.get("format") {
        Some("ldif") => Format::Ldif,
        Some("csv") => Format::Csv,
        _ => return Err(Error::invalid(Rule::Request, "format: say whether the file is `ldif` or `csv`")),
    };
    let plain_passwords = match context.query.get("plain_passwords") {
        None | Some("false") => false,
        Some("true") => true,
        Some(_) => {
            return Err(Error::invalid(Rule::Request, "plain_passwords: say `true` if the file holds passwords in plain text, or `false`"));
        }
    };
    let file = receive(&context, body).await?;
    let core = Arc::clone(&context.app.core);
    let import =
        Import::new(core, Arc::clone(&pool), context.actor.clone(), Arc::new(file.0.clone()), format).plain_passwords(plain_passwords);
    let (lines, pieces) = mpsc::channel(WAITING);
    tokio::spawn(async move {
        let progress = import.progress();
        let ended = tokio::select! {
            ended = import.run() => ended,
            // Whoever asked is gone. What is done stays done, and the same import goes on from
            // there.
            () = tell(&lines, &progress) => return,
        };
        if ended.is_ok() {
            note(&context, &pool, Action::Import).await;
        }
        let _ = lines.send(Ok(line(&last_line(ended)))).await;
        drop(file);
    });
    Ok(pieces)
}

/// Gives up an import that was cut off.
pub async fn give_up(context: Context, path: Vec<Segment>) -> Result<Reply<GivenUp>> {
    let pool = context.pool(at(&path, 0)?)?;
    let added = Import::give_up(&context.app.core, &pool, &context.actor).await?;
    Ok(Reply::Found(GivenUp { added }))
}

/// Sends the pool's entries as LDIF.
pub async fn export(context: Context, path: Vec<Segment>) -> Result<Pieces> {
    let pool = context.pool(at(&path, 0)?)?;
    note(&context, &pool, Action::Export).await;
    let (sender, pieces) = mpsc::channel(WAITING);
    tokio::spawn(async move {
        let mut export = Export::new(&pool);
        loop {
            let piece = match export.next(&context.app.core).await {
                Ok(None) => return,
                Ok(Some(piece)) => Ok(piece.into()),
                Err(error) => {
                    // The reader sees no more than that the file breaks off.
                    tracing::error!(%error, pool = %pool.slug(), "an export broke off");
                    Err(std::io::Error::other(error))
                }
            };
            let is_last = piece.is_err();
            if sender.send(piece).await.is_err() || is_last {
                return;
            }
        }
    });
    Ok(pieces)
}

async fn receive<B: Buf, E: Display>(context: &Context, body: impl Stream<Item = std::result::Result<B, E>>) -> Result<Spooled> {
    let unwritten = |error: std::io::Error| Error::down(format!("the file cannot be kept for the import: {error}"));
    let folder: &Path = &context.app.spool;
    tokio::fs::create_dir_all(folder).await.map_err(unwritten)?;
    let name = u128::from_be_bytes(entropy::random(context.app.core.entropy.as_ref()));
    let spooled = Spooled(folder.join(format!("{name:032x}")));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&spooled.0).await.map_err(unwritten)?;
    let mut body = pin!(body);
    let mut size = 0u64;
    while let Some(part) = body.next().await {
        let mut part = part.map_err(|error| Error::invalid(Rule::Request, format!("the file broke off: {error}")))?;
        size += part.remaining() as u64;
        if size > MAX_IMPORT {
            return Err(Error::invalid(Rule::Request, format!("the file is over the limit of {MAX_IMPORT} bytes; split it")));
        }
        file.write_all_buf(&mut part).await.map_err(unwritten)?;
    }
    file.flush().await.map_err(unwritten)?;
    Ok(spooled)
}

/// Tells how far the import has come, until nobody listens.
async fn tell(lines: &mpsc::Sender<std::io::Result<Bytes>>, progress: &Progress) {
    let mut ticks = tokio::time::interval(REPORT_INTERVAL);
    loop {
        ticks.tick().await;
        let now = ImportLine::Progress { judged: progress.judged(), added: progress.added(), links: progress.links() };
        if lines.send(Ok(line(&now))).await.is_err() {
            return;
        }
    }
}

fn line(line: &ImportLine) -> Bytes {
    let mut text = serde_json::to_vec(line).unwrap_or_default();
    text.push(b'\n');
    text.into()
}

fn last_line(ended: std::result::Result<Report, Failure>) -> ImportLine {
    match ended {
        Ok(Report { added, links, kept, taken_over, resumed, left_out, notes, more_notes }) => {
            let notes = notes.into_iter().map(|note| Problem { line: Some(note.line), message: note.message }).collect();
            ImportLine::Done(ImportReport { added, links, kept, taken_over, resumed, left_out, notes, more_notes })
        }
        Err(Failure::Refused { problems, earlier }) => ImportLine::Refused {
            problems: problems.into_iter().map(|problem| Problem { line: Some(problem.line), message: problem.message }).collect(),
            earlier,
        },
        Err(Failure::Stopped { line, error, goes_on }) => {
            ImportLine::Stopped { problem: Problem { line, message: error.message().to_owned() }, goes_on }
        }
    }
}

/// Writes to the audit log that the pool's entries were moved.
async fn note(context: &Context, pool: &Pool, action: Action) {
    let event = Event::success(context.app.core.clock.now(), action, &context.actor);
    let noted = pool.store().decide(|changes| {
        audit::record(changes, &event);
        Ok(())
    });
    if let Err(error) = noted.await {
        tracing::error!(%error, action = action.name(), "the audit event is lost");
    }
}

//! The two buffers of a connection: what came and is not yet read, what is to be sent.

use super::Limits;
use super::budget::{Account, Budget, Room};
use super::codec::{self, DecodeError, Message, Reason};
use bytes::{Bytes, BytesMut};
use futures_util::FutureExt;
use std::fmt;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{sleep, timeout};

/// How much is read at once from a connection that says little; one that says more gets more.
const SMALL_READ: usize = 4 << 10;
const LARGE_READ: usize = 64 << 10;
/// How often a large message that takes longer than it may when others want its room is looked at
/// again.
const PACE_CHECK: Duration = Duration::from_millis(200);
/// An output buffer larger than this is given back once it is written.
const KEPT_OUTPUT: usize = 64 << 10;

/// A stream of bytes in both directions: a TCP connection, or one within TLS.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// A connection with its buffers.
pub(super) struct Wire {
    stream: Box<dyn Stream>,
    input: BytesMut,
    /// Answers that are not yet written, but for their beginning.
    pub output: Vec<u8>,
    /// Octets of that beginning.
    written: usize,
    read_size: usize,
    ended: bool,
    limits: Limits,
    budget: Arc<Budget>,
    /// Who answers for what it holds.
    account: Account,
    /// For a message that is larger than what a connection may hold by itself, until it is
    /// answered.
    input_room: Option<Room>,
    /// The same for answers, until they are written. None of them is empty, so there are none
    /// without output.
    output_rooms: Vec<Room>,
}

/// Why no further message comes.
#[derive(Debug)]
pub(super) enum End {
    /// The peer has closed the connection.
    Closed,
    /// The peer was silent for too long.
    Silent,
    /// A message has begun and did not arrive in time.
    Slow,
    /// A large message arrives slowly, and others wait for its room.
    Dawdling,
    /// A message is large, and others hold as much as there may be of that.
    Crowded,
    /// The connection failed.
    Failed(io::Error),
    /// What came is no message.
    Malformed(DecodeError),
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("the peer has closed it"),
            Self::Silent => f.write_str("the peer was silent for too long"),
            Self::Slow => f.write_str("a message did not arrive in time"),
            Self::Dawdling => f.write_str("a large message arrives slowly, and others wait for its room"),
            Self::Crowded => f.write_str("too many large messages arrive at once"),
            Self::Failed(error) => error.fmt(f),
            Self::Malformed(error) => error.fmt(f),
        }
    }
}

impl From<io::Error> for End {
    fn from(error: io::Error) -> Self {
        Self::Failed(error)
    }
}

impl Wire {
    pub fn new(stream: Box<dyn Stream>, limits: Limits, budget: Arc<Budget>, account: Account) -> Self {
        Self {
            stream,
            input: BytesMut::new(),
            output: Vec::new(),
            written: 0,
            read_size: SMALL_READ,
            ended: false,
            limits,
            budget,
            account,
            input_room: None,
            output_rooms: Vec::new(),
        }
    }

    /// From now on what it holds is on that account.
    pub const fn charge(&mut self, account: Account) {
        self.account = account;
    }

    /// Whether bytes wait to be read.
    pub fn has_input(&self) -> bool {
        !self.input.is_empty()
    }

    /// Gives the stream back, for a TLS handshake. What is buffered is dropped.
    pub fn into_stream(self) -> Box<dyn Stream> {
        self.stream
    }

    /// Appends a message to what is to be sent.
    pub fn send(&mut self, message: &Message<'_>) {
        codec::encode(message, &mut self.output);
    }

    /// Whether the peer should read before it is answered further.
    pub fn is_full(&self) -> bool {
        self.output.len() >= self.limits.output.min(self.limits.own)
    }

    /// Appends answers for which there is room. Of that is kept what the connection may not hold by
    /// itself.
    pub fn send_encoded(&mut self, answers: Vec<u8>, room: Room) {
        if self.output.is_empty() {
            self.output = answers;
        } else {
            self.output.extend_from_slice(&answers);
        }
        let held = self.limits.own + self.output_rooms.iter().map(Room::octets).sum::<usize>();
        self.output_rooms.extend(room.keep(self.output.len().saturating_sub(held)));
    }

    /// Waits for the next message. Before it waits, it sends what is to be sent.
    pub async fn next(&mut self, limits: &codec::Limits, idle: Duration) -> Result<Bytes, End> {
        self.release_input();
        loop {
            if let Some(frame) = self.buffered(limits).map_err(End::Malformed)? {
                return Ok(frame);
            }
            self.flush().await?;
            self.arrive(limits, idle).await?;
        }
    }

    /// The next message if all of it is here.
    pub fn buffered(&mut self, limits: &codec::Limits) -> Result<Option<Bytes>, DecodeError> {
        let size = codec::frame_size(&self.input, limits)?;
        Ok(size.filter(|size| *size <= self.input.len()).map(|size| self.input.split_to(size).freeze()))
    }

    /// Gives back the room of a large message, which is answered.
    fn release_input(&mut self) {
        if self.input_room.is_some() {
            // What came after a large message lies in the memory of that message.
            self.input = BytesMut::from(self.input.as_ref());
            self.input_room = None;
        }
    }

    /// Waits until a message begins, or until all of one that has begun is here. Safe to stop
    /// waiting for, but then the time begins anew.
    pub async fn arrive(&mut self, limits: &codec::Limits, idle: Duration) -> Result<(), End> {
        if self.input.is_empty() {
            timeout(idle, self.fill()).await.map_err(|_| End::Silent)??;
        } else {
            timeout(self.limits.arrival, self.fill_to_frame(limits)).await.map_err(|_| End::Slow)??;
        }
        if self.ended { Err(End::Closed) } else { Ok(()) }
    }

    /// Sends what is to be sent. A peer that reads nothing for too long, or all of it too slowly,
    /// loses the connection. Safe to stop waiting for: nothing is sent twice.
    pub async fn flush(&mut self) -> io::Result<()> {
        if self.output.is_empty() {
            return Ok(());
        }
        // As a rule there is room for all of it, and no time to watch.
        if !self.write_at_once()? {
            let seconds = self.output.len() / self.limits.slowest.max(1);
            let whole = self.limits.write + Duration::from_secs(seconds as u64);
            timeout(whole, self.write_all()).await.map_err(|_| io::ErrorKind::TimedOut)??;
        }
        self.forget_output();
        Ok(())
    }

    /// Sends as much as there is room for, and waits for nobody.
    pub fn write_what_fits(&mut self) -> io::Result<()> {
        if !self.output.is_empty() && self.write_at_once()? {
            self.forget_output();
        }
        Ok(())
    }

    /// Writes as much as there is room for; whether that was all.
    fn write_at_once(&mut self) -> io::Result<bool> {
        let rest = self.output.get(self.written..).unwrap_or_default();
        if !rest.is_empty() {
            let Some(written) = self.stream.write(rest).now_or_never() else { return Ok(false) };
            self.written += written?;
        }
        if self.written < self.output.len() {
            return Ok(false);
        }
        self.stream.flush().now_or_never().transpose().map(|flushed| flushed.is_some())
    }

    fn forget_output(&mut self) {
        self.output.clear();
        self.written = 0;
        self.output.shrink_to(KEPT_OUTPUT);
        self.output_rooms.clear();
    }

    async fn write_all(&mut self) -> io::Result<()> {
        while let Some(rest) = self.output.get(self.written..).filter(|rest| !rest.is_empty()) {
            match timeout(self.limits.write, self.stream.write(rest)).await {
                Ok(Ok(0)) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => self.written += count?,
                Err(_) => return Err(io::ErrorKind::TimedOut.into()),
            }
        }
        timeout(self.limits.write, self.stream.flush()).await.map_err(|_| io::ErrorKind::TimedOut)?
    }

    /// Sends what is to be sent and closes the connection.
    pub async fn close(&mut self) {
        // Whoever does not take the last answer has gone.
        if self.flush().await.is_ok() {
            let _ = timeout(self.limits.write, self.stream.shutdown()).await;
        }
    }

    /// Takes what has come meanwhile, and tells whether the request with this id is no longer
    /// wanted: it is abandoned, or the peer unbinds or has gone.
    pub fn is_unwanted(&mut self, id: i32) -> bool {
        if !self.ended && self.input.len() < self.limits.read_ahead {
            // Who has reset the connection has gone too.
            self.ended |= self.fill().now_or_never().is_some_and(|filled| filled.is_err());
        }
        self.ended || self.has_end_of(id)
    }

    /// Drives a step of a search and listens meanwhile; `unwanted` is called when the request with
    /// this id is no longer wanted.
    pub async fn listen_while<T>(&mut self, id: i32, step: impl Future<Output = T>, unwanted: impl FnOnce()) -> T {
        tokio::pin!(step);
        tokio::select! {
            biased;
            done = &mut step => return done,
            () = self.until_unwanted(id) => {}
        }
        unwanted();
        step.await
    }

    /// Drives a step of a search for as long as the request with this id is wanted, and listens
    /// meanwhile.
    pub async fn while_wanted<T>(&mut self, id: i32, step: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            done = step => Some(done),
            () = self.until_unwanted(id) => None,
        }
    }

    async fn until_unwanted(&mut self, id: i32) {
        loop {
            if self.ended || self.has_end_of(id) {
                return;
            }
            if self.input.len() >= self.limits.read_ahead {
                return std::future::pending().await;
            }
            // Who has reset the connection has gone too.
            self.ended |= self.fill().await.is_err();
        }
    }

    fn has_end_of(&self, id: i32) -> bool {
        codec::glance(&self.input).any(|glance| glance == codec::Glance::Unbind || glance == codec::Glance::Abandon(id))
    }

    async fn fill_to_frame(&mut self, limits: &codec::Limits) -> Result<(), End> {
        loop {
            match codec::frame_size(&self.input, limits).map_err(End::Malformed)? {
                Some(size) if size <= self.input.len() => return Ok(()),
                Some(size) if size > self.limits.own && self.input.len() >= self.limits.own && self.input_room.is_none() => {
                    // For less time than a message may take: the room of others comes back within
                    // that.
                    let taking = self.budget.input.take(self.account, size - self.limits.own);
                    self.input_room = timeout(self.limits.arrival / 2, taking).await.map_err(|_| End::Crowded)?;
                    self.input.reserve(size - self.input.len());
                }
                _ => {}
            }
            if self.input_room.is_some() {
                self.fill_large(limits).await?;
            } else {
                self.fill().await?;
            }
            if self.ended {
                return Ok(());
            }
        }
    }

    /// Reads the rest of a message that has room. It keeps that from nobody for longer than it
    /// would take at a decent pace.
    async fn fill_large(&mut self, limits: &codec::Limits) -> Result<(), End> {
        let pace = sleep(self.limits.pace);
        tokio::pin!(pace);
        while !self.ended && codec::frame_size(&self.input, limits).map_err(End::Malformed)?.is_none_or(|size| size > self.input.len()) {
            tokio::select! {
                biased;
                () = &mut pace => {
                    if self.input_room.as_ref().is_some_and(Room::is_wanted) {
                        return Err(End::Dawdling);
                    }
                    pace.set(sleep(PACE_CHECK));
                }
                filled = self.fill() => filled?,
            }
        }
        Ok(())
    }

    /// Reads what there is. Safe to stop waiting for: nothing that was read is lost.
    async fn fill(&mut self) -> io::Result<()> {
        if self.input.is_empty() && self.input.capacity() > LARGE_READ {
            self.input = BytesMut::new();
        }
        self.input.reserve(self.read_size);
        let count = self.stream.read_buf(&mut self.input).await?;
        self.ended = count == 0;
        self.read_size = match count {
            0..SMALL_READ => SMALL_READ,
            _ if count >= self.read_size => (self.read_size * 2).min(LARGE_READ),
            _ => self.read_size,
        };
        Ok(())
    }
}

impl End {
    /// What to tell the peer before the connection is closed, if it can still hear.
    pub fn notice(&self) -> Option<super::codec::LdapResult<'static>> {
        use super::codec::{LdapResult, ResultCode};
        match self {
            Self::Closed | Self::Failed(_) => None,
            Self::Silent => Some(LdapResult::new(ResultCode::UNAVAILABLE, "the connection was idle for too long")),
            Self::Slow => Some(LdapResult::new(ResultCode::PROTOCOL_ERROR, "a message did not arrive in time")),
            Self::Dawdling => {
                Some(LdapResult::new(ResultCode::BUSY, "a large message arrived slowly while others waited; try again in a moment"))
            }
            Self::Crowded => Some(LdapResult::new(ResultCode::BUSY, "too many large messages arrive at once; try again in a moment")),
            Self::Malformed(error) => Some(match error.reason {
                Reason::Limit(_) => LdapResult::new(ResultCode::PROTOCOL_ERROR, error.to_string()),
                _ => super::error::malformed(error),
            }),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests;

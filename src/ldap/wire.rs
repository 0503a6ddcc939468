//! The two buffers of a connection: what came and is not yet read, what is to be sent.

use super::Limits;
use super::codec::{self, DecodeError, Message, Reason};
use bytes::{Bytes, BytesMut};
use futures_util::FutureExt;
use std::fmt;
use std::future::Future;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

/// How much is read at once from a connection that says little; one that says more gets more.
const SMALL_READ: usize = 4 << 10;
const LARGE_READ: usize = 64 << 10;
/// An output buffer larger than this is given back once it is written.
const KEPT_OUTPUT: usize = 64 << 10;

/// A stream of bytes in both directions: a TCP connection, or one within TLS.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// A connection with its buffers.
pub(super) struct Wire {
    stream: Box<dyn Stream>,
    input: BytesMut,
    /// Answers that are not yet written.
    pub output: Vec<u8>,
    read_size: usize,
    ended: bool,
    limits: Limits,
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
    pub fn new(stream: Box<dyn Stream>, limits: Limits) -> Self {
        Self { stream, input: BytesMut::new(), output: Vec::new(), read_size: SMALL_READ, ended: false, limits }
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

    /// Whether a search should let the peer read before it goes on.
    pub fn is_full(&self) -> bool {
        self.output.len() >= self.limits.output
    }

    /// The next message if all of it is here.
    pub fn buffered(&mut self, limits: &codec::Limits) -> Result<Option<Bytes>, DecodeError> {
        let size = codec::frame_size(&self.input, limits)?;
        Ok(size.filter(|size| *size <= self.input.len()).map(|size| self.input.split_to(size).freeze()))
    }

    /// Waits for the next message. Before it waits, it sends what is to be sent.
    pub async fn next(&mut self, limits: &codec::Limits, idle: Duration) -> Result<Bytes, End> {
        loop {
            if let Some(frame) = self.buffered(limits).map_err(End::Malformed)? {
                return Ok(frame);
            }
            self.flush().await?;
            if self.input.is_empty() {
                timeout(idle, self.fill()).await.map_err(|_| End::Silent)??;
            } else {
                timeout(self.limits.arrival, self.fill_to_frame(limits)).await.map_err(|_| End::Slow)??;
            }
            if self.ended {
                return Err(End::Closed);
            }
        }
    }

    /// Sends what is to be sent. A peer that reads nothing for too long, or all of it too slowly, loses the connection.
    pub async fn flush(&mut self) -> io::Result<()> {
        if self.output.is_empty() {
            return Ok(());
        }
        let seconds = self.output.len() / self.limits.slowest.max(1);
        let whole = self.limits.write + Duration::from_secs(seconds as u64);
        timeout(whole, self.write_all()).await.map_err(|_| io::ErrorKind::TimedOut)??;
        self.output.clear();
        self.output.shrink_to(KEPT_OUTPUT);
        Ok(())
    }

    async fn write_all(&mut self) -> io::Result<()> {
        let mut written = 0;
        while let Some(rest) = self.output.get(written..).filter(|rest| !rest.is_empty()) {
            match timeout(self.limits.write, self.stream.write(rest)).await {
                Ok(Ok(0)) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => written += count?,
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

    /// Takes what has come meanwhile, and tells whether the request with this id is no longer wanted: it is abandoned, or the peer unbinds or has gone.
    pub fn is_unwanted(&mut self, id: i32) -> bool {
        if !self.ended && self.input.len() < self.limits.read_ahead {
            // A failure shows itself again at the next read or write.
            let _ = self.fill().now_or_never();
        }
        self.ended || self.has_end_of(id)
    }

    /// Drives a step of a search and listens meanwhile; `unwanted` is called when the request with this id is no longer wanted.
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

    async fn until_unwanted(&mut self, id: i32) {
        loop {
            if self.ended || self.has_end_of(id) {
                return;
            }
            if self.input.len() >= self.limits.read_ahead || self.fill().await.is_err() {
                return std::future::pending().await;
            }
        }
    }

    fn has_end_of(&self, id: i32) -> bool {
        codec::glance(&self.input).any(|glance| glance == codec::Glance::Unbind || glance == codec::Glance::Abandon(id))
    }

    async fn fill_to_frame(&mut self, limits: &codec::Limits) -> Result<(), End> {
        loop {
            self.fill().await?;
            match codec::frame_size(&self.input, limits).map_err(End::Malformed)? {
                Some(size) if size <= self.input.len() => return Ok(()),
                _ if self.ended => return Ok(()),
                _ => {}
            }
        }
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
            Self::Malformed(error) => Some(match error.reason {
                Reason::Limit(_) => LdapResult::new(ResultCode::PROTOCOL_ERROR, error.to_string()),
                _ => super::error::malformed(error),
            }),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_peer_that_reads_a_little_now_and_then_loses_the_connection() {
        let (ours, mut theirs) = tokio::io::duplex(16);
        let limits = Limits { write: Duration::from_millis(200), slowest: 1 << 20, ..Limits::default() };
        let mut wire = Wire::new(Box::new(ours), limits);
        wire.output = vec![7; 100_000];
        let trickle = async {
            while theirs.read_u8().await.is_ok() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let flushed = tokio::select! {
            flushed = wire.flush() => flushed,
            () = trickle => panic!("the peer was served to the end"),
            () = tokio::time::sleep(Duration::from_secs(20)) => panic!("the server waits for a peer that reads by the byte"),
        };
        assert_eq!(flushed.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }
}

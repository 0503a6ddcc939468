//! The loop of a connection: a message comes in, its operation answers, and what has been answered
//! is written when no further message waits.

use super::codec::{self, ExtendedResponse, LdapResult, Message, Operation, ResultCode};
use super::ops::{self, Next};
use super::pending::Pending;
use super::session::{Peer, Session};
use super::wire::{End, Stream, Wire};
use super::{App, Transport};
use crate::crowd::rounds::owes;
use bytes::Bytes;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// The name of the unsolicited Notice of Disconnection (RFC 4511, section 4.4.1).
const NOTICE_OF_DISCONNECTION: &str = "1.3.6.1.4.1.1466.20036";

/// Messages that are served before other connections get their turn, should more of them wait.
const TURN: usize = 8;

/// The time after which they get it at the latest, once the message at hand is served.
const TURN_TIME: Duration = Duration::from_millis(1);

/// Serves one connection until it ends. When `shutdown` is cancelled, the request at hand is
/// answered and the client is told.
pub async fn serve_connection<S>(stream: S, peer: Peer, transport: Transport, app: Arc<App>, shutdown: CancellationToken)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let address = peer.address;
    let mut session = Session::new(app, peer, transport);
    let mut stream: Box<dyn Stream> = Box::new(stream);
    // Once for clear text, and once more after StartTLS.
    while let Some(plain) = serve(stream, &mut session, &shutdown).await {
        let Some(acceptor) = session.app.tls.clone() else { return };
        match timeout(session.app.limits.arrival, Box::pin(acceptor.accept(plain))).await {
            Ok(Ok(encrypted)) => stream = Box::new(encrypted),
            Ok(Err(error)) => return tracing::debug!(peer = %address, %error, "the TLS handshake failed"),
            Err(_) => return tracing::debug!(peer = %address, "the TLS handshake took too long"),
        }
        session.transport = Transport::Tls;
        // Nothing that was said in clear text counts any more.
        session.unbind();
    }
}

/// Serves until the connection ends, or until it is time for a TLS handshake: then the stream comes
/// back.
async fn serve(stream: Box<dyn Stream>, session: &mut Session, shutdown: &CancellationToken) -> Option<Box<dyn Stream>> {
    let mut wire = Wire::new(stream, session.app.limits, Arc::clone(&session.app.budget), session.account());
    let mut pending = Pending::default();
    let end = serve_until_end(&mut wire, &mut pending, session, shutdown).await;
    // What has been asked for is done, however the connection ends.
    pending.settle(&mut wire).await;
    match end {
        Close::Lost => {}
        Close::Quiet => wire.close().await,
        Close::Told(notice) => disconnect(&mut wire, notice).await,
        Close::StartTls(id) => {
            wire.send(&ops::start_tls_answer(id));
            return wire.flush().await.is_ok().then(|| wire.into_stream());
        }
    }
    None
}

/// What becomes of a connection when it is served no longer.
enum Close {
    /// Nobody hears any more.
    Lost,
    /// The answers are sent, and it ends.
    Quiet,
    /// It ends with a notice.
    Told(LdapResult<'static>),
    /// It goes on within TLS, once the request with this id is answered.
    StartTls(i32),
}

async fn serve_until_end(wire: &mut Wire, pending: &mut Pending, session: &mut Session, shutdown: &CancellationToken) -> Close {
    let limits = session.app.limits;
    let stopping = shutdown.cancelled();
    tokio::pin!(stopping);
    let clock = Arc::clone(&session.app.core.clock);
    let (mut served, mut since) = (0, clock.steady());
    loop {
        let is_slow = clock.steady().saturating_sub(since) >= TURN_TIME;
        let has_to_wait = !pending.is_empty() && owes();
        if has_to_wait {
            // Who holds what others wait for is not kept waiting, and is to hold it no longer.
            pending.settle(wire).await;
        }
        // Whoever has gone is served no longer, however much they have asked for.
        if (is_slow || has_to_wait)
            && let Err(error) = wire.write_what_fits()
        {
            return closing(&error.into(), session);
        }
        if is_slow || has_to_wait || served >= TURN {
            tokio::task::yield_now().await;
            (served, since) = (0, clock.steady());
        }
        served += 1;
        let (messages, idle) = if session.is_bound() { (limits.bound, limits.bound_idle) } else { (limits.unbound, limits.unbound_idle) };
        wire.charge(session.account());
        let frame = tokio::select! {
            biased;
            () = &mut stopping => return Close::Told(LdapResult::new(ResultCode::UNAVAILABLE, "the server is stopping")),
            frame = next(wire, pending, &messages, idle) => frame,
        };
        let frame = match frame {
            Ok(frame) => frame,
            Err(end) => return closing(&end, session),
        };
        let next = match codec::decode(&frame, &messages) {
            Ok(Some((message, _))) => ops::perform(session, wire, pending, &frame, &message).await,
            Ok(None) => Next::Disconnect(LdapResult::new(ResultCode::PROTOCOL_ERROR, "a message is shorter than it says")),
            Err(malformed) => {
                pending.settle(wire).await;
                ops::refuse(session, wire, &malformed)
            }
        };
        match next {
            Next::Go => {}
            Next::Close => return Close::Quiet,
            Next::Disconnect(notice) => return Close::Told(notice),
            Next::StartTls(_) if wire.has_input() => {
                // What was sent before the handshake could have been slipped in by anybody on the
                // way.
                let text = "nothing may follow a StartTLS request before the handshake";
                return Close::Told(LdapResult::new(ResultCode::PROTOCOL_ERROR, text));
            }
            Next::StartTls(id) => return Close::StartTls(id),
        }
        if wire.is_full()
            && let Err(end) = pending.flush(wire).await.map_err(End::from)
        {
            return closing(&end, session);
        }
    }
}

fn closing(end: &End, session: &Session) -> Close {
    tracing::debug!(peer = %session.peer.address, %end, "the connection ends");
    match (end, end.notice()) {
        (_, Some(notice)) => Close::Told(notice),
        (End::Closed, None) => Close::Quiet,
        (_, None) => Close::Lost,
    }
}

/// Waits for the next message. Before it waits, it sends what is to be sent, and while it waits, it
/// answers the changes that are under way as they end.
async fn next(wire: &mut Wire, pending: &mut Pending, messages: &codec::Limits, idle: Duration) -> Result<Bytes, End> {
    while !pending.is_empty() {
        if let Some(frame) = wire.buffered(messages).map_err(End::Malformed)? {
            return Ok(frame);
        }
        pending.flush(wire).await?;
        tokio::select! {
            biased;
            answers = pending.answer_next() => answers.iter().for_each(|answer| wire.send(answer)),
            arrived = wire.arrive(messages, idle) => arrived?,
        }
    }
    wire.next(messages, idle).await
}

/// Tells the peer why the connection ends (RFC 4511, section 4.4.1), and ends it.
async fn disconnect(wire: &mut Wire, result: LdapResult<'_>) {
    let operation = Operation::ExtendedResponse(ExtendedResponse { result, name: Some(NOTICE_OF_DISCONNECTION), value: None });
    wire.send(&Message { id: 0, operation, controls: Vec::new() });
    wire.close().await;
}

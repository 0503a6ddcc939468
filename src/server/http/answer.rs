//! An answer until the client has taken it. Whoever asks and takes nothing makes the server keep
//! what they asked for: until the connection has all of it in its buffers, which are bounded, an
//! answer keeps the place of its request. What the connection has tried to write and the client has
//! not taken gives way to others, and the connection with it.

use crate::crowd::requests::Entered;
use crate::web::Response;
use bytes::{Buf, Bytes};
use futures_util::task::AtomicWaker;
use hyper::body::{Body, Frame, SizeHint};
use std::mem::take;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use tokio_util::sync::CancellationToken;
use warp::http::header::{CONTENT_LENGTH, HeaderValue};
use warp::http::{self, Version};

/// What a request is answered with.
pub struct Answer {
    /// To be sent.
    pub response: Response,
    /// The place of the request, if it is to be kept.
    pub place: Option<Entered>,
}

/// The answers of one connection that it has not tried to write yet: what it has to do for them is
/// not done.
#[derive(Clone)]
pub struct Fresh {
    connection: CancellationToken,
    places: Arc<Mutex<Vec<Entered>>>,
    waker: Arc<AtomicWaker>,
}

/// A body of which all that is not written yet keeps a place. It is here as a whole: none of it waits
/// for the server.
pub struct Untaken<B> {
    /// None where an answer has none.
    body: Option<B>,
    place: Option<Entered>,
    /// Nothing is to come but the end, which waits for the head to be written.
    is_end: bool,
}

/// A part of a body.
pub struct Part {
    bytes: Bytes,
    _place: Option<Entered>,
}

impl From<Response> for Answer {
    fn from(response: Response) -> Self {
        Self { response, place: None }
    }
}

impl Fresh {
    /// None yet, of a connection that ends with this token.
    pub fn of(connection: CancellationToken) -> Self {
        Self { connection, places: Arc::default(), waker: Arc::default() }
    }

    /// An answer that the connection has now, to a request of that version.
    pub fn untaken<B: Body>(&self, response: http::Response<B>, place: Option<Entered>, version: Version) -> http::Response<Untaken<B>> {
        let place = place.filter(|place| place.keep(&self.connection));
        if let Some(place) = place.clone() {
            self.places.lock().unwrap_or_else(PoisonError::into_inner).push(place);
            if version == Version::HTTP_2 {
                // A request is a task of its own there.
                self.waker.wake();
            }
        }
        response.map(|body| {
            // HTTP/1 would take an end that is still to come for a body of unknown length.
            let is_end = place.is_some() && version == Version::HTTP_2 && body.is_end_stream();
            Untaken { body: Some(body), place, is_end }
        })
    }

    /// Drives the connection: what it has not written then waits for the client.
    pub fn drive<T>(&self, context: &mut Context<'_>, connection: impl FnOnce(&mut Context<'_>) -> Poll<T>) -> Poll<T> {
        self.waker.register(context.waker());
        let driven = connection(context);
        let tried = take(&mut *self.places.lock().unwrap_or_else(PoisonError::into_inner));
        tried.into_iter().for_each(Entered::rest);
        driven
    }
}

/// What HEAD is answered with (RFC 9110, section 9.3.2), for HTTP/2: a connection of HTTP/1 sees to
/// that.
pub fn without_body<B: Body<Data = Bytes> + Unpin>(mut response: http::Response<Untaken<B>>) -> http::Response<Untaken<B>> {
    if let Some(length) = response.body().size_hint().exact().filter(|length| *length > 0) {
        response.headers_mut().entry(CONTENT_LENGTH).or_insert_with(|| HeaderValue::from(length));
    }
    response.map(|Untaken { place, .. }| Untaken { body: None, is_end: place.is_some(), place })
}

impl<B: Body<Data = Bytes> + Unpin> Body for Untaken<B> {
    type Data = Part;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Part>, B::Error>>> {
        if take(&mut self.is_end) {
            return Poll::Ready(Some(Ok(Frame::data(Part { bytes: Bytes::new(), _place: self.place.take() }))));
        }
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let frame = ready!(Pin::new(body).poll_frame(context));
        let part = |bytes| Part { bytes, _place: self.place.clone() };
        Poll::Ready(frame.map(|frame| frame.map(|frame| frame.map_data(part))))
    }

    fn is_end_stream(&self) -> bool {
        !self.is_end && self.body.as_ref().is_none_or(B::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        // The length of no body would become a header field, which not every response may have
        // (RFC 9110, section 8.6).
        if self.is_end { SizeHint::default() } else { self.body.as_ref().map_or_else(SizeHint::default, B::size_hint) }
    }
}

impl Buf for Part {
    fn remaining(&self) -> usize {
        self.bytes.remaining()
    }

    fn chunk(&self) -> &[u8] {
        self.bytes.chunk()
    }

    fn advance(&mut self, count: usize) {
        self.bytes.advance(count);
    }
}

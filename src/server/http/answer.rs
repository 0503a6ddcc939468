//! An answer until the client has taken it. Whoever asks and takes nothing makes the server keep
//! what they asked for: until all of it is written, an answer keeps the place of its request, and
//! its connection ends when somebody else needs that place.

use crate::crowd::requests::Entered;
use crate::web::Response;
use bytes::{Buf, Bytes};
use hyper::body::{Body, Frame, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio_util::sync::CancellationToken;
use warp::http::{self, Version};

/// What a request is answered with.
pub struct Answer {
    /// To be sent.
    pub response: Response,
    /// The place of the request, if it is to be kept.
    pub place: Option<Entered>,
}

/// A body of which all that is not written yet keeps a place.
pub struct Untaken<B> {
    body: B,
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

/// A response whose connection ends when the place is another's.
pub fn untaken<B: Body>(
    response: http::Response<B>,
    place: Option<Entered>,
    version: Version,
    connection: &CancellationToken,
) -> http::Response<Untaken<B>> {
    let place = place.filter(|place| place.keep(connection));
    response.map(|body| {
        // HTTP/1 would take an end that is still to come for a body of unknown length.
        let is_end = place.is_some() && version == Version::HTTP_2 && body.is_end_stream();
        Untaken { body, place, is_end }
    })
}

impl<B: Body<Data = Bytes> + Unpin> Body for Untaken<B> {
    type Data = Part;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Part>, B::Error>>> {
        if std::mem::take(&mut self.is_end) {
            return Poll::Ready(Some(Ok(Frame::data(Part { bytes: Bytes::new(), _place: self.place.take() }))));
        }
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        let part = |bytes| Part { bytes, _place: self.place.clone() };
        Poll::Ready(frame.map(|frame| frame.map(|frame| frame.map_data(part))))
    }

    fn is_end_stream(&self) -> bool {
        !self.is_end && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        // The length of no body would become a header field, which not every response may have
        // (RFC 9110, section 8.6).
        if self.is_end { SizeHint::default() } else { self.body.size_hint() }
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

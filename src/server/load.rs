//! Requests that are refused because there is too much to do: whoever asked is told when to ask
//! again, and the log that it was so.

use crate::web::{Response, with_header};
use warp::http::StatusCode;
use warp::http::header::RETRY_AFTER;

/// Seconds after which somebody who was refused may ask again (RFC 9110, section 10.2.3): what
/// waits in a queue is done by then.
const PATIENCE: &str = "5";

/// The response as it goes out.
pub(super) fn told(response: Response) -> Response {
    if response.status() != StatusCode::SERVICE_UNAVAILABLE {
        return response;
    }
    tracing::warn!("a request was refused because the server is busy or a part of it does not answer");
    with_header(response, RETRY_AFTER, PATIENCE)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::model::testing::Log;
    use crate::web::problem::plain;

    #[test]
    fn whoever_is_refused_is_told_when_to_ask_again() {
        let log = Log::listen();
        let patience = |status| told(plain(status, "")).headers().get(RETRY_AFTER).cloned();
        assert_eq!((patience(StatusCode::OK), log.count("a request was refused")), (None, 0));
        assert_eq!(patience(StatusCode::SERVICE_UNAVAILABLE).unwrap(), PATIENCE);
        assert_eq!(log.count("a request was refused"), 1);
    }
}

//! Requests that are refused because there is too much to do: whoever asked is told when to ask
//! again, and the log how many they were.

use crate::model::{Tally, Timestamp};
use crate::web::{Response, with_header};
use warp::http::StatusCode;
use warp::http::header::RETRY_AFTER;

/// Seconds after which somebody who was refused may ask again (RFC 9110, section 10.2.3): what
/// waits in a queue is done by then.
const PATIENCE: &str = "5";

/// Counts them.
#[derive(Debug, Default)]
pub struct Load(Tally);

impl Load {
    /// The response as it goes out.
    pub fn told(&self, response: Response, now: Timestamp) -> Response {
        if response.status() != StatusCode::SERVICE_UNAVAILABLE {
            return response;
        }
        if let Some(count) = self.0.add(1, now) {
            tracing::warn!(count, "requests were refused because the server was busy or a part of it does not answer");
        }
        with_header(response, RETRY_AFTER, PATIENCE)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::model::testing::Log;
    use crate::web::problem::plain;

    #[test]
    fn whoever_is_refused_is_told_when_to_ask_again() {
        let load = Load::default();
        let told = |status| load.told(plain(status, ""), Timestamp::from_seconds(0)).headers().get(RETRY_AFTER).cloned();
        assert_eq!(told(StatusCode::SERVICE_UNAVAILABLE).unwrap(), PATIENCE);
        assert_eq!(told(StatusCode::OK), None);
    }

    #[test]
    fn refusals_are_told_to_the_log_once_a_minute() {
        let (log, load) = (Log::listen(), Load::default());
        let refuse = |second| drop(load.told(plain(StatusCode::SERVICE_UNAVAILABLE, ""), Timestamp::from_seconds(second)));
        load.told(plain(StatusCode::OK, ""), Timestamp::from_seconds(0));
        assert_eq!(log.count("requests were refused"), 0);
        (0..60).for_each(refuse);
        assert_eq!((log.count("requests were refused"), log.count("count=1")), (1, 1));
        refuse(60);
        assert_eq!((log.count("requests were refused"), log.count("count=60")), (2, 1));
    }
}

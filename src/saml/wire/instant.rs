//! Moments as SAML writes them: `xs:dateTime` in UTC (SAML core, section 1.3.3).

use crate::model::Timestamp;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{OffsetDateTime, UtcOffset};

/// Reads a moment. SAML demands UTC; another time zone is refused, and so is none at all.
pub fn parse_instant(text: &str) -> Option<Timestamp> {
    let moment = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    if moment.offset() != UtcOffset::UTC {
        return None;
    }
    i64::try_from(moment.unix_timestamp_nanos() / 1_000).ok().map(Timestamp::from_micros)
}

/// Writes a moment to the millisecond.
pub fn format_instant(moment: Timestamp) -> String {
    let format = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
    let moment = OffsetDateTime::from_unix_timestamp_nanos(i128::from(moment.micros()) * 1_000).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    moment.format(&format).unwrap_or_default()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_what_peers_write() {
        let second = Timestamp::from_seconds(1_700_000_000);
        assert_eq!(parse_instant("2023-11-14T22:13:20Z"), Some(second));
        assert_eq!(parse_instant("2023-11-14T22:13:20.000Z"), Some(second));
        assert_eq!(parse_instant("2023-11-14T22:13:20.1234567Z"), Some(Timestamp::from_micros(1_700_000_000_123_456)));
    }

    #[test]
    fn refuses_other_zones_and_nonsense() {
        for text in ["", "now", "2023-11-14T22:13:20", "2023-11-14T22:13:20+01:00", "2023-13-14T22:13:20Z", "2023-11-14", "99999999999"] {
            assert_eq!(parse_instant(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(millis in 0i64..4_000_000_000_000) {
            let moment = Timestamp::from_micros(millis * 1_000);
            prop_assert_eq!(parse_instant(&format_instant(moment)), Some(moment));
        }

        #[test]
        fn arbitrary_text_never_panics(text in any::<String>()) {
            let _ = parse_instant(&text);
        }
    }
}

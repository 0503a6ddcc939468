//! `application/x-www-form-urlencoded` parameters, strictly: valid UTF-8, bounded, and each at most
//! once (RFC 6749, sections 3.1 and 3.2).

use std::fmt::{self, Write};

/// The longest request, in bytes as sent. A stored one fits into an interaction.
pub const MAX_REQUEST: usize = 12_000;

/// The most parameters of a request.
pub const MAX_PARAMETERS: usize = 64;

/// The parameters of one request, decoded. Those without a value count as not sent (RFC 6749,
/// section 3.1).
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Parameters {
    values: Vec<(String, String)>,
}

/// Their names only: a value may be a secret or a code.
impl fmt::Debug for Parameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.values.iter().map(|(name, _)| name)).finish()
    }
}

/// Why bytes are not parameters, or not usable ones.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Over [`MAX_REQUEST`] bytes.
    #[error("the request is longer than {MAX_REQUEST} bytes")]
    TooLong,
    /// Over [`MAX_PARAMETERS`] parameters.
    #[error("the request has more than {MAX_PARAMETERS} parameters")]
    TooMany,
    /// A percent sign without two hexadecimal digits, bytes that are not UTF-8, or a NUL.
    #[error("the request is not properly encoded")]
    Encoding,
    /// A parameter that was sent twice.
    #[error("the parameter {0} was sent more than once")]
    Duplicate(String),
}

impl Parameters {
    /// Parses a query or a form.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        if bytes.len() > MAX_REQUEST {
            return Err(Malformed::TooLong);
        }
        let mut values = Vec::new();
        for pair in bytes.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
            if values.len() == MAX_PARAMETERS {
                return Err(Malformed::TooMany);
            }
            let mut halves = pair.splitn(2, |byte| *byte == b'=');
            let name = decode(halves.next().unwrap_or_default())?;
            let value = decode(halves.next().unwrap_or_default())?;
            values.push((name, value));
        }
        Ok(Self { values })
    }

    /// Refuses any parameter that was sent more than once, even one that nobody knows.
    pub fn each_once(&self) -> Result<(), Malformed> {
        for (place, (name, _)) in self.values.iter().enumerate() {
            if self.values.iter().skip(place + 1).any(|(other, _)| other == name) {
                return Err(Malformed::Duplicate(printable(name)));
            }
        }
        Ok(())
    }

    /// The value of a parameter; refused if it was sent more than once.
    pub fn once(&self, name: &str) -> Result<Option<&str>, Malformed> {
        let mut found = self.values.iter().filter(|(other, _)| other == name);
        let first = found.next();
        if found.next().is_some() {
            return Err(Malformed::Duplicate(printable(name)));
        }
        Ok(first.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty()))
    }

    /// The value of a parameter; the first one if it was sent more than once.
    pub fn first(&self, name: &str) -> Option<&str> {
        self.values.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// The parameters as a form again.
    pub fn encode(&self) -> String {
        let mut text = String::new();
        for (name, value) in &self.values {
            if !text.is_empty() {
                text.push('&');
            }
            percent(&mut text, name);
            text.push('=');
            percent(&mut text, value);
        }
        text
    }

    /// The parameters whose names are listed, in the order they came.
    pub fn keep(&self, names: &[&str]) -> Self {
        Self { values: self.values.iter().filter(|(name, _)| names.contains(&name.as_str())).cloned().collect() }
    }

    /// Adds a parameter at the end.
    pub fn push(&mut self, name: &str, value: &str) {
        self.values.push((name.to_owned(), value.to_owned()));
    }

    /// The parameters in the order they came.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.values.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }
}

impl<'a> FromIterator<(&'a str, &'a str)> for Parameters {
    fn from_iter<I: IntoIterator<Item = (&'a str, &'a str)>>(pairs: I) -> Self {
        Self { values: pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect() }
    }
}

/// A URI with parameters added to its query, which it keeps (RFC 6749, section 3.1.2).
pub fn append_query(uri: &str, parameters: &Parameters) -> String {
    let separator = match uri.split_once('?') {
        None => "?",
        Some((_, query)) if query.is_empty() || query.ends_with('&') => "",
        Some(_) => "&",
    };
    format!("{uri}{separator}{}", parameters.encode())
}

pub(super) fn decode(bytes: &[u8]) -> Result<String, Malformed> {
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut rest = bytes.iter();
    while let Some(byte) = rest.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => match (rest.next().and_then(hexadecimal), rest.next().and_then(hexadecimal)) {
                (Some(high), Some(low)) => high << 4 | low,
                _ => return Err(Malformed::Encoding),
            },
            byte => *byte,
        });
    }
    match String::from_utf8(decoded) {
        Ok(text) if !text.contains('\0') => Ok(text),
        _ => Err(Malformed::Encoding),
    }
}

fn hexadecimal(byte: &u8) -> Option<u8> {
    char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

fn percent(text: &mut String, value: &str) {
    for byte in value.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => text.push(char::from(byte)),
            _ => {
                let _ = write!(text, "%{byte:02X}");
            }
        }
    }
}

/// A name that may be repeated in a message (RFC 6749, section 4.1.2.1 limits its characters).
fn printable(name: &str) -> String {
    name.chars().take(40).map(|c| if c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.') { c } else { '?' }).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn values_are_decoded() {
        let parameters = Parameters::parse(b"scope=openid+email&state=a%2Bb%20c&empty=&flag&client_id=x").unwrap();
        assert_eq!(parameters.once("scope"), Ok(Some("openid email")));
        assert_eq!(parameters.once("state"), Ok(Some("a+b c")));
        assert_eq!(parameters.once("empty"), Ok(None));
        assert_eq!(parameters.once("flag"), Ok(None));
        assert_eq!(parameters.once("absent"), Ok(None));
    }

    #[test]
    fn a_duplicate_is_refused_whatever_its_values() {
        for query in ["a=1&a=2", "a=1&a=1", "a=&a=1", "a=1&b=2&%61=3", "a&a"] {
            let parameters = Parameters::parse(query.as_bytes()).unwrap();
            assert_eq!(parameters.once("a"), Err(Malformed::Duplicate("a".into())), "{query}");
            assert_eq!(parameters.each_once(), Err(Malformed::Duplicate("a".into())), "{query}");
        }
        assert_eq!(Parameters::parse(b"a=1&b=1").unwrap().each_once(), Ok(()));
    }

    #[test]
    fn bad_encodings_are_refused() {
        for query in ["a=%", "a=%4", "a=%zz", "a=%ff", "a=%00", "%c3=1", "a=%c3%28"] {
            assert_eq!(Parameters::parse(query.as_bytes()), Err(Malformed::Encoding), "{query}");
        }
    }

    #[test]
    fn limits_hold() {
        assert_eq!(Parameters::parse("a".repeat(MAX_REQUEST + 1).as_bytes()), Err(Malformed::TooLong));
        assert!(Parameters::parse("a".repeat(MAX_REQUEST).as_bytes()).is_ok());
        assert_eq!(Parameters::parse("a&".repeat(MAX_PARAMETERS + 1).as_bytes()), Err(Malformed::TooMany));
        assert!(Parameters::parse("a&".repeat(MAX_PARAMETERS).as_bytes()).is_ok());
    }

    #[test]
    fn a_query_is_kept_and_extended() {
        let answer: Parameters = [("code", "x y"), ("state", "&=#")].into_iter().collect();
        for (uri, expected) in [
            ("https://app.example/cb", "https://app.example/cb?code=x%20y&state=%26%3D%23"),
            ("https://app.example/cb?a=1", "https://app.example/cb?a=1&code=x%20y&state=%26%3D%23"),
            ("https://app.example/cb?", "https://app.example/cb?code=x%20y&state=%26%3D%23"),
            ("https://app.example/cb?a=1&", "https://app.example/cb?a=1&code=x%20y&state=%26%3D%23"),
        ] {
            assert_eq!(append_query(uri, &answer), expected);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_parsed_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            if let Ok(parameters) = Parameters::parse(&bytes) {
                prop_assert_eq!(Parameters::parse(parameters.encode().as_bytes()).map(|again| again.values), Ok(parameters.values.clone()).map(|values: Vec<_>| {
                    values.into_iter().collect()
                }));
            }
        }

        #[test]
        fn what_is_encoded_is_read_back(pairs in proptest::collection::vec(("[^\0]{1,20}", "[^\0]{0,20}"), 0..10)) {
            let parameters: Parameters = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            prop_assert_eq!(Parameters::parse(parameters.encode().as_bytes()), Ok(parameters));
        }
    }
}

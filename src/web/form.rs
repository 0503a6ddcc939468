//! Fields of a query or of a form body (application/x-www-form-urlencoded), each at most once.

use std::fmt;

/// The most fields that a form may have.
pub const MAX_FIELDS: usize = 64;

/// Why a form was not read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    /// A field is there twice; which one counts would be a guess.
    #[error("the parameter `{0}` is there more than once")]
    Duplicate(String),
    /// More fields than the limit.
    #[error("there are more than {MAX_FIELDS} parameters")]
    TooMany,
    /// Bytes that are not text.
    #[error("the parameters are not UTF-8")]
    NotText,
}

/// The fields of a form in the order in which they came. `Debug` shows their names only: a value
/// may be a password.
#[derive(Default, Clone)]
pub struct Form(Vec<(String, String)>);

impl fmt::Debug for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

impl Form {
    /// Reads the fields. Refuses a repeated one.
    pub fn parse(bytes: &[u8]) -> Result<Self, FormError> {
        let text = std::str::from_utf8(bytes).map_err(|_| FormError::NotText)?;
        let mut fields: Vec<(String, String)> = Vec::new();
        for (name, value) in url::form_urlencoded::parse(text.as_bytes()) {
            if fields.len() == MAX_FIELDS {
                return Err(FormError::TooMany);
            }
            if fields.iter().any(|(known, _)| *known == name) {
                return Err(FormError::Duplicate(name.into_owned()));
            }
            fields.push((name.into_owned(), value.into_owned()));
        }
        Ok(Self(fields))
    }

    /// A field's value; an empty one counts as absent (RFC 6749, section 3.1).
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, value)| known == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }

    /// All fields.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;

    #[test]
    fn reads_fields_and_treats_empty_as_absent() {
        let form = Form::parse(b"a=1&b=&c=x%20y+z").unwrap();
        assert_eq!(form.get("a"), Some("1"));
        assert_eq!(form.get("b"), None);
        assert_eq!(form.get("c"), Some("x y z"));
        assert_eq!(format!("{form:?}"), r#"{"a", "b", "c"}"#);
    }

    #[test]
    fn refuses_a_repeated_field() {
        assert_eq!(Form::parse(b"a=1&a=2").unwrap_err(), FormError::Duplicate("a".into()));
    }

    #[test]
    fn refuses_too_many_fields() {
        let body: String = (0..=MAX_FIELDS).map(|n| format!("f{n}=&")).collect();
        assert_eq!(Form::parse(body.as_bytes()).unwrap_err(), FormError::TooMany);
    }
}

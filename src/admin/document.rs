//! JSON documents of requests: read strictly, and refused with the path of what is wrong.

use crate::model::error::Rule;
use crate::model::{Error, Result};
use serde::de::{DeserializeOwned, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, de};
use serde_json::{Map, Number, Value};
use std::fmt;

/// The document that a body holds.
pub fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T> {
    let mut reader = serde_json::Deserializer::from_slice(body);
    let document = serde_path_to_error::deserialize(&mut reader).map_err(located)?;
    reader.end().map_err(|error| Error::invalid(Rule::Request, format!("the body: {error}")))?;
    Ok(document)
}

/// The document that a value is.
pub fn read<T: DeserializeOwned>(value: Value) -> Result<T> {
    serde_path_to_error::deserialize(value).map_err(located)
}

/// The object that a body holds. A name that comes twice is refused: of two values one would be
/// lost.
pub fn object(body: &[u8]) -> Result<Map<String, Value>> {
    match parse::<Strict>(body)?.0 {
        Value::Object(fields) => Ok(fields),
        _ => Err(Error::invalid(Rule::Request, "the body must be a JSON object with what is to change (RFC 7396)")),
    }
}

fn located<E: fmt::Display>(error: serde_path_to_error::Error<E>) -> Error {
    let path = error.path().to_string();
    let place = if path == "." { "the body" } else { &path };
    Error::invalid(Rule::Request, format!("{place}: {}", error.inner()))
}

/// Any value in which no object has a name twice.
struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        deserializer.deserialize_any(Reader).map(Self)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> std::result::Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> std::result::Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> std::result::Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> std::result::Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> std::result::Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("a number that is none"))
    }

    fn visit_str<E>(self, value: &str) -> std::result::Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> std::result::Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> std::result::Result<Value, A::Error> {
        let mut array = Vec::new();
        while let Some(Strict(item)) = items.next_element()? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> std::result::Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some((name, Strict(value))) = fields.next_entry::<String, Strict>()? {
            if object.contains_key(&name) {
                return Err(A::Error::custom(format!("`{name}` comes twice; say it once")));
            }
            object.insert(name, value);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::pool::Settings;

    #[test]
    fn what_is_wrong_is_refused_with_its_path() {
        for (body, said) in [
            (r#"{"lockout":{"threshold":"x"}}"#, "lockout.threshold: invalid type: string"),
            (r#"{"lockout":{"treshold":1}}"#, "lockout.treshold: unknown field"),
            (r#"{"sesion":{}}"#, "sesion: unknown field"),
            (r#"{"session":[]} x"#, "the body: "),
            ("", "the body: "),
            ("nonsense", "the body: "),
        ] {
            let error = parse::<Settings>(body.as_bytes()).unwrap_err();
            assert!(error.message().starts_with(said), "{body}: {error}");
        }
    }

    #[test]
    fn an_object_is_read_whole_and_says_nothing_twice() {
        let text = r#"{"a":[1,-2,1.5,"ä",null,true,{"b":{}}],"c":18446744073709551615}"#;
        assert_eq!(serde_json::to_value(object(text.as_bytes()).unwrap()).unwrap(), serde_json::from_str::<Value>(text).unwrap());
        for (body, said) in [
            (r#"{"a":1,"a":2}"#, "`a` comes twice"),
            (r#"{"a":{"b":[{"c":1,"c":1}]}}"#, "a.b[0]"),
            ("[]", "must be a JSON object"),
            ("7", "must be a JSON object"),
            (r#"{"a":1} {}"#, "the body: "),
        ] {
            let error = object(body.as_bytes()).unwrap_err();
            assert!(error.message().contains(said), "{body}: {error}");
        }
        let deep = "{\"a\":".repeat(100_000);
        assert!(object(deep.as_bytes()).is_err());
    }
}

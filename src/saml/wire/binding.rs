//! The HTTP-Redirect and HTTP-POST bindings: from a query or a form to the XML of the message, and
//! what was said beside it.

use crate::model::error::Rule;
use crate::model::{Error, Result};
use base64::Engine as _;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use flate2::Compression;
use flate2::read::{DeflateDecoder, DeflateEncoder};
use std::io::Read as _;

/// The most bytes of RelayState. SAML bindings (section 3.4.3) say 80; many service providers put a
/// URL there, which is longer.
pub const MAX_RELAY_STATE: usize = 1024;
/// The most bytes of a query or a form, still encoded.
pub const MAX_ENCODED: usize = 96 << 10;
/// The most bytes of a message. An AuthnRequest has one or two thousand, with a signature and a
/// certificate under ten.
pub const MAX_MESSAGE: usize = 64 << 10;
const DEFLATE: &str = "urn:oasis:names:tc:SAML:2.0:bindings:URL-Encoding:DEFLATE";
/// Some senders leave the padding out.
const LENIENT: GeneralPurpose =
    GeneralPurpose::new(&alphabet::STANDARD, GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent));

/// A message as it came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// The XML of the message.
    pub message: Vec<u8>,
    /// What the sender wants back untouched.
    pub relay_state: Option<String>,
    /// The signature of a redirect binding; a POST binding has its signature in the message.
    pub signature: Option<QuerySignature>,
}

/// A signature over the query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuerySignature {
    /// What was signed, in the sender's own encoding (SAML bindings, section 3.4.4.1).
    pub signed: Vec<u8>,
    /// The algorithm's URI.
    pub algorithm: String,
    /// The signature itself.
    pub signature: Vec<u8>,
}

/// Whether a query holds a request rather than the way back to a stored one.
pub fn holds_request(query: &str) -> bool {
    query.split('&').any(|pair| pair.split('=').next() == Some("SAMLRequest"))
}

/// Reads the query of an HTTP-Redirect binding (SAML bindings, section 3.4.4).
pub fn decode_query(query: &str) -> Result<Received> {
    let fields = Fields::read(query)?;
    if let Some(encoding) = fields.decoded("SAMLEncoding")?
        && encoding != DEFLATE
    {
        return Err(refused("SAMLEncoding is not DEFLATE"));
    }
    let message = inflate(&base64(&required(fields.decoded("SAMLRequest")?)?)?)?;
    let signature = match (fields.decoded("SigAlg")?, fields.decoded("Signature")?) {
        (Some(algorithm), Some(signature)) => {
            Some(QuerySignature { signed: fields.signed_octets(), algorithm, signature: base64(&signature)? })
        }
        (None, None) => None,
        _ => return Err(refused("SigAlg and Signature come together or not at all")),
    };
    Ok(Received { message, relay_state: fields.relay_state()?, signature })
}

/// Reads the form of an HTTP-POST binding (SAML bindings, section 3.5.4).
pub fn decode_form(body: &[u8]) -> Result<Received> {
    let body = std::str::from_utf8(body).map_err(|_| refused("the form is not UTF-8"))?;
    let fields = Fields::read(body)?;
    let message = base64(&required(fields.decoded("SAMLRequest")?)?)?;
    if message.len() > MAX_MESSAGE {
        return Err(refused(format!("the message is longer than {MAX_MESSAGE} bytes")));
    }
    Ok(Received { message, relay_state: fields.relay_state()?, signature: None })
}

/// Writes the query of an HTTP-Redirect binding, without a signature.
pub fn encode_query(parameter: &str, message: &str, relay_state: Option<&str>) -> String {
    let mut deflated = Vec::new();
    // Reading from memory does not fail.
    let _ = DeflateEncoder::new(message.as_bytes(), Compression::default()).read_to_end(&mut deflated);
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair(parameter, &STANDARD.encode(deflated));
    if let Some(relay_state) = relay_state {
        query.append_pair("RelayState", relay_state);
    }
    query.finish()
}

/// The fields of a query or a form that the bindings know, still encoded; others are ignored.
#[derive(Default)]
struct Fields<'a>(Vec<(&'static str, &'a str)>);

const KNOWN: [&str; 5] = ["SAMLRequest", "RelayState", "SigAlg", "Signature", "SAMLEncoding"];

impl<'a> Fields<'a> {
    fn read(encoded: &'a str) -> Result<Self> {
        if encoded.len() > MAX_ENCODED {
            return Err(refused(format!("the request is longer than {MAX_ENCODED} bytes")));
        }
        let mut fields = Self::default();
        for pair in encoded.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let Some(known) = KNOWN.into_iter().find(|known| *known == name) else { continue };
            if fields.raw(known).is_some() {
                return Err(refused(format!("{known} occurs more than once")));
            }
            fields.0.push((known, value));
        }
        Ok(fields)
    }

    fn raw(&self, name: &str) -> Option<&'a str> {
        self.0.iter().find(|(field, _)| *field == name).map(|(_, value)| *value)
    }

    fn decoded(&self, name: &str) -> Result<Option<String>> {
        self.raw(name).map(|value| unescape(value).ok_or_else(|| refused(format!("{name} is not URL-encoded UTF-8")))).transpose()
    }

    fn relay_state(&self) -> Result<Option<String>> {
        match self.decoded("RelayState")? {
            Some(state) if state.len() > MAX_RELAY_STATE => Err(refused(format!("RelayState is longer than {MAX_RELAY_STATE} bytes"))),
            state => Ok(state),
        }
    }

    /// The three fields in the order of the specification, whatever order they came in, each as the
    /// sender encoded it.
    fn signed_octets(&self) -> Vec<u8> {
        let pairs =
            ["SAMLRequest", "RelayState", "SigAlg"].into_iter().filter_map(|name| self.raw(name).map(|value| format!("{name}={value}")));
        pairs.collect::<Vec<_>>().join("&").into_bytes()
    }
}

/// Undoes `application/x-www-form-urlencoded`; a stray `%` is refused.
fn unescape(value: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => hex(rest.next()?)? << 4 | hex(rest.next()?)?,
            b'+' => b' ',
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

/// Decodes base64. Line breaks are allowed (RFC 2045), and a blank stands for a plus sign that was
/// sent without being encoded.
fn base64(text: &str) -> Result<Vec<u8>> {
    let text: String =
        text.trim().chars().filter(|character| !matches!(character, '\r' | '\n' | '\t')).map(|c| if c == ' ' { '+' } else { c }).collect();
    LENIENT.decode(text).map_err(|_| refused("the message or its signature is not base64"))
}

/// Inflates (RFC 1951) at most [`MAX_MESSAGE`] bytes: what is longer costs no more than that.
fn inflate(deflated: &[u8]) -> Result<Vec<u8>> {
    let mut message = Vec::new();
    let limit = MAX_MESSAGE as u64 + 1;
    DeflateDecoder::new(deflated).take(limit).read_to_end(&mut message).map_err(|_| refused("the message is not deflated"))?;
    if message.len() > MAX_MESSAGE {
        return Err(refused(format!("the message is longer than {MAX_MESSAGE} bytes")));
    }
    Ok(message)
}

fn required(value: Option<String>) -> Result<String> {
    value.filter(|value| !value.is_empty()).ok_or_else(|| refused("SAMLRequest is missing"))
}

fn refused(message: impl Into<String>) -> Error {
    Error::invalid(Rule::Request, message)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn form(fields: &[(&str, &str)]) -> String {
        url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
    }

    #[test]
    fn reads_its_own_query() {
        let received = decode_query(&encode_query("SAMLRequest", "<a>é</a>", Some("x y&z"))).unwrap();
        assert_eq!(received.message, "<a>é</a>".as_bytes());
        assert_eq!(received.relay_state.as_deref(), Some("x y&z"));
        assert_eq!(received.signature, None);
    }

    #[test]
    fn keeps_the_bytes_that_were_signed() {
        let message = encode_query("SAMLRequest", "<a/>", None);
        let lower = message.replace("%3D", "%3d").replace("%2B", "%2b").replace("%2F", "%2f");
        let query = format!("Signature=AAAA&x=1&SigAlg=urn%3aalg&RelayState=a%20b&{lower}");
        let signature = decode_query(&query).unwrap().signature.unwrap();
        assert_eq!(String::from_utf8(signature.signed).unwrap(), format!("{lower}&RelayState=a%20b&SigAlg=urn%3aalg"));
        assert_eq!(signature.algorithm, "urn:alg");
    }

    #[test]
    fn refuses_duplicates_and_halves() {
        let message = encode_query("SAMLRequest", "<a/>", None);
        assert!(decode_query(&format!("{message}&{message}")).is_err());
        assert!(decode_query(&format!("{message}&RelayState=a&RelayState=b")).is_err());
        assert!(decode_query(&format!("{message}&SigAlg=x")).is_err());
        assert!(decode_query(&format!("{message}&Signature=AAAA")).is_err());
        assert!(decode_query(&format!("{message}&SAMLEncoding=urn:other")).is_err());
        assert!(decode_query("RelayState=a").is_err());
        assert!(decode_query("SAMLRequest=%zz").is_err());
    }

    #[test]
    fn bounds_relay_state() {
        let at = |length: usize| decode_query(&encode_query("SAMLRequest", "<a/>", Some(&"x".repeat(length))));
        assert!(at(MAX_RELAY_STATE).is_ok());
        assert!(at(MAX_RELAY_STATE + 1).is_err());
    }

    #[test]
    fn bounds_what_a_small_message_inflates_to() {
        assert!(decode_query(&encode_query("SAMLRequest", &"x".repeat(MAX_MESSAGE), None)).is_ok());
        let bomb = encode_query("SAMLRequest", &"x".repeat(32 << 20), None);
        assert!(bomb.len() < MAX_ENCODED);
        assert!(decode_query(&bomb).is_err());
    }

    #[test]
    fn reads_a_form_with_broken_lines() {
        let encoded = STANDARD.encode("<a>some longer text</a>");
        let (head, tail) = encoded.split_at(8);
        let received = decode_form(form(&[("SAMLRequest", &format!("{head}\r\n{tail}\r\n")), ("RelayState", "")]).as_bytes()).unwrap();
        assert_eq!(received.message, b"<a>some longer text</a>");
        assert_eq!(received.relay_state.as_deref(), Some(""));
        assert!(decode_form(b"SAMLRequest=%ff").is_err());
        assert!(decode_form(&vec![b'a'; MAX_ENCODED + 1]).is_err());
    }

    #[test]
    fn tells_a_request_from_the_way_back() {
        assert!(holds_request("RelayState=a&SAMLRequest=b"));
        assert!(!holds_request("interaction=SAMLRequest"));
    }

    proptest! {
        #[test]
        fn arbitrary_input_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300), text in any::<String>()) {
            let _ = decode_form(&bytes);
            let _ = decode_query(&text);
            let _ = inflate(&bytes);
            let _ = decode_query(&format!("SAMLRequest={text}&SigAlg={text}&Signature={text}"));
        }

        #[test]
        fn what_is_encoded_is_decoded_again(message in any::<String>(), state in proptest::option::of("[^\\x00]{0,100}")) {
            prop_assume!(!message.is_empty());
            let received = decode_query(&encode_query("SAMLRequest", &message, state.as_deref())).unwrap();
            prop_assert_eq!(received.message, message.into_bytes());
            prop_assert_eq!(received.relay_state, state);
        }
    }
}

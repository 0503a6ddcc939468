//! From bytes to a message.

use super::Limits;
use super::filter::{Assertion, Filter};
use super::message::{
    AddRequest, Authentication, BindRequest, BindResponse, Change, ChangeKind, CompareRequest, Control, DerefAliases, Entry,
    ExtendedRequest, ExtendedResponse, Intermediate, LdapResult, Message, ModifyDnRequest, ModifyRequest, Operation, PartialAttribute,
    ResultCode, Scope, SearchRequest,
};
use crate::model::ber::{self, BerError, Header, Reader, application, application_constructed, context, context_constructed};
use std::borrow::Cow;
use std::fmt;

pub(super) const BIND_REQUEST: u8 = application_constructed(0);
pub(super) const BIND_RESPONSE: u8 = application_constructed(1);
pub(super) const UNBIND_REQUEST: u8 = application(2);
pub(super) const SEARCH_REQUEST: u8 = application_constructed(3);
pub(super) const SEARCH_ENTRY: u8 = application_constructed(4);
pub(super) const SEARCH_DONE: u8 = application_constructed(5);
pub(super) const MODIFY_REQUEST: u8 = application_constructed(6);
pub(super) const MODIFY_RESPONSE: u8 = application_constructed(7);
pub(super) const ADD_REQUEST: u8 = application_constructed(8);
pub(super) const ADD_RESPONSE: u8 = application_constructed(9);
pub(super) const DELETE_REQUEST: u8 = application(10);
pub(super) const DELETE_RESPONSE: u8 = application_constructed(11);
pub(super) const MODIFY_DN_REQUEST: u8 = application_constructed(12);
pub(super) const MODIFY_DN_RESPONSE: u8 = application_constructed(13);
pub(super) const COMPARE_REQUEST: u8 = application_constructed(14);
pub(super) const COMPARE_RESPONSE: u8 = application_constructed(15);
pub(super) const ABANDON_REQUEST: u8 = application(16);
pub(super) const SEARCH_REFERENCE: u8 = application_constructed(19);
pub(super) const EXTENDED_REQUEST: u8 = application_constructed(23);
pub(super) const EXTENDED_RESPONSE: u8 = application_constructed(24);
pub(super) const INTERMEDIATE: u8 = application_constructed(25);

pub(super) const CONTROLS: u8 = context_constructed(0);
pub(super) const REFERRAL: u8 = context_constructed(3);
pub(super) const SIMPLE: u8 = context(0);
pub(super) const SASL: u8 = context_constructed(3);
pub(super) const SERVER_CREDENTIALS: u8 = context(7);
pub(super) const NEW_SUPERIOR: u8 = context(0);
pub(super) const REQUEST_NAME: u8 = context(0);
pub(super) const REQUEST_VALUE: u8 = context(1);
pub(super) const RESPONSE_NAME: u8 = context(10);
pub(super) const RESPONSE_VALUE: u8 = context(11);

/// Why bytes are not a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodeError {
    /// What is wrong.
    pub reason: Reason,
    /// The request that can still be answered: its envelope is sound, only what it holds is not.
    /// Without it the connection cannot go on (RFC 4511, section 4.1.1).
    pub answerable: Option<Answerable>,
}

/// A request whose envelope is sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answerable {
    /// Its message id.
    pub id: i32,
    /// The identifier octet of its operation.
    pub tag: u8,
    /// Octets of the whole message.
    pub size: usize,
}

impl Answerable {
    /// Whether it is a bind, which ends an earlier one even when it fails.
    pub const fn is_bind(&self) -> bool {
        self.tag == BIND_REQUEST
    }

    /// The answer to it; none to what is not answered: an unbind, an abandon, an answer.
    pub fn answer<'a>(&self, result: LdapResult<'a>) -> Option<Message<'a>> {
        let operation = match self.tag {
            BIND_REQUEST => Operation::BindResponse(BindResponse { result, credentials: None }),
            SEARCH_REQUEST => Operation::SearchDone(result),
            MODIFY_REQUEST => Operation::ModifyResponse(result),
            ADD_REQUEST => Operation::AddResponse(result),
            DELETE_REQUEST => Operation::DeleteResponse(result),
            MODIFY_DN_REQUEST => Operation::ModifyDnResponse(result),
            COMPARE_REQUEST => Operation::CompareResponse(result),
            EXTENDED_REQUEST => Operation::ExtendedResponse(ExtendedResponse { result, name: None, value: None }),
            _ => return None,
        };
        Some(Message { id: self.id, operation, controls: Vec::new() })
    }
}

/// What is wrong with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It is not BER, or its elements are not those of the operation.
    Structure(BerError),
    /// It is longer than a message may be here.
    TooLarge {
        /// Octets announced.
        size: usize,
        /// Octets allowed.
        limit: usize,
    },
    /// It is no operation of LDAPv3.
    UnknownOperation(u8),
    /// Its id is out of range.
    MessageId,
    /// A text is not UTF-8.
    Text,
    /// A value is out of the range that the operation defines.
    Value(&'static str),
    /// More of something than one message may hold here.
    Limit(&'static str),
}

impl DecodeError {
    const fn fatal(reason: Reason) -> Self {
        Self { reason, answerable: None }
    }
}

impl From<BerError> for Reason {
    fn from(error: BerError) -> Self {
        Self::Structure(error)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Structure(error) => write!(f, "the message is malformed: {error}"),
            Self::TooLarge { size, limit } => write!(f, "the message of {size} octets is over the limit of {limit}"),
            Self::UnknownOperation(tag) => write!(f, "no operation has the tag {tag:#04x}"),
            Self::MessageId => f.write_str("a message id is negative, over 2147483647, or zero in a request"),
            Self::Text => f.write_str("a text is not UTF-8"),
            Self::Value(what) | Self::Limit(what) => f.write_str(what),
        }
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reason.fmt(f)
    }
}

impl std::error::Error for DecodeError {}

/// Octets of the message at the beginning of these bytes, as its header announces them; `None`
/// while the header is not complete.
///
/// A message over the limit is refused as soon as its length is there.
pub fn frame_size(bytes: &[u8], limits: &Limits) -> Result<Option<usize>, DecodeError> {
    let Some(header) = Header::read(bytes).map_err(|error| DecodeError::fatal(error.into()))? else { return Ok(None) };
    if header.tag != ber::SEQUENCE {
        return Err(DecodeError::fatal(Reason::Structure(BerError::Unexpected { expected: ber::SEQUENCE, found: header.tag })));
    }
    let size = header.size.saturating_add(header.length);
    if size > limits.message_size {
        return Err(DecodeError::fatal(Reason::TooLarge { size, limit: limits.message_size }));
    }
    Ok(Some(size))
}

/// Decodes the message at the beginning of these bytes and tells its size; `None` while it is not
/// complete (RFC 4511, section 5.1).
pub fn decode<'a>(bytes: &'a [u8], limits: &Limits) -> Result<Option<(Message<'a>, usize)>, DecodeError> {
    let Some(size) = frame_size(bytes, limits)? else { return Ok(None) };
    let Some(frame) = bytes.get(..size) else { return Ok(None) };
    let fatal = DecodeError::fatal;
    let mut reader = Reader::new(frame);
    let mut reader = reader.sequence().map_err(|error| fatal(error.into()))?;
    let (id, tag, operation, controls) = envelope(&mut reader).map_err(fatal)?;
    let message =
        operation_of(tag, operation, limits).and_then(|operation| Ok(Message { id, operation, controls: controls_of(controls, limits)? }));
    match message {
        Ok(message) => Ok(Some((message, size))),
        Err(reason @ (Reason::Structure(_) | Reason::UnknownOperation(_))) => Err(fatal(reason)),
        Err(reason) => Err(DecodeError { reason, answerable: Some(Answerable { id, tag, size }) }),
    }
}

type Envelope<'a> = (i32, u8, &'a [u8], Option<&'a [u8]>);

fn envelope<'a>(reader: &mut Reader<'a>) -> Result<Envelope<'a>, Reason> {
    let id = message_id(reader.integer()?)?;
    let (tag, operation) = reader.read()?;
    // Only unsolicited notifications have the id zero (RFC 4511, section 4.4).
    if id == 0 && tag != EXTENDED_RESPONSE {
        return Err(Reason::MessageId);
    }
    let controls = reader.optional(CONTROLS)?;
    ignore_rest(reader)?;
    Ok((id, tag, operation, controls))
}

fn operation_of<'a>(tag: u8, contents: &'a [u8], limits: &Limits) -> Result<Operation<'a>, Reason> {
    let mut reader = Reader::new(contents);
    let reader = &mut reader;
    let operation = match tag {
        UNBIND_REQUEST => return Ok(Operation::UnbindRequest),
        DELETE_REQUEST => return Ok(Operation::DeleteRequest(text(contents)?)),
        ABANDON_REQUEST => return Ok(Operation::AbandonRequest(message_id(ber::integer(contents)?)?)),
        BIND_REQUEST => Operation::BindRequest(bind_request(reader)?),
        BIND_RESPONSE => {
            Operation::BindResponse(BindResponse { result: result(reader)?, credentials: reader.optional(SERVER_CREDENTIALS)? })
        }
        SEARCH_REQUEST => Operation::SearchRequest(search_request(reader, limits)?),
        SEARCH_ENTRY => Operation::SearchEntry(Entry {
            name: Cow::Borrowed(text(reader.octets()?)?),
            attributes: attributes(reader.sequence()?, limits)?,
        }),
        SEARCH_DONE => Operation::SearchDone(result(reader)?),
        SEARCH_REFERENCE => return Ok(Operation::SearchReference(texts(*reader, usize::MAX)?)),
        MODIFY_REQUEST => Operation::ModifyRequest(modify_request(reader, limits)?),
        MODIFY_RESPONSE => Operation::ModifyResponse(result(reader)?),
        ADD_REQUEST => {
            Operation::AddRequest(AddRequest { entry: text(reader.octets()?)?, attributes: attributes(reader.sequence()?, limits)? })
        }
        ADD_RESPONSE => Operation::AddResponse(result(reader)?),
        DELETE_RESPONSE => Operation::DeleteResponse(result(reader)?),
        MODIFY_DN_REQUEST => Operation::ModifyDnRequest(modify_dn_request(reader)?),
        MODIFY_DN_RESPONSE => Operation::ModifyDnResponse(result(reader)?),
        COMPARE_REQUEST => {
            let entry = text(reader.octets()?)?;
            let Assertion { attribute, value } = Assertion::decode(reader.sequence()?)?;
            Operation::CompareRequest(CompareRequest { entry, attribute, value })
        }
        COMPARE_RESPONSE => Operation::CompareResponse(result(reader)?),
        EXTENDED_REQUEST => Operation::ExtendedRequest(ExtendedRequest {
            name: text(reader.expect(REQUEST_NAME)?)?,
            value: reader.optional(REQUEST_VALUE)?,
        }),
        EXTENDED_RESPONSE => Operation::ExtendedResponse(ExtendedResponse {
            result: result(reader)?,
            name: optional_text(reader, RESPONSE_NAME)?,
            value: reader.optional(RESPONSE_VALUE)?.map(Cow::Borrowed),
        }),
        INTERMEDIATE => {
            Operation::Intermediate(Intermediate { name: optional_text(reader, REQUEST_NAME)?, value: reader.optional(REQUEST_VALUE)? })
        }
        unknown => return Err(Reason::UnknownOperation(unknown)),
    };
    ignore_rest(reader)?;
    Ok(operation)
}

fn bind_request<'a>(reader: &mut Reader<'a>) -> Result<BindRequest<'a>, Reason> {
    let version = u8::try_from(reader.integer()?).map_err(|_| Reason::Value("the protocol version is out of range"))?;
    let name = text(reader.octets()?)?;
    let authentication = match reader.read()? {
        (SIMPLE, password) => Authentication::Simple(password),
        (SASL, contents) => {
            let mut sasl = Reader::new(contents);
            Authentication::Sasl { mechanism: text(sasl.octets()?)?, credentials: sasl.optional(ber::OCTET_STRING)? }
        }
        (other, _) => Authentication::Other(other),
    };
    Ok(BindRequest { version, name, authentication })
}

fn search_request<'a>(reader: &mut Reader<'a>, limits: &Limits) -> Result<SearchRequest<'a>, Reason> {
    Ok(SearchRequest {
        base: text(reader.octets()?)?,
        scope: match reader.enumerated()? {
            0 => Scope::Base,
            1 => Scope::One,
            2 => Scope::Subtree,
            _ => return Err(Reason::Value("the scope is none of base, one level and subtree")),
        },
        deref: match reader.enumerated()? {
            0 => DerefAliases::Never,
            1 => DerefAliases::Searching,
            2 => DerefAliases::Finding,
            3 => DerefAliases::Always,
            _ => return Err(Reason::Value("the way to treat aliases is out of range")),
        },
        size_limit: limit(reader.integer()?)?,
        time_limit: limit(reader.integer()?)?,
        types_only: reader.boolean()?,
        filter: Filter::decode(reader, limits)?,
        attributes: texts(reader.sequence()?, limits.attributes)?,
    })
}

fn modify_request<'a>(reader: &mut Reader<'a>, limits: &Limits) -> Result<ModifyRequest<'a>, Reason> {
    let entry = text(reader.octets()?)?;
    let mut list = reader.sequence()?;
    let mut changes = Vec::new();
    let mut values = limits.values;
    while !list.is_empty() {
        under(changes.len(), limits.attributes, "the modify has too many changes")?;
        let mut change = list.sequence()?;
        let kind = match change.enumerated()? {
            0 => ChangeKind::Add,
            1 => ChangeKind::Delete,
            2 => ChangeKind::Replace,
            3 => ChangeKind::Increment,
            _ => return Err(Reason::Value("a change is none of add, delete, replace and increment")),
        };
        changes.push(Change { kind, attribute: attribute(change.sequence()?, &mut values)? });
        ignore_rest(&mut change)?;
    }
    Ok(ModifyRequest { entry, changes })
}

fn modify_dn_request<'a>(reader: &mut Reader<'a>) -> Result<ModifyDnRequest<'a>, Reason> {
    Ok(ModifyDnRequest {
        entry: text(reader.octets()?)?,
        new_rdn: text(reader.octets()?)?,
        delete_old_rdn: reader.boolean()?,
        new_superior: optional_text(reader, NEW_SUPERIOR)?,
    })
}

fn attributes<'a>(mut reader: Reader<'a>, limits: &Limits) -> Result<Vec<PartialAttribute<'a>>, Reason> {
    let mut attributes = Vec::new();
    let mut values = limits.values;
    while !reader.is_empty() {
        under(attributes.len(), limits.attributes, "the entry has too many attributes")?;
        attributes.push(attribute(reader.sequence()?, &mut values)?);
    }
    Ok(attributes)
}

/// `most` values are still allowed in the message.
fn attribute<'a>(mut reader: Reader<'a>, most: &mut usize) -> Result<PartialAttribute<'a>, Reason> {
    let name = text(reader.octets()?)?;
    let mut set = reader.set()?;
    let mut values = Vec::new();
    while !set.is_empty() {
        *most = most.checked_sub(1).ok_or(Reason::Limit("the message has too many values; spread them over several requests"))?;
        values.push(set.octets()?);
    }
    ignore_rest(&mut reader)?;
    Ok(PartialAttribute { name, values })
}

fn controls_of<'a>(controls: Option<&'a [u8]>, limits: &Limits) -> Result<Vec<Control<'a>>, Reason> {
    let mut reader = Reader::new(controls.unwrap_or_default());
    let mut controls = Vec::new();
    while !reader.is_empty() {
        under(controls.len(), limits.controls, "the message has too many controls")?;
        let mut control = reader.sequence()?;
        controls.push(Control {
            oid: text(control.octets()?)?,
            critical: control.optional(ber::BOOLEAN)?.map(ber::boolean).transpose()?.unwrap_or(false),
            value: control.optional(ber::OCTET_STRING)?.map(Cow::Borrowed),
        });
        control.finish()?;
    }
    Ok(controls)
}

fn result<'a>(reader: &mut Reader<'a>) -> Result<LdapResult<'a>, Reason> {
    Ok(LdapResult {
        code: ResultCode(u32::try_from(reader.enumerated()?).map_err(|_| Reason::Value("the result code is out of range"))?),
        matched: Cow::Borrowed(text(reader.octets()?)?),
        message: Cow::Borrowed(text(reader.octets()?)?),
        referral: reader.optional(REFERRAL)?.map(|uris| texts(Reader::new(uris), usize::MAX)).transpose()?.unwrap_or_default(),
    })
}

fn texts<'a>(mut reader: Reader<'a>, most: usize) -> Result<Vec<&'a str>, Reason> {
    let mut texts = Vec::new();
    while !reader.is_empty() {
        under(texts.len(), most, "the list is too long")?;
        texts.push(text(reader.octets()?)?);
    }
    Ok(texts)
}

fn optional_text<'a>(reader: &mut Reader<'a>, tag: u8) -> Result<Option<&'a str>, Reason> {
    reader.optional(tag)?.map(text).transpose()
}

/// Octets that the protocol defines as UTF-8.
pub(super) fn text(octets: &[u8]) -> Result<&str, Reason> {
    std::str::from_utf8(octets).map_err(|_| Reason::Text)
}

/// What a later version of the protocol may have appended is skipped (RFC 4511, section 4); it must
/// be BER all the same.
fn ignore_rest(reader: &mut Reader<'_>) -> Result<(), Reason> {
    while !reader.is_empty() {
        reader.read()?;
    }
    Ok(())
}

fn under(count: usize, most: usize, what: &'static str) -> Result<(), Reason> {
    if count < most { Ok(()) } else { Err(Reason::Limit(what)) }
}

fn message_id(number: i64) -> Result<i32, Reason> {
    i32::try_from(number).ok().filter(|id| *id >= 0).ok_or(Reason::MessageId)
}

fn limit(number: i64) -> Result<u32, Reason> {
    u32::try_from(number)
        .ok()
        .filter(|limit| *limit <= i32::MAX.unsigned_abs())
        .ok_or(Reason::Value("a limit of the search is out of range"))
}

/// What a message is about, for whoever waits for the end of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Glance {
    /// The request with this id is abandoned.
    Abandon(i32),
    /// The peer unbinds.
    Unbind,
    /// Anything else.
    Other,
}

/// Looks at the complete messages at the beginning of these bytes; ends where they do, or where
/// they are malformed.
pub fn glance(bytes: &[u8]) -> impl Iterator<Item = Glance> + '_ {
    let mut reader = Reader::new(bytes);
    std::iter::from_fn(move || {
        let mut message = reader.sequence().ok()?;
        message.integer().ok()?;
        let (tag, contents) = message.read().ok()?;
        Some(match tag {
            ABANDON_REQUEST => Glance::Abandon(message_id(ber::integer(contents).ok()?).ok()?),
            UNBIND_REQUEST => Glance::Unbind,
            _ => Glance::Other,
        })
    })
}

/// The operation of a complete message as it stands, identifier and length included; empty if the
/// message is malformed.
pub fn operation_bytes(frame: &[u8]) -> &[u8] {
    let mut reader = Reader::new(frame);
    let operation = reader.sequence().and_then(|mut message| message.integer().and_then(|_| message.raw()));
    operation.unwrap_or_default()
}

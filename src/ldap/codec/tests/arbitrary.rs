//! Arbitrary messages. The messages of the codec borrow, so what they borrow from is made first.

use super::super::*;
use proptest::collection::vec;
use proptest::prelude::*;

type Octets = Vec<u8>;
type Attributes = Vec<(String, Vec<Octets>)>;

#[derive(Clone, Debug)]
pub struct OwnedMessage {
    id: i32,
    operation: OwnedOperation,
    controls: Vec<(String, bool, Option<Octets>)>,
}

#[derive(Clone, Debug)]
enum OwnedOperation {
    Bind(u8, String, Octets),
    Sasl(String, Option<Octets>),
    BindResponse(OwnedResult, Option<Octets>),
    Unbind,
    Search { base: String, numbers: (u8, u8, u32, u32), types_only: bool, filter: OwnedFilter, attributes: Vec<String> },
    Entry(String, Attributes),
    Done(u8, OwnedResult),
    Reference(Vec<String>),
    Modify(String, Vec<(u8, String, Vec<Octets>)>),
    Add(String, Attributes),
    Delete(String),
    ModifyDn(String, String, bool, Option<String>),
    Compare(String, String, Octets),
    Abandon(i32),
    Extended(String, Option<Octets>),
    ExtendedResponse(OwnedResult, Option<String>, Option<Octets>),
    Intermediate(Option<String>, Option<Octets>),
}

type OwnedResult = (u32, String, String, Vec<String>);

#[derive(Clone, Debug)]
enum OwnedFilter {
    And(Vec<Self>),
    Or(Vec<Self>),
    Not(Box<Self>),
    Assertion(u8, String, Octets),
    Substrings(String, Option<Octets>, Vec<Octets>, Octets),
    Present(String),
    Extensible(Option<String>, String, Octets, bool),
}

pub fn message() -> impl Strategy<Value = OwnedMessage> {
    let controls = vec((text(), any::<bool>(), octets_or_none()), 0..3);
    (1..=i32::MAX, operation(), controls).prop_map(|(id, operation, controls)| OwnedMessage { id, operation, controls })
}

/// A filter as people write it (RFC 4515).
pub fn filter_text() -> impl Strategy<Value = String> {
    let item = ("[a-z]{1,8}", "(=|>=|<=|~=)", "[a-zA-Z0-9 ]{1,12}").prop_map(|(name, kind, value)| format!("({name}{kind}{value})"));
    let present = "[a-z]{1,8}".prop_map(|name| format!("({name}=*)"));
    let substrings = ("[a-z]{1,8}", "[a-z]{0,4}", vec("[a-z]{1,4}", 0..3), "[a-z]{1,4}").prop_map(|(name, initial, any, last)| {
        let any: String = any.iter().map(|part| format!("{part}*")).collect();
        format!("({name}={initial}*{any}{last})")
    });
    let leaf = prop_oneof![item, present, substrings];
    leaf.prop_recursive(4, 16, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 1..4).prop_map(|filters| format!("(&{})", filters.concat())),
            vec(inner.clone(), 1..4).prop_map(|filters| format!("(|{})", filters.concat())),
            inner.prop_map(|filter| format!("(!{filter})")),
        ]
    })
}

fn text() -> impl Strategy<Value = String> {
    "\\PC{0,20}"
}

fn octets() -> impl Strategy<Value = Octets> {
    vec(any::<u8>(), 0..200)
}

fn octets_or_none() -> impl Strategy<Value = Option<Octets>> {
    proptest::option::of(octets())
}

fn text_or_none() -> impl Strategy<Value = Option<String>> {
    proptest::option::of(text())
}

fn result() -> impl Strategy<Value = OwnedResult> {
    (0..200u32, text(), text(), vec(text(), 0..2))
}

fn attributes() -> impl Strategy<Value = Attributes> {
    vec((text(), vec(octets(), 0..3)), 0..4)
}

fn filter() -> impl Strategy<Value = OwnedFilter> {
    let leaf = prop_oneof![
        (0..4u8, text(), octets()).prop_map(|(kind, name, value)| OwnedFilter::Assertion(kind, name, value)),
        (text(), octets_or_none(), vec(octets(), 0..3), octets())
            .prop_map(|(name, initial, any, last)| OwnedFilter::Substrings(name, initial, any, last)),
        text().prop_map(OwnedFilter::Present),
        (text_or_none(), text(), octets(), any::<bool>())
            .prop_map(|(rule, name, value, dn)| OwnedFilter::Extensible(rule, name, value, dn)),
    ];
    leaf.prop_recursive(5, 24, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(OwnedFilter::And),
            vec(inner.clone(), 0..4).prop_map(OwnedFilter::Or),
            inner.prop_map(|filter| OwnedFilter::Not(Box::new(filter))),
        ]
    })
}

fn operation() -> impl Strategy<Value = OwnedOperation> {
    use OwnedOperation as O;
    let limit = || 0..=i32::MAX.unsigned_abs();
    let search = (text(), (0..3u8, 0..4u8, limit(), limit()), any::<bool>(), filter(), vec(text(), 0..4));
    prop_oneof![
        (any::<u8>(), text(), octets()).prop_map(|(version, name, password)| O::Bind(version, name, password)),
        (text(), octets_or_none()).prop_map(|(mechanism, credentials)| O::Sasl(mechanism, credentials)),
        (result(), octets_or_none()).prop_map(|(result, credentials)| O::BindResponse(result, credentials)),
        Just(O::Unbind),
        search.prop_map(|(base, numbers, types_only, filter, attributes)| O::Search { base, numbers, types_only, filter, attributes }),
        (text(), attributes()).prop_map(|(name, attributes)| O::Entry(name, attributes)),
        (0..6u8, result()).prop_map(|(kind, result)| O::Done(kind, result)),
        vec(text(), 1..3).prop_map(O::Reference),
        (text(), vec((0..4u8, text(), vec(octets(), 0..3)), 0..4)).prop_map(|(entry, changes)| O::Modify(entry, changes)),
        (text(), attributes()).prop_map(|(entry, attributes)| O::Add(entry, attributes)),
        text().prop_map(O::Delete),
        (text(), text(), any::<bool>(), text_or_none()).prop_map(|(entry, rdn, delete, parent)| O::ModifyDn(entry, rdn, delete, parent)),
        (text(), text(), octets()).prop_map(|(entry, name, value)| O::Compare(entry, name, value)),
        (0..=i32::MAX).prop_map(O::Abandon),
        (text(), octets_or_none()).prop_map(|(name, value)| O::Extended(name, value)),
        (result(), text_or_none(), octets_or_none()).prop_map(|(result, name, value)| O::ExtendedResponse(result, name, value)),
        (text_or_none(), octets_or_none()).prop_map(|(name, value)| O::Intermediate(name, value)),
    ]
}

impl OwnedMessage {
    pub fn borrow(&self) -> Message<'_> {
        let controls = self
            .controls
            .iter()
            .map(|(oid, critical, value)| Control { oid, critical: *critical, value: value.as_deref().map(Into::into) })
            .collect();
        Message { id: self.id, operation: self.operation.borrow(), controls }
    }
}

impl OwnedOperation {
    fn borrow(&self) -> Operation<'_> {
        match self {
            Self::Bind(version, name, password) => {
                Operation::BindRequest(BindRequest { version: *version, name, authentication: Authentication::Simple(password) })
            }
            Self::Sasl(mechanism, credentials) => {
                let authentication = Authentication::Sasl { mechanism, credentials: credentials.as_deref() };
                Operation::BindRequest(BindRequest { version: 3, name: "", authentication })
            }
            Self::BindResponse(parts, credentials) => {
                Operation::BindResponse(BindResponse { result: borrow_result(parts), credentials: credentials.as_deref() })
            }
            Self::Unbind => Operation::UnbindRequest,
            Self::Search { base, numbers: (scope, deref, size_limit, time_limit), types_only, filter, attributes } => {
                Operation::SearchRequest(SearchRequest {
                    base,
                    scope: [Scope::Base, Scope::One, Scope::Subtree][usize::from(*scope)],
                    deref: [DerefAliases::Never, DerefAliases::Searching, DerefAliases::Finding, DerefAliases::Always][usize::from(*deref)],
                    size_limit: *size_limit,
                    time_limit: *time_limit,
                    types_only: *types_only,
                    filter: filter.borrow(),
                    attributes: attributes.iter().map(String::as_str).collect(),
                })
            }
            Self::Entry(name, attributes) => {
                Operation::SearchEntry(Entry { name: name.as_str().into(), attributes: borrow_attributes(attributes) })
            }
            Self::Done(kind, parts) => {
                let result = borrow_result(parts);
                match kind {
                    0 => Operation::SearchDone(result),
                    1 => Operation::ModifyResponse(result),
                    2 => Operation::AddResponse(result),
                    3 => Operation::DeleteResponse(result),
                    4 => Operation::ModifyDnResponse(result),
                    _ => Operation::CompareResponse(result),
                }
            }
            Self::Reference(uris) => Operation::SearchReference(uris.iter().map(String::as_str).collect()),
            Self::Modify(entry, changes) => {
                let changes = changes
                    .iter()
                    .map(|(kind, name, values)| Change {
                        kind: [ChangeKind::Add, ChangeKind::Delete, ChangeKind::Replace, ChangeKind::Increment][usize::from(*kind)],
                        attribute: borrow_attribute(name, values),
                    })
                    .collect();
                Operation::ModifyRequest(ModifyRequest { entry, changes })
            }
            Self::Add(entry, attributes) => Operation::AddRequest(AddRequest { entry, attributes: borrow_attributes(attributes) }),
            Self::Delete(entry) => Operation::DeleteRequest(entry),
            Self::ModifyDn(entry, new_rdn, delete_old_rdn, parent) => Operation::ModifyDnRequest(ModifyDnRequest {
                entry,
                new_rdn,
                delete_old_rdn: *delete_old_rdn,
                new_superior: parent.as_deref(),
            }),
            Self::Compare(entry, attribute, value) => Operation::CompareRequest(CompareRequest { entry, attribute, value }),
            Self::Abandon(id) => Operation::AbandonRequest(*id),
            Self::Extended(name, value) => Operation::ExtendedRequest(ExtendedRequest { name, value: value.as_deref() }),
            Self::ExtendedResponse(parts, name, value) => Operation::ExtendedResponse(ExtendedResponse {
                result: borrow_result(parts),
                name: name.as_deref(),
                value: value.as_deref().map(Into::into),
            }),
            Self::Intermediate(name, value) => Operation::Intermediate(Intermediate { name: name.as_deref(), value: value.as_deref() }),
        }
    }
}

impl OwnedFilter {
    fn borrow(&self) -> Filter<'_> {
        match self {
            Self::And(filters) => Filter::And(filters.iter().map(Self::borrow).collect()),
            Self::Or(filters) => Filter::Or(filters.iter().map(Self::borrow).collect()),
            Self::Not(filter) => Filter::Not(Box::new(filter.borrow())),
            Self::Assertion(kind, attribute, value) => {
                let assertion = Assertion { attribute, value };
                match kind {
                    0 => Filter::Equality(assertion),
                    1 => Filter::GreaterOrEqual(assertion),
                    2 => Filter::LessOrEqual(assertion),
                    _ => Filter::Approximate(assertion),
                }
            }
            Self::Substrings(attribute, initial, any, last) => Filter::Substrings(Substrings {
                attribute,
                initial: initial.as_deref(),
                any: any.iter().map(Vec::as_slice).collect(),
                last: Some(last),
            }),
            Self::Present(attribute) => Filter::Present(attribute),
            Self::Extensible(rule, attribute, value, dn_attributes) => {
                Filter::Extensible(Extensible { rule: rule.as_deref(), attribute: Some(attribute), value, dn_attributes: *dn_attributes })
            }
        }
    }
}

fn borrow_result((code, matched, message, referral): &OwnedResult) -> LdapResult<'_> {
    LdapResult {
        code: ResultCode(*code),
        matched: matched.as_str().into(),
        message: message.as_str().into(),
        referral: referral.iter().map(String::as_str).collect(),
    }
}

fn borrow_attributes(attributes: &Attributes) -> Vec<PartialAttribute<'_>> {
    attributes.iter().map(|(name, values)| borrow_attribute(name, values)).collect()
}

fn borrow_attribute<'a>(name: &'a str, values: &'a [Octets]) -> PartialAttribute<'a> {
    PartialAttribute { name, values: values.iter().map(Vec::as_slice).collect() }
}

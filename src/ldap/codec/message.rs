//! The values that messages hold (RFC 4511, section 4).

use super::filter::Filter;
use std::borrow::Cow;
use std::fmt;

/// A message: the envelope of every operation (RFC 4511, section 4.1.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// Ties responses to their request. Zero only in unsolicited notifications.
    pub id: i32,
    /// What is asked or answered.
    pub operation: Operation<'a>,
    /// Controls in the order of the message.
    pub controls: Vec<Control<'a>>,
}

/// The operations (RFC 4511, section 4.1.1, `protocolOp`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation<'a> {
    /// RFC 4511, section 4.2.
    BindRequest(BindRequest<'a>),
    /// RFC 4511, section 4.2.2.
    BindResponse(BindResponse<'a>),
    /// RFC 4511, section 4.3.
    UnbindRequest,
    /// RFC 4511, section 4.5.1.
    SearchRequest(SearchRequest<'a>),
    /// RFC 4511, section 4.5.2.
    SearchEntry(Entry<'a>),
    /// RFC 4511, section 4.5.2.
    SearchDone(LdapResult<'a>),
    /// The URIs of a continuation (RFC 4511, section 4.5.3).
    SearchReference(Vec<&'a str>),
    /// RFC 4511, section 4.6.
    ModifyRequest(ModifyRequest<'a>),
    /// RFC 4511, section 4.6.
    ModifyResponse(LdapResult<'a>),
    /// RFC 4511, section 4.7.
    AddRequest(AddRequest<'a>),
    /// RFC 4511, section 4.7.
    AddResponse(LdapResult<'a>),
    /// The name of the entry to delete (RFC 4511, section 4.8).
    DeleteRequest(&'a str),
    /// RFC 4511, section 4.8.
    DeleteResponse(LdapResult<'a>),
    /// RFC 4511, section 4.9.
    ModifyDnRequest(ModifyDnRequest<'a>),
    /// RFC 4511, section 4.9.
    ModifyDnResponse(LdapResult<'a>),
    /// RFC 4511, section 4.10.
    CompareRequest(CompareRequest<'a>),
    /// RFC 4511, section 4.10.
    CompareResponse(LdapResult<'a>),
    /// The id of the request to abandon (RFC 4511, section 4.11).
    AbandonRequest(i32),
    /// RFC 4511, section 4.12.
    ExtendedRequest(ExtendedRequest<'a>),
    /// RFC 4511, section 4.12.
    ExtendedResponse(ExtendedResponse<'a>),
    /// RFC 4511, section 4.13.
    Intermediate(Intermediate<'a>),
}

/// A control (RFC 4511, section 4.1.11).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Control<'a> {
    /// Its object identifier.
    pub oid: &'a str,
    /// Whether the operation must not be done without it.
    pub critical: bool,
    /// What the control's own definition says.
    pub value: Option<Cow<'a, [u8]>>,
}

/// A bind (RFC 4511, section 4.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BindRequest<'a> {
    /// The protocol version; 3 for LDAPv3.
    pub version: u8,
    /// Who binds: a distinguished name, or what else the server takes for one.
    pub name: &'a str,
    /// The proof.
    pub authentication: Authentication<'a>,
}

/// How a bind proves who binds (RFC 4511, section 4.2).
#[derive(Clone, PartialEq, Eq)]
pub enum Authentication<'a> {
    /// A password.
    Simple(&'a [u8]),
    /// A SASL mechanism.
    Sasl {
        /// Its name.
        mechanism: &'a str,
        /// What it says.
        credentials: Option<&'a [u8]>,
    },
    /// A choice that this codec does not know, by its identifier octet.
    Other(u8),
}

impl fmt::Debug for Authentication<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Simple(_) => f.write_str("Simple(…)"),
            Self::Sasl { mechanism, .. } => write!(f, "Sasl({mechanism:?}, …)"),
            Self::Other(tag) => write!(f, "Other({tag:#04x})"),
        }
    }
}

/// The answer to a bind (RFC 4511, section 4.2.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BindResponse<'a> {
    /// How it went.
    pub result: LdapResult<'a>,
    /// What a SASL mechanism answers.
    pub credentials: Option<&'a [u8]>,
}

/// Which entries below the base a search looks at (RFC 4511, section 4.5.1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The base alone.
    Base,
    /// The children of the base.
    One,
    /// The base and everything below it.
    Subtree,
}

/// What a search does at alias entries (RFC 4511, section 4.5.1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DerefAliases {
    /// Nothing.
    Never,
    /// Follows those below the base.
    Searching,
    /// Follows the base.
    Finding,
    /// Follows all.
    Always,
}

/// A search (RFC 4511, section 4.5.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchRequest<'a> {
    /// Where it begins.
    pub base: &'a str,
    /// How far it goes.
    pub scope: Scope,
    /// What it does at aliases.
    pub deref: DerefAliases,
    /// The most entries it returns; zero for no limit of the client's.
    pub size_limit: u32,
    /// The most seconds it takes; zero for no limit of the client's.
    pub time_limit: u32,
    /// Whether values are left out.
    pub types_only: bool,
    /// Which entries match.
    pub filter: Filter<'a>,
    /// What of them is returned.
    pub attributes: Vec<&'a str>,
}

/// A found entry (RFC 4511, section 4.5.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Its name.
    pub name: Cow<'a, str>,
    /// Its attributes.
    pub attributes: Vec<PartialAttribute<'a>>,
}

/// An attribute description with values (RFC 4511, section 4.1.7).
#[derive(Clone, PartialEq, Eq)]
pub struct PartialAttribute<'a> {
    /// The description as written.
    pub name: &'a str,
    /// The values.
    pub values: Vec<&'a [u8]>,
}

impl fmt::Debug for PartialAttribute<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A value can be a password.
        write!(f, "{:?} with {} values", self.name, self.values.len())
    }
}

/// A modify (RFC 4511, section 4.6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModifyRequest<'a> {
    /// The entry to change.
    pub entry: &'a str,
    /// The changes in their order.
    pub changes: Vec<Change<'a>>,
}

/// One change of a modify (RFC 4511, section 4.6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change<'a> {
    /// What is done.
    pub kind: ChangeKind,
    /// To which attribute, with which values.
    pub attribute: PartialAttribute<'a>,
}

/// What a change does (RFC 4511, section 4.6; RFC 4525 for increment).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// Adds values.
    Add,
    /// Deletes values, or the attribute.
    Delete,
    /// Replaces all values.
    Replace,
    /// Adds a number to each value.
    Increment,
}

/// An add (RFC 4511, section 4.7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddRequest<'a> {
    /// The name of the new entry.
    pub entry: &'a str,
    /// Its attributes.
    pub attributes: Vec<PartialAttribute<'a>>,
}

/// A rename or move (RFC 4511, section 4.9).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModifyDnRequest<'a> {
    /// The entry to rename.
    pub entry: &'a str,
    /// Its new RDN.
    pub new_rdn: &'a str,
    /// Whether the old RDN's values go.
    pub delete_old_rdn: bool,
    /// Its new parent, if it moves.
    pub new_superior: Option<&'a str>,
}

/// A compare (RFC 4511, section 4.10).
#[derive(Clone, PartialEq, Eq)]
pub struct CompareRequest<'a> {
    /// The entry to look at.
    pub entry: &'a str,
    /// The attribute to compare.
    pub attribute: &'a str,
    /// The value to compare with.
    pub value: &'a [u8],
}

impl fmt::Debug for CompareRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CompareRequest({:?}, {:?}, …)", self.entry, self.attribute)
    }
}

/// An extended operation (RFC 4511, section 4.12).
#[derive(Clone, PartialEq, Eq)]
pub struct ExtendedRequest<'a> {
    /// Its object identifier.
    pub name: &'a str,
    /// What its own definition says.
    pub value: Option<&'a [u8]>,
}

impl fmt::Debug for ExtendedRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The value can hold passwords (RFC 3062).
        write!(f, "ExtendedRequest({:?}, …)", self.name)
    }
}

/// The answer to an extended operation, or an unsolicited notification (RFC 4511, sections 4.12 and
/// 4.4).
#[derive(Clone, PartialEq, Eq)]
pub struct ExtendedResponse<'a> {
    /// How it went.
    pub result: LdapResult<'a>,
    /// Its object identifier.
    pub name: Option<&'a str>,
    /// What its own definition says.
    pub value: Option<Cow<'a, [u8]>>,
}

impl fmt::Debug for ExtendedResponse<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The value can hold a generated password (RFC 3062).
        write!(f, "ExtendedResponse({:?}, {:?}, …)", self.result, self.name)
    }
}

/// An intermediate response (RFC 4511, section 4.13).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intermediate<'a> {
    /// Its object identifier.
    pub name: Option<&'a str>,
    /// What its own definition says.
    pub value: Option<&'a [u8]>,
}

/// How an operation went (RFC 4511, section 4.1.9).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LdapResult<'a> {
    /// The code.
    pub code: ResultCode,
    /// The nearest entry above what was not found; empty otherwise.
    pub matched: Cow<'a, str>,
    /// For people.
    pub message: Cow<'a, str>,
    /// Where else to ask.
    pub referral: Vec<&'a str>,
}

impl<'a> LdapResult<'a> {
    /// A result without a matched name.
    pub fn new(code: ResultCode, message: impl Into<Cow<'a, str>>) -> Self {
        Self { code, matched: Cow::Borrowed(""), message: message.into(), referral: Vec::new() }
    }

    /// It is done.
    pub fn success() -> Self {
        Self::new(ResultCode::SUCCESS, "")
    }
}

/// A result code (RFC 4511, section 4.1.9 and appendix A).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ResultCode(pub u32);

macro_rules! codes {
    ($($name:ident = $code:literal),* $(,)?) => {
        #[allow(missing_docs, reason = "the names are those of RFC 4511, appendix A")]
        impl ResultCode {
            $(pub const $name: Self = Self($code);)*
        }
    };
}

codes! {
    SUCCESS = 0,
    OPERATIONS_ERROR = 1,
    PROTOCOL_ERROR = 2,
    TIME_LIMIT_EXCEEDED = 3,
    SIZE_LIMIT_EXCEEDED = 4,
    COMPARE_FALSE = 5,
    COMPARE_TRUE = 6,
    AUTH_METHOD_NOT_SUPPORTED = 7,
    STRONGER_AUTH_REQUIRED = 8,
    REFERRAL = 10,
    ADMIN_LIMIT_EXCEEDED = 11,
    UNAVAILABLE_CRITICAL_EXTENSION = 12,
    CONFIDENTIALITY_REQUIRED = 13,
    SASL_BIND_IN_PROGRESS = 14,
    NO_SUCH_ATTRIBUTE = 16,
    UNDEFINED_ATTRIBUTE_TYPE = 17,
    INAPPROPRIATE_MATCHING = 18,
    CONSTRAINT_VIOLATION = 19,
    ATTRIBUTE_OR_VALUE_EXISTS = 20,
    INVALID_ATTRIBUTE_SYNTAX = 21,
    NO_SUCH_OBJECT = 32,
    ALIAS_PROBLEM = 33,
    INVALID_DN_SYNTAX = 34,
    ALIAS_DEREFERENCING_PROBLEM = 36,
    INAPPROPRIATE_AUTHENTICATION = 48,
    INVALID_CREDENTIALS = 49,
    INSUFFICIENT_ACCESS_RIGHTS = 50,
    BUSY = 51,
    UNAVAILABLE = 52,
    UNWILLING_TO_PERFORM = 53,
    LOOP_DETECT = 54,
    NAMING_VIOLATION = 64,
    OBJECT_CLASS_VIOLATION = 65,
    NOT_ALLOWED_ON_NON_LEAF = 66,
    NOT_ALLOWED_ON_RDN = 67,
    ENTRY_ALREADY_EXISTS = 68,
    OBJECT_CLASS_MODS_PROHIBITED = 69,
    AFFECTS_MULTIPLE_DSAS = 71,
    OTHER = 80,
}

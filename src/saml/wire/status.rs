//! Status codes of a response (SAML core, section 3.2.2.2).

/// Why a response holds no assertion: a top-level code and, for most, a second one that says more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// The request is at fault.
    Requester,
    /// We are at fault, or something that we need.
    Responder,
    /// The person could not prove who they are.
    AuthnFailed,
    /// A login page would be needed, and the request forbids one.
    NoPassive,
    /// The login does not reach what the request demands.
    NoAuthnContext,
    /// The person may not.
    RequestDenied,
    /// The NameID that is asked for is not given.
    InvalidNameIdPolicy,
    /// The request uses something that is not offered.
    RequestUnsupported,
    /// The response is wanted over a binding that is not offered.
    UnsupportedBinding,
    /// The request is of another version of SAML.
    VersionMismatch,
}

const REQUESTER: &str = "urn:oasis:names:tc:SAML:2.0:status:Requester";
const RESPONDER: &str = "urn:oasis:names:tc:SAML:2.0:status:Responder";

impl Status {
    /// The top-level status code.
    pub const fn top(self) -> &'static str {
        match self {
            Self::Requester | Self::InvalidNameIdPolicy | Self::RequestUnsupported | Self::UnsupportedBinding => REQUESTER,
            Self::Responder | Self::AuthnFailed | Self::NoPassive | Self::NoAuthnContext | Self::RequestDenied => RESPONDER,
            Self::VersionMismatch => "urn:oasis:names:tc:SAML:2.0:status:VersionMismatch",
        }
    }

    /// The second-level status code, if there is one.
    pub const fn second(self) -> Option<&'static str> {
        match self {
            Self::Requester | Self::Responder | Self::VersionMismatch => None,
            Self::AuthnFailed => Some("urn:oasis:names:tc:SAML:2.0:status:AuthnFailed"),
            Self::NoPassive => Some("urn:oasis:names:tc:SAML:2.0:status:NoPassive"),
            Self::NoAuthnContext => Some("urn:oasis:names:tc:SAML:2.0:status:NoAuthnContext"),
            Self::RequestDenied => Some("urn:oasis:names:tc:SAML:2.0:status:RequestDenied"),
            Self::InvalidNameIdPolicy => Some("urn:oasis:names:tc:SAML:2.0:status:InvalidNameIDPolicy"),
            Self::RequestUnsupported => Some("urn:oasis:names:tc:SAML:2.0:status:RequestUnsupported"),
            Self::UnsupportedBinding => Some("urn:oasis:names:tc:SAML:2.0:status:UnsupportedBinding"),
        }
    }
}

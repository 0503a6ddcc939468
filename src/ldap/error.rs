//! From domain errors to result codes (RFC 4511, appendix A).

use super::codec::{DecodeError, LdapResult, Reason, ResultCode};
use crate::model::Error;
use crate::model::error::{Clash, Denial, Kind, Rule, Shortage};
use std::borrow::Cow;

/// One text for every failed login, so that nobody can tell unknown from wrong.
const LOGIN_FAILED: &str = "the name or the password is not right";

/// The result that tells a client of this error.
pub(super) fn result(error: &Error) -> LdapResult<'static> {
    let code = code(error.kind());
    let message = match error.kind() {
        Kind::Denied(Denial::Credentials | Denial::LoginRequired | Denial::FactorRequired) => Cow::Borrowed(LOGIN_FAILED),
        Kind::Internal => {
            tracing::error!(%error, "an LDAP operation failed");
            Cow::Borrowed("something failed in the server; its log says what")
        }
        _ => Cow::Owned(error.message().to_owned()),
    };
    let matched = match error.kind() {
        Kind::NotFound { matched } => Cow::Owned(matched.to_string()),
        _ => Cow::Borrowed(""),
    };
    LdapResult { code, matched, message, referral: Vec::new() }
}

/// The result code of a kind of error.
pub(super) const fn code(kind: &Kind) -> ResultCode {
    match kind {
        Kind::Denied(Denial::Credentials | Denial::LoginRequired | Denial::FactorRequired) => ResultCode::INVALID_CREDENTIALS,
        Kind::Denied(Denial::NotAllowed) => ResultCode::INSUFFICIENT_ACCESS_RIGHTS,
        Kind::Invalid(rule) => match rule {
            Rule::Request => ResultCode::PROTOCOL_ERROR,
            Rule::NoSuchAttribute => ResultCode::NO_SUCH_ATTRIBUTE,
            Rule::UndefinedAttribute => ResultCode::UNDEFINED_ATTRIBUTE_TYPE,
            Rule::InappropriateMatching => ResultCode::INAPPROPRIATE_MATCHING,
            Rule::Constraint | Rule::Unique => ResultCode::CONSTRAINT_VIOLATION,
            Rule::ValueExists => ResultCode::ATTRIBUTE_OR_VALUE_EXISTS,
            Rule::Syntax => ResultCode::INVALID_ATTRIBUTE_SYNTAX,
            Rule::DnSyntax => ResultCode::INVALID_DN_SYNTAX,
            Rule::Unwilling => ResultCode::UNWILLING_TO_PERFORM,
            Rule::Naming => ResultCode::NAMING_VIOLATION,
            Rule::ObjectClass => ResultCode::OBJECT_CLASS_VIOLATION,
            Rule::NonLeaf => ResultCode::NOT_ALLOWED_ON_NON_LEAF,
            Rule::Rdn => ResultCode::NOT_ALLOWED_ON_RDN,
            Rule::ClassChange => ResultCode::OBJECT_CLASS_MODS_PROHIBITED,
        },
        Kind::NotFound { .. } => ResultCode::NO_SUCH_OBJECT,
        Kind::Conflict(Clash::Exists) => ResultCode::ENTRY_ALREADY_EXISTS,
        Kind::Conflict(Clash::Contended | Clash::Changed) | Kind::Unavailable(Shortage::Busy) => ResultCode::BUSY,
        Kind::Unavailable(Shortage::Down) => ResultCode::UNAVAILABLE,
        Kind::Internal => ResultCode::OTHER,
    }
}

/// The result that tells a client what is wrong with its message.
pub(super) fn malformed(error: &DecodeError) -> LdapResult<'static> {
    let code = match error.reason {
        Reason::Limit(_) => ResultCode::ADMIN_LIMIT_EXCEEDED,
        Reason::Structure(_)
        | Reason::TooLarge { .. }
        | Reason::UnknownOperation(_)
        | Reason::MessageId
        | Reason::Text
        | Reason::Value(_) => ResultCode::PROTOCOL_ERROR,
    };
    LdapResult::new(code, error.to_string())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::model::Dn;

    #[test]
    fn each_kind_has_its_code() {
        let table = [
            (Kind::Denied(Denial::Credentials), 49),
            (Kind::Denied(Denial::LoginRequired), 49),
            (Kind::Denied(Denial::FactorRequired), 49),
            (Kind::Denied(Denial::NotAllowed), 50),
            (Kind::Invalid(Rule::Request), 2),
            (Kind::Invalid(Rule::NoSuchAttribute), 16),
            (Kind::Invalid(Rule::UndefinedAttribute), 17),
            (Kind::Invalid(Rule::InappropriateMatching), 18),
            (Kind::Invalid(Rule::Constraint), 19),
            (Kind::Invalid(Rule::ValueExists), 20),
            (Kind::Invalid(Rule::Syntax), 21),
            (Kind::Invalid(Rule::DnSyntax), 34),
            (Kind::Invalid(Rule::Unwilling), 53),
            (Kind::Invalid(Rule::Naming), 64),
            (Kind::Invalid(Rule::ObjectClass), 65),
            (Kind::Invalid(Rule::NonLeaf), 66),
            (Kind::Invalid(Rule::Rdn), 67),
            (Kind::Invalid(Rule::ClassChange), 69),
            (Kind::NotFound { matched: Dn::root() }, 32),
            (Kind::Conflict(Clash::Exists), 68),
            (Kind::Conflict(Clash::Contended), 51),
            (Kind::Unavailable(Shortage::Busy), 51),
            (Kind::Unavailable(Shortage::Down), 52),
            (Kind::Internal, 80),
        ];
        for (kind, expected) in table {
            assert_eq!(code(&kind), ResultCode(expected), "{kind:?}");
        }
    }

    #[test]
    fn failed_logins_read_alike_and_defects_tell_nothing() {
        let texts: Vec<_> = [Denial::Credentials, Denial::LoginRequired, Denial::FactorRequired]
            .into_iter()
            .map(|denial| result(&Error::new(Kind::Denied(denial), "locked until noon")))
            .collect();
        assert!(texts.windows(2).all(|pair| pair[0] == pair[1]));
        assert!(!result(&Error::internal("/var/lib/poolgate: row 12")).message.contains("row 12"));
    }

    #[test]
    fn what_was_matched_is_named() {
        let matched = Dn::parse("ou=people,o=acme").unwrap();
        let error = Error::new(Kind::NotFound { matched }, "no such entry");
        assert_eq!(result(&error).matched, "ou=people,o=acme");
    }

    #[test]
    fn a_limit_is_told_from_a_malformed_message() {
        let error = |reason| malformed(&DecodeError { reason, answerable: None }).code;
        assert_eq!(error(Reason::Limit("too many")), ResultCode::ADMIN_LIMIT_EXCEEDED);
        assert_eq!(error(Reason::Text), ResultCode::PROTOCOL_ERROR);
    }
}

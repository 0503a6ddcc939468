//! The matching rules that are implemented (RFC 4517, section 4.2; RFC 4530).

/// A matching rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs, reason = "each is named as in RFC 4517")]
pub enum MatchingRule {
    BitStringMatch,
    BooleanMatch,
    CaseExactIa5Match,
    CaseExactMatch,
    CaseExactOrderingMatch,
    CaseExactSubstringsMatch,
    CaseIgnoreIa5Match,
    CaseIgnoreIa5SubstringsMatch,
    CaseIgnoreListMatch,
    CaseIgnoreListSubstringsMatch,
    CaseIgnoreMatch,
    CaseIgnoreOrderingMatch,
    CaseIgnoreSubstringsMatch,
    DistinguishedNameMatch,
    GeneralizedTimeMatch,
    GeneralizedTimeOrderingMatch,
    IntegerFirstComponentMatch,
    IntegerMatch,
    IntegerOrderingMatch,
    NumericStringMatch,
    NumericStringOrderingMatch,
    NumericStringSubstringsMatch,
    ObjectIdentifierFirstComponentMatch,
    ObjectIdentifierMatch,
    OctetStringMatch,
    OctetStringOrderingMatch,
    TelephoneNumberMatch,
    TelephoneNumberSubstringsMatch,
    UniqueMemberMatch,
    UuidMatch,
    UuidOrderingMatch,
}

impl MatchingRule {
    /// Every rule.
    pub const ALL: &'static [Self] = &[];

    /// The rule of that name or OID.
    pub fn find(_name: &str) -> Option<Self> {
        todo!()
    }

    /// The object identifier.
    pub fn oid(self) -> &'static str {
        todo!()
    }

    /// The descriptor.
    pub fn name(self) -> &'static str {
        todo!()
    }
}

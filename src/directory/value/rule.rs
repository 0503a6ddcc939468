//! The matching rules that are implemented (RFC 4517, section 4.2; RFC 4530).

use super::Syntax;

/// Declares the rules once: variant, descriptor, OID, syntax of the assertion, and how values are
/// brought into normal form.
macro_rules! rules {
    ($($variant:ident $name:literal $oid:literal $syntax:ident $family:expr;)*) => {
        /// A matching rule.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[allow(missing_docs, reason = "each is named as in RFC 4517")]
        pub enum MatchingRule {
            $($variant,)*
        }

        impl MatchingRule {
            /// Every rule.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The object identifier.
            pub const fn oid(self) -> &'static str {
                match self { $(Self::$variant => $oid,)* }
            }

            /// The descriptor.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The syntax of assertion values.
            pub const fn syntax(self) -> Syntax {
                match self { $(Self::$variant => Syntax::$syntax,)* }
            }

            pub(super) const fn family(self) -> Family {
                match self { $(Self::$variant => $family,)* }
            }
        }
    };
}

/// Rules of one family share their normal form; they differ in what they ask about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    Text(Case),
    Ia5(Case),
    List,
    Numeric,
    Telephone,
    Name,
    NameUid,
    Integer,
    Boolean,
    Bits,
    Octets,
    Uuid,
    Time,
    Csn,
    Identifier,
    FirstIdentifier,
}

/// Whether letters that differ in case only are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Case {
    Exact,
    Ignore,
}

rules! {
    ObjectIdentifierMatch "objectIdentifierMatch" "2.5.13.0" ObjectIdentifier Family::Identifier;
    DistinguishedNameMatch "distinguishedNameMatch" "2.5.13.1" DistinguishedName Family::Name;
    CaseIgnoreMatch "caseIgnoreMatch" "2.5.13.2" DirectoryString Family::Text(Case::Ignore);
    CaseIgnoreOrderingMatch "caseIgnoreOrderingMatch" "2.5.13.3" DirectoryString Family::Text(Case::Ignore);
    CaseIgnoreSubstringsMatch "caseIgnoreSubstringsMatch" "2.5.13.4" SubstringAssertion Family::Text(Case::Ignore);
    CaseExactMatch "caseExactMatch" "2.5.13.5" DirectoryString Family::Text(Case::Exact);
    CaseExactOrderingMatch "caseExactOrderingMatch" "2.5.13.6" DirectoryString Family::Text(Case::Exact);
    CaseExactSubstringsMatch "caseExactSubstringsMatch" "2.5.13.7" SubstringAssertion Family::Text(Case::Exact);
    NumericStringMatch "numericStringMatch" "2.5.13.8" NumericString Family::Numeric;
    NumericStringOrderingMatch "numericStringOrderingMatch" "2.5.13.9" NumericString Family::Numeric;
    NumericStringSubstringsMatch "numericStringSubstringsMatch" "2.5.13.10" SubstringAssertion Family::Numeric;
    CaseIgnoreListMatch "caseIgnoreListMatch" "2.5.13.11" PostalAddress Family::List;
    CaseIgnoreListSubstringsMatch "caseIgnoreListSubstringsMatch" "2.5.13.12" SubstringAssertion Family::List;
    BooleanMatch "booleanMatch" "2.5.13.13" Boolean Family::Boolean;
    IntegerMatch "integerMatch" "2.5.13.14" Integer Family::Integer;
    IntegerOrderingMatch "integerOrderingMatch" "2.5.13.15" Integer Family::Integer;
    BitStringMatch "bitStringMatch" "2.5.13.16" BitString Family::Bits;
    OctetStringMatch "octetStringMatch" "2.5.13.17" OctetString Family::Octets;
    OctetStringOrderingMatch "octetStringOrderingMatch" "2.5.13.18" OctetString Family::Octets;
    TelephoneNumberMatch "telephoneNumberMatch" "2.5.13.20" TelephoneNumber Family::Telephone;
    TelephoneNumberSubstringsMatch "telephoneNumberSubstringsMatch" "2.5.13.21" SubstringAssertion Family::Telephone;
    UniqueMemberMatch "uniqueMemberMatch" "2.5.13.23" NameAndOptionalUid Family::NameUid;
    GeneralizedTimeMatch "generalizedTimeMatch" "2.5.13.27" GeneralizedTime Family::Time;
    GeneralizedTimeOrderingMatch "generalizedTimeOrderingMatch" "2.5.13.28" GeneralizedTime Family::Time;
    ObjectIdentifierFirstComponentMatch "objectIdentifierFirstComponentMatch" "2.5.13.30" ObjectIdentifier Family::FirstIdentifier;
    CaseExactIa5Match "caseExactIA5Match" "1.3.6.1.4.1.1466.109.114.1" Ia5String Family::Ia5(Case::Exact);
    CaseIgnoreIa5Match "caseIgnoreIA5Match" "1.3.6.1.4.1.1466.109.114.2" Ia5String Family::Ia5(Case::Ignore);
    CaseIgnoreIa5SubstringsMatch "caseIgnoreIA5SubstringsMatch" "1.3.6.1.4.1.1466.109.114.3" SubstringAssertion Family::Ia5(Case::Ignore);
    CaseExactIa5SubstringsMatch "caseExactIA5SubstringsMatch" "1.3.6.1.4.1.4203.1.2.1" SubstringAssertion Family::Ia5(Case::Exact);
    UuidMatch "UUIDMatch" "1.3.6.1.1.16.2" Uuid Family::Uuid;
    UuidOrderingMatch "UUIDOrderingMatch" "1.3.6.1.1.16.3" Uuid Family::Uuid;
    CsnMatch "CSNMatch" "1.3.6.1.4.1.4203.666.11.2.2" Csn Family::Csn;
    CsnOrderingMatch "CSNOrderingMatch" "1.3.6.1.4.1.4203.666.11.2.3" Csn Family::Csn;
}

impl MatchingRule {
    /// The rule of that descriptor or OID; case does not matter.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|rule| rule.name().eq_ignore_ascii_case(name) || rule.oid() == name)
    }

    /// Whether it compares with parts of values.
    pub fn is_substrings(self) -> bool {
        self.syntax() == Syntax::SubstringAssertion
    }

    /// Whether both rules give values the same normal form.
    pub fn shares_form(self, other: Self) -> bool {
        self.family() == other.family()
    }

    /// Whether it compares moments.
    pub fn is_of_time(self) -> bool {
        self.family() == Family::Time
    }

    /// Whether it asks which of two values comes first.
    pub const fn is_ordering(self) -> bool {
        matches!(
            self,
            Self::CaseIgnoreOrderingMatch
                | Self::CaseExactOrderingMatch
                | Self::NumericStringOrderingMatch
                | Self::IntegerOrderingMatch
                | Self::OctetStringOrderingMatch
                | Self::GeneralizedTimeOrderingMatch
                | Self::UuidOrderingMatch
                | Self::CsnOrderingMatch
        )
    }

    /// Whether values it compares can be part of names. Names within names could nest without end.
    pub const fn names_entries(self) -> bool {
        !matches!(self.family(), Family::Name | Family::NameUid | Family::FirstIdentifier)
    }

    /// Whether values of that syntax can be compared by the rule, as an extensible filter may ask
    /// (RFC 4511, section 4.5.1.7.7).
    pub const fn applies_to(self, syntax: Syntax) -> bool {
        match self.family() {
            Family::Text(_) => matches!(
                syntax,
                Syntax::DirectoryString
                    | Syntax::PrintableString
                    | Syntax::CountryString
                    | Syntax::Ia5String
                    | Syntax::NumericString
                    | Syntax::TelephoneNumber
            ),
            Family::Ia5(_) => matches!(syntax, Syntax::Ia5String),
            Family::List => matches!(syntax, Syntax::PostalAddress),
            Family::Numeric => matches!(syntax, Syntax::NumericString),
            Family::Telephone => matches!(syntax, Syntax::TelephoneNumber),
            Family::Name => matches!(syntax, Syntax::DistinguishedName),
            Family::NameUid => matches!(syntax, Syntax::NameAndOptionalUid),
            Family::Integer => matches!(syntax, Syntax::Integer),
            Family::Boolean => matches!(syntax, Syntax::Boolean),
            Family::Bits => matches!(syntax, Syntax::BitString),
            Family::Octets => matches!(syntax, Syntax::OctetString),
            Family::Uuid => matches!(syntax, Syntax::Uuid),
            Family::Csn => matches!(syntax, Syntax::Csn),
            Family::Time => matches!(syntax, Syntax::GeneralizedTime),
            Family::Identifier => matches!(syntax, Syntax::ObjectIdentifier),
            Family::FirstIdentifier => matches!(
                syntax,
                Syntax::AttributeTypeDescription
                    | Syntax::ObjectClassDescription
                    | Syntax::MatchingRuleDescription
                    | Syntax::MatchingRuleUseDescription
                    | Syntax::LdapSyntaxDescription
            ),
        }
    }
}

//! The syntaxes that are implemented (RFC 4517, section 3.3; RFC 2307; RFC 4523; RFC 4530), and
//! that of change sequence numbers.

use super::{form, time};
use crate::directory::schema;
use crate::model::Dn;

macro_rules! syntaxes {
    ($($variant:ident $oid:literal $description:literal;)*) => {
        /// A syntax.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[allow(missing_docs, reason = "each is named as in RFC 4517")]
        pub enum Syntax {
            $($variant,)*
        }

        impl Syntax {
            /// Every syntax.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The object identifier.
            pub const fn oid(self) -> &'static str {
                match self { $(Self::$variant => $oid,)* }
            }

            /// The name by which RFC 4517 calls it.
            pub const fn description(self) -> &'static str {
                match self { $(Self::$variant => $description,)* }
            }
        }
    };
}

syntaxes! {
    AttributeTypeDescription "1.3.6.1.4.1.1466.115.121.1.3" "Attribute Type Description";
    Audio "1.3.6.1.4.1.1466.115.121.1.4" "Audio";
    Binary "1.3.6.1.4.1.1466.115.121.1.5" "Binary";
    BitString "1.3.6.1.4.1.1466.115.121.1.6" "Bit String";
    Boolean "1.3.6.1.4.1.1466.115.121.1.7" "Boolean";
    Certificate "1.3.6.1.4.1.1466.115.121.1.8" "Certificate";
    CountryString "1.3.6.1.4.1.1466.115.121.1.11" "Country String";
    DistinguishedName "1.3.6.1.4.1.1466.115.121.1.12" "DN";
    DeliveryMethod "1.3.6.1.4.1.1466.115.121.1.14" "Delivery Method";
    DirectoryString "1.3.6.1.4.1.1466.115.121.1.15" "Directory String";
    FacsimileTelephoneNumber "1.3.6.1.4.1.1466.115.121.1.22" "Facsimile Telephone Number";
    GeneralizedTime "1.3.6.1.4.1.1466.115.121.1.24" "Generalized Time";
    Ia5String "1.3.6.1.4.1.1466.115.121.1.26" "IA5 String";
    Integer "1.3.6.1.4.1.1466.115.121.1.27" "INTEGER";
    Jpeg "1.3.6.1.4.1.1466.115.121.1.28" "JPEG";
    MatchingRuleDescription "1.3.6.1.4.1.1466.115.121.1.30" "Matching Rule Description";
    MatchingRuleUseDescription "1.3.6.1.4.1.1466.115.121.1.31" "Matching Rule Use Description";
    NameAndOptionalUid "1.3.6.1.4.1.1466.115.121.1.34" "Name And Optional UID";
    NumericString "1.3.6.1.4.1.1466.115.121.1.36" "Numeric String";
    ObjectClassDescription "1.3.6.1.4.1.1466.115.121.1.37" "Object Class Description";
    ObjectIdentifier "1.3.6.1.4.1.1466.115.121.1.38" "OID";
    OctetString "1.3.6.1.4.1.1466.115.121.1.40" "Octet String";
    PostalAddress "1.3.6.1.4.1.1466.115.121.1.41" "Postal Address";
    PrintableString "1.3.6.1.4.1.1466.115.121.1.44" "Printable String";
    TelephoneNumber "1.3.6.1.4.1.1466.115.121.1.50" "Telephone Number";
    TeletexTerminalIdentifier "1.3.6.1.4.1.1466.115.121.1.51" "Teletex Terminal Identifier";
    TelexNumber "1.3.6.1.4.1.1466.115.121.1.52" "Telex Number";
    LdapSyntaxDescription "1.3.6.1.4.1.1466.115.121.1.54" "LDAP Syntax Description";
    SubstringAssertion "1.3.6.1.4.1.1466.115.121.1.58" "Substring Assertion";
    NisNetgroupTriple "1.3.6.1.1.1.0.0" "NIS netgroup triple";
    BootParameter "1.3.6.1.1.1.0.1" "Boot parameter";
    Uuid "1.3.6.1.1.16.1" "UUID";
    Csn "1.3.6.1.4.1.4203.666.11.2.1" "CSN";
}

impl Syntax {
    /// The syntax of that OID.
    pub fn find(oid: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|syntax| syntax.oid() == oid)
    }

    /// Whether values are text that may be shown; others are octets.
    pub const fn is_human_readable(self) -> bool {
        !matches!(self, Self::Audio | Self::Binary | Self::Certificate | Self::Jpeg | Self::OctetString)
    }

    /// Whether the octets follow the syntax; otherwise what they should look like.
    pub(super) fn check(self, value: &[u8]) -> Result<(), String> {
        let expect = |holds: bool, what: &str| if holds { Ok(()) } else { Err(what.to_owned()) };
        match self {
            Self::Audio | Self::Binary | Self::OctetString => Ok(()),
            Self::AttributeTypeDescription => schema::check_attribute_description(value),
            Self::ObjectClassDescription => schema::check_class_description(value),
            Self::MatchingRuleDescription | Self::MatchingRuleUseDescription | Self::LdapSyntaxDescription => {
                schema::check_description(value)
            }
            Self::BitString => expect(form::is_bit_string(value), "zeros and ones in quotes and a B, such as '0101'B"),
            Self::Boolean => expect(value == b"TRUE" || value == b"FALSE", "TRUE or FALSE"),
            Self::Certificate => expect(form::is_certificate(value), "the DER encoding of one X.509 certificate"),
            Self::CountryString => {
                expect(value.len() == 2 && form::is_printable(value), "a country code of two letters of ISO 3166, such as DE")
            }
            Self::DistinguishedName => Dn::parse_bytes(value).map(drop).map_err(|error| format!("a distinguished name: {error}")),
            Self::DeliveryMethod => expect(form::is_delivery_method(value), "delivery methods joined by $, such as mhs $ telephone"),
            Self::DirectoryString | Self::PostalAddress | Self::SubstringAssertion => form::check_text(value),
            Self::FacsimileTelephoneNumber => expect(form::is_fax_number(value), "a telephone number and fax parameters joined by $"),
            Self::GeneralizedTime => time::parse(value).map(drop),
            Self::Ia5String => expect(value.is_ascii(), "ASCII characters"),
            Self::Integer => form::check_integer(value),
            Self::Jpeg => expect(value.starts_with(&[0xff, 0xd8, 0xff]), "a JPEG image"),
            Self::NameAndOptionalUid => {
                let (name, _) = form::split_name_and_uid(value);
                Dn::parse_bytes(name).map(drop).map_err(|error| format!("a distinguished name: {error}"))
            }
            Self::NumericString => expect(form::is_numeric(value), "digits and spaces"),
            Self::ObjectIdentifier => expect(form::is_identifier(value), "a name such as person or an OID such as 2.5.6.6"),
            Self::PrintableString => expect(form::is_printable(value), form::PRINTABLE),
            Self::TelephoneNumber => {
                expect(form::is_printable(value), "a telephone number of letters, digits and the characters '()+,-./:=? and space")
            }
            Self::TeletexTerminalIdentifier => expect(form::is_teletex(value), "a terminal identifier and parameters joined by $"),
            Self::TelexNumber => expect(form::is_telex(value), "number, country code and answerback joined by $"),
            Self::NisNetgroupTriple => expect(form::is_netgroup_triple(value), "a triple such as (host,user,domain)"),
            Self::BootParameter => expect(form::is_boot_parameter(value), "a parameter such as root=server:/path"),
            Self::Csn => expect(form::is_csn(value), "a change sequence number such as 20200101000000.000000Z#000000#000#000000"),
            Self::Uuid => expect(form::uuid(value).is_some(), "a UUID such as 597ae2f6-16a6-1027-98f4-d28b5365dc14"),
        }
    }
}

//! The syntaxes that are implemented (RFC 4517, section 3.3; RFC 4530).

/// A syntax.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs, reason = "each is named as in RFC 4517")]
pub enum Syntax {
    AttributeTypeDescription,
    BitString,
    Boolean,
    CountryString,
    DirectoryString,
    DistinguishedName,
    GeneralizedTime,
    Ia5String,
    Integer,
    Jpeg,
    NameAndOptionalUid,
    NumericString,
    ObjectIdentifier,
    OctetString,
    OtherMailbox,
    PostalAddress,
    PrintableString,
    TelephoneNumber,
    Uuid,
}

impl Syntax {
    /// Every syntax.
    pub const ALL: &'static [Self] = &[];

    /// The syntax of that OID.
    pub fn find(_oid: &str) -> Option<Self> {
        todo!()
    }

    /// The object identifier.
    pub fn oid(self) -> &'static str {
        todo!()
    }
}

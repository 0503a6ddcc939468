//! Tag, length, value: the part of BER (X.690) that LDAP uses (RFC 4511, section 5.1).

//! Object identifiers of attributes that other servers define. A file may write them in the place
//! of names (RFC 4512, section 2.5); those of attributes that the schema knows, the schema
//! resolves. The definitions stand in the schemas of OpenLDAP, 389 Directory Server, OpenDJ, Samba,
//! MIT Kerberos, Heimdal, qmail-ldap and SCHAC, in RFC 3112 and in [MS-ADA1] to [MS-ADA3].

/// The name of an attribute that has that OID.
pub fn name_of(oid: &str) -> Option<&'static str> {
    OIDS.iter().find(|(known, _)| *known == oid).map(|(_, name)| *name)
}

/// OID and name.
pub const OIDS: &[(&str, &str)] = &[
    // draft-behera-ldap-password-policy, section 5.3.
    ("1.3.6.1.4.1.42.2.27.8.1.16", "pwdChangedTime"),
    ("1.3.6.1.4.1.42.2.27.8.1.17", "pwdAccountLockedTime"),
    ("1.3.6.1.4.1.42.2.27.8.1.19", "pwdFailureTime"),
    ("1.3.6.1.4.1.42.2.27.8.1.20", "pwdHistory"),
    ("1.3.6.1.4.1.42.2.27.8.1.21", "pwdGraceUseTime"),
    ("1.3.6.1.4.1.42.2.27.8.1.22", "pwdReset"),
    ("1.3.6.1.4.1.42.2.27.8.1.23", "pwdPolicySubentry"),
    ("1.3.6.1.4.1.42.2.27.8.1.27", "pwdStartTime"),
    ("1.3.6.1.4.1.42.2.27.8.1.28", "pwdEndTime"),
    ("1.3.6.1.4.1.42.2.27.8.1.29", "pwdLastSuccess"),
    ("1.3.6.1.4.1.42.2.27.8.1.33", "pwdAccountTmpLockoutEnd"),
    // 389 Directory Server and its ancestors.
    ("2.16.840.1.113730.3.1.91", "passwordExpirationTime"),
    ("2.16.840.1.113730.3.1.95", "accountUnlockTime"),
    ("2.16.840.1.113730.3.1.542", "nsUniqueId"),
    ("2.16.840.1.113730.3.1.575", "nsRoleDN"),
    ("2.16.840.1.113730.3.1.610", "nsAccountLock"),
    ("2.16.840.1.113730.3.1.692", "inetUserStatus"),
    ("2.16.840.1.113730.3.1.997", "pwdPolicySubentry"),
    ("2.16.840.1.113730.3.1.998", "passwordGraceUserTime"),
    ("2.16.840.1.113730.3.1.2366", "pwdReset"),
    ("1.3.1.1.4.1.453.16.2.103", "numSubordinates"),
    // OpenDJ.
    ("1.3.6.1.4.1.26027.1.1.166", "ds-pwp-account-disabled"),
    ("1.3.6.1.4.1.26027.1.1.237", "ds-pwp-account-expiration-time"),
    ("1.3.6.1.4.1.36733.2.1.1.60", "ds-pwp-password-expiration-time"),
    // Active Directory.
    ("1.2.840.113556.1.4.8", "userAccountControl"),
    ("1.2.840.113556.1.4.90", "unicodePwd"),
    ("1.2.840.113556.1.4.96", "pwdLastSet"),
    ("1.2.840.113556.1.4.159", "accountExpires"),
    ("1.2.840.113556.1.4.662", "lockoutTime"),
    ("1.2.840.113556.1.4.1460", "msDS-User-Account-Control-Computed"),
    ("1.2.840.113556.1.4.1853", "msDS-UserAccountDisabled"),
    ("1.2.840.113556.1.4.1858", "msDS-UserPasswordExpired"),
    ("1.2.840.113556.1.4.1996", "msDS-UserPasswordExpiryTimeComputed"),
    // Samba.
    ("1.3.6.1.4.1.7165.2.1.24", "sambaLMPassword"),
    ("1.3.6.1.4.1.7165.2.1.25", "sambaNTPassword"),
    ("1.3.6.1.4.1.7165.2.1.26", "sambaAcctFlags"),
    ("1.3.6.1.4.1.7165.2.1.27", "sambaPwdLastSet"),
    ("1.3.6.1.4.1.7165.2.1.29", "sambaPwdMustChange"),
    ("1.3.6.1.4.1.7165.2.1.32", "sambaKickoffTime"),
    // MIT Kerberos.
    ("2.16.840.1.113719.1.301.4.6.1", "krbPrincipalExpiration"),
    ("2.16.840.1.113719.1.301.4.8.1", "krbTicketFlags"),
    ("2.16.840.1.113719.1.301.4.37.1", "krbPasswordExpiration"),
    ("2.16.840.1.113719.1.301.4.39.1", "krbPrincipalKey"),
    // Heimdal.
    ("1.3.6.1.4.1.5322.10.1.5", "krb5KDCFlags"),
    ("1.3.6.1.4.1.5322.10.1.7", "krb5ValidStart"),
    ("1.3.6.1.4.1.5322.10.1.8", "krb5ValidEnd"),
    ("1.3.6.1.4.1.5322.10.1.9", "krb5PasswordEnd"),
    ("1.3.6.1.4.1.5322.10.1.10", "krb5Key"),
    // Others.
    ("1.3.6.1.4.1.4203.1.3.4", "authPassword"),
    ("1.3.6.1.4.1.4203.666.1.25", "contextCSN"),
    ("1.3.6.1.4.1.453.16.2.188", "authTimestamp"),
    ("1.3.6.1.4.1.7914.1.2.1.12", "accountStatus"),
    ("1.3.6.1.4.1.25178.1.2.17", "schacExpiryDate"),
];

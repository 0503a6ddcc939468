//! What the sources say of zero, of the epoch and of each bit, beside what is made of it.

use super::super::table::ROWS;
use super::super::{Meaning, compared};
use super::becomes;
use std::collections::BTreeSet;

/// What zero, or the epoch, says in each row that holds a number or a moment. The text beside it is
/// that of the row's source.
const ZEROS: &[(&str, &str, &str)] = &[
    // "If the value is 000001010000Z, the account is permanently locked"; anything else is a
    // moment, and 0 is none.
    ("pwdAccountLockedTime", "0", "disabled"),
    ("pwdAccountLockedTime", "000001010000Z", "disabled"),
    // OpenLDAP writes the end of a delay, never the epoch: it is read as 389 Directory Server reads
    // its own.
    ("pwdAccountTmpLockoutEnd", "19700101000000Z", "disabled"),
    // "Authentication attempts made before this time will fail."
    ("pwdStartTime", "19700101000000Z", "fine"),
    // "Authentication attempts made after this time will fail."
    ("pwdEndTime", "19700101000000Z", "expired"),
    // 389: with passwordUnlock off the lock lasts "until the password is reset by an
    // administrator", and the time is the epoch.
    ("accountUnlockTime", "19700101000000Z", "disabled"),
    // 389: the password of which an administrator's reset is to be changed has the epoch as its end
    // (NO_TIME).
    ("passwordExpirationTime", "19700101000000Z", "expired"),
    // 389: a count of logins after the end.
    ("passwordGraceUserTime", "0", "fine"),
    // PingDirectory: may not "authenticate until the activation time has arrived"; OpenDJ: after
    // the expiration time the account cannot be used.
    ("ds-pwp-account-activation-time", "19700101000000Z", "fine"),
    ("ds-pwp-account-expiration-time", "19700101000000Z", "disabled"),
    ("ds-pwp-password-expiration-time", "19700101000000Z", "expired"),
    // shadow(5): "The value 0 should not be used as it is interpreted as either an account with no
    // expiration, or as an expiration on Jan 1, 1970."
    ("shadowExpire", "0", "disabled"),
    // shadow(5): "The value 0 has a special meaning, which is that the user should change her
    // password the next time she will log in the system."
    ("shadowLastChange", "0", "must change"),
    // [MS-ADTS] 2.2.16: bits, of which none is set.
    ("userAccountControl", "0", "fine"),
    ("msDS-User-Account-Control-Computed", "0", "fine"),
    // [MS-ADA1] 2.1: "A value of 0 or 0x7FFFFFFFFFFFFFFF indicates that the account never expires."
    ("accountExpires", "0", "fine"),
    // [MS-ADA1]: "A value of 0 means that the account is not currently locked out."
    ("lockoutTime", "0", "fine"),
    // [MS-ADA3]: "If this value is set to 0 … then the user must set the password at the next
    // logon."
    ("pwdLastSet", "0", "must change"),
    // [MS-ADTS] 3.1.1.4.5.33: "if TO!pwdLastSet = null, or TO!pwdLastSet = 0, then
    // TO!msDS-UserPasswordExpiryTimeComputed = 0".
    ("msDS-UserPasswordExpiryTimeComputed", "0", "must change"),
    // Samba asks `kickoff_time != 0 && time(NULL) > kickoff_time`.
    ("sambaKickoffTime", "0", "fine"),
    // Samba 3.0: "must change at next logon".
    ("sambaPwdMustChange", "0", "expired"),
    ("sambaPwdLastSet", "0", "must change"),
    // The KDC of MIT asks `client->expiration && ts_after(kdc_time, client->expiration)`, and the
    // same of pw_expiration.
    ("krbPrincipalExpiration", "19700101000000Z", "fine"),
    ("krbPasswordExpiration", "19700101000000Z", "fine"),
    // `kdb.h`: bits, of which none is set.
    ("krbTicketFlags", "0", "fine"),
    // The KDC of Heimdal asks whether the moment is there: `client->valid_end && *client->valid_end
    // < kdc_time`.
    ("krb5ValidStart", "19700101000000Z", "fine"),
    ("krb5ValidEnd", "19700101000000Z", "disabled"),
    ("krb5PasswordEnd", "19700101000000Z", "expired"),
    // It asks `!client->flags.client`: "Principal may not act as client".
    ("krb5KDCFlags", "0", "disabled"),
    // Moments: nothing makes the epoch another one.
    ("loginActivationTime", "19700101000000Z", "fine"),
    ("loginExpirationTime", "19700101000000Z", "disabled"),
    ("orclActiveStartDate", "19700101000000Z", "fine"),
    ("orclActiveEndDate", "19700101000000Z", "disabled"),
    ("schacExpiryDate", "19700101000000Z", "disabled"),
    ("valid_from", "1970-01-01", "fine"),
    ("valid_until", "1970-01-01", "disabled"),
    ("password_expires_at", "1970-01-01", "expired"),
];

/// Bits, each with what it says.
type Bits = &'static [(u32, &'static str)];

/// What each bit that its source documents says, beside those that are set otherwise.
const BITS: &[(&str, u32, Bits)] = &[
    // [MS-ADTS] 2.2.16; NORMAL_ACCOUNT is set.
    (
        "userAccountControl",
        0x200,
        &[
            (0x1, "fine"),              // SCRIPT
            (0x2, "disabled"),          // ACCOUNTDISABLE: "the account is not enabled for authentication"
            (0x8, "fine"),              // HOMEDIR_REQUIRED
            (0x10, "disabled"),         // LOCKOUT: "the account is temporarily locked out"
            (0x20, "fine"),             // PASSWD_NOTREQD
            (0x40, "fine"),             // PASSWD_CANT_CHANGE
            (0x80, "fine"),             // ENCRYPTED_TEXT_PASSWORD_ALLOWED
            (0x200, "fine"),            // NORMAL_ACCOUNT
            (0x800, "fine"),            // INTERDOMAIN_TRUST_ACCOUNT
            (0x1000, "fine"),           // WORKSTATION_TRUST_ACCOUNT
            (0x2000, "fine"),           // SERVER_TRUST_ACCOUNT
            (0x1_0000, "fine"),         // DONT_EXPIRE_PASSWD
            (0x2_0000, "fine"),         // MNS_LOGON_ACCOUNT
            (0x4_0000, "disabled"),     // SMARTCARD_REQUIRED: "the account has to be authenticated with a smart card"
            (0x8_0000, "fine"),         // TRUSTED_FOR_DELEGATION
            (0x10_0000, "fine"),        // NOT_DELEGATED
            (0x20_0000, "fine"),        // USE_DES_KEY_ONLY
            (0x40_0000, "fine"),        // DONT_REQUIRE_PREAUTH
            (0x80_0000, "must change"), // PASSWORD_EXPIRED: "the password on the account has expired"
            (0x100_0000, "fine"),       // TRUSTED_TO_AUTHENTICATE_FOR_DELEGATION
            (0x200_0000, "fine"),       // NO_AUTH_DATA_REQUIRED
            (0x400_0000, "fine"),       // PARTIAL_SECRETS_ACCOUNT
            (0x800_0000, "fine"),       // USE_AES_KEYS
        ],
    ),
    // `kdb.h` and kadmin's documentation of attributes.
    (
        "krbTicketFlags",
        0,
        &[
            (0x1, "fine"),          // DISALLOW_POSTDATED
            (0x2, "fine"),          // DISALLOW_FORWARDABLE
            (0x4, "fine"),          // DISALLOW_TGT_BASED
            (0x8, "fine"),          // DISALLOW_RENEWABLE
            (0x10, "fine"),         // DISALLOW_PROXIABLE
            (0x20, "fine"),         // DISALLOW_DUP_SKEY
            (0x40, "disabled"),     // DISALLOW_ALL_TIX: "forbids the issuance of any tickets for this principal"
            (0x80, "fine"),         // REQUIRES_PRE_AUTH
            (0x100, "disabled"),    // REQUIRES_HW_AUTH: "requires this principal to preauthenticate using a hardware device"
            (0x200, "must change"), // REQUIRES_PWCHANGE: "forces a password change"
            (0x1000, "fine"),       // DISALLOW_SVR
            (0x2000, "fine"),       // PWCHANGE_SERVICE
            (0x4000, "fine"),       // SUPPORT_DESMD5
            (0x8000, "fine"),       // NEW_PRINC
            (0x10_0000, "fine"),    // OK_AS_DELEGATE
            (0x20_0000, "fine"),    // OK_TO_AUTH_AS_DELEGATE
            (0x40_0000, "fine"),    // NO_AUTH_DATA_REQUIRED
            (0x80_0000, "fine"),    // LOCKDOWN_KEYS
        ],
    ),
    // `hdb.asn1`; client is set.
    (
        "krb5KDCFlags",
        0x40,
        &[
            (1 << 0, "fine"),         // initial
            (1 << 1, "fine"),         // forwardable
            (1 << 2, "fine"),         // proxiable
            (1 << 3, "fine"),         // renewable
            (1 << 4, "fine"),         // postdate
            (1 << 5, "fine"),         // server
            (1 << 6, "fine"),         // client: "may be client"
            (1 << 7, "disabled"),     // invalid: "entry is invalid"
            (1 << 8, "fine"),         // require-preauth
            (1 << 9, "fine"),         // change-pw
            (1 << 10, "disabled"),    // require-hwauth
            (1 << 11, "fine"),        // ok-as-delegate
            (1 << 12, "fine"),        // user-to-user
            (1 << 13, "fine"),        // immutable
            (1 << 14, "fine"),        // trusted-for-delegation
            (1 << 15, "fine"),        // allow-kerberos4
            (1 << 16, "fine"),        // allow-digest
            (1 << 17, "disabled"),    // locked-out: "Account is locked out, authentication will be denied"
            (1 << 18, "must change"), // require-pwchange: "require a passwd change"
            (1 << 19, "fine"),        // materialize
            (1 << 20, "fine"),        // virtual-keys
            (1 << 21, "fine"),        // virtual
            (1 << 22, "fine"),        // synthetic
            (1 << 23, "fine"),        // no-auth-data-reqd
            (1 << 24, "fine"),        // auth-data-reqd
            (1 << 30, "fine"),        // force-canonicalize
            (1 << 31, "fine"),        // do-not-store
        ],
    ),
];

/// smbpasswd(5) and pdbedit(8): N "no password required", D "disabled", H "home directory
/// required", T "temporary duplicate", U "regular user", M "MNS logon", W "workstation trust", S
/// "server trust", L "automatic locking", X "password does not expire", I "domain trust".
const LETTERS: &[(char, &str)] = &[
    ('N', "fine"),
    ('D', "disabled"),
    ('H', "fine"),
    ('T', "fine"),
    ('U', "fine"),
    ('M', "fine"),
    ('W', "fine"),
    ('S', "fine"),
    ('L', "disabled"),
    ('X', "fine"),
    ('I', "fine"),
    (' ', "fine"),
];

#[test]
fn zero_says_what_the_source_says() {
    for (name, value, expected) in ZEROS {
        assert_eq!(becomes(&[(name, value)]), *expected, "{name}: {value}");
    }
    let tested: BTreeSet<String> = ZEROS.iter().map(|(name, ..)| compared(name)).collect();
    for row in ROWS {
        let is_number = matches!(
            row.meaning,
            Meaning::LockedUntil(_)
                | Meaning::LockedSince(_)
                | Meaning::Begins(_)
                | Meaning::Ends(_)
                | Meaning::PasswordEnds(_)
                | Meaning::PasswordEndsOrUnset(_)
                | Meaning::PasswordSet
                | Meaning::Flags(_)
                | Meaning::Aging
        );
        assert!(!is_number || row.names.iter().any(|name| tested.contains(*name)), "{row:?}");
    }
}

#[test]
fn each_bit_says_what_the_source_says() {
    for (name, base, bits) in BITS {
        for (bit, expected) in *bits {
            for text in [(base | bit).to_string(), (base | bit).cast_signed().to_string()] {
                assert_eq!(becomes(&[(name, &text)]), *expected, "{name}: {text}");
            }
        }
    }
    for (letter, expected) in LETTERS {
        assert_eq!(becomes(&[("sambaAcctFlags", &format!("[U{letter}        ]"))]), *expected, "{letter}");
    }
    let tested: BTreeSet<String> = BITS.iter().map(|(name, ..)| compared(name)).collect();
    for row in ROWS.iter().filter(|row| matches!(row.meaning, Meaning::Flags(_))) {
        assert!(row.names.iter().any(|name| tested.contains(*name)), "{row:?}");
    }
}

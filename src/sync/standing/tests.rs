use super::table::ROWS;
use super::*;
use crate::model::Attribute;
use proptest::prelude::*;
use std::collections::BTreeSet;

/// 2027-01-15T08:00:00Z.
const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

fn judged(values: &[(&str, &str)]) -> Standing {
    let field = |(place, (name, value)): (usize, &(&str, &str))| Field {
        attribute: Attribute::new(*name, [*value]),
        lines: vec![place as u64 + 1],
    };
    judge(&values.iter().enumerate().map(field).collect::<Vec<_>>(), NOW)
}

/// What a record becomes, in a word.
fn becomes(values: &[(&str, &str)]) -> &'static str {
    let Standing { is_disabled, terms, said } = judged(values);
    let what = match (is_disabled, terms.must_change, terms.expires) {
        (true, ..) => "disabled",
        (_, true, _) => "must change",
        (_, _, Some(end)) if end <= NOW => "expired",
        (_, _, Some(_)) => "expires",
        _ if !said.is_empty() => "told",
        _ => "fine",
    };
    let is_told = !matches!(what, "fine" | "expires");
    assert_eq!(!said.is_empty(), is_told, "{values:?}: {said:?}");
    what
}

/// Somebody who has a password and is not disabled, and somebody who is.
const IN: Became = Became { logs_in: true, is_disabled: false, has_password: true };
const OUT: Became = Became { is_disabled: true, ..IN };

fn notes(standing: &Standing, became: Became) -> Vec<crate::sync::outcome::Note> {
    standing.said.iter().map(|said| said.note(became)).collect()
}

/// Of each row what says no, what says yes, and what cannot be read.
pub const CASES: &[(&str, &str, &str)] = &[
    ("pwdAccountLockedTime", "000001010000Z", "disabled"),
    ("pwdAccountLockedTime", "20260101000000Z", "disabled"),
    ("pwdAccountLockedTime", "nonsense", "disabled"),
    ("pwdAccountTmpLockoutEnd", "20280101000000Z", "disabled"),
    ("pwdAccountTmpLockoutEnd", "20260101000000Z", "fine"),
    ("pwdAccountTmpLockoutEnd", "nonsense", "disabled"),
    ("pwdReset", "TRUE", "must change"),
    ("pwdReset", "FALSE", "fine"),
    ("pwdReset", "nonsense", "must change"),
    ("pwdStartTime", "20280101000000Z", "disabled"),
    ("pwdStartTime", "20260101000000Z", "fine"),
    ("pwdStartTime", "nonsense", "disabled"),
    ("pwdEndTime", "20260101000000Z", "expired"),
    ("pwdEndTime", "20280101000000Z", "expires"),
    ("pwdEndTime", "nonsense", "must change"),
    ("pwdGraceUseTime", "20260101000000Z", "must change"),
    ("nsAccountLock", "true", "disabled"),
    ("NSACCOUNTLOCK", "TRUE", "disabled"),
    ("nsAccountLock", "false", "fine"),
    ("nsAccountLock", "", "disabled"),
    ("nsRoleDN", "cn=nsManagedDisabledRole,dc=example,dc=com", "disabled"),
    ("nsRoleDN", "cn = nsDisabledRole, dc=example", "disabled"),
    ("nsRoleDN", "cn=staff,dc=example,dc=com", "fine"),
    ("accountUnlockTime", "19700101000000Z", "disabled"),
    ("accountUnlockTime", "20280101000000Z", "disabled"),
    ("accountUnlockTime", "20260101000000Z", "fine"),
    ("passwordExpirationTime", "19700101000000Z", "expired"),
    ("passwordExpirationTime", "20280101000000Z", "expires"),
    ("passwordGraceUserTime", "0", "fine"),
    ("passwordGraceUserTime", "2", "must change"),
    ("ds-pwp-account-disabled", "true", "disabled"),
    ("ds-pwp-account-disabled", "false", "fine"),
    ("ds-pwp-account-activation-time", "20280101000000Z", "disabled"),
    ("ds-pwp-account-activation-time", "20260101000000Z", "fine"),
    ("ds-pwp-account-expiration-time", "20260101000000Z", "disabled"),
    ("ds-pwp-account-expiration-time", "20280101000000Z", "told"),
    ("ds-pwp-account-expiration-time", "nonsense", "disabled"),
    ("ds-pwp-password-expiration-time", "20260101000000Z", "expired"),
    ("shadowExpire", "0", "disabled"),
    ("shadowExpire", "1", "disabled"),
    ("shadowExpire", "20833", "disabled"),
    ("shadowExpire", "20834", "told"),
    ("shadowExpire", "-1", "fine"),
    ("shadowExpire", "never", "disabled"),
    ("shadowLastChange", "0", "must change"),
    ("shadowLastChange", "19000", "fine"),
    ("shadowLastChange", "nonsense", "must change"),
    ("userAccountControl", "514", "disabled"),
    ("userAccountControl", "66050", "disabled"),
    ("userAccountControl", "0x202", "disabled"),
    ("userAccountControl", "528", "disabled"),
    ("userAccountControl", "8389120", "must change"),
    ("userAccountControl", "512", "fine"),
    ("userAccountControl", "NORMAL", "disabled"),
    ("msDS-User-Account-Control-Computed", "16", "disabled"),
    ("accountExpires", "133485696000000000", "disabled"),
    ("accountExpires", "144485696000000000", "told"),
    ("accountExpires", "0", "fine"),
    ("accountExpires", "9223372036854775807", "fine"),
    ("accountExpires", "soon", "disabled"),
    ("lockoutTime", "133485696000000000", "disabled"),
    ("lockoutTime", "0", "fine"),
    ("pwdLastSet", "0", "must change"),
    ("pwdLastSet", "133485696000000000", "fine"),
    ("msDS-UserAccountDisabled", "TRUE", "disabled"),
    ("msDS-UserPasswordExpired", "TRUE", "must change"),
    ("msDS-UserPasswordExpiryTimeComputed", "133485696000000000", "expired"),
    ("msDS-UserPasswordExpiryTimeComputed", "9223372036854775807", "fine"),
    ("msDS-UserPasswordExpiryTimeComputed", "soon", "must change"),
    ("sambaAcctFlags", "[DU         ]", "disabled"),
    ("sambaAcctFlags", "[LU         ]", "disabled"),
    ("sambaAcctFlags", "[UX         ]", "fine"),
    ("sambaAcctFlags", "D", "disabled"),
    ("sambaKickoffTime", "1700000000", "disabled"),
    ("sambaKickoffTime", "0", "fine"),
    ("sambaKickoffTime", "2147483647", "fine"),
    ("sambaPwdMustChange", "0", "expired"),
    ("sambaPwdMustChange", "2147483647", "fine"),
    ("sambaPwdLastSet", "0", "must change"),
    ("sambaPwdLastSet", "1700000000", "fine"),
    ("krbPrincipalExpiration", "20260101000000Z", "disabled"),
    ("krbPrincipalExpiration", "20280101000000Z", "told"),
    ("krbPasswordExpiration", "20260101000000Z", "expired"),
    ("krbTicketFlags", "64", "disabled"),
    ("krbTicketFlags", "512", "must change"),
    ("krbTicketFlags", "128", "fine"),
    ("krb5ValidStart", "20280101000000Z", "disabled"),
    ("krb5ValidEnd", "20260101000000Z", "disabled"),
    ("krb5PasswordEnd", "20260101000000Z", "expired"),
    ("krb5KDCFlags", "254", "disabled"),
    ("krb5KDCFlags", "131198", "disabled"),
    ("krb5KDCFlags", "126", "fine"),
    ("loginDisabled", "TRUE", "disabled"),
    ("loginDisabled", "FALSE", "fine"),
    ("lockedByIntruder", "TRUE", "disabled"),
    ("loginActivationTime", "20280101000000Z", "disabled"),
    ("loginExpirationTime", "20260101000000Z", "disabled"),
    ("inetUserStatus", "inactive", "disabled"),
    ("inetUserStatus", "Active", "fine"),
    ("inetUserStatus", "deleted", "disabled"),
    ("accountStatus", "noaccess", "disabled"),
    ("accountStatus", "active", "fine"),
    ("orclIsEnabled", "DISABLED", "disabled"),
    ("orclIsEnabled", "ENABLED", "fine"),
    ("orclActiveStartDate", "20280101000000Z", "disabled"),
    ("orclActiveEndDate", "20260101000000Z", "disabled"),
    ("ibm-pwdAccountLocked", "TRUE", "disabled"),
    ("schacExpiryDate", "20260101000000Z", "disabled"),
    ("status", "DEPROVISIONED", "disabled"),
    ("status", "LOCKED_OUT", "disabled"),
    ("status", "PASSWORD_EXPIRED", "must change"),
    ("status", "ACTIVE", "fine"),
    ("status", "", "disabled"),
    ("Status [READ ONLY]", "Suspended", "disabled"),
    ("cognito:user_status", "FORCE_CHANGE_PASSWORD", "must change"),
    ("cognito:user_status", "CONFIRMED", "fine"),
    ("cognito:user_status", "UNCONFIRMED", "disabled"),
    ("enabled", "false", "disabled"),
    ("enabled", "True", "fine"),
    ("enabled", "perhaps", "disabled"),
    ("is_active", "0", "disabled"),
    ("AccountEnabled", "False", "disabled"),
    ("disabled", "1", "disabled"),
    ("disabled", "no", "fine"),
    ("Locked Out", "True", "disabled"),
    ("blocked", "true", "disabled"),
    ("blocked", "false", "fine"),
    ("suspended", "yes", "disabled"),
    ("BlockCredential", "TRUE", "disabled"),
    ("locked_at", "2024-05-01 10:00:00", "disabled"),
    ("locked_at", "NULL", "fine"),
    ("must_change_password", "t", "must change"),
    ("PasswordExpired", "True", "must change"),
    ("Change Password at Next Sign-In", "True", "must change"),
    ("requiredActions", "[\"UPDATE_PASSWORD\"]", "must change"),
    ("requiredActions", "[\"VERIFY_EMAIL\"]", "fine"),
    ("valid_from", "2028-01-01", "disabled"),
    ("valid_until", "2026-01-01", "disabled"),
    ("valid_until", "2028-01-01T00:00:00Z", "told"),
    ("AccountExpirationDate", "1/31/2026 12:00:00 AM", "disabled"),
    ("password_expires_at", "2026-01-01", "expired"),
    ("uid", "TRUE", "fine"),
];

#[test]
fn a_lock_that_ends_by_itself_is_told_as_one() {
    for (name, value) in [
        ("lockoutTime", "133485696000000000"),
        ("pwdAccountLockedTime", "20260101000000Z"),
        ("pwdAccountTmpLockoutEnd", "20280101000000Z"),
        ("accountUnlockTime", "20280101000000Z"),
        ("userAccountControl", "528"),
        ("lockedByIntruder", "TRUE"),
        ("sambaAcctFlags", "[UL]"),
    ] {
        let told = notes(&judged(&[(name, value)]), OUT).remove(0).message;
        assert!(told.contains("may be over") && told.ends_with("enable the entry (poolgate user enable)"), "{told}");
    }
    for (name, value) in [
        ("pwdAccountLockedTime", "000001010000Z"),
        ("accountUnlockTime", "19700101000000Z"),
        ("userAccountControl", "530"),
        ("sambaAcctFlags", "[UDL]"),
        ("nsAccountLock", "TRUE"),
    ] {
        let told = notes(&judged(&[(name, value)]), OUT).remove(0).message;
        assert!(told.ends_with("imported disabled"), "{told}");
    }
}

#[test]
fn a_note_tells_what_became_of_the_owner() {
    let nobody = Became { logs_in: false, is_disabled: false, has_password: false };
    let without = Became { has_password: false, ..IN };
    for ((name, value), became, end) in [
        (("nsAccountLock", "TRUE"), OUT, "imported disabled"),
        (("nsAccountLock", "TRUE"), IN, "imported enabled, since poolgateAccountDisabled of the same record decides"),
        (("lockoutTime", "133485696000000000"), IN, "imported enabled, since poolgateAccountDisabled of the same record decides"),
        (("nsAccountLock", "TRUE"), nobody, "nobody logs in with an entry of these object classes"),
        (("pwdReset", "TRUE"), IN, "the password must be changed before it can be used"),
        (("pwdReset", "TRUE"), without, "of no effect, since no password is imported"),
        (("pwdReset", "TRUE"), nobody, "nobody logs in with an entry of these object classes"),
        (("pwdEndTime", "20260101000000Z"), IN, "it is imported as expired"),
        (("pwdEndTime", "20260101000000Z"), without, "of no effect, since no password is imported"),
        (("valid_until", "2028-01-01"), IN, "this is not kept, disable the entry then"),
        (("valid_until", "2028-01-01"), OUT, "this is not kept, and the entry is imported disabled"),
    ] {
        let told = notes(&judged(&[(name, value)]), became).remove(0).message;
        assert!(told.ends_with(end), "{told}");
    }
}

#[test]
fn what_says_no_at_another_server_says_no_here() {
    for (name, value, expected) in CASES {
        assert_eq!(becomes(&[(name, value)]), *expected, "{name}: {value}");
    }
}

#[test]
fn each_row_has_a_case_and_no_name_two_rows() {
    let tested: BTreeSet<String> = CASES.iter().map(|(name, ..)| compared(name)).collect();
    let mut seen = BTreeSet::new();
    for row in ROWS {
        assert!(row.names.iter().any(|name| tested.contains(*name)), "{row:?}");
        for name in row.names {
            assert!(seen.insert(name) && compared(name) == *name, "{name}");
        }
    }
}

#[test]
fn the_age_of_a_password_is_judged_as_a_whole() {
    // Today is the day 20,833.
    let age =
        |set: &str, most: &str, inactive: &str| becomes(&[("shadowLastChange", set), ("shadowMax", most), ("shadowInactive", inactive)]);
    assert_eq!(age("20800", "33", "-1"), "expires", "the last day");
    assert_eq!(age("20800", "32", "-1"), "expired");
    assert_eq!(age("20800", "32", "7"), "expired");
    assert_eq!(age("20800", "20", "7"), "disabled");
    assert_eq!(age("20800", "99999", "7"), "fine");
    assert_eq!(age("20800", "-1", "7"), "fine");
    assert_eq!(age("0", "99999", "7"), "must change");
    assert_eq!(age("20800", "x", "7"), "must change");
    assert_eq!(becomes(&[("shadowInactive", "7")]), "fine");
}

#[test]
fn any_no_wins_and_the_earliest_end() {
    assert_eq!(becomes(&[("enabled", "true"), ("locked", "true")]), "disabled");
    let standing = judged(&[("pwdEndTime", "20260301000000Z"), ("krbPasswordExpiration", "20260101000000Z"), ("pwdReset", "TRUE")]);
    assert_eq!(standing.terms, PasswordTerms { must_change: true, expires: value_of("20260101000000Z") });
    let notes = notes(&standing, IN);
    assert_eq!(notes.iter().map(|note| note.line).collect::<Vec<_>>(), [1, 2, 3]);
    assert!(notes[2].message.starts_with("pwdReset (the password policy draft of LDAP) says 'TRUE': "), "{notes:?}");
}

#[test]
fn a_note_repeats_no_more_than_the_beginning_of_a_name_and_a_value() {
    let standing = judged(&[(&format!("nsAccountLock{}", "_".repeat(5000)), &"perhaps ".repeat(5000))]);
    assert!(standing.is_disabled && notes(&standing, OUT)[0].message.len() < 200, "{standing:?}");
}

fn value_of(text: &str) -> Option<Timestamp> {
    crate::directory::value::timestamp(text.as_bytes())
}

proptest! {
    /// Whatever a deciding attribute holds, it is either read or says no: nothing falls through.
    #[test]
    fn what_cannot_be_read_says_no(row in 0..ROWS.len(), octets in proptest::collection::vec(128u8..=255, 1..20)) {
        let row = &ROWS[row];
        // Some of the octets are text by chance; with this one they are none.
        let octets = [octets, vec![0xff]].concat();
        let field = Field { attribute: Attribute { name: row.names[0].to_owned(), values: vec![octets] }, lines: vec![7] };
        let standing = judge(&[field], NOW);
        prop_assert!(standing.is_disabled || standing.terms.must_change, "{:?}", row);
    }
}

mod documented;

//! The table: which attribute of which server says what about whether its owner may log in.
//!
//! A name stands here as [`Row::find`] compares it: in small letters and digits alone, so that a
//! column `Account Status` is `account_status` too. Attributes that are no columns of a table can
//! have the names of columns; they mean the same.

use super::moment::Form;
use std::collections::HashMap;
use std::sync::LazyLock;

/// What the values of an attribute say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// TRUE: may not log in.
    Denies,
    /// TRUE: may log in. Anything else is a no, also an empty cell of a table.
    Admits,
    /// A word: may log in, must change the password first, or may not log in. An empty cell is a
    /// no.
    Status,
    /// There at all: may not log in.
    Locked,
    /// When a lock ends. The epoch stands for never.
    LockedUntil(Form),
    /// When it was locked for failed logins, which ends by itself. The first moment of all stands
    /// for a lock that an administrator has set.
    LockedSince(Form),
    /// TRUE: locked for failed logins, which ends by itself.
    LockedForNow,
    /// A number of flags.
    Flags(Flags),
    /// The letters of Samba in brackets.
    SambaFlags,
    /// A role that denies login to all that have it.
    Role,
    /// The account begins then.
    Begins(Form),
    /// The account ends then.
    Ends(Form),
    /// The password ends then.
    PasswordEnds(Form),
    /// The same, and zero stands for a password that must be changed first.
    PasswordEndsOrUnset(Form),
    /// TRUE: the password must be changed first.
    MustChange,
    /// When the password was set; zero for one that must be changed first.
    PasswordSet,
    /// Logins with a password that had ended: a number or, with `None`, their times.
    GraceLogins,
    /// What somebody must do at the next login.
    RequiredActions,
    /// A part of the age of a password in shadow(5), which is judged as a whole.
    Aging,
}

/// What the bits of a number say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// Set: may not log in.
    pub denies: u32,
    /// Set: may not log in for failed logins, which ends by itself.
    pub locked: u32,
    /// Set: the password must be changed first.
    pub must_change: u32,
    /// Not set: may not log in.
    pub needs: u32,
}

/// An attribute that says whether its owner may log in.
#[derive(Debug)]
pub struct Row {
    /// Its names.
    pub names: &'static [&'static str],
    /// What its values say.
    pub meaning: Meaning,
    /// Whose it is, for messages.
    pub source: &'static str,
}

impl Row {
    /// The row of an attribute or column.
    pub fn find(description: &str) -> Option<&'static Self> {
        BY_NAME.get(compared(description).as_str()).copied()
    }

    /// Whether the absence of a value says no: the attribute is there to say yes.
    pub const fn is_needed(&self) -> bool {
        matches!(self.meaning, Meaning::Admits | Meaning::Status)
    }
}

static BY_NAME: LazyLock<HashMap<&str, &Row>> =
    LazyLock::new(|| ROWS.iter().flat_map(|row| row.names.iter().map(move |name| (*name, row))).collect());

/// A name as names are compared: small letters and digits, without options.
pub fn compared(description: &str) -> String {
    let name = description.split(';').next().unwrap_or_default();
    name.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()).collect()
}

const fn row(names: &'static [&'static str], meaning: Meaning, source: &'static str) -> Row {
    Row { names, meaning, source }
}

const POLICY: &str = "the password policy draft of LDAP";
const DS389: &str = "389 Directory Server";
const OPENDJ: &str = "OpenDJ";
const SHADOW: &str = "shadow(5)";
const AD: &str = "Active Directory";
const SAMBA: &str = "Samba";
const MIT: &str = "MIT Kerberos";
const HEIMDAL: &str = "Heimdal";
const EDIRECTORY: &str = "eDirectory";
const IPLANET: &str = "Sun Directory Server";
const TABLE: &str = "a column";

// Whom a password alone did not let in there, whoever has found that password must not be let in
// here: what demands a card or another device denies.

/// ACCOUNTDISABLE, SMARTCARD_REQUIRED; LOCKOUT; PASSWORD_EXPIRED ([MS-ADTS], section 2.2.16).
const ACCOUNT_CONTROL: Meaning = Meaning::Flags(Flags { denies: 0x2 | 0x4_0000, locked: 0x10, must_change: 0x0080_0000, needs: 0 });
/// DISALLOW_ALL_TIX, REQUIRES_HW_AUTH; REQUIRES_PWCHANGE (`kdb.h`).
const MIT_FLAGS: Meaning = Meaning::Flags(Flags { denies: 0x40 | 0x100, locked: 0, must_change: 0x200, needs: 0 });
/// `invalid(7)`, `require-hwauth(10)`, `locked-out(17)`; `require-pwchange(18)`; `client(6)`, without which the KDC gives
/// no ticket to the principal (`hdb.asn1`).
const HEIMDAL_FLAGS: Meaning = Meaning::Flags(Flags { denies: 0x80 | 0x400 | 0x2_0000, locked: 0, must_change: 0x4_0000, needs: 0x40 });

/// All rows.
pub const ROWS: &[Row] = &[
    // draft-behera-ldap-password-policy, section 5.3, as OpenLDAP, 389 Directory Server and OpenDJ
    // keep it.
    row(&["pwdaccountlockedtime"], Meaning::LockedSince(Form::Generalized), POLICY),
    row(&["pwdaccounttmplockoutend"], Meaning::LockedUntil(Form::Generalized), POLICY),
    row(&["pwdreset"], Meaning::MustChange, POLICY),
    row(&["pwdstarttime"], Meaning::Begins(Form::Generalized), POLICY),
    row(&["pwdendtime"], Meaning::PasswordEnds(Form::Generalized), POLICY),
    row(&["pwdgraceusetime"], Meaning::GraceLogins, POLICY),
    // 389 Directory Server and FreeIPA.
    row(&["nsaccountlock"], Meaning::Denies, DS389),
    row(&["nsroledn"], Meaning::Role, DS389),
    row(&["accountunlocktime"], Meaning::LockedUntil(Form::Generalized), DS389),
    row(&["passwordexpirationtime"], Meaning::PasswordEnds(Form::Generalized), DS389),
    row(&["passwordgraceusertime"], Meaning::GraceLogins, DS389),
    // OpenDJ, PingDirectory.
    row(&["dspwpaccountdisabled"], Meaning::Denies, OPENDJ),
    row(&["dspwpaccountactivationtime"], Meaning::Begins(Form::Generalized), OPENDJ),
    row(&["dspwpaccountexpirationtime"], Meaning::Ends(Form::Generalized), OPENDJ),
    row(&["dspwppasswordexpirationtime"], Meaning::PasswordEnds(Form::Generalized), OPENDJ),
    // shadow(5), RFC 2307.
    row(&["shadowexpire"], Meaning::Ends(Form::UnixDays), SHADOW),
    row(&["shadowlastchange", "shadowmax", "shadowinactive"], Meaning::Aging, SHADOW),
    // Active Directory ([MS-ADA1] to [MS-ADA3]) and its exports with PowerShell.
    row(&["useraccountcontrol", "msdsuseraccountcontrolcomputed"], ACCOUNT_CONTROL, AD),
    row(&["accountexpires"], Meaning::Ends(Form::FileTime), AD),
    row(&["lockouttime"], Meaning::LockedSince(Form::FileTime), AD),
    row(&["pwdlastset"], Meaning::PasswordSet, AD),
    row(&["msdsuseraccountdisabled"], Meaning::Denies, AD),
    row(&["msdsuserpasswordexpired"], Meaning::MustChange, AD),
    row(&["msdsuserpasswordexpirytimecomputed"], Meaning::PasswordEndsOrUnset(Form::FileTime), AD),
    // Samba.
    row(&["sambaacctflags"], Meaning::SambaFlags, SAMBA),
    row(&["sambakickofftime"], Meaning::Ends(Form::UnixSecondsOrZero), SAMBA),
    row(&["sambapwdmustchange"], Meaning::PasswordEnds(Form::UnixSeconds), SAMBA),
    row(&["sambapwdlastset"], Meaning::PasswordSet, SAMBA),
    // Kerberos.
    row(&["krbprincipalexpiration"], Meaning::Ends(Form::GeneralizedOrEpoch), MIT),
    row(&["krbpasswordexpiration"], Meaning::PasswordEnds(Form::GeneralizedOrEpoch), MIT),
    row(&["krbticketflags"], MIT_FLAGS, MIT),
    row(&["krb5validstart"], Meaning::Begins(Form::Generalized), HEIMDAL),
    row(&["krb5validend"], Meaning::Ends(Form::Generalized), HEIMDAL),
    row(&["krb5passwordend"], Meaning::PasswordEnds(Form::Generalized), HEIMDAL),
    row(&["krb5kdcflags"], HEIMDAL_FLAGS, HEIMDAL),
    // eDirectory.
    row(&["logindisabled"], Meaning::Denies, EDIRECTORY),
    row(&["lockedbyintruder"], Meaning::LockedForNow, EDIRECTORY),
    row(&["loginactivationtime"], Meaning::Begins(Form::Generalized), EDIRECTORY),
    row(&["loginexpirationtime"], Meaning::Ends(Form::Generalized), EDIRECTORY),
    // Others.
    row(&["inetuserstatus"], Meaning::Status, IPLANET),
    row(&["accountstatus"], Meaning::Status, "qmail-ldap or a column"),
    row(&["orclisenabled"], Meaning::Status, "Oracle Internet Directory"),
    row(&["orclactivestartdate"], Meaning::Begins(Form::Generalized), "Oracle Internet Directory"),
    row(&["orclactiveenddate"], Meaning::Ends(Form::Generalized), "Oracle Internet Directory"),
    row(&["ibmpwdaccountlocked"], Meaning::Denies, "IBM Directory Server"),
    row(&["schacexpirydate"], Meaning::Ends(Form::Generalized), "SCHAC"),
    // Columns of tables: Cognito, Okta, Keycloak, Auth0, Entra ID, Google Workspace, and tables of
    // one's own.
    row(&["status", "userstatus", "cognitouserstatus", "statusreadonly"], Meaning::Status, TABLE),
    row(&["enabled", "isenabled", "userenabled", "accountenabled", "active", "isactive"], Meaning::Admits, TABLE),
    row(&["disabled", "isdisabled", "accountdisabled", "deactivated", "inactive"], Meaning::Denies, TABLE),
    row(&["locked", "islocked", "lockedout", "accountlocked", "blocked", "isblocked", "banned"], Meaning::Denies, TABLE),
    row(&["suspended", "issuspended", "archived", "deleted", "isdeleted"], Meaning::Denies, TABLE),
    row(&["blockcredential", "blocksignin"], Meaning::Denies, TABLE),
    row(&["disabledat", "deactivatedat", "lockedat", "blockedat", "suspendedat", "deletedat"], Meaning::Locked, TABLE),
    row(&["mustchange", "mustchangepassword", "changepassword", "forcepasswordchange", "forcechangepassword"], Meaning::MustChange, TABLE),
    row(&["passwordexpired", "passwordresetrequired", "resetrequired"], Meaning::MustChange, TABLE),
    row(&["changepasswordatnextlogin", "changepasswordatnextsignin", "forcechangepasswordnextsignin"], Meaning::MustChange, TABLE),
    row(&["requiredactions"], Meaning::RequiredActions, "Keycloak"),
    row(&["validfrom", "accountactivationdate"], Meaning::Begins(Form::Any), TABLE),
    row(&["validuntil", "validto", "expirydate", "expirationdate", "accountexpirationdate"], Meaning::Ends(Form::Any), TABLE),
    row(&["passwordexpirydate", "passwordexpirationdate", "passwordexpires", "passwordexpiresat"], Meaning::PasswordEnds(Form::Any), TABLE),
];

//! Whether an entry's owner could log in at the server that it comes from.
//!
//! Pure: the fields of a record and the present moment in, what the owner's standing becomes here
//! out, with a note for each thing that says no. A value that cannot be read says no: nobody may
//! log in because a server writes in its own way that they may not.

mod moment;
mod oids;
mod said;
mod table;

#[cfg(test)]
pub(super) use oids::OIDS;
pub(super) use oids::name_of;
pub(super) use said::{Became, Said};
pub(super) use table::{Row, compared};

use super::ldif::Field;
use crate::authn::PasswordTerms;
use crate::directory::value::generalized;
use crate::model::Timestamp;
use moment::{Form, When};
use table::{Flags, Meaning};

/// The most letters of a name or a value that a note repeats.
const SHOWN: usize = 40;
/// Days from which on the greatest age of a password means that it does not age (`PASS_MAX_DAYS` of
/// login.defs).
const AGELESS: i64 = 99_999;
/// Words that say yes, as names are compared.
const ADMITTED: &[&str] =
    &["active", "activated", "enabled", "confirmed", "externalprovider", "normal", "valid", "unlocked", "ok", "true", "yes", "1"];
/// Words that say that the password must be changed.
const TO_CHANGE: &[&str] = &["forcechangepassword", "resetrequired", "passwordexpired", "passwordreset", "recovery"];
/// What tables hold where there is nothing.
const NOTHING: &[&str] = &["", "0", "null", "\\N", "nil", "none", "-"];
/// Names of the roles by which 389 Directory Server denies login.
const DENYING_ROLES: &[&str] = &["cn=nsdisabledrole", "cn=nsmanageddisabledrole"];

/// 00000101000000Z, which stands for a lock that does not end by itself
/// (draft-behera-ldap-password-policy, section 5.3.3).
const FIRST_SECOND: i64 = -62_167_219_200;

/// What an owner's standing becomes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Standing {
    /// They may not log in.
    pub(super) is_disabled: bool,
    /// What holds of their password.
    pub(super) terms: PasswordTerms,
    /// What says no.
    pub(super) said: Vec<Said>,
}

/// What one value says.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Verdict {
    Fine,
    Denied(String),
    /// Denied until it ends by itself, which the file does not say.
    DeniedForNow(String),
    MustChange(String),
    PasswordEnds(Timestamp),
    EndsLater(Timestamp),
}

/// Judges what a record says at that moment. Its attributes have the names of the schema.
pub(super) fn judge(fields: &[Field], now: Timestamp) -> Standing {
    let mut standing = Standing::default();
    let mut aging = Vec::new();
    for field in fields {
        let name = &field.attribute.name;
        let Some(row) = Row::find(name) else { continue };
        if row.meaning == Meaning::Aging {
            aging.push(field);
            continue;
        }
        for (value, line) in field.attribute.values.iter().zip(&field.lines) {
            let what = format!("{} ({})", shown(name), row.source);
            standing.take(*line, &what, verdict(row.meaning, value, now), now);
        }
    }
    if let Some(last) = aging.last() {
        let line = last.lines.first().copied().unwrap_or_default();
        aged(&aging, now).into_iter().for_each(|verdict| standing.take(line, "the age of the password (shadow(5))", verdict, now));
    }
    standing
}

impl Standing {
    /// Takes what another part of the record says.
    pub(super) fn add(&mut self, said: Said) {
        self.is_disabled |= said.denies();
        self.said.push(said);
    }

    fn take(&mut self, line: u64, what: &str, verdict: Verdict, now: Timestamp) {
        self.said.push(match verdict {
            Verdict::Fine => return,
            Verdict::Denied(why) => return self.add(Said::denied(line, format!("{what} {why}"))),
            Verdict::DeniedForNow(why) => return self.add(Said::denied_for_now(line, format!("{what} {why}"))),
            Verdict::MustChange(why) => {
                self.terms.must_change = true;
                Said::must_change(line, format!("{what} {why}"))
            }
            Verdict::PasswordEnds(end) => {
                self.terms.expires = Some(self.terms.expires.map_or(end, |other| other.min(end)));
                if end > now {
                    return;
                }
                Said::expired(line, format!("{what} says that the password has ended at {}", generalized(end)))
            }
            Verdict::EndsLater(end) => Said::ends_later(line, format!("{what} says that the account ends at {}", generalized(end))),
        });
    }
}

/// As much of a text as a note repeats.
pub(super) fn shown(text: &str) -> String {
    text.chars().take(SHOWN).collect()
}

/// What one value says.
fn verdict(meaning: Meaning, value: &[u8], now: Timestamp) -> Verdict {
    let text = std::str::from_utf8(value).map(str::trim);
    let read = text.ok().and_then(|text| read(meaning, text, now));
    read.unwrap_or_else(|| {
        let why = format!("holds '{}', which cannot be read and so says no", shown(text.unwrap_or("octets that are no text")));
        match meaning {
            Meaning::MustChange
            | Meaning::PasswordSet
            | Meaning::PasswordEnds(_)
            | Meaning::PasswordEndsOrUnset(_)
            | Meaning::GraceLogins
            | Meaning::RequiredActions => Verdict::MustChange(why),
            _ => Verdict::Denied(why),
        }
    })
}

/// The same of a text; `None` if it cannot be read.
fn read(meaning: Meaning, text: &str, now: Timestamp) -> Option<Verdict> {
    let denied = |is_denied: bool, why: String| if is_denied { Verdict::Denied(why) } else { Verdict::Fine };
    let denied_for_now = |is_denied: bool, why: String| if is_denied { Verdict::DeniedForNow(why) } else { Verdict::Fine };
    let to_change = |is_due: bool, why: &str| if is_due { Verdict::MustChange(why.to_owned()) } else { Verdict::Fine };
    let is_nothing = || NOTHING.iter().any(|nothing| nothing.eq_ignore_ascii_case(text));
    let says = || format!("says '{}'", shown(text));
    Some(match meaning {
        Meaning::Denies => denied(boolean(text)?, says()),
        Meaning::Admits => denied(!boolean(text)?, says()),
        Meaning::MustChange => to_change(boolean(text)?, &says()),
        Meaning::Status => {
            let word = Some(compared(text)).filter(|word| !word.is_empty())?;
            match word.as_str() {
                word if ADMITTED.contains(&word) => Verdict::Fine,
                word if TO_CHANGE.contains(&word) => Verdict::MustChange(says()),
                _ => Verdict::Denied(says()),
            }
        }
        Meaning::Locked => denied(!is_nothing(), format!("{}, so it is locked", says())),
        Meaning::LockedUntil(form) => match form.read(text)? {
            When::Never => Verdict::Fine,
            When::At(end) if end.seconds() == 0 => Verdict::Denied("says that it is locked for good".to_owned()),
            When::At(end) => denied_for_now(end > now, format!("says that it is locked until {}", generalized(end))),
        },
        Meaning::LockedSince(form) => match form.read(text)? {
            When::Never => Verdict::Fine,
            When::At(since) if since.seconds() == FIRST_SECOND => Verdict::Denied("says that it is locked for good".to_owned()),
            When::At(since) => Verdict::DeniedForNow(format!("says that it is locked since {}", generalized(since))),
        },
        Meaning::LockedForNow => denied_for_now(boolean(text)?, says()),
        Meaning::Flags(Flags { denies, locked, must_change, needs }) => {
            let flags = flags(text)?;
            match flags {
                _ if flags & denies != 0 || flags & needs != needs => Verdict::Denied(says()),
                _ if flags & locked != 0 => Verdict::DeniedForNow(says()),
                _ => to_change(flags & must_change != 0, &says()),
            }
        }
        Meaning::SambaFlags => {
            let letters = text.strip_prefix('[')?.strip_suffix(']')?;
            match letters.contains('D') {
                true => Verdict::Denied(says()),
                false => denied_for_now(letters.contains('L'), says()),
            }
        }
        Meaning::Role => {
            let role = compared_rdn(text);
            denied(DENYING_ROLES.contains(&role.as_str()), format!("names the role {role}"))
        }
        Meaning::Begins(form) => match form.read(text)? {
            When::Never => Verdict::Fine,
            When::At(start) => denied(start > now, format!("says that it begins at {}", generalized(start))),
        },
        Meaning::Ends(form) => match form.read(text)? {
            When::Never => Verdict::Fine,
            When::At(end) if end > now => Verdict::EndsLater(end),
            When::At(end) => Verdict::Denied(format!("says that it has ended at {}", generalized(end))),
        },
        Meaning::PasswordEndsOrUnset(_) if text.parse::<i64>() == Ok(0) => {
            Verdict::MustChange("says that the password was never set, or must be changed".to_owned())
        }
        Meaning::PasswordEnds(form) | Meaning::PasswordEndsOrUnset(form) => match form.read(text)? {
            When::Never => Verdict::Fine,
            When::At(end) => Verdict::PasswordEnds(end),
        },
        Meaning::PasswordSet => to_change(text.parse::<i64>().ok()? == 0, "says that the password was never set"),
        Meaning::GraceLogins => to_change(!is_nothing(), "says that the password had ended"),
        Meaning::RequiredActions => {
            let asks = text.to_ascii_uppercase().contains("UPDATE_PASSWORD");
            to_change(asks, &says())
        }
        // Judged as a whole.
        Meaning::Aging => Verdict::Fine,
    })
}

fn boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "t" | "yes" | "y" | "on" | "1" => Some(true),
        "false" | "f" | "no" | "n" | "off" | "0" => Some(false),
        _ => None,
    }
}

/// Flags as a number, which may be signed or in hexadecimal.
fn flags(text: &str) -> Option<u32> {
    let number = match text.strip_prefix("0x") {
        Some(digits) => i64::from_str_radix(digits, 16).ok()?,
        None => text.parse().ok()?,
    };
    u32::try_from(number).ok().or_else(|| i32::try_from(number).ok().map(i32::cast_unsigned))
}

/// The first RDN of a name in small letters and without spaces.
fn compared_rdn(text: &str) -> String {
    let rdn = text.split(',').next().unwrap_or_default();
    rdn.chars().filter(|letter| !letter.is_whitespace()).flat_map(char::to_lowercase).take(SHOWN).collect()
}

/// What the age of a password says: it ends so many days after it was set, and the account with it
/// so many days later.
fn aged(fields: &[&Field], now: Timestamp) -> Vec<Verdict> {
    let number = |name: &str| {
        let field = fields.iter().find(|field| compared(&field.attribute.name) == name)?;
        let text = field.attribute.values.first().and_then(|value| std::str::from_utf8(value).ok()).unwrap_or_default();
        Some(text.trim().parse::<i64>())
    };
    let numbers = [number("shadowlastchange"), number("shadowmax"), number("shadowinactive")];
    if numbers.iter().flatten().any(Result::is_err) {
        return vec![Verdict::MustChange("cannot be read and so says no".to_owned())];
    }
    let [set, most, inactive] = numbers.map(|number| number.and_then(Result::ok));
    if set == Some(0) {
        return vec![Verdict::MustChange("says that it was never set".to_owned())];
    }
    let (Some(set), Some(most @ 0..AGELESS)) = (set, most) else { return Vec::new() };
    // It may be used on the last day.
    let end_of = |days: i64| match Form::UnixDays.read(&days.saturating_add(1).to_string()) {
        Some(When::At(moment)) => Some(moment),
        _ => None,
    };
    let last = set.saturating_add(most);
    let mut verdicts: Vec<Verdict> = end_of(last).map(Verdict::PasswordEnds).into_iter().collect();
    let over = inactive.filter(|days| *days >= 0).and_then(|days| end_of(last.saturating_add(days))).filter(|over| *over <= now);
    verdicts.extend(over.map(|over| Verdict::Denied(format!("says that the account has ended with it at {}", generalized(over)))));
    verdicts
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
pub(super) mod tests;

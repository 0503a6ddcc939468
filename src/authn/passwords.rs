//! Passwords as callers hand them over: what `userPassword` in a request means, which passwords may
//! be set, and how they become hashes.
//!
//! Administrators and the operator set passwords, in plain text or as a hash that another directory
//! made. Everybody else gives the old one, and a wrong old one is a failed login like any other: it
//! counts towards the lockout.
//!
//! A text that has the form of a hash is never hashed as if it were the password: whoever has the
//! file that it comes from could log in with it. What becomes of it depends on who sends it:
//!
//! - `userPassword` in LDAP add and modify, the admin API and the command line are filled by
//!   programs, which copy what a file of another server holds. From administrators and the operator
//!   it is taken as the hash, if it can be verified, and else refused.
//! - Password modify (RFC 3062, section 2) hands over the password itself, as a person typed it,
//!   also where a program asks for it in an administrator's name. Were it read as a hash, people
//!   could go around the password policy with a hash of their own; so it is refused. The forms are
//!   narrow enough that nobody types one by chance, and digests without a mark, which random
//!   passwords look like, are passwords here.

use super::{Core, credential::Password};
use crate::{
    crypto::password::{PasswordHash, Recognised, recognise},
    directory::{Directory, Entry, Modification, ModificationKind},
    model::{Actor, Attribute, Entropy, Error, Result, Secret, entropy::random, error::Rule},
    policy::password::{self, PasswordPolicy, Violation},
    pool::Pool,
    work::Caller,
};

/// The attribute that stands for the password in LDAP (RFC 4519, section 2.41). No entry holds it.
const ATTRIBUTE: &str = "userPassword";

/// Attributes whose values a password may not contain.
const NAMES: [&str; 5] = ["uid", "cn", "sn", "givenName", "mail"];

/// Characters of a generated password: none that is taken for another.
const ALPHABET: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz23456789-";

/// Characters of a generated password, of five bits each.
const GENERATED: usize = 20;

/// What a modification does to the password.
#[derive(Default)]
pub(super) struct PasswordChange {
    /// The old one, given as proof.
    pub old: Option<Secret<Vec<u8>>>,
    /// The new one.
    pub new: Option<Secret<Vec<u8>>>,
    /// None from now on.
    pub remove: bool,
    /// The caller means to remove one: that there is one.
    pub must_be_there: bool,
    /// The caller means to set the only one: that there is none yet.
    pub only_first: bool,
    /// The new one is what a person typed.
    pub is_typed: bool,
}

/// A new password, not yet hashed.
pub(super) enum NewPassword {
    Plain(Secret<Vec<u8>>),
    Hashed(PasswordHash),
}

/// Whether an attribute stands for the password.
pub(super) fn is_password(directory: &Directory, attribute: &Attribute) -> bool {
    let named = |name: &str| directory.schema().attribute(name).map(|attribute| attribute.id);
    named(&attribute.name).is_some_and(|id| named(ATTRIBUTE) == Some(id))
}

fn without_options(attribute: &Attribute) -> Result<()> {
    if attribute.name.contains(';') {
        return Err(Error::invalid(Rule::UndefinedAttribute, format!("{ATTRIBUTE} takes no options")));
    }
    Ok(())
}

fn only_value(values: &[Vec<u8>]) -> Result<Secret<Vec<u8>>> {
    match values {
        [value] => Ok(Secret::new(value.clone())),
        _ => Err(Error::invalid(Rule::Constraint, format!("{ATTRIBUTE} holds one value"))),
    }
}

/// Takes the password out of the attributes of a new entry.
pub(super) fn take_from_entry(directory: &Directory, attributes: &mut Vec<Attribute>) -> Result<Option<Secret<Vec<u8>>>> {
    let (mut taken, kept): (Vec<_>, Vec<_>) =
        std::mem::take(attributes).into_iter().partition(|attribute| is_password(directory, attribute));
    *attributes = kept;
    let Some(attribute) = taken.pop() else { return Ok(None) };
    without_options(&attribute)?;
    if !taken.is_empty() {
        return Err(Error::invalid(Rule::ValueExists, format!("{ATTRIBUTE} is named twice")));
    }
    only_value(&attribute.values).map(Some)
}

/// Refuses a new entry whose password is no hash that can be verified.
pub(super) fn without_plain(directory: &Directory, attributes: &[Attribute]) -> Result<()> {
    let is_hash = |value: &Vec<u8>| std::str::from_utf8(value).is_ok_and(|text| matches!(recognise(text), Recognised::Hash(_)));
    if attributes.iter().filter(|attribute| is_password(directory, attribute)).flat_map(|attribute| &attribute.values).all(is_hash) {
        return Ok(());
    }
    Err(Error::invalid(Rule::Constraint, format!("{ATTRIBUTE} holds no hash that can be verified, and plain text is not taken here")))
}

/// Takes the steps about the password out of a modify.
pub(super) fn take_from_steps(directory: &Directory, steps: &[Modification]) -> Result<(Vec<Modification>, Option<PasswordChange>)> {
    let (about, others): (Vec<_>, Vec<_>) = steps.iter().cloned().partition(|step| is_password(directory, &step.attribute));
    if about.is_empty() {
        return Ok((others, None));
    }
    let mut change = PasswordChange::default();
    for step in about {
        without_options(&step.attribute)?;
        let values = &step.attribute.values;
        match step.kind {
            // What is not there is replaced by nothing without a word (RFC 4511, section 4.6).
            ModificationKind::Replace if values.is_empty() => {
                change = PasswordChange { remove: true, ..PasswordChange::default() };
            }
            ModificationKind::Delete if values.is_empty() => {
                change = PasswordChange { remove: true, must_be_there: true, ..PasswordChange::default() };
            }
            ModificationKind::Delete => {
                change = PasswordChange { old: Some(only_value(values)?), remove: true, must_be_there: true, ..PasswordChange::default() };
            }
            ModificationKind::Replace => {
                change = PasswordChange { old: change.old, new: Some(only_value(values)?), ..PasswordChange::default() };
            }
            ModificationKind::Add if change.new.is_some() => {
                return Err(Error::invalid(Rule::Constraint, format!("{ATTRIBUTE} holds one value; replace it")));
            }
            ModificationKind::Add => {
                let only_first = !change.remove;
                change = PasswordChange { old: change.old, new: Some(only_value(values)?), only_first, ..PasswordChange::default() };
            }
            ModificationKind::Increment => {
                return Err(Error::invalid(Rule::Constraint, format!("{ATTRIBUTE} is no number")));
            }
        }
    }
    Ok((others, Some(change)))
}

/// Whether entries of these classes have a password at all.
pub(super) fn may_have_one<'a>(directory: &Directory, classes: impl Iterator<Item = &'a str>) -> Result<()> {
    let classes: Vec<&str> = classes.collect();
    let id = directory.schema().require_attribute(ATTRIBUTE)?.id;
    let allowed = directory.schema().with_superclasses(&classes)?.iter().any(|class| class.must.contains(&id) || class.may.contains(&id));
    if allowed {
        return Ok(());
    }
    Err(Error::invalid(Rule::ObjectClass, format!("no object class of the entry allows {ATTRIBUTE}")))
}

/// What a password may not contain, of an entry.
pub(super) fn names_of(entry: &Entry) -> Vec<String> {
    NAMES.into_iter().flat_map(|name| entry.texts(name)).map(str::to_owned).collect()
}

/// What a password may not contain, of an entry to be.
pub(super) fn names_among(attributes: &[Attribute]) -> Vec<String> {
    let is_name = |attribute: &&Attribute| NAMES.into_iter().any(|name| name.eq_ignore_ascii_case(&attribute.name));
    let values = attributes.iter().filter(is_name).flat_map(|attribute| &attribute.values);
    values.map(|value| String::from_utf8_lossy(value).into_owned()).collect()
}

/// Reads a new password and judges it. A hash is taken where one may be handed over and if it can
/// be verified; else it is refused rather than hashed as text.
pub(super) fn read(pool: &Pool, value: Secret<Vec<u8>>, takes_hash: bool, names: &[String]) -> Result<NewPassword> {
    match std::str::from_utf8(value.expose()).map_or(Recognised::Plain, recognise) {
        Recognised::Plain | Recognised::Digest => {
            judge(&pool.settings().password, value.expose(), names)?;
            Ok(NewPassword::Plain(value))
        }
        _ if !takes_hash => {
            let message = "a hash in the place of a password is taken from administrators only, and only as userPassword";
            Err(Error::invalid(Rule::Unwilling, message))
        }
        Recognised::Hash(hash) => Ok(NewPassword::Hashed(hash)),
        Recognised::Unverifiable(what) => {
            let message = format!("{what} cannot be verified here: give the password itself, or a hash of {}", PasswordHash::SCHEMES);
            Err(Error::invalid(Rule::Constraint, message))
        }
        Recognised::Locked => {
            let message = "the value says that a password is locked: remove the password, or disable the entry";
            Err(Error::invalid(Rule::Constraint, message))
        }
    }
}

fn judge(policy: &PasswordPolicy, password: &[u8], names: &[String]) -> Result<()> {
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    password::check(policy, password, &names).map_err(|violations| {
        let texts: Vec<String> = violations.iter().map(Violation::to_string).collect();
        Error::invalid(Rule::Constraint, texts.join("; "))
    })
}

/// A password that nobody chose, of at least 100 random bits, as long as the policy wants it.
pub(super) fn generate(policy: &PasswordPolicy, entropy: &dyn Entropy) -> Secret<Vec<u8>> {
    let length = GENERATED.max(usize::from(policy.min_length));
    let letter = |byte: u8| ALPHABET.get(usize::from(byte) % ALPHABET.len()).copied().unwrap_or(b'-');
    Secret::new((0..length).map(|_| letter(random::<1>(entropy)[0])).collect())
}

impl Core {
    /// Hashes a new password, off the async threads.
    pub(super) async fn hashed(&self, pool: &Pool, actor: &Actor, new: NewPassword) -> Result<Password> {
        let hash = match new {
            NewPassword::Plain(plain) => {
                self.hasher.hash(Caller::known(pool.id(), actor.address), plain, pool.settings().hashing, &*self.entropy).await?
            }
            NewPassword::Hashed(hash) => hash,
        };
        Ok(Password::new(hash, self.clock.now()))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;

    #[test]
    fn generated_passwords_differ_and_are_long_enough() {
        struct Counter(std::sync::atomic::AtomicU8);
        impl Entropy for Counter {
            fn fill(&self, buffer: &mut [u8]) {
                buffer.fill_with(|| self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
            }
        }
        let entropy = Counter(std::sync::atomic::AtomicU8::new(0));
        let policy = PasswordPolicy { min_length: 30, ..PasswordPolicy::default() };
        let first = generate(&policy, &entropy);
        assert_eq!(first.expose().len(), 30);
        assert_ne!(first.expose(), generate(&policy, &entropy).expose());
        assert_eq!(generate(&PasswordPolicy::default(), &entropy).expose().len(), GENERATED);
        judge(&policy, first.expose(), &[]).unwrap();
    }

    fn directory() -> Directory {
        let folder = tempfile::tempdir().unwrap();
        let store =
            crate::store::Store::open(folder.path(), crate::store::Options::default(), crate::store::SegmentSync::install()).unwrap();
        Directory::over(store.pool(crate::model::PoolId::new(1)), crate::model::Dn::root())
    }

    fn step(kind: ModificationKind, values: &[&str]) -> Modification {
        Modification { kind, attribute: Attribute::new("USERPASSWORD", values.iter().copied()) }
    }

    #[test]
    fn a_modify_can_prove_the_old_password_and_add_the_new_one() {
        use ModificationKind::{Add, Delete, Increment, Replace};
        let directory = directory();
        let take = |steps: &[Modification]| take_from_steps(&directory, steps).map(|(others, change)| (others.len(), change));
        let shown = |steps: &[Modification]| {
            let change = take(steps).unwrap().1.unwrap();
            let text = |secret: &Secret<Vec<u8>>| String::from_utf8(secret.expose().clone()).unwrap();
            assert!(change.remove || !change.must_be_there);
            (change.old.as_ref().map(text), change.new.as_ref().map(text), change.remove, change.only_first)
        };
        let owned = |text: &str| Some(text.to_owned());
        assert_eq!(shown(&[step(Delete, &["old"]), step(Add, &["new"])]), (owned("old"), owned("new"), false, false));
        assert_eq!(shown(&[step(Replace, &["new"])]), (None, owned("new"), false, false));
        assert_eq!(shown(&[step(Add, &["new"])]), (None, owned("new"), false, true));
        assert_eq!(shown(&[step(Delete, &[])]), (None, None, true, false));
        assert_eq!(shown(&[step(Delete, &[]), step(Add, &["new"])]), (None, owned("new"), false, false));
        assert_eq!(shown(&[step(Replace, &[])]), (None, None, true, false));
        let must_be_there = |kind| take(&[step(kind, &[])]).unwrap().1.unwrap().must_be_there;
        assert!(must_be_there(Delete) && !must_be_there(Replace));
        let other = Modification { kind: Replace, attribute: Attribute::new("sn", ["x"]) };
        let (others, change) = take(std::slice::from_ref(&other)).unwrap();
        assert!(others == 1 && change.is_none());
        for refused in [
            vec![step(Replace, &["one", "two"])],
            vec![step(Add, &["one"]), step(Add, &["two"])],
            vec![step(Increment, &["1"])],
            vec![Modification { kind: Replace, attribute: Attribute::new("userPassword;x-a", ["x"]) }],
        ] {
            assert!(take(&refused).is_err(), "{refused:?}");
        }
    }
}

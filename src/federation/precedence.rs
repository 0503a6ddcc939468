//! An administrator's word goes before an upstream's: what a user was given by an upstream alone
//! stands in the way of nobody whom an administrator names.
//!
//! A mail address that is proven, since its domain is listed for the provider that gave it, stays
//! where it is; so does whatever an administrator has decided. Of two users of one upstream that
//! one has an address of whom it was last said.

use super::link::{self, ACTOR, MailOrigin, Names, Tie};
use super::mail_domains::Standing;
use super::provider::{self, ProviderKind};
use crate::audit::{self, Action, Event};
use crate::directory::{Directory, Entry, value};
use crate::model::error::Rule;
use crate::model::{Actor, Attribute, Entropy, EntryId, Error, Kind, Rdn, Result, Timestamp};
use crate::pool::Pool;
use crate::store::Changes;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// The attributes by which people log in and are found: no two entries have the same value.
const UID: &str = "uid";
const MAIL: &str = "mail";

/// What a user of an upstream has lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The DN that the user had.
    pub from: String,
    /// The provider that had brought them.
    pub provider: String,
    /// The mail addresses.
    pub mail: Vec<String>,
    /// The uid that they have by now, if they lost theirs.
    pub uid: Option<String>,
}

/// What is about to be given to an entry.
#[derive(Clone, Copy)]
pub struct Wanted<'a> {
    /// The uids and mail addresses; other attributes are nobody's alone.
    pub attributes: &'a [Attribute],
    /// What it gets as well, without taking it from anybody.
    pub beside: &'a [Attribute],
    /// The entry, if it is there already.
    pub target: Option<EntryId>,
}

/// What of the wanted somebody has.
#[derive(Default)]
struct Held {
    uids: BTreeSet<Vec<u8>>,
    mails: BTreeSet<Vec<u8>>,
}

/// What somebody would find who wants a mail address for an entry that is not there yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Prospect {
    /// Nothing is in the way.
    Free,
    /// Users of upstreams would lose what these sentences say.
    Yields(Vec<String>),
    /// Its holder's provider vouches for its domain, as the sentence says.
    Proven(String),
    /// Somebody else has it for good.
    Stays,
}

/// Takes from users of upstreams what an administrator wants for somebody else, and keeps it from
/// coming back to them.
///
/// Fails with `Invalid(Unique)` on an address for whose domain its holder's provider vouches. What
/// somebody else holds for good is left for the directory to refuse.
pub fn give_way(
    pool: &Pool,
    directory: &Directory,
    changes: &mut Changes,
    wanted: Wanted<'_>,
    actor: &Actor,
    now: Timestamp,
    entropy: &dyn Entropy,
) -> Result<Vec<Taken>> {
    let mut names = Names::new(directory, entropy);
    for (_, value) in names_among(directory, wanted.attributes).chain(names_among(directory, wanted.beside)) {
        names.give(value)?;
    }
    let mut taken = Vec::new();
    for (holder, held) in held(directory, wanted)? {
        let Some(loser) = Loser::find(pool, directory, holder, held)? else { continue };
        if let Some(message) = loser.proven {
            return Err(Error::invalid(Rule::Unique, message));
        }
        let uid = loser.uid.as_deref().map(|uid| names.free(uid)).transpose()?;
        taken.push(loser.write(directory, changes, uid, &MailOrigin::Administrator, actor, now)?);
    }
    Ok(taken)
}

/// What [`give_way`] would come to for a mail address that an administrator wants for somebody new.
pub fn foresee(pool: &Pool, directory: &Directory, mail: &[u8]) -> Result<Prospect> {
    let attribute = Attribute { name: MAIL.to_owned(), values: vec![mail.to_vec()] };
    let mut losses = Vec::new();
    for (holder, held) in held(directory, Wanted { attributes: &[attribute], beside: &[], target: None })? {
        let has_it = !held.mails.is_empty();
        match Loser::find(pool, directory, holder, held)? {
            Some(Loser { proven: Some(message), .. }) => return Ok(Prospect::Proven(message)),
            Some(loser) if !has_it || !loser.mail.is_empty() => losses.push(loser.sentence()),
            _ if has_it => return Ok(Prospect::Stays),
            _ => {}
        }
    }
    Ok(if losses.is_empty() { Prospect::Free } else { Prospect::Yields(losses) })
}

/// Takes an address from its holder, since the upstream says it of somebody else by now. `None` if
/// it does not: the holder has it from elsewhere, or comes from elsewhere too, or an administrator
/// has decided about it, or the entry cannot be without it.
pub(super) fn pass_on(
    directory: &Directory,
    changes: &mut Changes,
    (provider, issuer): (&str, &str),
    mail: &str,
    holder: EntryId,
    actor: &Actor,
    now: Timestamp,
) -> Result<Option<Taken>> {
    let ties = link::of_entry(directory, holder)?;
    let is_of_upstream = |tie: &Tie| (tie.provider(), tie.issuer()) == (provider, issuer);
    if ties.is_empty() || !ties.iter().all(is_of_upstream) {
        return Ok(None);
    }
    let entry = directory.entry(holder)?.ok_or_else(Error::contended)?;
    let dn = directory.dn(holder)?.ok_or_else(Error::contended)?.to_string();
    if giver_of_mail(directory, &entry, &dn, &ties, mail.as_bytes())?.is_none() {
        return Ok(None);
    }
    let loser = Loser { entry: holder, dn, ties, provider: provider.to_owned(), mail: vec![mail.into()], uid: None, proven: None };
    match changes.attempt(|changes| loser.write(directory, changes, None, &MailOrigin::Upstream(None), actor, now)) {
        Err(error) if matches!(error.kind(), Kind::Invalid(_)) => Ok(None),
        taken => taken.map(Some),
    }
}

/// The uids and mail addresses among attributes, with whether they are addresses. Other attributes
/// are nobody's alone, so nobody is looked for who has them.
fn names_among<'a>(directory: &Directory, attributes: &'a [Attribute]) -> impl Iterator<Item = (bool, &'a [u8])> {
    let schema = directory.schema();
    let kind = |attribute: &'a Attribute| match schema.attribute(&attribute.name)?.name() {
        UID => Some((false, attribute)),
        MAIL => Some((true, attribute)),
        _ => None,
    };
    attributes
        .iter()
        .filter_map(kind)
        .flat_map(|(is_mail, attribute)| attribute.values.iter().map(move |value| (is_mail, value.as_slice())))
}

/// What of the wanted others have, by who has it.
fn held(directory: &Directory, wanted: Wanted<'_>) -> Result<BTreeMap<EntryId, Held>> {
    let mut held: BTreeMap<EntryId, Held> = BTreeMap::new();
    for (is_mail, value) in names_among(directory, wanted.attributes) {
        let holder = |name| Ok::<_, Error>(directory.by_unique(name, value)?.filter(|holder| Some(*holder) != wanted.target));
        // Whoever logs in with an address is looked for by uid first, so nobody else may have it as
        // a uid either.
        if let Some(holder) = holder(UID)? {
            held.entry(holder).or_default().uids.insert(value.to_vec());
        }
        if is_mail && let Some(holder) = holder(MAIL)? {
            held.entry(holder).or_default().mails.insert(value.to_vec());
        }
    }
    Ok(held)
}

/// Notes that an administrator has decided about the mail address of an entry: what its upstream
/// says of it counts no more.
pub fn decide_mail(directory: &Directory, changes: &mut Changes, entry: EntryId) -> Result<()> {
    for tie in link::of_entry(directory, entry)? {
        tie.put_mail(changes, MailOrigin::Administrator);
    }
    Ok(())
}

/// A user of an upstream, and what of the wanted they have from that alone.
struct Loser {
    entry: EntryId,
    dn: String,
    ties: Vec<Tie>,
    provider: String,
    mail: Vec<Vec<u8>>,
    uid: Option<String>,
    /// Why they do not lose it after all.
    proven: Option<String>,
}

impl Loser {
    fn find(pool: &Pool, directory: &Directory, holder: EntryId, held: Held) -> Result<Option<Self>> {
        let ties = link::of_entry(directory, holder)?;
        let Some(entry) = directory.entry(holder)?.filter(|_| !ties.is_empty()) else { return Ok(None) };
        let dn = directory.dn(holder)?.ok_or_else(Error::contended)?.to_string();
        let (mut mail, mut provider, mut proven) = (Vec::new(), None, None);
        for value in held.mails {
            if let Some(tie) = giver_of_mail(directory, &entry, &dn, &ties, &value)? {
                proven = match proven {
                    None => why_proven(pool, tie, &dn, &value)?,
                    proven => proven,
                };
                provider = Some(tie.provider().to_owned());
                mail.push(value);
            }
        }
        let mut uid = None;
        if let Some((tie, named)) = held.uids.iter().find_map(|uid| giver_of_uid(directory, &entry, &ties, uid)) {
            provider = Some(tie.provider().to_owned());
            uid = Some(named);
        }
        Ok(provider.map(|provider| Self { entry: holder, dn, ties, provider, mail, uid, proven }))
    }

    /// Takes it from them; they have that uid from now on, if they lose theirs.
    fn write(
        self,
        directory: &Directory,
        changes: &mut Changes,
        uid: Option<String>,
        origin: &MailOrigin,
        actor: &Actor,
        now: Timestamp,
    ) -> Result<Taken> {
        let rdn = uid.as_deref().map(|uid| Rdn::single(UID, uid));
        directory.give_up(changes, self.entry, &self.mail, rdn.as_ref(), actor, now)?;
        if !self.mail.is_empty() {
            self.ties.iter().for_each(|tie| tie.put_mail(changes, origin.clone()));
        }
        audit::record(changes, &Event::success(now, Action::FederatedYield, actor).on(self.dn.as_str()));
        let mail = self.mail_texts();
        Ok(Taken { from: self.dn, provider: self.provider, mail, uid })
    }

    fn sentence(&self) -> String {
        let mails = self.mail_texts().into_iter().map(|mail| format!("the mail address {mail}"));
        let lost: Vec<_> = mails.chain(self.uid.as_ref().map(|uid| format!("the uid {uid}"))).collect();
        format!("{}, whom the identity provider `{}` had brought, loses {}", self.dn, self.provider, lost.join(" and "))
    }

    fn mail_texts(&self) -> Vec<String> {
        self.mail.iter().map(|mail| String::from_utf8_lossy(mail).into_owned()).collect()
    }
}

/// The tie by which an entry has that address, if it has it from an upstream.
///
/// Earlier versions did not write down where an address is from. It is from the upstream where
/// nobody but that and the person themselves has changed the entry, and nobody changes their own
/// address.
fn giver_of_mail<'a>(directory: &Directory, entry: &Entry, dn: &str, ties: &'a [Tie], mail: &[u8]) -> Result<Option<&'a Tie>> {
    for tie in ties {
        let gave = match tie.mail() {
            Some(MailOrigin::Administrator | MailOrigin::Upstream(None)) => false,
            Some(MailOrigin::Upstream(Some(given))) => is_same(directory, MAIL, given.as_bytes(), mail)?,
            None => {
                let (creator, modifier) = entry.written_by()?;
                creator.starts_with(ACTOR) && (modifier.starts_with(ACTOR) || modifier == dn)
            }
        };
        if gave {
            return Ok(Some(tie));
        }
    }
    Ok(None)
}

/// The tie that gave an entry that uid, with the uid as the entry has it: it begins with the
/// provider's name, and names the entry.
fn giver_of_uid<'a>(directory: &Directory, entry: &Entry, ties: &'a [Tie], uid: &[u8]) -> Option<(&'a Tie, String)> {
    let rdn = entry.rdn().ok()?;
    let [ava] = rdn.avas() else { return None };
    let named = std::str::from_utf8(&ava.value).ok()?;
    let is_uid = directory.schema().attribute(&ava.attribute).is_some_and(|kind| kind.name() == UID);
    let is_wanted = is_same(directory, UID, named.as_bytes(), uid).ok()?;
    let tie = ties.iter().find(|tie| named.strip_prefix(tie.provider()).is_some_and(|rest| rest.starts_with('.')))?;
    (is_uid && is_wanted).then(|| (tie, named.to_owned()))
}

/// Whether two values of an attribute match.
pub(super) fn is_same(directory: &Directory, attribute: &str, one: &[u8], other: &[u8]) -> Result<bool> {
    let kind = directory.schema().require_attribute(attribute)?;
    Ok(kind.equality.is_some_and(|rule| value::normalise(rule, one).ok() == value::normalise(rule, other).ok()))
}

/// Why an address stays with its holder: the provider that gave it has its domain listed.
fn why_proven(pool: &Pool, tie: &Tie, dn: &str, mail: &[u8]) -> Result<Option<String>> {
    let mail = String::from_utf8_lossy(mail);
    let proven = provider::find(pool, tie.provider())?.is_some_and(|provider| {
        let ProviderKind::Oidc { issuer, .. } = &provider.kind;
        issuer == tie.issuer() && provider.mail_domains.vouched(&mail).is_some_and(|(_, standing)| standing == Standing::Listed)
    });
    let message = || {
        format!(
            "mail: {mail} is the address of {dn}, and its domain is among the mail_domains of the identity provider `{}`: take the address from that entry first, or \
             the domain from the provider",
            tie.provider()
        )
    };
    Ok(proven.then(message))
}

impl fmt::Display for Taken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, whom the identity provider `{}` had brought, ", self.from, self.provider)?;
        if !self.mail.is_empty() {
            write!(f, "has lost the mail address {}", self.mail.join(", "))?;
        }
        if !self.mail.is_empty() && self.uid.is_some() {
            f.write_str(" and ")?;
        }
        if let Some(uid) = &self.uid {
            write!(f, "has the uid {uid} now")?;
        }
        Ok(())
    }
}

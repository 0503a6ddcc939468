//! An administrator's word goes before an upstream's: what a user was given by an upstream alone stands in the way of nobody whom an administrator names.
//!
//! A mail address that is proven, since its domain is listed for the provider that gave it, stays where it is; so does whatever an administrator has decided.

use super::link::{self, ACTOR, MailOrigin, Tie};
use super::mail_domains::Standing;
use super::provider::{self, ProviderKind};
use crate::audit::{self, Action, Event};
use crate::directory::{Directory, Entry, value};
use crate::model::error::Rule;
use crate::model::{Actor, Attribute, Entropy, EntryId, Error, Rdn, Result, Timestamp};
use crate::pool::Pool;
use crate::store::Changes;
use std::collections::BTreeMap;
use std::fmt;

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
    /// The entry, if it is there already.
    pub target: Option<EntryId>,
}

/// What of the wanted somebody has.
#[derive(Default)]
struct Held {
    uids: Vec<Vec<u8>>,
    mails: Vec<Vec<u8>>,
}

/// Takes from users of upstreams what an administrator wants for somebody else, and keeps it from coming back to them.
///
/// Fails with `Invalid(Unique)` on an address for whose domain its holder's provider vouches. What somebody else holds for good is left for the directory to refuse.
pub fn give_way(
    pool: &Pool,
    directory: &Directory,
    changes: &mut Changes,
    wanted: Wanted<'_>,
    actor: &Actor,
    now: Timestamp,
    entropy: &dyn Entropy,
) -> Result<Vec<Taken>> {
    let mut held: BTreeMap<EntryId, Held> = BTreeMap::new();
    for attribute in wanted.attributes {
        let Some(kind) = directory.schema().attribute(&attribute.name) else { continue };
        for value in &attribute.values {
            let Some(holder) = directory.by_unique(kind.name(), value)?.filter(|holder| Some(*holder) != wanted.target) else { continue };
            let of_holder = held.entry(holder).or_default();
            match kind.name() {
                "uid" => of_holder.uids.push(value.clone()),
                "mail" => of_holder.mails.push(value.clone()),
                _ => {}
            }
        }
    }
    let mut taken = Vec::new();
    for (holder, Held { uids, mails }) in held {
        let ties = link::of_entry(directory, holder)?;
        let Some(entry) = directory.entry(holder)?.filter(|_| !ties.is_empty()) else { continue };
        let dn = directory.dn(holder)?.ok_or_else(Error::contended)?.to_string();
        let mut lost = Lost::default();
        for mail in mails {
            if let Some(tie) = giver_of_mail(directory, &entry, &dn, &ties, &mail)? {
                refuse_if_proven(pool, tie, &dn, &mail)?;
                lost.provider = tie.provider().to_owned();
                lost.mail.push(mail);
            }
        }
        if let Some((tie, uid)) = uids.iter().find_map(|uid| giver_of_uid(directory, &entry, &ties, uid)) {
            lost.provider = tie.provider().to_owned();
            lost.uid = Some(link::free_name(directory, &uid, entropy)?);
        }
        taken.extend(lost.write(directory, changes, (holder, dn), ties, actor, now)?);
    }
    Ok(taken)
}

/// Notes that an administrator has decided about the mail address of an entry: what its upstream says of it counts no more.
pub fn decide_mail(directory: &Directory, changes: &mut Changes, entry: EntryId) -> Result<()> {
    for tie in link::of_entry(directory, entry)? {
        tie.put_mail(changes, MailOrigin::Administrator);
    }
    Ok(())
}

#[derive(Default)]
struct Lost {
    provider: String,
    mail: Vec<Vec<u8>>,
    uid: Option<String>,
}

impl Lost {
    fn write(
        self,
        directory: &Directory,
        changes: &mut Changes,
        (holder, dn): (EntryId, String),
        ties: Vec<Tie>,
        actor: &Actor,
        now: Timestamp,
    ) -> Result<Option<Taken>> {
        let Self { provider, mail, uid } = self;
        if mail.is_empty() && uid.is_none() {
            return Ok(None);
        }
        let rdn = uid.as_deref().map(|uid| Rdn::single("uid", uid));
        directory.give_up(changes, holder, &mail, rdn.as_ref(), actor, now)?;
        if !mail.is_empty() {
            ties.into_iter().for_each(|tie| tie.put_mail(changes, MailOrigin::Administrator));
        }
        audit::record(changes, &Event::success(now, Action::FederatedYield, actor).on(dn.as_str()));
        let mail = mail.iter().map(|mail| String::from_utf8_lossy(mail).into_owned()).collect();
        Ok(Some(Taken { from: dn, provider, mail, uid }))
    }
}

/// The tie by which an entry has that address, if it has it from an upstream.
///
/// Earlier versions did not write down where an address is from. It is from the upstream where nobody but that and the person themselves has changed the entry, and
/// nobody changes their own address.
fn giver_of_mail<'a>(directory: &Directory, entry: &Entry, dn: &str, ties: &'a [Tie], mail: &[u8]) -> Result<Option<&'a Tie>> {
    for tie in ties {
        let gave = match tie.mail() {
            Some(MailOrigin::Administrator | MailOrigin::Upstream(None)) => false,
            Some(MailOrigin::Upstream(Some(given))) => is_same(directory, "mail", given.as_bytes(), mail)?,
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

/// The tie that gave an entry that uid, with the uid as the entry has it: it begins with the provider's name, and names the entry.
fn giver_of_uid<'a>(directory: &Directory, entry: &Entry, ties: &'a [Tie], uid: &[u8]) -> Option<(&'a Tie, String)> {
    let rdn = entry.rdn().ok()?;
    let [ava] = rdn.avas() else { return None };
    let named = std::str::from_utf8(&ava.value).ok()?;
    let is_uid = directory.schema().attribute(&ava.attribute).is_some_and(|kind| kind.name() == "uid");
    let is_wanted = is_same(directory, "uid", named.as_bytes(), uid).ok()?;
    let tie = ties.iter().find(|tie| named.strip_prefix(tie.provider()).is_some_and(|rest| rest.starts_with('.')))?;
    (is_uid && is_wanted).then(|| (tie, named.to_owned()))
}

fn is_same(directory: &Directory, attribute: &str, one: &[u8], other: &[u8]) -> Result<bool> {
    let kind = directory.schema().require_attribute(attribute)?;
    Ok(kind.equality.is_some_and(|rule| value::normalise(rule, one).ok() == value::normalise(rule, other).ok()))
}

fn refuse_if_proven(pool: &Pool, tie: &Tie, dn: &str, mail: &[u8]) -> Result<()> {
    let mail = String::from_utf8_lossy(mail);
    let proven = provider::find(pool, tie.provider())?.is_some_and(|provider| {
        let ProviderKind::Oidc { issuer, .. } = &provider.kind;
        issuer == tie.issuer() && provider.mail_domains.vouched(&mail).is_some_and(|(_, standing)| standing == Standing::Listed)
    });
    if !proven {
        return Ok(());
    }
    let message = format!(
        "mail: {mail} is the address of {dn}, and its domain is among the mail_domains of the identity provider `{}`: take the address from that entry first, or the \
         domain from the provider",
        tie.provider()
    );
    Err(Error::invalid(Rule::Unique, message))
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

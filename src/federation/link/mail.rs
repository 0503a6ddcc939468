//! The mail address of somebody who comes from an upstream: given at the first login, and judged
//! again at each one after it.

use super::{MailOrigin, Tie, server};
use crate::audit::{self, Action, Event};
use crate::directory::{Directory, Entry, Modification, ModificationKind};
use crate::federation::{UpstreamIdentity, precedence};
use crate::model::{Attribute, EntryId, Error, Kind, Result, Timestamp};
use crate::store::Changes;

/// What an upstream says of somebody who has just logged in there.
#[derive(Clone, Copy)]
pub struct Word<'a> {
    pub directory: &'a Directory,
    pub provider: &'a str,
    pub identity: &'a UpstreamIdentity,
    pub now: Timestamp,
}

impl<'a> Word<'a> {
    /// The address of somebody whose first login it is.
    pub fn first(&self, changes: &mut Changes, dn: &str, told: &mut Vec<String>) -> Result<Option<&'a str>> {
        if self.identity.mail_elsewhere.is_some() {
            told.push(format!("{dn} has no mail address: {}", self.why_not()));
        }
        self.obtain(changes, self.identity.mail.as_deref(), None, told)
    }

    /// Follows the upstream, if what the entry has is what that gave it: to a new address, and to
    /// none when it no longer says or vouches for the one that it gave. What an administrator has
    /// decided stays, and so does what an earlier version left without saying where it is from.
    ///
    /// That the upstream says nothing is an answer too. It had its occasions: whatever the ID token
    /// leaves open is asked of userinfo, and a login whose userinfo fails is refused, so no half of
    /// an answer comes here. Whoever lost an address to a mistake of the upstream has it again with
    /// the next login.
    pub fn renew(&self, changes: &mut Changes, tie: &Tie, told: &mut Vec<String>) -> Result<()> {
        let Some(MailOrigin::Upstream(given)) = tie.mail() else { return Ok(()) };
        let said = self.identity.mail.as_deref();
        if given.as_deref() == said {
            return Ok(());
        }
        let held = self.directory.entry(tie.stored.entry)?.ok_or_else(Error::contended)?;
        // An address that the entry cannot take must neither keep the person out nor leave them the
        // one that is no longer theirs.
        for said in [Some(said), said.map(|_| None)].into_iter().flatten() {
            match changes.attempt(|changes| self.replace(changes, tie, &held, given.as_deref(), said)) {
                Err(error) if matches!(error.kind(), Kind::Invalid(_)) => {
                    told.push(format!("the mail address of {} cannot follow the upstream: {error}", self.name(&held)?));
                }
                replaced => {
                    told.extend(replaced?);
                    break;
                }
            }
        }
        Ok(())
    }

    /// Takes from the entry what it was given, and gives it what the upstream says, if it can have
    /// that. Answers what is to be told.
    fn replace(&self, changes: &mut Changes, tie: &Tie, held: &Entry, given: Option<&str>, said: Option<&str>) -> Result<Vec<String>> {
        let mut told = Vec::new();
        let (mut dropped, mut others) = (Vec::new(), Vec::new());
        for mail in held.texts("mail") {
            let is_given =
                given.map_or(Ok(false), |given| precedence::is_same(self.directory, "mail", given.as_bytes(), mail.as_bytes()))?;
            if is_given { dropped.push(mail) } else { others.push(mail) }
        }
        if given.is_some() == dropped.is_empty() {
            return Ok(told);
        }
        // Beside an address that is from elsewhere none is given.
        let gained = if others.is_empty() { self.obtain(changes, said, Some(held.id()), &mut told)? } else { None };
        let steps = [(ModificationKind::Delete, dropped), (ModificationKind::Add, gained.into_iter().collect())];
        let steps: Vec<_> = steps
            .into_iter()
            .filter(|(_, values)| !values.is_empty())
            .map(|(kind, values)| Modification { kind, attribute: Attribute::new("mail", values) })
            .collect();
        if steps.is_empty() {
            return Ok(told);
        }
        let actor = server(self.provider);
        self.directory.modify(changes, held.id(), &steps, &actor, self.now)?;
        let dn = self.name(held)?;
        if let (Some(given), None) = (given, gained) {
            told.push(format!("{dn} has lost the mail address {given}: {}", self.why_not()));
        }
        audit::record(changes, &Event::success(self.now, Action::EntryModify, &actor).on(dn));
        tie.put_mail(changes, MailOrigin::Upstream(gained.map(str::to_owned)));
        Ok(told)
    }

    /// The address that the upstream says, if it can be that of the entry, or of one that is new.
    /// Nobody is kept out by somebody else who has it. It may pass on from one user of the upstream
    /// to another, and it is never that by which somebody else logs in.
    fn obtain<'m>(
        &self,
        changes: &mut Changes,
        said: Option<&'m str>,
        to: Option<EntryId>,
        told: &mut Vec<String>,
    ) -> Result<Option<&'m str>> {
        let Some(mail) = said else { return Ok(None) };
        let holder = |name| Ok::<_, Error>(self.directory.by_unique(name, mail.as_bytes())?.filter(|holder| Some(*holder) != to));
        if holder("uid")?.is_some() {
            return Ok(None);
        }
        let Some(holder) = holder("mail")? else { return Ok(Some(mail)) };
        let upstream = (self.provider, self.identity.issuer.as_str());
        let taken = precedence::pass_on(self.directory, changes, upstream, mail, holder, &server(self.provider), self.now)?;
        told.extend(taken.iter().map(ToString::to_string));
        Ok(taken.map(|_| mail))
    }

    fn name(&self, entry: &Entry) -> Result<String> {
        Ok(self.directory.dn(entry.id())?.ok_or_else(Error::contended)?.to_string())
    }

    /// Why somebody has no address, or no longer the one that they had.
    fn why_not(&self) -> String {
        let UpstreamIdentity { mail, mail_elsewhere, .. } = self.identity;
        match (mail, mail_elsewhere.as_deref().and_then(|mail| mail.rsplit_once('@'))) {
            (Some(_), _) => "the upstream says another one, which they cannot have here".to_owned(),
            (None, Some((_, domain))) => format!("the upstream says one of {domain:?}, which is not among the provider's mail_domains"),
            (None, None) => "the upstream says none that it has verified".to_owned(),
        }
    }
}

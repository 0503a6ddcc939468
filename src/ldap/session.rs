//! Who a connection speaks for.

use super::budget::Account;
use super::{App, Transport};
use crate::authn::{Authentication, Origin};
use crate::crowd::{Guest, Settled};
use crate::directory::{Directory, Names, Viewer};
use crate::model::{Actor, Dn, EntryId, Error, Face, Result, Sequence, Timestamp};
use crate::pool::Pool;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, OnceLock};

/// Whoever is at the other end of a connection.
pub struct Peer {
    /// Where they are.
    pub address: SocketAddr,
    /// Their place among those who are connected.
    pub guest: Guest,
}

/// The state of a connection apart from its buffers.
pub(super) struct Session {
    pub app: Arc<App>,
    pub peer: Peer,
    pub transport: Transport,
    /// The proof of the last successful bind; none before it, and after a bind that failed (RFC
    /// 4511, section 4.2.1).
    authentication: Option<Authentication>,
    /// Whoever has bound gives way to no stranger; nor does an application that binds anew, as
    /// somebody else, to find out whether a password is theirs.
    settled: Option<Settled>,
    /// Who that was found to be when last asked, and the latest commit before that.
    known: Option<(Sequence, Arc<Identity>)>,
}

/// Somebody who has bound, as of one request.
pub(super) struct Identity {
    pub pool: Arc<Pool>,
    pub actor: Actor,
    /// The name below which they searched first, and its entry: most clients search below one name
    /// again and again.
    base: OnceLock<(String, Base)>,
}

/// Where a search begins.
#[derive(Clone)]
pub(super) struct Base {
    pub id: EntryId,
    /// Its name as results show it.
    pub name: Arc<str>,
}

/// Whom a request comes from.
pub(super) enum Standing {
    /// Nobody in particular.
    Anonymous,
    /// Somebody who has bound and still may act.
    Bound(Arc<Identity>),
    /// Somebody who had bound, and whose entry or pool has since been disabled or removed.
    Revoked,
}

impl Session {
    pub const fn new(app: Arc<App>, peer: Peer, transport: Transport) -> Self {
        Self { app, peer, transport, authentication: None, settled: None, known: None }
    }

    /// Where its requests come from.
    pub fn origin(&self) -> Origin {
        Origin { face: Face::Ldap, address: Some(self.address()) }
    }

    /// Whether a password on this connection can be overheard.
    pub fn is_exposed(&self) -> bool {
        self.transport == Transport::Plain && !self.address().is_loopback()
    }

    /// Who answers for what the connection holds.
    pub fn account(&self) -> Account {
        Account { pool: self.authentication.as_ref().map(Authentication::pool), address: self.address() }
    }

    /// Whether somebody has bound.
    pub const fn is_bound(&self) -> bool {
        self.authentication.is_some()
    }

    /// From now on the connection speaks for nobody.
    pub fn unbind(&mut self) {
        (self.authentication, self.known) = (None, None);
    }

    /// From now on the connection speaks for this identity.
    pub fn bind(&mut self, authentication: Authentication) {
        self.settled = Some(self.peer.guest.settle(authentication.pool(), authentication.entry()));
        (self.authentication, self.known) = (Some(authentication), None);
    }

    /// Whoever has bound has set their own password through this connection, at that moment: it
    /// goes on, resting on that one.
    pub fn renew(&mut self, set: Timestamp) -> Result<()> {
        if let Some(authentication) = &self.authentication {
            self.bind(self.app.core.renewed(authentication, set)?);
        }
        Ok(())
    }

    /// Who asks now. Asked anew for each request, since what was true at the bind may have changed;
    /// while nothing has been committed, nothing has.
    pub fn standing(&mut self) -> Result<Standing> {
        let Some(authentication) = &self.authentication else { return Ok(Standing::Anonymous) };
        let core = &self.app.core;
        // Taken before anything is read: a commit that comes meanwhile is a later one, and has the
        // next request ask anew.
        let latest = core.registry.latest();
        if let Some((_, identity)) = self.known.as_ref().filter(|(as_of, _)| *as_of == latest) {
            return Ok(Standing::Bound(Arc::clone(identity)));
        }
        let Some(pool) = core.registry.by_id(authentication.pool())? else { return Ok(Standing::Revoked) };
        if !core.still_valid(authentication)? {
            return Ok(Standing::Revoked);
        }
        let actor = core.actor(&pool, authentication, self.origin())?;
        let identity = Arc::new(Identity { pool, actor, base: OnceLock::new() });
        self.known = Some((latest, Arc::clone(&identity)));
        Ok(Standing::Bound(identity))
    }

    /// Where it comes from.
    pub fn address(&self) -> IpAddr {
        self.peer.address.ip().to_canonical()
    }
}

impl Identity {
    /// What access rules judge.
    pub fn viewer(&self) -> Viewer {
        Viewer::of(&self.actor)
    }

    /// The entries of the pool.
    pub fn directory(&self) -> Directory {
        Directory::new(&self.pool)
    }

    /// The entry of that name, if they may see it. What was found once holds as long as this
    /// identity does.
    pub fn base(&self, name: &str) -> Result<Base> {
        if let Some((_, base)) = self.base.get().filter(|(known, _)| known == name) {
            return Ok(base.clone());
        }
        let directory = self.directory();
        let entry = directory.locate(&Dn::parse(name)?, &self.viewer())?;
        let shown = Names::new(&directory).of(&entry)?.ok_or_else(|| Error::not_found("there is no such entry"))?;
        let base = Base { id: entry.id(), name: shown.into() };
        self.base.get_or_init(|| (name.to_owned(), base.clone()));
        Ok(base)
    }
}

//! The one-shot entrance: a name and a password, and no way to ask back.

use super::{
    Authentication, BindName, Core, Level, Origin,
    engine::{self, Attempt, Entrance, Input, Next},
    login::Try,
    recent::Written,
};
use crate::{
    audit::{Action, Counted},
    model::{Dn, Error, Face, Result, Secret},
    pool::Pool,
};
use std::sync::Arc;

impl Core {
    /// Tries a name within a pool. Denied(Credentials) whatever the reason; the true one is
    /// audited.
    pub async fn bind(&self, pool: &Arc<Pool>, who: &BindName, password: &Secret<Vec<u8>>, origin: Origin) -> Result<Authentication> {
        self.try_bind(pool, who, password, origin, None).await
    }

    /// The same for a name that leads to its pool: a DN by its suffix, `uid@slug` by its slug.
    pub async fn bind_as(&self, name: &str, password: &Secret<Vec<u8>>, origin: Origin) -> Result<Authentication> {
        // Taken before anything is read: a commit that comes meanwhile is a later one, and makes
        // void what is kept of this bind.
        let written = Written { name, address: origin.address, as_of: self.registry.latest() };
        if let Some(authentication) = self.bind_again(written, password, origin) {
            return Ok(authentication);
        }
        // Which pools there are is no secret: each has its public URL. So a name that leads to none
        // may be answered sooner than a wrong password.
        let (Some(pool), who) = self.place(name)? else { return Err(Error::credentials()) };
        self.try_bind(&pool, &who, password, origin, Some(written)).await
    }

    async fn try_bind(
        &self,
        pool: &Arc<Pool>,
        who: &BindName,
        password: &Secret<Vec<u8>>,
        origin: Origin,
        written: Option<Written<'_>>,
    ) -> Result<Authentication> {
        let tried = Try { password, origin, mark: None, action: Action::Bind, actor: None, keeps_password: true, written };
        match self.try_password(pool, who, &attempt(), &tried, |_, _, _| Ok(())).await? {
            Next::Granted(authentication) => Ok(authentication),
            Next::Denied(_) | Next::Ask(_) | Next::Redirect(_) => Err(Error::credentials()),
        }
    }

    /// Grants what was granted a short time ago, if nothing has been committed since, the password
    /// is the same and the engine says so again. Whatever else there is to say takes the long way.
    fn bind_again(&self, written: Written<'_>, password: &Secret<Vec<u8>>, origin: Origin) -> Option<Authentication> {
        let recent = self.recent.get(written).filter(|_| origin.face == Face::Ldap)?;
        let now = self.clock.now();
        if !self.verified.holds(&recent.subject, password, now) {
            return None;
        }
        let decision = engine::advance(attempt(), &Input::Password { matches: true }, &recent.facts(), now);
        let (Next::Granted(authentication), None) = (decision.next, decision.history) else { return None };
        let counted = Counted::Repeat { entry: authentication.entry, name: recent.logged.clone() };
        self.counters.count(authentication.pool, Action::Bind, counted, None, origin.face, origin.address);
        Some(Authentication { password_set: recent.changed, password_version: Some(recent.subject.password_version), ..authentication })
    }

    fn place(&self, name: &str) -> Result<(Option<Arc<Pool>>, BindName)> {
        match Dn::parse(name) {
            Ok(dn) => Ok((self.registry.by_suffix(&dn)?, BindName::Dn(dn))),
            Err(error) => {
                let Some((uid, slug)) = name.rsplit_once('@').filter(|(uid, slug)| !uid.is_empty() && !slug.is_empty()) else {
                    return Err(error);
                };
                Ok((self.registry.by_slug(slug)?, BindName::Uid(uid.to_owned())))
            }
        }
    }
}

const fn attempt() -> Attempt {
    Attempt::new(Entrance::OneShot, Level::Single)
}

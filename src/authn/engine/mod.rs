//! The pure core: from where an attempt stands, what was put in and what is known to what comes
//! next. No I/O and no clock.
//!
//! ```text
//!                 ┌────── Denied(reason): interactive callers ask again ──────┐
//!                 ▼                                                           │
//!  Begin ──▶ Ask(factors) ──▶ Password ───────────────▶ standing ──▶ proof ──┼──▶ Granted(Authentication)
//!                 │                                        ▲                  │
//!                 └─▶ Choose(provider) ──▶ Redirect ──▶ Upstream ─────────────┘
//! ```
//!
//! "Standing" (pool active, entry enabled, not locked for whoever comes from there) is judged for
//! every way in and on every attempt, before the proof counts for anything.

#[cfg(test)]
mod tests;

use super::authentication::{Authentication, Level, Method};
use crate::{
    audit::Reason,
    directory::EntryKind,
    model::{EntryId, Epoch, PoolId, Timestamp, Voucher},
    policy::lockout::{
        self, LockoutPolicy, State,
        history::{History, Sources},
    },
};
use uuid::Uuid;

/// How somebody comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Entrance {
    /// One shot: nothing can be asked back (an LDAP bind).
    OneShot,
    /// Hosted pages.
    Interactive,
}

/// Where an attempt stands between two steps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Nothing is proven.
    Open,
    /// The person was sent to this provider.
    Away(String),
    /// It ended with a grant.
    Done,
}

/// One attempt to log in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    entrance: Entrance,
    level: Level,
    stage: Stage,
}

impl Attempt {
    /// A new attempt; the application demands that level.
    pub const fn new(entrance: Entrance, level: Level) -> Self {
        Self { entrance, level, stage: Stage::Open }
    }

    /// An attempt as it stood when the person was sent to a provider.
    pub const fn away(level: Level, provider: String) -> Self {
        Self { entrance: Entrance::Interactive, level, stage: Stage::Away(provider) }
    }

    /// Where it stands.
    pub const fn stage(&self) -> &Stage {
        &self.stage
    }
}

/// What was put in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Somebody arrived.
    Begin,
    /// A name and a password were given, and compared with what is stored.
    Password {
        /// Whether they match.
        matches: bool,
    },
    /// The person chose an upstream.
    Choose {
        /// Its name.
        provider: String,
    },
    /// An upstream vouched for the identity of the facts.
    Upstream {
        /// Which.
        voucher: Voucher,
        /// When the person logged in there, if it says so.
        logged_in: Option<Timestamp>,
    },
    /// The upstream refused, or its answer was wrong.
    UpstreamFailed,
}

/// What is known at this moment.
#[derive(Clone, Debug)]
pub struct Facts<'a> {
    /// The pool.
    pub pool: PoolId,
    /// Whether the pool serves.
    pub active: bool,
    /// The pool's rules for failures.
    pub lockout: &'a LockoutPolicy,
    /// Where the attempt comes from.
    pub from: Sources,
    /// Whether strangers there may try the name, after all that was tried from there.
    pub has_room: bool,
    /// Whom the attempt is about.
    pub identity: Identity,
}

/// Whom an attempt is about.
#[derive(Clone, Debug)]
pub enum Identity {
    /// Nobody yet: no name was given.
    Unnamed,
    /// A name that nobody has, with what is remembered of its failures.
    Unknown(State),
    /// An entry.
    Known(Known),
}

/// What is known of an entry.
#[derive(Clone, Debug)]
pub struct Known {
    /// Which.
    pub entry: EntryId,
    /// Its UUID.
    pub uuid: Uuid,
    /// Its login name.
    pub name: String,
    /// What it is.
    pub kind: EntryKind,
    /// Whether nobody may log in with it.
    pub disabled: bool,
    /// Its failures, and where it was used.
    pub history: History,
    /// Its password, if it has one.
    pub password: Option<PasswordFacts>,
    /// In which epoch its logins count.
    pub epoch: Option<Epoch>,
}

/// What is known of a password, but for whether it matches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PasswordFacts {
    /// It must be changed before it can be used.
    pub must_change: bool,
    /// It cannot be used from then on.
    pub expires: Option<Timestamp>,
}

/// What a form can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Factor {
    /// The password of this pool.
    Password,
}

/// What comes next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Ask for these.
    Ask(Vec<Factor>),
    /// Send the person to this provider.
    Redirect(String),
    /// They are who they say.
    Granted(Authentication),
    /// Not this time, for this true reason.
    Denied(Reason),
}

/// The outcome of one step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Where the attempt stands now.
    pub attempt: Attempt,
    /// What comes next.
    pub next: Next,
    /// What to remember of the identity from now on, if that changed.
    pub history: Option<History>,
}

/// Decides one step.
pub fn advance(attempt: Attempt, input: &Input, facts: &Facts, now: Timestamp) -> Decision {
    let verdict = match (&attempt.stage, input) {
        (Stage::Done, _) => Verdict::denied(Reason::Replayed),
        (_, Input::Begin) => begin(&attempt),
        (_, Input::Choose { provider }) => choose(&attempt, provider, facts),
        (Stage::Away(sent), Input::Upstream { voucher, logged_in }) if *sent == voucher.provider => {
            upstream(&attempt, voucher, *logged_in, facts, now)
        }
        (_, Input::Upstream { .. } | Input::UpstreamFailed) => Verdict::denied(Reason::Upstream),
        (_, Input::Password { matches }) => password(&attempt, *matches, facts, now),
    };
    let stage = match &verdict.next {
        Next::Granted(_) => Stage::Done,
        Next::Redirect(provider) => Stage::Away(provider.clone()),
        Next::Ask(_) | Next::Denied(_) => Stage::Open,
    };
    Decision { attempt: Attempt { stage, ..attempt }, next: verdict.next, history: verdict.history }
}

struct Verdict {
    next: Next,
    history: Option<History>,
}

impl Verdict {
    const fn plain(next: Next) -> Self {
        Self { next, history: None }
    }

    const fn denied(reason: Reason) -> Self {
        Self::plain(Next::Denied(reason))
    }
}

fn begin(attempt: &Attempt) -> Verdict {
    match attempt.entrance {
        Entrance::OneShot => Verdict::denied(Reason::LoginRequired),
        Entrance::Interactive => Verdict::plain(Next::Ask(vec![Factor::Password])),
    }
}

fn choose(attempt: &Attempt, provider: &str, facts: &Facts) -> Verdict {
    if attempt.entrance == Entrance::OneShot {
        return Verdict::denied(Reason::LoginRequired);
    }
    if !facts.active {
        return Verdict::denied(Reason::PoolSuspended);
    }
    Verdict::plain(Next::Redirect(provider.to_owned()))
}

fn password(attempt: &Attempt, matches: bool, facts: &Facts, now: Timestamp) -> Verdict {
    let known = match standing(facts, now) {
        Ok(known) => known,
        Err(verdict) => return *verdict,
    };
    // Nobody can guess a password that is not there. Were it counted, strangers could lock out
    // whoever comes in through an upstream.
    let Some(password) = known.password else { return Verdict::denied(Reason::NoPassword) };
    if !matches {
        let history = known.history.after_failure(facts.lockout, &facts.from, now);
        return Verdict { next: Next::Denied(Reason::WrongPassword), history: Some(history).filter(|history| *history != known.history) };
    }
    // From here on the caller has proven to know the password: their failures are forgotten, and
    // the reasons below are theirs to hear.
    let history = known.history.after_proof(facts.lockout, &facts.from, now);
    let next = if password.expires.is_some_and(|end| now >= end) {
        Next::Denied(Reason::Expired)
    } else if password.must_change {
        Next::Denied(Reason::MustChange)
    } else {
        grant(attempt, known, Method::Password, None, now, facts.pool)
    };
    granted_from(facts, known, next, history, now)
}

/// A source is known from a login on, and from nothing less.
fn granted_from(facts: &Facts, known: &Known, next: Next, history: History, now: Timestamp) -> Verdict {
    let history = if matches!(next, Next::Granted(_)) { history.learnt(facts.lockout, &facts.from, now) } else { history };
    Verdict { next, history: Some(history).filter(|history| *history != known.history) }
}

/// The login is as old as the upstream says: coming here is no proof of its own.
fn upstream(attempt: &Attempt, voucher: &Voucher, logged_in: Option<Timestamp>, facts: &Facts, now: Timestamp) -> Verdict {
    let at = logged_in.map_or(now, |at| at.min(now));
    match standing(facts, now) {
        Ok(known) => {
            let next = grant(attempt, known, Method::Federated, Some(voucher.clone()), at, facts.pool);
            match known.password {
                // Nobody can lock it, so it needs no source that is let through.
                None => Verdict::plain(next),
                Some(_) => granted_from(facts, known, next, known.history.clone(), now),
            }
        }
        Err(verdict) => *verdict,
    }
}

/// Whether the identity may log in at all, whatever it can prove.
fn standing<'f>(facts: &'f Facts, now: Timestamp) -> Result<&'f Known, Box<Verdict>> {
    match &facts.identity {
        _ if !facts.active => Err(Box::new(Verdict::denied(Reason::PoolSuspended))),
        Identity::Unnamed => Err(Box::new(Verdict::denied(Reason::LoginRequired))),
        Identity::Unknown(_) if !facts.has_room => Err(Box::new(Verdict::denied(Reason::Throttled))),
        Identity::Unknown(state) if lockout::is_locked(state, now) => Err(Box::new(Verdict::denied(Reason::Throttled))),
        Identity::Unknown(state) => {
            let history = Some(lockout::after_failure(facts.lockout, state, now).into());
            Err(Box::new(Verdict { next: Next::Denied(Reason::UnknownName), history }))
        }
        Identity::Known(known) if known.disabled => Err(Box::new(Verdict::denied(Reason::Disabled))),
        Identity::Known(known) if known.history.is_locked(facts.lockout, &facts.from, now) => {
            Err(Box::new(Verdict::denied(Reason::Locked)))
        }
        Identity::Known(known) if !facts.has_room && !known.history.is_known(facts.lockout, &facts.from, now) => {
            Err(Box::new(Verdict::denied(Reason::Throttled)))
        }
        Identity::Known(known) => Ok(known),
    }
}

fn grant(attempt: &Attempt, known: &Known, method: Method, voucher: Option<Voucher>, at: Timestamp, pool: PoolId) -> Next {
    let welcome = match known.kind {
        EntryKind::User => true,
        EntryKind::Service => attempt.entrance == Entrance::OneShot,
        EntryKind::Group | EntryKind::Container | EntryKind::Other => false,
    };
    if !welcome {
        return Next::Denied(Reason::NotAllowed);
    }
    let level = Level::HIGHEST;
    if level < attempt.level {
        return Next::Denied(Reason::FactorRequired);
    }
    Next::Granted(Authentication {
        pool,
        entry: known.entry,
        uuid: known.uuid,
        name: known.name.clone(),
        methods: vec![method],
        level,
        at,
        voucher,
        epoch: known.epoch,
        password_set: None,
        password_version: None,
    })
}

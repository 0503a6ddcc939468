//! The interactive entrance: hosted pages that ask, one step at a time.

use super::{
    BindName, BrowserKey, BrowserMark, Core, Kept, Origin, ReturnPoint,
    authentication::{Authentication, Level},
    credential,
    engine::{self, Attempt, Entrance, Factor, Facts, Identity, Input, Known, Next},
    identity,
    interaction::Interaction,
    login::{self, Try},
    session,
    waiting::Whereabouts,
};
use crate::{
    audit::{self, Action, Event, Reason},
    crypto::digest,
    directory::{Directory, EntryKind},
    federation::{
        self, IdentityProvider, UpstreamIdentity,
        link::{self, Arrival, Linked},
        oidc::{self, Answer, Wish},
    },
    model::{Actor, Error, Kind, Result, Secret, Sequence, Timestamp, Voucher, error::Denial},
    policy::lockout::history::History,
    pool::Pool,
    store::Changes,
};
use std::{sync::Arc, time::Duration};

/// What a page says above its form. None tells unknown from wrong from locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Message {
    /// The name or the password is not right.
    Credentials,
    /// The password was right, and must be changed by an administrator before it can be used.
    MustChange,
    /// The password was right, and is too old.
    Expired,
    /// The upstream login did not succeed.
    Upstream,
    /// The login was right, and the application demands a stronger one than this pool can ask for.
    FactorRequired,
}

/// What comes next in a login.
#[derive(Clone, Debug)]
pub enum Step {
    /// Show a form that asks for these.
    Ask(Vec<Factor>, Option<Message>),
    /// Send the browser to this absolute URL of an upstream identity provider.
    Redirect(String),
    /// The person is logged in.
    Granted(Granted),
}

/// A finished login.
#[derive(Clone, Debug)]
pub struct Granted {
    /// The value for the session cookie, new with each login.
    pub session: Secret<String>,
    /// What tells from now on that this browser was used before.
    pub mark: BrowserMark,
    /// How long it keeps that.
    pub known_for: Duration,
    /// Where to go on.
    pub return_point: ReturnPoint,
    /// The interaction to go on with.
    pub interaction: String,
}

/// What a browser is to keep if its login succeeds.
struct Cookies {
    session: Secret<String>,
    mark: BrowserMark,
    known_for: Duration,
}

/// What an upstream sent back: the query of its callback, already percent-decoded. Duplicates are
/// refused by whoever parsed it.
#[derive(Clone, Default)]
pub struct Callback {
    /// The absolute URL at which it came in.
    pub callback: String,
    /// `state` (RFC 6749, section 4.1.2).
    pub state: Option<String>,
    /// `code`.
    pub code: Option<String>,
    /// `error` (RFC 6749, section 4.1.2.1).
    pub error: Option<String>,
    /// `iss` (RFC 9207).
    pub iss: Option<String>,
}

/// The state parameter holds the name of the interaction, since nothing else comes back with the
/// browser, and a secret of its own.
const STATE_SEPARATOR: char = '.';

impl Core {
    /// Tries a name and a password. `kept` is what the browser sent of earlier logins: a session
    /// among it ends when this login succeeds. With the new session the request is stored, so that
    /// the face finds it when the browser comes back.
    #[allow(clippy::too_many_arguments, reason = "what a login form holds, and where it came from")]
    pub async fn login_password(
        &self,
        pool: &Arc<Pool>,
        interaction: &Interaction,
        browser: &BrowserKey,
        username: &str,
        password: &Secret<Vec<u8>>,
        kept: Kept<'_>,
        origin: Origin,
    ) -> Result<Step> {
        let pool = &self.fresh(pool)?;
        let attempt = Attempt::new(Entrance::Interactive, level(interaction));
        let whereabouts = Whereabouts { browser, address: origin.address };
        let cookies = self.cookies(pool, kept);
        let former = session::former(pool, kept.session)?;
        let who = BindName::Uid(username.to_owned());
        let mark = Some(&cookies.mark);
        let tried = Try { password, origin, mark, action: Action::Login, actor: None, keeps_password: true, written: None };
        let next = self
            .try_password(pool, &who, &attempt, &tried, |authentication, _, changes| {
                session::begin(pool, changes, authentication, authentication.at(), cookies.session.expose(), kept.session)?;
                self.keep(pool, interaction, whereabouts, changes)
            })
            .await?;
        if let Next::Granted(authentication) = &next {
            self.end_former(pool, former, authentication.entry()).await?;
        }
        Ok(step(next, cookies, interaction))
    }

    /// What a browser keeps if its login succeeds: a new session, and the mark that it has, or
    /// else a new one.
    fn cookies(&self, pool: &Pool, kept: Kept<'_>) -> Cookies {
        let mark = kept.mark.cloned().unwrap_or_else(|| BrowserMark::draw(&*self.entropy));
        Cookies { session: digest::token(&*self.entropy), mark, known_for: pool.settings().lockout.sources.known.duration() }
    }

    /// Sends the person to an upstream identity provider. `callback` is the absolute URL of
    /// `/oauth2/idpresponse` of this pool. The upstream gives back nothing but a state, so the
    /// request is stored until the person is back.
    pub async fn login_upstream(
        &self,
        pool: &Arc<Pool>,
        interaction: &Interaction,
        browser: &BrowserKey,
        provider: &str,
        callback: &str,
        origin: Origin,
    ) -> Result<Step> {
        let pool = self.fresh(pool)?;
        let unknown = || Error::not_found("the pool has no identity provider of that name");
        let voucher = federation::voucher(&pool, provider)?.ok_or_else(unknown)?;
        let provider = federation::find(&pool, provider)?.ok_or_else(unknown)?;
        let attempt = Attempt::new(Entrance::Interactive, level(interaction));
        let choice = Input::Choose { provider: provider.name.clone() };
        let facts = login::facts(&pool, Identity::Unnamed);
        match engine::advance(attempt, &choice, &facts, self.clock.now()).next {
            Next::Redirect(_) => {}
            next => return Ok(step(next, self.cookies(&pool, Kept::default()), interaction)),
        }
        let id = interaction.id().to_text();
        let state = format!("{id}{STATE_SEPARATOR}{}", digest::token(&*self.entropy).expose());
        let demands = interaction.demands();
        let wish = Wish {
            voucher: &voucher,
            callback,
            state: &state,
            login_hint: demands.login_hint.as_deref(),
            force: demands.force,
            max_age: demands.max_age,
        };
        let departure = self.relying_party.begin(pool.id(), &provider, &wish, self.clock.now(), &*self.entropy).await;
        let departure =
            departure.inspect_err(|_| self.count_failure(pool.id(), Action::FederatedLogin, &provider.name, Reason::Upstream, origin))?;
        pool.store()
            .decide(|changes| {
                let whereabouts = Whereabouts { browser, address: origin.address };
                self.send_away(&pool, interaction, whereabouts, &state, &departure.pending, changes)
            })
            .await?;
        Ok(Step::Redirect(departure.url))
    }

    /// Takes the answer of an upstream. The interaction is found by `state`; it must be this
    /// browser's.
    pub async fn login_callback(
        &self,
        pool: &Arc<Pool>,
        answer: &Callback,
        browser: &BrowserKey,
        kept: Kept<'_>,
        origin: Origin,
    ) -> Result<Step> {
        let pool = self.fresh(pool)?;
        let state = answer.state.as_deref().ok_or_else(ended)?;
        let (id, _) = state.split_once(STATE_SEPARATOR).ok_or_else(ended)?;
        let (interaction, pending) =
            pool.store().decide(|changes| self.come_back(&pool, id, state, browser, changes)?.ok_or_else(ended)).await?;
        let pending = pending.expose();
        let name = oidc::destination(pending)?;
        let attempt = Attempt::away(level(&interaction), name.clone());
        let cookies = self.cookies(&pool, kept);
        let former = session::former(&pool, kept.session)?;
        let next = match self.ask_upstream(&pool, &name, pending, answer).await {
            Ok((voucher, vouched)) => {
                let begin = |pool: &Pool, changes: &mut Changes, authentication: &Authentication, now| {
                    session::begin(pool, changes, authentication, now, cookies.session.expose(), kept.session)?;
                    self.keep(pool, &interaction, Whereabouts { browser, address: origin.address }, changes)
                };
                self.admit(&pool, &attempt, &voucher, &vouched, &cookies.mark, origin, begin).await?
            }
            Err(error) => {
                tracing::warn!(pool = %pool.slug(), provider = name, %error, "an upstream login failed");
                self.note_failure(&pool, attempt, &name, origin)
            }
        };
        if let Next::Granted(authentication) = &next {
            self.end_former(&pool, former, authentication.entry()).await?;
        }
        Ok(step(next, cookies, &interaction))
    }

    /// Asks the upstream who came back.
    async fn ask_upstream(&self, pool: &Pool, provider: &str, pending: &[u8], answer: &Callback) -> Result<(Voucher, UpstreamIdentity)> {
        if let Some(error) = &answer.error {
            let shown: String = error.chars().filter(|letter| letter.is_ascii_graphic()).take(64).collect();
            return Err(Error::down(format!("the upstream answered `{shown}`")));
        }
        let removed = || Error::not_found("the identity provider was removed during the login");
        let voucher = federation::voucher(pool, provider)?.ok_or_else(removed)?;
        let provider: IdentityProvider = federation::find(pool, provider)?.ok_or_else(removed)?;
        let code = answer.code.as_deref().unwrap_or_default();
        let returned = Answer { callback: &answer.callback, code, iss: answer.iss.as_deref() };
        let vouched = self.relying_party.finish(pool.id(), &provider, &voucher, pending, returned, self.clock.now()).await?;
        Ok((voucher, vouched))
    }

    /// Lets the engine judge somebody for whom an upstream vouched; at the first login their user
    /// is made in the same commit. `begin` adds to it what a granted login begins.
    #[allow(clippy::too_many_arguments, reason = "what a login depends on")]
    async fn admit(
        &self,
        pool: &Arc<Pool>,
        attempt: &Attempt,
        voucher: &Voucher,
        vouched: &UpstreamIdentity,
        mark: &BrowserMark,
        origin: Origin,
        begin: impl Fn(&Pool, &mut Changes, &Authentication, Timestamp) -> Result<()>,
    ) -> Result<Next> {
        let provider = voucher.provider.as_str();
        let (next, told) = pool
            .store()
            .decide(|changes| {
                let pool = self.fresh(pool)?;
                if !federation::vouches(&pool, voucher)? {
                    return Ok((self.note_failure(&pool, attempt.clone(), provider, origin), Vec::new()));
                }
                let directory = identity::directory(&pool);
                let now = self.clock.now();
                let Arrival { linked, mut told } =
                    link::find_or_create(&directory, changes, provider, vouched, self.clock.stamp(), &*self.entropy)?;
                let (known, read, actor) = self.newcomer(&pool, &directory, &linked, origin)?;
                let input = Input::Upstream { voucher: voucher.clone(), logged_in: vouched.logged_in };
                let from = identity::sources(&pool, origin.address, Some(mark));
                let (entry, facts) = (known.entry, Facts { from, ..login::facts(&pool, Identity::Known(known)) });
                let decision = engine::advance(attempt.clone(), &input, &facts, now);
                match &decision.next {
                    Next::Granted(authentication) => {
                        federation::expect(&pool, changes, voucher)?;
                        if let Some(history) = &decision.history {
                            credential::put_history(changes, entry, facts.lockout, history, read);
                        }
                        begin(&pool, changes, authentication, now)?;
                        if let Linked::Created { dn, .. } = &linked {
                            audit::record(changes, &Event::success(now, Action::FederatedLink, &actor).on(dn.as_str()));
                        }
                        audit::record(changes, &Event::success(now, Action::FederatedLogin, &actor).on(provider));
                    }
                    Next::Denied(reason) => {
                        // Nobody comes into being by being refused, nor do addresses change hands.
                        (*changes, told) = (Changes::new(), Vec::new());
                        audit::record(changes, &Event::failure(now, Action::FederatedLogin, &actor, *reason).on(provider));
                    }
                    Next::Ask(_) | Next::Redirect(_) => (*changes, told) = (Changes::new(), Vec::new()),
                }
                Ok((decision.next, told))
            })
            .await?;
        // Not before it is so: the decision may have been made again.
        for told in &told {
            tracing::warn!(pool = %pool.slug(), provider, "{told}");
        }
        Ok(next)
    }

    /// Whom an upstream means, with the version of their history.
    fn newcomer(&self, pool: &Pool, directory: &Directory, linked: &Linked, origin: Origin) -> Result<(Known, Option<Sequence>, Actor)> {
        match linked {
            Linked::Found(entry) => {
                let loaded = identity::load(pool, directory, *entry)?.ok_or_else(Error::contended)?;
                let actor = identity::actor(pool, directory, &loaded.entry, origin)?;
                Ok((loaded.known(), loaded.history_version, actor))
            }
            Linked::Created { entry, uuid, name, dn } => {
                let known = Known {
                    entry: *entry,
                    uuid: *uuid,
                    name: name.clone(),
                    kind: EntryKind::User,
                    disabled: false,
                    history: History::default(),
                    password: None,
                    epoch: None,
                };
                let Origin { face, address } = origin;
                let actor = Actor { role: crate::model::Role::User, entry: Some(*entry), name: dn.clone(), face, address };
                Ok((known, None, actor))
            }
        }
    }

    fn note_failure(&self, pool: &Pool, attempt: Attempt, provider: &str, origin: Origin) -> Next {
        let facts = login::facts(pool, Identity::Unnamed);
        let next = engine::advance(attempt, &Input::UpstreamFailed, &facts, self.clock.now()).next;
        let reason = match &next {
            Next::Denied(reason) => *reason,
            Next::Ask(_) | Next::Redirect(_) | Next::Granted(_) => Reason::Upstream,
        };
        self.count_failure(pool.id(), Action::FederatedLogin, provider, reason, origin);
        next
    }
}

fn level(interaction: &Interaction) -> Level {
    interaction.demands().acr.unwrap_or(Level::Single)
}

fn ended() -> Error {
    Error::new(Kind::Denied(Denial::LoginRequired), "this login has ended; go back to the application and begin again")
}

/// What a page does next. A reason that is not the person's to know becomes the one answer for all
/// failed logins.
fn step(next: Next, cookies: Cookies, interaction: &Interaction) -> Step {
    let Cookies { session, mark, known_for } = cookies;
    match next {
        Next::Granted(_) => Step::Granted(Granted {
            session,
            mark,
            known_for,
            return_point: interaction.return_point(),
            interaction: interaction.id().to_text(),
        }),
        Next::Redirect(url) => Step::Redirect(url),
        Next::Ask(factors) => Step::Ask(factors, None),
        Next::Denied(reason) => Step::Ask(vec![Factor::Password], Some(message(reason))),
    }
}

const fn message(reason: Reason) -> Message {
    match reason {
        Reason::MustChange => Message::MustChange,
        Reason::Expired => Message::Expired,
        Reason::FactorRequired => Message::FactorRequired,
        Reason::Upstream => Message::Upstream,
        _ => Message::Credentials,
    }
}

//! Poolgate: isolated user pools, each with an LDAP, an OpenID Connect and a SAML face over the
//! same entries and one authentication engine.
//!
//! This page is the map. Rooms are the folders of `src`; imports only go down, and
//! `tests/architecture` holds that.
//!
//! ```text
//!   cli                                        commands; speaks to the server through the admin API
//!   server                                     configuration, listeners, TLS, clock, tasks, composition
//!   ldap      oidc      saml      login   admin    faces; none imports another
//!   ─────────────────────────────────────────────
//!             entrance            sync         the way through a login │ import and export
//!             web                              the kit around warp
//!   ─────────────────────────────────────────────
//!   authn                                      the one authentication engine; edits of entries
//!   federation                                 upstream identity providers
//!   application         directory              clients, service providers, grants │ entries, schema, search
//!   pool                                       slug, suffix, settings, keys, life and death of a pool
//!   audit                                      what happened
//!   store               work                   the commit contract on sled │ blocking work, shared fairly
//!   policy              crypto      crowd      pure decisions │ hashing, signing, sealing, XML │ who gives way
//!   model                                      nouns, ids, the error, names, TLVs, time, entropy
//! ```
//!
//! # Five flows
//!
//! - **LDAP bind**: listener → a lane, where time goes round by address → `ldap::connection` → codec
//!   → `ops/bind` → `authn` (one shot) → `ldap::error` → codec.
//! - **Authorize**: `oidc` runs its ordered checks; a usable session gives a code, otherwise the
//!   `entrance` answers with the page of `login`, in whose form the request travels sealed as an
//!   Interaction. `login` loops over `authn`, which stores the Interaction with the proof, and
//!   sends the browser back. Authorize decides again from what is stored: it never trusts the
//!   redirect. What comes by POST from another site is handed over to a POST from our own first.
//! - **Token**: parse → client authentication → grant → issue → one commit (consume the code, keep
//!   the grant, audit).
//! - **SAML SSO**: decode the binding → service provider and signature → the same entrance and
//!   login → assertion → a form that posts itself.
//! - **Federated login**: `authn` says Redirect → upstream → `login::callback` → `federation`
//!   verifies → link → back into `authn`, so that disabled and locked still apply.
//!
//! # Invariants
//!
//! - A [`store::PoolStore`] cannot name another pool's record; only `server` and `pool` hold the
//!   [`store::Store`].
//! - Only `authn` verifies a person's password or a client's secret, and only it can make an
//!   [`authn::Authentication`]; a session, a grant, an assertion and a bound LDAP identity each
//!   require one.
//! - What strangers do to a name locks strangers: a lock is counted for each place from which its
//!   person has come ([`policy::lockout`]).
//! - Whoever has proven nothing has nothing stored, but for the way to an upstream, and no limit
//!   closes a door to others: whoever has most gives way, be it of connections, of requests that are
//!   under way or of a thread's time ([`crowd`]), or of what waits ([`work`]). Who holds what others
//!   wait for does not wait.
//! - Whoever is disabled loses what their logins had begun, for good: to enable them gives nothing
//!   of it back.
//! - What decides whether somebody may log in, and as whom, lies in the header of their entry's
//!   record: [`directory::EntryHead`]. Whoever holds a record alone cannot ask it for an attribute,
//!   and what people write of themselves leaves room for what administrators write.
//! - What somebody has asked for is done only if they still may when it is committed: who asks is
//!   looked at by the decision, and the commit expects it.
//! - One use case is one commit; what is acknowledged is on disk; what is visible is durable.
//! - Who may see or write what is decided in [`policy::access`], for every face. What one may not
//!   see does not exist for them.
//! - Secrets are sealed under one master key, which a [`pool::Registry`] verifies before anything
//!   else is written or listened to.
//! - Time comes from a [`model::Clock`] and randomness from a [`model::Entropy`]; rooms that decide
//!   are pure.
//! - All bytes from outside are bounded and parsed by pure code. Secrets are never logged. There is
//!   no `unsafe`.
//! - The cost of a pool is its records: no thread, task, socket or timer belongs to one.

pub mod admin;
pub mod application;
pub mod audit;
pub mod authn;
pub mod cli;
pub mod crowd;
pub mod crypto;
pub mod directory;
pub mod entrance;
pub mod federation;
pub mod ldap;
pub mod login;
pub mod model;
pub mod oidc;
pub mod policy;
pub mod pool;
pub mod saml;
pub mod server;
pub mod store;
pub mod sync;
pub mod web;
pub mod work;

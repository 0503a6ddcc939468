//! The authorization code grant (RFC 6749, section 4.1.3; OpenID Connect Core 1.0, section
//! 3.1.3.2).

use crate::application::{self, Client, Code as Record, Grant};
use crate::audit::{self, Action, Event, Reason};
use crate::authn::Basis;
use crate::model::{Actor, Error as Failure, Face, Role, Sequence};
use crate::oidc::app::App;
use crate::oidc::error::{Code, Refusal};
use crate::oidc::issue::{self, TokenResponse};
use crate::oidc::wire::{Parameters, verifies};
use crate::policy::clock::is_alive;
use crate::store::{ATTEMPTS, Changes, CommitError};
use crate::web::PoolRequest;

/// Redeems a code. Of two redemptions one wins; the other one, like any later one, takes back what
/// the first gave.
pub async fn redeem(app: &App, request: &PoolRequest, client: &Client, form: &Parameters) -> Result<TokenResponse, Refusal> {
    let failed = |failure: Failure| Refusal::at_token(&failure);
    let code = form.once("code")?.ok_or_else(|| Refusal::request("code is missing"))?;
    for _ in 0..ATTEMPTS {
        let Some((record, read)) = application::find_code(request.pool.store(), client, code).map_err(failed)? else {
            return Err(invalid("the code is not known, has expired, or is another client's"));
        };
        if record.used {
            revoke(app, request, &record).await.map_err(failed)?;
            return Err(invalid("the code was used before; what it gave has been revoked"));
        }
        if !is_alive(record.expires, request.pool.settings().lifetimes.code.duration(), app.now()) {
            return Err(invalid("the code is not known, has expired, or is another client's"));
        }
        judge(client, &record, form)?;
        match commit(app, request, client, code, &record, read).await {
            Ok(tokens) => return Ok(tokens),
            Err(Attempt::Conflict) => {}
            Err(Attempt::Failed(failure)) => return Err(failed(failure)),
        }
    }
    Err(failed(Failure::contended()))
}

enum Attempt {
    Conflict,
    Failed(Failure),
}

impl From<Failure> for Attempt {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// Whether the request is the one that the code was made for. A code without a challenge takes no
/// verifier: somebody has stripped the challenge from the authorization request (RFC 9700, section
/// 4.8.2).
fn judge(client: &Client, record: &Record, form: &Parameters) -> Result<(), Refusal> {
    let redirect_uri =
        form.once("redirect_uri")?.ok_or_else(|| Refusal::request("redirect_uri is missing; send the one of the authorization request"))?;
    if redirect_uri != record.redirect_uri {
        return Err(invalid("redirect_uri differs from the one of the authorization request"));
    }
    match (&record.challenge, form.once("code_verifier")?) {
        (Some(challenge), Some(verifier)) if verifies(challenge, verifier) => Ok(()),
        (Some(_), Some(_)) => Err(invalid("code_verifier does not fit the code_challenge of the authorization request")),
        (Some(_), None) => Err(invalid("code_verifier is missing")),
        (None, Some(_)) => Err(invalid("code_verifier was sent, but the authorization request had no code_challenge")),
        (None, None) if client.needs_pkce() => {
            Err(invalid("this client must use PKCE, and the authorization request had no code_challenge"))
        }
        (None, None) => Ok(()),
    }
}

/// The person may have been disabled since the code was given, their password changed or their
/// upstream removed: all of it is read again. Then the tokens, and one commit.
async fn commit(
    app: &App,
    request: &PoolRequest,
    client: &Client,
    code: &str,
    record: &Record,
    read: Sequence,
) -> Result<TokenResponse, Attempt> {
    let now = app.now();
    let basis = Basis { password: record.password_proof, voucher: record.voucher.as_ref(), epoch: record.entry_epoch };
    let head = app.core.welcome_since(&request.pool, record.entry, basis)?.ok_or_else(Failure::credentials)?;
    let entry = App::directory(request).complete(&head)?.ok_or_else(Failure::credentials)?;
    let grant = Grant {
        id: record.grant,
        client_id: record.client_id.clone(),
        entry: record.entry,
        scopes: record.scopes.clone(),
        created: now,
        expires: issue::grant_end(request, now),
        session: record.session,
        password_proof: record.password_proof,
        voucher: record.voucher.clone(),
        epoch: record.epoch,
        entry_epoch: record.entry_epoch,
    };
    let tokens = issue::tokens(app, request, client, record, &grant, &entry).await?;
    let mut changes = Changes::new();
    application::redeem_code(&mut changes, code, record, read, &grant);
    audit::record(&mut changes, &Event::success(now, Action::TokenIssue, &actor(request, record)).on(record.client_id.as_str()));
    match request.pool.store().commit(changes).await {
        Ok(_) => Ok(tokens),
        Err(CommitError::Conflict) => Err(Attempt::Conflict),
        Err(error) => Err(Attempt::Failed(error.into())),
    }
}

/// A code that comes twice was seen by two, and one of them is not the client (RFC 6749, section
/// 4.1.2; RFC 9700, section 4.2). Whoever brings it once more takes nothing back any more: that is
/// counted, so that nobody fills the audit log with one code.
async fn revoke(app: &App, request: &PoolRequest, record: &Record) -> Result<(), Failure> {
    if application::find_grant(request.pool.store(), record.grant, app.now())?.is_none() {
        let client = record.client_id.as_str();
        app.core.count_failure(request.pool.id(), Action::TokenIssue, client, Reason::Replayed, App::origin(request));
        return Ok(());
    }
    let mut changes = Changes::new();
    application::delete_grant(&mut changes, record.grant);
    let event = Event::failure(app.now(), Action::TokenIssue, &actor(request, record), Reason::Replayed);
    audit::record(&mut changes, &event.on(record.client_id.as_str()));
    request.pool.store().commit(changes).await?;
    Ok(())
}

/// Who acts at the token endpoint: the client, for the person of the code.
fn actor(request: &PoolRequest, record: &Record) -> Actor {
    Actor { role: Role::User, entry: Some(record.entry), name: record.client_id.to_string(), face: Face::Oidc, address: Some(request.peer) }
}

fn invalid(description: &str) -> Refusal {
    Refusal::new(Code::InvalidGrant, description)
}

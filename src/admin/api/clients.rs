//! OpenID Connect clients.

use super::reply::{Reply, Shown, at, item, name};
use crate::admin::context::{Context, Segment};
use crate::admin::types::{ClientCreated, ClientDocument, Item, NewClient, NewSecret, Page, SecretMade};
use crate::application::{self, AuthMethod, Client, ClientId, RedirectUri, SecretHash, SigningAlgorithm};
use crate::audit::{self, Action, Event};
use crate::crypto::digest;
use crate::model::error::Rule;
use crate::model::{Error, Result, Secret, Sequence, entropy};
use crate::pool::Pool;

pub async fn all(context: Context, path: Vec<Segment>) -> Result<Reply<Page<Item<ClientDocument>>>> {
    let pool = context.pool(at(&path, 0)?)?;
    let limit = context.limit()?;
    let after = context.query.get("after").map(ClientId::parse).transpose()?;
    let clients = application::clients(pool.store(), after.as_ref(), limit)?;
    let last = clients.last().filter(|_| clients.len() == limit);
    let next = last.map(|client| name(client, |client| client.client_id.as_str()).to_owned());
    let items = clients.iter().map(|client| item(client, "client_id", document));
    Ok(Reply::Found(Page { items: items.collect(), next }))
}

pub async fn show(context: Context, path: Vec<Segment>) -> Result<Reply<ClientDocument>> {
    let pool = context.pool(at(&path, 0)?)?;
    let (client, version) = found(&pool, at(&path, 1)?)?;
    Ok(Reply::Shown(Shown::new(version, document(&client))?))
}

pub async fn add(context: Context, path: Vec<Segment>) -> Result<Reply<ClientCreated>> {
    let new: NewClient = context.document()?;
    let pool = context.pool(at(&path, 0)?)?;
    let (client, secret) = client(&context, &pool, new).await?;
    let event = Event::success(context.app.core.clock.now(), Action::ClientPut, &context.actor).on(client.client_id.as_str());
    pool.store()
        .decide(|changes| {
            if application::has_client(pool.store(), &client.client_id)? {
                return Err(Error::exists(format!("there is a client `{}` already", client.client_id.as_str())));
            }
            application::add_client(changes, &client, context.app.core.entropy.as_ref())?;
            audit::record(changes, &event);
            Ok(())
        })
        .await?;
    Ok(Reply::Made(ClientCreated { client: document(&client), secret: secret.map(|secret| secret.expose().clone()) }))
}

pub async fn update(context: Context, path: Vec<Segment>) -> Result<Reply<ClientDocument>> {
    let patch = context.patch()?;
    let pool = context.pool(at(&path, 0)?)?;
    let event = Event::success(context.app.core.clock.now(), Action::ClientPut, &context.actor).on(at(&path, 1)?.as_str());
    pool.store()
        .decide(|changes| {
            let (mut client, version) = found(&pool, at(&path, 1)?)?;
            let Some(after) = Shown::new(version, document(&client))?.patched(&patch)? else { return Ok(()) };
            rewrite(&mut client, after)?;
            application::replace_client(pool.store(), changes, &client, version)?;
            audit::record(changes, &event);
            Ok(())
        })
        .await?;
    show(context, path).await
}

pub async fn delete(context: Context, path: Vec<Segment>) -> Result<Reply<()>> {
    let pool = context.pool(at(&path, 0)?)?;
    let event = Event::success(context.app.core.clock.now(), Action::ClientDelete, &context.actor).on(at(&path, 1)?.as_str());
    pool.store()
        .decide(|changes| {
            application::delete_client(changes, &registered(&pool, at(&path, 1)?)?);
            audit::record(changes, &event);
            Ok(())
        })
        .await?;
    Ok(Reply::Done)
}

/// Takes back all that a client was given: codes, grants with their tokens, and what people have
/// agreed to.
pub async fn revoke(context: Context, path: Vec<Segment>) -> Result<Reply<()>> {
    let pool = context.pool(at(&path, 0)?)?;
    pool.store()
        .decide(|changes| {
            let (client, version) = found(&pool, at(&path, 1)?)?;
            application::renew_client(changes, &client, version, context.app.core.entropy.as_ref())?;
            audit::record(changes, &done(&context, Action::TokenRevoke, &client));
            Ok(())
        })
        .await?;
    Ok(Reply::Done)
}

/// Gives a confidential client a new secret. What it was given goes on unless that is to be taken
/// back with it.
pub async fn set_secret(context: Context, path: Vec<Segment>) -> Result<Reply<SecretMade>> {
    let asked: NewSecret = context.document()?;
    let pool = context.pool(at(&path, 0)?)?;
    let (hash, made) = secret(&context, &pool, asked.secret).await?;
    pool.store()
        .decide(|changes| {
            let (client, version) = found(&pool, at(&path, 1)?)?;
            if client.is_public() {
                return Err(Error::invalid(Rule::Request, format!("client `{}` is public and has no secret", client.client_id)));
            }
            let client = Client { secret: Some(hash.clone()), ..client };
            audit::record(changes, &done(&context, Action::ClientPut, &client));
            if !asked.revoke {
                return application::replace_client(pool.store(), changes, &client, version);
            }
            audit::record(changes, &done(&context, Action::TokenRevoke, &client));
            application::renew_client(changes, &client, version, context.app.core.entropy.as_ref())
        })
        .await?;
    Ok(Reply::Found(SecretMade { secret: made.map(|made| made.expose().clone()) }))
}

fn done(context: &Context, action: Action, client: &Client) -> Event {
    Event::success(context.app.core.clock.now(), action, &context.actor).on(client.client_id.as_str())
}

/// The hash of a secret that was chosen, or of one that is made.
async fn secret(context: &Context, pool: &Pool, chosen: Option<String>) -> Result<(SecretHash, Option<Secret<String>>)> {
    let core = &context.app.core;
    let entropy = core.entropy.as_ref();
    match chosen {
        None => {
            let (made, hash) = SecretHash::generate(entropy);
            Ok((hash, Some(made)))
        }
        Some(chosen) => Ok((core.choose_client_secret(pool, &Secret::new(chosen)).await?, None)),
    }
}

/// The client as asked for, and its secret if one was made.
pub async fn client(context: &Context, pool: &Pool, new: NewClient) -> Result<(Client, Option<Secret<String>>)> {
    let core = &context.app.core;
    let id = if new.client_id.is_empty() { digest::hex(&entropy::random::<16>(core.entropy.as_ref())) } else { new.client_id };
    let client_id = ClientId::parse(&id)?;
    let name = if new.name.is_empty() { id } else { new.name };
    let redirect_uris = uris(&new.redirect_uris)?;
    let (hash, made) = match (new.public, new.secret) {
        (true, None) => (None, None),
        (true, Some(_)) => return Err(Error::invalid(Rule::Request, "a public client has no secret: leave out `secret` or `public`")),
        (false, chosen) => {
            let (hash, made) = secret(context, pool, chosen).await?;
            (Some(hash), made)
        }
    };
    let client = Client {
        client_id,
        name,
        auth_method: if hash.is_some() { AuthMethod::Secret } else { AuthMethod::None },
        secret: hash,
        redirect_uris,
        post_logout_redirect_uris: uris(&new.post_logout_redirect_uris)?,
        require_pkce: new.require_pkce.unwrap_or(true),
        first_party: new.first_party,
        id_token_alg: algorithm(new.id_token_alg.as_deref())?,
        epoch: None,
    };
    Ok((client, made))
}

/// Makes the client what the document says.
fn rewrite(client: &mut Client, document: ClientDocument) -> Result<()> {
    let ClientDocument { client_id, name, public: _, redirect_uris, post_logout_redirect_uris, require_pkce, first_party, id_token_alg } =
        document;
    client.name = if name.is_empty() { client_id } else { name };
    client.redirect_uris = uris(&redirect_uris)?;
    client.post_logout_redirect_uris = uris(&post_logout_redirect_uris)?;
    client.require_pkce = require_pkce;
    client.first_party = first_party;
    client.id_token_alg = algorithm(Some(&id_token_alg))?;
    Ok(())
}

fn found(pool: &Pool, id: &Segment) -> Result<(Client, Sequence)> {
    application::read_client(pool.store(), id.as_str())?.ok_or_else(|| no_client(pool, id))
}

/// The identifier of a client that is there, whether or not it can be read.
fn registered(pool: &Pool, id: &Segment) -> Result<ClientId> {
    match ClientId::parse(id.as_str()) {
        Ok(client_id) if application::has_client(pool.store(), &client_id)? => Ok(client_id),
        _ => Err(no_client(pool, id)),
    }
}

fn no_client(pool: &Pool, id: &Segment) -> Error {
    Error::not_found(format!("pool `{}` has no client `{}`", pool.slug().as_str(), id.as_str()))
}

fn uris(texts: &[String]) -> Result<Vec<RedirectUri>> {
    texts.iter().map(|text| RedirectUri::parse(text)).collect()
}

fn algorithm(name: Option<&str>) -> Result<SigningAlgorithm> {
    match name.unwrap_or("RS256") {
        "RS256" => Ok(SigningAlgorithm::Rs256),
        "ES256" => Ok(SigningAlgorithm::Es256),
        other => Err(Error::invalid(Rule::Request, format!("id_token_alg: `{other}` is not supported; choose RS256 or ES256"))),
    }
}

fn document(client: &Client) -> ClientDocument {
    let texts = |uris: &[RedirectUri]| uris.iter().map(|uri| uri.as_str().to_owned()).collect();
    let algorithm = match client.id_token_alg {
        SigningAlgorithm::Rs256 => "RS256",
        SigningAlgorithm::Es256 => "ES256",
    };
    ClientDocument {
        client_id: client.client_id.as_str().to_owned(),
        name: client.name.clone(),
        public: client.is_public(),
        redirect_uris: texts(&client.redirect_uris),
        post_logout_redirect_uris: texts(&client.post_logout_redirect_uris),
        require_pkce: client.needs_pkce(),
        first_party: client.first_party,
        id_token_alg: algorithm.to_owned(),
    }
}

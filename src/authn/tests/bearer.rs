//! Our own access tokens.

use super::super::{
    bearer::{ACCESS_TOKEN_TYPE, AccessClaims},
    testing::*,
};
use crate::{
    application::{self, AuthMethod, Client, ClientId, Grant, GrantId, RedirectUri, SecretHash},
    crypto::{jwt, keys::Algorithm},
    model::{Entropy, EntryId, record},
    policy::clock::SKEW,
    pool::keys::{self, Use},
    store::{Changes, Key, Space},
};
use std::time::Duration;

const ISSUER: &str = "http://localhost:8080/pools/acme";

struct Given {
    bench: Bench,
    entry: EntryId,
    grant: GrantId,
    claims: AccessClaims,
}

impl Given {
    async fn new() -> Self {
        let bench = Bench::new().await;
        let entry = bench.user("alice", "correct horse").await;
        let grant = Grant {
            id: GrantId::draw(&*bench.core.entropy),
            client_id: ClientId::parse("demo-app").unwrap(),
            entry,
            scopes: vec!["openid".into()],
            created: bench.now(),
            expires: bench.now().plus(Duration::from_secs(3600)),
            session: [0; 32],
            password_proof: Some(bench.now()),
            voucher: None,
            epoch: bench.client("demo-app").await.epoch,
            entry_epoch: None,
        };
        let mut changes = Changes::new();
        application::put_grant(&mut changes, &grant);
        bench.pool.store().commit(changes).await.unwrap();
        let claims = AccessClaims {
            iss: ISSUER.into(),
            aud: ISSUER.into(),
            sub: bench.directory().entry(entry).unwrap().unwrap().uuid().to_string(),
            client_id: "demo-app".into(),
            iat: bench.now().seconds(),
            exp: bench.now().seconds() + 600,
            jti: "1".into(),
            scope: "openid".into(),
            grant: grant.id.to_string(),
            auth_time: None,
        };
        Self { grant: grant.id, bench, entry, claims }
    }

    async fn token(&self, usage: Use, typ: &str, claims: &AccessClaims) -> String {
        let core = &self.bench.core;
        let key = keys::current(&self.bench.pool, usage, Algorithm::Es256, core.maker(None)).await.unwrap();
        jwt::sign(&key, typ, claims).unwrap()
    }

    fn holds(&self, token: &str) -> bool {
        match self.bench.core.bearer(&self.bench.pool, ISSUER, token) {
            Ok(bearer) => {
                assert_eq!((bearer.entry, &bearer.claims), (self.entry, &self.claims));
                true
            }
            Err(error) => {
                assert_eq!(error.message(), crate::model::Error::credentials().message());
                false
            }
        }
    }
}

#[tokio::test]
async fn a_token_holds_until_its_end() {
    let given = Given::new().await;
    let token = given.token(Use::Oidc, ACCESS_TOKEN_TYPE, &given.claims).await;
    assert!(given.holds(&token));
    given.bench.pass(Duration::from_secs(599));
    assert!(given.holds(&token));
    given.bench.pass(Duration::from_secs(1));
    assert!(!given.holds(&token));
}

/// A grant of a clock that was ahead, which a token of this moment names.
#[tokio::test]
async fn what_was_granted_in_the_future_was_not_granted() {
    let given = Given::new().await;
    let (store, now) = (given.bench.pool.store(), given.bench.now());
    let token = given.token(Use::Oidc, ACCESS_TOKEN_TYPE, &given.claims).await;
    let grant = application::find_grant(store, given.grant, now).unwrap().unwrap();
    for (ahead, holds) in [(SKEW, true), (SKEW + Duration::from_secs(1), false)] {
        let mut changes = Changes::new();
        application::put_grant(&mut changes, &Grant { created: now.plus(ahead), ..grant.clone() });
        store.commit(changes).await.unwrap();
        assert_eq!(given.holds(&token), holds, "{ahead:?}");
    }
}

#[tokio::test]
async fn a_token_ends_with_its_grant_and_with_its_person() {
    let given = Given::new().await;
    let token = given.token(Use::Oidc, ACCESS_TOKEN_TYPE, &given.claims).await;
    given.bench.disable(given.entry, true).await;
    assert!(!given.holds(&token));
    given.bench.disable(given.entry, false).await;
    assert!(!given.holds(&token), "what was given before stays over");

    let given = Given::new().await;
    let token = given.token(Use::Oidc, ACCESS_TOKEN_TYPE, &given.claims).await;
    assert!(given.holds(&token));
    let former = given.token(Use::Oidc, ACCESS_TOKEN_TYPE, &given.claims).await;
    let new = Some("battery staple".into());
    given.bench.core.set_password(&given.bench.pool, &operator(), given.entry, None, new).await.unwrap();
    assert!(!given.holds(&former), "the password that it rests on is another one now");
    let mut changes = Changes::new();
    let grant = application::find_grant(given.bench.pool.store(), given.grant, given.bench.now()).unwrap().unwrap();
    application::put_grant(&mut changes, &Grant { password_proof: None, ..grant });
    given.bench.pool.store().commit(changes).await.unwrap();
    assert!(given.holds(&token));
    let mut changes = Changes::new();
    application::delete_grant(&mut changes, given.grant);
    given.bench.pool.store().commit(changes).await.unwrap();
    assert!(!given.holds(&token));
}

/// Takes back all that the client was given, as it is registered now.
fn renew(bench: &Bench, changes: &mut Changes, client: &Client) {
    let (client, version) = application::read_client(bench.pool.store(), client.client_id.as_str()).unwrap().unwrap();
    application::renew_client(changes, &client, version, bench.core.entropy.as_ref()).unwrap();
}

#[tokio::test]
async fn a_token_ends_with_its_client_and_goes_on_when_that_is_edited() {
    type Change = fn(&Bench, &mut Changes, Client);
    fn entropy(bench: &Bench) -> &dyn Entropy {
        bench.core.entropy.as_ref()
    }
    let table: [(&str, bool, Change); 7] = [
        ("named anew", true, |b, c, client| {
            application::put_client(b.pool.store(), c, &Client { name: "Another".into(), ..client }).unwrap();
        }),
        ("edited by somebody who knows no epoch", true, |b, c, client| {
            application::put_client(b.pool.store(), c, &Client { epoch: None, ..client }).unwrap();
        }),
        ("led elsewhere", true, |b, c, client| {
            let redirect_uris = vec![RedirectUri::parse("https://other.example/").unwrap()];
            application::put_client(b.pool.store(), c, &Client { redirect_uris, ..client }).unwrap();
        }),
        ("given a secret", true, |b, c, client| {
            let secret = Some(SecretHash::generate(entropy(b)).1);
            application::put_client(b.pool.store(), c, &Client { secret, auth_method: AuthMethod::Secret, ..client }).unwrap();
        }),
        ("revoked", false, |b, c, client| renew(b, c, &client)),
        ("deleted", false, |_, c, client| application::delete_client(c, &client.client_id)),
        ("made anew", false, |b, c, client| application::add_client(c, &client, entropy(b)).unwrap()),
    ];
    let given = Given::new().await;
    let token = given.token(Use::Oidc, ACCESS_TOKEN_TYPE, &given.claims).await;
    let store = given.bench.pool.store();
    let mut client = given.bench.client("demo-app").await;
    for (what, goes_on, change) in table {
        let mut changes = Changes::new();
        change(&given.bench, &mut changes, client.clone());
        store.commit(changes).await.unwrap();
        assert_eq!(given.holds(&token), goes_on, "{what}");
        client = application::find_client(store, "demo-app").unwrap().unwrap_or(client);
    }
}

/// Grants and clients of a release that drew no epochs belong together, until the client is one of
/// this release.
#[tokio::test]
async fn what_a_former_release_gave_holds_for_its_own_client() {
    let given = Given::new().await;
    let token = given.token(Use::Oidc, ACCESS_TOKEN_TYPE, &given.claims).await;
    let store = given.bench.pool.store();
    let client = given.bench.client("demo-app").await;
    let mut changes = Changes::new();
    let grant = application::find_grant(store, given.grant, given.bench.now()).unwrap().unwrap();
    application::put_grant(&mut changes, &Grant { epoch: None, ..grant });
    store.commit(changes).await.unwrap();
    assert!(!given.holds(&token), "not for a client of this release");
    let key = Key::named(Space::Application, b"cdemo-app");
    let mut changes = Changes::new();
    changes.put(key, record::encode(1, &Client { epoch: None, ..client.clone() }));
    store.commit(changes).await.unwrap();
    assert!(given.holds(&token));
    let mut changes = Changes::new();
    application::put_client(store, &mut changes, &Client { name: "Another".into(), ..client.clone() }).unwrap();
    store.commit(changes).await.unwrap();
    assert!(given.holds(&token), "an edit by this release ends nothing either");
    let mut changes = Changes::new();
    renew(&given.bench, &mut changes, &client);
    store.commit(changes).await.unwrap();
    assert!(!given.holds(&token));
}

#[tokio::test]
async fn what_is_no_access_token_of_this_pool_is_refused() {
    let given = Given::new().await;
    let good = given.claims.clone();
    let now = given.bench.now().seconds();
    let others = [
        AccessClaims { iss: "http://localhost:8080/pools/other".into(), ..good.clone() },
        AccessClaims { aud: "http://localhost:8080/pools/other".into(), ..good.clone() },
        AccessClaims { sub: "00000000-0000-0000-0000-000000000000".into(), ..good.clone() },
        AccessClaims { client_id: "other".into(), ..good.clone() },
        AccessClaims { iat: now + 301, ..good.clone() },
        AccessClaims { exp: now, ..good.clone() },
        AccessClaims { grant: "0".repeat(32), ..good.clone() },
        AccessClaims { grant: "x".into(), ..good.clone() },
    ];
    for claims in others {
        assert!(!given.holds(&given.token(Use::Oidc, ACCESS_TOKEN_TYPE, &claims).await), "{claims:?}");
    }
    assert!(!given.holds(&given.token(Use::Oidc, "JWT", &good).await), "an ID token opens nothing");
    assert!(!given.holds(&given.token(Use::Saml, ACCESS_TOKEN_TYPE, &good).await), "signed with a key for something else");
    let token = given.token(Use::Oidc, ACCESS_TOKEN_TYPE, &good).await;
    for damaged in ["", "x", "a.b.c", &token[..token.len() - 2], &format!("{token}x")] {
        assert!(!given.holds(damaged), "{damaged}");
    }
    let other = create_pool(&given.bench.core, "other", settings()).await;
    assert!(given.bench.core.bearer(&other, ISSUER, &token).is_err(), "another pool has other keys");
}

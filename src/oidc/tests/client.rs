//! Client secrets that are guessed.

use super::*;
use crate::audit::{self, Action, Reason};
use crate::authn::BindName;
use crate::oidc::token;
use crate::work::testing::{fill, keep_busy};
use futures_util::FutureExt;
use futures_util::future::join_all;
use std::collections::BTreeMap;

const REAL: u8 = 1;
const STRANGER: u8 = 66;

/// The policy's default.
const THRESHOLD: usize = 10;

struct Answer {
    status: u16,
    error: String,
    retry_after: Option<u64>,
}

/// Presents a secret for a client, from that address, with a code that nobody has: a right secret
/// is told `invalid_grant`.
async fn present(provider: &Provider, from: u8, client: &str, secret: &str) -> Answer {
    let body = format!("grant_type=authorization_code&code=x&redirect_uri={REDIRECT}&client_id={client}&client_secret={secret}");
    let request = PoolRequest { peer: [198, 51, 100, from].into(), ..provider.form("/oauth2/token", &body) };
    let response = answered(token::post(&provider.app, &request).await, &request);
    let retry_after = response.headers().get("retry-after").map(|value| value.to_str().unwrap().parse().unwrap());
    let (status, document) = json(response).await;
    Answer { status: status.as_u16(), error: document["error"].as_str().unwrap().to_owned(), retry_after }
}

impl Answer {
    #[track_caller]
    fn is_slowed(&self) {
        assert_eq!((self.status, self.error.as_str()), (429, "temporarily_unavailable"));
        assert!(self.retry_after.is_some_and(|seconds| (1..=900).contains(&seconds)), "{:?}", self.retry_after);
    }

    #[track_caller]
    fn is_wrong(&self) {
        assert_eq!((self.status, self.error.as_str(), self.retry_after), (401, "invalid_client", None));
    }

    #[track_caller]
    fn is_right(&self) {
        assert_eq!((self.status, self.error.as_str(), self.retry_after), (400, "invalid_grant", None));
    }
}

/// Registers so many clients with the secret of the demo app.
async fn register(provider: &Provider, count: u8) {
    for number in 0..count {
        provider.put(&Client { client_id: client_id(&format!("app-{number}")), ..provider.client("demo-app") }).await;
    }
}

async fn binds(provider: &Provider, from: u8, name: &str, password: &str) -> bool {
    let origin = Origin { face: Face::Login, address: Some([198, 51, 100, from].into()) };
    provider.app.core.bind(&provider.pool, &BindName::Uid(name.to_owned()), &password.into(), origin).await.is_ok()
}

async fn reasons(provider: &Provider) -> BTreeMap<&'static str, u32> {
    provider.app.core.flush_audit().await.unwrap();
    let query = audit::Query { action: Some(Action::ClientAuthentication), limit: 100, ..audit::Query::default() };
    let mut reasons = BTreeMap::new();
    for (_, event) in audit::query(provider.pool.store(), &query).unwrap() {
        let event = event.unwrap();
        *reasons.entry(event.reason.map_or("", Reason::name)).or_default() += event.count;
    }
    reasons
}

#[tokio::test]
async fn a_chosen_secret_cannot_be_guessed_on_and_on() {
    let provider = Provider::start().await;
    for guess in 0..THRESHOLD {
        present(&provider, STRANGER, "demo-app", &format!("guess-{guess}")).await.is_wrong();
    }
    let runs = provider.app.core.hashes();
    for guess in 0..300 {
        present(&provider, STRANGER, "demo-app", &format!("more-{guess}")).await.is_slowed();
    }
    present(&provider, STRANGER, "demo-app", SECRET).await.is_slowed();
    assert_eq!(provider.app.core.hashes(), runs, "nothing is compared any more");
    present(&provider, 67, "demo-app", "guess").await.is_slowed();
    assert_eq!(reasons(&provider).await, [("throttled", 302), ("wrong-password", 10)].into());
    provider.clock.forward(Duration::from_secs(15 * 60));
    present(&provider, STRANGER, "demo-app", SECRET).await.is_right();
}

#[tokio::test]
async fn strangers_do_not_lock_a_client_out_from_where_it_runs() {
    let provider = Provider::start().await;
    present(&provider, REAL, "demo-app", SECRET).await.is_right();
    for _ in 0..THRESHOLD {
        present(&provider, STRANGER, "demo-app", "guess").await.is_wrong();
    }
    present(&provider, STRANGER, "demo-app", SECRET).await.is_slowed();
    present(&provider, REAL, "demo-app", SECRET).await.is_right();
    // It has guesses of its own there, since its host may be taken over too.
    for _ in 0..THRESHOLD {
        present(&provider, REAL, "demo-app", "guess").await.is_wrong();
    }
    present(&provider, REAL, "demo-app", SECRET).await.is_slowed();
}

#[tokio::test]
async fn a_proof_from_a_known_address_writes_nothing() {
    let provider = Provider::start().await;
    let written = |provider: &Provider| provider.pool.store().get(&history_key("demo-app")).unwrap().map(|row| row.version);
    assert_eq!(written(&provider), None);
    present(&provider, REAL, "demo-app", SECRET).await.is_right();
    let first = written(&provider);
    assert!(first.is_some());
    for _ in 0..3 {
        present(&provider, REAL, "demo-app", SECRET).await.is_right();
    }
    assert_eq!(written(&provider), first);
}

fn history_key(client: &str) -> crate::store::Key {
    crate::store::Key::named(crate::store::Space::Application, format!("h{client}").as_bytes())
}

#[tokio::test]
async fn a_hundred_guesses_at_once_are_never_more_than_the_threshold_allows() {
    let provider = Provider::start().await;
    let guesses: Vec<String> = (0..40).map(|guess| format!("guess-{guess}")).collect();
    let answers = join_all(guesses.iter().map(|guess| present(&provider, STRANGER, "demo-app", guess))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 401).count(), THRESHOLD);
    assert_eq!(answers.iter().filter(|answer| answer.status == 429).count(), 40 - THRESHOLD);
}

#[tokio::test]
async fn a_generated_secret_opens_whatever_others_do_and_who_guesses_is_slowed() {
    let provider = Provider::start().await;
    let (secret, hash) = SecretHash::generate(provider.app.core.entropy.as_ref());
    let demo = application::find_client(provider.pool.store(), "demo-app").unwrap().unwrap();
    provider.put(&Client { client_id: client_id("made"), secret: Some(hash), ..demo }).await;
    for _ in 0..THRESHOLD {
        present(&provider, STRANGER, "made", "guess").await.is_wrong();
    }
    present(&provider, STRANGER, "made", "guess").await.is_slowed();
    present(&provider, 67, "made", "guess").await.is_wrong();
    for from in [REAL, STRANGER, 68] {
        present(&provider, from, "made", secret.expose()).await.is_right();
    }
    assert!(provider.pool.store().get(&history_key("made")).unwrap().is_none(), "nothing is written for it");
}

#[tokio::test]
async fn spraying_clients_slows_the_address() {
    let provider = Provider::start().await;
    register(&provider, 31).await;
    for number in 0..30 {
        present(&provider, STRANGER, &format!("app-{number}"), "guess").await.is_wrong();
    }
    present(&provider, STRANGER, "app-30", SECRET).await.is_slowed();
    present(&provider, STRANGER, "app-29", "guess").await.is_wrong();
    present(&provider, STRANGER, "demo-app", SECRET).await.is_slowed();
    present(&provider, REAL, "demo-app", SECRET).await.is_right();
    assert_eq!(reasons(&provider).await, [("throttled", 2), ("wrong-password", 31)].into(), "the operator sees it");
}

/// Any website can have the browsers of its visitors send such requests.
#[tokio::test]
async fn clients_that_are_none_take_no_room_from_anybody_at_the_address() {
    let provider = Provider::start().await;
    for number in 0..1000 {
        present(&provider, STRANGER, &format!("nobody-{number}"), "guess").await.is_wrong();
    }
    present(&provider, STRANGER, "demo-app", SECRET).await.is_right();
    assert_eq!(reasons(&provider).await, [("unknown-name", 1000)].into(), "the operator sees it");
    assert!(binds(&provider, STRANGER, "alice", PASSWORD).await);
}

#[tokio::test]
async fn clients_and_people_of_an_address_have_room_of_their_own() {
    let provider = Provider::start().await;
    register(&provider, 40).await;
    for number in 0..40 {
        present(&provider, STRANGER, &format!("app-{number}"), "guess").await;
    }
    assert!(binds(&provider, STRANGER, "alice", PASSWORD).await);
    for number in 0..40 {
        assert!(!binds(&provider, STRANGER + 1, &format!("nobody-{number}"), "guess").await);
    }
    assert!(!binds(&provider, STRANGER + 1, "alice", PASSWORD).await, "the people's room is taken");
    present(&provider, STRANGER + 1, "demo-app", SECRET).await.is_right();
}

#[tokio::test]
async fn a_client_that_proves_itself_gives_its_place_at_the_address_back() {
    let provider = Provider::start().await;
    register(&provider, 31).await;
    for number in 0..29 {
        present(&provider, STRANGER, &format!("app-{number}"), "guess").await.is_wrong();
    }
    present(&provider, STRANGER, "demo-app", "mistyped").await.is_wrong();
    present(&provider, STRANGER, "app-29", "guess").await.is_slowed();
    present(&provider, STRANGER, "demo-app", SECRET).await.is_right();
    present(&provider, STRANGER, "app-29", "guess").await.is_wrong();
    present(&provider, STRANGER, "app-30", "guess").await.is_slowed();
}

#[tokio::test]
async fn what_is_remembered_belongs_to_one_secret() {
    let provider = Provider::start().await;
    present(&provider, REAL, "demo-app", SECRET).await.is_right();
    for _ in 0..THRESHOLD {
        present(&provider, STRANGER, "demo-app", "guess").await.is_wrong();
    }
    let demo = application::find_client(provider.pool.store(), "demo-app").unwrap().unwrap();
    let other = Secret::new("another-secret".to_owned());
    let core = &provider.app.core;
    let hash = core.choose_client_secret(&provider.pool, &other).await.unwrap();
    provider.put(&Client { secret: Some(hash), ..demo.clone() }).await;
    present(&provider, 67, "demo-app", "another-secret").await.is_right();
    let mut changes = Changes::new();
    application::delete_client(&mut changes, &demo.client_id);
    provider.pool.store().commit(changes).await.unwrap();
    assert!(provider.pool.store().get(&history_key("demo-app")).unwrap().is_none());
}

#[tokio::test]
async fn what_is_no_guess_counts_as_none() {
    let provider = Provider::start().await;
    for _ in 0..2 * THRESHOLD {
        let request = provider.form("/oauth2/token", "grant_type=authorization_code&client_id=demo-app");
        let (status, _) = json(answered(token::post(&provider.app, &request).await, &request)).await;
        assert_eq!(status.as_u16(), 401);
        // Its secret goes into the header.
        present(&provider, STRANGER, "basic", SECRET).await.is_wrong();
    }
    present(&provider, STRANGER, "demo-app", SECRET).await.is_right();
}

/// However many strangers ask, each from an address of their own: a client that comes from where it
/// has been does not wait behind them.
#[tokio::test]
async fn strangers_do_not_stand_before_a_client_where_it_has_been() {
    let provider = Provider::start().await;
    provider.code("c", "demo-app").await;
    let ask = async |secret: &str| {
        let body = format!("grant_type=authorization_code&code=c&redirect_uri={REDIRECT}&code_verifier={VERIFIER}");
        let body = format!("{body}&client_id=demo-app&client_secret={secret}");
        let request = provider.form("/oauth2/token", &body);
        answered(token::post(&provider.app, &request).await, &request).status()
    };
    assert_eq!(ask(SECRET).await, StatusCode::OK);
    let work = &provider.app.core.work;
    let busy = keep_busy(work).await;
    fill(work, provider.pool.id(), 64).await;
    let refused = work.refused();
    let mut asked = std::pin::pin!(ask("a-secret-that-is-not-it"));
    while work.refused() == refused {
        assert!((&mut asked).now_or_never().is_none(), "it waits for its hash");
        tokio::task::yield_now().await;
    }
    busy.end().await;
    assert_eq!(asked.await, StatusCode::UNAUTHORIZED);
}

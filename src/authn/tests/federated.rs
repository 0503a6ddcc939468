//! Logins at an upstream: there and back, every check of its answer, and the local user.

mod first;
mod mail;
mod provider;

use super::super::{BrowserKey, Callback, Demands, Interaction, Kept, Message, Method, Origin, Step, testing::*};
use super::upstream::{Behaviour, Upstream, challenge};
use crate::{
    audit::{Action, Outcome, Reason},
    federation::{
        self,
        oidc::{REDISCOVERY_AGE, RETRY_AGE},
    },
    model::{Face, Kind, Seconds, error::Denial},
    store::{Changes, CommitError},
};
use serde_json::{Value, json};
use std::{collections::HashMap, time::Duration};
use url::Url;

const CALLBACK: &str = "http://localhost:8080/pools/acme/oauth2/idpresponse";
const OWN_CALLBACK: &str = "http://localhost:8080/pools/acme/oauth2/idpresponse/suppliers";

struct Stage {
    bench: Bench,
    upstream: Upstream,
    browser: BrowserKey,
}

/// Where a login left for.
struct Away {
    interaction: Interaction,
    query: HashMap<String, String>,
}

impl Stage {
    async fn new() -> Self {
        let bench = Bench::new().await;
        let upstream = Upstream::start(bench.now().seconds()).await;
        let mut changes = Changes::new();
        federation::put(&bench.pool, &mut changes, &upstream.provider(), &*bench.core.entropy).unwrap();
        bench.pool.store().commit(changes).await.unwrap();
        let browser = bench.browser("one");
        Self { bench, upstream, browser }
    }

    async fn leave_with(&self, demands: Demands) -> Away {
        let interaction = self.bench.begin(demands);
        let left = self.leave_for(&interaction).await.unwrap();
        let Step::Redirect(url) = left else { panic!("{left:?}") };
        let url = Url::parse(&url).unwrap();
        assert_eq!(url.as_str().split('?').next(), Some(format!("{}/authorize", self.upstream.issuer).as_str()));
        let query: HashMap<String, String> = url.query_pairs().into_owned().collect();
        self.upstream.behaviour().nonce.clone_from(&query["nonce"]);
        Away { interaction, query }
    }

    async fn leave_for(&self, interaction: &Interaction) -> crate::model::Result<Step> {
        self.bench.core.login_upstream(&self.bench.pool, interaction, &self.browser, "suppliers", CALLBACK, page()).await
    }

    async fn leave(&self) -> Away {
        self.leave_with(Demands::default()).await
    }

    async fn answer(&self, away: &Away, answer: Callback) -> crate::model::Result<Step> {
        let callback = if answer.callback.is_empty() { away.query["redirect_uri"].clone() } else { answer.callback };
        let answer = Callback { callback, state: Some(away.query["state"].clone()), ..answer };
        self.bench.core.login_callback(&self.bench.pool, &answer, &self.browser, Kept::default(), page()).await
    }

    /// There and back.
    async fn login(&self) -> Step {
        let away = self.leave().await;
        self.answer(&away, code()).await.unwrap()
    }

    /// There and back to a session: the login name of its user.
    async fn logged_in(&self) -> String {
        let step = self.login().await;
        let Step::Granted(granted) = step else { panic!("{step:?}") };
        let session = self.bench.core.session(&self.bench.pool, granted.session.expose()).await.unwrap().unwrap();
        assert_eq!(
            (session.authentication().methods(), session.authentication().provider()),
            ([Method::Federated].as_slice(), Some("suppliers"))
        );
        session.authentication().name().to_owned()
    }

    fn claim(&self, name: &str, value: Value) {
        self.upstream.behaviour().claims.insert(name.into(), value);
    }
}

fn code() -> Callback {
    Callback { code: Some("a-code".into()), ..Callback::default() }
}

fn refused(step: &Step) -> bool {
    matches!(step, Step::Ask(_, Some(Message::Upstream)))
}

#[tokio::test]
async fn an_answer_that_fails_a_check_is_refused() {
    type Change = fn(&mut Behaviour);
    fn claim(behaviour: &mut Behaviour, name: &str, value: Value) {
        behaviour.claims.insert(name.into(), value);
    }
    let table: [(&str, Change); 15] = [
        ("another issuer", |b| claim(b, "iss", json!("http://127.0.0.1:1/pools/suppliers"))),
        ("another audience", |b| claim(b, "aud", json!("other"))),
        ("a further audience", |b| claim(b, "aud", json!(["acme", "other"]))),
        ("another party", |b| claim(b, "azp", json!("other"))),
        ("another nonce", |b| claim(b, "nonce", json!("x"))),
        ("no nonce", |b| claim(b, "nonce", Value::Null)),
        ("over", |b| claim(b, "exp", json!(b.now - 61))),
        ("from the future", |b| claim(b, "iat", json!(b.now + 61))),
        ("from long ago", |b| claim(b, "iat", json!(b.now - 700))),
        ("no time", |b| claim(b, "iat", Value::Null)),
        ("no end", |b| claim(b, "exp", Value::Null)),
        ("no subject", |b| claim(b, "sub", Value::Null)),
        ("another key", |b| b.signer = 1),
        ("too large", |b| b.padding = 300_000),
        ("userinfo about somebody else", |b| {
            claim(b, "email", Value::Null);
            b.user_info = json!({"sub": "frank", "email": "frank@suppliers.example"});
        }),
    ];
    for (name, change) in table {
        let stage = Stage::new().await;
        let away = stage.leave().await;
        change(&mut stage.upstream.behaviour());
        let step = stage.answer(&away, code()).await.unwrap();
        assert!(refused(&step), "{name}: {step:?}");
        assert!(stage.bench.events(Action::FederatedLogin).is_empty(), "{name}: not written, since anybody can repeat it");
        stage.bench.core.flush_audit().await.unwrap();
        assert_eq!(stage.bench.outcomes(Action::FederatedLogin), [(Outcome::Failure, Some(Reason::Upstream))], "{name}");
        assert!(stage.bench.directory().by_unique("uid", b"suppliers.erin").unwrap().is_none(), "{name}");
    }
}

#[tokio::test]
async fn clocks_may_differ_a_little() {
    let stage = Stage::new().await;
    let now = stage.upstream.behaviour().now;
    stage.claim("exp", json!(now - 30));
    stage.claim("iat", json!(now - 600));
    stage.logged_in().await;
    stage.claim("exp", json!(now + 600));
    stage.claim("iat", json!(now + 30));
    stage.claim("azp", json!("acme"));
    stage.logged_in().await;
}

#[tokio::test]
async fn a_refusal_of_the_upstream_is_a_failed_login() {
    let stage = Stage::new().await;
    let away = stage.leave().await;
    let error = Callback { error: Some("access_denied".into()), ..Callback::default() };
    assert!(refused(&stage.answer(&away, error).await.unwrap()));
    let away = stage.leave().await;
    assert!(refused(&stage.answer(&away, Callback::default()).await.unwrap()), "no code");
    // The form is still there, and a password can still be used.
    stage.bench.user("alice", "correct horse").await;
    let password = secret("correct horse");
    let core = &stage.bench.core;
    let step = core.login_password(&stage.bench.pool, &away.interaction, &stage.browser, "alice", &password, Kept::default(), page()).await;
    assert!(matches!(step.unwrap(), Step::Granted(_)));
}

#[tokio::test]
async fn the_issuer_of_an_answer_must_be_the_one_that_was_asked() {
    let stage = Stage::new().await;
    let away = stage.leave().await;
    let other = Callback { iss: Some("https://idp.example".into()), ..code() };
    assert!(refused(&stage.answer(&away, other).await.unwrap()));
    assert!(stage.upstream.behaviour().exchanged.is_none(), "a code of somebody else is not sent anywhere");
    let away = stage.leave().await;
    let same = Callback { iss: Some(stage.upstream.issuer.clone()), ..code() };
    assert!(matches!(stage.answer(&away, same).await.unwrap(), Step::Granted(_)));
}

#[tokio::test]
async fn a_state_is_answered_once_and_by_its_browser_only() {
    let stage = Stage::new().await;
    let away = stage.leave().await;
    let gone = |result: crate::model::Result<Step>| assert_eq!(*result.unwrap_err().kind(), Kind::Denied(Denial::LoginRequired));
    let core = &stage.bench.core;
    let answer = Callback { state: Some(away.query["state"].clone()), ..code() };
    gone(core.login_callback(&stage.bench.pool, &answer, &stage.bench.browser("two"), Kept::default(), page()).await);
    let (id, _) = away.query["state"].split_once('.').unwrap();
    for state in [None, Some(String::new()), Some("x".into()), Some(format!("{id}.x")), Some(format!("{id}."))] {
        let answer = Callback { state, ..code() };
        gone(core.login_callback(&stage.bench.pool, &answer, &stage.browser, Kept::default(), page()).await);
    }
    assert!(matches!(stage.answer(&away, code()).await.unwrap(), Step::Granted(_)));
    gone(stage.answer(&away, code()).await);
    let first = stage.leave().await;
    let waiting = first.interaction.clone();
    assert!(matches!(stage.leave_for(&waiting).await.unwrap(), Step::Redirect(_)));
    gone(stage.answer(&first, code()).await);
}

#[tokio::test]
async fn what_the_application_demands_is_passed_on() {
    let stage = Stage::new().await;
    let demands = Demands {
        force: true,
        max_age: Some(Duration::from_secs(120)),
        login_hint: Some("erin@suppliers.example".into()),
        ..Demands::default()
    };
    let away = stage.leave_with(demands).await;
    assert_eq!((away.query["prompt"].as_str(), away.query["max_age"].as_str()), ("login", "120"));
    assert_eq!(away.query["login_hint"], "erin@suppliers.example");
}

#[tokio::test]
async fn a_login_that_is_older_than_was_demanded_is_refused() {
    let anew = || Demands { force: true, ..Demands::default() };
    let recent = || Demands { max_age: Some(Duration::from_secs(300)), ..Demands::default() };
    let table = [
        ("nothing demanded, nothing said", Demands::default(), None, true),
        ("anew, nothing said", anew(), None, false),
        ("anew, an old login", anew(), Some(-300), false),
        ("anew, a login just now", anew(), Some(0), true),
        ("recent, nothing said", recent(), None, false),
        ("recent, too old", recent(), Some(-361), false),
        ("recent, old enough for its clock", recent(), Some(-360), true),
    ];
    for (name, demands, logged_in, granted) in table {
        let stage = Stage::new().await;
        let away = stage.leave_with(demands).await;
        let now = stage.upstream.behaviour().now;
        stage.claim("auth_time", logged_in.map_or(Value::Null, |ago: i64| json!(now + ago)));
        let step = stage.answer(&away, code()).await.unwrap();
        assert_eq!(matches!(step, Step::Granted(_)), granted, "{name}: {step:?}");
        assert_eq!(refused(&step), !granted, "{name}");
    }
    let stage = Stage::new().await;
    let away = stage.leave_with(anew()).await;
    assert_eq!((away.query["prompt"].as_str(), away.query["max_age"].as_str()), ("login", "0"), "which makes an upstream say when");
}

#[tokio::test]
async fn a_login_is_as_old_as_its_upstream_says() {
    let stage = Stage::new().await;
    let (pool, now) = (&stage.bench.pool, stage.bench.now());
    let session = async |demands: Demands, logged_in: Option<i64>| {
        let away = stage.leave_with(demands).await;
        stage.claim("auth_time", logged_in.map_or(Value::Null, |ago| json!(now.seconds() + ago)));
        let Step::Granted(granted) = stage.answer(&away, code()).await.unwrap() else { panic!("refused") };
        stage.bench.core.session(pool, granted.session.expose()).await.unwrap().unwrap()
    };
    for (logged_in, at) in [(Some(-3600), -3600), (Some(0), 0), (Some(30), 0), (None, 0), (Some(-now.seconds() - 7), -now.seconds())] {
        let session = session(Demands::default(), logged_in).await;
        assert_eq!(session.authentication().at().seconds(), now.seconds() + at, "{logged_in:?}");
        assert_eq!(session.created(), now, "the session begins here and now, however old the login is");
        assert_eq!(session.is_proven_since(now), at == 0, "{logged_in:?}");
    }
    // What the upstream's clock is behind ours does not ask for one login after the other.
    let anew = session(Demands { force: true, ..Demands::default() }, Some(-60)).await;
    assert!(anew.is_proven_since(now) && !anew.is_proven_since(now.plus(Duration::from_secs(1))));
}

#[tokio::test]
async fn an_answer_that_does_not_name_its_upstream_comes_in_where_that_was_sent() {
    let stage = Stage::new().await;
    for elsewhere in [CALLBACK.to_owned(), format!("{CALLBACK}/other"), format!("{OWN_CALLBACK}/")] {
        let away = stage.leave().await;
        assert!(refused(&stage.answer(&away, Callback { callback: elsewhere, ..code() }).await.unwrap()));
        assert!(stage.upstream.behaviour().exchanged.is_none(), "a code of somebody else is not sent anywhere");
    }
    stage.logged_in().await;
}

#[tokio::test]
async fn an_upstream_that_names_itself_in_its_answers_does_so_in_each() {
    let stage = Stage::new().await;
    stage.upstream.behaviour().metadata.insert("authorization_response_iss_parameter_supported".into(), json!(true));
    let away = stage.leave().await;
    assert_eq!(away.query["redirect_uri"], CALLBACK);
    assert!(refused(&stage.answer(&away, code()).await.unwrap()));
    assert!(stage.upstream.behaviour().exchanged.is_none());
    let away = stage.leave().await;
    let named = Callback { iss: Some(stage.upstream.issuer.clone()), ..code() };
    assert!(matches!(stage.answer(&away, named).await.unwrap(), Step::Granted(_)));
}

#[tokio::test]
async fn an_upstream_is_asked_once_by_many_and_left_alone_when_it_fails() {
    let stage = Stage::new().await;
    let leave = async || stage.leave_for(&stage.bench.begin(Demands::default())).await.is_ok();
    stage.upstream.behaviour().metadata.insert("issuer".into(), json!("http://127.0.0.1:1"));
    let all = futures_util::future::join_all((0..8).map(|_| leave())).await;
    assert_eq!((all.contains(&true), stage.upstream.behaviour().discovered), (false, 1));
    stage.upstream.behaviour().metadata.clear();
    stage.bench.pass(RETRY_AGE - Duration::from_secs(1));
    assert!(!leave().await);
    assert_eq!(stage.upstream.behaviour().discovered, 1);
    stage.bench.pass(Duration::from_secs(1));
    let all = futures_util::future::join_all((0..8).map(|_| leave())).await;
    assert_eq!((all.contains(&false), stage.upstream.behaviour().discovered), (false, 2));
}

#[tokio::test]
async fn what_is_known_of_an_upstream_serves_on_while_it_does_not_answer() {
    let stage = Stage::new().await;
    stage.logged_in().await;
    stage.upstream.behaviour().metadata.insert("issuer".into(), json!("http://127.0.0.1:1"));
    stage.upstream.behaviour().signer = 1;
    stage.bench.pass(REDISCOVERY_AGE);
    assert!(refused(&stage.login().await), "another key, and no word about it");
    stage.upstream.behaviour().signer = 0;
    stage.logged_in().await;
}

/// A login that left for one provider is not answered by another that has its name, even if it is
/// the same issuer that speaks. The users of one issuer are none of another that has the name now,
/// whatever subjects it speaks of; and they are there when the first one comes back.
#[tokio::test]
async fn claims_that_the_id_token_lacks_come_from_userinfo() {
    let stage = Stage::new().await;
    for name in ["preferred_username", "email", "name"] {
        stage.claim(name, Value::Null);
    }
    stage.upstream.behaviour().user_info = json!({
        "sub": "erin-1", "preferred_username": "erin", "given_name": "Erin", "family_name": "Example", "email": "erin@suppliers.example",
        "email_verified": true,
    });
    assert_eq!(stage.logged_in().await, "suppliers.erin");
    let directory = stage.bench.directory();
    let entry = directory.entry(directory.by_unique("mail", b"erin@suppliers.example").unwrap().unwrap()).unwrap().unwrap();
    assert_eq!((entry.first_text("cn"), entry.first_text("givenName")), (Some("Erin Example"), Some("Erin")));
}

#[tokio::test]
async fn a_new_key_of_the_upstream_is_fetched() {
    let stage = Stage::new().await;
    stage.logged_in().await;
    stage.upstream.rotate();
    assert!(refused(&stage.login().await), "not more often than once a minute");
    stage.bench.pass(Duration::from_secs(60));
    stage.logged_in().await;
    assert_eq!(stage.upstream.behaviour().discovered, 2);
}

#[tokio::test]
async fn endpoints_elsewhere_are_not_called() {
    for (name, url) in [
        ("token_endpoint", "http://192.0.2.1/token"),
        ("jwks_uri", "http://192.0.2.1/jwks"),
        ("userinfo_endpoint", "http://192.0.2.1/userinfo"),
        ("authorization_endpoint", "http://192.0.2.1/authorize"),
        ("issuer", "http://192.0.2.1"),
    ] {
        let stage = Stage::new().await;
        stage.upstream.behaviour().metadata.insert(name.into(), json!(url));
        assert!(stage.leave_for(&stage.bench.begin(Demands::default())).await.is_err(), "{name}");
    }
}

#[tokio::test]
async fn a_redirect_of_the_upstream_is_not_followed() {
    let stage = Stage::new().await;
    let moved = format!("{}/moved", stage.upstream.issuer);
    stage.upstream.behaviour().metadata.insert("jwks_uri".into(), json!(moved));
    assert!(stage.leave_for(&stage.bench.begin(Demands::default())).await.is_err());
}

#[tokio::test]
async fn a_disabled_or_locked_user_is_not_let_in_by_an_upstream() {
    let stage = Stage::new().await;
    stage.logged_in().await;
    let id = stage.bench.directory().by_unique("uid", b"suppliers.erin").unwrap().unwrap();
    stage.bench.disable(id, true).await;
    let step = stage.login().await;
    assert!(matches!(step, Step::Ask(_, Some(Message::Credentials))), "{step:?}");
    stage.bench.disable(id, false).await;
    stage.bench.core.set_password(&stage.bench.pool, &operator(), id, None, Some(secret("correct horse"))).await.unwrap();
    for _ in 0..THRESHOLD {
        stage.bench.binds("suppliers.erin", "a guess").await;
    }
    assert!(matches!(stage.login().await, Step::Ask(_, Some(Message::Credentials))));
    stage.bench.pass(Seconds::minutes(15).duration());
    stage.upstream.behaviour().now = stage.bench.now().seconds();
    stage.logged_in().await;
    let reasons: Vec<_> = stage.bench.outcomes(Action::FederatedLogin).into_iter().filter_map(|(_, reason)| reason).collect();
    assert_eq!(reasons, [Reason::Disabled, Reason::Locked]);
}

#[tokio::test]
async fn strangers_lock_no_way_through_an_upstream_where_its_person_has_come_from() {
    let stage = Stage::new().await;
    stage.logged_in().await;
    let bench = &stage.bench;
    let id = bench.directory().by_unique("uid", b"suppliers.erin").unwrap().unwrap();
    bench.core.set_password(&bench.pool, &operator(), id, None, Some(secret("correct horse"))).await.unwrap();
    let lock = || async {
        let elsewhere = Origin { face: Face::Ldap, address: Some([198, 51, 100, 66].into()) };
        for _ in 0..THRESHOLD {
            bench.core.bind(&bench.pool, &uid("suppliers.erin"), &secret("a guess"), elsewhere).await.unwrap_err();
        }
    };
    stage.logged_in().await;
    lock().await;
    stage.logged_in().await;
    // Another password has forgotten where she was.
    bench.core.set_password(&bench.pool, &operator(), id, None, Some(secret("battery staple"))).await.unwrap();
    lock().await;
    assert!(matches!(stage.login().await, Step::Ask(_, Some(Message::Credentials))));
}

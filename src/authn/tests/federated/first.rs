//! The first login of somebody at an upstream makes their user, and the later ones find it.

use super::*;
use crate::directory::NewEntry;
use crate::federation::{
    UpstreamIdentity,
    link::{self, Arrival, Linked},
};
use crate::model::{Attribute, Dn, Entropy};
use std::sync::atomic::{AtomicBool, Ordering};

fn erin() -> UpstreamIdentity {
    UpstreamIdentity {
        issuer: "https://idp.example".into(),
        subject: "1".into(),
        username: Some("erin".into()),
        mail: None,
        mail_elsewhere: None,
        name: None,
        given_name: None,
        family_name: None,
        logged_in: None,
    }
}

#[tokio::test]
async fn a_first_login_makes_a_user_and_the_next_ones_find_it() {
    let stage = Stage::new().await;
    let away = stage.leave().await;
    assert_eq!(away.query["client_id"], "acme");
    assert_eq!(away.query["redirect_uri"], OWN_CALLBACK);
    assert_eq!(away.query["response_type"], "code");
    assert_eq!(away.query["code_challenge_method"], "S256");
    assert!(away.query["scope"].split(' ').any(|scope| scope == "openid"));
    let Step::Granted(granted) = stage.answer(&away, code()).await.unwrap() else { panic!("refused") };
    assert_eq!(granted.interaction, away.interaction.id().to_text());
    let (form, authorization) = stage.upstream.behaviour().exchanged.clone().unwrap();
    let form: HashMap<String, String> = url::form_urlencoded::parse(form.as_bytes()).into_owned().collect();
    assert_eq!((form["code"].as_str(), form["redirect_uri"].as_str()), ("a-code", OWN_CALLBACK));
    assert_eq!(challenge(&form["code_verifier"]), away.query["code_challenge"]);
    assert!(authorization.starts_with("Basic "));

    let directory = stage.bench.directory();
    let id = directory.by_unique("uid", b"suppliers.erin").unwrap().unwrap();
    let entry = directory.entry(id).unwrap().unwrap();
    let text = |name: &str| entry.first_text(name).map(str::to_owned);
    assert_eq!(directory.dn(id).unwrap().unwrap().to_string(), "uid=suppliers.erin,ou=people,o=acme");
    assert_eq!(text("mail").as_deref(), Some("erin@suppliers.example"));
    assert_eq!(
        (text("cn").as_deref(), text("sn").as_deref(), text("displayName").as_deref()),
        (Some("Erin Example"), Some("Example"), Some("Erin Example"))
    );
    let session = stage.bench.core.session(&stage.bench.pool, granted.session.expose()).await.unwrap().unwrap();
    assert_eq!((session.authentication().entry(), session.authentication().uuid()), (id, entry.uuid()));

    assert_eq!(stage.logged_in().await, "suppliers.erin");
    assert_eq!(stage.bench.outcomes(Action::FederatedLink), [(Outcome::Success, None)]);
    assert_eq!(stage.bench.outcomes(Action::FederatedLogin), [(Outcome::Success, None), (Outcome::Success, None)]);
    assert_eq!(stage.bench.events(Action::FederatedLink)[0].target.as_deref(), Some("uid=suppliers.erin,ou=people,o=acme"));
    assert_eq!(stage.upstream.behaviour().discovered, 1, "what the upstream says about itself is held");
    stage.bench.pass(Duration::from_secs(10 * 60));
    stage.upstream.behaviour().now = stage.bench.now().seconds();
    stage.logged_in().await;
    assert_eq!(stage.upstream.behaviour().discovered, 2, "and not for ever");
}

#[tokio::test]
async fn two_first_logins_at_once_make_one_user() {
    let stage = Stage::new().await;
    let first = stage.leave().await;
    stage.claim("nonce", json!(first.query["nonce"]));
    let waiting = stage.leave().await;
    // Both requests answer with the nonce of the first; the second one is told its own.
    let one = stage.answer(&first, code()).await.unwrap();
    stage.claim("nonce", json!(waiting.query["nonce"]));
    let two = stage.answer(&waiting, code()).await.unwrap();
    assert!(matches!((one, two), (Step::Granted(_), Step::Granted(_))));
    assert_eq!(stage.bench.events(Action::FederatedLink).len(), 1);
}

#[tokio::test]
async fn first_logins_that_race_to_the_commit_make_one_user() {
    let bench = Bench::new().await;
    let identity = erin();
    let directory = bench.directory();
    let decide = || {
        bench.pool.store().decide(|changes| link::find_or_create(&directory, changes, "idp", &identity, bench.now(), &*bench.core.entropy))
    };
    let all = futures_util::future::join_all((0..8).map(|_| decide())).await;
    let entries: Vec<_> = all
        .into_iter()
        .map(|arrival| match arrival.unwrap().linked {
            Linked::Found(entry) | Linked::Created { entry, .. } => entry,
        })
        .collect();
    assert!(entries.iter().all(|entry| *entry == entries[0]), "{entries:?}");
    assert!(directory.by_unique("uid", b"idp.erin-2").unwrap().is_none());
}

/// Gives the uid to somebody else, once, when the id of the new entry is drawn: a free uid has been
/// found by then, and the directory has not looked yet.
struct Thief<'b> {
    bench: &'b Bench,
    uid: &'static str,
    has_stolen: AtomicBool,
}

impl Entropy for Thief<'_> {
    fn fill(&self, buffer: &mut [u8]) {
        let entropy = &*self.bench.core.entropy;
        if buffer.len() == size_of::<u32>() && !self.has_stolen.swap(true, Ordering::Relaxed) {
            let attributes =
                [("objectClass", "inetOrgPerson"), ("uid", self.uid), ("sn", "Thief")].map(|(name, value)| Attribute::new(name, [value]));
            let entry = NewEntry { dn: Dn::parse("cn=thief,ou=people,o=acme").unwrap(), attributes: attributes.to_vec() };
            let mut changes = Changes::new();
            self.bench.directory().add(&mut changes, entry, &operator(), self.bench.now(), entropy).unwrap();
            let commit = || self.bench.pool.store().commit_blocking(changes).unwrap();
            std::thread::scope(|scope| scope.spawn(commit).join()).unwrap();
        }
        entropy.fill(buffer);
    }
}

#[tokio::test]
async fn a_uid_that_is_given_away_while_it_is_looked_at_keeps_nobody_out() {
    let bench = Bench::new().await;
    let (directory, identity) = (bench.directory(), erin());
    let thief = Thief { bench: &bench, uid: "idp.erin", has_stolen: AtomicBool::new(false) };
    let Arrival { linked, .. } = bench
        .pool
        .store()
        .decide(|changes| link::find_or_create(&directory, changes, "idp", &identity, bench.now(), &thief))
        .await
        .unwrap();
    assert!(matches!(&linked, Linked::Created { name, .. } if name == "idp.erin-2"), "{linked:?}");
}

#[tokio::test]
async fn names_and_addresses_that_are_taken_keep_nobody_out() {
    let stage = Stage::new().await;
    stage.bench.user("suppliers.erin", "correct horse").await;
    let id = stage.bench.user("frank", "correct horse").await;
    stage.bench.core.modify_entry(&stage.bench.pool, &operator(), id, &[replace("mail", "erin@suppliers.example")]).await.unwrap();
    assert_eq!(stage.logged_in().await, "suppliers.erin-2");
    let directory = stage.bench.directory();
    assert_eq!(directory.by_unique("mail", b"erin@suppliers.example").unwrap(), Some(id), "an address ties nobody to anybody");
    stage.claim("sub", json!("erin-2"));
    assert_eq!(stage.logged_in().await, "suppliers.erin-3", "another subject is another person");
    stage.claim("sub", json!("erin-1"));
    assert_eq!(stage.logged_in().await, "suppliers.erin-2");
}

#[tokio::test]
async fn odd_names_become_users_too() {
    for (username, uid) in [(json!("Erin, \"E\"+x=y"), "suppliers.Erin, \"E\"+x=y"), (Value::Null, "suppliers.erin-1")] {
        let stage = Stage::new().await;
        stage.claim("preferred_username", username);
        stage.claim("email", json!("not an address, nor ascii: ä"));
        stage.claim("name", Value::Null);
        assert_eq!(stage.logged_in().await, uid);
    }
}

#[tokio::test]
async fn a_deleted_user_comes_back_as_a_new_one() {
    let stage = Stage::new().await;
    stage.logged_in().await;
    let directory = stage.bench.directory();
    let first = directory.by_unique("uid", b"suppliers.erin").unwrap().unwrap();
    stage.bench.core.delete_entry(&stage.bench.pool, &operator(), first).await.unwrap();
    let rows = stage.bench.pool.store().scan(&crate::store::Prefix::space(crate::store::Space::Federated), None).count();
    assert_eq!(rows, 0, "the tie goes with the user");
    assert_eq!(stage.logged_in().await, "suppliers.erin");
    assert_ne!(directory.by_unique("uid", b"suppliers.erin").unwrap().unwrap(), first);
}

/// Of a clock that has gone back: entries are read in an order, whoever brings them.
#[tokio::test]
async fn whom_an_upstream_brings_bears_the_stamp() {
    let stage = Stage::new().await;
    let stamp = stage.bench.hold_back(Duration::from_secs(24 * 60 * 60));
    stage.upstream.behaviour().now = stage.bench.now().seconds();
    assert_eq!(stage.logged_in().await, "suppliers.erin");
    let directory = stage.bench.directory();
    let id = directory.by_unique("uid", b"suppliers.erin").unwrap().unwrap();
    assert_eq!(directory.entry(id).unwrap().unwrap().created(), stamp);
}

/// The clock of an upstream may be a little behind, but a session is as old as it is.
#[tokio::test]
async fn a_session_that_was_there_before_is_no_proof_since() {
    let stage = Stage::new().await;
    let Step::Granted(granted) = stage.login().await else { panic!("refused") };
    let bench = &stage.bench;
    let session = bench.core.session(&bench.pool, granted.session.expose()).await.unwrap().unwrap();
    assert!(session.is_proven_since(bench.now()));
    bench.pass(Duration::from_secs(1));
    assert!(!session.is_proven_since(bench.now()));
}

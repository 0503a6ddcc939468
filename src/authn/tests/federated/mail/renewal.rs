//! What a later login makes of an address that an upstream has given.

use super::*;
use crate::directory::testing;
use crate::federation::UpstreamIdentity;
use crate::federation::link::{self, Arrival};
use std::io::Write;
use std::sync::{Arc, Mutex};
use tracing_subscriber::fmt::MakeWriter;

const BOSS: &str = "boss@pb.example";

impl Stage {
    /// The subject logs in, of whom the upstream says that address.
    async fn login_of(&self, subject: &str, address: Value) -> Option<String> {
        self.claim("sub", json!(subject));
        self.claim("email", address);
        self.upstream.behaviour().user_info = json!({ "sub": subject });
        let uid = self.logged_in().await;
        self.mail_of(&uid)
    }

    /// Who changed entries, and whose upstream took something, by actor.
    fn changed_by(&self, action: Action) -> Vec<String> {
        self.bench.events(action).into_iter().map(|event| event.actor).collect()
    }
}

#[tokio::test]
async fn an_address_for_which_the_provider_no_longer_vouches_is_given_up() {
    let stage = Stage::vouching_for(&["*"]).await;
    assert_eq!(stage.login_of("erin-1", json!(BOSS)).await.as_deref(), Some(BOSS));
    stage.set(|provider| provider.mail_domains = MailDomains::parse(&["partner.example"]).unwrap()).await;
    assert_eq!(stage.login_of("erin-1", json!(BOSS)).await, None);
    assert_eq!(stage.holder("mail", BOSS), None, "anybody may have it now");
    assert_eq!(stage.changed_by(Action::EntryModify), ["federation:suppliers"]);
    assert_eq!(stage.login_of("erin-1", json!(BOSS)).await, None);
    assert_eq!(stage.bench.events(Action::EntryModify).len(), 1, "there is nothing more to give up");
    // It was no decision of an administrator.
    stage.set(|provider| provider.mail_domains = MailDomains::all()).await;
    assert_eq!(stage.login_of("erin-1", json!(BOSS)).await.as_deref(), Some(BOSS));
}

#[tokio::test]
async fn an_address_that_the_upstream_no_longer_says_is_given_up() {
    for (name, value) in [
        ("email", Value::Null),
        ("email", json!("")),
        ("email", json!("e".repeat(300))),
        ("email", json!(BOSS)),
        ("email", json!("\"erin\"@suppliers.example")),
        ("email_verified", json!(false)),
    ] {
        let stage = Stage::new().await;
        assert_eq!(stage.login_of("erin-1", json!(ERIN)).await.as_deref(), Some(ERIN));
        stage.claim(name, value.clone());
        stage.logged_in().await;
        assert_eq!((stage.mail_of("suppliers.erin"), stage.holder("mail", ERIN)), (None, None), "{name}: {value}");
        testing::assert_consistent(&stage.bench.directory());
    }
    // Only what it gave.
    let stage = Stage::new().await;
    stage.login_of("erin-1", json!(ERIN)).await;
    stage.modify("suppliers.erin", replace("mail", "erin@acme.example")).await.unwrap();
    assert_eq!(stage.login_of("erin-1", Value::Null).await.as_deref(), Some("erin@acme.example"));
}

#[tokio::test]
async fn half_an_answer_takes_nothing_from_anybody() {
    let stage = Stage::new().await;
    stage.login_of("erin-1", json!(ERIN)).await;
    stage.claim("email", Value::Null);
    for user_info in [json!("down"), json!({ "sub": "frank" }), json!({})] {
        stage.upstream.behaviour().user_info = user_info.clone();
        assert!(refused(&stage.login().await), "{user_info}");
        assert_eq!(stage.mail_of("suppliers.erin").as_deref(), Some(ERIN), "{user_info}");
    }
    stage.upstream.behaviour().user_info = json!({ "sub": "erin-1", "email": ERIN, "email_verified": true });
    stage.logged_in().await;
    assert_eq!(stage.mail_of("suppliers.erin").as_deref(), Some(ERIN));
    stage.upstream.behaviour().user_info = json!({ "sub": "erin-1" });
    stage.logged_in().await;
    assert_eq!(stage.mail_of("suppliers.erin"), None, "all of an answer, and no address in it");
}

#[tokio::test]
async fn an_address_passes_on_with_the_word_of_its_upstream() {
    for new_comes_first in [false, true] {
        let stage = Stage::new().await;
        assert_eq!(stage.login_of("erin-1", json!(ERIN)).await.as_deref(), Some(ERIN));
        if new_comes_first {
            assert_eq!(stage.login_of("erin-2", json!("evans@suppliers.example")).await.as_deref(), Some("evans@suppliers.example"));
        }
        assert_eq!(stage.login_of("erin-2", json!(ERIN)).await.as_deref(), Some(ERIN));
        assert_eq!((stage.mail_of("suppliers.erin"), stage.holder("mail", "evans@suppliers.example")), (None, None));
        let yielded = stage.bench.events(Action::FederatedYield);
        assert_eq!(yielded.iter().map(|event| event.actor.as_str()).collect::<Vec<_>>(), ["federation:suppliers"]);
        assert_eq!(yielded[0].target.as_deref(), Some("uid=suppliers.erin,ou=people,o=acme"));
        testing::assert_consistent(&stage.bench.directory());
        // Whoever lost it has what the upstream says of them, as ever.
        assert_eq!(stage.login_of("erin-1", json!("e@suppliers.example")).await.as_deref(), Some("e@suppliers.example"));
        assert_eq!(stage.mail_of("suppliers.erin-2").as_deref(), Some(ERIN));
    }
}

#[tokio::test]
async fn an_address_passes_on_from_nobody_else() {
    // What an administrator has decided, about either of the two.
    let stage = Stage::new().await;
    stage.login_of("erin-1", json!("e@suppliers.example")).await;
    stage.modify("suppliers.erin", replace("mail", ERIN)).await.unwrap();
    assert_eq!(stage.login_of("erin-2", json!(ERIN)).await, None);
    assert_eq!(stage.mail_of("suppliers.erin").as_deref(), Some(ERIN));
    stage.modify("suppliers.erin-2", replace("mail", "second@acme.example")).await.unwrap();
    assert_eq!(stage.login_of("erin-3", json!("third@suppliers.example")).await.as_deref(), Some("third@suppliers.example"));
    assert_eq!(stage.login_of("erin-2", json!("third@suppliers.example")).await.as_deref(), Some("second@acme.example"));
    assert_eq!(stage.mail_of("suppliers.erin-3").as_deref(), Some("third@suppliers.example"));

    // What another upstream says, under another name or as another issuer, and a local person.
    let bench = Bench::new().await;
    let directory = bench.directory();
    let arrive = async |provider: &str, issuer: &str, subject: &str| {
        let identity = UpstreamIdentity {
            issuer: issuer.into(),
            subject: subject.into(),
            username: None,
            mail: Some(ERIN.into()),
            mail_elsewhere: None,
            name: None,
            given_name: None,
            family_name: None,
            logged_in: None,
        };
        let find =
            |changes: &mut Changes| link::find_or_create(&directory, changes, provider, &identity, bench.now(), &*bench.core.entropy);
        let Arrival { told, .. } = bench.pool.store().decide(find).await.unwrap();
        (directory.by_unique("mail", ERIN.as_bytes()).unwrap().unwrap(), told.len())
    };
    let (first, _) = arrive("one", "https://one.example", "1").await;
    for (provider, issuer) in [("two", "https://one.example"), ("one", "https://two.example")] {
        assert_eq!(arrive(provider, issuer, "2").await, (first, 0), "{provider} {issuer}");
    }
    let (second, told) = arrive("one", "https://one.example", "2").await;
    assert!(second != first && told == 1);
    let id = bench.user("frank", "correct horse").await;
    bench.core.modify_entry(&bench.pool, &operator(), second, &[replace("mail", "x@acme.example")]).await.unwrap();
    bench.core.modify_entry(&bench.pool, &operator(), id, &[replace("mail", ERIN)]).await.unwrap();
    assert_eq!(arrive("one", "https://one.example", "3").await, (id, 0));

    // Nor does whoever is refused take anything.
    let stage = Stage::new().await;
    stage.login_of("erin-2", json!("e@suppliers.example")).await;
    stage.login_of("erin-1", json!(ERIN)).await;
    stage.bench.disable(stage.holder("uid", "suppliers.erin").unwrap(), true).await;
    stage.claim("sub", json!("erin-2"));
    assert!(!matches!(stage.login().await, Step::Granted(_)));
    assert_eq!(stage.mail_of("suppliers.erin-2").as_deref(), Some(ERIN));
}

#[tokio::test]
async fn an_address_of_an_earlier_version_passes_on_where_nobody_else_wrote_the_entry() {
    for an_administrator_wrote in [false, true] {
        let stage = Stage::new().await;
        stage.login_of("erin-1", json!(ERIN)).await;
        let id = stage.holder("uid", "suppliers.erin").unwrap();
        federation::testing::forget_mail_origin(&stage.bench.pool, id).await;
        if an_administrator_wrote {
            stage.bench.disable(id, true).await;
        }
        assert_eq!(stage.login_of("erin-2", json!(ERIN)).await.is_none(), an_administrator_wrote);
        assert_eq!(stage.mail_of("suppliers.erin").is_some(), an_administrator_wrote);
    }
}

/// The name by which somebody logs in is no address of anybody else.
#[tokio::test]
async fn an_address_that_is_the_uid_of_somebody_is_given_to_nobody_else() {
    let stage = Stage::vouching_for(&["*"]).await;
    let mut entry = user(BOSS, Some("correct horse"));
    entry.attributes.retain(|attribute| attribute.name != "mail");
    stage.bench.core.add_entry(&stage.bench.pool, &operator(), entry).await.unwrap();
    assert_eq!(stage.login_of("erin-1", json!(BOSS)).await, None);
    assert_eq!(stage.login_of("erin-1", json!(ERIN)).await.as_deref(), Some(ERIN));
    assert_eq!(stage.login_of("erin-1", json!(BOSS)).await, None);
}

/// Entries that can take no address any more, each filled in another way: the login goes on, and
/// not a row is left of the attempt. An address of before goes all the same.
#[tokio::test]
async fn an_address_for_which_there_is_no_room_is_left_out_whole() {
    let long = format!("{}@suppliers.example", "0123456789abcdef".repeat(4));
    for before in [None, Some(ERIN)] {
        let mut left_out = 0;
        for (how, steps) in testing::fillings() {
            let stage = Stage::new().await;
            assert_eq!(stage.login_of("erin-1", json!(before)).await.as_deref(), before);
            let id = stage.holder("uid", "suppliers.erin").unwrap();
            for step in steps {
                // Some of them are too many: administrators fill an entry further than its person.
                let _ = stage.bench.core.modify_entry(&stage.bench.pool, &operator(), id, &[step]).await;
            }
            let mail = stage.login_of("erin-1", json!(long)).await;
            assert!(mail.is_none() || mail.as_deref() == Some(&long), "{how}: {mail:?}");
            assert_eq!((stage.holder("mail", &long).is_some(), stage.holder("mail", ERIN)), (mail.is_some(), None), "{how}");
            testing::assert_consistent(&stage.bench.directory());
            left_out += usize::from(mail.is_none());
        }
        assert!(left_out > 0, "none of them is full");
    }
}

/// What is logged, and whether the user of the upstream was there by then.
#[derive(Clone)]
struct Watch {
    directory: crate::directory::Directory,
    seen: Arc<Mutex<Vec<(String, bool)>>>,
}

impl Write for Watch {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let text = String::from_utf8_lossy(bytes).into_owned();
        if text.contains("WARN") {
            let is_there = self.directory.by_unique("uid", b"suppliers.erin").unwrap().is_some();
            self.seen.lock().unwrap().push((text, is_there));
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Watch {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn what_becomes_of_addresses_is_logged_once_it_is_so() {
    let stage = Stage::new().await;
    let watch = Watch { directory: stage.bench.directory(), seen: Arc::default() };
    let subscriber = tracing_subscriber::fmt().with_writer(watch.clone()).finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let logged = || std::mem::take(&mut *watch.seen.lock().unwrap());
    stage.login_of("erin-1", json!(BOSS)).await;
    let seen = logged();
    assert!(matches!(seen.as_slice(), [(text, true)] if text.contains("pb.example") && text.contains("mail_domains")), "{seen:?}");
    stage.login_of("erin-1", json!(ERIN)).await;
    assert_eq!(logged(), []);
    stage.login_of("erin-2", json!(ERIN)).await;
    let seen = logged();
    assert!(matches!(seen.as_slice(), [(text, _)] if text.contains("has lost the mail address erin@suppliers.example")), "{seen:?}");
    stage.login_of("erin-2", json!(BOSS)).await;
    let seen = logged();
    assert!(matches!(seen.as_slice(), [(text, _)] if text.contains("suppliers.erin-2") && text.contains("has lost")), "{seen:?}");
    // Whoever is refused has got and lost nothing.
    stage.bench.disable(stage.holder("uid", "suppliers.erin").unwrap(), true).await;
    stage.login_of("erin-2", json!(ERIN)).await;
    logged();
    stage.claim("sub", json!("erin-1"));
    stage.login().await;
    let seen = logged();
    assert!(!seen.iter().any(|(text, _)| text.contains("mail address")), "{seen:?}");
}

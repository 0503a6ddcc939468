//! Both sides of a lock: who fails with a name from where, and with how many names an address
//! fails.

use super::super::{BrowserMark, Demands, Granted, Kept, Message, Origin, Step, testing::*};
use crate::{
    audit::{Action, Outcome, Reason},
    model::{Days, EntryId, Face, Kind, Secret, error::Shortage},
    store::Space,
    work::testing::{fill, keep_busy},
};
use std::{net::IpAddr, sync::Arc, time::Duration};

const RIGHT: &str = "correct horse";

fn address(number: u8) -> IpAddr {
    [198, 51, 100, number].into()
}

fn ldap_from(number: u8) -> Origin {
    Origin { face: Face::Ldap, address: Some(address(number)) }
}

/// Whether a bind from there succeeds.
async fn binds(bench: &Bench, number: u8, name: &str, password: &str) -> bool {
    bench.core.bind(&bench.pool, &uid(name), &password.into(), ldap_from(number)).await.is_ok()
}

async fn fail(bench: &Bench, number: u8, name: &str, times: u16) {
    for _ in 0..times {
        assert!(!binds(bench, number, name, "a guess").await);
    }
}

/// What the login page says to somebody from there with that mark.
async fn page_says(bench: &Bench, number: u8, name: &str, password: &str, mark: Option<&BrowserMark>) -> Result<Granted, Option<Message>> {
    let browser = bench.browser("one");
    let interaction = bench.begin(Demands::default());
    let origin = Origin { face: Face::Login, address: Some(address(number)) };
    let (password, kept) = (secret(password), Kept { session: None, mark });
    match bench.core.login_password(&bench.pool, &interaction, &browser, name, &password, kept, origin).await.unwrap() {
        Step::Granted(granted) => Ok(granted),
        Step::Ask(_, message) => Err(message),
        other => panic!("{other:?}"),
    }
}

async fn reasons(bench: &Bench, action: Action) -> Vec<(Option<Reason>, u32)> {
    bench.core.flush_audit().await.unwrap();
    bench.events(action).iter().filter(|event| event.outcome == Outcome::Failure).map(|event| (event.reason, event.count)).collect()
}

#[tokio::test]
async fn strangers_lock_out_strangers_and_not_the_person_where_they_have_been() {
    let bench = Bench::new().await;
    bench.user("alice", RIGHT).await;
    assert!(binds(&bench, 1, "alice", RIGHT).await);
    fail(&bench, 66, "alice", THRESHOLD).await;
    assert!(!binds(&bench, 66, "alice", RIGHT).await, "the one who guessed");
    assert!(!binds(&bench, 67, "alice", RIGHT).await, "another stranger");
    assert!(binds(&bench, 1, "alice", RIGHT).await);
    // The cache of verified passwords has nothing to say about that.
    assert!(!binds(&bench, 67, "alice", RIGHT).await);
    // Where she has been she has guesses of her own.
    fail(&bench, 1, "alice", THRESHOLD).await;
    assert!(!binds(&bench, 1, "alice", RIGHT).await);
    bench.pass(settings().lockout.duration.duration());
    assert!(binds(&bench, 67, "alice", RIGHT).await && binds(&bench, 1, "alice", RIGHT).await);
}

/// A right password that is answered sooner than a wrong one would be found, locked or not.
#[tokio::test]
async fn who_is_kept_out_pays_for_a_right_password_that_others_have_had_verified() {
    let bench = Bench::new().await;
    bench.change_settings(|settings| settings.lockout.sources.names = 3).await;
    bench.user("alice", RIGHT).await;
    bench.user("bob", RIGHT).await;
    for name in ["alice", "bob"] {
        assert!(binds(&bench, 1, name, RIGHT).await);
    }
    fail(&bench, 66, "alice", THRESHOLD).await;
    for name in ["x", "y", "z"] {
        binds(&bench, 67, name, "a guess").await;
    }
    // Locked, and slowed.
    for (number, name) in [(66, "alice"), (67, "bob")] {
        assert!(binds(&bench, 1, name, RIGHT).await);
        assert!(binds(&bench, 1, name, RIGHT).await);
        for password in [RIGHT, "a guess"] {
            let runs = bench.runs();
            assert!(!binds(&bench, number, name, password).await);
            assert_eq!(bench.runs() - runs, 1, "{name} {password}");
        }
        let runs = bench.runs();
        assert!(binds(&bench, 1, name, RIGHT).await);
        assert_eq!(bench.runs(), runs, "{name}: at home it is remembered");
    }
}

#[tokio::test]
async fn who_comes_from_no_address_is_a_stranger() {
    let bench = Bench::new().await;
    bench.user("alice", RIGHT).await;
    let nowhere = Origin { face: Face::Ldap, address: None };
    let bind = |password: &str| {
        let password = Secret::from(password);
        let bench = &bench;
        async move { bench.core.bind(&bench.pool, &uid("alice"), &password, nowhere).await.is_ok() }
    };
    assert!(bind(RIGHT).await);
    for _ in 0..THRESHOLD {
        assert!(!bind("a guess").await);
    }
    assert!(!bind(RIGHT).await);
    for number in 0..100 {
        assert!(bench.core.bind(&bench.pool, &uid(&format!("nobody{number}")), &secret("x"), nowhere).await.is_err());
    }
    assert_eq!(reasons(&bench, Action::Bind).await.iter().filter(|(reason, _)| *reason == Some(Reason::Throttled)).count(), 0);
}

#[tokio::test]
async fn a_success_from_a_new_source_is_written_once() {
    let bench = Bench::new().await;
    bench.user("alice", RIGHT).await;
    assert!(binds(&bench, 1, "alice", RIGHT).await);
    for (number, commits) in [(1, 0), (1, 0), (2, 1), (2, 0), (1, 0), (2, 0)] {
        let before = bench.store.statistics().commits;
        assert!(binds(&bench, number, "alice", RIGHT).await);
        assert_eq!(bench.store.statistics().commits - before, commits, "{number}");
    }
}

#[tokio::test]
async fn what_was_read_for_a_bind_holds_for_its_address_only() {
    let bench = Bench::new().await;
    bench.user("alice", RIGHT).await;
    let bind = |number| {
        let bench = &bench;
        async move {
            let gets = bench.store.statistics().gets;
            let granted = bench.core.bind_as("alice@acme", &secret(RIGHT), ldap_from(number)).await.is_ok();
            (granted, bench.store.statistics().gets == gets)
        }
    };
    for _ in 0..3 {
        bind(1).await;
    }
    assert_eq!(bind(1).await, (true, true));
    assert_eq!(bind(2).await, (true, false), "a source that is new to her is written down");
    for number in [1, 2] {
        bind(number).await;
        assert_eq!(bind(number).await, (true, true), "each keeps its own");
    }
    assert_eq!(bind(1).await, (true, true));
}

#[tokio::test]
async fn a_browser_that_was_used_before_is_let_through_wherever_it_is() {
    let bench = Bench::new().await;
    bench.user("alice", RIGHT).await;
    let granted = page_says(&bench, 1, "alice", RIGHT, None).await.unwrap();
    assert_eq!(granted.known_for, Days(180).duration());
    let again = page_says(&bench, 1, "alice", RIGHT, Some(&granted.mark)).await.unwrap();
    assert_eq!(again.mark.expose(), granted.mark.expose(), "a browser keeps its mark");
    fail(&bench, 66, "alice", THRESHOLD).await;
    let stranger = BrowserMark::draw(&*bench.core.entropy);
    assert_eq!(page_says(&bench, 66, "alice", RIGHT, None).await.err(), Some(Some(Message::Credentials)));
    assert_eq!(page_says(&bench, 66, "alice", RIGHT, Some(&stranger)).await.err(), Some(Some(Message::Credentials)));
    page_says(&bench, 66, "alice", RIGHT, Some(&granted.mark)).await.unwrap();
}

#[tokio::test]
async fn a_stolen_mark_proves_nothing_and_gives_few_guesses() {
    let bench = Bench::new().await;
    for name in ["alice", "bob"] {
        bench.user(name, RIGHT).await;
    }
    let mark = page_says(&bench, 1, "alice", RIGHT, None).await.unwrap().mark;
    for _ in 0..THRESHOLD {
        assert!(page_says(&bench, 66, "alice", "a guess", Some(&mark)).await.is_err());
    }
    assert!(page_says(&bench, 66, "alice", RIGHT, Some(&mark)).await.is_err(), "locked for that browser");
    assert!(binds(&bench, 67, "alice", RIGHT).await, "and for nobody else");
    fail(&bench, 66, "bob", THRESHOLD).await;
    assert!(page_says(&bench, 66, "bob", RIGHT, Some(&mark)).await.is_err(), "it is hers, not his");
}

#[tokio::test]
async fn several_people_of_one_browser_are_each_known_in_it() {
    let bench = Bench::new().await;
    let mut mark = None;
    for name in ["alice", "bob"] {
        bench.user(name, RIGHT).await;
        mark = Some(page_says(&bench, 1, name, RIGHT, mark.as_ref()).await.unwrap().mark);
    }
    for name in ["alice", "bob"] {
        fail(&bench, 66, name, THRESHOLD).await;
        page_says(&bench, 67, name, RIGHT, mark.as_ref()).await.unwrap();
    }
}

#[tokio::test]
async fn another_password_forgets_where_the_former_was_used() {
    let bench = Bench::new().await;
    let id = bench.user("alice", RIGHT).await;
    let mark = page_says(&bench, 1, "alice", RIGHT, None).await.unwrap().mark;
    bench.core.set_password(&bench.pool, &operator(), id, None, Some(secret("battery staple"))).await.unwrap();
    fail(&bench, 66, "alice", THRESHOLD).await;
    assert!(!binds(&bench, 1, "alice", "battery staple").await);
    assert!(page_says(&bench, 1, "alice", "battery staple", Some(&mark)).await.is_err());
}

#[tokio::test]
async fn an_administrator_lifts_the_locks_of_all_sources_and_leaves_them_known() {
    let bench = Bench::new().await;
    let id = bench.user("alice", RIGHT).await;
    assert!(binds(&bench, 1, "alice", RIGHT).await);
    for number in [1, 66] {
        fail(&bench, number, "alice", THRESHOLD).await;
        assert!(!binds(&bench, number, "alice", RIGHT).await);
    }
    bench.core.unlock(&bench.pool, &operator(), id).await.unwrap();
    assert!(binds(&bench, 1, "alice", RIGHT).await && binds(&bench, 66, "alice", RIGHT).await);
    fail(&bench, 67, "alice", THRESHOLD).await;
    assert!(binds(&bench, 1, "alice", RIGHT).await);
}

#[tokio::test]
async fn where_nobody_is_to_be_known_strangers_lock_everybody() {
    let bench = Bench::new().await;
    bench.change_settings(|settings| settings.lockout.sources.known = Days(0)).await;
    bench.user("alice", RIGHT).await;
    let granted = page_says(&bench, 1, "alice", RIGHT, None).await.unwrap();
    assert_eq!(granted.known_for, Duration::ZERO, "no cookie is kept");
    fail(&bench, 66, "alice", THRESHOLD).await;
    assert!(!binds(&bench, 1, "alice", RIGHT).await);
}

/// The names of people and of nobody, in turns.
async fn names(bench: &Bench, count: usize) -> Vec<String> {
    let mut names = Vec::new();
    for number in 0..count {
        let name = format!("name{number}");
        if number % 2 == 0 {
            bench.user(&name, RIGHT).await;
        }
        names.push(name);
    }
    names
}

#[tokio::test]
async fn spraying_names_slows_the_address_and_nobody_else() {
    let bench = Bench::new().await;
    bench.change_settings(|settings| settings.lockout.sources.names = 10).await;
    let names = names(&bench, 30).await;
    for name in &names {
        let before = (bench.runs(), bench.store.statistics().commits);
        assert!(!binds(&bench, 66, name, "a guess").await);
        let after = (bench.runs(), bench.store.statistics().commits);
        assert_eq!((after.0 - before.0, after.1 - before.1), (1, 1), "{name}: the work of one failure");
    }
    let told = reasons(&bench, Action::Bind).await;
    let count = |wanted| told.iter().filter(|(reason, _)| *reason == Some(wanted)).map(|(_, count)| count).sum::<u32>();
    assert_eq!((count(Reason::WrongPassword), count(Reason::UnknownName), count(Reason::Throttled)), (5, 5, 20));
    assert!(!binds(&bench, 66, "name28", RIGHT).await, "what it finds it is not told");
    assert!(binds(&bench, 66, "name8", RIGHT).await, "who has mistyped can mend it");
    assert!(binds(&bench, 67, "name28", RIGHT).await, "elsewhere nothing is slowed");
    assert!(binds(&bench, 66, "name26", RIGHT).await, "the one who got in has made room, and given back a place");
    bench.pass(settings().lockout.window.duration());
    assert!(binds(&bench, 66, "name28", RIGHT).await);
}

#[tokio::test]
async fn an_application_through_which_somebody_sprays_goes_on_for_whom_it_knows() {
    let bench = Bench::new().await;
    bench.change_settings(|settings| settings.lockout.sources.names = 10).await;
    bench.user("alice", RIGHT).await;
    bench.user("newcomer", RIGHT).await;
    let application = 1;
    assert!(binds(&bench, application, "alice", RIGHT).await);
    for number in 0..50 {
        binds(&bench, application, &format!("nobody{number}"), "a guess").await;
    }
    assert!(!binds(&bench, application, "newcomer", RIGHT).await, "it is slowed");
    assert!(binds(&bench, application, "alice", RIGHT).await);
    fail(&bench, application, "alice", THRESHOLD - 1).await;
    assert!(binds(&bench, application, "alice", RIGHT).await, "and she may mistype");
}

#[tokio::test]
async fn what_one_person_mistypes_all_day_slows_no_address() {
    let bench = Bench::new().await;
    for name in ["alice", "bob", "carol"] {
        bench.user(name, RIGHT).await;
    }
    assert!(binds(&bench, 1, "alice", RIGHT).await);
    for name in ["alice", "bob"] {
        fail(&bench, 1, name, 100).await;
    }
    assert!(binds(&bench, 1, "carol", RIGHT).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_hundred_names_at_once_find_no_more_room_than_one_after_the_other() {
    let bench = Arc::new(Bench::new().await);
    bench.change_settings(|settings| settings.lockout.sources.names = 10).await;
    let guesses: Vec<_> = (0..100)
        .map(|number| {
            let bench = Arc::clone(&bench);
            tokio::spawn(async move { binds(&bench, 66, &format!("nobody{number}"), "a guess").await })
        })
        .collect();
    for guess in guesses {
        assert!(!guess.await.unwrap());
    }
    let told = reasons(&bench, Action::Bind).await;
    let count = |wanted| told.iter().filter(|(reason, _)| *reason == Some(wanted)).map(|(_, count)| count).sum::<u32>();
    assert_eq!((count(Reason::UnknownName), count(Reason::Throttled)), (10, 90));
}

#[tokio::test]
async fn addresses_of_people_are_not_kept_in_the_clear() {
    let bench = Bench::new().await;
    let id: EntryId = bench.user("alice", RIGHT).await;
    let mark = page_says(&bench, 1, "alice", RIGHT, None).await.unwrap().mark;
    let prefix = crate::store::Prefix::credentials(id);
    let rows: Vec<_> = bench.pool.store().scan(&prefix, None).map(|row| row.unwrap().1.value).collect();
    assert_eq!(rows.len(), 2, "the password, and its history");
    for row in &rows {
        for secret in [address(1).to_string().into_bytes(), vec![198, 51, 100, 1], mark.expose().as_bytes().to_vec()] {
            assert!(!row.windows(secret.len()).any(|window| window == secret));
        }
    }
    assert_eq!(bench.pool.store().scan(&crate::store::Prefix::space(Space::Throttle), None).count(), 0);
}

/// However many strangers guess, each from an address of their own: whoever comes from where they
/// have been does not wait behind them.
#[tokio::test]
async fn strangers_do_not_stand_before_the_person_where_they_have_been() {
    let bench = Arc::new(Bench::new().await);
    bench.user("alice", RIGHT).await;
    assert!(binds(&bench, 1, "alice", RIGHT).await);
    // Nothing of it is remembered but the place.
    bench.pass(Duration::from_secs(61));
    let work = &bench.core.work;
    let busy = keep_busy(work).await;
    fill(work, bench.pool.id(), 1000).await;
    assert!(!binds(&bench, 2, "alice", RIGHT).await, "there is no place for one stranger more");
    let known = {
        let bench = Arc::clone(&bench);
        tokio::spawn(async move { binds(&bench, 1, "alice", RIGHT).await })
    };
    let refused = work.refused();
    while work.refused() == refused {
        tokio::task::yield_now().await;
    }
    busy.end().await;
    assert!(known.await.unwrap());
}

/// Whoever guesses at a name from where its person has been is no better off than elsewhere.
#[tokio::test]
async fn whoever_is_locked_out_waits_with_the_strangers() {
    let bench = Bench::new().await;
    bench.user("alice", RIGHT).await;
    assert!(binds(&bench, 1, "alice", RIGHT).await);
    fail(&bench, 1, "alice", THRESHOLD).await;
    let work = &bench.core.work;
    let busy = keep_busy(work).await;
    fill(work, bench.pool.id(), 1000).await;
    let (name, password) = (uid("alice"), RIGHT.into());
    let refused = bench.core.bind(&bench.pool, &name, &password, ldap_from(1));
    let refused = tokio::time::timeout(Duration::from_secs(30), refused).await.expect("it finds no place").unwrap_err();
    assert!(matches!(refused.kind(), Kind::Unavailable(Shortage::Busy)), "{refused}");
    busy.end().await;
}

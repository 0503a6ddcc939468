//! Waiting requests and the login pages over them.

use super::super::{BrowserKey, Demands, Kept, Level, Message, NewInteraction, ReturnPoint, Step, interaction::*, testing::*};
use crate::{
    audit::{Action, Outcome, Reason},
    model::{
        Kind,
        error::{Denial, Shortage},
    },
    store::{Changes, CommitError, Prefix, Space},
};
use std::{net::IpAddr, time::Duration};

async fn login(bench: &Bench, id: &str, browser: &BrowserKey, name: &str, password: &str, previous: Option<&str>) -> Step {
    bench
        .core
        .login_password(&bench.pool, id, browser, name, &secret(password), Kept { session: previous, mark: None }, page())
        .await
        .unwrap()
}

fn message(step: &Step) -> Option<Message> {
    match step {
        Step::Ask(_, message) => *message,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_waiting_request_comes_back_to_its_browser_only() {
    let bench = Bench::new().await;
    let browser = bench.browser("one");
    let demands =
        Demands { force: true, max_age: Some(Duration::from_secs(60)), acr: Some(Level::Single), login_hint: Some("alice".into()) };
    let payload: Vec<u8> = (0..MAX_PAYLOAD).map(|number| u8::try_from(number % 251).unwrap()).collect();
    let new = NewInteraction {
        return_point: ReturnPoint::SamlSso,
        application: "Ä".repeat(400),
        payload: payload.clone(),
        demands: demands.clone(),
    };
    let id = bench.core.begin(&bench.pool, new.clone(), &browser, Some(ADDRESS)).await.unwrap();
    let found = bench.core.interaction(&bench.pool, id.as_str(), &browser).unwrap().unwrap();
    assert_eq!((found.payload(), found.demands(), found.return_point()), (payload.as_slice(), &demands, ReturnPoint::SamlSso));
    assert_eq!((found.created(), found.application().len()), (bench.now(), 256));
    assert!(bench.core.interaction(&bench.pool, id.as_str(), &bench.browser("two")).unwrap().is_none());
    for other in ["", "x", &"A".repeat(43), &id.as_str()[1..], &format!("{}A", id.as_str())] {
        assert!(bench.core.interaction(&bench.pool, other, &browser).unwrap().is_none(), "{other}");
    }
    let large = NewInteraction { payload: vec![0; MAX_PAYLOAD + 1], ..new };
    assert!(matches!(bench.core.begin(&bench.pool, large, &browser, None).await.unwrap_err().kind(), Kind::Invalid(_)));
}

#[tokio::test]
async fn a_waiting_request_is_consumed_once() {
    let bench = Bench::new().await;
    let browser = bench.browser("one");
    let id = bench.begin(&browser, Demands::default()).await;
    let found = bench.core.interaction(&bench.pool, &id, &browser).unwrap().unwrap();
    let consume = || {
        let mut changes = Changes::new();
        bench.core.consume(&found, &mut changes);
        bench.pool.store().commit(changes)
    };
    consume().await.unwrap();
    assert_eq!(consume().await.unwrap_err(), CommitError::Conflict);
    assert!(bench.core.interaction(&bench.pool, &id, &browser).unwrap().is_none());
    assert_eq!(bench.pool.store().scan(&Prefix::space(Space::Interaction), None).count(), 0);
}

#[tokio::test]
async fn a_waiting_request_ends_by_itself() {
    let bench = Bench::new().await;
    let browser = bench.browser("one");
    let id = bench.begin(&browser, Demands::default()).await;
    bench.pass(MAX_AGE - Duration::from_secs(1));
    assert!(bench.core.interaction(&bench.pool, &id, &browser).unwrap().is_some());
    bench.pass(Duration::from_secs(1));
    assert!(bench.core.interaction(&bench.pool, &id, &browser).unwrap().is_none());
    bench.store.sweep(bench.now(), 100).await.unwrap();
    assert_eq!(bench.pool.store().scan(&Prefix::space(Space::Interaction), None).count(), 0);
}

#[tokio::test]
async fn waiting_requests_are_capped_for_each_address() {
    let bench = Bench::new().await;
    let browser = bench.browser("one");
    let new = || NewInteraction {
        return_point: ReturnPoint::Authorize,
        application: String::new(),
        payload: vec![1],
        demands: Demands::default(),
    };
    let address: IpAddr = "2001:db8::1".parse().unwrap();
    let begun = (0..MAX_PER_ADDRESS).map(|_| bench.core.begin(&bench.pool, new(), &browser, Some(address)));
    for begun in futures_util::future::join_all(begun).await {
        begun.unwrap();
    }
    let neighbour: IpAddr = "2001:db8::2".parse().unwrap();
    for refused in [address, neighbour] {
        let error = bench.core.begin(&bench.pool, new(), &browser, Some(refused)).await.unwrap_err();
        assert_eq!(*error.kind(), Kind::Unavailable(Shortage::Busy), "one /64 is one address");
    }
    let elsewhere: IpAddr = "2001:db8:0:1::1".parse().unwrap();
    bench.core.begin(&bench.pool, new(), &browser, Some(elsewhere)).await.unwrap();
    bench.pass(MAX_AGE);
    bench.core.begin(&bench.pool, new(), &browser, Some(address)).await.unwrap();
}

#[tokio::test]
async fn counting_the_requests_of_an_address_reads_no_payload() {
    let bench = Bench::new().await;
    let browser = bench.browser("one");
    let begin = || async {
        let new = NewInteraction {
            return_point: ReturnPoint::Authorize,
            application: String::new(),
            payload: vec![1; MAX_PAYLOAD],
            demands: Demands::default(),
        };
        bench.core.begin(&bench.pool, new, &browser, Some(ADDRESS)).await.unwrap()
    };
    for waiting in 0..10 {
        let before = bench.store.statistics().scanned;
        let id = begin().await;
        assert_eq!(bench.store.statistics().scanned - before, waiting);
        let stored = bench.core.interaction(&bench.pool, id.as_str(), &browser).unwrap().unwrap();
        assert_eq!(stored.payload(), [1; MAX_PAYLOAD]);
    }
}

#[tokio::test]
async fn a_login_gives_a_session_and_the_way_back() {
    let bench = Bench::new().await;
    let id = bench.user("alice", "correct horse").await;
    let browser = bench.browser("one");
    let interaction = bench.begin(&browser, Demands::default()).await;
    let step = login(&bench, &interaction, &browser, "alice", "correct horse", None).await;
    let Step::Granted(granted) = step else { panic!("{step:?}") };
    assert_eq!((granted.return_point, granted.interaction.as_str()), (ReturnPoint::Authorize, interaction.as_str()));
    let session = bench.core.session(&bench.pool, granted.session.expose()).await.unwrap().unwrap();
    assert_eq!((session.authentication().entry(), session.authentication().at()), (id, bench.now()));
    assert_eq!(bench.outcomes(Action::Login), [(Outcome::Success, None)]);
}

#[tokio::test]
async fn the_session_id_changes_at_login_and_the_former_session_ends() {
    let bench = Bench::new().await;
    bench.user("alice", "correct horse").await;
    let browser = bench.browser("one");
    let interaction = bench.begin(&browser, Demands::default()).await;
    let Step::Granted(first) = login(&bench, &interaction, &browser, "alice", "correct horse", None).await else { panic!() };
    let first = first.session.expose().as_str();
    assert!(matches!(login(&bench, &interaction, &browser, "alice", "a guess", Some(first)).await, Step::Ask(..)));
    assert!(bench.core.session(&bench.pool, first).await.unwrap().is_some(), "a failed login ends no session");
    let Step::Granted(second) = login(&bench, &interaction, &browser, "alice", "correct horse", Some(first)).await else { panic!() };
    assert_ne!(first, second.session.expose());
    assert!(bench.core.session(&bench.pool, first).await.unwrap().is_none());
    assert!(bench.core.session(&bench.pool, second.session.expose()).await.unwrap().is_some());
}

#[tokio::test]
async fn a_page_tells_nobody_apart_before_the_password_is_right() {
    let bench = Bench::new().await;
    for name in ["alice", "disabled", "locked", "expired", "change"] {
        bench.user(name, "correct horse").await;
    }
    let entry = |name: &str| bench.directory().by_unique("uid", name.as_bytes()).unwrap().unwrap();
    bench.disable(entry("disabled"), true).await;
    bench.restrict_password(entry("expired"), false, Some(bench.now())).await;
    bench.restrict_password(entry("change"), true, None).await;
    for _ in 0..THRESHOLD {
        bench.binds("locked", "a guess").await;
    }
    let browser = bench.browser("one");
    let interaction = bench.begin(&browser, Demands::default()).await;
    let shown = async |name: &str, password: &str| message(&login(&bench, &interaction, &browser, name, password, None).await);
    for name in ["alice", "disabled", "locked", "expired", "change", "nobody", ""] {
        assert_eq!(shown(name, "a guess").await, Some(Message::Credentials), "{name}");
    }
    for name in ["disabled", "locked"] {
        assert_eq!(shown(name, "correct horse").await, Some(Message::Credentials), "{name}");
    }
    assert_eq!(shown("expired", "correct horse").await, Some(Message::Expired));
    assert_eq!(shown("change", "correct horse").await, Some(Message::MustChange));
}

#[tokio::test]
async fn what_an_application_demands_and_nobody_can_give_is_said() {
    let bench = Bench::new().await;
    bench.user("alice", "correct horse").await;
    let browser = bench.browser("one");
    let interaction = bench.begin(&browser, Demands { acr: Some(Level::Multiple), ..Demands::default() }).await;
    let step = login(&bench, &interaction, &browser, "alice", "correct horse", None).await;
    assert_eq!(message(&step), Some(Message::FactorRequired));
    assert_eq!(bench.outcomes(Action::Login), [(Outcome::Failure, Some(Reason::FactorRequired))]);
}

#[tokio::test]
async fn pages_and_ldap_share_the_lockout() {
    let bench = Bench::new().await;
    bench.user("alice", "correct horse").await;
    let browser = bench.browser("one");
    let interaction = bench.begin(&browser, Demands::default()).await;
    for guess in 0..THRESHOLD {
        if guess % 2 == 0 {
            login(&bench, &interaction, &browser, "alice", "a guess", None).await;
        } else {
            bench.binds("alice", "a guess").await;
        }
    }
    assert!(!bench.binds("alice", "correct horse").await);
    let step = login(&bench, &interaction, &browser, "alice", "correct horse", None).await;
    assert_eq!(message(&step), Some(Message::Credentials));
    bench.core.flush_audit().await.unwrap();
    assert_eq!(bench.outcomes(Action::Login).last(), Some(&(Outcome::Failure, Some(Reason::Locked))));
}

#[tokio::test]
async fn nobody_logs_in_to_the_request_of_another_browser() {
    let bench = Bench::new().await;
    bench.user("alice", "correct horse").await;
    let interaction = bench.begin(&bench.browser("one"), Demands::default()).await;
    let other = bench.browser("two");
    let refused =
        bench.core.login_password(&bench.pool, &interaction, &other, "alice", &secret("correct horse"), Kept::default(), page()).await;
    assert_eq!(*refused.unwrap_err().kind(), Kind::Denied(Denial::LoginRequired));
    assert!(bench.events(Action::Login).is_empty());
}

//! The login pages' way through the engine.

use super::super::{BrowserKey, Demands, Interaction, Kept, Level, Message, ReturnPoint, Step, testing::*};
use crate::audit::{Action, Outcome, Reason};

async fn login(bench: &Bench, request: &Interaction, browser: &BrowserKey, name: &str, password: &str, previous: Option<&str>) -> Step {
    let kept = Kept { session: previous, mark: None };
    bench.core.login_password(&bench.pool, request, browser, name, &secret(password), kept, page()).await.unwrap()
}

fn message(step: &Step) -> Option<Message> {
    match step {
        Step::Ask(_, message) => *message,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_login_gives_a_session_and_the_way_back() {
    let bench = Bench::new().await;
    let id = bench.user("alice", "correct horse").await;
    let browser = bench.browser("one");
    let interaction = bench.begin(Demands::default());
    let step = login(&bench, &interaction, &browser, "alice", "correct horse", None).await;
    let Step::Granted(granted) = step else { panic!("{step:?}") };
    assert_eq!((granted.return_point, granted.interaction.as_str()), (ReturnPoint::Authorize, interaction.id().to_text().as_str()));
    let session = bench.core.session(&bench.pool, granted.session.expose()).await.unwrap().unwrap();
    assert_eq!((session.authentication().entry(), session.authentication().at()), (id, bench.now()));
    assert_eq!(bench.outcomes(Action::Login), [(Outcome::Success, None)]);
}

#[tokio::test]
async fn the_session_id_changes_at_login_and_the_former_session_ends() {
    let bench = Bench::new().await;
    bench.user("alice", "correct horse").await;
    let browser = bench.browser("one");
    let interaction = bench.begin(Demands::default());
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
    let interaction = bench.begin(Demands::default());
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
    let interaction = bench.begin(Demands { acr: Some(Level::Multiple), ..Demands::default() });
    let step = login(&bench, &interaction, &browser, "alice", "correct horse", None).await;
    assert_eq!(message(&step), Some(Message::FactorRequired));
    assert_eq!(bench.outcomes(Action::Login), [(Outcome::Failure, Some(Reason::FactorRequired))]);
}

#[tokio::test]
async fn pages_and_ldap_share_the_lockout() {
    let bench = Bench::new().await;
    bench.user("alice", "correct horse").await;
    let browser = bench.browser("one");
    let interaction = bench.begin(Demands::default());
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

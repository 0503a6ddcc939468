//! The way back from an upstream, and requests of a clock that was ahead.

use super::super::{
    BrowserKey, Demands, Interaction, Place, ReturnPoint, WaitingLimits, interaction::MAX_AGE, testing::*, waiting::Whereabouts,
};
use super::waiting::{is_away, send_away, waiting};
use crate::{
    model::{Secret, testing::Log},
    policy::clock::SKEW,
    store::{Changes, CommitError},
};
use std::time::Duration;

const MOMENT: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

type Back = Option<(Interaction, Secret<Vec<u8>>)>;

fn come_back(bench: &Bench, interaction: &Interaction, browser: &BrowserKey, state: &str, changes: &mut Changes) -> Back {
    bench.core.come_back(&bench.pool, &interaction.id().to_text(), state, browser, changes).unwrap()
}

/// Stores a request as a login does.
async fn keep(bench: &Bench, interaction: &Interaction, browser: &BrowserKey) {
    let mut changes = Changes::new();
    bench.core.keep(&bench.pool, interaction, Whereabouts { browser, address: Some(ADDRESS) }, &mut changes).unwrap();
    bench.pool.store().commit(changes).await.unwrap();
}

#[tokio::test]
async fn of_two_who_come_back_at_once_one_has_come_back() {
    let bench = Bench::new().await;
    let browser = bench.browser("one");
    let interaction = send_away(&bench, &browser, ADDRESS).await;
    let (mut first, mut second) = (Changes::new(), Changes::new());
    for changes in [&mut first, &mut second] {
        let (found, pending) = come_back(&bench, &interaction, &browser, "state", changes).unwrap();
        assert_eq!((found.id(), pending.expose().as_slice()), (interaction.id(), b"pending".as_slice()));
    }
    let mut none = Changes::new();
    assert!(come_back(&bench, &interaction, &browser, "another", &mut none).is_none());
    assert!(come_back(&bench, &interaction, &bench.browser("two"), "state", &mut none).is_none());
    assert!(none.is_empty());
    bench.pool.store().commit(first).await.unwrap();
    assert_eq!(bench.pool.store().commit(second).await.unwrap_err(), CommitError::Conflict);
    assert!(come_back(&bench, &interaction, &browser, "state", &mut none).is_none());
    assert_eq!(bench.stored_requests(), 0, "nothing of it is left");
}

#[tokio::test]
async fn who_comes_back_too_late_begins_again() {
    let bench = Bench::new().await;
    let browser = bench.browser("one");
    let interaction = send_away(&bench, &browser, ADDRESS).await;
    let comes_back = || come_back(&bench, &interaction, &browser, "state", &mut Changes::new()).is_some();
    bench.pass(MAX_AGE - MOMENT);
    assert!(comes_back());
    bench.pass(MOMENT);
    assert!(!comes_back());
}

/// Whoever goes on with such a request would be asked to log in again and again: no login is later
/// than it.
#[tokio::test]
async fn a_request_of_a_clock_that_was_ahead_is_over() {
    let bench = Bench::new().await;
    let (core, pool, browser) = (&bench.core, &bench.pool, bench.browser("one"));
    bench.pass(DAY);
    let interaction = bench.begin(Demands { force: true, ..Demands::default() });
    let sealed = core.seal(pool, &interaction, Place::Login, &browser).unwrap();
    let handed = core.seal_handover(pool, &interaction).unwrap();
    let away = send_away(&bench, &browser, ADDRESS).await;
    let proven = bench.begin(Demands::default());
    keep(&bench, &proven, &browser).await;
    let opens = || {
        [
            core.unseal(pool, &sealed, Place::Login, &browser).is_some(),
            core.open_handover(pool, &handed, ReturnPoint::Authorize).is_some(),
            waiting(&bench, &proven, &browser).is_some(),
            come_back(&bench, &away, &browser, "state", &mut Changes::new()).is_some(),
        ]
    };
    assert_eq!(opens(), [true; 4]);
    bench.set_back(DAY);
    assert_eq!(opens(), [false; 4]);
    // A little ahead is what clocks are.
    bench.pass(DAY - SKEW - MOMENT);
    assert_eq!(opens(), [false; 4]);
    bench.pass(MOMENT);
    assert_eq!(opens(), [true; 4]);
}

#[tokio::test]
async fn what_was_stored_by_a_clock_that_was_ahead_makes_room_first() {
    for limits in [WaitingLimits { per_browser: 2, per_address: 500 }, WaitingLimits { per_browser: 8, per_address: 2 }] {
        let bench = Bench::limited(settings(), limits).await;
        bench.user("alice", "correct horse").await;
        let browser = bench.browser("one");
        bench.pass(DAY);
        let proven = bench.begin(Demands::default());
        keep(&bench, &proven, &browser).await;
        bench.set_back(DAY);
        let first = send_away(&bench, &browser, ADDRESS).await;
        bench.pass(MOMENT);
        let second = send_away(&bench, &browser, ADDRESS).await;
        let left = [waiting(&bench, &proven, &browser).is_some(), is_away(&bench, &first, &browser), is_away(&bench, &second, &browser)];
        assert_eq!((left, bench.stored_requests()), ([false, true, true], 2 * 3), "{limits:?}");
    }
}

#[tokio::test]
async fn logins_that_make_room_are_told_to_the_log() {
    let bench = Bench::limited(settings(), WaitingLimits { per_browser: 1, per_address: 500 }).await;
    let (log, browser) = (Log::listen(), bench.browser("one"));
    send_away(&bench, &browser, ADDRESS).await;
    assert_eq!(log.count("made room"), 0);
    for _ in 0..10 {
        send_away(&bench, &browser, ADDRESS).await;
    }
    assert_eq!((log.count("made room"), log.count("count=1")), (10, 10));
}

/// What goes for the sake of the browser goes for the sake of the address too: nothing else goes
/// with it.
#[tokio::test]
async fn one_that_makes_room_makes_it_everywhere() {
    let bench = Bench::limited(settings(), WaitingLimits { per_browser: 2, per_address: 3 }).await;
    let (browser, neighbour) = (bench.browser("one"), bench.browser("two"));
    let other = send_away(&bench, &neighbour, ADDRESS).await;
    let mut proven = Vec::new();
    for _ in 0..3 {
        bench.pass(MOMENT);
        let interaction = bench.begin(Demands::default());
        keep(&bench, &interaction, &browser).await;
        proven.push(interaction);
    }
    let left: Vec<_> = proven.iter().map(|interaction| waiting(&bench, interaction, &browser).is_some()).collect();
    assert_eq!((left, is_away(&bench, &other, &neighbour)), (vec![false, true, true], true));
}

//! Who gives way to others where there is no place for all.

use super::client::{bind_request, encoded};
use super::*;
use crate::crowd::Guest;
use crate::work::testing::keep_busy;
use tokio::task::yield_now;

/// A face with a gate of few places.
async fn crowded() -> Bench {
    Bench { gate: Gate::new(Room { places: 4, per_address: 4 }), ..Bench::start().await }
}

/// Strangers come, each from an address of their own, as many as there are places.
fn strangers(bench: &Bench, network: u8) -> Vec<Guest> {
    (0..4).map(|number| bench.gate.enter(Some([192, 0, network, number].into())).unwrap()).collect()
}

#[tokio::test]
async fn whoever_has_bound_gives_way_to_no_stranger() {
    let bench = crowded().await;
    let mut alice = bench.bound(ALICE).await;
    let _strangers = strangers(&bench, 1);
    assert_eq!(alice.bind(ALICE, &password("alice")).await.code, 0);
    assert_eq!(alice.bind(ALICE, "not it").await.code, 49);
    let _more = strangers(&bench, 2);
    assert_eq!(alice.bind(ALICE, &password("alice")).await.code, 0, "nor does one who has mistyped");
}

#[tokio::test]
async fn strangers_for_whom_nothing_is_done_give_way_before_one_whose_password_is_looked_at() {
    let bench = crowded().await;
    let mut alice = bench.connect().await;
    let busy = keep_busy(&bench.core.work).await;
    alice.send(&encoded(1, bind_request(ALICE, &password("alice")), Vec::new())).await;
    while bench.core.work.waiting() == 0 {
        yield_now().await;
    }
    let _strangers = strangers(&bench, 1);
    busy.end().await;
    assert_eq!(alice.answer().await.unwrap().code, 0);
}

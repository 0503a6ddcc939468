//! Jobs are held at gates and counted: nothing here measures time.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use super::*;
use crate::model::Kind;
use crate::model::error::Shortage;
use crate::model::testing::Log;
use futures_util::future::select_all;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use tokio::task::yield_now;

fn start(threads: usize, places: Places) -> Work {
    Work::new(threads, places)
}

const fn places(per_pool: usize) -> Places {
    Places { per_pool, per_address: 2, per_address_overall: 3 }
}

/// Occupies one thread until the sender that it returns is dropped.
async fn occupy(work: &Arc<Work>, pool: PoolId) -> mpsc::Sender<()> {
    let (gate, closed) = mpsc::channel::<()>();
    let (begun, begins) = oneshot::channel();
    let work = Arc::clone(work);
    tokio::spawn(async move {
        work.run(pool, move || {
            begun.send(()).unwrap();
            closed.recv().unwrap_err();
        })
        .await
        .unwrap();
    });
    begins.await.unwrap();
    gate
}

async fn until_waiting(work: &Work, count: usize) {
    while work.waiting() != count {
        yield_now().await;
    }
}

#[tokio::test]
async fn a_job_answers() {
    assert_eq!(start(1, places(1)).run(PoolId::new(1), || 6 * 7).await.unwrap(), 42);
}

#[tokio::test]
async fn a_storm_of_one_pool_delays_another_by_one_job_at_most() {
    let work = Arc::new(start(1, places(100)));
    let order = Arc::new(Mutex::new(Vec::new()));
    let gate = occupy(&work, PoolId::new(1)).await;
    let mut jobs = Vec::new();
    for (pool, count) in [(1, 100), (2, 3)] {
        for _ in 0..count {
            let (work, order) = (Arc::clone(&work), Arc::clone(&order));
            jobs.push(tokio::spawn(async move { work.run(PoolId::new(pool), move || order.lock().unwrap().push(pool)).await.unwrap() }));
        }
    }
    until_waiting(&work, 103).await;
    drop(gate);
    for job in jobs {
        job.await.unwrap();
    }
    let order = order.lock().unwrap();
    assert_eq!(order.len(), 103);
    assert_eq!(order[..6].iter().filter(|pool| **pool == 2).count(), 3);
}

#[tokio::test]
async fn a_full_queue_answers_busy_and_leaves_others_alone() {
    let work = Arc::new(start(1, places(2)));
    let gate = occupy(&work, PoolId::new(1)).await;
    let waiting: Vec<_> = (0..2)
        .map(|_| {
            let work = Arc::clone(&work);
            tokio::spawn(async move { work.run(PoolId::new(1), || ()).await })
        })
        .collect();
    until_waiting(&work, 2).await;
    let refused = work.run(PoolId::new(1), || ()).await.unwrap_err();
    assert_eq!(*refused.kind(), Kind::Unavailable(Shortage::Busy));
    let other = tokio::spawn({
        let work = Arc::clone(&work);
        async move { work.run(PoolId::new(2), || "done").await }
    });
    until_waiting(&work, 3).await;
    drop(gate);
    assert_eq!(other.await.unwrap().unwrap(), "done");
    for job in waiting {
        job.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_flood_from_one_address_answers_busy_for_that_address_only() {
    let work = Arc::new(start(1, places(100)));
    let gate = occupy(&work, PoolId::new(1)).await;
    let ask = |address: [u8; 4]| {
        let work = Arc::clone(&work);
        tokio::spawn(async move { work.run((PoolId::new(1), Some(address.into())), || ()).await })
    };
    let flood: Vec<_> = (0..5).map(|_| ask([192, 0, 2, 1])).collect();
    // There is one thread for all of them: each has asked by then.
    for _ in 0..100 {
        yield_now().await;
    }
    assert_eq!(work.waiting(), 2);
    let others: Vec<_> = (2..9).map(|last| ask([192, 0, 2, last])).collect();
    until_waiting(&work, 9).await;
    drop(gate);
    for other in others {
        other.await.unwrap().unwrap();
    }
    let mut refused = 0;
    for job in flood {
        if let Err(error) = job.await.unwrap() {
            assert_eq!(*error.kind(), Kind::Unavailable(Shortage::Busy));
            refused += 1;
        }
    }
    assert_eq!((refused, work.refused()), (3, 3));
}

#[tokio::test]
async fn a_job_that_gives_way_is_answered_busy() {
    let work = start(1, Places { per_pool: 8, per_address: 8, per_address_overall: 8 });
    let total = 2;
    work.shared.lock().queue = Queue::new(Places { per_pool: 8, per_address: 8, per_address_overall: 8 }, total);
    let work = Arc::new(work);
    let gate = occupy(&work, PoolId::new(1)).await;
    let ask = |pool, last: u8| {
        let work = Arc::clone(&work);
        tokio::spawn(async move { work.run((PoolId::new(pool), Some([192, 0, 2, last].into())), || ()).await })
    };
    let greedy = [ask(1, 1), ask(2, 1)];
    until_waiting(&work, 2).await;
    let other = ask(3, 2);
    // Which of the two is not said; the gate is closed, so it is the one that gave way.
    let (given_way, _, rest) = select_all(greedy).await;
    assert_eq!(*given_way.unwrap().unwrap_err().kind(), Kind::Unavailable(Shortage::Busy));
    assert_eq!(work.refused(), 1, "it was answered busy as those are who find no place");
    drop(gate);
    for job in rest.into_iter().chain([other]) {
        job.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn the_log_is_told_whose_work_found_no_place() {
    let log = Log::listen();
    let work = Arc::new(start(1, places(1)));
    let gate = occupy(&work, PoolId::new(1)).await;
    work.submit(PoolId::new(1).into(), Box::new(|_| ())).unwrap();
    assert_eq!((log.count("no place was left for work"), work.refused()), (0, 0));
    work.submit((PoolId::new(1), Some([192, 0, 2, 1].into())).into(), Box::new(|_| ())).unwrap_err();
    assert_eq!((log.count("no place was left for work pool=1 address=192.0.2.1"), work.refused()), (1, 1));
    drop(gate);
}

#[tokio::test]
async fn a_job_that_panics_is_an_error_and_its_thread_goes_on() {
    let work = start(1, places(4));
    let error = work.run(PoolId::new(1), || panic!("on purpose")).await.unwrap_err();
    assert_eq!(*error.kind(), Kind::Internal);
    assert_eq!(work.run(PoolId::new(1), || 1).await.unwrap(), 1);
}

#[tokio::test]
async fn a_job_that_nobody_waits_for_any_more_is_not_run() {
    let work = Arc::new(start(1, places(4)));
    let gate = occupy(&work, PoolId::new(1)).await;
    let ran = Arc::new(AtomicBool::new(false));
    let waiting = tokio::spawn({
        let (work, ran) = (Arc::clone(&work), Arc::clone(&ran));
        async move { work.run(PoolId::new(1), move || ran.store(true, Ordering::SeqCst)).await }
    });
    until_waiting(&work, 1).await;
    waiting.abort();
    assert!(waiting.await.unwrap_err().is_cancelled());
    drop(gate);
    work.run(PoolId::new(1), || ()).await.unwrap();
    assert!(!ran.load(Ordering::SeqCst));
}

#[tokio::test]
async fn no_more_jobs_run_at_once_than_there_are_threads() {
    let work = Arc::new(start(2, places(100)));
    let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let jobs: Vec<_> = (0..50)
        .map(|number| {
            let (work, running, most) = (Arc::clone(&work), Arc::clone(&running), Arc::clone(&most));
            tokio::spawn(async move {
                let job = move || {
                    most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    thread::yield_now();
                    running.fetch_sub(1, Ordering::SeqCst);
                };
                work.run(PoolId::new(number % 3), job).await.unwrap();
            })
        })
        .collect();
    for job in jobs {
        job.await.unwrap();
    }
    assert!((1..=2).contains(&most.load(Ordering::SeqCst)));
    assert_eq!(work.threads(), 2);
}

#[tokio::test]
async fn waiting_jobs_end_with_an_error_when_the_work_is_dropped() {
    let work = Arc::new(start(1, places(4)));
    let (gate, closed) = mpsc::channel::<()>();
    let (begun, begins) = oneshot::channel();
    work.submit(
        PoolId::new(1).into(),
        Box::new(move |_| {
            begun.send(()).unwrap();
            closed.recv().unwrap_err();
        }),
    )
    .unwrap();
    begins.await.unwrap();
    let (sender, receiver) = oneshot::channel::<()>();
    work.submit(PoolId::new(1).into(), Box::new(move |_| sender.send(()).unwrap())).unwrap();
    drop(work);
    assert!(receiver.await.is_err());
    drop(gate);
}

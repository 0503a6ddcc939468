use super::*;
use crate::model::Timestamp;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::task::{JoinHandle, yield_now};

/// A clock that moves when somebody works.
#[derive(Default)]
struct Hours(AtomicU64);

impl Clock for Hours {
    fn now(&self) -> Timestamp {
        Timestamp::from_seconds(0)
    }

    fn steady(&self) -> Duration {
        Duration::from_micros(self.0.load(Ordering::SeqCst))
    }
}

/// A thread, and who has worked on it in which order.
struct Thread {
    hours: Arc<Hours>,
    rounds: Arc<Rounds>,
    worked: Arc<Mutex<Vec<u8>>>,
}

impl Thread {
    fn start() -> Self {
        let hours = Arc::new(Hours::default());
        let rounds = Rounds::new(hours.clone());
        tokio::spawn(Arc::clone(&rounds).run());
        Self { hours, rounds, worked: Arc::default() }
    }

    /// A task for that address which works so often for so many microseconds, and lets others work
    /// between.
    fn works(&self, number: u8, times: usize, micros: u64) -> JoinHandle<()> {
        let (hours, worked) = (Arc::clone(&self.hours), Arc::clone(&self.worked));
        tokio::spawn(self.rounds.share([192, 0, 2, number].into(), async move {
            for _ in 0..times {
                hours.0.fetch_add(micros, Ordering::SeqCst);
                worked.lock().unwrap().push(number);
                yield_now().await;
            }
        }))
    }

    fn worked(&self) -> Vec<u8> {
        self.worked.lock().unwrap().clone()
    }
}

async fn all(tasks: impl IntoIterator<Item = JoinHandle<()>>) {
    for task in tasks {
        task.await.unwrap();
    }
}

#[tokio::test]
async fn a_multitude_of_one_address_stands_before_nobody() {
    let thread = Thread::start();
    let many: Vec<_> = (0..500).map(|_| thread.works(1, 3, 1000)).collect();
    let few = thread.works(2, 10, 1000);
    few.await.unwrap();
    let before = thread.worked().iter().filter(|number| **number == 1).count();
    assert!(before <= 12, "{before} of the many worked meanwhile");
    all(many).await;
    assert_eq!(thread.worked().len(), 1510, "all is done");
    assert!(thread.rounds.lock().lines.is_empty(), "who has gone is forgotten");
}

#[tokio::test]
async fn whoever_has_the_thread_for_themselves_waits_for_nothing() {
    let thread = Thread::start();
    all((0..50).map(|_| thread.works(1, 20, 700))).await;
    assert_eq!(thread.worked().len(), 1000);
}

/// Who takes long at a time comes less often.
#[tokio::test]
async fn time_counts_and_not_how_often_it_is_taken() {
    let thread = Thread::start();
    let long: Vec<_> = (0..20).map(|_| thread.works(1, 10, 8000)).collect();
    let short: Vec<_> = (0..20).map(|_| thread.works(2, 40, 250)).collect();
    all(short).await;
    let before = thread.worked().iter().filter(|number| **number == 1).count();
    // Each has had about 200 milliseconds.
    assert!((20..=40).contains(&before), "{before}");
    all(long).await;
}

#[tokio::test]
async fn what_is_small_is_done_in_the_order_in_which_it_comes() {
    let thread = Thread::start();
    all([1, 2, 1, 1, 2].map(|number| thread.works(number, 1, 1))).await;
    assert_eq!(thread.worked(), [1, 2, 1, 1, 2]);
}

/// Tasks that end early, called or not, leave nobody waiting behind them.
#[tokio::test]
async fn whoever_is_wanted_no_longer_is_not_waited_for() {
    let thread = Thread::start();
    let mut tasks: Vec<_> = (0..100).map(|_| thread.works(1, 100, 600)).collect();
    for _ in 0..99 {
        for _ in 0..5 {
            yield_now().await;
        }
        tasks.remove(0).abort();
    }
    all(tasks).await;
    assert!(thread.rounds.lock().lines.is_empty());
}

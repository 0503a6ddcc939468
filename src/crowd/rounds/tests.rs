use super::*;
use crate::model::testing::SteadyHand;
use tokio::task::{JoinHandle, yield_now};
use tokio::time::timeout;

/// A thread, and who has worked on it in which order.
struct Thread {
    clock: Arc<SteadyHand>,
    rounds: Arc<Rounds>,
    worked: Arc<Mutex<Vec<u8>>>,
}

impl Thread {
    fn start() -> Self {
        let clock = Arc::new(SteadyHand::default());
        let rounds = Rounds::new(clock.clone());
        tokio::spawn(Arc::clone(&rounds).run());
        Self { clock, rounds, worked: Arc::default() }
    }

    /// A task for that address which works so often for so many microseconds, and lets others work
    /// between.
    fn works(&self, number: u8, times: usize, micros: u64) -> JoinHandle<()> {
        let (clock, worked) = (Arc::clone(&self.clock), Arc::clone(&self.worked));
        tokio::spawn(self.rounds.pace(Some([192, 0, 2, number].into()), async move {
            for _ in 0..times {
                clock.forward(Duration::from_micros(micros));
                worked.lock().unwrap().push(number);
                yield_now().await;
            }
        }))
    }

    fn runs(&self, number: u8, task: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
        tokio::spawn(self.rounds.pace(Some([192, 0, 2, number].into()), task))
    }

    fn worked(&self) -> Vec<u8> {
        self.worked.lock().unwrap().clone()
    }
}

/// Waits for them. A task that is never called would wait for ever.
async fn all(tasks: impl IntoIterator<Item = JoinHandle<()>>) {
    for task in tasks {
        timeout(Duration::from_secs(60), task).await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_multitude_of_one_address_stands_before_nobody() {
    let thread = Thread::start();
    let many: Vec<_> = (0..500).map(|_| thread.works(1, 3, 1000)).collect();
    let few = thread.works(2, 10, 1000);
    all([few]).await;
    let before = thread.worked().iter().filter(|number| **number == 1).count();
    assert!(before <= 12, "{before} of the many worked meanwhile");
    all(many).await;
    assert_eq!(thread.worked().len(), 1510, "all is done");
    assert!(thread.rounds.state().queues.is_empty(), "who has gone is forgotten");
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

/// Many short tasks of one address are one address's share, beside a crowd of others.
#[tokio::test]
async fn a_share_is_filled_by_as_many_tasks_as_it_takes() {
    let thread = Thread::start();
    let others: Vec<_> = (2..102).map(|number| thread.works(number, 100, 1000)).collect();
    let short: Vec<_> = (0..50).map(|_| thread.works(1, 20, 20)).collect();
    all(short).await;
    let others_worked = thread.worked().iter().filter(|number| **number > 1).count();
    // It works 20 milliseconds in all, so that it takes some 20 rounds.
    assert!(others_worked < 100 * 40, "{others_worked}");
    all(others).await;
}

/// Whoever comes back owes what they owed.
#[tokio::test]
async fn a_debt_is_not_forgotten() {
    let thread = Thread::start();
    let (clock, other) = (Arc::clone(&thread.clock), thread.works(2, 1000, 1000));
    // It ends as soon as it has worked.
    let long = async move { clock.forward(Duration::from_millis(500)) };
    all([tokio::spawn(thread.rounds.pace(Some([192, 0, 2, 1].into()), long))]).await;
    all([thread.works(1, 1, 1000), other]).await;
    let again = thread.worked().iter().position(|number| *number == 1).unwrap();
    assert!(again > 400, "{again}");
}

/// Tasks of one network are those of one address.
#[test]
fn what_one_subscriber_may_have_is_one_address() {
    let rounds = Rounds::new(Arc::new(SteadyHand::default()));
    let _tasks = ["2001:db8::1", "2001:db8:0:1::1"].map(|address| rounds.pace(address.parse().ok(), async {}));
    assert_eq!(rounds.state().queues.len(), 1);
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
    assert!(thread.rounds.state().queues.is_empty());
}

/// Others wait for what somebody holds who would wait for a round: they wait no longer than they
/// would if the holder were alone.
#[tokio::test]
async fn whoever_holds_what_others_wait_for_waits_for_no_round() {
    let thread = Thread::start();
    let lock = Arc::new(tokio::sync::Mutex::new(()));
    let many: Vec<_> = (0..200).map(|_| thread.works(1, 10, 1000)).collect();
    let holders: Vec<_> = (0..10)
        .map(|_| {
            let (lock, worked) = (Arc::clone(&lock), Arc::clone(&thread.worked));
            thread.runs(1, async move {
                let _pressing = pressing();
                let _held = lock.lock().await;
                for _ in 0..5 {
                    yield_now().await;
                }
                worked.lock().unwrap().push(11);
            })
        })
        .collect();
    // They came after the many, and wait for their turn; from then on others wait for them.
    while !thread.worked().contains(&11) {
        yield_now().await;
    }
    let before = thread.worked().len();
    let held = Arc::clone(&lock);
    all([thread.runs(2, async move { drop(held.lock().await) })]).await;
    let meanwhile = thread.worked()[before..].iter().filter(|number| **number == 1).count();
    assert!(meanwhile < 100, "{meanwhile} tasks of the holders' address ran meanwhile");
    all(many).await;
    all(holders).await;
    assert!(thread.rounds.state().queues.is_empty());
}

/// What is done without waiting is owed, and whoever owes can see it.
#[tokio::test]
async fn whoever_is_pressing_owes_the_time() {
    let thread = Thread::start();
    let (clock, other) = (Arc::clone(&thread.clock), thread.works(2, 1000, 1000));
    let pressed = thread.runs(1, async move {
        assert!(!owes());
        let held = pressing();
        for _ in 0..100 {
            clock.forward(Duration::from_millis(5));
            yield_now().await;
        }
        assert!(owes());
        drop(held);
        yield_now().await;
    });
    let worked = Arc::clone(&thread.worked);
    let before = async move {
        pressed.await.unwrap();
        worked.lock().unwrap().len()
    };
    let (before, ()) = tokio::join!(before, all([other]));
    assert!(before > 400, "{before}");
    assert!(!owes() && pressing().0.is_none(), "nobody is paced here");
}

//! A measurement: connections that ask for a while, on one thread.

use crate::connection::Connection;
use crate::latency::Latencies;
use crate::options::Options;
use crate::server::Server;
use crate::workload::{Operation, Shape};
use futures_util::future::join_all;
use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant};
use tokio::runtime::Builder;
use tokio::time::sleep;

/// How long the load runs before it is measured.
const WARM_UP: Duration = Duration::from_millis(500);

/// Where a run is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    WarmUp,
    Measured,
    Over,
}

/// What the connections of a run share.
pub struct Run {
    pub operation: Operation,
    /// How many people there are.
    pub entries: u32,
    pub phase: Cell<Phase>,
    pub latencies: RefCell<Latencies>,
}

/// What came of a measurement.
pub struct Measured {
    pub rate: f64,
    pub p50: Duration,
    pub p99: Duration,
    /// What the server ran for each operation.
    pub cpu: Duration,
}

/// Measures one operation on one server.
pub fn measure(server: &Server, operation: Operation, shape: Shape, options: &Options) -> Measured {
    let run = Run { operation, entries: server.entries, phase: Cell::new(Phase::WarmUp), latencies: RefCell::new(Latencies::new()) };
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let (time, cpu) = runtime.block_on(async {
        let numbers = 0..u32::try_from(shape.connections).expect("a small number");
        let mut connections = join_all(numbers.map(|own| Connection::open(&run, server.address, own, shape.window))).await;
        join_all(connections.iter_mut().map(Connection::warm)).await;
        let driven = join_all(connections.iter_mut().map(Connection::drive));
        let timed = async {
            sleep(WARM_UP).await;
            let (start, before) = (Instant::now(), server.cpu());
            run.phase.set(Phase::Measured);
            sleep(options.time()).await;
            run.phase.set(Phase::Over);
            (start.elapsed(), server.cpu() - before)
        };
        futures_util::future::join(timed, driven).await.0
    });
    let latencies = run.latencies.into_inner();
    assert!(latencies.count > 0, "no answer to {} within {time:?}", operation.name());
    Measured {
        rate: latencies.count as f64 / time.as_secs_f64(),
        p50: latencies.quantile(0.5),
        p99: latencies.quantile(0.99),
        cpu: cpu.div_f64(latencies.count as f64),
    }
}

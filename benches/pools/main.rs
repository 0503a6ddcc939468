//! What pools cost: `cargo bench --bench pools`.
//!
//! One server grows from the first number of pools to the last. At each it is stopped, started
//! again and measured. Every creation ends with a data sync, so the figures say as much about the
//! disk under the folder for temporary files (`TMPDIR`) as about the server.

#[allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "the tests' browser, of which a login needs a part"
)]
#[path = "../../tests/clients/browser.rs"]
mod browser;
mod logins;
mod operator;
mod records;
mod server;
mod table;

use clap::Parser;
use logins::Logins;
use operator::{Created, Operator};
use records::Records;
use server::Server;
use std::path::Path;
use std::time::Duration;
use table::Table;

/// Measures what pools cost: creation, start, logins, memory, disk.
#[derive(Parser)]
#[command(bin_name = "cargo bench --bench pools --")]
struct Options {
    /// The numbers of pools at which to measure.
    #[arg(long, value_name = "NUMBERS", value_delimiter = ',', default_value = "1,1000,10000")]
    pools: Vec<usize>,
    /// Pools that are created at the same time.
    #[arg(long, value_name = "NUMBER", default_value_t = 16)]
    in_flight: usize,
    /// Logins of each kind, spread over the pools.
    #[arg(long, value_name = "NUMBER", default_value_t = 32)]
    logins: usize,
    /// What cargo tells every benchmark.
    #[arg(long, hide = true)]
    bench: bool,
}

/// What was measured with that many pools.
struct Measured {
    pools: usize,
    created: Created,
    /// Resident memory in KiB while pools were created, at its most.
    memory_creating: u64,
    /// Bytes that the data folder then occupied.
    disk: u64,
    records: Records,
    /// From the start of the process to the word that it is ready: the first time after pools were
    /// created, and once more.
    start: Duration,
    start_again: Duration,
    logins: Logins,
    threads: u64,
    /// Resident memory in KiB: after the start, after the logins, after a request to every pool.
    memory_ready: u64,
    memory_logins: u64,
    memory_asked: u64,
}

fn main() {
    let options = Options::parse();
    rustls::crypto::aws_lc_rs::default_provider().install_default().expect("the first provider of this process");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let folder = tempfile::tempdir().expect("a folder");
    let mut numbers = options.pools.clone();
    numbers.sort_unstable();
    numbers.dedup();
    let (mut measured, mut pools) = (Vec::new(), 0);
    for number in numbers {
        measured.push(runtime.block_on(grow(folder.path(), pools, number, &options)));
        pools = number;
    }
    print!("{}", table(&options, &measured));
}

async fn grow(data: &Path, from: usize, to: usize, options: &Options) -> Measured {
    let server = Server::start(data);
    let created = operator::create_pools(data, from..to, options.in_flight).await;
    let memory_creating = server.status("VmHWM");
    server.stop();
    let (disk, records) = (records::disk(data), records::count(data));

    let server = Server::start(data);
    let start = server.started_in;
    let people = logins::register(&mut Operator::connect(data).await, to, options.logins).await;
    server.stop();

    let server = Server::start(data);
    let (start_again, memory_ready) = (server.started_in, server.status("VmRSS"));
    let logins = logins::measure(&server, &people).await;
    let memory_logins = server.status("VmRSS");
    logins::ask_every_pool(&server, to, options.in_flight).await;
    let (memory_asked, threads) = (server.status("VmRSS"), server.status("Threads"));
    server.stop();
    Measured {
        pools: to,
        created,
        memory_creating,
        disk,
        records,
        start,
        start_again,
        logins,
        threads,
        memory_ready,
        memory_logins,
        memory_asked,
    }
}

fn table(options: &Options, measured: &[Measured]) -> Table {
    let milliseconds = |time: Duration| format!("{:.1}", time.as_secs_f64() * 1e3);
    let mebibytes = |kibibytes: u64| format!("{:.0}", kibibytes as f64 / 1024.0);
    let mut table = Table::new(measured.iter().map(|at| table::grouped(at.pools)));
    let mut row = |what: &str, cell: &dyn Fn(&Measured) -> String| table.row(what, measured.iter().map(cell));
    row(&format!("created, {} at the same time, pools/s", options.in_flight), &|at| format!("{:.0}", at.created.rate()));
    row("the last tenth of them, pools/s", &|at| format!("{:.0}", at.created.last_rate()));
    row("start after that, ms", &|at| milliseconds(at.start));
    row("start again, ms", &|at| milliseconds(at.start_again));
    row("LDAP bind, the first, ms", &|at| milliseconds(at.logins.bind));
    row("LDAP bind, again within a minute, ms", &|at| milliseconds(at.logins.rebind));
    row("code flow: page, password, code, tokens, ms", &|at| milliseconds(at.logins.code_flow));
    row("memory while creating, at most, MiB", &|at| mebibytes(at.memory_creating));
    row("memory when ready, MiB", &|at| mebibytes(at.memory_ready));
    row("memory after the logins, MiB", &|at| mebibytes(at.memory_logins));
    row("memory after a request to every pool, MiB", &|at| mebibytes(at.memory_asked));
    row("threads", &|at| at.threads.to_string());
    row("disk, MiB", &|at| mebibytes(at.disk / 1024));
    row("records", &|at| table::grouped(at.records.all));
    row("records of the newest pool", &|at| at.records.newest.to_string());
    table
}

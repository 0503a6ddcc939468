//! Poolgate beside OpenLDAP's slapd: `cargo bench --bench ldap_vs_slapd`, options after `--`
//! (`--help` lists them).
//!
//! Both servers get the same entries, the same indexes and the same load, over LDAP in clear text
//! on the loopback, on the same machine, one measurement after the other. slapd is Debian's, with
//! back-mdb and its defaults: each modify is synced to the disk before it is acknowledged,
//! passwords are `{SSHA}`. Poolgate syncs each modify too, writes an audit record with it, and
//! keeps passwords as argon2; what a repeated bind costs there is its cache of verified passwords.
//!
//! The load comes from one thread of this process. It checks every answer: the result code, and of
//! each search that the entry came that was asked for. CPU is what the server's process used, in
//! the kernel and outside of it, by `/proc/<pid>/stat`; on a machine with few cores it says more
//! than the rate, since load and server share the cores.

#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::disallowed_methods, reason = "a benchmark takes the time")]

mod ber;
mod connection;
mod latency;
mod load;
mod options;
mod people;
mod poolgate;
mod report;
mod server;
mod slapd;
mod workload;

use clap::Parser;
use options::Options;
use report::Report;
use server::{Kind, Server};
use std::path::Path;

fn main() {
    let options = Options::parse();
    if !options.bench {
        return println!("nothing is measured but by `cargo bench`");
    }
    let scratch = tempfile::tempdir().expect("a folder for temporary files");
    let folder = options.data.as_deref().unwrap_or(scratch.path());
    let servers: Vec<Server> = options.servers().map(|kind| start(kind, folder, &options)).collect();
    let mut report = Report::new(&servers);
    for (operation, shape) in options.measurements() {
        let measured: Vec<_> = servers.iter().map(|server| load::measure(server, operation, shape, &options)).collect();
        report.line(operation, shape, &measured);
    }
    report.end(&servers);
}

/// A server with the entries loaded.
fn start(kind: Kind, folder: &Path, options: &Options) -> Server {
    let folder = folder.join(format!("{}-{}", kind.name(), options.entries));
    std::fs::create_dir_all(&folder).expect("a folder for the server");
    match kind {
        Kind::Slapd => slapd::start(&folder, options.entries),
        Kind::Poolgate => poolgate::start(&folder, options.entries),
    }
}

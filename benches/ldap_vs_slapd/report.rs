//! The table.

use crate::load::Measured;
use crate::server::Server;
use crate::workload::{Operation, Shape};
use std::time::Duration;

pub struct Report;

impl Report {
    /// Begins the table: what is measured, and what the columns are.
    pub fn new(servers: &[Server]) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        println!("{cores} cores for the servers and the load; times in microseconds; CPU is what the server ran for each operation\n");
        for Server { kind, version, entries, loading, .. } in servers {
            let loaded = loading.map_or("loaded before".to_owned(), |time| format!("loaded in {:.1} s", time.as_secs_f64()));
            println!("{:<10}{version}: {entries} people {loaded}", kind.name());
        }
        print!("\n{:<16}{:>6}", "operation", "shape");
        for server in servers {
            print!(" |{:>11} {:>8} {:>8} {:>8}", format!("{}/s", server.kind.name()), "p50", "p99", "CPU");
        }
        println!("{}", if servers.len() == 2 { format!(" |{:>9} {:>8}", "rate", "CPU") } else { String::new() });
        Self
    }

    /// One operation, at each server.
    pub fn line(&mut self, operation: Operation, shape: Shape, measured: &[Measured]) {
        print!("{:<16}{shape:>6}", operation.name());
        for Measured { rate, p50, p99, cpu } in measured {
            print!(" |{rate:>11.0} {:>8.0} {:>8.0} {:>8.1}", micros(*p50), micros(*p99), micros(*cpu));
        }
        if let [slapd, poolgate] = measured {
            print!(" |{:>8.2}x {:>7.2}x", poolgate.rate / slapd.rate, micros(slapd.cpu) / micros(poolgate.cpu));
        }
        println!();
    }

    /// Ends it: what the servers hold now.
    pub fn end(self, servers: &[Server]) {
        println!();
        for server in servers {
            println!("{:<10}{} MB resident", server.kind.name(), server.memory());
        }
    }
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

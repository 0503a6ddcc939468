//! `poolgate serve` as a process of its own, so that its start, its memory and its threads can be
//! measured.

#![allow(clippy::disallowed_methods, reason = "what is measured is real time")]
#![allow(clippy::panic, reason = "a benchmark that cannot go on ends")]

use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A server that is ready. The process ends with it.
pub struct Server {
    process: Child,
    /// From the start of the process to the word that it is ready.
    pub started_in: Duration,
    /// Plain HTTP.
    pub http: SocketAddr,
    /// LDAP in clear text.
    pub ldap: SocketAddr,
}

impl Server {
    /// Starts a server on that data folder and on free ports of the loopback, and waits until it is
    /// ready.
    pub fn start(data: &Path) -> Self {
        let file = data.join("poolgate.toml");
        let rest = "[log]\nformat = \"json\"\n[listen]\nhttp = [\"127.0.0.1:0\"]\nldap = [\"127.0.0.1:0\"]\n";
        std::fs::write(&file, format!("data = {data:?}\npool_urls = \"path\"\n{rest}")).expect("a configuration file");
        let mut command = Command::new(env!("CARGO_BIN_EXE_poolgate"));
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("POOLGATE_")) {
            command.env_remove(name);
        }
        command.args(["serve", "--config"]).arg(&file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let start = Instant::now();
        let mut process = command.spawn().expect("a process");
        let mut log = BufReader::new(process.stderr.take().expect("its log")).lines().map_while(Result::ok);
        let mut said = Vec::new();
        let ready = log.by_ref().find(|line| {
            said.push(line.clone());
            line.contains("\"message\":\"ready\"")
        });
        let started_in = start.elapsed();
        let ready = ready.unwrap_or_else(|| panic!("the server never became ready:\n{}", said.join("\n")));
        // What else it says is read, so that it never waits for a reader, and shown if it warns of
        // something.
        std::thread::spawn(move || log.filter(|line| !line.contains("\"level\":\"INFO\"")).for_each(|line| eprintln!("{line}")));
        Self { process, started_in, http: address(&ready, "http"), ldap: address(&ready, "ldap") }
    }

    /// A figure of `/proc/…/status`: VmRSS and VmHWM are in KiB, Threads is a number.
    pub fn status(&self, name: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).expect("its status");
        let figure = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')?.split_whitespace().next()?.parse().ok());
        figure.unwrap_or_else(|| panic!("no {name} in\n{status}"))
    }

    /// Tells it to stop and waits for its end.
    pub fn stop(mut self) {
        let told = Command::new("kill").args(["-TERM", &self.process.id().to_string()]).status().expect("kill");
        assert!(told.success());
        let status = self.process.wait().expect("its end");
        assert!(status.success(), "{status}");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It has ended already where all went well.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The first address of that kind in the line that says where the server listens.
fn address(ready: &str, kind: &str) -> SocketAddr {
    let (_, rest) = ready.split_once(&format!("{kind}: [127.0.0.1:")).unwrap_or_else(|| panic!("no {kind} in {ready}"));
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    SocketAddr::from((Ipv4Addr::LOCALHOST, digits.parse().expect("a port")))
}

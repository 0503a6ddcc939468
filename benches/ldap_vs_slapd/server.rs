//! A server as a process: its address, what it costs, its end.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

/// How long a server may take to answer after its start, and to end.
const PATIENCE: Duration = Duration::from_secs(60);
/// Linux tells the time of a process in hundredths of a second.
const TICK: Duration = Duration::from_millis(10);

/// Which server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Slapd,
    Poolgate,
}

/// A running server with the entries. It is stopped when this goes.
pub struct Server {
    pub kind: Kind,
    pub version: String,
    pub address: SocketAddr,
    pub entries: u32,
    /// How long loading took; none if the entries were there.
    pub loading: Option<Duration>,
    child: Child,
}

impl Kind {
    pub const NAMES: [&str; 2] = [Self::Slapd.name(), Self::Poolgate.name()];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Slapd => "slapd",
            Self::Poolgate => "poolgate",
        }
    }
}

impl Server {
    /// Starts the process and waits until it takes connections.
    pub fn start(kind: Kind, version: String, entries: u32, address: SocketAddr, command: &mut Command) -> Self {
        let child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let mut server = Self { kind, version, address, entries, loading: None, child };
        let start = Instant::now();
        while let Err(error) = TcpStream::connect(address) {
            assert!(start.elapsed() < PATIENCE, "{} does not answer at {address}: {error}", kind.name());
            if let Some(status) = server.child.try_wait().expect("the state of a process") {
                panic!("{} ended: {status}", kind.name());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        server
    }

    /// The time that all its threads have run, in the kernel and outside of it.
    pub fn cpu(&self) -> Duration {
        let stat = self.proc("stat");
        // The name of the program can hold spaces, and ends with the last parenthesis.
        let (_, fields) = stat.rsplit_once(')').expect("a stat line");
        let ticks: u32 = fields.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<u32>().expect("a number")).sum();
        TICK * ticks
    }

    /// Resident memory in MB.
    pub fn memory(&self) -> u64 {
        let status = self.proc("status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("the resident size");
        line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") / 1024
    }

    fn proc(&self, file: &str) -> String {
        std::fs::read_to_string(format!("/proc/{}/{file}", self.child.id())).expect("a running process")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let asked = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        let start = Instant::now();
        while asked.is_ok() && start.elapsed() < PATIENCE && matches!(self.child.try_wait(), Ok(None)) {
            std::thread::sleep(Duration::from_millis(20));
        }
        // Nothing happens to one that has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An address of the loopback that nobody listens on.
pub fn free_address() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|socket| socket.local_addr()).expect("a free port")
}

/// Runs a command to its end and gives what it printed.
pub fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// Loads a folder once: what is loaded is noted in a file, for a later run. Tells how long it took.
pub fn once(folder: &Path, load: impl FnOnce(&PathBuf)) -> Option<Duration> {
    let done = folder.join("loaded");
    if done.exists() {
        return None;
    }
    let ldif = folder.join("entries.ldif");
    let start = Instant::now();
    load(&ldif);
    let took = start.elapsed();
    std::fs::remove_file(ldif).expect("the file that was loaded");
    std::fs::write(done, "").expect("a note");
    Some(took)
}

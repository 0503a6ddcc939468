//! `poolgate serve` as a process of its own, with a configuration file: what concerns signals,
//! files and logs.

use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::mpsc::{self, UnboundedReceiver};

/// How long the server may take to say what the test waits for.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running server. Whatever becomes of the test, the process ends with it.
pub struct Served {
    child: Child,
    reader: Option<JoinHandle<()>>,
    lines: UnboundedReceiver<String>,
    log: Vec<String>,
    ready: String,
}

/// `poolgate serve` with that file and those variables, and without those of whoever runs the
/// tests.
pub fn serve(file: &Path, variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_poolgate"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("POOLGATE_")) {
        command.env_remove(name);
    }
    command.args(["serve", "--config"]).arg(file).envs(variables.iter().copied());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// A configuration file for that data folder that listens on free ports, with more lines at its
/// end.
pub fn configuration(data: &Path, more: &str) -> String {
    let ports = "http = [\"127.0.0.1:0\"]\nldap = [\"127.0.0.1:0\"]\n";
    format!("data = {data:?}\npool_urls = \"path\"\n[log]\nformat = \"json\"\n[listen]\n{ports}{more}")
}

impl Served {
    /// Starts it and waits until it is ready.
    pub async fn start(file: &Path, variables: &[(&str, &str)]) -> Self {
        let mut child = serve(file, variables).spawn().unwrap();
        let (sender, lines) = mpsc::unbounded_channel();
        let output = BufReader::new(child.stderr.take().unwrap());
        let read = move || drop(output.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        let reader = Some(std::thread::spawn(read));
        let mut served = Self { child, reader, lines, log: Vec::new(), ready: String::new() };
        served.ready = served.line_with("\"message\":\"ready\"").await;
        served
    }

    /// Waits until it logs a line with that text.
    pub async fn line_with(&mut self, text: &str) -> String {
        let awaited = async {
            while let Some(line) = self.lines.recv().await {
                self.log.push(line);
                if let Some(line) = self.log.last().filter(|line| line.contains(text)) {
                    return Some(line.clone());
                }
            }
            None
        };
        let line = tokio::time::timeout(PATIENCE, awaited).await.unwrap_or_default();
        line.unwrap_or_else(|| panic!("it never said {text}:\n{}", self.log.join("\n")))
    }

    /// The address that it listens on, by the name of the list in its configuration.
    pub fn address(&self, kind: &str) -> SocketAddr {
        let (_, rest) = self.ready.split_once(&format!("{kind}: [127.0.0.1:")).unwrap_or_else(|| panic!("{}", self.ready));
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        SocketAddr::from((Ipv4Addr::LOCALHOST, digits.parse().unwrap()))
    }

    /// Reads its log no more, as a collector of logs that has died: from now on, what it writes
    /// there fails.
    pub fn stop_listening(&mut self) {
        self.lines.close();
        // Says a line, after which the reader notices.
        self.signal("HUP");
        self.reader.take().unwrap().join().unwrap();
    }

    /// The number of the process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal.
    pub fn signal(&self, name: &str) {
        assert!(Command::new("kill").args([&format!("-{name}"), &self.id().to_string()]).status().unwrap().success());
    }

    /// Waits for its end, and gives everything that it has logged.
    pub async fn ended(mut self) -> (ExitStatus, String) {
        let rest = async {
            while let Some(line) = self.lines.recv().await {
                self.log.push(line);
            }
        };
        tokio::time::timeout(PATIENCE, rest).await.expect("it ends");
        (self.child.wait().unwrap(), self.log.join("\n"))
    }

    /// Stops it, and gives everything that it has logged.
    pub async fn stop(self) -> String {
        self.signal("TERM");
        let (status, log) = self.ended().await;
        assert!(status.success(), "{status}\n{log}");
        log
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

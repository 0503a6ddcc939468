//! A server with the demo's pools, in this process, on free ports of the loopback; and programs that are run against it.

use poolgate::cli;
use poolgate::model::{Clock, Timestamp};
use poolgate::server::config::{Config, Listen, PoolUrls, Tls};
use poolgate::server::{self, DevelopmentFiles, Running, SystemClock, SystemEntropy};
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Once};
use std::time::Duration;
use tempfile::TempDir;

/// How long a program may run before the test fails.
const PATIENCE: Duration = Duration::from_secs(120);

/// The real time plus what a test adds to it. Clients compare times with their own clock, so it begins at the real one.
#[derive(Default)]
pub struct TestClock(AtomicI64);

impl TestClock {
    /// Lets time pass for the server.
    pub fn advance(&self, by: Duration) {
        self.0.fetch_add(i64::try_from(by.as_micros()).unwrap(), Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(SystemClock.now().micros() + self.0.load(Ordering::SeqCst))
    }
}

/// A server that runs for one test.
pub struct TestServer {
    pub running: Running,
    pub clock: Arc<TestClock>,
    pub certificate: DevelopmentFiles,
    folder: TempDir,
}

impl TestServer {
    /// Starts a server without pools.
    pub async fn empty() -> Self {
        static PROVIDER: Once = Once::new();
        PROVIDER.call_once(|| rustls::crypto::aws_lc_rs::default_provider().install_default().unwrap());
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(TestClock::default());
        let certificate = server::development_certificate(&folder.path().join("certs"), clock.now()).unwrap();
        let config = Self::config(folder.path(), &certificate);
        let running = server::start(config, clock.clone(), Arc::new(SystemEntropy::default())).await.unwrap();
        Self { running, clock, certificate, folder }
    }

    /// Starts a server with the demo's pools.
    pub async fn demo() -> Self {
        let server = Self::empty().await;
        cli::demo::seed(server.data(), &server.running.addresses().public_url).await.unwrap();
        server
    }

    fn config(data: &Path, certificate: &DevelopmentFiles) -> Config {
        let free = || vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 0))];
        Config {
            data: Some(data.to_owned()),
            pool_urls: Some(PoolUrls::Path),
            listen: Listen { http: free(), https: free(), ldap: free(), ldaps: free() },
            tls: Some(Tls { certificate: certificate.certificate.clone(), key: certificate.key.clone() }),
            ..Config::default()
        }
    }

    /// The data folder.
    pub fn data(&self) -> &Path {
        self.folder.path()
    }

    /// A path that the test may write to.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The issuer of a pool, without a trailing slash.
    pub fn issuer(&self, slug: &str) -> String {
        format!("{}/pools/{slug}", self.running.addresses().public_url)
    }

    /// The URL of the LDAP face in clear text, where StartTLS is offered.
    pub fn ldap(&self) -> String {
        format!("ldap://localhost:{}", self.running.addresses().ldap[0].port())
    }

    /// The URL of the LDAP face within TLS.
    pub fn ldaps(&self) -> String {
        format!("ldaps://localhost:{}", self.running.addresses().ldaps[0].port())
    }

    /// Runs `poolgate` against this server.
    pub async fn poolgate(&self, arguments: &[&str]) -> Finished {
        let mut program = Program::new(env!("CARGO_BIN_EXE_poolgate"));
        program.arguments(arguments.iter().copied());
        program.variable("POOLGATE_DATA", self.data().to_str().unwrap()).run().await
    }

    /// Runs one of OpenLDAP's programs with the server's authority as the only one that is trusted.
    pub fn ldap_program(&self, name: &str) -> Program {
        let mut program = Program::new(name);
        program.variable("LDAPTLS_CACERT", self.certificate.authority.to_str().unwrap());
        program.variable("LDAPTLS_REQCERT", "demand").without("LDAPNOINIT");
        program
    }

    /// Stops the server.
    pub async fn stop(self) {
        self.running.stop().await;
    }
}

/// A program to run.
pub struct Program {
    command: Command,
    input: Option<String>,
    line: String,
}

/// How a program ended.
pub struct Finished {
    pub output: Output,
    line: String,
}

impl Program {
    /// That program, found on the path.
    pub fn new(name: &str) -> Self {
        Self { command: Command::new(name), input: None, line: name.to_owned() }
    }

    /// A Python script of `tests/clients/scripts`, with the pinned packages.
    pub fn python(script: &str) -> Self {
        let mut program = Self::new(tools().join("venv/bin/python").to_str().unwrap());
        program.arguments([scripts().join(script).to_str().unwrap()]);
        program
    }

    /// A Node script of `tests/clients/scripts`, with the pinned packages.
    pub fn node(script: &str) -> Self {
        // Node looks for packages beside the script, so the script is run from where they are.
        let copy = tools().join("node").join(script);
        std::fs::copy(scripts().join(script), &copy).unwrap();
        let mut program = Self::new("node");
        program.arguments([copy.to_str().unwrap()]);
        program
    }

    pub fn arguments<'a>(&mut self, arguments: impl IntoIterator<Item = &'a str>) -> &mut Self {
        for argument in arguments {
            self.line.push(' ');
            self.line.push_str(argument);
            self.command.arg(argument);
        }
        self
    }

    pub fn variable(&mut self, name: &str, value: &str) -> &mut Self {
        self.command.env(name, value);
        self
    }

    pub fn without(&mut self, name: &str) -> &mut Self {
        self.command.env_remove(name);
        self
    }

    /// What it reads from standard input.
    pub fn input(&mut self, text: &str) -> &mut Self {
        self.input = Some(text.to_owned());
        self
    }

    /// Runs it to its end.
    pub async fn run(&mut self) -> Finished {
        let stdin = if self.input.is_some() { Stdio::piped() } else { Stdio::null() };
        self.command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped());
        let started = self.command.spawn();
        let mut child = started.unwrap_or_else(|error| panic!("{}: {error}; `tests/run` installs what the tests need", self.line));
        if let Some(input) = &self.input {
            child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        }
        let id = child.id().to_string();
        let ended = tokio::task::spawn_blocking(move || child.wait_with_output());
        match tokio::time::timeout(PATIENCE, ended).await {
            Ok(output) => Finished { output: output.unwrap().unwrap(), line: self.line.clone() },
            Err(_) => {
                Command::new("kill").arg(&id).status().unwrap();
                panic!("{} did not end within {PATIENCE:?}", self.line);
            }
        }
    }
}

impl Finished {
    /// What it printed.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.output.stdout).into_owned()
    }

    /// What it complained of.
    pub fn complaint(&self) -> String {
        String::from_utf8_lossy(&self.output.stderr).into_owned()
    }

    /// What it printed, provided that it succeeded.
    #[track_caller]
    pub fn good(&self) -> String {
        assert!(self.output.status.success(), "{}: {}\n{}\n{}", self.line, self.output.status, self.text(), self.complaint());
        self.text()
    }

    /// Asserts its exit code.
    #[track_caller]
    pub fn code(&self, expected: i32) -> &Self {
        assert_eq!(self.output.status.code(), Some(expected), "{}\n{}\n{}", self.line, self.text(), self.complaint());
        self
    }
}

fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/scripts")
}

/// Where `tests/run` has put the Python and npm packages.
fn tools() -> PathBuf {
    let named = std::env::var_os("POOLGATE_TEST_TOOLS").map(PathBuf::from);
    let tools = named.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("target/clients"));
    assert!(tools.exists(), "{} is not there: run `tests/run`, which installs what the tests need", tools.display());
    tools
}

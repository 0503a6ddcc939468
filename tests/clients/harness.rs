//! A server with the demo's pools, in this process, on free ports of the loopback; and programs
//! that are run against it.

use poolgate::cli;
use poolgate::model::{Clock, Timestamp};
use poolgate::server::config::{Config, Listen, PoolUrls, Tls};
use poolgate::server::{self, DevelopmentFiles, Running, SystemClock, SystemEntropy};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Once};
use std::thread::JoinHandle;
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::mpsc::UnboundedReceiver;

/// Where clients come from that say nothing else.
pub const HOME: Ipv4Addr = Ipv4Addr::LOCALHOST;

/// Another address of the loopback network: to the server somebody else's.
pub const ABROAD: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 66);

/// A third one.
pub const ELSEWHERE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 67);

/// How long a program may run before the test fails.
const PATIENCE: Duration = Duration::from_secs(120);

/// The real time plus what a test adds to it. Clients compare times with their own clock, so it
/// begins at the real one.
#[derive(Default)]
pub struct TestClock {
    /// Microseconds that have passed for the server beside the real ones.
    passed: AtomicI64,
    /// Microseconds by which the clock on the wall has leapt.
    leapt: AtomicI64,
    /// Microseconds that pass for the steady clock whenever it is looked at, and that have passed so.
    pace: AtomicI64,
    hurried: AtomicI64,
}

impl TestClock {
    /// Lets time pass for the server.
    pub fn advance(&self, by: Duration) {
        self.passed.fetch_add(i64::try_from(by.as_micros()).unwrap(), Ordering::SeqCst);
    }

    /// Puts the clock on the wall forward or back, in seconds, while no time passes.
    pub fn leap(&self, seconds: i64) {
        self.leapt.fetch_add(seconds * 1_000_000, Ordering::SeqCst);
    }

    /// From now on so much passes for the steady clock whenever it is looked at.
    pub fn hurry(&self, pace: Duration) {
        self.pace.store(i64::try_from(pace.as_micros()).unwrap(), Ordering::SeqCst);
    }

    fn real(&self) -> Timestamp {
        Timestamp::from_micros(SystemClock::default().now().micros() + self.passed.load(Ordering::SeqCst))
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.real().micros() + self.leapt.load(Ordering::SeqCst))
    }

    fn steady(&self) -> Duration {
        let hurried = self.hurried.fetch_add(self.pace.load(Ordering::SeqCst), Ordering::SeqCst);
        self.real().since(Timestamp::from_micros(-hurried))
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
        Self::configured(|_| {}).await
    }

    /// Starts a server without pools whose configuration differs from that of the other tests.
    pub async fn configured(change: impl FnOnce(&mut Config)) -> Self {
        Self::start(tempfile::tempdir().unwrap(), Arc::new(TestClock::default()), change).await
    }

    async fn start(folder: TempDir, clock: Arc<TestClock>, change: impl FnOnce(&mut Config)) -> Self {
        set_up_tls();
        let certificate = server::development_certificate(&folder.path().join("certs"), clock.now()).unwrap();
        let mut config = Self::config(folder.path(), &certificate);
        change(&mut config);
        let running = server::start(config, clock.clone(), Arc::new(SystemEntropy::default())).await.unwrap();
        Self { running, clock, certificate, folder }
    }

    /// Stops the server and starts it again on the same data.
    pub async fn restart(self) -> Self {
        let Self { running, clock, folder, .. } = self;
        running.stop().await;
        Self::start(folder, clock, |_| {}).await
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

    /// The certificate that the SAML metadata of a pool names, base64.
    pub async fn saml_certificate(&self, slug: &str) -> String {
        let metadata = reqwest::get(format!("{}/saml2/metadata", self.issuer(slug))).await.unwrap().text().await.unwrap();
        let (_, certificate) = metadata.split_once("X509Certificate>").unwrap();
        certificate.split('<').next().unwrap().to_owned()
    }

    /// The URL of the LDAP face in clear text, where StartTLS is offered.
    pub fn ldap(&self) -> String {
        format!("ldap://localhost:{}", self.running.addresses().ldap[0].port())
    }

    /// The URL of the LDAP face within TLS.
    pub fn ldaps(&self) -> String {
        format!("ldaps://localhost:{}", self.running.addresses().ldaps[0].port())
    }

    /// The command line against this server.
    pub fn program<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Program {
        let mut program = Program::poolgate();
        program.arguments(arguments).variable("POOLGATE_DATA", self.data().to_str().unwrap());
        program
    }

    /// Runs `poolgate` against this server.
    pub async fn poolgate(&self, arguments: &[&str]) -> Finished {
        self.program(arguments.iter().copied()).run().await
    }

    /// What `poolgate` prints for scripts.
    pub async fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.program(arguments.iter().copied().chain(["--json"])).run().await.good()).unwrap()
    }

    /// The entryUUID of a user.
    pub async fn uuid(&self, pool: &str, uid: &str) -> String {
        let user = self.json(&["user", "show", uid, "--pool", pool]).await;
        user["uuid"].as_str().unwrap().to_owned()
    }

    /// What a TLS client needs to know: the server's authority as the only one that is trusted.
    pub fn trust(&self) -> Arc<rustls::ClientConfig> {
        trusting(&self.certificate.authority)
    }

    /// Runs one of OpenLDAP's programs with the server's authority as the only one that is trusted.
    pub fn ldap_program(&self, name: &str) -> Program {
        let mut program = Program::new(name);
        program.variable("LDAPTLS_CACERT", self.certificate.authority.to_str().unwrap());
        program.variable("LDAPTLS_REQCERT", "demand").without("LDAPNOINIT");
        program
    }

    /// Stops the server and gives its data folder.
    pub async fn into_folder(self) -> TempDir {
        self.running.stop().await;
        self.folder
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

    /// The product's own binary.
    pub fn poolgate() -> Self {
        Self::new(env!("CARGO_BIN_EXE_poolgate"))
    }

    /// A Python script of `tests/clients/scripts`, with the pinned packages.
    pub fn python(script: &str) -> Self {
        let mut program = Self::new(tools().join("venv/bin/python").to_str().unwrap());
        program.arguments([scripts().join(script).to_str().unwrap()]).variable("PYTHONDONTWRITEBYTECODE", "1");
        program
    }

    /// A Node script of `tests/clients/scripts`, with the pinned packages.
    pub fn node(script: &str) -> Self {
        // Node looks for packages beside the script, so the scripts are run from where the packages
        // are.
        static COPIES: Once = Once::new();
        let folder = tools().join("node");
        COPIES.call_once(|| {
            for file in std::fs::read_dir(scripts()).unwrap().map(|file| file.unwrap()) {
                if file.path().extension().is_some_and(|extension| extension == "mjs") {
                    std::fs::copy(file.path(), folder.join(file.file_name())).unwrap();
                }
            }
        });
        // Where the machine has none, or an old one, `tests/run` puts one beside Python.
        let own = tools().join("venv/bin/node");
        let mut program = Self::new(if own.exists() { own.to_str().unwrap() } else { "node" });
        program.arguments([folder.join(script).to_str().unwrap()]);
        program
    }

    /// One of `examples/`, which cargo puts beside the tests.
    pub fn example(name: &str) -> Self {
        let test = std::env::current_exe().unwrap();
        let program = test.parent().and_then(Path::parent).unwrap().join("examples").join(name);
        assert!(
            program.exists(),
            "{} is not there: `cargo build --examples` builds it, and `cargo test` without a target does",
            program.display()
        );
        Self::new(program.to_str().unwrap())
    }

    /// `examples/saml_app`, which needs libraries of C and is built by `tests/run`.
    pub fn saml_app() -> Self {
        Self::new(tools().join("saml_app/debug/saml_app").to_str().unwrap())
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
        let input = self.input.take();
        let mut child = self.spawn(Stdio::piped());
        let mut stdin = child.stdin.take().unwrap();
        if let Some(input) = input {
            stdin.write_all(input.as_bytes()).unwrap();
        }
        drop(stdin);
        self.finish(child).await
    }

    /// Starts it, to talk with it line by line. What it complains of goes to the test's own
    /// standard error.
    pub fn start(&mut self) -> Conversation {
        let mut child = self.spawn(Stdio::inherit());
        let (sender, lines) = tokio::sync::mpsc::unbounded_channel();
        let output = BufReader::new(child.stdout.take().unwrap());
        let reader = std::thread::spawn(move || output.lines().map_while(Result::ok).for_each(|line| drop(sender.send(line))));
        Conversation { stdin: child.stdin.take(), child, lines, reader: Some(reader), line: self.line.clone() }
    }

    fn spawn(&mut self, errors: Stdio) -> Child {
        let started = self.command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(errors).spawn();
        started.unwrap_or_else(|error| panic!("{}: {error}; `tests/run` installs what the tests need", self.line))
    }

    async fn finish(&self, child: Child) -> Finished {
        let id = child.id();
        let ended = tokio::task::spawn_blocking(move || child.wait_with_output());
        match tokio::time::timeout(PATIENCE, ended).await {
            Ok(output) => Finished { output: output.unwrap().unwrap(), line: self.line.clone() },
            Err(_) => {
                signal(id, "KILL");
                panic!("{} did not end within {PATIENCE:?}", self.line);
            }
        }
    }
}

/// A program that runs beside the test. It is stopped when this is dropped.
pub struct Conversation {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: UnboundedReceiver<String>,
    reader: Option<JoinHandle<()>>,
    line: String,
}

impl Conversation {
    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Its next line for which `wanted` gives something.
    pub async fn hear<T>(&mut self, wanted: impl Fn(&str) -> Option<T>) -> T {
        let mut heard = Vec::new();
        let found = tokio::time::timeout(PATIENCE, async {
            while let Some(line) = self.lines.recv().await {
                if let Some(found) = wanted(&line) {
                    return Some(found);
                }
                heard.push(line);
            }
            None
        });
        match found.await {
            Ok(Some(found)) => found,
            Ok(None) => panic!("{} ended without the line that was waited for:\n{}", self.line, heard.join("\n")),
            Err(_) => panic!("{} did not say within {PATIENCE:?} what was waited for:\n{}", self.line, heard.join("\n")),
        }
    }

    /// Says a line to it.
    pub fn say(&mut self, line: &str) {
        writeln!(self.stdin.as_mut().unwrap(), "{line}").unwrap();
    }

    /// Sends it a signal.
    pub fn signal(&self, name: &str) {
        signal(self.child.id(), name);
    }

    /// Waits for its end. Nothing more is said to it.
    pub async fn ended(mut self) -> ExitStatus {
        self.stdin = None;
        let reader = self.reader.take().unwrap();
        match tokio::time::timeout(PATIENCE, tokio::task::spawn_blocking(move || reader.join())).await {
            Ok(_) => self.child.wait().unwrap(),
            Err(_) => panic!("{} did not end within {PATIENCE:?}", self.line),
        }
    }
}

impl Drop for Conversation {
    fn drop(&mut self) {
        // It has ended already where the test went well.
        if self.child.try_wait().is_ok_and(|status| status.is_none()) {
            self.child.kill().unwrap();
            self.child.wait().unwrap();
        }
    }
}

fn signal(id: u32, name: &str) {
    assert!(Command::new("kill").args([&format!("-{name}"), &id.to_string()]).status().unwrap().success());
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

/// Names the cryptography of this process's TLS. Each test may ask for it; the first one does it.
pub fn set_up_tls() {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| rustls::crypto::aws_lc_rs::default_provider().install_default().unwrap());
}

/// What a TLS client needs to know that trusts this authority and no other.
pub fn trusting(authority: &Path) -> Arc<rustls::ClientConfig> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(authority).unwrap()).unwrap();
    Arc::new(rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth())
}

fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/scripts")
}

/// Where `tests/run` has put the Python and npm packages.
pub fn tools() -> PathBuf {
    let named = std::env::var_os("TEST_CLIENTS").map(PathBuf::from);
    let tools = named.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("target/clients"));
    assert!(tools.exists(), "{} is not there: run `tests/run`, which installs what the tests need", tools.display());
    tools
}

//! The demo as somebody runs it for the first time: a process of its own, within the limits that it
//! promises.

use crate::browser::Browser;
use crate::harness::{Conversation, Finished, Program, set_up_tls};
use crate::openid_connect::Application;
use futures_util::future::join_all;
use serde_json::Value;
use std::path::Path;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// From the start of the process to the line `ready`.
const START: Duration = Duration::from_secs(5);
/// Resident memory, in KiB.
const MEMORY: u64 = 150 * 1024;

/// A demo that is ready.
struct Demo {
    process: Conversation,
    started: Duration,
    http: String,
    https: String,
    ldap: String,
    authority: String,
}

impl Demo {
    /// Starts it on that folder, on free ports or, for HTTP, on that one.
    #[allow(clippy::disallowed_methods, reason = "what is promised is real time")]
    async fn start(data: &Path, http_port: &str) -> Self {
        let start = Instant::now();
        let mut program = Program::poolgate();
        program.arguments(["demo", "--data", data.to_str().unwrap(), "--http-port", http_port]);
        let mut process = program.arguments(["--https-port", "0", "--ldap-port", "0", "--ldaps-port", "0"]).start();
        let mut lines = [const { String::new() }; 4];
        for (line, label) in lines.iter_mut().zip(["CA certificate ", "HTTP ", "HTTPS ", "LDAP (StartTLS) "]) {
            *line = process.hear(|line| Some(line.strip_prefix(label)?.trim().to_owned())).await;
        }
        process.hear(|line| (line == "ready").then_some(())).await;
        let [authority, http, https, ldap] = lines;
        Self { process, started: start.elapsed(), http, https, ldap, authority }
    }

    fn port(&self) -> &str {
        self.http.rsplit(':').next().unwrap()
    }

    fn issuer(&self) -> String {
        format!("{}/pools/acme", self.http)
    }

    /// Its resident memory, in KiB.
    fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().strip_suffix(" kB").unwrap().parse().unwrap()
    }

    async fn bind(&self, uid: &str, password: &str) -> Finished {
        let dn = format!("uid={uid},ou=people,o=acme");
        let mut program = Program::new("ldapwhoami");
        program.variable("LDAPTLS_CACERT", &self.authority).variable("LDAPTLS_REQCERT", "demand");
        program.arguments(["-ZZ", "-H", &self.ldap, "-x", "-D", &dn, "-w", password]).run().await
    }

    /// The person whom acme sees when erin of suppliers logs in.
    async fn erin(&self) -> String {
        let application = Application::discover(&self.issuer(), "demo-app", Some("demo-secret")).await;
        let browser = Browser::new([self.http.as_str()]);
        let asked = application.ask(None);
        let page = browser.open(&asked.url).await;
        let page = browser.press(&page, "Suppliers").await;
        let page = browser.submit(&page, &[("username", "erin"), ("password", "erin-demo-password")]).await;
        application.redeem(asked, &page).await.claims.subject().to_string()
    }

    async fn stop(self) {
        self.process.signal("TERM");
        let status = self.process.ended().await;
        assert!(status.success(), "{status}");
    }
}

fn folder() -> TempDir {
    set_up_tls();
    tempfile::tempdir().unwrap()
}

async fn poolgate(data: &Path, arguments: &[&str], input: &str) -> String {
    let mut program = Program::poolgate();
    program.arguments(arguments.iter().copied()).arguments(["--data", data.to_str().unwrap(), "--json"]).input(input);
    program.run().await.good()
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_ready_soon_stays_small_and_stops_when_it_is_told_to() {
    let data = folder();
    let demo = Demo::start(data.path(), "0").await;
    assert!(demo.started < START, "ready after {:?}", demo.started);
    let idle = demo.memory();

    // Password hashing takes the most memory, so as much of it at a time as there can be.
    let names = ["alice", "bob", "carol"].into_iter().cycle().take(12);
    for refused in join_all(names.map(|name| demo.bind(name, "wrong"))).await {
        refused.code(49);
    }
    demo.bind("alice", "alice-demo-password").await.good();
    demo.erin().await;
    let busy = demo.memory();
    println!("ready after {:?}, {idle} KiB when idle, {busy} KiB after logins", demo.started);
    assert!(idle.max(busy) < MEMORY, "{idle} KiB when idle, {busy} KiB after logins");

    // The metadata over TLS names the issuer that everybody else sees too.
    let authority = reqwest::Certificate::from_pem(&std::fs::read(&demo.authority).unwrap()).unwrap();
    let http = reqwest::Client::builder().no_proxy().tls_certs_only([authority]).build().unwrap();
    let metadata = http.get(format!("{}/pools/acme/.well-known/openid-configuration", demo.https)).send().await.unwrap();
    let metadata: Value = metadata.json().await.unwrap();
    assert_eq!(metadata["issuer"].as_str(), Some(demo.issuer().as_str()));
    demo.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn starting_again_changes_nothing() {
    let data = folder();
    let demo = Demo::start(data.path(), "0").await;
    let port = demo.port().to_owned();
    let erin = demo.erin().await;
    poolgate(data.path(), &["user", "create", "dave", "--pool", "acme", "--password-stdin"], "a password for dave\n").await;
    poolgate(data.path(), &["user", "password", "bob", "--pool", "acme", "--stdin"], "another password of bob\n").await;
    let users = poolgate(data.path(), &["user", "list", "--pool", "acme"], "").await;
    demo.stop().await;

    let demo = Demo::start(data.path(), &port).await;
    assert_eq!(poolgate(data.path(), &["user", "list", "--pool", "acme"], "").await, users);
    demo.bind("dave", "a password for dave").await.good();
    demo.bind("bob", "another password of bob").await.good();
    demo.bind("bob", "bob-demo-password").await.code(49);
    assert_eq!(demo.erin().await, erin);

    // Nor does an end that nobody could prepare for.
    demo.process.signal("KILL");
    assert!(!demo.process.ended().await.success());
    let demo = Demo::start(data.path(), &port).await;
    assert_eq!(poolgate(data.path(), &["user", "list", "--pool", "acme"], "").await, users);
    assert_eq!(demo.erin().await, erin);
    demo.stop().await;
}

/// Sample pools have passwords that everybody knows.
#[tokio::test(flavor = "multi_thread")]
async fn it_takes_no_folder_that_is_somebody_elses() {
    let data = folder();
    std::fs::write(data.path().join("master.key"), "a key").unwrap();
    let refused = Program::poolgate().arguments(["demo", "--data", data.path().to_str().unwrap(), "--http-port", "0"]).run().await;
    assert!(refused.code(1).complaint().contains("holds something that no demo made"), "{}", refused.complaint());
    let inside: Vec<_> = std::fs::read_dir(data.path()).unwrap().map(|inside| inside.unwrap().file_name()).collect();
    assert_eq!(inside, ["master.key"]);
    let help = Program::poolgate().arguments(["demo", "--help"]).run().await.good();
    assert!(!help.contains("POOLGATE_DATA"), "the variable names a server's folder: {help}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_never_share_a_data_folder() {
    let data = folder();
    let demo = Demo::start(data.path(), "0").await;
    let mut second = Program::poolgate();
    second.arguments(["demo", "--data", data.path().to_str().unwrap(), "--http-port", "0", "--https-port", "0"]);
    let second = second.arguments(["--ldap-port", "0", "--ldaps-port", "0"]).run().await;
    second.code(1);
    assert!(second.complaint().contains("another process has the data folder"), "{}", second.complaint());
    assert_eq!(second.complaint().trim().lines().count(), 1, "{}", second.complaint());
    assert!(!second.text().contains("ready"), "{}", second.text());

    // The first one never noticed.
    demo.bind("alice", "alice-demo-password").await.good();
    poolgate(data.path(), &["user", "show", "alice", "--pool", "acme"], "").await;
    demo.stop().await;
}

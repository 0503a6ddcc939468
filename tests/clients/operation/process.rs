//! `poolgate serve` as a process: configuration, signals, the lock on its folder.

use super::{exchange, status};
use crate::ldap_wire::{is_notice, result_code, who_am_i};
use crate::served::{Served, configuration, serve};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A folder with a configuration file.
pub fn configured(more: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("poolgate.toml");
    std::fs::write(&file, configuration(&folder.path().join("data"), more)).unwrap();
    (folder, file)
}

/// `poolgate serve` where it is expected to end by itself.
pub async fn refused(mut command: Command) -> (Output, String) {
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let complaint = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(output.status.code(), Some(1), "{complaint}");
    (output, complaint)
}

/// An operator's command.
pub async fn operate(data: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_poolgate"));
    command.args(arguments).arg("--data").arg(data);
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_configuration_is_a_file_and_variables_over_it() {
    let (folder, file) = configured("");
    let (elsewhere, data) = (folder.path().join("elsewhere"), folder.path().join("data"));
    let text = elsewhere.to_str().unwrap();
    let served =
        Served::start(&file, &[("POOLGATE_DATA", text), ("POOLGATE_LISTEN__LDAP", "[]"), ("POOLGATE_LIMITS__WORK_THREADS", "1")]).await;
    assert!(elsewhere.join("admin.sock").exists() && !data.exists());
    assert!(operate(&elsewhere, &["pool", "create", "acme"]).await.status.success());
    let log = served.stop().await;
    assert!(log.contains("ldap: []"), "{log}");
    assert!(log.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()), "every line is JSON: {log}");

    for (variable, value, complaint) in [
        ("POOLGATE_LIMITS__DRAIN_SECONDS", "soon", "POOLGATE_LIMITS__DRAIN_SECONDS: invalid type"),
        ("POOLGATE_LISTEN__HTTP", "[\"192.0.2.1:80\"]", "loopback"),
        ("POOLGATE_LOG__FILTER", "poolgate=loud", "POOLGATE_LOG__FILTER: `poolgate=loud` names no level"),
        ("POOLGATE_LOG__FILTER", "inof", "POOLGATE_LOG__FILTER: `inof` names no level"),
        ("POOLGATE_MASTER_KEY_FILE", "/no/such/key", "/no/such/key"),
    ] {
        let (_, said) = refused(serve(&file, &[(variable, value)])).await;
        assert!(said.contains(complaint), "{variable}: {said}");
    }
    std::fs::write(&file, "data = \"x\"\npool_urls = \"path\"\n[listen]\nhtps = []\n").unwrap();
    let (output, said) = refused(serve(&file, &[])).await;
    assert!(said.starts_with(&format!("poolgate: {}:4: unknown field `htps`", file.display())), "{said}");
    assert!(output.stdout.is_empty());
    let (_, said) = refused(serve(&folder.path().join("nothing.toml"), &[])).await;
    assert!(said.contains("nothing.toml"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn variables_of_others_are_warned_of() {
    let (_folder, file) = configured("");
    // What Kubernetes sets where a service is called poolgate.
    let others = [
        ("POOLGATE_SERVICE_HOST", "10.0.0.1"),
        ("POOLGATE_SERVICE_PORT_LDAPS", "636"),
        ("POOLGATE_PORT", "tcp://10.0.0.1:636"),
        ("POOLGATE_PORT_636_TCP_ADDR", "10.0.0.1"),
    ];
    let log = Served::start(&file, &others).await.stop().await;
    for (name, _) in others {
        let line = log.lines().find(|line| line.contains(&format!("\"variable\":\"{name}\"")));
        assert!(line.is_some_and(|line| line.contains("\"WARN\"") && line.contains("names no key")), "{name}: {log}");
    }
    assert_eq!(log.matches("names no key").count(), others.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_process_on_the_same_data_is_refused() {
    let (folder, file) = configured("");
    let data = folder.path().join("data");
    let served = Served::start(&file, &[]).await;
    assert!(operate(&data, &["pool", "create", "acme"]).await.status.success());
    let (_, said) = refused(serve(&file, &[])).await;
    let sentence = format!("another process has the data folder {} open; stop it, or choose another folder", data.display());
    assert_eq!(said.trim(), format!("poolgate: {sentence}"));
    let mut demo = Command::new(env!("CARGO_BIN_EXE_poolgate"));
    let ports = ["--http-port", "0", "--https-port", "0", "--ldap-port", "0", "--ldaps-port", "0"];
    demo.args(["demo", "--data"]).arg(&data).args(ports);
    assert!(refused(demo).await.1.contains("holds something that no demo made"));
    // The first one goes on, and its socket is still its own.
    let listed = operate(&data, &["pool", "list"]).await;
    assert!(String::from_utf8_lossy(&listed.stdout).contains("o=acme"));
    served.stop().await;
    Served::start(&file, &[]).await.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn terminate_lets_a_running_request_end() {
    let (folder, file) = configured("");
    let mut served = Served::start(&file, &[]).await;
    assert!(operate(&folder.path().join("data"), &["pool", "create", "acme"]).await.status.success());
    // The server asks for the body when it has begun to work on the request (RFC 9110, section
    // 10.1.1).
    let mut request = TcpStream::connect(served.address("http")).await.unwrap();
    let head = "POST /pools/acme/login HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 10\r\n\r\n";
    request.write_all(head.as_bytes()).await.unwrap();
    let mut go_on = [0; 25];
    request.read_exact(&mut go_on).await.unwrap();
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    let mut directory = TcpStream::connect(served.address("ldap")).await.unwrap();
    directory.write_all(&who_am_i()).await.unwrap();
    assert!(directory.read(&mut [0; 256]).await.unwrap() > 0);

    served.signal("TERM");
    served.line_with("stopping").await;
    // Whoever only waits is told and let go.
    let mut notice = Vec::new();
    directory.read_to_end(&mut notice).await.unwrap();
    assert!(is_notice(&notice));
    assert_eq!(result_code(&notice), 52);
    let answer = exchange(request, b"a=xxxxxxxx").await;
    assert_eq!(status(&answer), 400, "an answer, and a whole one: {answer}");
    assert!(answer.contains("</html>"), "{answer}");
    let (ended, log) = served.ended().await;
    assert!(ended.success() && !log.contains("did not end in time"), "{log}");
    assert!(!folder.path().join("data/admin.sock").exists());
    // What was written is there.
    let again = Served::start(&file, &[]).await;
    let listed = operate(&folder.path().join("data"), &["pool", "list"]).await;
    assert!(String::from_utf8_lossy(&listed.stdout).contains("o=acme"));
    again.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_never_ends_does_not_keep_the_server() {
    let (folder, file) = configured("[limits]\ndrain_seconds = 1\n");
    let mut served = Served::start(&file, &[]).await;
    assert!(operate(&folder.path().join("data"), &["pool", "create", "acme"]).await.status.success());
    let mut request = TcpStream::connect(served.address("http")).await.unwrap();
    let head = "POST /pools/acme/login HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 10\r\n\r\n";
    request.write_all(head.as_bytes()).await.unwrap();
    request.read_exact(&mut [0; 25]).await.unwrap();
    served.signal("INT");
    served.line_with("some requests did not end in time").await;
    let (ended, log) = served.ended().await;
    assert!(ended.success(), "{log}");
}

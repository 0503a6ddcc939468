//! Poolgate as a process, with the entries loaded through its own import.

use crate::people;
use crate::server::{Kind, Server, free_address, once, run};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

const POOL: &str = "bench";
/// Megabytes for the store's engine and for its cache of hot records: enough for the entries, as
/// the page cache is for slapd. The report tells what is used.
const ENGINE_CACHE: u32 = 512;
const HOT_CACHE: u32 = 512;

/// Starts Poolgate with that many people.
pub fn start(folder: &Path, entries: u32) -> Server {
    let (file, data) = (folder.join("poolgate.toml"), folder.join("data"));
    let address = free_address();
    std::fs::write(&file, configuration(&data, address.port())).expect("a configuration file");
    let log = std::fs::File::create(folder.join("poolgate.log")).expect("a file for the log");
    let mut command = program(&data);
    command.args(["serve", "--config"]).arg(&file).stdin(Stdio::null()).stderr(log);
    let version = run(program(&data).arg("--version"));
    let mut server = Server::start(Kind::Poolgate, version.trim().to_owned(), entries, address, &mut command);
    let loading = once(folder, |ldif| {
        people::write(ldif, entries);
        ask(&data, &["pool", "create", POOL, "--suffix", people::SUFFIX]);
        ask(&data, &["import", "--pool", POOL, ldif.to_str().expect("a path in UTF-8")]);
        ask(&data, &["service", "--pool", POOL, "create", "reader", "--password-stdin"]);
        ask(&data, &["group", "--pool", POOL, "create", "admins", "--member", &people::uid(0)]);
    });
    server.loading = loading;
    server
}

fn configuration(data: &Path, port: u16) -> String {
    format!(
        "data = {data:?}\npool_urls = \"path\"\n[listen]\nldap = [\"127.0.0.1:{port}\"]\n\
         [log]\nfilter = \"warn\"\n[limits]\nengine_cache_mib = {ENGINE_CACHE}\nhot_cache_mib = {HOT_CACHE}\n"
    )
}

/// Runs a command of the operator against the running server; each is given the password, and those
/// that want none do not read it.
fn ask(data: &Path, arguments: &[&str]) {
    let mut command = program(data);
    let mut child = command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().expect("a command");
    // A command that reads nothing may have ended already.
    let _ = child.stdin.take().expect("its input").write_all(people::PASSWORD.as_bytes());
    let status = child.wait().expect("its end");
    assert!(status.success(), "poolgate {}: {status}", arguments.join(" "));
}

/// The program that cargo has built with this benchmark, without the variables of whoever runs it.
fn program(data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_poolgate"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("POOLGATE_")) {
        command.env_remove(name);
    }
    command.env("POOLGATE_DATA", data);
    command
}

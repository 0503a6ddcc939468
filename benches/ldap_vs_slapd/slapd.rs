//! slapd with back-mdb as Debian ships it, with a configuration of its own: the indexes that
//! Poolgate keeps for the attributes of the entries, everything else as it is by default. In
//! particular `dbnosync` is off, so each write is on disk when it is acknowledged.

use crate::people;
use crate::server::{Kind, Server, free_address, once, run};
use std::path::Path;
use std::process::{Command, Stdio};

const SCHEMAS: &str = "/etc/ldap/schema";
const MODULES: &str = "/usr/lib/ldap";
/// The most that the database may grow to, in bytes; the default of 10 MB holds no tenth of the
/// entries.
const MAX_SIZE: u64 = 16 << 30;

/// Starts slapd with that many people.
pub fn start(folder: &Path, entries: u32) -> Server {
    let file = folder.join("slapd.conf");
    std::fs::write(&file, configuration(folder)).expect("a configuration file");
    std::fs::create_dir_all(folder.join("mdb")).expect("a folder for the database");
    let loading = once(folder, |ldif| {
        people::write(ldif, entries);
        slapadd(&file, ldif);
        std::fs::write(ldif, services()).expect("a file for the service account");
        slapadd(&file, ldif);
    });
    let address = free_address();
    let mut command = program("slapd");
    // A debug level, even none, keeps it in the foreground.
    command.args(["-d", "0", "-h", &format!("ldap://{address}/"), "-f"]).arg(&file);
    let mut server = Server::start(Kind::Slapd, version(), entries, address, command.stdin(Stdio::null()));
    server.loading = loading;
    server
}

fn configuration(folder: &Path) -> String {
    let folder = folder.display();
    format!(
        "include {SCHEMAS}/core.schema
include {SCHEMAS}/cosine.schema
include {SCHEMAS}/inetorgperson.schema
modulepath {MODULES}
moduleload back_mdb
pidfile {folder}/slapd.pid
argsfile {folder}/slapd.args
loglevel 0

database mdb
suffix {suffix}
directory {folder}/mdb
maxsize {MAX_SIZE}
index objectClass eq
index uid,cn,sn,givenName,displayName,mail pres,eq,sub
index telephoneNumber,mobile,l,st,departmentNumber,employeeType eq
index createTimestamp,modifyTimestamp,entryUUID eq
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact={administrator} write by users read by * none
",
        suffix = people::SUFFIX,
        administrator = people::ADMINISTRATOR,
    )
}

/// The service account that Poolgate has a command for.
fn services() -> String {
    format!(
        "dn: ou=services,o=bench
objectClass: organizationalUnit
ou: services

dn: {}
objectClass: applicationProcess
objectClass: simpleSecurityObject
cn: reader
userPassword: {}
",
        people::READER,
        people::ssha(0)
    )
}

fn slapadd(configuration: &Path, ldif: &Path) {
    run(program("slapadd").arg("-q").arg("-f").arg(configuration).arg("-l").arg(ldif));
}

fn version() -> String {
    let output = program("slapd").arg("-VV").output().expect("the version of slapd");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let version = text.split_once("slapd ").and_then(|(_, rest)| rest.split_whitespace().next());
    format!("OpenLDAP slapd {}", version.expect("a version"))
}

/// A program of the package, which puts it where only administrators look.
fn program(name: &str) -> Command {
    let path = Path::new("/usr/sbin").join(name);
    assert!(path.exists(), "{} is not there: install slapd (on Debian: apt-get install slapd)", path.display());
    Command::new(path)
}

//! Imports that are given up, and exports that break off, as the operator meets them.

use crate::harness::TestServer;
use crate::ldap_client::{Directory, code};
use crate::operator::AdminApi;
use bytes::Bytes;
use poolgate::model::{Actor, Dn, Face, Role};
use poolgate::store::{Changes, Key};
use poolgate::sync::{Format, Import, Source};
use std::fs::Permissions;
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const PEOPLE: &str = "dn: uid=p1,ou=people,o=acme\nobjectClass: inetOrgPerson\ncn: P\nsn: P\nmanager: uid=p2,ou=people,o=acme\n\n\
    dn: uid=p2,ou=people,o=acme\nobjectClass: inetOrgPerson\ncn: P\nsn: P\n";

/// A file that cannot be read a fifth time, when the links are to be added.
struct Breaking(AtomicUsize);

impl Source for Breaking {
    fn open(&self) -> io::Result<Box<dyn BufRead + Send>> {
        match self.0.fetch_add(1, Ordering::SeqCst) {
            4 => Ok(Box::new(BufReader::new(Broken))),
            _ => Ok(Box::new(BufReader::new(PEOPLE.as_bytes()))),
        }
    }
}

struct Broken;

impl Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::Error::other("the disk is gone"))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_was_cut_off_is_given_up_and_a_corrected_file_taken() {
    let server = TestServer::empty().await;
    server.poolgate(&["pool", "create", "acme"]).await.good();
    let core = server.running.core();
    let pool = core.registry.by_slug("acme").unwrap().unwrap();
    let actor = Actor { role: Role::Operator, entry: None, name: "uid:0".into(), face: Face::Admin, address: None };
    let import = Import::new(Arc::clone(core), pool, actor, Arc::new(Breaking(AtomicUsize::new(0))), Format::Ldif);
    assert!(import.run().await.is_err());

    let corrected = server.file("corrected.ldif");
    std::fs::write(&corrected, PEOPLE.to_owned() + "\ndn: uid=p3,ou=people,o=acme\nobjectClass: inetOrgPerson\ncn: P\nsn: P\n").unwrap();
    let take = ["import", "--pool", "acme", corrected.to_str().unwrap()];
    let refused = server.poolgate(&take).await;
    assert!(refused.code(1).complaint().contains("`poolgate import --pool P --give-up`"), "{}", refused.complaint());
    assert!(!refused.complaint().contains("run it again to go on"), "{}", refused.complaint());
    assert_eq!(server.json(&["import", "--pool", "acme", "--give-up"]).await, serde_json::json!({ "added": 2 }));
    let none = server.poolgate(&["import", "--pool", "acme", "--give-up"]).await;
    assert!(none.code(1).complaint().contains("nothing to give up"), "{}", none.complaint());
    let report = server.json(&take).await;
    assert_eq!((report["added"].as_u64(), report["taken_over"].as_u64(), report["links"].as_u64()), (Some(1), Some(2), Some(1)));
    let events = server.json(&["audit", "--pool", "acme", "--action", "import-give-up"]).await;
    assert_eq!(events.as_array().unwrap().len(), 1, "{events}");
    for wrong in [&["import", "--pool", "acme"][..], &["import", "--pool", "acme", "--give-up", "x.ldif"]] {
        server.poolgate(wrong).await.code(2);
    }
    assert!(server.poolgate(&["import", "--help"]).await.good().contains("--give-up"));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_that_breaks_off_leaves_no_file_that_looks_whole() {
    let server = TestServer::demo().await;
    let (file, partial) = (server.file("acme.ldif"), server.file("acme.ldif.partial"));
    let export = ["export", "--pool", "acme", "--output", file.to_str().unwrap()];
    server.poolgate(&export).await.good();
    assert!(std::fs::read_to_string(&file).unwrap().contains("dn: uid=alice,ou=people,o=acme\n") && !partial.exists());
    std::fs::remove_file(&file).unwrap();

    let pool = server.running.core().registry.by_slug("acme").unwrap().unwrap();
    let alice = poolgate::directory::Directory::new(&pool).resolve(&Dn::parse("uid=alice,ou=people,o=acme").unwrap()).unwrap();
    let mut changes = Changes::new();
    changes.put(Key::entry(alice), Bytes::from_static(b"damaged").to_vec());
    pool.store().commit(changes).await.unwrap();
    let broken = server.poolgate(&export).await;
    let complaint = broken.code(1).complaint();
    assert!(
        complaint.contains("the export broke off") && complaint.contains("log") && complaint.contains("acme.ldif.partial"),
        "{complaint}"
    );
    assert!(!file.exists() && partial.exists());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_is_its_owners_and_leaves_what_is_no_file_as_it_is() {
    let server = TestServer::demo().await;
    let export = async |to: &Path| server.poolgate(&["export", "--pool", "acme", "--output", to.to_str().unwrap()]).await.good();
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    let (file, link, pipe) = (server.file("acme.ldif"), server.file("link.ldif"), server.file("pipe"));
    export(&file).await;
    assert_eq!(mode(&file), 0o600, "it is about people");

    std::fs::write(&file, "old").unwrap();
    std::fs::set_permissions(&file, Permissions::from_mode(0o640)).unwrap();
    symlink(&file, &link).unwrap();
    export(&link).await;
    assert!(link.is_symlink());
    assert_eq!(mode(&file), 0o640, "as whoever made it wants it");
    let whole = std::fs::read_to_string(&file).unwrap();
    assert!(whole.contains("dn: uid=alice,ou=people,o=acme\n"));

    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let reader = std::thread::spawn({
        let pipe = pipe.clone();
        move || std::fs::read_to_string(pipe).unwrap()
    });
    export(&pipe).await;
    assert!(pipe.metadata().unwrap().file_type().is_fifo());
    assert_eq!(reader.join().unwrap(), whole);
    server.stop().await;
}

/// Whether that password lets somebody in over LDAP.
async fn binds(server: &TestServer, uid: &str, password: &str) -> bool {
    Directory::connect(server).await.bind(&format!("uid={uid},ou=people,o=acme"), password).await.code == code::SUCCESS
}

fn fixture(name: &str) -> String {
    format!("{}/tests/fixtures/import/{name}", env!("CARGO_MANIFEST_DIR"))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_tells_by_line_what_became_of_passwords_and_locks() {
    let server = TestServer::empty().await;
    server.poolgate(&["pool", "create", "acme"]).await.good();
    let locks = fixture("locks.ldif");
    let printed = server.poolgate(&["import", "--pool", "acme", &locks]).await.good();
    let line = std::fs::read_to_string(&locks).unwrap().lines().position(|line| line.starts_with("nsAccountLock")).unwrap() + 1;
    assert!(
        printed.contains(&format!("{locks}:{line}: nsAccountLock (389 Directory Server) says 'TRUE': imported disabled\n")),
        "{printed}"
    );
    assert!(printed.contains("added: 17\n") && !printed.contains("notes"), "{printed}");
    assert!(binds(&server, "free", "Quartz-Meadow-44").await);
    for uid in ["openlock", "reset", "nslock", "over", "sun", "ad", "expired", "shadow"] {
        assert!(!binds(&server, uid, "Quartz-Meadow-44").await, "{uid}");
    }
    assert_eq!(server.json(&["user", "show", "--pool", "acme", "nslock"]).await["disabled"], true);

    let hashes = fixture("hashes.csv");
    let report = server.json(&["import", "--pool", "acme", &hashes]).await;
    assert_eq!(report["more_notes"], 0);
    let notes = report["notes"].as_array().unwrap();
    assert_eq!(notes.iter().map(|note| note["line"].as_u64().unwrap()).collect::<Vec<_>>(), [3, 4, 5, 6, 7], "{report}");
    assert_eq!(notes[0]["message"], "userPassword holds a $2b$ hash: imported without a password, since it cannot be verified");
    for row in std::fs::read_to_string(&hashes).unwrap().lines().skip(2) {
        let (uid, hash) = (row.split(',').next().unwrap(), row.rsplit(',').next().unwrap());
        assert!(!binds(&server, uid, hash).await, "{row}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn passwords_in_plain_text_are_imported_on_demand_only() {
    let server = TestServer::empty().await;
    server.poolgate(&["pool", "create", "acme"]).await.good();
    let plain = fixture("plain.csv");
    let refused = server.poolgate(&["import", "--pool", "acme", &plain]).await;
    let complaint = refused.code(1).complaint();
    assert!(complaint.contains(&format!("{plain}:2: password holds a password in plain text")), "{complaint}");
    assert!(complaint.contains("--plain-passwords") && !complaint.contains("Quartz-Meadow-44"), "{complaint}");
    // Where hashes stand beside it, the way is another one.
    let mixed = fixture("mixed.csv");
    let refused = server.poolgate(&["import", "--pool", "acme", &mixed]).await;
    let complaint = refused.code(1).complaint();
    assert!(complaint.contains(&format!("{mixed}:2: password holds no hash of a form that is known")), "{complaint}");
    assert!(complaint.contains("a file of its own") && !complaint.contains("--plain-passwords"), "{complaint}");
    let mut api = AdminApi::connect(&server).await;
    let text = std::fs::read_to_string(&plain).unwrap();
    let (status, answer) = api.ask("POST", "/pools/acme/import?format=csv&plain_passwords=perhaps", &text).await;
    assert!(status == 400 && answer.contains("plain_passwords"), "{status} {answer}");
    let (_, answer) = api.ask("POST", "/pools/acme/import?format=csv", &text).await;
    assert!(answer.contains("refused") && answer.contains("plain_passwords=true"), "{answer}");
    server.poolgate(&["import", "--pool", "acme", "--plain-passwords", &mixed]).await.good();
    assert!(binds(&server, "ann", "Quartz-Meadow-44").await);
    let text = std::fs::read_to_string(&mixed).unwrap();
    let hash = text.lines().last().unwrap().rsplit(',').next().unwrap().to_owned();
    assert!(!binds(&server, "ben", &hash).await);
    // Nor does the hash become the password on another way that programs take.
    let ways =
        [&["user", "password", "--pool", "acme", "ann", "--stdin"][..], &["user", "create", "--pool", "acme", "cas", "--password-stdin"]];
    for way in ways {
        let refused = server.poolgate_with_input(way, &hash).await;
        assert!(refused.code(1).complaint().contains("a $2b$ hash cannot be verified here"), "{}", refused.complaint());
    }
    assert!(binds(&server, "ann", "Quartz-Meadow-44").await);
    server.stop().await;
}

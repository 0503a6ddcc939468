//! The operator's commands against a running server.

use crate::harness::{Finished, Program, TestServer};
use crate::ldap_client::{Directory, code};
use crate::web_client::{Application, Browser};
use poolgate::server::config::Config;
use serde_json::Value;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::{Command, Stdio};

/// The name of whoever runs the tests, as the audit log has it.
fn myself() -> String {
    format!("uid:{}", std::fs::metadata("/proc/self").unwrap().uid())
}

/// The events of an action, each with who did it and to what.
async fn events(server: &TestServer, pool: &str, action: &str) -> Vec<(String, String)> {
    let events = server.json(&["audit", "--pool", pool, "--action", action]).await;
    let text = |event: &Value, name: &str| event[name].as_str().unwrap_or_default().to_owned();
    events.as_array().unwrap().iter().map(|event| (text(event, "actor"), text(event, "target"))).collect()
}

/// Runs a command that is given a secret, and asserts that the secret is printed nowhere.
async fn with_secret(server: &TestServer, arguments: &[&str], secret: &str) -> Finished {
    let finished = server.poolgate_with_input(arguments, secret).await;
    assert!(!finished.text().contains(secret) && !finished.complaint().contains(secret), "{arguments:?}");
    finished
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_has_had_enough_is_no_failure_and_a_full_disk_is() {
    let server = TestServer::empty().await;
    server.poolgate(&["pool", "create", "acme"]).await.good();
    for arguments in [&["pool", "list"][..], &["pool", "show", "acme"], &["pool", "show", "acme", "--json"]] {
        let print_to = async |output: Stdio| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_poolgate"));
            command.args(arguments).arg("--data").arg(server.data()).stdout(output).stderr(Stdio::piped());
            let child = command.spawn().unwrap();
            drop(command);
            let finished = tokio::task::spawn_blocking(|| child.wait_with_output().unwrap()).await.unwrap();
            (finished.status.code(), String::from_utf8(finished.stderr).unwrap())
        };
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        assert_eq!(print_to(writer.into()).await, (Some(0), String::new()), "{arguments:?}");
        let full = std::fs::File::create("/dev/full").unwrap();
        let (code, complaint) = print_to(full.into()).await;
        assert!(code == Some(1) && complaint.starts_with("poolgate: standard output: "), "{arguments:?}: {complaint}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn users() {
    let server = TestServer::empty().await;
    server.poolgate(&["pool", "create", "acme"]).await.good();
    let secret = "the first secret of hers";
    let create = [
        "user",
        "create",
        "--pool",
        "acme",
        "ann",
        "--mail",
        "ann@acme.example",
        "--given-name",
        "Ann",
        "--family-name",
        "Arbor",
        "--display-name",
        "Annie",
        "--attribute",
        "telephoneNumber=+1 555 0100",
        "--attribute",
        "description=one",
        "--attribute",
        "description=two",
        "--password-stdin",
    ];
    with_secret(&server, &create, &format!("{secret}\n")).await.good();
    let ann = "uid=ann,ou=people,o=acme";
    Directory::bound(&server, ann, secret).await;

    let shown = server.json(&["user", "show", "--pool", "acme", "ann"]).await;
    assert_eq!((shown["name"].as_str(), shown["dn"].as_str(), shown["disabled"].as_bool()), (Some("ann"), Some(ann), Some(false)));
    let attributes = &shown["attributes"];
    assert_eq!(attributes["displayName"], serde_json::json!(["Annie"]));
    assert_eq!(attributes["description"], serde_json::json!(["one", "two"]));
    assert!(attributes.get("userPassword").is_none() && !shown.to_string().contains("argon2"), "{shown}");
    let listed = server.poolgate(&["user", "list", "--pool", "acme"]).await.good();
    assert_eq!(listed.lines().map(|line| line.split_whitespace().next().unwrap()).collect::<Vec<_>>(), ["NAME", "ann"]);
    assert_eq!(server.json(&["user", "list", "--pool", "acme"]).await[0]["uuid"], shown["uuid"]);

    let update = ["user", "update", "--pool", "acme", "ann", "--attribute", "sn=Ash", "--attribute", "description="];
    let updated = server.json(&update).await;
    assert_eq!(updated["attributes"]["sn"], serde_json::json!(["Ash"]));
    assert!(updated["attributes"].get("description").is_none(), "{updated}");

    with_secret(&server, &["user", "password", "--pool", "acme", "ann", "--stdin"], "the second secret of hers").await.good();
    Directory::bound(&server, ann, "the second secret of hers").await;
    let made = server.json(&["user", "password", "--pool", "acme", "ann"]).await;
    let made = made["password"].as_str().unwrap();
    assert!(made.len() >= 20, "{made}");
    Directory::bound(&server, ann, made).await;

    assert_eq!(server.json(&["user", "disable", "--pool", "acme", "ann"]).await["disabled"], true);
    assert_eq!(Directory::connect(&server).await.bind(ann, made).await.code, code::INVALID_CREDENTIALS);
    assert_eq!(server.json(&["user", "enable", "--pool", "acme", "ann"]).await["disabled"], false);
    Directory::bound(&server, ann, made).await;
    server.poolgate(&["user", "unlock", "--pool", "acme", "ann"]).await.good();

    // Somebody without a password is somebody nobody can be.
    server.poolgate(&["user", "create", "--pool", "acme", "ben"]).await.good();
    assert_eq!(Directory::connect(&server).await.bind("uid=ben,ou=people,o=acme", "ben").await.code, code::INVALID_CREDENTIALS);
    assert_eq!(server.poolgate(&["user", "delete", "--pool", "acme", "ben"]).await.good().trim(), "ben is gone");
    assert_eq!(
        server.poolgate(&["user", "delete", "--pool", "acme", "ann", "--json"]).await.good(),
        "",
        "JSON readers look at the exit code"
    );

    let actions = ["entry-add", "entry-modify", "password-reset", "unlock", "entry-delete"];
    for action in actions {
        let events = events(&server, "acme", action).await;
        assert!(events.iter().any(|event| *event == (myself(), ann.to_owned())), "{action}: {events:?}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn groups() {
    let server = TestServer::demo().await;
    let crew = "cn=crew,ou=groups,o=acme";
    server
        .poolgate(&["group", "create", "--pool", "acme", "crew", "--description", "On board", "--member", "alice", "--member", "bob"])
        .await
        .good();
    let members = async || server.json(&["group", "show", "--pool", "acme", "crew"]).await["attributes"]["member"].clone();
    let dn = |uid: &str| format!("uid={uid},ou=people,o=acme");
    assert_eq!(members().await, serde_json::json!([dn("alice"), dn("bob")]));
    server.poolgate(&["group", "add", "--pool", "acme", "crew", "carol"]).await.good();
    assert_eq!(
        server.poolgate(&["group", "remove", "--pool", "acme", "crew", "alice"]).await.good().trim(),
        "alice is no member of crew any more"
    );
    assert_eq!(members().await, serde_json::json!([dn("bob"), dn("carol")]));
    for (arguments, complaint) in [
        (["add", "crew", "bob"], "already"),
        (["remove", "crew", "alice"], "member"),
        (["add", "crew", "nobody"], "no user `nobody`"),
        (["add", "nobodies", "bob"], "no group `nobodies`"),
    ] {
        let refused = server.poolgate(&[&["group"], &arguments[..], &["--pool", "acme"]].concat()).await;
        assert!(refused.code(1).complaint().contains(complaint), "{arguments:?}: {}", refused.complaint());
    }
    let listed = server.json(&["group", "list", "--pool", "acme"]).await;
    let names: Vec<_> = listed.as_array().unwrap().iter().map(|group| group["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["staff", "admins", "crew"]);
    server.poolgate(&["group", "delete", "--pool", "acme", "crew"]).await.good();
    server.poolgate(&["group", "show", "--pool", "acme", "crew"]).await.code(1);
    for action in ["entry-add", "entry-modify", "entry-delete"] {
        assert!(events(&server, "acme", action).await.contains(&(myself(), crew.to_owned())), "{action}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn service_accounts() {
    let server = TestServer::empty().await;
    server.poolgate(&["pool", "create", "acme"]).await.good();
    let made = server.json(&["service", "create", "--pool", "acme", "mailer", "--description", "Sends mail"]).await;
    let mailer = "cn=mailer,ou=services,o=acme";
    Directory::bound(&server, mailer, made["password"].as_str().unwrap()).await;
    with_secret(&server, &["service", "create", "--pool", "acme", "wiki", "--password-stdin"], "Quartz-Meadow-44").await.good();
    let wiki = "cn=wiki,ou=services,o=acme";
    Directory::bound(&server, wiki, "Quartz-Meadow-44").await;
    let listed = server.json(&["service", "list", "--pool", "acme"]).await;
    assert_eq!(listed.as_array().unwrap().len(), 2);
    assert_eq!(server.json(&["service", "show", "--pool", "acme", "wiki"]).await["dn"], wiki);
    with_secret(&server, &["service", "password", "--pool", "acme", "wiki", "--stdin"], "Juniper-Rocket-20").await.good();
    Directory::bound(&server, wiki, "Juniper-Rocket-20").await;
    for weak in ["x", "password1", "the-wiki2-password"] {
        for arguments in [["create", "wiki2", "--password-stdin"], ["password", "wiki", "--stdin"]] {
            let arguments = [&["service", arguments[0], "--pool", "acme"], &arguments[1..]].concat();
            let refused = server.poolgate_with_input(&arguments, weak).await;
            assert!(refused.code(1).complaint().contains("password"), "{weak}: {}", refused.complaint());
        }
    }
    server.poolgate(&["service", "show", "--pool", "acme", "wiki2"]).await.code(1);
    Directory::bound(&server, wiki, "Juniper-Rocket-20").await;
    server.poolgate(&["service", "disable", "--pool", "acme", "wiki"]).await.good();
    assert_eq!(Directory::connect(&server).await.bind(wiki, "Juniper-Rocket-20").await.code, code::INVALID_CREDENTIALS);
    server.poolgate(&["service", "enable", "--pool", "acme", "wiki"]).await.good();
    server.poolgate(&["service", "unlock", "--pool", "acme", "wiki"]).await.good();
    Directory::bound(&server, wiki, "Juniper-Rocket-20").await;
    server.poolgate(&["service", "delete", "--pool", "acme", "wiki"]).await.good();
    server.poolgate(&["service", "show", "--pool", "acme", "wiki"]).await.code(1);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clients() {
    let server = TestServer::demo().await;
    let uri = "http://localhost:9090/callback";
    let create = ["client", "create", "--pool", "acme", "--redirect-uri", uri, "--first-party"];
    let made = server.json(&[&create[..], &["shop", "--name", "The shop", "--id-token-alg", "ES256"]].concat()).await;
    let secret = made["secret"].as_str().unwrap();
    assert_eq!((made["client"]["client_id"].as_str(), made["client"]["require_pkce"].as_bool()), (Some("shop"), Some(true)));
    let shop = Application::new(&server, "acme", "shop", secret, uri);
    Browser::new().tokens(&shop, "alice", "alice-demo-password").await;

    with_secret(&server, &[&create[..], &["kiosk", "--secret-stdin"]].concat(), "a secret of the kiosk").await.good();
    let kiosk = Application::new(&server, "acme", "kiosk", "a secret of the kiosk", uri);
    Browser::new().tokens(&kiosk, "alice", "alice-demo-password").await;
    let public = server.json(&[&create[..], &["app", "--public"]].concat()).await;
    assert_eq!((public["client"]["public"].as_bool(), public.get("secret")), (Some(true), None));
    let anonymous = server.json(&create).await;
    let made = anonymous["client"]["client_id"].as_str().unwrap();
    assert!(made.len() == 32 && made.bytes().all(|byte| byte.is_ascii_hexdigit()), "an id is made that can be an argument: {made}");

    let shown = server.json(&["client", "show", "--pool", "acme", "shop"]).await;
    assert!(!shown.to_string().contains(secret), "a secret is shown once");
    assert_eq!(server.json(&["client", "list", "--pool", "acme"]).await.as_array().unwrap().len(), 5);
    for (arguments, exit) in [
        (&["client", "create", "--pool", "acme", "x"][..], 2),
        (&["client", "create", "--pool", "acme", "x", "--redirect-uri", uri, "--public", "--secret-stdin"], 2),
        (&["client", "create", "--pool", "acme", "x", "--redirect-uri", uri, "--public", "--without-pkce"], 2),
        (&["client", "create", "--pool", "acme", "x", "--redirect-uri", "http://shop.example/callback"], 1),
        (&["client", "create", "--pool", "acme", "x", "--redirect-uri", "https://shop.example/#part"], 1),
        (&["client", "create", "--pool", "acme", "x", "--redirect-uri", uri, "--id-token-alg", "none"], 1),
        (&["client", "create", "--pool", "acme", "shop", "--redirect-uri", uri], 1),
    ] {
        let refused = server.poolgate_with_input(arguments, "secret").await;
        assert!(!refused.code(exit).complaint().is_empty(), "{arguments:?}");
    }
    let choose = ["client", "create", "--pool", "strict", "x", "--redirect-uri", uri, "--secret-stdin"];
    server.poolgate(&["pool", "create", "strict"]).await.good();
    for (secret, complaint) in [
        ("x", "at least 15 characters"),
        ("demo-secret", "at least 15 characters"),
        ("aaaaaaaaaaaaaaaaaaaa", "different characters"),
        ("password-1password-1", "repeats itself"),
    ] {
        let refused = server.poolgate_with_input(&choose, secret).await;
        assert!(refused.code(1).complaint().contains(complaint), "{secret}: {}", refused.complaint());
        server.poolgate(&["client", "show", "--pool", "strict", "x"]).await.code(1);
    }
    server.poolgate_with_input(&choose, "violet hammer, copper saddle").await.good();
    server.poolgate(&["client", "delete", "--pool", "acme", "shop"]).await.good();
    server.poolgate(&["client", "show", "--pool", "acme", "shop"]).await.code(1);
    assert_eq!(Browser::new().get(&shop.authorize()).await.status, 400);
    assert!(events(&server, "acme", "client-put").await.contains(&(myself(), "shop".into())));
    assert_eq!(events(&server, "acme", "client-delete").await, [(myself(), "shop".into())]);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn service_providers_and_identity_providers() {
    let server = TestServer::demo().await;
    let entity_id = "https://saas.example/metadata?tenant=1&x=ä";
    let certificate = Path::new(env!("CARGO_MANIFEST_DIR")).join("certs/test-sp.pem");
    let create = [
        "sp",
        "create",
        "--pool",
        "acme",
        entity_id,
        "--name",
        "SaaS",
        "--acs",
        "https://saas.example/acs",
        "--acs",
        "https://saas.example/acs2",
        "--name-id",
        "email",
        "--attribute",
        "mail",
        "--attribute",
        "uid=username",
        "--sign",
        "response",
        "--request-certificate",
        certificate.to_str().unwrap(),
        "--require-signed-requests",
    ];
    server.poolgate(&create).await.good();
    let shown = server.json(&["sp", "show", "--pool", "acme", entity_id]).await;
    assert_eq!(
        (shown["name"].as_str(), shown["name_id"].as_str(), shown["sign"].as_str()),
        (Some("SaaS"), Some("email"), Some("response"))
    );
    assert_eq!(shown["acs"][1]["index"], 1);
    assert_eq!(shown["attributes"][1], serde_json::json!({ "source": "uid", "name": "username" }));
    assert_eq!(server.json(&["sp", "list", "--pool", "acme"]).await.as_array().unwrap().len(), 2);
    for (arguments, exit, complaint) in [
        (&["x:y"][..], 2, "--acs"),
        (&["x:y", "--acs", "https://a.example/", "--require-signed-requests"], 2, "--request-certificate"),
        (&["x:y", "--acs", "nonsense"], 1, ""),
        (&["x:y", "--acs", "https://a.example/", "--name-id", "shoe-size"], 1, "shoe-size"),
        (&["x:y", "--acs", "https://a.example/", "--request-certificate", "/no/such/file"], 1, "/no/such/file"),
        (&["x:y", "--acs", "https://a.example/", "--request-certificate", "/proc/self/status"], 1, "certificate"),
        (&[entity_id, "--acs", "https://a.example/"], 1, "already"),
    ] {
        let refused = server.poolgate(&[&["sp", "create", "--pool", "acme"], arguments].concat()).await;
        assert!(refused.code(exit).complaint().contains(complaint), "{arguments:?}: {}", refused.complaint());
    }
    server.poolgate(&["sp", "delete", "--pool", "acme", entity_id]).await.good();
    server.poolgate(&["sp", "show", "--pool", "acme", entity_id]).await.code(1);
    assert_eq!(events(&server, "acme", "service-provider-delete").await, [(myself(), entity_id.into())]);

    let create = [
        "idp",
        "create",
        "--pool",
        "acme",
        "partner",
        "--display-name",
        "Partner",
        "--issuer",
        "https://id.partner.example",
        "--client-id",
        "us",
    ];
    with_secret(&server, &[&create[..], &["--client-secret-stdin"]].concat(), "a secret of the partner").await.good();
    let shown = server.json(&["idp", "show", "--pool", "acme", "partner"]).await;
    assert_eq!(shown["issuer"], "https://id.partner.example");
    assert!(!shown.to_string().contains("a secret of the partner"), "{shown}");
    assert_eq!(server.json(&["idp", "list", "--pool", "acme"]).await.as_array().unwrap().len(), 2);
    for arguments in [
        ["bad name", "--issuer", "https://id.partner.example", "--client-id", "us"],
        ["plain", "--issuer", "http://id.partner.example", "--client-id", "us"],
        ["partner", "--issuer", "https://id.partner.example", "--client-id", "us"],
    ] {
        let refused = server.poolgate(&[&["idp", "create", "--pool", "acme"], &arguments[..]].concat()).await;
        assert!(!refused.code(1).complaint().is_empty(), "{arguments:?}");
    }
    server.poolgate(&["idp", "delete", "--pool", "acme", "partner"]).await.good();
    server.poolgate(&["idp", "show", "--pool", "acme", "partner"]).await.code(1);
    assert_eq!(events(&server, "acme", "identity-provider-delete").await, [(myself(), "partner".into())]);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_log_tells_when_who_what_and_why() {
    let server = TestServer::demo().await;
    assert_eq!(
        Directory::connect(&server).await.bind("uid=alice,ou=people,o=acme", "a wrong password").await.code,
        code::INVALID_CREDENTIALS
    );
    let binds = server.json(&["audit", "--pool", "acme", "--action", "bind"]).await;
    let event = &binds.as_array().unwrap()[0];
    assert_eq!(event["actor"], "uid=alice,ou=people,o=acme");
    assert_eq!(
        (event["outcome"].as_str(), event["reason"].as_str(), event["face"].as_str()),
        (Some("failure"), Some("wrong-password"), Some("ldap"))
    );
    assert_eq!((event["address"].as_str(), event["count"].as_u64()), (Some("127.0.0.1"), Some(1)));
    let at = event["at"].as_str().unwrap();
    let since = server.json(&["audit", "--pool", "acme", "--from", at]).await;
    assert_eq!(since[0], *event);
    let until = server.json(&["audit", "--pool", "acme", "--to", at]).await;
    assert_eq!(until.as_array().unwrap().len() + since.as_array().unwrap().len(), server.audit("acme").await.len());
    let table = server.poolgate(&["audit", "--pool", "acme", "--action", "bind"]).await.good();
    assert!(table.starts_with("AT ") && table.contains("wrong-password"), "{table}");
    for (arguments, complaint) in [(["--action", "dance"], "must be one of"), (["--from", "yesterday"], "2026-01-31T12:00:00Z")] {
        let refused = server.poolgate(&[&["audit", "--pool", "acme"], &arguments[..]].concat()).await;
        assert!(refused.code(1).complaint().contains(complaint), "{}", refused.complaint());
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_said_and_shows_in_the_exit_code() {
    let server = TestServer::empty().await;
    server.poolgate(&["pool", "create", "acme"]).await.good();
    let long = "x".repeat(300);
    for (arguments, exit, complaint) in [
        // Wrong usage.
        (&["dance"][..], 2, "dance"),
        (&["pool"], 2, "Usage"),
        (&["pool", "create"], 2, "SLUG"),
        (&["pool", "delete", "acme"], 2, "--confirm"),
        (&["user", "show", "ann"], 2, "--pool SLUG"),
        (&["user", "list"], 2, "--pool SLUG"),
        (&["user", "update", "--pool", "acme", "ann"], 2, "--from"),
        (&["user", "update", "--pool", "acme", "ann", "--from", "/no/such/file"], 1, "/no/such/file"),
        (&["idp", "create", "--pool", "acme", "x", "--issuer", "https://x", "--client-id", "x", "--unverified-mail"], 2, "--mail-domain"),
        (&["user", "update", "--pool", "acme", "ann", "--attribute", "nonsense"], 2, "name=value"),
        (&["user", "create", "--pool", "acme", "ann", "--password", "secret"], 2, "--password"),
        (&["user", "create", "--pool", "acme", "ann", "--json=yes"], 2, "--json"),
        // Refused.
        (&["user", "show", "--pool", "acme", "ann"], 1, "pool `acme` has no user `ann`"),
        (&["user", "show", "--pool", "none", "ann"], 1, "there is no pool `none`"),
        (&["user", "show", "--pool", "../acme", "ann"], 1, "there is no pool `../acme`"),
        (&["user", "create", "--pool", "acme", ""], 1, ""),
        (&["user", "create", "--pool", "acme", &long], 1, "256"),
        (&["user", "create", "--pool", "acme", "ann", "--mail", "no address ä"], 1, "mail"),
        (&["user", "create", "--pool", "acme", "ann", "--attribute", "noSuchAttribute=x"], 1, "noSuchAttribute"),
        (&["user", "create", "--pool", "acme", "ann", "--attribute", "memberOf=cn=admins,ou=groups,o=acme"], 1, "memberOf"),
        (&["pool", "update", "acme", "--settings", "/no/such/file"], 1, "/no/such/file"),
        (&["pool", "update", "acme", "--settings", "/dev/null"], 1, "/dev/null"),
        (&["group", "create", "--pool", "acme", "crew", "--member", "nobody"], 1, "nobody"),
    ] {
        let finished = server.poolgate(arguments).await;
        assert!(finished.code(exit).complaint().contains(complaint), "{arguments:?}: {}", finished.complaint());
        assert_eq!(finished.text(), "", "{arguments:?}: complaints go to standard error");
    }
    assert_eq!(server.json(&["user", "list", "--pool", "acme"]).await, serde_json::json!([]));
    let settings = server.file("settings.json");
    for (text, complaint) in [
        (r#"{"lockout":{"threshold":1,"window_seconds":0}}"#, "lockout.window_seconds"),
        (r#"{"lokout":{}}"#, "settings.lokout: unknown field"),
        (r#"{"lockout":{"threshold":"many"}}"#, "settings.lockout.threshold: invalid type"),
        (r#"{"lockout":{"threshold":1},"lockout":{}}"#, "`lockout` comes twice"),
        ("nonsense", "settings.json"),
    ] {
        std::fs::write(&settings, text).unwrap();
        let refused = server.poolgate(&["pool", "update", "acme", "--settings", settings.to_str().unwrap()]).await;
        assert!(refused.code(1).complaint().contains(complaint), "{text}: {}", refused.complaint());
    }

    let without_folder = Program::poolgate().arguments(["pool", "list"]).without("POOLGATE_DATA").run().await;
    assert!(without_folder.code(2).complaint().contains("POOLGATE_DATA"), "{}", without_folder.complaint());
    for arguments in [["user", "show"], ["user", "delete"], ["client", "show"], ["group", "show"]] {
        let nameless = server.poolgate(&[arguments[0], arguments[1], "--pool", "acme", ""]).await;
        assert!(nameless.code(2).complaint().contains("a name is empty"), "{arguments:?}: {}", nameless.complaint());
    }
    let folder = server.file("nothing-here");
    let no_server = Program::poolgate().arguments(["pool", "list", "--data", folder.to_str().unwrap()]).run().await;
    assert!(no_server.code(1).complaint().contains("is it running on this data folder?"), "{}", no_server.complaint());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_are_not_plain_come_through_whole() {
    let server = TestServer::empty().await;
    server.poolgate(&["pool", "create", "acme"]).await.good();
    for uid in ["a b", "a/b", "ä", "a%2Fb", "a?b#c", "o'neil", "a,b", "a+b=c", "..", "*"] {
        server.poolgate_with_input(&["user", "create", "--pool", "acme", uid, "--password-stdin"], "a long secret of nobody").await.good();
        let shown = server.json(&["user", "show", "--pool", "acme", uid]).await;
        assert_eq!(shown["name"], uid);
        Directory::bound(&server, shown["dn"].as_str().unwrap(), "a long secret of nobody").await;
        server.poolgate(&["user", "delete", "--pool", "acme", uid]).await.good();
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_socket_is_its_owners_alone_wherever_it_lies() {
    let server = TestServer::empty().await;
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let socket = server.running.addresses().socket.clone();
    assert_eq!(socket, server.data().join("admin.sock"));
    assert_eq!(mode(&socket), 0o600);
    assert_eq!(mode(&server.data().join("master.key")), 0o600);
    server.stop().await;
    assert!(!socket.exists(), "it goes with the server");

    // Too long for the address of a socket: it lies elsewhere, and commands find it by the data
    // folder all the same.
    let outer = tempfile::tempdir().unwrap();
    let long = outer.path().join("a".repeat(60)).join("b".repeat(60));
    let server = TestServer::configured(|config: &mut Config| config.data = Some(long.clone())).await;
    let socket = server.running.addresses().socket.clone();
    assert!(!socket.starts_with(&long));
    assert_eq!((mode(&socket), mode(socket.parent().unwrap()), mode(&long)), (0o600, 0o700, 0o700));
    let run = async |arguments: &[&str]| {
        let mut program = Program::poolgate();
        program.arguments(arguments.iter().copied()).arguments(["--data", long.to_str().unwrap()]).run().await
    };
    run(&["pool", "create", "acme"]).await.good();
    assert!(run(&["pool", "list"]).await.good().contains("o=acme"));
    // By whatever way the folder is reached.
    let link = outer.path().join("link");
    std::os::unix::fs::symlink(&long, &link).unwrap();
    for way in [format!("{}/../{}", long.display(), "b".repeat(60)), format!("{}/", long.display()), link.display().to_string()] {
        Program::poolgate().arguments(["pool", "list", "--data", &way]).run().await.good();
    }
    server.stop().await;
}

//! What can be done to a directory by whoever has no right to it, or sends too much.

use super::attempt::PASSWORD;
use crate::harness::TestServer;
use crate::ldap_client::{Directory, code};
use crate::ldap_wire::{self, INTEGER, OCTETS, SEQUENCE, Wire, message, result_code, tlv};
use crate::web_client::{Application, Browser};
use std::collections::HashSet;

const ALICE: &str = "uid=alice,ou=people,o=acme";
const CAROL: (&str, &str) = ("uid=carol,ou=people,o=acme", "carol-demo-password");

/// The names of the classes that the subschema lists.
async fn classes(directory: &mut Directory) -> Vec<String> {
    let subschema = directory.entry("cn=subschema", &["objectClasses"]).await.unwrap();
    let name = |class: &String| class.split_once("NAME ").and_then(|(_, rest)| rest.split('\'').nth(1)).unwrap().to_owned();
    subschema.attrs["objectClasses"].iter().map(name).collect()
}

/// Attributes that would make somebody more than they are.
const PRIVILEGED: [(&str, &str); 9] = [
    ("userPassword", "a password of somebody"),
    ("poolgateAccountDisabled", "FALSE"),
    ("memberOf", "cn=admins,ou=groups,o=acme"),
    ("member", ALICE),
    ("entryUUID", "00000000-0000-4000-8000-000000000000"),
    ("creatorsName", "uid=carol,ou=people,o=acme"),
    ("uid", "carol"),
    ("mail", "carol@acme.example"),
    ("manager", ALICE),
];

/// A rule for oneself lets an entry be added that is not there yet (FreeIPA CVE-2026-76578, 9.8).
#[tokio::test(flavor = "multi_thread")]
async fn nobody_adds_an_entry_of_any_class_by_a_rule_for_themselves() {
    let server = TestServer::demo().await;
    let mut carol = Directory::bound(&server, CAROL.0, CAROL.1).await;
    let classes = classes(&mut carol).await;
    assert!(classes.len() > 20 && classes.iter().any(|class| class == "inetOrgPerson"), "{classes:?}");
    let before = carol.dump("o=acme").await;
    let own = "cn=legacy-app,ou=services,o=acme";
    let mut everybody = [
        (None, Directory::connect(&server).await, code::NO_SUCH_OBJECT),
        (Some(ALICE), Directory::bound(&server, ALICE, PASSWORD).await, code::INSUFFICIENT_ACCESS),
        (Some(own), Directory::bound(&server, own, "legacy-demo-password").await, code::INSUFFICIENT_ACCESS),
    ];
    for (who, directory, refusal) in &mut everybody {
        let own = who.unwrap_or(ALICE);
        let names = [
            own.to_owned(),
            format!("uid=mine,{own}"),
            "uid=mine,ou=people,o=acme".to_owned(),
            "cn=mine,ou=services,o=acme".to_owned(),
            "cn=mine,ou=groups,o=acme".to_owned(),
            "ou=mine,o=acme".to_owned(),
        ];
        for class in &classes {
            for (number, (attribute, value)) in PRIVILEGED.into_iter().enumerate() {
                let name = &names[number % names.len()];
                let kinds = HashSet::from(["top", "inetOrgPerson", class.as_str()]);
                let mut attributes = vec![("objectClass", kinds), ("cn", HashSet::from(["mine"])), ("sn", HashSet::from(["mine"]))];
                attributes.push((attribute, HashSet::from([value])));
                let answer = directory.add_with(name, attributes).await;
                assert_eq!(answer.code, *refusal, "{who:?}: {name}, {class} with {attribute}: {answer:?}");
            }
        }
        for name in &names {
            let plain = [("objectClass", "inetOrgPerson"), ("cn", "mine"), ("sn", "mine"), ("uid", "mine")];
            assert_eq!(directory.add(name, &plain).await.code, *refusal, "{who:?}: {name}");
        }
    }
    assert_eq!(carol.dump("o=acme").await, before);
    // Whoever may add entries may add these, so that nothing but their right kept the others from
    // it.
    let new = [("objectClass", "inetOrgPerson"), ("cn", "m"), ("sn", "m"), ("uid", "mine"), ("userPassword", "a password of somebody")];
    assert_eq!(carol.add("uid=mine,ou=people,o=acme", &new).await.code, code::SUCCESS);
    server.stop().await;
}

/// An empty password binds (light-4j CVE-2026-113682): by each name, at each place where one can be
/// given.
#[tokio::test(flavor = "multi_thread")]
async fn an_empty_password_never_binds() {
    let server = TestServer::demo().await;
    server.poolgate(&["user", "create", "--pool", "acme", "empty"]).await.good();
    let mut carol = Directory::bound(&server, CAROL.0, CAROL.1).await;
    for name in [
        ALICE,
        "alice@acme",
        "alice@acme.example@acme",
        "uid=empty,ou=people,o=acme",
        "empty@acme",
        "uid=nobody,ou=people,o=acme",
        "cn=legacy-app,ou=services,o=acme",
        "cn=admins,ou=groups,o=acme",
        "o=acme",
        "o=nowhere",
        "cn=subschema",
        " ",
        "nonsense",
    ] {
        let mut directory = Directory::bound(&server, ALICE, PASSWORD).await;
        assert_eq!(directory.bind(name, "").await.code, code::UNWILLING, "{name}");
        assert_eq!(directory.who_am_i().await, "", "{name}");
        assert_eq!(directory.search("o=acme", ldap3::Scope::Base, "(objectClass=*)", &[]).await.1.code, code::NO_SUCH_OBJECT);
    }
    // What merely looks empty is a wrong password.
    for password in ["\0", " ", "\u{200b}", "\n", "{CLEARTEXT}", "{SSHA}", "$argon2id$"] {
        let mut directory = Directory::connect(&server).await;
        assert_eq!(directory.bind("uid=empty,ou=people,o=acme", password).await.code, code::INVALID_CREDENTIALS, "{password:?}");
    }
    // It cannot be set, and it proves nothing where an old one is asked for.
    assert_ne!(carol.replace("uid=empty,ou=people,o=acme", "userPassword", "").await.code, code::SUCCESS);
    let mut alice = Directory::bound(&server, ALICE, PASSWORD).await;
    assert_ne!(alice.password(None, Some(""), Some("a new password of hers")).await.code, code::SUCCESS);
    assert_ne!(alice.password(None, Some(PASSWORD), Some("")).await.code, code::SUCCESS);
    let set = ["user", "password", "--pool", "acme", "empty", "--stdin"];
    server.poolgate_with_input(&set, "").await.code(1);
    let demo = Application::demo(&server);
    let mut browser = Browser::new();
    let page = browser.login_page(&demo.authorize()).await;
    for name in ["alice", "empty", "", "nobody"] {
        assert_eq!(browser.submit(&page, name, "").await.status, 401, "{name}");
    }
    for secret in ["", " "] {
        let application = Application { secret: secret.into(), ..demo.clone() };
        assert_eq!(browser.redeem(&application, "x").await.status, 401);
    }
    Directory::bound(&server, ALICE, PASSWORD).await;
    server.stop().await;
}

/// A name that is put into a filter becomes a pattern (OpenAM CVE-2026-46619). No upstream over
/// LDAP is there yet, to which a template could lead; names that come in are compared, and never
/// made into filters.
#[tokio::test(flavor = "multi_thread")]
async fn no_name_that_somebody_gives_is_a_pattern() {
    let server = TestServer::demo().await;
    let mut browser = Browser::new();
    let page = browser.login_page(&Application::demo(&server).authorize()).await;
    let mut directory = Directory::connect(&server).await;
    for name in
        ["*", "a*", "alic?", "alice*", "alice)(uid=*", "*)(objectClass=*", "\\61lice", "alice\\00", "al\\2a", "(uid=alice)", "alice)"]
    {
        let reply = browser.submit(&page, name, PASSWORD).await;
        assert_eq!((reply.status, super::pages::given(&reply)), (401, vec![]), "{name}");
        assert_eq!(directory.bind(&format!("{name}@acme"), PASSWORD).await.code, code::INVALID_CREDENTIALS, "{name}");
        let mut carol = Directory::bound(&server, CAROL.0, CAROL.1).await;
        assert_eq!(carol.password(Some(name), None, Some("a new password of hers")).await.code, code::NO_SUCH_OBJECT, "{name}");
    }
    assert_eq!(browser.submit(&page, "alice", PASSWORD).await.status, 303);
    server.stop().await;
}

/// A filter that negates a present item so many times.
fn nested(depth: usize) -> Vec<u8> {
    let mut headers = vec![tlv(0x87, b"uid")];
    let mut length = headers[0].len();
    for _ in 1..depth {
        let header = ldap_wire::header(0xa2, length);
        length += header.len();
        headers.push(header);
    }
    headers.into_iter().rev().flatten().collect()
}

fn search(filter: &[u8]) -> Vec<u8> {
    let fields = [
        tlv(OCTETS, b"o=acme"),
        tlv(0x0a, &[2]),
        tlv(0x0a, &[0]),
        tlv(INTEGER, &[0]),
        tlv(INTEGER, &[0]),
        tlv(0x01, &[0]),
        filter.to_vec(),
        tlv(SEQUENCE, &[]),
    ];
    message(&tlv(0x63, &fields.concat()))
}

/// Depth exhausts the stack, and length the time of hashing (kanidm 1.10).
#[tokio::test(flavor = "multi_thread")]
async fn neither_depth_nor_length_exhausts_anything() {
    let server = TestServer::demo().await;
    let core = server.running.core();
    let deep = search(&nested(100_000));
    assert!(deep.len() > 300_000);
    let mut bound = Wire::bound(&server, CAROL.0, CAROL.1).await;
    for _ in 0..3 {
        let answer = bound.ask(&deep).await;
        // adminLimitExceeded, or a protocol error: an answer, and the connection goes on.
        assert!([2, 11].contains(&result_code(&answer)), "{answer:02x?}");
    }
    assert_eq!(result_code(&bound.ask(&ldap_wire::who_am_i()).await), 0);
    // Before a bind such a message is too long already.
    let mut unbound = Wire::connect(&server).await;
    unbound.send(&deep).await;
    assert!(unbound.hear().await.is_none_or(|answer| ldap_wire::is_notice(&answer)));

    // A password as long as may be is one, and with a letter more it is another.
    let longest = "x-y ".repeat(64);
    server.user("longy", &longest).await;
    let dn = "uid=longy,ou=people,o=acme";
    Directory::bound(&server, dn, &longest).await;
    let million = "p".repeat(1 << 20);
    let mut wire = Wire::bound(&server, CAROL.0, CAROL.1).await;
    let runs = core.hashes();
    for password in [format!("{longest}x"), longest.repeat(16), longest.repeat(17), million.clone()] {
        // A connection that is bound may send long messages; the bind that fails leaves it unbound.
        let answer = wire.ask(&ldap_wire::bind(dn, &password)).await;
        assert_eq!(u32::from(result_code(&answer)), code::INVALID_CREDENTIALS, "{} bytes", password.len());
        assert_eq!(result_code(&wire.ask(&ldap_wire::bind(CAROL.0, CAROL.1)).await), 0);
    }
    assert!(core.hashes() - runs <= 8, "one each, however long they are");
    let mut unbound = Wire::connect(&server).await;
    unbound.send(&ldap_wire::bind(dn, &million)).await;
    assert!(unbound.hear().await.is_none_or(|answer| ldap_wire::is_notice(&answer)));
    let answer = wire.ask(&ldap_wire::password_modify(Some(dn), None, &million)).await;
    assert_eq!(u32::from(result_code(&answer)), code::CONSTRAINT_VIOLATION);

    let mut browser = Browser::new();
    let page = browser.login_page(&Application::demo(&server).authorize()).await;
    assert_eq!(browser.submit(&page, "longy", &format!("{longest}x")).await.status, 401);
    assert_eq!(browser.submit(&page, "longy", &million[..50_000]).await.status, 401);
    assert_eq!(browser.submit(&page, "longy", &million).await.status, 413);
    let mut api = crate::operator::AdminApi::connect(&server).await;
    let body = serde_json::json!({ "password": million }).to_string();
    assert_eq!(api.ask("POST", "/pools/acme/users/longy/password", &body).await.0, 400);
    assert_eq!(browser.submit(&page, "longy", &longest).await.status, 303);
    server.stop().await;
}

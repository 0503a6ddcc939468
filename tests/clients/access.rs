//! Who may do what over LDAP, operation by operation: a user sees the pool's people and groups
//! without sensitive attributes and edits the own profile and password; a service account reads and
//! filters all but secrets; administrators write; nobody ever reads or compares a password. What
//! one may not see is not there.

use crate::harness::TestServer;
use crate::ldap_client::{Answer, Directory, code};
use ldap3::{Mod, Scope, SearchEntry};
use std::collections::{BTreeSet, HashSet};

const ALICE: &str = "uid=alice,ou=people,o=acme";
const BOB: &str = "uid=bob,ou=people,o=acme";
const CAROL: &str = "uid=carol,ou=people,o=acme";
const LEGACY_APP: &str = "cn=legacy-app,ou=services,o=acme";
const STAFF: &str = "cn=staff,ou=groups,o=acme";

/// Attributes of people that only they themselves, service accounts and administrators read, each
/// with a value.
const SENSITIVE: [(&str, &str); 4] =
    [("homePhone", "+1 555 0100"), ("homePostalAddress", "1 Home Street"), ("employeeNumber", "4711"), ("carLicense", "AC ME 1")];

/// The demo, with sensitive attributes on bob and alice, and an entry that is neither person nor
/// group.
async fn demo() -> TestServer {
    let server = TestServer::demo().await;
    for uid in ["alice", "bob"] {
        let mut arguments = vec!["user".to_owned(), "update".into(), "--pool".into(), "acme".into(), uid.into()];
        arguments.extend(SENSITIVE.iter().flat_map(|(name, value)| ["--attribute".to_owned(), format!("{name}={value}")]));
        server.poolgate(&arguments.iter().map(String::as_str).collect::<Vec<_>>()).await.good();
    }
    server
}

async fn alice(server: &TestServer) -> Directory {
    Directory::bound(server, ALICE, "alice-demo-password").await
}

async fn carol(server: &TestServer) -> Directory {
    Directory::bound(server, CAROL, "carol-demo-password").await
}

async fn legacy_app(server: &TestServer) -> Directory {
    Directory::bound(server, LEGACY_APP, "legacy-demo-password").await
}

/// Names of attributes, in lower case.
fn attributes(entry: &SearchEntry) -> BTreeSet<String> {
    entry.attrs.keys().map(|name| name.to_lowercase()).collect()
}

/// Asserts that something is not there for whoever asked.
#[track_caller]
fn absent(answer: &Answer, matched: &str) {
    assert_eq!((answer.code, answer.matched.as_str()), (code::NO_SUCH_OBJECT, matched), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_in_particular_sees_and_does_nothing() {
    let server = demo().await;
    let mut anonymous = Directory::connect(&server).await;
    for round in ["before a bind", "after an anonymous bind"] {
        for name in ["o=acme", ALICE, STAFF, "uid=nobody,ou=people,o=acme", "cn=subschema"] {
            for scope in [Scope::Base, Scope::OneLevel, Scope::Subtree] {
                let (entries, answer) = anonymous.search(name, scope, "(objectClass=*)", &["*", "+"]).await;
                assert!(entries.is_empty(), "{round}: {entries:?}");
                absent(&answer, "");
            }
            absent(&anonymous.compare(name, "objectClass", "top").await, "");
            absent(&anonymous.replace(name, "description", "x").await, "");
            absent(&anonymous.add(&format!("ou=new,{name}"), &[("objectClass", "organizationalUnit")]).await, "");
            absent(&anonymous.delete(name).await, "");
            absent(&anonymous.rename(name, "uid=renamed", None).await, "");
            absent(&anonymous.password(Some(name), Some("alice-demo-password"), Some("a new password")).await, "");
        }
        absent(&anonymous.password(None, None, None).await, "");
        assert_eq!(anonymous.who_am_i().await, "");
        assert_eq!(anonymous.bind("", "").await.code, code::SUCCESS);
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_sees_people_groups_and_units_and_no_service_account() {
    let server = demo().await;
    let mut alice = alice(&server).await;
    let seen = alice.names("o=acme", "(objectClass=*)").await;
    let expected = [
        "cn=admins,ou=groups,o=acme",
        STAFF,
        "o=acme",
        "ou=apps,o=acme",
        "ou=groups,o=acme",
        "ou=people,o=acme",
        "ou=services,o=acme",
        ALICE,
        BOB,
        CAROL,
    ];
    assert_eq!(seen, expected);
    assert_eq!(legacy_app(&server).await.names("o=acme", "(objectClass=*)").await.len(), expected.len() + 1);
    assert_eq!(carol(&server).await.names("o=acme", "(objectClass=*)").await.len(), expected.len() + 1);

    // What is not to be seen is not there, whatever is asked of it, exactly as what is really not
    // there.
    let unknown = "cn=nonesuch-a,ou=services,o=acme";
    let both = async |alice: &mut Directory, name: &str| {
        [
            alice.search(name, Scope::Base, "(objectClass=*)", &[]).await.1,
            alice.search(name, Scope::Subtree, "(objectClass=*)", &[]).await.1,
            alice.compare(name, "cn", "legacy-app").await,
            alice.replace(name, "description", "x").await,
            alice.add(&format!("cn=below,{name}"), &[("objectClass", "poolgateServiceAccount"), ("cn", "below")]).await,
            alice.delete(name).await,
            alice.rename(name, "cn=renamed", None).await,
            alice.rename(ALICE, "uid=alice", Some(name)).await,
            alice.password(Some(name), Some("legacy-demo-password"), Some("a new password")).await,
        ]
    };
    let there = both(&mut alice, LEGACY_APP).await;
    let not_there = both(&mut alice, unknown).await;
    for (there, not_there) in there.iter().zip(&not_there) {
        assert_eq!(there.without("legacy-app"), not_there.without("nonesuch-a"));
        absent(there, "ou=services,o=acme");
    }
    for filter in ["(cn=legacy-app)", "(cn=legacy*)", "(objectClass=poolgateServiceAccount)", "(description=An application*)"] {
        assert_eq!(alice.names("o=acme", filter).await, [""; 0], "{filter}");
        assert_eq!(carol(&server).await.names("o=acme", filter).await, [LEGACY_APP], "{filter}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_reads_what_is_public_of_others_and_all_but_secrets_of_the_own_entry() {
    let server = demo().await;
    let mut alice = alice(&server).await;
    let bob = alice.entry(BOB, &["*", "+"]).await.unwrap();
    for (name, _) in SENSITIVE.iter().chain(&[("userPassword", ""), ("poolgateAccountDisabled", "")]) {
        assert!(!attributes(&bob).contains(&name.to_lowercase()), "{name}: {bob:?}");
        let listed = alice.entry(BOB, &[name]).await.unwrap();
        assert!(listed.attrs.is_empty() && listed.bin_attrs.is_empty(), "{listed:?}");
    }
    for public in ["uid", "cn", "sn", "givenName", "displayName", "mail", "entryUUID", "memberOf"] {
        assert!(attributes(&bob).contains(&public.to_lowercase()), "{public}: {bob:?}");
    }
    let own = alice.entry(ALICE, &["*", "+"]).await.unwrap();
    for (name, value) in SENSITIVE {
        assert_eq!(own.attrs[name], [value]);
    }
    assert!(!attributes(&own).contains("userpassword"));
    assert_eq!(alice.entry(STAFF, &["member"]).await.unwrap().attrs["member"].len(), 3);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_may_not_read_is_undefined_in_a_filter() {
    let server = demo().await;
    let mut alice = alice(&server).await;
    for (name, value) in SENSITIVE {
        // Undefined is neither true nor false: neither the assertion nor its negation finds bob.
        let own_only = [
            format!("({name}={value})"),
            format!("({name}=*)"),
            format!("({name}={}*)", &value[..3]),
            format!("({name}~={value})"),
            format!("({name}:={value})"),
            format!("(&(objectClass=inetOrgPerson)({name}={value}))"),
        ];
        for filter in &own_only {
            assert_eq!(alice.names("o=acme", filter).await, [ALICE], "{filter}");
        }
        let others = [
            format!("(&(uid=bob)(!({name}={value})))"),
            format!("(&(uid=bob)(!({name}=*)))"),
            format!("(&(uid=bob)(!(!({name}={value}))))"),
            format!("(&(uid=bob)(!(&({name}=*)(uid=bob))))"),
        ];
        for filter in &others {
            assert_eq!(alice.names("o=acme", filter).await, [""; 0], "{filter}");
        }
        // An Undefined part takes nothing away from an OR that holds without it.
        assert_eq!(alice.names("o=acme", &format!("(|(uid=bob)({name}={value}))")).await, [ALICE, BOB]);
        assert_eq!(legacy_app(&server).await.names("o=acme", &format!("({name}={value})")).await, [ALICE, BOB]);
    }
    // An attribute that does not exist is Undefined in the same way.
    assert_eq!(alice.names("o=acme", "(&(uid=bob)(!(noSuchAttribute=x)))").await, [""; 0]);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_reads_compares_or_filters_by_a_password() {
    let server = demo().await;
    let mut everybody = [alice(&server).await, legacy_app(&server).await, carol(&server).await];
    for (who, directory) in [ALICE, LEGACY_APP, CAROL].into_iter().zip(&mut everybody) {
        for (target, password) in [(ALICE, "alice-demo-password"), (CAROL, "carol-demo-password")] {
            for name in ["userPassword", "2.5.4.35", "USERPASSWORD", "userPassword;lang-en"] {
                let compared = directory.compare(target, name, password).await;
                let wrong = directory.compare(target, name, "a wrong password").await;
                assert_eq!(compared.code, code::NO_SUCH_ATTRIBUTE, "{who}: {compared:?}");
                assert_eq!(compared, wrong, "{who}");
                for filter in [
                    format!("({name}=*)"),
                    format!("({name}={password})"),
                    format!("({name}={}*)", &password[..4]),
                    format!("({name}:2.5.13.17:={password})"),
                    format!("(!({name}=*))"),
                    format!("(!({name}={password}))"),
                ] {
                    assert_eq!(directory.names("o=acme", &filter).await, [""; 0], "{who}: {filter}");
                }
                let read = directory.entry(target, &[name]).await.unwrap();
                assert!(read.attrs.is_empty() && read.bin_attrs.is_empty(), "{who}: {read:?}");
            }
            let everything = format!("{:?}", directory.entry(target, &["*", "+", "@person", "@poolgateServiceAccount"]).await);
            assert!(!everything.to_lowercase().contains("password\""), "{who}: {everything}");
            assert!(!everything.contains("argon2") && !everything.contains(password), "{who}: {everything}");
        }
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_comparison_tells_no_more_than_a_search() {
    let server = demo().await;
    let mut alice = alice(&server).await;
    assert_eq!(alice.compare(BOB, "mail", "BOB@acme.example").await.code, code::COMPARE_TRUE);
    assert_eq!(alice.compare(BOB, "mail", "carol@acme.example").await.code, code::COMPARE_FALSE);
    assert_eq!(alice.compare(STAFF, "member", BOB).await.code, code::COMPARE_TRUE);
    assert_eq!(alice.compare(BOB, "memberOf", STAFF).await.code, code::COMPARE_TRUE);
    for (name, value) in SENSITIVE {
        // Of bob, who has it, and of carol, who has not: one answer.
        let answers = [
            alice.compare(BOB, name, value).await,
            alice.compare(BOB, name, "something else").await,
            alice.compare(CAROL, name, value).await,
        ];
        assert_eq!(answers[0].code, code::NO_SUCH_ATTRIBUTE);
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
        assert_eq!(alice.compare(ALICE, name, value).await.code, code::COMPARE_TRUE, "{name}");
        assert_eq!(legacy_app(&server).await.compare(BOB, name, value).await.code, code::COMPARE_TRUE, "{name}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_edits_the_own_profile_and_nothing_else() {
    let server = demo().await;
    let mut alice = alice(&server).await;
    for (name, value) in [
        ("displayName", "Alice A."),
        ("givenName", "Alicia"),
        ("sn", "Archer-Baker"),
        ("telephoneNumber", "+1 555 0101"),
        ("mobile", "+1 555 0102"),
        ("homePhone", "+1 555 0103"),
        ("preferredLanguage", "de"),
        ("postalAddress", "1 New Street$Acme City"),
        ("labeledURI", "https://alice.example/ home"),
    ] {
        let changed = alice.replace(ALICE, name, value).await;
        assert_eq!(changed.code, code::SUCCESS, "{name}: {changed:?}");
        assert_eq!(alice.entry(ALICE, &[name]).await.unwrap().attrs[name], [value]);
        let foreign = alice.replace(BOB, name, value).await;
        assert_eq!(foreign.code, code::INSUFFICIENT_ACCESS, "{name}: {foreign:?}");
    }
    for (name, value) in [
        ("uid", "alicia"),
        ("mail", "carol@acme.example"),
        ("cn", "Carol Clark"),
        ("description", "x"),
        ("employeeNumber", "1"),
        ("manager", CAROL),
        ("objectClass", "inetOrgPerson"),
        ("poolgateAccountDisabled", "TRUE"),
    ] {
        let refused = alice.replace(ALICE, name, value).await;
        assert_eq!(refused.code, code::INSUFFICIENT_ACCESS, "{name}: {refused:?}");
    }
    for (name, value) in [
        ("entryUUID", "00000000-0000-4000-8000-000000000000"),
        ("memberOf", "cn=admins,ou=groups,o=acme"),
        ("modifiersName", CAROL),
        ("entryDN", CAROL),
    ] {
        let refused = alice.replace(ALICE, name, value).await;
        assert_eq!(refused.code, code::CONSTRAINT_VIOLATION, "{name}: {refused:?}");
    }
    // A change is whole or not at all.
    let join = alice.modify("cn=admins,ou=groups,o=acme", Mod::Add("member", HashSet::from([ALICE]))).await;
    assert_eq!(join.code, code::INSUFFICIENT_ACCESS);
    for refused in [
        alice.add("uid=eve,ou=people,o=acme", &[("objectClass", "inetOrgPerson"), ("uid", "eve"), ("cn", "Eve"), ("sn", "Eve")]).await,
        alice.add(BOB, &[("objectClass", "inetOrgPerson"), ("uid", "bob"), ("cn", "Bob"), ("sn", "Bob")]).await,
        alice.delete(BOB).await,
        alice.delete(ALICE).await,
        alice.delete("ou=people,o=acme").await,
        alice.rename(ALICE, "uid=carol", None).await,
        alice.rename(BOB, "uid=robert", Some("ou=groups,o=acme")).await,
        alice.rename("o=acme", "o=mine", None).await,
    ] {
        assert_eq!(refused.code, code::INSUFFICIENT_ACCESS, "{refused:?}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_changes_the_own_password_by_giving_the_old_one() {
    let server = demo().await;
    let mut alice = alice(&server).await;
    let (old, new) = ("alice-demo-password", "a new password of hers");
    for refused in [alice.password(None, None, Some(new)).await, alice.replace(ALICE, "userPassword", new).await] {
        assert_eq!(refused.code, code::UNWILLING, "{refused:?}");
    }
    let foreign = alice.password(Some(BOB), Some("bob-demo-password"), Some(new)).await;
    assert_eq!(foreign.code, code::INSUFFICIENT_ACCESS, "not even with the right old one");
    assert_eq!(alice.password(None, Some("a wrong password"), Some(new)).await.code, code::INVALID_CREDENTIALS);
    assert_eq!(alice.password(None, Some(old), Some("short")).await.code, code::CONSTRAINT_VIOLATION);
    assert_eq!(
        alice.password(None, Some(old), Some("{SSHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=")).await.code,
        code::UNWILLING,
        "a hash is no password"
    );
    Directory::bound(&server, ALICE, old).await;

    assert_eq!(alice.password(Some(ALICE), Some(old), Some(new)).await.code, code::SUCCESS);
    assert_eq!(Directory::connect(&server).await.bind(ALICE, old).await.code, code::INVALID_CREDENTIALS);
    Directory::bound(&server, ALICE, new).await;
    assert_eq!(alice.password(Some("alice"), Some(new), Some(old)).await.code, code::SUCCESS, "and by the bare uid");
    Directory::bound(&server, ALICE, old).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_account_reads_and_filters_all_but_secrets_and_writes_nothing() {
    let server = demo().await;
    let mut service = legacy_app(&server).await;
    let bob = service.entry(BOB, &["*", "+"]).await.unwrap();
    for (name, value) in SENSITIVE {
        assert_eq!(bob.attrs[name], [value]);
    }
    let uuid = &bob.attrs["entryUUID"][0];
    for (filter, expected) in [
        (format!("(entryUUID={uuid})"), vec![BOB]),
        (format!("(member={BOB})"), vec![STAFF]),
        (format!("(memberOf={STAFF})"), vec![ALICE, BOB, CAROL]),
        ("(memberOf=cn=admins,ou=groups,o=acme)".to_owned(), vec![CAROL]),
        (format!("(&(objectClass=inetOrgPerson)(!(memberOf={STAFF})))"), vec![]),
        ("(&(objectClass=inetOrgPerson)(uid=b*))".to_owned(), vec![BOB]),
        ("(mail=CAROL@ACME.EXAMPLE)".to_owned(), vec![CAROL]),
        (format!("(entryDN={BOB})"), vec![BOB]),
        (
            "(createTimestamp>=20200101000000Z)".to_owned(),
            service.names("o=acme", "(objectClass=*)").await.iter().map(|name| &*name.clone().leak()).collect(),
        ),
    ] {
        assert_eq!(service.names("o=acme", &filter).await, expected, "{filter}");
    }
    let join = service.modify(STAFF, Mod::Add("member", HashSet::from([LEGACY_APP]))).await;
    for refused in [
        join,
        service.replace(BOB, "displayName", "x").await,
        service.replace(LEGACY_APP, "description", "x").await,
        service.add("uid=eve,ou=people,o=acme", &[("objectClass", "inetOrgPerson"), ("uid", "eve"), ("cn", "Eve"), ("sn", "Eve")]).await,
        service.delete(BOB).await,
        service.rename(BOB, "uid=robert", None).await,
        service.password(Some(BOB), Some("bob-demo-password"), Some("a new password")).await,
    ] {
        assert_eq!(refused.code, code::INSUFFICIENT_ACCESS, "{refused:?}");
    }
    let own = service.password(None, Some("legacy-demo-password"), Some("another one for programs")).await;
    assert_eq!(own.code, code::SUCCESS, "{own:?}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_writes_all_that_is_not_kept_by_the_server() {
    let server = demo().await;
    let mut carol = carol(&server).await;
    let dave = "uid=dave,ou=people,o=acme";
    let new = [("objectClass", "inetOrgPerson"), ("uid", "dave"), ("cn", "Dave"), ("sn", "Dunn"), ("userPassword", "a password for dave")];
    for done in [
        carol.add(dave, &new).await,
        carol.replace(dave, "mail", "dave@acme.example").await,
        carol.replace(dave, "employeeNumber", "12").await,
        carol.modify(STAFF, Mod::Add("member", HashSet::from([dave]))).await,
        carol.add("ou=sales,ou=people,o=acme", &[("objectClass", "organizationalUnit"), ("ou", "sales")]).await,
        carol.rename(dave, "uid=david", Some("ou=sales,ou=people,o=acme")).await,
    ] {
        assert_eq!(done.code, code::SUCCESS, "{done:?}");
    }
    let david = "uid=david,ou=sales,ou=people,o=acme";
    assert_eq!(carol.names("o=acme", &format!("(member={david})")).await, [STAFF], "the group has followed");
    Directory::bound(&server, david, "a password for dave").await;
    assert_eq!(carol.password(Some(david), None, Some("set by carol for him")).await.code, code::SUCCESS);
    Directory::bound(&server, david, "set by carol for him").await;
    assert_eq!(carol.replace(david, "poolgateAccountDisabled", "TRUE").await.code, code::SUCCESS);
    assert_eq!(Directory::connect(&server).await.bind(david, "set by carol for him").await.code, code::INVALID_CREDENTIALS);
    for (name, value) in [
        ("entryUUID", "00000000-0000-4000-8000-000000000000"),
        ("memberOf", STAFF),
        ("modifiersName", CAROL),
        ("createTimestamp", "20200101000000Z"),
    ] {
        let refused = carol.replace(david, name, value).await;
        assert_eq!(refused.code, code::CONSTRAINT_VIOLATION, "{name}: {refused:?}");
    }
    assert_eq!(carol.delete(david).await.code, code::SUCCESS);
    assert_eq!(carol.delete("ou=sales,ou=people,o=acme").await.code, code::SUCCESS);
    assert_eq!(carol.entry(STAFF, &["member"]).await.unwrap().attrs["member"].len(), 3, "the member went with the entry");
    // An administrator of one pool is that by its group, and no further.
    let mut alice = alice(&server).await;
    assert_eq!(carol.modify("cn=admins,ou=groups,o=acme", Mod::Add("member", HashSet::from([ALICE]))).await.code, code::SUCCESS);
    assert_eq!(alice.replace(BOB, "description", "by alice").await.code, code::SUCCESS);
    server.stop().await;
}

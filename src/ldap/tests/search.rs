//! Searches and compares as clients see them.

use super::client::{Answer, equal, search};
use super::*;
use crate::directory::value::count;
use crate::directory::{Modification, ModificationKind};
use crate::ldap::codec::{
    Assertion, CompareRequest, Control, Extensible, Filter, Operation, PagedResults, Scope, SearchRequest, Substrings,
};
use crate::ldap::subschema;
use crate::model::EntryId;
use crate::store::Key;

const PEOPLE: &str = "ou=people,o=acme";

/// The RDNs of what was found, sorted: the order of entries that were added at the same moment is
/// random.
fn names(answer: &Answer) -> Vec<&str> {
    assert_eq!(answer.code, 0, "{}", answer.message);
    let mut names: Vec<_> = answer.entries.iter().map(|entry| entry.dn.split(',').next().unwrap()).collect();
    names.sort_unstable();
    names
}

fn is_person() -> Filter<'static> {
    equal("objectClass", "person")
}

#[tokio::test]
async fn scopes() {
    let bench = Bench::start().await;
    let mut client = bench.bound(LEGACY).await;
    let mut found =
        async |base, scope| names(&client.search(search(base, scope, Filter::Present("objectClass"), &["1.1"])).await).join(" ");
    assert_eq!(found("o=acme", Scope::Base).await, "o=acme");
    assert_eq!(found("o=acme", Scope::One).await, "ou=apps ou=groups ou=people ou=services");
    assert_eq!(found(PEOPLE, Scope::One).await, "uid=alice uid=bob uid=carol");
    assert_eq!(found(PEOPLE, Scope::Subtree).await, "ou=people uid=alice uid=bob uid=carol");
    assert_eq!(found(ALICE, Scope::One).await, "");
}

#[tokio::test]
async fn every_kind_of_filter_item() {
    let bench = Bench::start().await;
    let mut client = bench.bound(LEGACY).await;
    let not = |filter| Filter::Not(Box::new(filter));
    let assertion = |attribute, value: &'static str| Assertion { attribute, value: value.as_bytes() };
    let substrings = |initial: &'static str, any: &[&'static str], last: &'static str| {
        let part = |text: &'static str| Some(text.as_bytes()).filter(|text| !text.is_empty());
        let any = any.iter().map(|text| text.as_bytes()).collect();
        Filter::Substrings(Substrings { attribute: "mail", initial: part(initial), any, last: part(last) })
    };
    let rule = |rule, attribute, value: &'static str| Extensible { rule, attribute, value: value.as_bytes(), dn_attributes: false };
    let table = [
        (equal("uid", "ALICE"), "uid=alice"),
        (equal("0.9.2342.19200300.100.1.1", "bob"), "uid=bob"),
        (Filter::Approximate(assertion("uid", "bob")), "uid=bob"),
        (Filter::GreaterOrEqual(assertion("createTimestamp", "19700101000000Z")), "uid=alice uid=bob uid=carol"),
        (Filter::LessOrEqual(assertion("createTimestamp", "19700101000000Z")), ""),
        (substrings("al", &[], ""), "uid=alice"),
        (substrings("", &["ob@"], "example"), "uid=bob"),
        (Filter::Present("userPassword"), ""),
        (equal("userPassword", "alice-demo-password"), ""),
        (not(equal("userPassword", "x")), ""),
        (equal("noSuchAttribute", "x"), ""),
        (not(equal("noSuchAttribute", "x")), ""),
        (Filter::And(vec![]), "uid=alice uid=bob uid=carol"),
        (Filter::Or(vec![]), ""),
        (Filter::And(vec![not(equal("uid", "bob")), Filter::Or(vec![equal("uid", "bob"), equal("uid", "carol")])]), "uid=carol"),
        (Filter::Extensible(rule(Some("noSuchRule"), Some("uid"), "alice")), ""),
        (not(Filter::Extensible(rule(Some("noSuchRule"), Some("uid"), "alice"))), ""),
        (Filter::Extensible(rule(None, Some("uid"), "alice")), "uid=alice"),
    ];
    for (filter, expected) in table {
        let shown = format!("{filter:?}");
        let answer = client.search(search(PEOPLE, Scope::One, filter, &["1.1"])).await;
        assert_eq!(names(&answer).join(" "), expected, "{shown}");
    }
}

#[tokio::test]
async fn which_attributes_come_back() {
    let bench = Bench::start().await;
    let mut client = bench.bound(LEGACY).await;
    let mut asked = async |attributes: &[&'static str]| {
        let answer = client.search(search(ALICE, Scope::Base, Filter::Present("objectClass"), attributes)).await;
        answer.entries[0].attributes.clone()
    };
    let user = asked(&[]).await;
    assert_eq!(user["uid"], ["alice"]);
    assert_eq!(user["mail"], ["alice@acme.example"]);
    assert!(!user.contains_key("userPassword") && !user.contains_key("entryUUID"));
    assert_eq!(asked(&["*"]).await, user);
    let operational = asked(&["+"]).await;
    assert!(operational.contains_key("entryUUID") && !operational.contains_key("uid"));
    assert_eq!(operational["subschemaSubentry"], [subschema::NAME]);
    assert_eq!(asked(&["1.1"]).await.len(), 0);
    assert_eq!(asked(&["UID", "1.1"]).await.into_keys().collect::<Vec<_>>(), ["uid"]);
    assert_eq!(asked(&["0.9.2342.19200300.100.1.3", "noSuchAttribute"]).await.into_values().collect::<Vec<_>>(), [["alice@acme.example"]]);
    assert!(asked(&["userPassword", "*", "+"]).await.keys().all(|name| name != "userPassword"));
    let request = SearchRequest { types_only: true, ..search(ALICE, Scope::Base, Filter::Present("objectClass"), &["uid", "cn"]) };
    let found = client.search(request).await.entries[0].attributes.clone();
    assert_eq!(found.into_iter().collect::<Vec<_>>(), [("cn".to_owned(), vec![]), ("uid".to_owned(), vec![])]);
}

#[tokio::test]
async fn limits_of_size() {
    let bench = Bench::with(Limits { search_entries: 3, ..Limits::default() }, None).await;
    let mut client = bench.bound(LEGACY).await;
    let limited = |size_limit| SearchRequest { size_limit, ..search(PEOPLE, Scope::One, is_person(), &["uid"]) };
    let answer = client.search(limited(2)).await;
    assert_eq!((answer.code, answer.entries.len()), (4, 2));
    assert_eq!(names(&client.search(limited(3)).await).len(), 3, "exactly as many as there are");
    assert_eq!(names(&client.search(limited(0)).await).len(), 3);
    bench.add_person(&bench.acme, "dave").await;
    for size_limit in [0, 10] {
        let answer = client.search(limited(size_limit)).await;
        assert_eq!((answer.code, answer.entries.len()), (4, 3), "the server's own limit");
    }
}

#[tokio::test]
async fn a_limit_of_time() {
    let bench = Bench::with(Limits { search_time: Duration::ZERO, ..Limits::default() }, None).await;
    let mut client = bench.bound(LEGACY).await;
    assert_eq!(client.search(search(PEOPLE, Scope::One, is_person(), &[])).await.code, 3);
}

#[tokio::test]
async fn a_correction_of_the_clock_ends_no_search() {
    let bench = Bench::start().await;
    let mut client = bench.bound(LEGACY).await;
    bench.clock.leap.store(3600, Ordering::SeqCst);
    assert_eq!(names(&client.search(search(PEOPLE, Scope::One, is_person(), &[])).await).len(), 3);
}

async fn page(client: &mut Client, size: u32, cookie: &[u8], request: SearchRequest<'_>) -> Answer {
    let value = PagedResults { size, cookie }.encode();
    let control = Control { oid: PagedResults::OID, critical: true, value: Some(value.into()) };
    client.ask_with(Operation::SearchRequest(request), vec![control]).await
}

#[tokio::test]
async fn pages() {
    let bench = Bench::start().await;
    for number in 0..7 {
        bench.add_person(&bench.acme, &format!("user{number}")).await;
    }
    let mut client = bench.bound(LEGACY).await;
    let request = || search(PEOPLE, Scope::One, is_person(), &["uid"]);
    let (mut found, mut cookie, mut sizes) = (Vec::new(), Vec::new(), Vec::new());
    loop {
        let answer = page(&mut client, 4, &cookie, request()).await;
        sizes.push(answer.entries.len());
        found.extend(names(&answer).into_iter().map(str::to_owned));
        cookie = answer.cookie.unwrap();
        if cookie.is_empty() {
            break;
        }
    }
    assert_eq!(sizes, [4, 4, 2]);
    found.sort();
    found.dedup();
    assert_eq!(found.len(), 10);
    let all = page(&mut client, 10, b"", request()).await;
    assert_eq!((all.entries.len(), all.cookie.unwrap().len()), (10, 0), "no cookie when nothing follows");
}

#[tokio::test]
async fn entries_that_no_store_holds_are_one_page() {
    let bench = Bench::start().await;
    let mut client = bench.bound(LEGACY).await;
    for base in ["", "cn=subschema"] {
        let answer = page(&mut client, 10, b"", search(base, Scope::Base, Filter::Present("objectClass"), &[])).await;
        assert_eq!((answer.code, answer.entries.len(), answer.cookie), (0, 1, Some(Vec::new())), "{base}");
    }
    let plain = client.search(search("", Scope::Base, Filter::Present("objectClass"), &[])).await;
    assert_eq!(plain.cookie, None);
}

#[tokio::test]
async fn a_cookie_is_worth_nothing_elsewhere() {
    let bench = Bench::start().await;
    let mut client = bench.bound(LEGACY).await;
    let request = || search(PEOPLE, Scope::One, is_person(), &["uid"]);
    let first = page(&mut client, 1, b"", request()).await;
    let cookie = first.cookie.unwrap();
    assert!(!cookie.is_empty());
    assert_eq!(page(&mut client, 1, &cookie, search("o=acme", Scope::Subtree, is_person(), &["uid"])).await.code, 53, "another query");
    assert_eq!(page(&mut bench.bound(ALICE).await, 1, &cookie, request()).await.code, 53, "another identity");
    assert_eq!(page(&mut client, 1, b"forged", request()).await.code, 53);
    let second = page(&mut client, 1, &cookie, request()).await;
    assert!(second.entries.len() == 1 && second.entries != first.entries);
    let ended = page(&mut client, 0, &cookie, request()).await;
    assert_eq!((ended.code, ended.entries.len(), ended.cookie.unwrap().len()), (0, 0, 0), "a page of none ends the search");
}

#[tokio::test]
async fn a_page_as_large_as_the_size_limit_is_no_page() {
    let bench = Bench::start().await;
    let mut client = bench.bound(LEGACY).await;
    let request = SearchRequest { size_limit: 2, ..search(PEOPLE, Scope::One, is_person(), &["uid"]) };
    let answer = page(&mut client, 2, b"", request).await;
    assert_eq!((answer.code, answer.entries.len(), answer.cookie), (4, 2, None));
}

#[tokio::test]
async fn a_search_over_many_stretches_finds_each_entry_once() {
    let small = Limits { output: 600, ..Limits::default() };
    let bench = Bench::with(small, None).await;
    for number in 0..150 {
        bench
            .add(&bench.acme, &format!("ou=unit{number},ou=apps,o=acme"), &[("objectClass", "organizationalUnit"), ("description", "many")])
            .await;
    }
    let mut client = bench.bound(LEGACY).await;
    for filter in [equal("description", "many"), equal("objectClass", "organizationalUnit")] {
        let answer = client.search(search("ou=apps,o=acme", Scope::One, filter, &["ou"])).await;
        let mut found = names(&answer);
        assert_eq!(found.len(), 150);
        found.dedup();
        assert_eq!(found.len(), 150);
    }
    // Nothing matches: the candidates are passed all the same, stretch by stretch.
    let none = Filter::And(vec![equal("description", "many"), Filter::Not(Box::new(Filter::Present("ou")))]);
    assert_eq!(client.search(search("o=acme", Scope::Subtree, none, &[])).await.entries.len(), 0);
}

#[tokio::test]
async fn what_somebody_may_not_read_they_may_not_filter_by() {
    let bench = Bench::start().await;
    let mut carol = bench.bound(CAROL).await;
    let answer = carol.ask(super::writes::replace(BOB, "homePhone", &[b"+1 555 0100"])).await;
    assert_eq!(answer.code, 0, "{}", answer.message);
    let request = || search(PEOPLE, Scope::One, equal("homePhone", "+1 555 0100"), &["homePhone"]);
    assert_eq!(names(&carol.search(request()).await), ["uid=bob"]);
    assert_eq!(names(&bench.bound(BOB).await.search(request()).await), ["uid=bob"]);
    let seen = bench.bound(ALICE).await.search(request()).await;
    assert_eq!(names(&seen), [""; 0], "the telephone at home is nobody else's business");
}

#[tokio::test]
async fn what_is_long_to_look_at_is_no_work_for_the_task_of_a_connection() {
    let bench = Bench::start().await;
    let mut client = bench.bound(LEGACY).await;
    let alice = Directory::new(&bench.acme).resolve(&Dn::parse(ALICE).unwrap()).unwrap();
    let values: Vec<_> = (0..10).map(|number| format!("{number}{}", "x".repeat(30_000))).collect();
    let attribute = Attribute::new("street", values.iter().map(String::as_str));
    let before = count::octets();
    // The server runs on the thread of this test, and so does what is not handed over to `work`.
    let step = Modification { kind: ModificationKind::Add, attribute };
    bench.core.modify_entry(&bench.acme, &operator(), alice, &[step]).await.unwrap();
    assert!(count::octets() - before < 10_000, "the modify: {}", count::octets() - before);

    let before = count::octets();
    let streets: Vec<_> = (0..990).map(|number| format!("{number} Broadway")).collect();
    let long = Filter::Or(streets.iter().map(|street| equal("street", street)).collect());
    assert_eq!(names(&client.search(search(ALICE, Scope::Base, long, &["1.1"])).await), [""; 0]);
    assert_eq!(names(&client.search(search(ALICE, Scope::Base, equal("street", &values[9]), &["1.1"])).await), ["uid=alice"]);
    let compare = CompareRequest { entry: ALICE, attribute: "street", value: values[8].as_bytes() };
    assert_eq!(client.ask(Operation::CompareRequest(compare)).await.code, 6);
    assert!(count::octets() - before < 100_000, "the searches: {}", count::octets() - before);
}

#[tokio::test]
async fn compare() {
    let bench = Bench::start().await;
    let mut client = bench.bound(LEGACY).await;
    let mut compared = async |entry, attribute, value: &'static str| {
        client.ask(Operation::CompareRequest(CompareRequest { entry, attribute, value: value.as_bytes() })).await.code
    };
    assert_eq!(compared(ALICE, "mail", "Alice@Acme.Example").await, 6);
    assert_eq!(compared(ALICE, "mail", "bob@acme.example").await, 5);
    assert_eq!(compared(ALICE, "telephoneNumber", "1").await, 16);
    assert_eq!(compared(ALICE, "noSuchAttribute", "1").await, 17);
    assert_eq!(compared("uid=nobody,ou=people,o=acme", "mail", "x").await, 32);
    assert_eq!(compared(ERIN, "uid", "erin").await, 32);
    assert_ne!(compared(ALICE, "userPassword", "alice-demo-password").await, 6, "a password is not compared");
    assert_eq!(compared("no name", "mail", "x").await, 34);
}

#[tokio::test]
async fn the_root_dse_lists_what_there_is() {
    let bench = Bench::start().await;
    let mut client = bench.connect().await;
    let answer = client
        .search(search("", Scope::Base, Filter::Present("objectClass"), &["supportedControl", "supportedExtension", "supportedFeatures"]))
        .await;
    let root = &answer.entries[0];
    assert_eq!(root.values("supportedControl"), ["1.2.840.113556.1.4.319"]);
    assert_eq!(
        root.values("supportedExtension"),
        ["1.3.6.1.4.1.4203.1.11.3", "1.3.6.1.4.1.4203.1.11.1"],
        "no StartTLS without a certificate"
    );
    assert_eq!(root.attributes.len(), 3);
    assert_eq!(client.search(search("", Scope::Base, equal("objectClass", "person"), &[])).await.entries.len(), 0);
    assert_eq!(client.search(search("", Scope::Subtree, Filter::Present("objectClass"), &[])).await.code, 32);
}

#[tokio::test]
async fn the_subschema_is_a_whole_schema() {
    let bench = Bench::start().await;
    let mut client = bench.bound(ALICE).await;
    let request = search(
        "cn=Subschema",
        Scope::Base,
        equal("objectClass", "subschema"),
        &["attributeTypes", "objectClasses", "ldapSyntaxes", "matchingRules"],
    );
    let answer = client.search(request).await;
    let schema = &answer.entries[0];
    assert_eq!(schema.attributes.len(), 4);
    assert!(schema.values("attributeTypes").iter().any(|text| text.contains("NAME 'uid'") || text.contains("NAME ( 'uid'")));
    assert!(schema.values("objectClasses").iter().any(|text| text.contains("'inetOrgPerson'")));
}

#[tokio::test]
async fn controls_that_are_not_supported() {
    let bench = Bench::start().await;
    let mut client = bench.bound(LEGACY).await;
    let sorted = |critical| vec![Control { oid: "1.2.840.113556.1.4.473", critical, value: Some(vec![0x30, 0].into()) }];
    let request = || Operation::SearchRequest(search(ALICE, Scope::Base, Filter::Present("uid"), &["uid"]));
    assert_eq!(client.ask_with(request(), sorted(true)).await.code, 12);
    assert_eq!(client.ask_with(request(), sorted(false)).await.code, 0);
    let pages = || Control { oid: PagedResults::OID, critical: true, value: Some(PagedResults { size: 1, cookie: b"" }.encode().into()) };
    assert_eq!(client.ask_with(Operation::DeleteRequest(ALICE), vec![pages()]).await.code, 12, "a delete has no pages");
    assert_eq!(client.ask_with(request(), vec![pages(), pages()]).await.code, 2);
    let broken = Control { value: Some(b"no value".into()), ..pages() };
    assert_eq!(client.ask_with(request(), vec![broken]).await.code, 2);
}

#[tokio::test]
async fn an_entry_that_names_many_is_shown_by_a_job() {
    let bench = Bench::start().await;
    let directory = crate::directory::Directory::new(&bench.acme);
    let group = directory.resolve(&crate::model::Dn::parse("cn=admins,ou=groups,o=acme").unwrap()).unwrap();
    let member = directory.schema().attribute("member").unwrap().id;
    let rows = bench.acme.store().decide(|changes| {
        for number in 0..300 {
            changes.put(Key::link(member, group, EntryId::new(1_000_000 + number)), Vec::new());
        }
        Ok(())
    });
    rows.await.unwrap();
    let mut client = bench.bound(CAROL).await;
    let answer = client.search(search("cn=admins,ou=groups,o=acme", Scope::Base, Filter::Present("cn"), &["member"])).await;
    assert_eq!((answer.code, answer.entries.len(), answer.entries[0].values("member")), (0, 1, vec![CAROL]));
}

use super::*;
use crate::directory::SUFFIX;
use crate::directory::change::ModificationKind::Add;
use crate::directory::filter::Parts;
use crate::directory::index;
use crate::directory::testing::{Home, actor, step};
use crate::directory::value::{MatchingRule, count};
use crate::model::Role;
use crate::store::{Key, Term};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};
use std::collections::{BTreeMap, BTreeSet};

mod order;

/// Entries as the test knows them: lower-case attribute → values.
type Model = BTreeMap<EntryId, BTreeMap<&'static str, Vec<String>>>;

/// A filter as the test evaluates it by itself.
#[derive(Clone, Debug)]
enum Query {
    And(Vec<Query>),
    Or(Vec<Query>),
    Not(Box<Query>),
    Present(&'static str),
    Equal(&'static str, String),
    AtLeast(&'static str, String),
    AtMost(&'static str, String),
    Like(&'static str, Option<String>, Vec<String>, Option<String>),
}

const NAMES: &[&str] = &["uid", "cn", "sn", "givenName", "title", "employeeNumber", "description", "name", "nonsense", "userPassword"];

impl Query {
    fn filter(&self, directory: &Directory) -> Filter {
        let all = |parts: &[Self]| parts.iter().map(|part| part.filter(directory)).collect();
        match self {
            Self::And(parts) => Filter::And(all(parts)),
            Self::Or(parts) => Filter::Or(all(parts)),
            Self::Not(part) => Filter::Not(Box::new(part.filter(directory))),
            Self::Present(name) => Filter::present(directory, name),
            Self::Equal(name, value) => Filter::equality(directory, name, value.as_bytes()).unwrap(),
            Self::AtLeast(name, value) => Filter::greater_or_equal(directory, name, value.as_bytes()),
            Self::AtMost(name, value) => Filter::less_or_equal(directory, name, value.as_bytes()),
            Self::Like(name, initial, any, last) => {
                let parts = Parts {
                    initial: initial.as_deref().map(str::as_bytes),
                    any: any.iter().map(String::as_bytes).collect(),
                    last: last.as_deref().map(str::as_bytes),
                };
                Filter::substrings(directory, name, &parts)
            }
        }
    }

    fn holds(&self, entry: &BTreeMap<&'static str, Vec<String>>) -> Option<bool> {
        let test = |name: &'static str, matches: &dyn Fn(&str) -> bool| {
            let names: &[&str] = match name {
                "nonsense" | "userPassword" => return None,
                "name" => &["cn", "sn", "givenName", "title"],
                _ => &[name][..],
            };
            Some(names.iter().flat_map(|name| entry.get(name).into_iter().flatten()).any(|value| matches(&value.to_lowercase())))
        };
        // None of the attributes has an ordering rule.
        match self {
            Self::And(parts) => {
                let parts: Vec<_> = parts.iter().map(|part| part.holds(entry)).collect();
                if parts.contains(&Some(false)) { Some(false) } else { (!parts.contains(&None)).then_some(true) }
            }
            Self::Or(parts) => {
                let parts: Vec<_> = parts.iter().map(|part| part.holds(entry)).collect();
                if parts.contains(&Some(true)) { Some(true) } else { (!parts.contains(&None)).then_some(false) }
            }
            Self::Not(part) => part.holds(entry).map(|truth| !truth),
            Self::Present(name) => test(name, &|_| true),
            Self::Equal(name, value) => test(name, &|stored| stored == value.to_lowercase()),
            Self::AtLeast(..) | Self::AtMost(..) => None,
            Self::Like(name, initial, any, last) => {
                let lower = |part: &Option<String>| part.clone().unwrap_or_default().to_lowercase();
                test(name, &|stored| {
                    let Some(rest) = stored.strip_prefix(&lower(initial)).and_then(|rest| rest.strip_suffix(&lower(last))) else {
                        return false;
                    };
                    let mut rest = rest;
                    for part in any {
                        let part = part.to_lowercase();
                        let Some(place) = rest.find(&part) else { return false };
                        rest = &rest[place + part.len()..];
                    }
                    true
                })
            }
        }
    }
}

fn word() -> impl Strategy<Value = String> {
    "[abAB]{1,5}"
}

fn query() -> impl Strategy<Value = Query> {
    let name = || prop::sample::select(NAMES);
    let leaf = prop_oneof![
        1 => name().prop_map(Query::Present),
        4 => (name(), word()).prop_map(|(name, value)| Query::Equal(name, value)),
        1 => (name(), word()).prop_map(|(name, value)| Query::AtLeast(name, value)),
        1 => (name(), word()).prop_map(|(name, value)| Query::AtMost(name, value)),
        4 => (name(), prop::option::of(word()), prop::collection::vec(word(), 0..3), prop::option::of(word()))
            .prop_filter("a part is there", |(_, initial, any, last)| initial.is_some() || !any.is_empty() || last.is_some())
            .prop_map(|(name, initial, any, last)| Query::Like(name, initial, any, last)),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Query::And),
            prop::collection::vec(inner.clone(), 0..4).prop_map(Query::Or),
            inner.prop_map(|part| Query::Not(Box::new(part))),
        ]
    })
}

fn populate(home: &Home, runner: &mut TestRunner, count: usize) -> Model {
    let mut model = Model::new();
    let units = ["ou=people,o=acme", "ou=east,ou=people,o=acme", "ou=west,ou=people,o=acme"];
    home.unit(units[1]);
    home.unit(units[2]);
    let values = prop::collection::vec(word(), 3..8);
    for number in 0..count {
        let words = values.new_tree(runner).unwrap().current();
        let uid = format!("{}{number}", words[0]);
        let mut attributes = BTreeMap::from([("uid", vec![uid.clone()]), ("cn", vec![words[1].clone()]), ("sn", vec![words[2].clone()])]);
        for (name, value) in ["givenName", "title", "employeeNumber", "description"].iter().zip(&words[3..]) {
            attributes.insert(*name, vec![value.clone()]);
        }
        let mut given: Vec<(&str, Vec<&str>)> = vec![("objectClass", vec!["inetOrgPerson"])];
        given.extend(attributes.iter().map(|(name, values)| (*name, values.iter().map(String::as_str).collect())));
        let given: Vec<(&str, &[&str])> = given.iter().map(|(name, values)| (*name, values.as_slice())).collect();
        let id = home.add(&format!("uid={uid},{}", units[number % units.len()]), &given).unwrap();
        model.insert(id, attributes);
    }
    model
}

#[test]
fn what_indexes_find_is_what_brute_force_finds() {
    let home = Home::new();
    let mut runner = TestRunner::new(Config { cases: 200, failure_persistence: None, ..Config::default() });
    let model = populate(&home, &mut runner, 120);
    let user = Viewer { role: Role::User, entry: model.keys().next().copied() };
    let bases = ["o=acme", "ou=people,o=acme", "ou=east,ou=people,o=acme"].map(|name| home.id(name));
    runner
        .run(&query(), |query| {
            let filter = query.filter(&home.directory);
            for base in bases {
                for scope in [Scope::Base, Scope::One, Scope::Subtree] {
                    let found = home.found(base, scope, &filter, &Viewer::OPERATOR);
                    prop_assert!(found.is_sorted(), "in the order of ids");
                    let found: BTreeSet<_> = found.into_iter().filter(|id| model.contains_key(id)).collect();
                    let expected: BTreeSet<_> = model
                        .iter()
                        .filter(|(id, entry)| in_scope(&home, base, scope, **id) && query.holds(entry) == Some(true))
                        .map(|(id, _)| *id)
                        .collect();
                    prop_assert_eq!(&found, &expected);
                }
            }
            let seen = home.found(SUFFIX, Scope::Subtree, &filter, &user);
            prop_assert!(
                home.found(SUFFIX, Scope::Subtree, &filter, &Viewer::OPERATOR).iter().filter(|id| seen.contains(id)).count() == seen.len()
            );
            prop_assert!(home.found(SUFFIX, Scope::Subtree, &filter, &Viewer::ANONYMOUS).is_empty());
            Ok(())
        })
        .unwrap();
}

fn in_scope(home: &Home, base: EntryId, scope: Scope, id: EntryId) -> bool {
    let above: Vec<_> = home.directory.ancestors(id).unwrap().iter().map(Record::id).collect();
    match scope {
        Scope::Base => id == base,
        Scope::One => above.first() == Some(&base),
        Scope::Subtree => id == base || above.contains(&base),
    }
}

#[test]
fn a_search_goes_on_where_it_stopped() {
    let home = Home::new();
    let mut runner = TestRunner::deterministic();
    let model = populate(&home, &mut runner, 50);
    let directory = &home.directory;
    let filters = [
        Filter::everything(),
        Filter::present(directory, "sn"),
        Filter::equality(directory, "objectClass", b"person").unwrap(),
        Filter::substrings(directory, "uid", &Parts { initial: Some(b"a"), ..Parts::default() }),
        Filter::Or(vec![Filter::present(directory, "title"), Filter::equality(directory, "sn", b"ab").unwrap()]),
    ];
    for (filter, base) in filters.iter().flat_map(|filter| [SUFFIX, home.id("ou=people,o=acme")].map(|base| (filter, base))) {
        let whole = home.found(base, Scope::Subtree, filter, &Viewer::OPERATOR);
        let mut pages = Vec::new();
        let mut after = None;
        loop {
            let search = Search { base, scope: Scope::Subtree, filter, after, viewer: &Viewer::OPERATOR, stop: None };
            let page: Vec<_> = directory.search(search).unwrap().take(7).map(|entry| entry.unwrap().id()).collect();
            let Some(last) = page.last() else { break };
            after = Some(*last);
            pages.extend(page);
        }
        assert_eq!(pages, whole);
    }
    assert!(!model.is_empty());
}

#[test]
fn a_selective_filter_looks_at_few_entries() {
    let home = Home::new();
    populate(&home, &mut TestRunner::deterministic(), 100);
    let alice = home.person("alice");
    let group = home.group("staff", &["alice"]);
    let directory = &home.directory;
    let class = || Filter::equality(directory, "objectClass", b"inetOrgPerson").unwrap();
    let parts = |text: &'static [u8]| Parts { any: vec![text], ..Parts::default() };
    let filters = [
        Filter::equality(directory, "uid", b"alice").unwrap(),
        Filter::And(vec![class(), Filter::equality(directory, "mail", b"alice@acme.example").unwrap()]),
        Filter::And(vec![class(), Filter::substrings(directory, "cn", &parts(b"lic"))]),
        Filter::And(vec![class(), Filter::substrings(directory, "mail", &Parts { initial: Some(b"al"), ..Parts::default() })]),
        Filter::equality(directory, "memberOf", b"cn=staff,ou=groups,o=acme").unwrap(),
        Filter::equality(directory, "entryDN", b"uid=alice,ou=people,o=acme").unwrap(),
    ];
    for (number, filter) in filters.iter().enumerate() {
        let search = Search { base: SUFFIX, scope: Scope::Subtree, filter, after: None, viewer: &Viewer::OPERATOR, stop: None };
        let mut found = directory.search(search).unwrap();
        assert_eq!(found.by_ref().map(|entry| entry.unwrap().id()).collect::<Vec<_>>(), [alice], "filter {number}");
        assert!(found.examined() <= 3, "filter {number} examined {}", found.examined());
    }
    let members = Filter::equality(directory, "member", b"uid=alice,ou=people,o=acme").unwrap();
    assert_eq!(home.found(SUFFIX, Scope::Subtree, &members, &Viewer::OPERATOR), [group]);
    let empty = home.group("empty", &[]);
    let peopled = Filter::present(directory, "member");
    assert_eq!(home.found(SUFFIX, Scope::Subtree, &peopled, &Viewer::OPERATOR), [group]);
    let groups = Filter::equality(directory, "objectClass", b"groupOfNames").unwrap();
    let peopled = Filter::And(vec![groups, Filter::Not(Box::new(peopled))]);
    assert_eq!(home.found(SUFFIX, Scope::Subtree, &peopled, &Viewer::OPERATOR), [empty]);
}

#[test]
fn a_search_stops_when_it_is_told_to() {
    let home = Home::new();
    let stop = |_| true;
    let search = Search {
        base: SUFFIX,
        scope: Scope::Subtree,
        filter: &Filter::everything(),
        after: None,
        viewer: &Viewer::OPERATOR,
        stop: Some(&stop),
    };
    let mut found = home.directory.search(search).unwrap();
    assert!(found.next().is_none() && found.was_stopped());
}

/// An entry with 23 values of 32,000 octets, and a filter that tests them 990 times.
fn large_entry(home: &Home) -> (EntryId, Filter, usize) {
    let alice = home.person("alice");
    let values: Vec<_> = (0..23).map(|number| format!("{number:02}{}", "x".repeat(31_998))).collect();
    let values: Vec<_> = values.iter().map(String::as_str).collect();
    home.modify(alice, &[step(Add, "street", &values)]).unwrap();
    let tests = (0..990).map(|number| Filter::equality(&home.directory, "street", format!("{number} Broadway").as_bytes()).unwrap());
    (alice, Filter::Or(tests.collect()), values.len() * 32_000)
}

#[test]
fn a_long_filter_reads_and_normalises_an_entry_once() {
    let home = Home::new();
    let (alice, filter, size) = large_entry(&home);
    let (gets, octets) = (home.gets(), count::octets());
    assert_eq!(home.found(alice, Scope::Base, &filter, &Viewer::OPERATOR), []);
    assert!(home.gets() - gets < 2 * (size / 4096) as u64, "{} reads", home.gets() - gets);
    assert!((size..2 * size).contains(&(count::octets() - octets)), "{} octets", count::octets() - octets);
    let like = |text: &[u8]| {
        let parts = Parts { any: vec![text], ..Parts::default() };
        Filter::substrings(&home.directory, "street", &parts)
    };
    let both = Filter::And(vec![Filter::Not(Box::new(filter)), like(b"17XXX"), Filter::Not(Box::new(like(b"28xxx")))]);
    assert_eq!(home.found(alice, Scope::Base, &both, &Viewer::OPERATOR), [alice], "what is kept serves every rule of the same form");
    assert!(count::octets() - octets < 3 * size, "{} octets", count::octets() - octets);
}

#[test]
fn a_search_stops_within_a_large_entry() {
    let home = Home::new();
    let (alice, filter, size) = large_entry(&home);
    let told = std::sync::atomic::AtomicUsize::new(0);
    let most = size + 200_000;
    let stop = |step| match step {
        Step::Candidate => false,
        Step::Octets(octets) => told.fetch_add(octets, std::sync::atomic::Ordering::Relaxed) + octets > most,
    };
    let before = count::octets();
    let search = Search { base: alice, scope: Scope::Base, filter: &filter, after: None, viewer: &Viewer::OPERATOR, stop: Some(&stop) };
    let mut found = home.directory.search(search).unwrap();
    assert!(found.next().is_none() && found.was_stopped());
    assert_eq!(found.reached(), None, "the entry is still to be looked at");
    assert!(count::octets() - before < size / 2, "reading it is half of what it may cost, and normalising it the other");
}

#[test]
fn a_filter_over_all_attributes_is_as_large_as_its_value() {
    fn tests(filter: &Filter) -> usize {
        match filter {
            Filter::And(parts) | Filter::Or(parts) => parts.iter().map(tests).sum(),
            Filter::Not(part) => tests(part),
            Filter::Undefined => 0,
            Filter::Test(_) => 1,
        }
    }
    let home = Home::new();
    let alice = home.person("alice");
    home.group("staff", &["alice"]);
    let directory = &home.directory;
    let any = |rule: &str, value: &[u8]| Filter::extensible(directory, None, Some(rule), value, false).unwrap();
    let everywhere = |filter: &Filter| home.found(SUFFIX, Scope::Subtree, filter, &Viewer::OPERATOR);
    let smith = any("caseIgnoreMatch", b"SMITH");
    let named = any("distinguishedNameMatch", b"uid=alice,ou=people,o=acme");
    let mail = any("caseIgnoreIA5Match", b"alice@acme.example");
    assert_eq!([tests(&smith), tests(&mail)], [1, 1]);
    assert!(tests(&named) <= 2, "by form and by entry");
    assert_eq!(everywhere(&smith), [alice]);
    assert_eq!(everywhere(&mail), [alice]);
    assert_eq!(everywhere(&named), [alice, home.id("cn=staff,ou=groups,o=acme")], "by entryDN and by member");
}

#[test]
fn a_filter_tells_nothing_of_what_the_viewer_may_not_read() {
    let home = Home::new();
    let (alice, bob) = (home.person("alice"), home.person("bob"));
    let service = home.add("cn=app,ou=services,o=acme", &[("objectClass", &["poolgateServiceAccount"])]).unwrap();
    let schema = home.directory.schema();
    assert_eq!(schema.attribute("employeeNumber").unwrap().access, access::AccessClass::Sensitive);
    let directory = &home.directory;
    home.modify(alice, &[step(Add, "employeeNumber", &["7"])]).unwrap();
    home.modify(bob, &[step(Add, "employeeNumber", &["8"])]).unwrap();
    let equal = Filter::equality(directory, "employeeNumber", b"7").unwrap();
    let filters = [equal.clone(), Filter::Not(Box::new(equal)), Filter::present(directory, "employeeNumber")];
    let seen = filters.each_ref().map(|filter| home.found(SUFFIX, Scope::Subtree, filter, &Viewer { role: Role::User, entry: Some(bob) }));
    assert_eq!(seen[0], []);
    assert_eq!(seen[1], [bob], "only about oneself");
    assert_eq!(seen[2], [bob]);
    for role in [Role::User, Role::Service, Role::Administrator, Role::Operator] {
        let viewer = Viewer { role, entry: Some(bob) };
        for filter in [Filter::present(directory, "userPassword"), Filter::Not(Box::new(Filter::present(directory, "userPassword")))] {
            assert_eq!(home.found(SUFFIX, Scope::Subtree, &filter, &viewer), [], "{role:?}");
        }
    }
    let named = Filter::equality(directory, "cn", b"app").unwrap();
    assert_eq!(home.found(SUFFIX, Scope::Subtree, &named, &Viewer { role: Role::User, entry: Some(bob) }), []);
    assert_eq!(home.found(SUFFIX, Scope::Subtree, &named, &Viewer::of(&actor(Role::Service, service))), [service]);
}

#[test]
fn orders_times_and_extensible_matches() {
    let home = Home::new();
    let (alice, bob) = (home.person("alice"), home.person("bob"));
    let directory = &home.directory;
    let all = |filter: &Filter| home.found(home.id("ou=people,o=acme"), Scope::One, filter, &Viewer::OPERATOR);
    let posix = |id, number: &str| {
        let steps = [
            step(Add, "objectClass", &["posixAccount"]),
            step(Add, "uidNumber", &[number]),
            step(Add, "gidNumber", &["100"]),
            step(Add, "homeDirectory", &["/"]),
        ];
        home.modify(id, &steps).unwrap();
    };
    posix(alice, "9");
    posix(bob, "1000");
    assert_eq!(all(&Filter::greater_or_equal(directory, "uidNumber", b"10")), [bob]);
    assert_eq!(all(&Filter::less_or_equal(directory, "uidNumber", b"9")), [alice]);
    assert_eq!(all(&Filter::less_or_equal(directory, "uidNumber", b"-1")), []);
    assert_eq!(all(&Filter::greater_or_equal(directory, "createTimestamp", b"20200101000000Z")), [alice, bob]);
    assert_eq!(all(&Filter::greater_or_equal(directory, "modifyTimestamp", b"20990101000000Z")), []);
    let created = home.values(alice, "createTimestamp").remove(0);
    assert_eq!(all(&Filter::equality(directory, "createTimestamp", created.as_bytes()).unwrap()), [alice, bob]);
    assert_eq!(all(&Filter::equality(directory, "createTimestamp", b"20200101000000Z").unwrap()), []);
    assert_eq!(all(&Filter::equality(directory, "uidNumber", b"1000").unwrap()), [bob]);
    assert_eq!(all(&Filter::greater_or_equal(directory, "entryUUID", b"00000000-0000-0000-0000-000000000000")), [alice, bob]);
    assert_eq!(all(&Filter::less_or_equal(directory, "entryUUID", b"00000000-0000-0000-0000-000000000000")), []);
    let extensible = |name, rule, value: &[u8], dn| Filter::extensible(directory, name, rule, value, dn).unwrap();
    assert_eq!(all(&extensible(Some("sn"), Some("caseExactMatch"), b"Smith", false)), [alice, bob]);
    assert_eq!(all(&extensible(Some("sn"), Some("caseExactMatch"), b"smith", false)), []);
    assert_eq!(all(&extensible(Some("ou"), None, b"PEOPLE", true)), [alice, bob]);
    assert_eq!(all(&extensible(Some("ou"), None, b"people", false)), []);
    assert_eq!(all(&extensible(None, Some("caseIgnoreMatch"), b"smith", false)), [alice, bob]);
    assert_eq!(all(&extensible(Some("sn"), Some("1.2.3"), b"Smith", false)), []);
    assert_eq!(all(&extensible(Some("uidNumber"), Some("integerOrderingMatch"), b"10", false)), [alice]);
    let descriptions = Filter::equality(directory, "cn;lang-de", b"Elise").unwrap();
    home.modify(alice, &[step(Add, "cn;lang-de", &["Elise"])]).unwrap();
    assert_eq!(all(&descriptions), [alice]);
    assert_eq!(all(&Filter::equality(directory, "cn", b"elise").unwrap()), [alice]);
    assert_eq!(all(&Filter::equality(directory, "cn;lang-fr", b"elise").unwrap()), []);
}

/// Index rows of entries that are not there: what counts is that they are read.
fn crowd(home: &Home, attribute: &str, trigram: &[u8; 3], entries: u64) {
    let attribute = home.directory.schema().attribute(attribute).unwrap().id;
    for first in (0..entries).step_by(5000) {
        home.commit(|changes| {
            for id in (first..entries.min(first + 5000)).map(|number| EntryId::new(1_000_000 + number)) {
                changes.put(Key::index(attribute, Term::Trigram, trigram, id), Vec::new());
                changes.put(
                    Key::index(attribute, Term::Ordering, &index::ordering_term(MatchingRule::CaseIgnoreMatch, trigram), id),
                    Vec::new(),
                );
            }
            Ok(())
        })
        .unwrap();
    }
}

#[test]
fn a_plan_reads_a_bounded_number_of_rows_whatever_the_filter() {
    let home = Home::new();
    crowd(&home, "cn", b"aaa", 6000);
    let directory = &home.directory;
    let like = |parts: &Parts<'_>| Filter::substrings(directory, "cn", parts);
    let initial = like(&Parts { initial: Some(b"aaa"), ..Parts::default() });
    let inside = like(&Parts { any: vec![b"aaaaaaaaaaaaa"], ..Parts::default() });
    let filters = [
        Filter::Or(vec![inside.clone(); 500]),
        Filter::And(vec![inside.clone(); 500]),
        Filter::Or(vec![initial.clone(); 500]),
        Filter::And((0..500).map(|_| Filter::Or(vec![initial.clone(), inside.clone()])).collect()),
    ];
    for (number, filter) in filters.iter().enumerate() {
        let search = Search { base: SUFFIX, scope: Scope::Subtree, filter, after: None, viewer: &Viewer::OPERATOR, stop: None };
        for effort in [512, THOROUGH] {
            let before = home.scanned();
            let plan = directory.plan(&search, effort).unwrap();
            let read = home.scanned() - before;
            assert!(read <= 2 * effort as u64 + 2, "filter {number}: {read} rows for an effort of {effort}");
            assert!(plan.is_some() || effort < THOROUGH);
        }
    }
}

#[test]
fn a_plan_serves_a_search_in_any_number_of_steps() {
    let home = Home::new();
    let people: Vec<_> = ["alice", "alan", "albert", "bob"].iter().map(|uid| home.person(uid)).collect();
    let filter = Filter::substrings(&home.directory, "uid", &Parts { initial: Some(b"al"), ..Parts::default() });
    let search = Search { base: SUFFIX, scope: Scope::Subtree, filter: &filter, after: None, viewer: &Viewer::OPERATOR, stop: None };
    let plan = home.directory.plan(&search, 512).unwrap().unwrap();
    let mut found = Vec::new();
    while let Some(entry) = home.directory.search_by(Search { after: found.last().copied(), ..search }, &plan).next() {
        found.push(entry.unwrap().id());
    }
    assert_eq!(found, people[..3]);
}

#[test]
fn a_guess_at_what_one_may_not_read_looks_at_the_own_entry_alone() {
    let home = Home::new();
    let (alice, bob) = (home.person("alice"), home.person("bob"));
    for id in [alice, bob] {
        home.modify(id, &[step(Add, "employeeNumber", &["7"])]).unwrap();
    }
    let filter = Filter::equality(&home.directory, "employeeNumber", b"7").unwrap();
    let viewer = Viewer { role: Role::User, entry: Some(bob) };
    let search = Search { base: SUFFIX, scope: Scope::Subtree, filter: &filter, after: None, viewer: &viewer, stop: None };
    let mut found = home.directory.search(search).unwrap();
    assert_eq!(found.by_ref().map(|entry| entry.unwrap().id()).collect::<Vec<_>>(), [bob]);
    assert_eq!(found.examined(), 2, "one, and the end");
}

//! What a search costs in a pool of ten thousand people: `cargo bench --bench search`.
//!
//! From the parsed request to the encoded entries, as the LDAP face does it, without the
//! connection. The pool is read hot: its records fit the cache.

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use poolgate::directory::filter::Parts;
use poolgate::directory::{Directory, Entry, Filter, Names, NewEntry, Scope, Search, Selection, Viewer};
use poolgate::ldap::codec::encode_entry;
use poolgate::model::{Actor, Attribute, Clock, Dn, Face, PoolId, Result, Role};
use poolgate::server::{SystemClock, SystemEntropy};
use poolgate::store::{Changes, CommitError, Options, SegmentSync, Store};
use std::hint::black_box;

const PEOPLE: u64 = 10_000;
/// People whom one commit adds.
const TOGETHER: u64 = 50;

const GIVEN_NAMES: &[&str] =
    &["Alice", "Bob", "Carol", "Dave", "Erin", "Frank", "Grace", "Heidi", "Ivan", "Judy", "Mallory", "Niaj", "Olivia"];
const FAMILY_NAMES: &[&str] = &["Archer", "Baker", "Clark", "Dyer", "Evans", "Fisher", "Glover", "Hunter", "Ingram", "Joiner", "Knight"];
const PLACES: &[&str] = &["London", "Utrecht", "Lyon", "Graz", "Porto", "Turku", "Gdansk"];

/// Who searches: a service account, as applications do.
const VIEWER: Viewer = Viewer { role: Role::Service, entry: None };

struct Bench {
    directory: Directory,
    _store: Store,
    _folder: tempfile::TempDir,
}

/// Draws the same numbers in each run (a linear congruential generator, MMIX).
struct Draw(u64);

impl Draw {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

fn uid(number: u64) -> String {
    format!("person-{number:05}")
}

fn one_of(words: &[&'static str], number: u64) -> &'static str {
    words.iter().cycle().nth(usize::try_from(number).expect("a small number") % words.len()).expect("a word")
}

fn name(number: u64) -> String {
    format!("{} {}", one_of(GIVEN_NAMES, number), one_of(FAMILY_NAMES, number))
}

/// A person of about 1 KB, with a name that some hundred others have too.
fn person(number: u64) -> NewEntry {
    let (uid, name) = (uid(number), name(number));
    let (given_name, family_name) = name.split_once(' ').expect("two names");
    let place = one_of(PLACES, number);
    let text = |name: &str, value: String| Attribute::new(name, [value.as_str()]);
    let attributes = vec![
        Attribute::new("objectClass", ["inetOrgPerson"]),
        Attribute::new("cn", [name.as_str(), &format!("{name} {number:05}")]),
        Attribute::new("sn", [family_name]),
        Attribute::new("givenName", [given_name]),
        text("displayName", format!("{name} ({place})")),
        text("mail", format!("{uid}@acme.example")),
        text("telephoneNumber", format!("+44 20 7946 {:04}", number % 10_000)),
        text("mobile", format!("+44 7700 {number:06}")),
        text("employeeNumber", number.to_string()),
        text("title", "Principal Engineer".into()),
        Attribute::new("ou", ["Engineering", "Storage"]),
        text("departmentNumber", (number % 97).to_string()),
        text("preferredLanguage", "en-GB".into()),
        text("roomNumber", format!("B {}.{}", number % 9, number % 211)),
        text("l", place.into()),
        text("postalAddress", format!("Acme Ltd${} Long Acre${place}", number % 250)),
        text("labeledURI", format!("https://people.acme.example/{uid} Profile of {name}")),
        text("street", format!("{} Long Acre", number % 250)),
        text("postalCode", format!("WC2E {}LH", number % 10)),
        Attribute::new("employeeType", ["permanent"]),
        text(
            "description",
            format!("{name} looks after what lies on disk, and asks about backups before anything else. Mondays to Thursdays."),
        ),
    ];
    NewEntry { dn: Dn::parse(&format!("uid={uid},ou=people,o=acme")).expect("a name"), attributes }
}

fn filled() -> Bench {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::open(folder.path(), Options { hot_cache: 64 << 20, ..Options::default() }, SegmentSync::install()).expect("a store");
    let directory = Directory::over(store.pool(PoolId::new(1)), Dn::parse("o=acme").expect("a name"));
    let entropy = SystemEntropy::default();
    let operator = Actor { role: Role::Operator, entry: None, name: "cn=operator".into(), face: Face::Server, address: None };
    commit(&directory, |changes| directory.create_suffix(changes, &operator, SystemClock::default().now(), &entropy));
    for first in (0..PEOPLE).step_by(usize::try_from(TOGETHER).expect("a small number")) {
        commit(&directory, |changes| {
            (first..first + TOGETHER)
                .try_for_each(|number| directory.add(changes, person(number), &operator, SystemClock::default().now(), &entropy).map(drop))
        });
    }
    Bench { directory, _store: store, _folder: folder }
}

/// Fills and commits, again should two entries have drawn the same id.
fn commit(directory: &Directory, fill: impl Fn(&mut Changes) -> Result<()>) {
    loop {
        let mut changes = Changes::new();
        fill(&mut changes).expect("what may be added");
        match directory.store().commit_blocking(changes) {
            Ok(_) => return,
            Err(error) => assert_eq!(error, CommitError::Conflict),
        }
    }
}

/// Answers a search into the buffer: how many entries it finds.
fn answer(directory: &Directory, base: &str, scope: Scope, filter: &Filter, selection: &Selection, out: &mut Vec<u8>) -> usize {
    out.clear();
    let base = directory.find(&Dn::parse(base).expect("a name"), &VIEWER).expect("the base").id();
    let search = Search { base, scope, filter, after: None, viewer: &VIEWER, stop: None };
    let mut names = Names::new(directory);
    let found = directory.search(search).expect("a search");
    found
        .map(|entry| {
            let entry = entry.expect("an entry");
            let name = names.of(&entry).expect("a read").expect("a name");
            encode_entry(7, &name, out, |out| directory.project(&entry, selection, false, &VIEWER, out)).expect("an encoded entry");
        })
        .count()
}

fn equals(directory: &Directory, attribute: &str, value: &str) -> Filter {
    Filter::equality(directory, attribute, value.as_bytes()).expect("a filter")
}

fn everybody(directory: &Directory) -> Filter {
    equals(directory, "objectClass", "inetOrgPerson")
}

/// A filter about the person of that number.
type About = fn(&Directory, u64) -> Filter;

/// What applications ask, as it is written, and how many entries it finds.
const REQUESTS: &[(&str, About, usize)] = &[
    ("(uid=person-01234)", |directory, number| equals(directory, "uid", &uid(number)), 1),
    (
        "(&(objectClass=inetOrgPerson)(mail=person-01234@acme.example))",
        |directory, number| Filter::And(vec![everybody(directory), equals(directory, "mail", &format!("{}@acme.example", uid(number)))]),
        1,
    ),
    (
        "(uid=person-0123*), ten of them",
        |directory, number| {
            let uid = uid(number);
            let initial = uid.strip_suffix(char::is_numeric).map(str::as_bytes);
            Filter::substrings(directory, "uid", &Parts { initial, ..Parts::default() })
        },
        10,
    ),
    (
        "(cn=* 01234*)",
        |directory, number| {
            let digits = format!(" {number:05}");
            Filter::substrings(directory, "cn", &Parts { any: vec![digits.as_bytes()], ..Parts::default() })
        },
        1,
    ),
    ("(uid=nobody-01234)", |directory, number| equals(directory, "uid", &uid(number).replace("person", "nobody")), 0),
];

fn searches(criterion: &mut Criterion) {
    let Bench { directory, _store, _folder } = &filled();
    let (mut draw, mut out) = (Draw(1), Vec::new());
    let (people, whole) = ("ou=people,o=acme", Selection::user());
    let count = answer(directory, people, Scope::Subtree, &everybody(directory), &whole, &mut out);
    println!("{count} people of {} octets each", out.len() / count);

    let mut group = criterion.benchmark_group("search");
    group.throughput(Throughput::Elements(1));
    for (text, about, expected) in REQUESTS {
        group.bench_function(format!("{text}, whole entries"), |bencher| {
            bencher.iter_batched(
                || draw.below(PEOPLE),
                |number| {
                    let found = answer(directory, people, Scope::Subtree, &about(directory, number), &whole, &mut out);
                    assert_eq!(found, *expected);
                },
                BatchSize::SmallInput,
            );
        });
    }
    let present = Filter::present(directory, "objectClass");
    group.bench_function("base read of a whole entry", |bencher| {
        bencher.iter_batched(
            || format!("uid={},{people}", uid(draw.below(PEOPLE))),
            |dn| assert_eq!(answer(directory, &dn, Scope::Base, &present, &whole, &mut out), 1),
            BatchSize::SmallInput,
        );
    });
    group.sample_size(10).throughput(Throughput::Elements(PEOPLE));
    for (name, selection) in
        [("everybody, whole entries", &whole), ("everybody, uid and mail", &Selection::parse(directory, ["uid", "mail"]))]
    {
        group.bench_function(name, |bencher| {
            bencher.iter(|| answer(directory, people, Scope::Subtree, &everybody(directory), selection, &mut out));
        });
    }
    group.finish();
    filters(criterion, directory);
}

/// A filter alone: from its parts as sent to one that can be evaluated, and then against an entry.
fn filters(criterion: &mut Criterion, directory: &Directory) {
    const NUMBER: u64 = 1234;
    let person = directory.resolve(&person(NUMBER).dn).and_then(|id| directory.entry(id)).expect("a read").expect("an entry");
    let nested: About = |directory, number| {
        let either = Filter::Or(vec![equals(directory, "uid", &uid(number)), equals(directory, "mail", &uid(number))]);
        let disabled = equals(directory, "poolgateAccountDisabled", "TRUE");
        Filter::And(vec![everybody(directory), either, Filter::Not(Box::new(disabled))])
    };
    let text = "(&(objectClass=inetOrgPerson)(|(uid=person-01234)(mail=person-01234))(!(poolgateAccountDisabled=TRUE)))";
    let mut group = criterion.benchmark_group("filter");
    for (text, about, expected) in REQUESTS.iter().chain(&[(text, nested, 1)]) {
        group.bench_function(format!("make {text}"), |bencher| bencher.iter(|| about(black_box(directory), NUMBER)));
        let filter = about(directory, NUMBER);
        let matches = |entry: &Entry| filter.evaluate(directory, entry, &VIEWER).expect("an evaluation");
        assert_eq!(matches(&person), Some(*expected > 0), "{text}");
        group.bench_function(format!("evaluate {text}"), |bencher| bencher.iter(|| matches(black_box(&person))));
    }
}

criterion_group!(benches, searches);
criterion_main!(benches);

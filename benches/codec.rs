//! What it costs to read and write LDAP, and names: `cargo bench --bench codec`. Nothing here
//! touches a store.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use poolgate::directory::dn::normalise;
use poolgate::directory::schema::Schema;
use poolgate::ldap::codec::{Entry, LdapResult, Limits, Message, Operation, PartialAttribute, ResultCode, decode, encode};
use poolgate::model::Dn;
use std::hint::black_box;

/// What clients send, byte for byte: a client, its recording, and the titles of messages in it.
const REQUESTS: &[(&str, &str, &[&str])] = &[
    (
        "ldap-utils",
        include_str!("../tests/fixtures/ldap/openldap.hex"),
        &["simple bind", "subtree search with a nested filter", "one-level search, types only, paged and with the sync control"],
    ),
    (
        "python-ldap",
        include_str!("../tests/fixtures/ldap/pyldap.hex"),
        &["simple bind by uid@slug", "base search", "one-level search with every kind of filter item"],
    ),
    ("JNDI", include_str!("../tests/fixtures/ldap/jndi.hex"), &["simple bind", "search with limits", "paged search"]),
];

/// A person of about 1 KB, as a search returns her.
const PERSON: &[(&str, &[&str])] = &[
    ("objectClass", &["top", "person", "organizationalPerson", "inetOrgPerson"]),
    ("uid", &["alice.archer"]),
    ("cn", &["Alice Archer", "Alice Margaret Archer"]),
    ("sn", &["Archer"]),
    ("givenName", &["Alice"]),
    ("displayName", &["Alice Archer (Engineering)"]),
    ("mail", &["alice.archer@acme.example"]),
    ("telephoneNumber", &["+44 20 7946 0123"]),
    ("mobile", &["+44 7700 900123"]),
    ("title", &["Principal Engineer"]),
    ("ou", &["Engineering", "Storage"]),
    ("departmentNumber", &["4711"]),
    ("employeeNumber", &["100234"]),
    ("employeeType", &["permanent"]),
    ("preferredLanguage", &["en-GB"]),
    ("roomNumber", &["B 2.104"]),
    ("street", &["1 Long Acre"]),
    ("l", &["London"]),
    ("postalCode", &["WC2E 9LH"]),
    ("postalAddress", &["Acme Ltd$1 Long Acre$London$WC2E 9LH$United Kingdom"]),
    ("labeledURI", &["https://people.acme.example/alice.archer Profile of Alice Archer"]),
    ("manager", &["uid=bob.baker,ou=people,o=acme"]),
    ("description", &["Looks after what lies on disk; asks about backups before anything else. Mondays to Thursdays."]),
];

const NAMES: &[(&str, &str)] = &[
    ("a person", "uid=alice,ou=people,o=acme"),
    ("a person in a department, with capitals and spaces", "UID=Alice.Archer, OU=Storage, OU=Engineering, ou=people, dc=acme, dc=example"),
    (
        "letters beyond ASCII, escapes and two values",
        "cn=J\\C3\\BCrgen M\u{fc}ller\\, Dr.+uid=jmueller,ou=Vertrieb S\u{fc}d,ou=people,o=acme",
    ),
];

/// The message of that title in a recording: a line with `#` and the title, then one with the
/// bytes.
fn recorded(recording: &str, title: &str) -> Vec<u8> {
    let mut lines = recording.lines().skip_while(|line| line.trim_start_matches("# ") != title).skip(1);
    let digits = lines.next().expect("a recording has the message");
    let octet = |at| u8::from_str_radix(&digits[at..at + 2], 16).expect("hexadecimal digits");
    (0..digits.len()).step_by(2).map(octet).collect()
}

fn requests(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decode");
    for (client, recording, titles) in REQUESTS {
        for title in *titles {
            let bytes = recorded(recording, title);
            group.throughput(Throughput::Bytes(bytes.len() as u64));
            group.bench_function(BenchmarkId::new(*client, title), |bencher| {
                bencher.iter(|| decode(black_box(&bytes), &Limits::BOUND).expect("a message").expect("a whole one"));
            });
        }
    }
}

fn answers(criterion: &mut Criterion) {
    let values = |values: &[&'static str]| values.iter().map(|value| value.as_bytes()).collect();
    let attributes = PERSON.iter().map(|(name, written)| PartialAttribute { name, values: values(written) }).collect();
    let entry = Operation::SearchEntry(Entry { name: "uid=alice.archer,ou=people,o=acme".into(), attributes });
    let missing =
        LdapResult { matched: "ou=people,o=acme".into(), ..LdapResult::new(ResultCode::NO_SUCH_OBJECT, "there is no such entry") };
    let answers = [
        ("an entry", entry),
        ("done", Operation::SearchDone(LdapResult::success())),
        ("done: there is no such entry", Operation::SearchDone(missing)),
    ];
    let mut group = criterion.benchmark_group("encode");
    for (name, operation) in answers {
        let message = Message { id: 7, operation, controls: Vec::new() };
        let mut out = Vec::new();
        encode(&message, &mut out);
        group.throughput(Throughput::Bytes(out.len() as u64));
        group.bench_function(BenchmarkId::new(name, format_args!("{} octets", out.len())), |bencher| {
            bencher.iter(|| {
                out.clear();
                encode(black_box(&message), &mut out);
                black_box(out.len())
            });
        });
    }
}

fn names(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("names");
    for (kind, text) in NAMES {
        let dn = Dn::parse(text).expect("a name");
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(BenchmarkId::new("parse", kind), |bencher| bencher.iter(|| Dn::parse(black_box(text)).expect("a name")));
        group.bench_function(BenchmarkId::new("normalise", kind), |bencher| {
            bencher.iter(|| normalise(black_box(&dn), Schema::builtin()).expect("names of the schema"));
        });
        group.bench_function(BenchmarkId::new("write", kind), |bencher| bencher.iter(|| black_box(&dn).to_string()));
    }
}

criterion_group!(benches, requests, answers, names);
criterion_main!(benches);

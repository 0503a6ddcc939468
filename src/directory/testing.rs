//! A directory over a store in a folder of its own, for tests.

use super::change::{Modification, ModificationKind, NewEntry};
use super::{Directory, Filter, Scope, Search, Viewer};
use crate::model::{Actor, Attribute, Dn, Entropy, EntryId, Error, Face, PoolId, Rdn, Result, Role, Timestamp};
use crate::policy::access::{PROFILE, is_profile};
use crate::store::{Changes, CommitError, Options, SegmentSync, Store};
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

/// Entropy that is different for each call and the same for each run.
pub struct Sequence(Mutex<u64>);

impl Entropy for Sequence {
    fn fill(&self, buffer: &mut [u8]) {
        let mut state = self.0.lock().unwrap();
        for octet in buffer {
            // A linear congruential generator (MMIX); its high bits are used.
            *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            *octet = (*state >> 56) as u8;
        }
    }
}

/// A pool's directory with the entries that it begins with.
pub struct Home {
    pub directory: Directory,
    pub entropy: Sequence,
    store: Option<Store>,
    clock: AtomicI64,
    _folder: tempfile::TempDir,
}

impl Drop for Home {
    fn drop(&mut self) {
        if let Some(store) = self.store.take() {
            store.close();
        }
    }
}

pub fn dn(text: &str) -> Dn {
    Dn::parse(text).unwrap()
}

pub fn operator() -> Actor {
    Actor { role: Role::Operator, entry: None, name: "cn=operator".to_owned(), face: Face::Server, address: None }
}

pub fn actor(role: Role, entry: EntryId) -> Actor {
    Actor { role, entry: Some(entry), name: "cn=somebody".to_owned(), face: Face::Ldap, address: None }
}

pub fn step(kind: ModificationKind, name: &str, values: &[&str]) -> Modification {
    Modification { kind, attribute: Attribute::new(name, values.iter().copied()) }
}

impl Home {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), Options::default(), SegmentSync::install()).unwrap();
        let directory = Directory::over(store.pool(PoolId::new(1)), dn("o=acme"));
        let clock = AtomicI64::new(1_750_000_000_000_000);
        let home = Self { directory, entropy: Sequence(Mutex::new(1)), store: Some(store), clock, _folder: folder };
        home.commit(|changes| home.directory.create_suffix(changes, &operator(), home.now(), &home.entropy)).unwrap();
        home
    }

    /// A moment that is later than every other.
    pub fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.clock.fetch_add(1000, Ordering::SeqCst))
    }

    /// Lets time pass.
    pub fn pass(&self, time: Duration) {
        self.clock.fetch_add(i64::try_from(time.as_micros()).unwrap(), Ordering::SeqCst);
    }

    /// Rows that were written or removed.
    pub fn row_writes(&self) -> u64 {
        self.store.as_ref().unwrap().statistics().row_writes
    }

    /// Rows that scans have gone over.
    pub fn scanned(&self) -> u64 {
        self.store.as_ref().unwrap().statistics().scanned
    }

    /// Reads of single rows.
    pub fn gets(&self) -> u64 {
        self.store.as_ref().unwrap().statistics().gets
    }

    /// Decides and commits, again after a conflict.
    pub fn commit<T>(&self, mut fill: impl FnMut(&mut Changes) -> Result<T>) -> Result<T> {
        loop {
            let mut changes = Changes::new();
            let done = fill(&mut changes)?;
            match self.directory.store().commit_blocking(changes) {
                Ok(_) => return Ok(done),
                Err(CommitError::Conflict) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    pub fn add_as(&self, actor: &Actor, name: &str, attributes: &[(&str, &[&str])]) -> Result<EntryId> {
        let attributes: Vec<_> = attributes.iter().map(|(name, values)| Attribute::new(*name, values.iter().copied())).collect();
        self.commit(|changes| {
            let entry = NewEntry { dn: dn(name), attributes: attributes.clone() };
            self.directory.add(changes, entry, actor, self.now(), &self.entropy)
        })
    }

    pub fn add(&self, name: &str, attributes: &[(&str, &[&str])]) -> Result<EntryId> {
        self.add_as(&operator(), name, attributes)
    }

    pub fn person(&self, uid: &str) -> EntryId {
        let mail = format!("{uid}@acme.example");
        let attributes: &[(&str, &[&str])] = &[("objectClass", &["inetOrgPerson"]), ("cn", &[uid]), ("sn", &["Smith"]), ("mail", &[&mail])];
        self.add(&format!("uid={uid},ou=people,o=acme"), attributes).unwrap()
    }

    pub fn group(&self, name: &str, members: &[&str]) -> EntryId {
        let members: Vec<_> = members.iter().map(|uid| format!("uid={uid},ou=people,o=acme")).collect();
        let members: Vec<_> = members.iter().map(String::as_str).collect();
        let mut attributes: Vec<(&str, &[&str])> = vec![("objectClass", &["groupOfNames"])];
        if !members.is_empty() {
            attributes.push(("member", &members));
        }
        self.add(&format!("cn={name},ou=groups,o=acme"), &attributes).unwrap()
    }

    pub fn unit(&self, name: &str) -> EntryId {
        self.add(name, &[("objectClass", &["organizationalUnit"])]).unwrap()
    }

    pub fn modify(&self, id: EntryId, steps: &[Modification]) -> Result<()> {
        self.modify_as(&operator(), id, steps)
    }

    pub fn modify_as(&self, actor: &Actor, id: EntryId, steps: &[Modification]) -> Result<()> {
        self.commit(|changes| self.directory.modify(changes, id, steps, actor, self.now()))
    }

    pub fn delete(&self, id: EntryId) -> Result<()> {
        self.commit(|changes| self.directory.delete(changes, id, &operator()))
    }

    pub fn rename(&self, id: EntryId, rdn: &str, delete_old: bool, parent: Option<EntryId>) -> Result<()> {
        let rdn = Rdn::parse(rdn).unwrap();
        self.commit(|changes| self.directory.rename(changes, id, &rdn, delete_old, parent, &operator(), self.now()))
    }

    pub fn id(&self, name: &str) -> EntryId {
        self.directory.resolve(&dn(name)).unwrap()
    }

    pub fn name(&self, id: EntryId) -> String {
        self.directory.dn(id).unwrap().unwrap().to_string()
    }

    /// The values of an attribute as the operator sees them, in order.
    pub fn values(&self, id: EntryId, attribute: &str) -> Vec<String> {
        let entry = self.directory.entry(id).unwrap().unwrap();
        let values = self.directory.attribute(&entry, attribute, &Viewer::OPERATOR).unwrap();
        let mut values: Vec<_> = values.into_iter().map(|value| String::from_utf8(value).unwrap()).collect();
        values.sort();
        values
    }

    pub fn found(&self, base: EntryId, scope: Scope, filter: &Filter, viewer: &Viewer) -> Vec<EntryId> {
        let search = Search { base, scope, filter, after: None, viewer, stop: None };
        self.directory.search(search).unwrap().map(|entry| entry.unwrap().id()).collect()
    }
}

/// Ways to fill an entry with what its person may write of it, each step to be tried until one is
/// refused, and then the next.
pub fn fillings() -> Vec<(&'static str, Vec<Modification>)> {
    use ModificationKind::Add;
    let letters = |number: usize, length: usize| -> String {
        let letter = |place: u32| char::from(b'a' + (number / 26_usize.pow(place) % 26) as u8);
        (0..3).map(letter).chain(std::iter::repeat_n('a', length - 3)).collect()
    };
    let profile = || PROFILE.iter().filter(|name| !["jpegPhoto", "preferredLanguage", "sshPublicKey"].contains(name));
    let photo = |octets: usize| {
        let values = vec![[&[0xff, 0xd8, 0xff], vec![7; octets].as_slice()].concat()];
        Modification { kind: Add, attribute: Attribute { name: "jpegPhoto".to_owned(), values } }
    };
    let every: Vec<_> = profile().map(|name| step(Add, name, &["1"])).collect();
    let middle: Vec<_> = profile().map(|name| step(Add, name, &["7".repeat(3_900).as_str()])).collect();
    let options: Vec<_> = (0..300).map(|number| step(Add, &format!("street;{}", letters(number, 4)), &["1"])).collect();
    let long_options = [32, 20].into_iter().flat_map(|length| {
        let of = move |(number, name): (usize, &&str)| {
            let options = [number, number + 100, number + 200, number + 300].map(|number| format!(";{}", letters(number, length)));
            [step(Add, &format!("{name}{}", options.concat()), &["1"]), step(Add, &format!("{name}{}", options[..2].concat()), &["1"])]
        };
        profile().enumerate().flat_map(of).collect::<Vec<_>>()
    });
    let long_options: Vec<_> = long_options.collect();
    let many_long = (0..80).map(|number| {
        let (first, second) = (letters(number, 20), letters(number + 100, 20));
        step(Add, &format!("facsimileTelephoneNumber;{first};{second}"), &["1"])
    });
    let many_long: Vec<_> = many_long.collect();
    let towns = (0..12).map(|number| step(Add, &format!("l;{}", letters(number, 20)), &["12345678"]));
    let streets = (0..150).map(|number| step(Add, &format!("street;{}", letters(number, 32)), &["1"]));
    let shorter = (0..60).map(|number| step(Add, &format!("street;{}", letters(number, 3)), &["1"]));
    let towns_and_streets: Vec<_> = towns.chain(streets).chain(shorter).collect();
    let values: Vec<_> = (0..30)
        .map(|start| {
            let values: Vec<_> = (0..32).map(|number| format!("{}", start * 32 + number)).collect();
            step(Add, "street", &values.iter().map(String::as_str).collect::<Vec<_>>())
        })
        .collect();
    let mut last_octet = Vec::new();
    for octets in [30_000, 3_000, 300, 30] {
        let value = |number: usize| step(Add, if octets > 300 { "street" } else { "pager" }, &[&format!("{number}{}", "7".repeat(octets))]);
        last_octet.extend((0..28).map(value));
    }
    let all = [long_options.as_slice(), &options, &every, &middle, &[photo(500_000)], &last_octet].concat();
    vec![
        ("many options", options),
        ("long options", long_options),
        ("many long options", many_long),
        ("towns and streets", towns_and_streets),
        ("many values", values),
        ("one huge value", vec![photo(524_000)]),
        ("many of middle size", middle),
        ("every attribute", every),
        ("to the last octet", last_octet),
        ("all at once", all),
    ]
}

/// Takes as many of the steps as are accepted; tells how many.
pub fn fill(home: &Home, actor: &Actor, id: EntryId, steps: &[Modification]) -> usize {
    let mut taken = 0;
    for step in steps {
        match home.modify_as(actor, id, std::slice::from_ref(step)) {
            Ok(()) => taken += 1,
            Err(error) => assert_eq!(rule(Err::<(), _>(error)), crate::model::error::Rule::Constraint, "{}", step.attribute.name),
        }
    }
    taken
}

/// Writes an entry as an earlier release could have written it: all its attributes but those of the
/// profile lie in parts, and the header tells nothing of what decides.
pub fn as_of_an_earlier_release(directory: &Directory, id: EntryId) {
    use super::record::{self, Facts, Item, PART, Room, Spill};
    use crate::store::Key;
    let entry = directory.entry(id).unwrap().unwrap();
    let mut changes = Changes::new();
    let mut items = Vec::new();
    for (place, slot) in entry.slots() {
        let tlv = entry.shared_tlv(place, &slot).unwrap();
        if !slot.in_parts && directory.schema().attribute_by_id(slot.attribute).is_some_and(|known| is_profile(known.name())) {
            items.push(Item { attribute: slot.attribute, tlv, spill: None });
            continue;
        }
        let spill = Spill { generation: (entry.version().get() << 16) + place as u64, length: tlv.len() as u32 };
        for (number, part) in (0..).zip(tlv.chunks(PART)) {
            changes.put(Key::value(id, spill.generation, number), part.to_vec());
        }
        items.push(Item { attribute: slot.attribute, tlv, spill: Some(spill) });
    }
    let nothing = Facts { disabled: false, uid: None };
    let (mut bytes, _) = record::encode(&entry.header().unwrap(), nothing, &items, 1, Room::Brim).unwrap();
    // The two last fields of the header: 11, false; 12, an empty text.
    let end = 3 + usize::from(u16::from_be_bytes([bytes[1], bytes[2]]));
    assert_eq!(bytes.drain(end - 4..end).collect::<Vec<_>>(), [0x0b, 0xf4, 0x0c, 0x60]);
    bytes[2] -= 4;
    bytes[3] -= 2;
    assert_eq!(record::facts(&bytes).unwrap(), None);
    changes.put(Key::entry(id), bytes);
    directory.store().commit_blocking(changes).unwrap();
}

/// The rule that a request broke.
pub fn rule<T: std::fmt::Debug>(result: Result<T>) -> crate::model::error::Rule {
    match result.unwrap_err().kind() {
        crate::model::Kind::Invalid(rule) => *rule,
        other => panic!("{other:?}"),
    }
}

/// The kind of an error.
pub fn kind<T: std::fmt::Debug>(result: std::result::Result<T, Error>) -> crate::model::Kind {
    result.unwrap_err().kind().clone()
}

/// Compares every row of the directory with what the entries say: indexes, unique values, names,
/// edges.
pub fn assert_consistent(directory: &Directory) {
    use super::draft::Draft;
    use super::known::KNOWN;
    use super::{Record, SUFFIX, dn, index};
    use crate::store::{Key, Prefix, Space};
    use std::collections::BTreeSet;
    let keys = |space| directory.store().scan(&Prefix::space(space), None).map(|row| row.unwrap().0).collect::<BTreeSet<Key>>();
    let (mut terms, mut unique, mut names, mut parts) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    let mut ids = BTreeSet::new();
    for row in directory.store().scan(&Prefix::space(Space::Entry), None) {
        let (key, row) = row.unwrap();
        let id = key.last_entry().unwrap();
        ids.insert(id);
        let entry = directory.complete(&Record::read(id, row).unwrap()).unwrap().unwrap();
        let draft = Draft::of(&entry).unwrap();
        terms.extend(index::terms(directory.schema(), &draft, |_| true).iter().map(|term| index::key(term, id)));
        let held = index::unique_values(directory.schema(), &draft, |_| true);
        unique.extend(held.into_iter().map(|(attribute, value)| Key::unique(attribute, &value)));
        parts.extend(
            Draft::spills(entry.bytes()).flat_map(|spill| (0..spill.parts()).map(move |number| Key::value(id, spill.generation, number))),
        );
        match entry.parent() {
            Some(parent) => {
                let normal = dn::normalise_rdn(&entry.rdn().unwrap(), directory.schema()).unwrap();
                assert!(names.insert(Key::child(parent, &index::name_term(&normal))), "two entries have one name");
            }
            None => assert_eq!(id, SUFFIX),
        }
        let above = directory.ancestors(id).unwrap();
        assert!(id == SUFFIX || above.last().unwrap().id() == SUFFIX, "every entry lies under the suffix");
    }
    assert_eq!(keys(Space::Index), terms);
    assert_eq!(keys(Space::Unique), unique);
    assert_eq!(keys(Space::Child), names);
    assert_eq!(keys(Space::Value), parts);
    let edges = |space, swap: bool| {
        let mut edges = BTreeSet::new();
        for attribute in &KNOWN.links {
            for id in &ids {
                let prefix = if swap { Prefix::backlinks(*attribute, *id) } else { Prefix::links(*attribute, *id) };
                for row in directory.store().scan(&prefix, None) {
                    let other = row.unwrap().0.last_entry().unwrap();
                    edges.insert(if swap { (*attribute, other, *id) } else { (*attribute, *id, other) });
                }
            }
        }
        assert_eq!(keys(space).len(), edges.len(), "no edge begins at an entry that is gone");
        edges
    };
    assert_eq!(edges(Space::Link, false), edges(Space::Backlink, true));
}

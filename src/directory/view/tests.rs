use super::*;
use crate::directory::change::ModificationKind::{Add, Replace};
use crate::directory::testing::{Home, kind, operator, rule, step};
use crate::model::{Actor, EntryId, Kind, Role};

fn names(home: &Home, id: EntryId, asked: &[&str], viewer: &Viewer) -> Vec<String> {
    let entry = home.directory.entry(id).unwrap().unwrap();
    let selection = Selection::parse(&home.directory, asked.iter().copied());
    let attributes = home.directory.attributes(&entry, &selection, viewer).unwrap();
    let mut names: Vec<_> = attributes.into_iter().map(|attribute| attribute.name).collect();
    names.sort();
    names
}

#[test]
fn what_is_asked_for_is_selected() {
    let home = Home::new();
    let alice = home.person("alice");
    home.group("staff", &["alice"]);
    home.modify(alice, &[step(Add, "cn;lang-de", &["Elise"]), step(Add, "manager", &["uid=alice,ou=people,o=acme"])]).unwrap();
    let operator = Viewer::OPERATOR;
    let user = ["cn", "cn;lang-de", "mail", "manager", "objectClass", "sn", "uid"];
    assert_eq!(names(&home, alice, &[], &operator), user);
    assert_eq!(names(&home, alice, &["*"], &operator), user);
    assert_eq!(names(&home, alice, &["1.1"], &operator), [""; 0]);
    assert_eq!(names(&home, alice, &["nonsense"], &operator), [""; 0]);
    assert_eq!(names(&home, alice, &["CN"], &operator), ["cn", "cn;lang-de"]);
    assert_eq!(names(&home, alice, &["cn;lang-de", "2.5.4.4"], &operator), ["cn;lang-de", "sn"]);
    assert_eq!(names(&home, alice, &["name"], &operator), ["cn", "cn;lang-de", "sn"]);
    assert_eq!(names(&home, alice, &["@person"], &operator), ["cn", "cn;lang-de", "objectClass", "sn"]);
    assert_eq!(names(&home, alice, &["1.1", "uid"], &operator), ["uid"]);
    let operational = names(&home, alice, &["+"], &operator);
    for name in [
        "createTimestamp",
        "creatorsName",
        "entryDN",
        "entryUUID",
        "hasSubordinates",
        "memberOf",
        "modifyTimestamp",
        "structuralObjectClass",
        "subschemaSubentry",
    ] {
        assert!(operational.contains(&name.to_owned()), "{name} in {operational:?}");
    }
    assert!(!operational.contains(&"cn".to_owned()));
}

#[test]
fn a_projection_is_a_partial_attribute_list() {
    let home = Home::new();
    let staff = home.group("staff", &[]);
    home.person("alice");
    home.modify(staff, &[step(Add, "member", &["uid=alice,ou=people,o=acme"])]).unwrap();
    let entry = home.directory.entry(staff).unwrap().unwrap();
    let project = |types_only| {
        let mut out = vec![0xaa];
        let selection = Selection::parse(&home.directory, ["cn", "member"]);
        home.directory.project(&entry, &selection, types_only, &Viewer::OPERATOR, &mut out).unwrap();
        out
    };
    let mut expected = b"\xaa\x30\x37\x30\x0d\x04\x02cn\x31\x07\x04\x05staff".to_vec();
    expected.extend_from_slice(b"\x30\x26\x04\x06member\x31\x1c\x04\x1auid=alice,ou=people,o=acme");
    assert_eq!(project(false), expected);
    assert_eq!(project(true), b"\xaa\x30\x14\x30\x06\x04\x02cn\x31\x00\x30\x0a\x04\x06member\x31\x00");
}

#[test]
fn a_projection_holds_each_attribute_once_in_its_order() {
    let home = Home::new();
    let alice = home.person("alice");
    let long = "a long text ".repeat(600);
    let steps =
        [step(Add, "description", &[&long]), step(Add, "employeeNumber", &["7"]), step(Add, "manager", &["uid=alice,ou=people,o=acme"])];
    home.modify(alice, &steps).unwrap();
    let viewers = [Viewer::OPERATOR, Viewer { role: Role::User, entry: None }];
    let asked: [&[&str]; 7] =
        [&[], &["*", "+"], &["cn", "sn", "uid"], &["uid", "cn"], &["description"], &["+"], &["cn", "description", "mail", "manager"]];
    let whole = Record::clone(&home.directory.entry(alice).unwrap().unwrap());
    for entry in [home.directory.record(alice).unwrap().unwrap(), whole] {
        for (viewer, asked) in viewers.iter().flat_map(|viewer| asked.iter().map(move |asked| (viewer, asked))) {
            let selection = Selection::parse(&home.directory, asked.iter().copied());
            let expected = home.directory.attributes(&entry, &selection, viewer).unwrap();
            let (mut out, mut names) = (Vec::new(), Vec::new());
            home.directory.project(&entry, &selection, false, viewer, &mut out).unwrap();
            let mut reader = ber::Reader::new(&out).sequence().unwrap();
            for attribute in &expected {
                let tlv = record::partial_attribute(&attribute.name, &attribute.values);
                let (_, found) = reader.read().unwrap();
                assert!(tlv.ends_with(found) && found.len() + 6 > tlv.len(), "{asked:?} {}", attribute.name);
                names.push(attribute.name.as_str());
            }
            reader.finish().unwrap();
            assert_eq!(names.iter().collect::<std::collections::BTreeSet<_>>().len(), names.len());
            assert!(!names.is_empty());
        }
    }
}

#[test]
fn nobody_is_shown_what_they_may_not_see() {
    let home = Home::new();
    let (alice, bob) = (home.person("alice"), home.person("bob"));
    home.modify(alice, &[step(Add, "employeeNumber", &["7"]), step(Replace, "poolgateAccountDisabled", &["FALSE"])]).unwrap();
    let service = home.add("cn=app,ou=services,o=acme", &[("objectClass", &["poolgateServiceAccount"])]).unwrap();
    let group = home.group("staff", &["alice"]);
    home.modify(group, &[step(Add, "member", &["cn=app,ou=services,o=acme"])]).unwrap();
    let user = Viewer { role: Role::User, entry: Some(bob) };
    assert!(!names(&home, alice, &["*", "+"], &user).contains(&"poolgateAccountDisabled".to_owned()));
    assert!(names(&home, alice, &["*", "+"], &Viewer::OPERATOR).contains(&"poolgateAccountDisabled".to_owned()));
    assert_eq!(names(&home, alice, &["*", "+"], &Viewer::ANONYMOUS), [""; 0]);
    let entry = home.directory.visible(group, &user).unwrap();
    assert_eq!(home.directory.attribute(&entry, "member", &user).unwrap(), [b"uid=alice,ou=people,o=acme"]);
    assert_eq!(home.directory.attribute(&entry, "member", &Viewer::OPERATOR).unwrap().len(), 2);
    assert!(matches!(kind(home.directory.visible(service, &user)), Kind::NotFound { .. }));
    let hidden = crate::directory::testing::dn("cn=x,cn=app,ou=services,o=acme");
    let matched = |viewer: &Viewer| match kind(home.directory.find(&hidden, viewer)) {
        Kind::NotFound { matched } => matched.to_string(),
        other => panic!("{other:?}"),
    };
    assert_eq!(matched(&user), "ou=services,o=acme");
    assert_eq!(matched(&Viewer::OPERATOR), "cn=app,ou=services,o=acme");
    assert_eq!(matched(&Viewer::ANONYMOUS), "");
}

#[test]
fn comparing() {
    let home = Home::new();
    let (alice, bob) = (home.person("alice"), home.person("bob"));
    home.group("staff", &["alice"]);
    let entry = home.directory.entry(alice).unwrap().unwrap();
    let user = Viewer { role: Role::User, entry: Some(bob) };
    let compare = |name: &str, value: &str, viewer: &Viewer| home.directory.compare(&entry, name, value.as_bytes(), viewer);
    assert!(compare("sn", "SMITH", &user).unwrap());
    assert!(!compare("sn", "Jones", &user).unwrap());
    assert!(compare("memberOf", "cn=Staff,ou=groups,o=acme", &user).unwrap());
    assert!(!compare("memberOf", "cn=none,ou=groups,o=acme", &user).unwrap());
    assert!(compare("entryDN", "uid=alice,ou=people,o=acme", &user).unwrap());
    assert_eq!(rule(compare("title", "x", &user)), Rule::NoSuchAttribute);
    assert_eq!(rule(compare("nonsense", "x", &user)), Rule::UndefinedAttribute);
    assert_eq!(rule(compare("objectClass", "no such class", &user)), Rule::Syntax);
    for viewer in [user, Viewer::OPERATOR, Viewer { role: Role::User, entry: Some(alice) }] {
        assert_eq!(rule(compare("userPassword", "x", &viewer)), Rule::NoSuchAttribute);
    }
}

#[test]
fn a_change_number_tells_of_the_own_changes_only() {
    let home = Home::new();
    let alice = home.person("alice");
    let csn = || home.values(alice, "entryCSN")[0].clone();
    let first = csn();
    assert!(crate::directory::value::validate(crate::directory::value::Syntax::Csn, first.as_bytes()).is_ok(), "{first}");
    assert_eq!(first.split('#').map(str::len).collect::<Vec<_>>(), [22, 6, 3, 6]);
    assert!(first.ends_with("#000000#000#000000"), "{first}");
    for uid in ["bob", "carol"] {
        home.person(uid);
    }
    assert_eq!(csn(), first, "others were changed");
    // The same moment twice: the count tells the changes apart.
    let now = home.now();
    let mut seen = vec![first];
    for title in ["one", "two"] {
        home.commit(|changes| home.directory.modify(changes, alice, &[step(Replace, "title", &[title])], &operator(), now)).unwrap();
        seen.push(csn());
    }
    home.rename(alice, "uid=alicia", true, None).unwrap();
    seen.push(csn());
    let counts: Vec<_> = seen.iter().map(|csn| csn.split('#').nth(1).unwrap()).collect();
    assert_eq!(counts, ["000000", "000001", "000002", "000003"]);
    let later = Filter::greater_or_equal(&home.directory, "entryCSN", seen[3].as_bytes());
    let entry = home.directory.entry(alice).unwrap().unwrap();
    assert_eq!(later.evaluate(&home.directory, &entry, &Viewer::OPERATOR).unwrap(), Some(true));
    let subschema = home.directory.schema().subschema_attributes();
    let lists = |kind: &str, oid: &str| {
        let listed = subschema.iter().find(|attribute| attribute.name == kind).unwrap();
        listed.values.iter().any(|value| String::from_utf8_lossy(value).starts_with(&format!("( {oid} ")))
    };
    assert!(lists("attributeTypes", "1.3.6.1.4.1.4203.666.1.7") && lists("ldapSyntaxes", "1.3.6.1.4.1.4203.666.11.2.1"));
}

#[test]
fn who_acted_is_told_to_those_who_may_see_them() {
    let home = Home::new();
    let (alice, bob) = (home.person("alice"), home.person("bob"));
    let service = home.add("cn=app,ou=services,o=acme", &[("objectClass", &["poolgateServiceAccount"])]).unwrap();
    let user = Viewer { role: Role::User, entry: Some(bob) };
    let by = |name: &str| Actor { name: name.to_owned(), ..operator() };
    let table = [
        ("uid=alice,ou=people,o=acme", "uid=alice,ou=people,o=acme", true),
        ("cn=app,ou=services,o=acme", "cn=app,ou=services,o=acme", false),
        ("uid=gone,ou=people,o=acme", "uid=gone,ou=people,o=acme", false),
        ("uid=erin,ou=people,o=suppliers", "uid=erin,ou=people,o=suppliers", false),
        ("uid:1000", "cn=uid:1000", false),
    ];
    for (actor, shown, to_users) in table {
        home.modify_as(&by(actor), alice, &[step(Replace, "title", &["x"])]).unwrap();
        let entry = home.directory.entry(alice).unwrap().unwrap();
        let values = |viewer: &Viewer| home.directory.attribute(&entry, "modifiersName", viewer).unwrap();
        let test = |viewer: &Viewer| {
            let named = Filter::equality(&home.directory, "modifiersName", shown.as_bytes()).unwrap();
            [named.clone(), Filter::Not(Box::new(named)), Filter::present(&home.directory, "modifiersName")]
                .map(|filter| filter.evaluate(&home.directory, &entry, viewer).unwrap())
        };
        let all = [Some(true), Some(false), Some(true)];
        for viewer in [Viewer::OPERATOR, Viewer { role: Role::Service, entry: Some(service) }] {
            assert_eq!((values(&viewer), test(&viewer)), (vec![shown.as_bytes().to_vec()], all), "{actor}");
        }
        let (seen, truths) = if to_users { (vec![shown.as_bytes().to_vec()], all) } else { (Vec::new(), [None; 3]) };
        assert_eq!((values(&user), test(&user)), (seen, truths), "{actor}");
        assert_eq!(home.directory.compare(&entry, "modifiersName", shown.as_bytes(), &user).is_ok(), to_users, "{actor}");
    }
}

#[test]
fn children_that_one_may_not_see_do_not_make_an_entry_a_parent() {
    let home = Home::new();
    let bob = home.person("bob");
    home.add("cn=app,ou=services,o=acme", &[("objectClass", &["poolgateServiceAccount"])]).unwrap();
    let user = Viewer { role: Role::User, entry: Some(bob) };
    let shown = |name: &str, viewer: &Viewer| {
        let entry = home.directory.visible(home.id(name), viewer).unwrap();
        home.directory.attribute(&entry, "hasSubordinates", viewer).unwrap()
    };
    for (name, operators, users) in
        [("ou=services,o=acme", "TRUE", "FALSE"), ("ou=people,o=acme", "TRUE", "TRUE"), ("ou=apps,o=acme", "FALSE", "FALSE")]
    {
        assert_eq!(shown(name, &Viewer::OPERATOR), [operators.as_bytes()], "{name}");
        assert_eq!(shown(name, &user), [users.as_bytes()], "{name}");
    }
}

use super::*;
use crate::crypto::password::human_passwords;
use crate::model::{Attribute, Dn};

const SSHA: &str = "{SSHA}rW6jZOBb6c6fq+h8I/+rYOihUyRpbXBvcnQwMQ==";
const BCRYPT: &str = "$2b$10$abcdefghijklmnopqrstuuJ5n0e7xTq1mWl8ZK3b9oVhC2yGfD4Ri";
const MD5: &str = "5ebe2294ecd0e0f08eab7690d2a6ee69";

fn field(name: &str, value: &str) -> Field {
    Field { attribute: Attribute::new(name, [value]), lines: vec![7] }
}

fn chosen(value: &str, is_taken: bool, is_among_hashes: bool) -> Chosen {
    choose(&[field("userPassword", value)], Plain { is_taken, is_among_hashes })
}

fn has_hashes(values: &[(&str, &str)]) -> bool {
    let mut census = Census::default();
    for (name, value) in values {
        census.count(&Record { line: 1, dn: Dn::root(), attributes: vec![field(name, value)] });
    }
    census.has_hashes()
}

#[test]
fn what_people_and_password_managers_make_is_taken_from_a_file_of_passwords() {
    let all = human_passwords();
    assert!(all.len() > 1000);
    let named: Vec<(&str, &str)> = all.iter().map(|password| ("password", password.as_str())).collect();
    assert!(!has_hashes(&named), "nothing of it makes the file one of hashes");
    for password in &all {
        let Chosen { value, locks, notes, problem } = chosen(password, true, false);
        assert!(problem.is_none() && locks.is_empty() && notes.is_empty(), "{password}: {problem:?} {locks:?} {notes:?}");
        assert_eq!(value.as_deref(), Some(password.as_bytes()));
    }
}

#[test]
fn plain_text_is_taken_on_demand_and_not_among_hashes() {
    let refused = |value: &str, is_taken, is_among_hashes| {
        let Chosen { value, problem, .. } = chosen(value, is_taken, is_among_hashes);
        assert!(value.is_none());
        let FileError { line, message } = problem.unwrap();
        assert_eq!(line, 7);
        message
    };
    let alone = refused("Quartz-Meadow-44", false, false);
    assert!(alone.contains("--plain-passwords") && alone.contains("plain_passwords=true"), "{alone}");
    // DES of crypt(3), which has no mark; and a password that could be one.
    for value in ["rl0uE2jKc9uXM", "correcthorsebattery", "Quartz-Meadow-44"] {
        let among = refused(value, false, true);
        assert!(!among.contains("plain-passwords") && !among.contains("plain_passwords"), "{among}");
        assert!(among.contains("a file of its own") && !among.contains(value), "{among}");
    }
    for value in ["rl0uE2jKc9uXM", "correcthorsebattery"] {
        let among = refused(value, true, true);
        assert!(among.contains("a file of its own") && !among.contains("plain-passwords") && !among.contains(value), "{among}");
        assert_eq!(chosen(value, true, false).value.as_deref(), Some(value.as_bytes()));
    }
    for value in ["Quartz-Meadow-44", "correct horse battery staple"] {
        assert_eq!(chosen(value, true, true).value.as_deref(), Some(value.as_bytes()), "no hash has so few letters on end");
    }
    for is_taken in [false, true] {
        assert_eq!(chosen(SSHA, is_taken, true).value.as_deref(), Some(SSHA.as_bytes()));
        assert!(chosen(BCRYPT, is_taken, false).value.is_none() && chosen(MD5, is_taken, false).value.is_none());
    }
}

#[test]
fn a_file_holds_hashes_where_a_value_in_the_place_of_a_password_is_one() {
    for hash in [SSHA, BCRYPT, "!$6$salt$hash", "!kR7dQ2xZp0VbN8mLwE5yTtU3sHcJ6aGf9oIiXqYz", "'{CRYPT}x'"] {
        assert!(has_hashes(&[("password", "correcthorse"), ("password", "battery staple"), ("userPassword", hash)]), "{hash}");
    }
    assert!(has_hashes(&[("password", MD5), ("password", "correcthorse")]));
    // A few passwords of hexadecimal digits among others, and hashes that stand in columns of their
    // own.
    assert!(!has_hashes(&[("password", MD5), ("password", "correcthorse"), ("password", "battery staple")]));
    assert!(!has_hashes(&[("password", "correcthorse"), ("sambaNTPassword", MD5), ("passwordHash", BCRYPT), ("password", "")]));
    assert!(!has_hashes(&[]));
}

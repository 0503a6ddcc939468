//! The entries that both servers load, as LDIF (RFC 2849).

use crate::ber::digits;
use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

pub const SUFFIX: &str = "o=bench";
pub const PEOPLE: &str = "ou=people,o=bench";
/// A service account: may read everything but passwords.
pub const READER: &str = "cn=reader,ou=services,o=bench";
/// The first of the people: may write.
pub const ADMINISTRATOR: &str = "uid=person000000,ou=people,o=bench";
/// The password of everybody.
pub const PASSWORD: &str = "correct horse battery staple";

const GIVEN: [&str; 20] = [
    "Anna", "Bernd", "Chiara", "David", "Elif", "Fatima", "Georg", "Hanna", "Ivan", "Julia", "Karim", "Lena", "Mateo", "Nora", "Oskar",
    "Paula", "Quentin", "Rosa", "Stefan", "Teresa",
];
const SURNAMES: [&str; 24] = [
    "Adler",
    "Becker",
    "Castellani",
    "Dupont",
    "Eriksen",
    "Fischer",
    "Gonzalez",
    "Hoffmann",
    "Ivanova",
    "Johansson",
    "Kowalski",
    "Lindqvist",
    "Moretti",
    "Novak",
    "Okafor",
    "Petersen",
    "Quintana",
    "Rossi",
    "Schneider",
    "Takahashi",
    "Ulrich",
    "Virtanen",
    "Weber",
    "Zimmermann",
];
const CITIES: [(&str, &str); 5] =
    [("Berlin", "Berlin"), ("Hamburg", "Hamburg"), ("Lyon", "Auvergne"), ("Torino", "Piemonte"), ("Uppsala", "Uppland")];
const DEPARTMENTS: [&str; 6] = ["Research", "Production", "Sales", "Logistics", "Finance", "Information Technology"];

pub fn uid(number: u32) -> String {
    format!("person{number:06}")
}

pub fn name(number: u32) -> String {
    format!("uid={},{PEOPLE}", uid(number))
}

pub fn mail(number: u32) -> String {
    format!("{}@bench.example", uid(number))
}

/// Whether a name is that of a person.
pub fn is_name(found: &[u8], number: u32) -> bool {
    let own = found.strip_prefix(b"uid=person").and_then(|rest| rest.strip_prefix(&digits(number)));
    own.and_then(|rest| rest.strip_prefix(b",")) == Some(PEOPLE.as_bytes())
}

/// A text that brings an entry to about 1 KB.
pub fn description(number: u32) -> String {
    format!(
        "Employee number {number:06} of the organization, listed here with everything that a directory of people usually holds: names, \
         addresses, telephone numbers and the place in the building. Questions about this entry are answered by the service desk, which \
         can be reached from every telephone of the house under the short number that is printed on it."
    )
}

/// Writes the suffix, `ou=people` and that many people.
pub fn write(path: &Path, count: u32) {
    let mut file = BufWriter::new(File::create(path).expect("a file for the entries"));
    let containers = "dn: o=bench\nobjectClass: organization\no: bench\n\n\
                      dn: ou=people,o=bench\nobjectClass: organizationalUnit\nou: people\n";
    file.write_all(containers.as_bytes()).expect("writing");
    for number in 0..count {
        write_person(&mut file, number).expect("writing");
    }
    file.flush().expect("writing");
}

fn write_person(file: &mut impl Write, number: u32) -> std::io::Result<()> {
    // Numbers without a common divisor with the lengths spread names over the people.
    let pick = |step: u32, from: usize| (number.wrapping_mul(step) / 7) as usize % from;
    let (given, surname) = (GIVEN[pick(7, GIVEN.len())], SURNAMES[pick(11, SURNAMES.len())]);
    let ((city, state), department) = (CITIES[pick(13, CITIES.len())], DEPARTMENTS[pick(17, DEPARTMENTS.len())]);
    let (uid, mail, tail) = (uid(number), mail(number), number % 10_000);
    writeln!(file, "\ndn: {}", name(number))?;
    for class in ["top", "person", "organizationalPerson", "inetOrgPerson"] {
        writeln!(file, "objectClass: {class}")?;
    }
    writeln!(file, "uid: {uid}\ncn: {given} {surname}\nsn: {surname}\ngivenName: {given}\ndisplayName: {given} {surname} ({department})")?;
    writeln!(file, "mail: {mail}\ntelephoneNumber: +49 30 5550 {tail:04}\nmobile: +49 170 555 {number:06}")?;
    writeln!(file, "l: {city}\nst: {state}\nstreet: Lange Strasse {}\npostalCode: {:05}", number % 200, number % 100_000)?;
    writeln!(file, "title: Specialist for {department}\ndepartmentNumber: {:03}\nemployeeType: permanent", number % 300)?;
    writeln!(file, "roomNumber: {:04}\npreferredLanguage: de-DE\ndescription: {}", number % 5000, description(number))?;
    writeln!(file, "userPassword: {}", ssha(number))
}

/// The password as slapd keeps it by default (RFC 2307, section 5.3): SHA-1 with a salt.
pub fn ssha(number: u32) -> String {
    let salt = number.wrapping_mul(0x9e37_79b9).to_be_bytes();
    let hash = digest(&SHA1_FOR_LEGACY_USE_ONLY, &[PASSWORD.as_bytes(), &salt].concat());
    format!("{{SSHA}}{}", BASE64_STANDARD.encode([hash.as_ref(), &salt].concat()))
}

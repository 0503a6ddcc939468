//! python-ldap: what applications written in Python use.

use crate::harness::{Program, TestServer};
use std::fmt::Write;

/// Users that are imported beside the three of the demo.
const IMPORTED: usize = 40;

#[tokio::test(flavor = "multi_thread")]
async fn it_pages_reads_the_schema_and_changes_passwords() {
    let server = TestServer::demo().await;
    let people = server.file("people.ldif");
    std::fs::write(&people, ldif()).unwrap();
    server.poolgate(&["import", "--pool", "acme", people.to_str().unwrap()]).await.good();

    let mut script = Program::python("python_ldap.py");
    script.arguments([server.ldap().as_str(), server.certificate.authority.to_str().unwrap(), &(IMPORTED + 3).to_string()]);
    assert_eq!(script.run().await.good().trim(), "good");
    server.stop().await;
}

fn ldif() -> String {
    let mut text = "version: 1\n\n".to_owned();
    for number in 0..IMPORTED {
        let person = format!("uid: user{number}\ncn: User {number}\nsn: Number {number}\n");
        write!(text, "dn: uid=user{number},ou=people,o=acme\nobjectClass: inetOrgPerson\n{person}\n").unwrap();
    }
    text
}

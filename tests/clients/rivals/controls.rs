//! Controls: too many of them, and each that anybody knows where it must not be ignored.

use super::attempt::PASSWORD;
use crate::harness::TestServer;
use crate::ldap_client::{Directory, code};
use crate::ldap_wire::{
    BIND, EXTENDED, INTEGER, OCTETS, PASSWORD_MODIFY, SEQUENCE, START_TLS, WHO_AM_I, Wire, bind, is_notice, result_code, tlv, who_am_i,
};

const CAROL: (&str, &str) = ("uid=carol,ou=people,o=acme", "carol-demo-password");
const BOB: &[u8] = b"uid=bob,ou=people,o=acme";

/// Paged results, the only control that is known here, and for a search only.
const PAGED: &str = "1.2.840.113556.1.4.319";

/// Controls of RFCs, of drafts that are in use, and of other makes; and what is none.
const CONTROLS: [&str; 64] = [
    PAGED,
    "1.2.840.113556.1.4.417",
    "1.2.840.113556.1.4.473",
    "1.2.840.113556.1.4.474",
    "1.2.840.113556.1.4.521",
    "1.2.840.113556.1.4.528",
    "1.2.840.113556.1.4.529",
    "1.2.840.113556.1.4.619",
    "1.2.840.113556.1.4.801",
    "1.2.840.113556.1.4.805",
    "1.2.840.113556.1.4.841",
    "1.2.840.113556.1.4.970",
    "1.2.840.113556.1.4.1338",
    "1.2.840.113556.1.4.1339",
    "1.2.840.113556.1.4.1340",
    "1.2.840.113556.1.4.1341",
    "1.2.840.113556.1.4.1413",
    "1.2.840.113556.1.4.1504",
    "1.2.840.113556.1.4.1852",
    "1.2.840.113556.1.4.1907",
    "1.2.840.113556.1.4.1948",
    "1.2.840.113556.1.4.1974",
    "1.2.840.113556.1.4.2026",
    "1.2.840.113556.1.4.2064",
    "1.2.840.113556.1.4.2065",
    "1.2.840.113556.1.4.2066",
    "1.2.840.113556.1.4.2090",
    "1.2.840.113556.1.4.2204",
    "1.2.840.113556.1.4.2205",
    "1.2.840.113556.1.4.2206",
    "1.2.840.113556.1.4.2211",
    "1.2.840.113556.1.4.2239",
    "1.2.840.113556.1.4.2255",
    "1.2.826.0.1.3344810.2.3",
    "1.3.6.1.1.12",
    "1.3.6.1.1.13.1",
    "1.3.6.1.1.13.2",
    "1.3.6.1.1.21.2",
    "1.3.6.1.1.22",
    "1.3.6.1.4.1.42.2.27.8.5.1",
    "1.3.6.1.4.1.42.2.27.9.5.2",
    "1.3.6.1.4.1.42.2.27.9.5.8",
    "1.3.6.1.4.1.1466.29539.12",
    "1.3.6.1.4.1.4203.1.9.1.1",
    "1.3.6.1.4.1.4203.1.10.1",
    "1.3.6.1.4.1.4203.1.10.2",
    "1.3.6.1.4.1.4203.666.5.2",
    "1.3.6.1.4.1.4203.666.5.11",
    "1.3.6.1.4.1.4203.666.5.12",
    "1.3.6.1.4.1.4203.666.5.15",
    "1.3.6.1.4.1.7628.5.101.1",
    "1.3.6.1.4.1.26027.1.5.2",
    "1.3.6.1.4.1.26027.1.5.4",
    "2.16.840.1.113730.3.4.2",
    "2.16.840.1.113730.3.4.3",
    "2.16.840.1.113730.3.4.9",
    "2.16.840.1.113730.3.4.12",
    "2.16.840.1.113730.3.4.16",
    "2.16.840.1.113730.3.4.18",
    "2.16.840.1.113730.3.4.20",
    "",
    "paged",
    "1.2.840.113556.1.4.319.",
    "01.2.840.113556.1.4.319",
];

/// A control, with a value that could be that of any.
fn control(oid: &str, is_critical: bool) -> Vec<u8> {
    let critical = if is_critical { tlv(0x01, &[0xff]) } else { Vec::new() };
    tlv(
        SEQUENCE,
        &[tlv(OCTETS, oid.as_bytes()), critical, tlv(OCTETS, &tlv(SEQUENCE, &[tlv(INTEGER, &[1]), tlv(OCTETS, b"")].concat()))].concat(),
    )
}

/// A message around an operation, with controls.
fn message(operation: &[u8], controls: &[Vec<u8>]) -> Vec<u8> {
    tlv(SEQUENCE, &[tlv(INTEGER, &[7]), operation.to_vec(), tlv(0xa0, &controls.concat())].concat())
}

/// Each operation that is answered and would do or tell something, by name.
fn operations() -> Vec<(&'static str, Vec<u8>)> {
    let attribute = |name: &[u8], value: &[u8]| tlv(SEQUENCE, &[tlv(OCTETS, name), tlv(0x31, &tlv(OCTETS, value))].concat());
    let simple = [tlv(INTEGER, &[3]), tlv(OCTETS, b"uid=alice,ou=people,o=acme"), tlv(0x80, PASSWORD.as_bytes())].concat();
    let search = [
        tlv(OCTETS, BOB),
        tlv(0x0a, &[0]),
        tlv(0x0a, &[0]),
        tlv(INTEGER, &[0]),
        tlv(INTEGER, &[0]),
        tlv(0x01, &[0]),
        tlv(0x87, b"uid"),
        tlv(SEQUENCE, &[]),
    ];
    let change = tlv(SEQUENCE, &[tlv(0x0a, &[2]), attribute(b"description", b"changed")].concat());
    let add = [attribute(b"objectClass", b"organizationalUnit"), attribute(b"ou", b"new")].concat();
    let assertion = tlv(SEQUENCE, &[tlv(OCTETS, b"uid"), tlv(OCTETS, b"bob")].concat());
    let password = tlv(SEQUENCE, &[tlv(0x80, BOB), tlv(0x82, b"a new password of his")].concat());
    let extended = |name: &[u8]| tlv(EXTENDED, &tlv(0x80, name));
    vec![
        ("bind", tlv(BIND, &simple)),
        ("search", tlv(0x63, &search.concat())),
        ("modify", tlv(0x66, &[tlv(OCTETS, BOB), tlv(SEQUENCE, &change)].concat())),
        ("add", tlv(0x68, &[tlv(OCTETS, b"ou=new,o=acme"), tlv(SEQUENCE, &add)].concat())),
        ("delete", tlv(0x4a, BOB)),
        ("rename", tlv(0x6c, &[tlv(OCTETS, BOB), tlv(OCTETS, b"uid=robert"), tlv(0x01, &[0xff])].concat())),
        ("compare", tlv(0x6e, &[tlv(OCTETS, BOB), assertion].concat())),
        ("who am I", extended(WHO_AM_I)),
        ("password modify", tlv(EXTENDED, &[tlv(0x80, PASSWORD_MODIFY), tlv(0x81, &password)].concat())),
        ("StartTLS", extended(START_TLS)),
        ("an unknown one", extended(b"1.1.1.1")),
    ]
}

/// A critical control on a bind frees it twice (389-DS CVE-2026-18663): each known one, once and
/// twice, on each operation.
#[tokio::test(flavor = "multi_thread")]
async fn each_critical_control_refuses_each_operation_and_nothing_is_done() {
    let server = TestServer::demo().await;
    let mut carol = Directory::bound(&server, CAROL.0, CAROL.1).await;
    let before = carol.dump("o=acme").await;
    let mut wire = Wire::bound(&server, CAROL.0, CAROL.1).await;
    let own = wire.ask(&who_am_i()).await;
    for (name, operation) in operations() {
        for oid in CONTROLS {
            let is_known = oid == PAGED && name == "search";
            for count in [1, 2] {
                let answer = wire.ask(&message(&operation, &vec![control(oid, true); count])).await;
                match (is_known, count) {
                    (true, 1) => {
                        // The entry comes first; the end of the search follows.
                        assert_eq!(result_code(&wire.hear().await.unwrap()), 0);
                    }
                    // One that stands in the request twice.
                    (true, _) => assert_eq!(result_code(&answer), 2, "{name} {oid}"),
                    (false, _) => assert_eq!(result_code(&answer), 12, "{name} {oid} {count}: {answer:02x?}"),
                }
                if name == "bind" {
                    assert_ne!(wire.ask(&who_am_i()).await, own, "{oid}: a bind that fails leaves nobody bound");
                    assert_eq!(result_code(&wire.ask(&bind(CAROL.0, CAROL.1)).await), 0);
                }
                assert_eq!(wire.ask(&who_am_i()).await, own, "{name} {oid}");
            }
        }
    }
    // What is not answered is not refused either.
    for oid in CONTROLS {
        wire.send(&message(&tlv(0x50, &[1]), &[control(oid, true)])).await;
    }
    assert_eq!(wire.ask(&who_am_i()).await, own);
    wire.send(&message(&tlv(0x42, &[]), &[control("1.1", true)])).await;
    wire.assert_closed().await;
    assert_eq!(carol.dump("o=acme").await, before, "nothing has happened");
    Directory::bound(&server, "uid=bob,ou=people,o=acme", "bob-demo-password").await;

    // The operations were good ones: without a control that is critical each is done.
    let mut wire = Wire::bound(&server, CAROL.0, CAROL.1).await;
    for (name, operation) in operations().into_iter().filter(|(name, _)| ["compare", "who am I", "modify", "add"].contains(name)) {
        let answer = wire.ask(&message(&operation, &[control("1.1", false)])).await;
        let expected = if name == "compare" { code::COMPARE_TRUE } else { code::SUCCESS };
        assert_eq!(u32::from(result_code(&answer)), expected, "{name}");
    }
    server.stop().await;
}

/// As many controls as fit into a message exhaust the memory (389-DS CVE-2026-9064).
#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_thousand_controls_are_one_refusal() {
    let server = TestServer::demo().await;
    let smallest = tlv(SEQUENCE, &tlv(OCTETS, b"1"));
    let mut wire = Wire::bound(&server, CAROL.0, CAROL.1).await;
    for (name, operation) in operations() {
        let many = tlv(SEQUENCE, &[tlv(INTEGER, &[7]), operation.clone(), tlv(0xa0, &smallest.repeat(200_000))].concat());
        assert!(many.len() > 1_000_000);
        let answer = wire.ask(&many).await;
        assert!([2, 11].contains(&result_code(&answer)), "{name}: {answer:02x?}");
        if name == "bind" {
            assert_eq!(result_code(&wire.ask(&bind(CAROL.0, CAROL.1)).await), 0);
        }
        // Whoever has not bound sends no such message at all.
        let mut unbound = Wire::connect(&server).await;
        unbound.send(&many).await;
        assert!(unbound.hear().await.is_none_or(|answer| is_notice(&answer)), "{name}");
    }
    assert_eq!(result_code(&wire.ask(&who_am_i()).await), 0);
    server.stop().await;
}

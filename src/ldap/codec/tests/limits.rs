//! Each limit holds, and what is just within it passes.

use super::super::*;
use super::{decoded, encoded};
use crate::model::ber::BerError;

const LIMITS: Limits = Limits { message_size: 200, filter_depth: 3, filter_items: 5, controls: 2, attributes: 3, values: 4 };

fn search(filter: Filter<'static>, attributes: Vec<&'static str>) -> Vec<u8> {
    let (base, scope, deref) = ("o=acme", Scope::Subtree, DerefAliases::Never);
    let request = SearchRequest { base, scope, deref, size_limit: 0, time_limit: 0, types_only: false, filter, attributes };
    encoded(&Message { id: 1, operation: Operation::SearchRequest(request), controls: vec![] })
}

fn nested(depth: usize) -> Filter<'static> {
    (1..depth).fold(Filter::Present("uid"), |filter, _| Filter::Not(Box::new(filter)))
}

fn is_over(bytes: &[u8]) -> bool {
    match decode(bytes, &LIMITS) {
        Ok(Some(_)) => false,
        Err(DecodeError { reason: Reason::Limit(_), answerable: Some(_) }) => true,
        other => panic!("{other:?}"),
    }
}

#[test]
fn filters() {
    assert!(!is_over(&search(nested(3), vec![])));
    assert!(is_over(&search(nested(4), vec![])));
    let wide = |items| search(Filter::Or(vec![Filter::Present("uid"); items]), vec![]);
    assert!(!is_over(&wide(4)), "the operator and four items");
    assert!(is_over(&wide(5)));
    let parts = |any: usize| Substrings { attribute: "cn", initial: None, any: vec![b"a"; any], last: None };
    assert!(!is_over(&search(Filter::Substrings(parts(4)), vec![])), "the item and four parts");
    assert!(is_over(&search(Filter::Substrings(parts(5)), vec![])));
}

#[test]
fn attributes_changes_and_controls() {
    assert!(!is_over(&search(nested(1), vec!["a"; 3])));
    assert!(is_over(&search(nested(1), vec!["a"; 4])));
    let attribute = || PartialAttribute { name: "cn", values: vec![] };
    let add = |count| Operation::AddRequest(AddRequest { entry: "o=acme", attributes: vec![attribute(); count] });
    let change = || Change { kind: ChangeKind::Delete, attribute: attribute() };
    let modify = |count| Operation::ModifyRequest(ModifyRequest { entry: "o=acme", changes: vec![change(); count] });
    let message = |operation, controls| {
        encoded(&Message { id: 1, operation, controls: vec![Control { oid: "1.2", critical: false, value: None }; controls] })
    };
    for (operation, over) in [(add(3), false), (add(4), true), (modify(3), false), (modify(4), true)] {
        assert_eq!(is_over(&message(operation, 0)), over);
    }
    let valued = |values| PartialAttribute { name: "cn", values: vec![b"x".as_slice(); values] };
    let two = |first, second| {
        let change = |values| Change { kind: ChangeKind::Add, attribute: valued(values) };
        let modify = ModifyRequest { entry: "o=acme", changes: vec![change(first), change(second)] };
        let add = AddRequest { entry: "o=acme", attributes: vec![valued(first), valued(second)] };
        [Operation::ModifyRequest(modify), Operation::AddRequest(add)]
    };
    assert!(two(3, 1).into_iter().all(|operation| !is_over(&message(operation, 0))));
    assert!(two(3, 2).into_iter().all(|operation| is_over(&message(operation, 0))));
    assert!(!is_over(&message(Operation::DeleteRequest("o=acme"), 2)));
    assert!(is_over(&message(Operation::DeleteRequest("o=acme"), 3)));
}

#[test]
fn a_message_that_is_too_long_is_refused_by_its_header() {
    assert_eq!(decode(&[0x30, 0x81, 197], &LIMITS), Ok(None));
    let error = decode(&[0x30, 0x81, 198], &LIMITS).unwrap_err();
    assert_eq!((error.reason, error.answerable), (Reason::TooLarge { size: 201, limit: 200 }, None));
    let error = decode(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff], &LIMITS).unwrap_err();
    assert!(matches!(error.reason, Reason::TooLarge { .. }));
}

#[test]
fn a_filter_as_deep_as_a_message_allows_does_not_exhaust_the_stack() {
    let mut bytes = vec![0x87, 0x00];
    for _ in 0..20_000 {
        let mut out = Vec::new();
        crate::model::ber::Writer::new(&mut out).tlv(0xa2, &bytes);
        bytes = out;
    }
    let mut reader = crate::model::ber::Reader::new(&bytes);
    assert!(matches!(Filter::decode(&mut reader, &Limits::BOUND), Err(Reason::Limit(_))));
}

#[test]
fn what_breaks_the_envelope_cannot_be_answered() {
    let unanswerable = |bytes: &[u8]| {
        let error = decode(bytes, &Limits::BOUND).unwrap_err();
        assert_eq!(error.answerable, None);
        error.reason
    };
    assert_eq!(unanswerable(b"GET / HTTP/1.1\r\n"), Reason::Structure(BerError::Unexpected { expected: 0x30, found: b'G' }));
    assert_eq!(unanswerable(&[0x16, 0x03, 0x01, 0x00]), Reason::Structure(BerError::Unexpected { expected: 0x30, found: 0x16 }), "TLS");
    assert_eq!(unanswerable(&[0x30, 0x80]), Reason::Structure(BerError::Length));
    assert_eq!(unanswerable(&[0x30, 0x05, 0x02, 0x01, 0x00, 0x42, 0x00]), Reason::MessageId, "a request with the id zero");
    assert_eq!(unanswerable(&[0x30, 0x05, 0x02, 0x01, 0xff, 0x42, 0x00]), Reason::MessageId, "a negative id");
    assert_eq!(unanswerable(&[0x30, 0x05, 0x02, 0x01, 0x01, 0x5e, 0x00]), Reason::UnknownOperation(0x5e));
    assert_eq!(unanswerable(&[0x30, 0x06, 0x02, 0x01, 0x01, 0x60, 0x05, 0x02]), Reason::Structure(BerError::Truncated));
}

#[test]
fn a_text_that_is_not_utf8_can_be_answered() {
    let bytes = [0x30, 0x06, 0x02, 0x01, 0x05, 0x4a, 0x01, 0xff];
    let error = decode(&bytes, &Limits::BOUND).unwrap_err();
    assert_eq!(error.reason, Reason::Text);
    assert_eq!(error.answerable.map(|request| request.id), Some(5));
}

#[test]
fn the_limits_grow_with_a_bind() {
    let (before, after) = (Limits::UNBOUND, Limits::BOUND);
    assert!(
        before.message_size < after.message_size && before.filter_items < after.filter_items && before.filter_depth < after.filter_depth
    );
    let bind =
        BindRequest { version: 3, name: "uid=alice,ou=people,o=acme", authentication: Authentication::Simple(b"alice-demo-password") };
    let bytes = encoded(&Message { id: 1, operation: Operation::BindRequest(bind), controls: vec![] });
    assert_eq!(decode(&bytes, &before).unwrap().unwrap().0, decoded(&bytes));
}

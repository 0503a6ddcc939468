//! The fixed bytes were made with Python's cryptography and hmac.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use super::*;
use proptest::prelude::*;
use std::sync::atomic::{AtomicU8, Ordering};

/// Counts up from a first byte, so that no two arrays are alike.
struct Counting(AtomicU8);

impl Entropy for Counting {
    fn fill(&self, buffer: &mut [u8]) {
        for byte in buffer {
            *byte = self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn from(first: u8) -> Counting {
    Counting(AtomicU8::new(first))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_sealed_record_is_what_another_implementation_makes() {
    let key = DataKey::generate(9, &from(0));
    let sealed = seal(&key, b"attack at dawn", b"pool 7, key 3", &from(100)).unwrap();
    assert_eq!(hex(&sealed), "01000000096465666768696a6b6c6d6e6f296faa071a8276ff4a423b89ad0bb61146af23588ffc74d1023bb19c1bca");
    assert_eq!(open(&key, &sealed, b"pool 7, key 3").unwrap().expose(), b"attack at dawn");
    assert_eq!(key_id(&sealed), Some(9));
}

#[test]
fn a_wrapped_data_key_is_what_another_implementation_makes() {
    let master = MasterKey::parse("QkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkI=\n").unwrap();
    assert_eq!(master.id(), 0x976f_d2fa);
    let wrapped = master.wrap(&DataKey::generate(9, &from(0)), b"place", &from(100)).unwrap();
    assert_eq!(
        hex(&wrapped),
        "01976fd2fa6465666768696a6b6c6d6e6f5b23bcd18c2c8f3fa213865f34428721e128e80f57cd01c81aeb609740964738b280f4534a8828a26e1d8d3908d851c794b15df0"
    );
    let key = master.unwrap(&wrapped, b"place").unwrap();
    assert_eq!(key.id(), 9);
    assert_eq!(hex(&key.mac("paging", b"cookie")), "6c1c14ba7f00d95b13f93c8c0cc48e0990b3d0786a42970083cd5e858afd9b21");
}

#[test]
fn a_data_key_opens_at_its_place_and_under_its_master_key_only() {
    let (one, other) = (MasterKey::generate(&from(0)), MasterKey::generate(&from(1)));
    let wrapped = one.wrap(&DataKey::generate(1, &from(2)), b"here", &from(3)).unwrap();
    assert!(one.unwrap(&wrapped, b"there").is_err());
    assert!(other.unwrap(&wrapped, b"here").unwrap_err().message().contains("master key"));
    assert!(one.unwrap(&wrapped, b"here").is_ok());
}

#[test]
fn a_check_value_is_known_by_its_own_key_only() {
    let (one, other) = (MasterKey::generate(&from(0)), MasterKey::generate(&from(1)));
    let value = one.check_value(&from(3)).unwrap();
    one.verify_check_value(&value).unwrap();
    assert!(other.verify_check_value(&value).is_err());
    // Of the same key, but something else.
    assert!(one.verify_check_value(&one.wrap(&DataKey::generate(1, &from(2)), b"place", &from(3)).unwrap()).is_err());
    assert!(one.verify_check_value(&seal(&one.0, b"else", CHECK.0, &from(3)).unwrap()).is_err());
    assert!(one.verify_check_value(&value[..value.len() - 1]).is_err());
}

#[test]
fn a_master_key_file_is_32_bytes_as_base64() {
    let key = MasterKey::generate(&from(9));
    assert_eq!(MasterKey::parse(key.to_text().expose()).unwrap().id(), key.id());
    for text in ["", "AAAA", "not base64", "QkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJC"] {
        let error = MasterKey::parse(text).unwrap_err();
        assert!(error.message().contains("openssl rand -base64 32"), "{error}");
    }
}

#[test]
fn debug_output_holds_no_key() {
    let master = MasterKey::parse("QkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkI=").unwrap();
    assert_eq!(format!("{master:?}"), "MasterKey(976fd2fa)");
    assert_eq!(format!("{:?}", DataKey::generate(3, &from(0))), "DataKey(3)");
}

proptest! {
    #[test]
    fn what_was_sealed_opens_unchanged_at_its_place_only(plain: Vec<u8>, aad: Vec<u8>, elsewhere: Vec<u8>, first: u8) {
        let key = DataKey::generate(1, &from(0));
        let sealed = seal(&key, &plain, &aad, &from(first)).unwrap();
        prop_assert!(open(&key, &sealed, &aad).unwrap().expose() == &plain);
        prop_assert_eq!(open(&key, &sealed, &elsewhere).is_ok(), elsewhere == aad);
    }

    #[test]
    fn a_changed_or_cut_record_does_not_open(plain: Vec<u8>, place: proptest::sample::Index, flip in 1u8..) {
        let key = DataKey::generate(1, &from(0));
        let sealed = seal(&key, &plain, b"a", &from(0)).unwrap();
        let place = place.index(sealed.len());
        let mut changed = sealed.clone();
        changed[place] ^= flip;
        prop_assert!(open(&key, &changed, b"a").is_err());
        prop_assert!(open(&key, &sealed[..place], b"a").is_err());
    }

    #[test]
    fn no_bytes_make_it_panic(bytes: Vec<u8>) {
        prop_assert!(open(&DataKey::generate(1, &from(0)), &bytes, b"").is_err());
    }
}

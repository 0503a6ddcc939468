//! The vectors were made with other implementations: slappasswd of OpenLDAP 2.5, Python's hashlib,
//! and argon2id of OpenSSL 3.5 by way of Python's cryptography.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use super::*;
use proptest::prelude::*;

const CHEAP: Params = Params { memory_kib: 64, passes: 1, lanes: 1 };

fn secret(text: &str) -> Secret<Vec<u8>> {
    text.into()
}

#[test]
fn hashes_of_other_implementations_verify() {
    let vectors = [
        ("päss wörd", "{SSHA}v+3a86wWyGsD8SCAO96Zoz1NLxEBAgMEBQYHCA=="),
        ("päss wörd", "{SHA}/i4CfWuUyOmLaC9O8e9k/TBfbK8="),
        ("päss wörd", "{SSHA256}QHzx+omjCxrkmYk3iZqM5XIZ9C2c06LjnHeOHSLfJrABAgMEBQYHCA=="),
        ("päss wörd", "{SHA256}nZeOKZw+IphR1Bgwa5CX4YW3jBofBqPGXszHb5xN75k="),
        ("päss wörd", "{SSHA384}qrBTYq5wQJzZgoSgT6F+W6wuaLwPMgX3Sw40duLPwdEmDnq8NC+e3CeYiJ6jjg9QAQIDBAUGBwg="),
        ("päss wörd", "{SHA384}99mAy2LeJTNRObXtvxDWdiDmWXZrh+CnBeorujIFY+JUGNrIjumOZU9uGdZcz759"),
        ("päss wörd", "{SSHA512}LprMg8nSHyyD+oAe+0ltOpXTd1bB7/F/yS38khDYPNJREJwwMr6wEl/ZWNjxGA/2/XdcaanYAXbsEg6tpdqIggECAwQFBgcI"),
        ("päss wörd", "{SHA512}wPSLvqJa09dVpu1yACeVU+xsmRLkw8NS+HnXqihn8FjsLrCFi3LTzyVZvUP6Rejv6swr/Ao2OINvzQwmYVvwDg=="),
        ("secret of slapd", "{SSHA}dFjT9LmYYWARaz7VVjGUaSQ+jT92+lLr"),
        ("secret of slapd", "{SHA}shpaQF0xHx4mSpFluD95w++bYo4="),
        ("secret of slapd", "{SSHA256}j2WviISP4tPS/UZq/0Lj0zcuMy+xe/WYscT5EVaLmFuba5WZVts0WA=="),
        ("secret of slapd", "{SSHA512}3pwrCFbc90AO2ANduqnXNwflp4vl/LkKB9ZV3kYL6t/b0lGSZOhs7qduWC6Mxmpq1bUzXnK9JKeWLrxFFJeO6CSQVuyU+0qu"),
        ("secret of slapd", "{ARGON2}$argon2i$v=19$m=4096,t=3,p=1$QneTi5f1lNTqvsbCIVw1xw$sOiuPt8A1Fu4dlna7h+Axo1lX5zSkXLxcLSS6jx2sTg"),
        ("correct horse", "$argon2id$v=19$m=19456,t=2,p=1$c2l4dGVlbiBieXRlIHNhbA$9kGBgFYWN+Xfs4MH8QoytV2s9GKiaMweMIlzz8j8uEo"),
        ("", "$argon2id$v=19$m=64,t=1,p=1$c2l4dGVlbiBieXRlIHNhbA$AKSA5e1V4MmzGV/ZRrkMuuALZPHNzgTbBCGybI540A0"),
        ("päss wörd", "{argon2}$argon2id$v=19$m=256,t=3,p=2$c2l4dGVlbiBieXRlIHNhbA$veznf2rfKtlRTBqYItAJPXqiRTFEntUUy5EGtpmI7Dw"),
    ];
    let mut memory = Memory::new();
    for (password, text) in vectors {
        let hash = PasswordHash::parse(text).unwrap();
        assert!(verify(&hash, &secret(password), &mut memory), "{text}");
        assert!(!verify(&hash, &secret("another"), &mut memory), "{text}");
        let again = PasswordHash::parse(&hash.to_string()).unwrap();
        assert!(again == hash, "{text}");
    }
}

#[test]
fn our_hash_is_the_one_that_openssl_makes() {
    let made = hash(&secret("correct horse"), &Params::default(), *b"sixteen byte sal", &mut Memory::new()).unwrap();
    assert_eq!(made.to_string(), "$argon2id$v=19$m=19456,t=2,p=1$c2l4dGVlbiBieXRlIHNhbA$9kGBgFYWN+Xfs4MH8QoytV2s9GKiaMweMIlzz8j8uEo");
    assert!(!made.needs_rehash(&Params::default()));
    assert!(made.needs_rehash(&CHEAP));
}

#[test]
fn imported_hashes_are_to_be_made_anew() {
    for text in [
        "{SHA}/i4CfWuUyOmLaC9O8e9k/TBfbK8=",
        "{ARGON2}$argon2i$v=19$m=4096,t=3,p=1$QneTi5f1lNTqvsbCIVw1xw$sOiuPt8A1Fu4dlna7h+Axo1lX5zSkXLxcLSS6jx2sTg",
    ] {
        assert!(PasswordHash::parse(text).unwrap().needs_rehash(&Params { memory_kib: 4096, passes: 3, lanes: 1 }));
    }
}

#[test]
fn scheme_names_are_read_without_case_and_with_a_hyphen() {
    for text in ["{ssha}dFjT9LmYYWARaz7VVjGUaSQ+jT92+lLr", "{sSHA}dFjT9LmYYWARaz7VVjGUaSQ+jT92+lLr"] {
        assert_eq!(PasswordHash::parse(text).unwrap().to_string(), "{SSHA}dFjT9LmYYWARaz7VVjGUaSQ+jT92+lLr");
    }
    assert!(PasswordHash::parse("{SSHA-256}j2WviISP4tPS/UZq/0Lj0zcuMy+xe/WYscT5EVaLmFuba5WZVts0WA==").is_ok());
}

#[test]
fn what_is_no_hash_is_refused_without_repeating_it() {
    let long = format!("{{SSHA}}{}", "A".repeat(MAX_TEXT));
    let cases = [
        "",
        "hunter2-cleartext",
        "{CRYPT}$6$abc$hunter2",
        "{CLEARTEXT}hunter2",
        "{SSHA}not base64!",
        "{SSHA}shpaQF0xHx4mSpFluD95w++bYo4=",
        "{SHA}dFjT9LmYYWARaz7VVjGUaSQ+jT92+lLr",
        "{SHA}AAAA",
        "{SSHA512}dFjT9LmYYWARaz7VVjGUaSQ+jT92+lLr",
        "{SSHA",
        "{ARGON2}argon2id",
        "$argon2d$v=19$m=64,t=1,p=1$c2l4dGVlbiBieXRlIHNhbA$AKSA5e1V4MmzGV/ZRrkMuuALZPHNzgTbBCGybI540A0",
        "$argon2id$v=16$m=64,t=1,p=1$c2l4dGVlbiBieXRlIHNhbA$AKSA5e1V4MmzGV/ZRrkMuuALZPHNzgTbBCGybI540A0",
        "$argon2id$v=19$m=4000000,t=1,p=1$c2l4dGVlbiBieXRlIHNhbA$AKSA5e1V4MmzGV/ZRrkMuuALZPHNzgTbBCGybI540A0",
        "$argon2id$v=19$m=64,t=4000,p=1$c2l4dGVlbiBieXRlIHNhbA$AKSA5e1V4MmzGV/ZRrkMuuALZPHNzgTbBCGybI540A0",
        "$argon2id$v=19$m=7,t=1,p=1$c2l4dGVlbiBieXRlIHNhbA$AKSA5e1V4MmzGV/ZRrkMuuALZPHNzgTbBCGybI540A0",
        "$argon2id$v=19$m=064,t=1,p=1$c2l4dGVlbiBieXRlIHNhbA$AKSA5e1V4MmzGV/ZRrkMuuALZPHNzgTbBCGybI540A0",
        "$argon2id$v=19$m=64,t=1,p=1,data=AAAA$c2l4dGVlbiBieXRlIHNhbA$AKSA5e1V4MmzGV/ZRrkMuuALZPHNzgTbBCGybI540A0",
        "$argon2id$v=19$m=64,t=1,p=1$$AKSA5e1V4MmzGV/ZRrkMuuALZPHNzgTbBCGybI540A0",
        "$argon2id$v=19$m=64,t=1,p=1$c2l4dGVlbiBieXRlIHNhbA$",
        &long,
    ];
    for text in cases {
        let error = PasswordHash::parse(text).unwrap_err();
        assert!(!error.message().contains("hunter2"), "{text}: {error}");
    }
}

#[test]
fn a_check_without_a_hash_and_a_check_of_a_cheap_one_fill_the_memory_too() {
    let wanted = Params { memory_kib: 512, passes: 1, lanes: 1 };
    let sha = PasswordHash::parse("{SHA}/i4CfWuUyOmLaC9O8e9k/TBfbK8=").unwrap();
    let cheap = hash(&secret("right"), &CHEAP, [7; 16], &mut Memory::new()).unwrap();
    for (hash, password, matches, blocks) in [
        (None, "any", false, 512),
        (Some(&sha), "wrong", false, 512),
        (Some(&sha), "päss wörd", true, 512),
        (Some(&cheap), "wrong", false, 512),
        (Some(&cheap), "right", true, 512),
    ] {
        let mut memory = Memory::new();
        assert_eq!(check(hash, &secret(password), &wanted, &mut memory), matches);
        assert_eq!(memory.blocks.len(), blocks, "{hash:?} {password}");
    }
}

#[test]
fn memory_is_made_once_and_used_again() {
    let mut memory = Memory::new();
    let first = hash(&secret("x"), &CHEAP, [1; 16], &mut memory).unwrap();
    let place = memory.blocks.as_ptr();
    let second = hash(&secret("x"), &CHEAP, [1; 16], &mut memory).unwrap();
    assert_eq!(memory.blocks.as_ptr(), place);
    assert!(first == second, "what is left in the memory does not change a hash");
}

#[test]
fn an_oversized_password_is_not_hashed() {
    let long = Secret::new(vec![b'a'; MAX_PASSWORD + 1]);
    let mut memory = Memory::new();
    assert!(hash(&long, &CHEAP, [0; 16], &mut memory).is_err());
    assert!(!verify(&hash(&secret("a"), &CHEAP, [0; 16], &mut memory).unwrap(), &long, &mut memory));
}

#[test]
fn parameters_beyond_the_limits_are_refused() {
    for params in [
        Params { memory_kib: MAX_MEMORY_KIB + 1, ..CHEAP },
        Params { memory_kib: 7, ..CHEAP },
        Params { memory_kib: 64, passes: 1, lanes: 9 },
        Params { passes: 0, ..CHEAP },
        Params { passes: MAX_PASSES + 1, ..CHEAP },
        Params { memory_kib: MAX_MEMORY_KIB, passes: 5, ..CHEAP },
        Params { lanes: 0, ..CHEAP },
        Params { memory_kib: 1024, passes: 1, lanes: MAX_LANES + 1 },
        Params { memory_kib: 1024, passes: 1, lanes: u32::MAX },
    ] {
        assert!(params.check().is_err(), "{params:?}");
    }
    assert!(Params::default().check().is_ok());
    assert!(Params { memory_kib: MAX_MEMORY_KIB, passes: 4, ..CHEAP }.check().is_ok());
}

#[test]
fn debug_output_holds_no_hash() {
    let made = hash(&secret("x"), &CHEAP, [0; 16], &mut Memory::new()).unwrap();
    assert_eq!(format!("{made:?}"), "PasswordHash(argon2id)");
    assert_eq!(format!("{:?}", PasswordHash::parse("{SHA}/i4CfWuUyOmLaC9O8e9k/TBfbK8=").unwrap()), "PasswordHash(SHA)");
}

proptest! {
    #[test]
    fn any_text_is_parsed_or_refused_and_what_is_parsed_comes_back(text in "(\\{[A-Za-z0-9-]{0,8}\\}|\\$argon2(id|i|d)\\$v=19\\$m=[0-9]{1,4},t=[0-9],p=[0-9]\\$)?[A-Za-z0-9+/=$,]{0,80}") {
        if let Ok(hash) = PasswordHash::parse(&text) {
            prop_assert!(PasswordHash::parse(&hash.to_string()).unwrap() == hash);
        }
    }

    #[test]
    fn a_hash_verifies_its_password_and_no_other(password in proptest::collection::vec(any::<u8>(), 0..40), other in proptest::collection::vec(any::<u8>(), 0..40), salt: [u8; 16]) {
        let mut memory = Memory::new();
        let params = Params { memory_kib: 8, passes: 1, lanes: 1 };
        let made = hash(&Secret::new(password.clone()), &params, salt, &mut memory).unwrap();
        prop_assert!(verify(&made, &Secret::new(password.clone()), &mut memory));
        prop_assert_eq!(verify(&made, &Secret::new(other.clone()), &mut memory), other == password);
    }
}

//! Holds the layering: which room may import which, where the confined crates may be named, and how long a file may be.
//!
//! A new room or edge is added here in the change that needs it, with its reason.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Rooms from the ground up, each with the rooms that it may import.
const ROOMS: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("crypto", &["model"]),
    // The memory blocks of argon2 belong to the threads that use them.
    ("work", &["crypto", "model"]),
    ("policy", &["model"]),
    ("store", &["model"]),
    ("audit", &["policy", "store", "crypto", "model"]),
    ("pool", &["audit", "policy", "store", "crypto", "model", "work"]),
    ("directory", &["pool", "audit", "policy", "store", "crypto", "model", "work"]),
    ("application", &["pool", "audit", "policy", "store", "crypto", "model", "work"]),
    ("federation", &["directory", "pool", "audit", "policy", "store", "crypto", "model", "work"]),
    ("authn", &["federation", "application", "directory", "pool", "audit", "policy", "store", "crypto", "model", "work"]),
    ("web", &["pool", "crypto", "model"]),
    // What the faces share on the way through a login: it holds requests and sessions, and answers with pages.
    ("entrance", &["web", "authn", "store", "model"]),
    ("sync", &["authn", "federation", "application", "directory", "pool", "audit", "policy", "store", "crypto", "model", "work"]),
    (
        "admin",
        &["sync", "web", "authn", "federation", "application", "directory", "pool", "audit", "policy", "store", "crypto", "model", "work"],
    ),
    ("login", FACE),
    ("saml", FACE),
    ("oidc", FACE),
    ("ldap", &["authn", "federation", "application", "directory", "pool", "audit", "policy", "store", "crypto", "model", "work"]),
    (
        "server",
        &[
            "login",
            "saml",
            "oidc",
            "ldap",
            "admin",
            "sync",
            "entrance",
            "web",
            "authn",
            "federation",
            "application",
            "directory",
            "pool",
            "audit",
            "policy",
            "store",
            "crypto",
            "model",
            "work",
        ],
    ),
    ("cli", &["server", "admin", "model"]),
];

/// What a face with pages or HTTP endpoints may import: the core, the kit around warp and the way through a login.
const FACE: &[&str] =
    &["entrance", "web", "authn", "federation", "application", "directory", "pool", "audit", "policy", "store", "crypto", "model", "work"];

/// Crates that only named rooms may use, because replacing or auditing them must stay a local matter.
const CONFINED: &[(&str, &[&str])] = &[
    ("sled", &["store/"]),
    ("quick_cache", &["store/", "pool/", "authn/", "directory/", "federation/"]),
    ("warp", &["web/", "server/", "*/routes.rs"]),
    ("bergshamra", &["crypto/xml"]),
    ("kryptering", &["crypto/xml"]),
    ("uppsala", &["crypto/xml"]),
    ("argon2", &["crypto/password"]),
    ("aws_lc_rs", &["crypto/", "server/"]),
    ("openidconnect", &["federation/"]),
    ("reqwest", &["federation/"]),
    ("jsonwebtoken", &["crypto/"]),
    ("minijinja", &["web/", "login/", "oidc/", "saml/"]),
    ("fluent", &["web/page"]),
    ("clap", &["cli/"]),
    ("indicatif", &["cli/"]),
    ("figment", &["server/"]),
    ("rlimit", &["server/"]),
    ("rcgen", &["crypto/", "server/"]),
];

/// Rooms that a face's password check must never reach past: only `authn` may verify a password.
const PASSWORD_VERIFIERS: &[&str] = &["authn/", "crypto/password", "application/"];

/// The most lines of a file, not counting its tests.
const MAX_LINES: usize = 500;

/// Names that say nothing about what a module is for.
const EMPTY_NAMES: &[&str] = &["util", "utils", "common", "helper", "helpers", "manager", "prelude", "misc"];

struct Source {
    path: String,
    text: String,
}

impl Source {
    fn room(&self) -> &str {
        self.path.split('/').next().unwrap()
    }

    /// The text without comments and without the tests at its end.
    fn code(&self) -> String {
        let code = self.text.split("#[cfg(test)]").next().unwrap();
        code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
    }

    fn is_test(&self) -> bool {
        self.path.ends_with("/tests.rs") || self.path.contains("/tests/")
    }
}

fn sources() -> Vec<Source> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                found.push(path);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    walk(&root, &mut found);
    let relative = |path: &Path| path.strip_prefix(&root).unwrap().to_str().unwrap().replace('\\', "/");
    found.iter().map(|path| Source { path: relative(path), text: fs::read_to_string(path).unwrap() }).collect()
}

fn in_a_room() -> impl Iterator<Item = Source> {
    sources().into_iter().filter(|source| source.path.contains('/'))
}

/// The rooms that follow `crate::` in a piece of code, also within `use crate::{…}`.
fn imported_rooms(code: &str) -> BTreeSet<String> {
    let mut rooms = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        if let Some(group) = rest.strip_prefix('{') {
            rooms.extend(first_level(group).map(|item| leading_name(item.trim())));
        } else {
            rooms.insert(leading_name(rest));
        }
    }
    rooms.remove("");
    rooms
}

/// The items of a `{…}` group, split at the commas that no inner group holds.
fn first_level(group: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0;
    let end = group
        .char_indices()
        .find(|(_, character)| {
            match character {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => {}
            }
            depth < 0
        })
        .map_or(group.len(), |(at, _)| at);
    let mut depth = 0;
    group[..end].split(move |character| {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        depth == 0 && character == ','
    })
}

fn leading_name(text: &str) -> String {
    text.chars().take_while(|character| character.is_alphanumeric() || *character == '_').collect()
}

fn names_crate(code: &str, name: &str) -> bool {
    code.match_indices(name).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        let whole =
            !before.is_some_and(|character| character.is_alphanumeric() || character == '_' || character == ':' || character == '.');
        whole && code[at + name.len()..].starts_with("::")
    })
}

fn is_allowed(path: &str, places: &[&str]) -> bool {
    places.iter().any(|place| match place.strip_prefix('*') {
        Some(ending) => path.ends_with(ending),
        None => path.starts_with(place),
    })
}

#[test]
fn every_room_imports_only_what_its_row_allows() {
    let mut breaches = Vec::new();
    for source in in_a_room() {
        let Some((room, allowed)) = ROOMS.iter().find(|(room, _)| *room == source.room()) else {
            breaches.push(format!("{}: `{}` is no room of the table", source.path, source.room()));
            continue;
        };
        let tests_may = source.is_test();
        for imported in imported_rooms(&source.code()) {
            let known = ROOMS.iter().any(|(name, _)| *name == imported);
            if known && imported != *room && !allowed.contains(&imported.as_str()) && !tests_may {
                breaches.push(format!("{}: `{room}` may not import `{imported}`", source.path));
            }
        }
    }
    assert!(breaches.is_empty(), "{breaches:#?}");
}

#[test]
fn the_table_has_no_cycle() {
    for (at, (room, allowed)) in ROOMS.iter().enumerate() {
        for import in *allowed {
            let below = ROOMS.iter().position(|(name, _)| name == import).unwrap_or_else(|| panic!("`{import}` is no room"));
            assert!(below < at, "`{room}` imports `{import}`, which stands above it");
        }
    }
}

#[test]
fn confined_crates_stay_in_their_rooms() {
    let mut breaches = Vec::new();
    for source in sources().iter().filter(|source| !source.is_test()) {
        let code = source.code();
        for (name, places) in CONFINED {
            if names_crate(&code, name) && !is_allowed(&source.path, places) {
                breaches.push(format!("{}: `{name}` is confined to {places:?}", source.path));
            }
        }
    }
    assert!(breaches.is_empty(), "{breaches:#?}");
}

#[test]
fn only_the_engine_verifies_passwords() {
    let breaches: Vec<_> = sources()
        .iter()
        .filter(|source| !source.is_test() && source.code().contains("password::verify"))
        .filter(|source| !is_allowed(&source.path, PASSWORD_VERIFIERS))
        .map(|source| source.path.clone())
        .collect();
    assert!(breaches.is_empty(), "these verify a password beside the engine: {breaches:?}");
}

#[test]
fn no_file_is_too_long_to_be_read() {
    let long: Vec<_> = sources()
        .iter()
        .filter(|source| !source.is_test())
        .map(|source| (source.text.split("\n#[cfg(test)]").next().unwrap().lines().count(), source.path.clone()))
        .filter(|(lines, _)| *lines > MAX_LINES)
        .collect();
    assert!(long.is_empty(), "over {MAX_LINES} lines: {long:?}");
}

#[test]
fn every_room_opens_with_what_it_is_for() {
    for source in in_a_room().filter(|source| source.path.ends_with("mod.rs")) {
        assert!(source.text.starts_with("//! "), "{} does not open with its purpose", source.path);
    }
}

#[test]
fn every_name_says_something() {
    for source in sources() {
        let empty = source.path.trim_end_matches(".rs").split('/').find(|part| EMPTY_NAMES.contains(part));
        assert!(empty.is_none(), "{} has a name that says nothing", source.path);
    }
}

#[test]
fn imports_are_found_in_every_spelling() {
    let code = "use crate::model::Dn;\nuse crate::{store::{Key, Row}, policy};\nfn f() { crate::audit::record() }";
    let expected: BTreeSet<String> = ["audit", "model", "policy", "store"].map(String::from).into();
    assert_eq!(imported_rooms(code), expected);
    assert!(names_crate("use warp::Filter;", "warp"));
    assert!(!names_crate("use crate::warp::x; unwarp::y", "warp"));
}

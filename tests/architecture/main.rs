//! Holds the layering: which room may import which, where confined crates may be named, who may
//! verify a password, how long a file may be.
//!
//! A guard is a function from sources to breaches. Each is run over the real sources, where it must
//! find nothing, and over planted ones, where it must find the breach: a guard that cannot fail
//! guards nothing.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod guards;
mod source;
mod tables;

use guards::Breaches;
use source::{SOURCES, Source, marked};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use tables::{CONFINED, MAX_LINES, NAMERS, OWNERS, REEXPORTS, ROOMS, Table, VERIFIERS};

/// Runs a guard over the real sources and over planted ones: of these each must be reported, by its
/// path, and nothing else.
fn hold(guard: impl Fn(&[Source]) -> Breaches, planted: &[(&str, &str)], harmless: &[(&str, &str)]) {
    let found = guard(&SOURCES);
    assert!(found.is_empty(), "{found:#?}");
    assert!(!planted.is_empty());
    for (path, text) in planted {
        let found = guard(&[Source::parse(path, text)]);
        assert!(matches!(&found[..], [breach] if breach.starts_with(path)), "{path}: {text}\nwas not reported once: {found:?}");
    }
    for (path, text) in harmless {
        let found = guard(&[Source::parse(path, text)]);
        assert!(found.is_empty(), "{path}: {text}\n{found:?}");
    }
}

#[test]
fn every_room_imports_only_what_its_row_allows() {
    hold(
        |sources| guards::edges(sources, ROOMS),
        &[
            ("policy/planted.rs", "use crate::store::Row;"),
            ("policy/planted.rs", "use crate::{model::Dn, store as quiet};"),
            ("policy/planted.rs", "fn f() { crate::store::open() }"),
            ("policy/planted.rs", "fn f() { assert_eq!(crate::store::ATTEMPTS, 8) }"),
            ("policy/planted.rs", "use super::super::store::Row;"),
            ("policy/deeper/planted.rs", "mod inner { use super::super::super::super::store::Row; }"),
            ("policy/planted.rs", "#[cfg(test)] mod tests { use super::*; }\nfn after() { crate::store::open() }"),
            ("ldap/planted.rs", "use crate::{authn::Core, web::{self, Response}};"),
            ("attic/planted.rs", "fn f() {}"),
        ],
        &[
            ("policy/planted.rs", "use crate::model::{Dn, Error};"),
            ("policy/planted.rs", "#[cfg(test)] mod tests { use crate::store::Row; }"),
            ("policy/planted.rs", "impl X { #[cfg(test)] fn f() { crate::store::open() } }"),
            ("policy/planted.rs", "//! Unlike crate::store::Row this is pure.\nfn f() { say(\"crate::store::Row\") }"),
        ],
    );
}

#[test]
fn the_crate_has_one_name() {
    let planted = [("policy/planted.rs", "use crate as everything;"), ("policy/planted.rs", "extern crate self as everything;")];
    hold(guards::one_name_for_the_crate, &planted, &[("policy/planted.rs", "use crate::model::Dn;")]);
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
fn rooms_pass_on_nothing_of_others() {
    hold(
        |sources| guards::reexports(sources, REEXPORTS),
        &[
            ("authn/planted.rs", "pub use crate::store::Store;"),
            ("authn/planted.rs", "pub(crate) use crate::model::{Dn as Name};\nuse crate::store::Store;"),
        ],
        &[("authn/planted.rs", "use crate::store::Store; pub use super::engine::Factor;")],
    );
    for (path, passed_on) in REEXPORTS {
        let source = SOURCES.iter().find(|source| source.path == *path).unwrap_or_else(|| panic!("{path} is gone"));
        for name in *passed_on {
            assert!(source.names.iter().any(|found| found.is_reexport && found.segments.join("::") == **name), "{path}: {name}");
        }
    }
}

#[test]
fn confined_crates_stay_in_their_rooms() {
    hold(
        |sources| guards::confined_crates(sources, CONFINED),
        &[
            ("oidc/planted.rs", "use sled::Db;"),
            ("oidc/planted.rs", "use sled as rows;"),
            ("oidc/planted.rs", "fn f() -> ::sled::Result<()> { todo() }"),
            ("oidc/planted.rs", "fn f() { vec![warp::reply()] }"),
        ],
        &[
            ("oidc/routes.rs", "use warp::Filter;"),
            ("store/planted.rs", "use sled::Db;"),
            ("oidc/planted.rs", "use crate::warp::x; fn f() { unwarp::y() }"),
        ],
    );
}

#[test]
fn only_the_engine_verifies_passwords() {
    hold(
        |sources| guards::passwords(sources, VERIFIERS),
        &[
            ("oidc/planted.rs", "use crate::work::Hasher;"),
            ("ldap/planted.rs", "async fn f(core: &Core) { core.hasher.check(pool, None, password, params).await }"),
            ("saml/planted.rs", "use crate::crypto::password; fn f() { password::verify(&hash, &given, memory) }"),
            ("admin/planted.rs", "use crate::crypto::password::{Params, check};"),
        ],
        &[
            ("authn/planted.rs", "use crate::work::Hasher;"),
            ("pool/planted.rs", "use crate::policy::password; fn f() { password::check(&rules, &text) }"),
        ],
    );
}

#[test]
fn each_space_is_named_by_the_room_that_owns_it() {
    hold(
        |sources| guards::owners(sources, OWNERS),
        &[
            ("oidc/planted.rs", "fn f() { Key::named(Space::Session, name) }"),
            ("saml/planted.rs", "fn f() { Key::named(crate::store::Space::Attic, name) }"),
            ("ldap/planted.rs", "fn f() { Key::child(parent, name) }"),
            ("sync/planted.rs", "fn f() { scan(&crate::store::Prefix::links(attribute, source)) }"),
        ],
        &[
            ("authn/planted.rs", "fn f() { Key::named(Space::Session, name) }"),
            ("directory/planted.rs", "fn f() { Key::child(parent, name) }"),
        ],
    );
    let spaces = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store/keys.rs")).unwrap();
    for (space, _) in OWNERS {
        assert!(spaces.contains(&format!("    {space} = ")), "`Space::{space}` is gone");
    }
    // Whatever makes a key or a prefix of one space has a row.
    let of_a_space = |function: &str| {
        function.contains("-> Self {") && !function.contains("space: Space") && (function.contains("Space::") || function.contains("edge"))
    };
    let functions = spaces.split("    pub fn ").skip(1).filter(|function| of_a_space(function.split("\n    }\n").next().unwrap()));
    let named: BTreeSet<&str> = functions.map(|function| function.split('(').next().unwrap()).collect();
    assert_eq!(named, NAMERS.iter().map(|(namer, _)| *namer).collect());
}

/// What a table allows without need: what could be taken away and no guard would tell.
fn idle(table: Table<'_>, guard: impl Fn(&[Source], Table<'_>) -> Breaches) -> Vec<String> {
    let mut idle = Vec::new();
    for (at, (name, items)) in table.iter().enumerate() {
        for item in *items {
            let fewer: Vec<&str> = items.iter().copied().filter(|other| other != item).collect();
            let mut without = table.to_vec();
            without[at].1 = &fewer;
            if guard(&SOURCES, &without).is_empty() {
                idle.push(format!("{name}: {item}"));
            }
        }
    }
    idle
}

#[test]
fn each_row_of_each_table_is_needed() {
    let passwords = |sources: &[Source], table: Table<'_>| guards::passwords(sources, table[0].1);
    let found = [
        idle(ROOMS, guards::edges),
        idle(REEXPORTS, guards::reexports),
        idle(CONFINED, guards::confined_crates),
        idle(OWNERS, guards::owners),
        idle(&[("verifiers", VERIFIERS)], passwords),
    ];
    assert!(found.iter().all(Vec::is_empty), "{found:#?}");
    for (room, _) in ROOMS {
        assert!(SOURCES.iter().any(|source| source.room() == *room), "{room} is gone");
    }
    let manifest = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")).unwrap();
    for (name, _) in CONFINED {
        assert!(
            manifest.lines().any(|line| line.split([' ', '.']).next().is_some_and(|dependency| dependency.replace('-', "_") == *name)),
            "{name} is gone"
        );
    }

    // One that is planted is found.
    let planted = |table: Table<'static>, row: (&'static str, &'static [&'static str])| {
        table.iter().map(|known| if known.0 == row.0 { row } else { *known }).collect::<Vec<_>>()
    };
    assert_eq!(idle(&planted(ROOMS, ("crypto", &["model", "store"])), guards::edges), ["crypto: store"]);
    assert_eq!(idle(&planted(OWNERS, ("Provider", &["federation", "pool"])), guards::owners), ["Provider: pool"]);
    assert_eq!(idle(&planted(CONFINED, ("sled", &["store/", "work/"])), guards::confined_crates), ["sled: work/"]);
    let verifiers: Vec<&str> = VERIFIERS.iter().copied().chain(["ldap/"]).collect();
    assert_eq!(idle(&[("verifiers", &verifiers)], passwords), ["verifiers: ldap/"]);
}

#[test]
fn every_record_that_is_written_has_golden_bytes() {
    let writes = "use crate::model::{Error, record}; fn put() { record::encode(VERSION, &stored) }";
    let golden = format!("{writes}\n#[cfg(test)] mod tests {{ fn golden_bytes() {{}} }}");
    hold(guards::golden_records, &[("audit/planted.rs", writes)], &[("audit/planted.rs", &golden)]);
}

#[test]
fn no_file_is_too_long_to_be_read() {
    let long = "fn f() {}\n".repeat(MAX_LINES + 1);
    let tests_within = format!("#[cfg(test)]\nmod tests {{\n{}}}\nfn f() {{}}\n", "fn f() {}\n".repeat(MAX_LINES));
    hold(guards::lengths, &[("audit/planted.rs", &long)], &[("audit/planted.rs", &tests_within)]);
    let code_behind = format!("#[cfg(test)]\nmod tests {{}}\n{long}");
    hold(guards::lengths, &[("audit/planted.rs", &code_behind)], &[]);
}

#[test]
fn every_room_opens_with_what_it_is_for() {
    hold(guards::purposes, &[("audit/mod.rs", "mod event;")], &[("audit/mod.rs", "//! What happened.\nmod event;")]);
}

#[test]
fn every_name_says_something() {
    hold(
        guards::empty_names,
        &[("audit/utils.rs", ""), ("common/audit.rs", ""), ("audit/helper/x.rs", "")],
        &[("audit/commons_of_pools.rs", "")],
    );
}

#[test]
fn nothing_is_unsafe() {
    let manifest = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")).unwrap();
    assert!(manifest.contains("unsafe_code = \"forbid\""));
    hold(
        guards::unsafe_code,
        &[("audit/planted.rs", "fn f() { unsafe { g() } }")],
        &[("audit/planted.rs", "/// Never unsafe.\nfn f() { say(\"unsafe\") }")],
    );
}

/// Places that may call what is banned; each says why where it does.
const EXCEPTIONS: &[(&str, &str)] = &[("server/clock.rs", "std::time::SystemTime::now"), ("server/clock.rs", "std::time::Instant::now")];

#[test]
fn what_is_banned_is_not_called() {
    let settings = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(".clippy.toml")).unwrap();
    let banned: Vec<String> =
        settings.lines().filter_map(|line| Some(line.split_once("path = \"")?.1.split('"').next()?.to_owned())).collect();
    assert_eq!(banned.len(), settings.matches("path = ").count());
    let now = "fn f() { SystemTime::now(); }";
    hold(
        |sources| guards::bans(sources, &banned, EXCEPTIONS),
        &[
            ("policy/planted.rs", now),
            ("policy/planted.rs", "fn f() { map(std::time::Instant::now) }"),
            ("store/planted.rs", "fn f() { rows.apply_batch(batch) }"),
            ("authn/planted.rs", "fn f() { uuid::Uuid::new_v4() }"),
        ],
        &[("server/clock.rs", now), ("store/planted.rs", "fn f() { rows.insert(key, value) }")],
    );
    let used = guards::bans(&SOURCES, &banned, &[]);
    let excepted: Vec<_> = EXCEPTIONS.iter().map(|(path, ban)| format!("{path}: calls `{ban}`")).collect();
    assert_eq!(used, excepted, "an exception that nobody needs goes");
}

#[test]
fn files_of_tests_are_known_by_their_declaration() {
    let declared = [("audit/mod.rs", "#[cfg(test)]\npub mod testing;\nmod event;"), ("audit/testing.rs", ""), ("audit/event.rs", "")];
    let nested = [("audit/testing/deep.rs", ""), ("audit/tests.rs", "")];
    let sources = marked(declared.iter().chain(&nested).map(|(path, text)| Source::parse(path, text)).collect());
    let of_tests: Vec<_> = sources.iter().filter(|source| source.is_test).map(|source| source.path.as_str()).collect();
    assert_eq!(of_tests, ["audit/testing.rs", "audit/testing/deep.rs"], "a name alone makes no test of a file");
}

#[test]
fn paths_are_found_in_every_spelling() {
    let code = "use crate::model::Dn;\nuse crate::{store::{Key, Row}, policy};\nfn f() { crate::audit::record(); format!(\"{}\", crate::pool::X) }";
    let rooms: Vec<_> = Source::parse("x/y.rs", code).rooms().into_iter().collect();
    assert_eq!(rooms, ["audit", "model", "policy", "pool", "store"]);
    let climbing = Source::parse("a/b/c.rs", "use super::super::super::other::{X, self as y};");
    assert!(climbing.names.iter().all(|name| name.segments.starts_with(&["crate".into(), "other".into()])), "{:?}", climbing.names);
}

//! The guards: each looks at sources and tells the breaches of one rule.

use crate::source::Source;
use crate::tables::{EMPTY_NAMES, MAX_LINES, NAMERS, Table};

pub type Breaches = Vec<String>;

/// Every room imports only what its row allows, in whatever spelling: by `use`, by a full path, by
/// climbing with `super`, within a macro.
pub fn edges(sources: &[Source], rooms: Table<'_>) -> Breaches {
    let mut breaches = Vec::new();
    for source in in_rooms(sources) {
        let Some((room, allowed)) = rooms.iter().find(|(room, _)| *room == source.room()) else {
            breaches.push(format!("{}: `{}` is no room of the table", source.path, source.room()));
            continue;
        };
        for imported in source.rooms() {
            let known = rooms.iter().any(|(name, _)| *name == imported);
            if known && imported != *room && !allowed.contains(&imported.as_str()) {
                breaches.push(format!("{}: `{room}` may not import `{imported}`", source.path));
            }
        }
    }
    breaches
}

/// No other name for the whole crate, behind which an edge could hide.
pub fn one_name_for_the_crate(sources: &[Source]) -> Breaches {
    let whole = |source: &&Source| source.names.iter().any(|name| name.is_use && name.segments == ["crate"]) || source.has_word("extern");
    let itself = |source: &Source| format!("{}: the crate has another name here", source.path);
    in_rooms(sources).filter(whole).map(itself).collect()
}

/// A room passes on nothing of another but what the table says.
pub fn reexports(sources: &[Source], passed_on: Table<'_>) -> Breaches {
    let mut breaches = Vec::new();
    for source in in_rooms(sources) {
        let allowed = passed_on.iter().find(|(path, _)| *path == source.path).map_or(&[] as &[&str], |(_, allowed)| allowed);
        for name in source.names.iter().filter(|name| name.is_reexport) {
            let path = name.segments.join("::");
            let of_another = name.room().is_some_and(|room| room != source.room());
            if of_another && !allowed.contains(&path.as_str()) {
                breaches.push(format!("{}: passes on `{path}` of another room", source.path));
            }
        }
    }
    breaches
}

/// Confined crates stay in their rooms.
pub fn confined_crates(sources: &[Source], confined: Table<'_>) -> Breaches {
    let mut breaches = Vec::new();
    for source in sources.iter().filter(|source| !source.is_test) {
        let names = &source.names;
        for (crate_name, places) in confined {
            if names.iter().any(|name| name.segments[0] == *crate_name) && !is_allowed(&source.path, places) {
                breaches.push(format!("{}: `{crate_name}` is confined to {places:?}", source.path));
            }
        }
    }
    breaches
}

/// Only the engine verifies passwords: nobody else holds a hasher, nor calls what compares a
/// password with its hash.
pub fn passwords(sources: &[Source], verifiers: &[&str]) -> Breaches {
    let compares = |source: &Source| {
        let called = |name: &crate::source::Named| name.ends_with(&["password", "verify"]) || name.ends_with(&["password", "check"]);
        let names = &source.names;
        // `policy::password::check` judges a new password, and compares it with none.
        let of_policy = names.iter().any(|name| name.ends_with(&["policy", "password"]));
        names.iter().any(|name| name.ends_with(&["work", "Hasher"]))
            || source.calls_method("hasher")
            || names.iter().any(|name| called(name) && !(of_policy && name.ends_with(&["password", "check"])))
    };
    in_rooms(sources)
        .filter(|source| !is_allowed(&source.path, verifiers) && compares(source))
        .map(|source| format!("{}: verifies a password beside the engine", source.path))
        .collect()
}

/// The records of a space are named by the room that owns them.
pub fn owners(sources: &[Source], owners: Table<'_>) -> Breaches {
    let mut breaches = Vec::new();
    for source in in_rooms(sources).filter(|source| source.room() != "store") {
        for name in &source.names {
            let [.., kind, which] = name.segments.as_slice() else { continue };
            let which = match kind.as_str() {
                "Space" => which.as_str(),
                "Key" | "Prefix" => match NAMERS.iter().find(|(namer, _)| namer == which) {
                    Some((_, space)) => space,
                    None => continue,
                },
                _ => continue,
            };
            match owners.iter().find(|(space, _)| *space == which) {
                Some((_, rooms)) if rooms.contains(&source.room()) => {}
                Some((_, rooms)) => breaches.push(format!("{}: `Space::{which}` belongs to {rooms:?}", source.path)),
                None => breaches.push(format!("{}: `Space::{which}` has no owner in the table", source.path)),
            }
        }
    }
    breaches
}

/// A record that is written has golden bytes in the tests of its file or beside it.
pub fn golden_records(sources: &[Source]) -> Breaches {
    let writes = |source: &Source| {
        source.names.iter().any(|name| name.segments == ["crate", "model", "record"])
            && source.names.iter().any(|name| name.ends_with(&["record", "encode"]))
    };
    let has_golden = |source: &Source| {
        let module = source.path.trim_end_matches(".rs").trim_end_matches("/mod");
        let beside = format!("{}/tests.rs", module.rsplit_once('/').map_or(module, |(folder, _)| folder));
        let own = [source.path.clone(), format!("{module}/tests.rs"), beside];
        sources.iter().any(|other| own.contains(&other.path) && other.text.contains("golden"))
    };
    in_rooms(sources)
        .filter(|source| writes(source) && !has_golden(source))
        .map(|source| format!("{}: writes a record without golden bytes", source.path))
        .collect()
}

/// No file is too long to be read.
pub fn lengths(sources: &[Source]) -> Breaches {
    let long = |source: &&Source| !source.is_test && source.lines > MAX_LINES;
    sources.iter().filter(long).map(|source| format!("{}: {} lines, over {MAX_LINES}", source.path, source.lines)).collect()
}

/// Every `mod.rs` opens with what the room is for.
pub fn purposes(sources: &[Source]) -> Breaches {
    let silent = |source: &&Source| source.path.ends_with("mod.rs") && !source.is_test && !source.text.starts_with("//! ");
    sources.iter().filter(silent).map(|source| format!("{}: does not open with its purpose", source.path)).collect()
}

/// Every name says something.
pub fn empty_names(sources: &[Source]) -> Breaches {
    let says_nothing = |source: &&Source| source.path.trim_end_matches(".rs").split('/').any(|part| EMPTY_NAMES.contains(&part));
    sources.iter().filter(says_nothing).map(|source| format!("{}: has a name that says nothing", source.path)).collect()
}

/// Nothing is unsafe, whatever a lint allows.
pub fn unsafe_code(sources: &[Source]) -> Breaches {
    sources.iter().filter(|source| source.has_word("unsafe")).map(|source| format!("{}: unsafe", source.path)).collect()
}

/// What `.clippy.toml` bans is not called: by its path, or as a method. `exceptions` are the places
/// that say why they may.
pub fn bans(sources: &[Source], banned: &[String], exceptions: &[(&str, &str)]) -> Breaches {
    let mut breaches = Vec::new();
    for source in sources.iter().filter(|source| !source.is_test) {
        for ban in banned {
            let ending: Vec<&str> = ban.rsplitn(3, "::").take(2).collect::<Vec<_>>().into_iter().rev().collect();
            let by_path = source.names.iter().any(|name| name.ends_with(&ending));
            let by_method = ban.starts_with("sled::") && source.calls_method(ending[1]);
            if (by_path || by_method) && !exceptions.contains(&(source.path.as_str(), ban)) {
                breaches.push(format!("{}: calls `{ban}`", source.path));
            }
        }
    }
    breaches
}

fn in_rooms(sources: &[Source]) -> impl Iterator<Item = &Source> {
    sources.iter().filter(|source| source.path.contains('/') && !source.is_test)
}

fn is_allowed(path: &str, places: &[&str]) -> bool {
    places.iter().any(|place| match place.strip_prefix('*') {
        Some(ending) => path.ends_with(ending),
        None => path.starts_with(place),
    })
}

//! The laws of patches, on documents of a pool with random settings.

use super::*;
use crate::admin::types::{MappingDocument, PoolDocument, ProviderDocument};
use crate::model::{Days, Dn, Seconds, Sequence};
use crate::pool::Settings;
use proptest::prelude::*;
use serde_json::json;

fn settings() -> impl Strategy<Value = Settings> {
    let password = any::<(u16, u16, bool, bool)>();
    let lockout = any::<(u16, u32, u32)>();
    let times = any::<[u32; 6]>();
    let administrators = prop::option::of("cn=[a-zä ]{1,8}[a-z],o=acme");
    (password, lockout, times, administrators).prop_map(|(password, lockout, times, administrators)| {
        let mut settings = Settings::default();
        (settings.password.min_length, settings.password.max_length, settings.password.refuse_names, settings.password.refuse_common) =
            password;
        settings.lockout.threshold = lockout.0;
        (settings.lockout.window, settings.lockout.duration) = (Seconds(lockout.1), Seconds(lockout.2));
        (settings.session.idle, settings.session.absolute) = (Seconds(times[0]), Seconds(times[1]));
        settings.administrators = administrators.map(|text| Dn::parse(&text).unwrap());
        (settings.lifetimes.code, settings.lifetimes.access_token) = (Seconds(times[2]), Seconds(times[3]));
        settings.lifetimes.id_token = Seconds(times[4]);
        settings.audit.retention = Days(times[5] as u16);
        settings
    })
}

fn pool(settings: Settings) -> PoolDocument {
    PoolDocument {
        id: 7,
        slug: "acme".into(),
        suffix: "o=acme".into(),
        display_name: Some("Acme".into()),
        status: "active".into(),
        settings,
    }
}

fn documents() -> impl Strategy<Value = PoolDocument> {
    settings().prop_map(pool)
}

/// Every path of a field that is no object, below an object.
fn leaves(value: &Value, path: &[String], found: &mut Vec<Vec<String>>) {
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(name, value)| leaves(value, &[path, std::slice::from_ref(name)].concat(), found));
        }
        _ => found.push(path.to_vec()),
    }
}

/// A patch of that one field.
fn patch_of(path: &[String], value: Value) -> Value {
    path.iter().rev().fold(value, |inner, name| json!({ name.as_str(): inner }))
}

fn at<'a>(value: &'a Value, path: &[String]) -> &'a Value {
    path.iter().fold(value, |value, name| &value[name])
}

fn patch(value: &Value) -> Patch {
    Patch::parse(value.to_string().as_bytes(), None).unwrap()
}

fn tag() -> ETag {
    ETag::of(Sequence::new(1), &"shown").unwrap()
}

/// The document after the patch, as it is shown.
fn patched(document: &PoolDocument, change: &Value) -> Value {
    let after = patch(change).apply(document, &tag()).unwrap();
    serde_json::to_value(after.as_ref().unwrap_or(document)).unwrap()
}

fn settings_leaves(document: &Value) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    leaves(&document["settings"], &["settings".to_owned()], &mut found);
    found
}

/// A random change of some settings of `from`: to what `to` has, or back to the default.
fn some_of(from: &PoolDocument, to: &PoolDocument, choices: &[u8]) -> Value {
    let (from, to) = (serde_json::to_value(from).unwrap(), serde_json::to_value(to).unwrap());
    let mut change = Map::new();
    for (path, choice) in settings_leaves(&from).iter().zip(choices) {
        let value = match choice % 3 {
            0 => continue,
            1 => Value::Null,
            _ => at(&to, path).clone(),
        };
        let Value::Object(one) = patch_of(path, value) else { unreachable!() };
        compose(&mut change, &one);
    }
    Value::Object(change)
}

/// One patch that does what both do one after the other. Unlike a merge it keeps nulls.
fn compose(first: &mut Map<String, Value>, second: &Map<String, Value>) {
    for (name, value) in second {
        match (first.get_mut(name), value) {
            (Some(Value::Object(first)), Value::Object(second)) => compose(first, second),
            _ => drop(first.insert(name.clone(), value.clone())),
        }
    }
}

proptest! {
    #[test]
    fn what_is_shown_changes_nothing_when_it_is_sent_back(document in documents()) {
        let shown = serde_json::to_value(&document).unwrap();
        prop_assert!(patch(&shown).apply(&document, &tag()).unwrap().is_none());
        let nothing = patch(&json!({})).apply(&document, &tag()).unwrap();
        prop_assert!(nothing.is_none());
    }

    #[test]
    fn a_patch_of_one_field_leaves_all_others(document in documents(), other in documents(), choice: prop::sample::Index) {
        let (before, wanted) = (serde_json::to_value(&document).unwrap(), serde_json::to_value(&other).unwrap());
        let leaves = settings_leaves(&before);
        let chosen = choice.get(&leaves);
        let after = patched(&document, &patch_of(chosen, at(&wanted, chosen).clone()));
        for leaf in &leaves {
            let expected = if leaf == chosen { &wanted } else { &before };
            prop_assert_eq!(at(&after, leaf), at(expected, leaf), "{:?}", leaf);
        }
    }

    #[test]
    fn null_gives_the_default_back(document in documents(), choice: prop::sample::Index) {
        let before = serde_json::to_value(&document).unwrap();
        let default = serde_json::to_value(pool(Settings::default())).unwrap();
        let leaves = settings_leaves(&before);
        let chosen = choice.get(&leaves);
        // The field, the section that it is in, and all of the settings.
        for length in 1..=chosen.len() {
            let path = &chosen[..length];
            let after = patched(&document, &patch_of(path, Value::Null));
            for leaf in &leaves {
                let expected = if leaf.starts_with(path) { &default } else { &before };
                prop_assert_eq!(at(&after, leaf), at(expected, leaf), "{:?} after {:?}", leaf, path);
            }
        }
    }

    #[test]
    fn two_patches_one_after_the_other_are_one(
        document in documents(), one in documents(), two in documents(), first: [u8; 32], second: [u8; 32],
    ) {
        let (first, second) = (some_of(&document, &one, &first), some_of(&document, &two, &second));
        let between = patch(&first).apply(&document, &tag()).unwrap();
        let after = patched(between.as_ref().unwrap_or(&document), &second);
        let mut both = first.as_object().unwrap().clone();
        compose(&mut both, second.as_object().unwrap());
        prop_assert_eq!(patched(&document, &Value::Object(both)), after);
    }
}

/// The examples of RFC 7396, appendix A, whose target and patch are objects.
#[test]
fn merging_follows_the_rfc() {
    for (target, patch, merged) in [
        (json!({"a":"b"}), json!({"a":"c"}), json!({"a":"c"})),
        (json!({"a":"b"}), json!({"b":"c"}), json!({"a":"b","b":"c"})),
        (json!({"a":"b"}), json!({"a":null}), json!({})),
        (json!({"a":"b","b":"c"}), json!({"a":null}), json!({"b":"c"})),
        (json!({"a":["b"]}), json!({"a":"c"}), json!({"a":"c"})),
        (json!({"a":"c"}), json!({"a":["b"]}), json!({"a":["b"]})),
        (json!({"a":{"b":"c"}}), json!({"a":{"b":"d","c":null}}), json!({"a":{"b":"d"}})),
        (json!({"a":[{"b":"c"}]}), json!({"a":[1]}), json!({"a":[1]})),
        (json!({"e":null}), json!({"a":1}), json!({"e":null,"a":1})),
        (json!({}), json!({"a":{"bb":{"ccc":null}}}), json!({"a":{"bb":{}}})),
    ] {
        let mut target = target.as_object().unwrap().clone();
        merge(&mut target, patch.as_object().unwrap());
        assert_eq!(Value::Object(target), merged, "{patch}");
    }
}

#[test]
fn what_a_document_cannot_take_is_refused_with_its_path() {
    let document = pool(Settings::default());
    for (change, said) in [
        (json!({"settings":{"lockout":{"threshold":"x"}}}), "settings.lockout.threshold: invalid type"),
        (json!({"settings":{"lockout":{"threshold":70_000}}}), "settings.lockout.threshold: invalid value"),
        (json!({"settings":{"lockout":[]}}), "settings.lockout: must be an object"),
        (json!({"settings":7}), "settings: must be an object"),
        (json!({"settings":{"lockout":{"treshold":1}}}), "settings.lockout.treshold: unknown field"),
        (json!({"settings":{"lockout":{"treshold":null}}}), "settings.lockout.treshold: there is no such field"),
        (json!({"setings":null}), "setings: there is no such field"),
        (json!({"setings":{}}), "setings: unknown field"),
        (json!({"settings":{"administrators":"no name"}}), "settings.administrators: "),
        (json!({"slug":"other"}), "slug: it is \"acme\" and cannot be changed"),
        (json!({"slug":null}), "slug: it is \"acme\" and cannot be changed"),
        (json!({"id":8}), "id: it is 7 and cannot be changed"),
        (json!({"status":"suspended"}), "status: it is \"active\" and cannot be changed"),
        (json!({"etag":7}), "etag: must be the text"),
    ] {
        let refused = Patch::parse(change.to_string().as_bytes(), None).and_then(|patch| patch.apply(&document, &tag()));
        let Err(error) = refused else { panic!("{change}") };
        assert!(error.message().starts_with(said), "{change}: {error}");
        assert_eq!(*error.kind(), Kind::Invalid(Rule::Request));
    }
}

#[test]
fn a_patch_for_another_state_changes_nothing() {
    let document = pool(Settings::default());
    let change = |etag: Option<&str>, if_match: Option<&str>| {
        let mut change = json!({"display_name": "Acme Ltd"});
        if let Some(etag) = etag {
            change["etag"] = etag.into();
        }
        let if_match = if_match.map(|value| IfMatch::parse(value).unwrap());
        Patch::parse(change.to_string().as_bytes(), if_match).unwrap().apply(&document, &tag())
    };
    let (tag, quoted) = (tag().as_str().to_owned(), tag().quoted());
    for (etag, if_match) in [(None, None), (Some(&*tag), None), (None, Some(&*quoted)), (Some(&*tag), Some(&*quoted)), (None, Some("*"))] {
        assert_eq!(change(etag, if_match).unwrap().unwrap().display_name.as_deref(), Some("Acme Ltd"));
    }
    for (etag, if_match) in [(Some("x"), None), (None, Some("\"x\"")), (Some("x"), Some(&*quoted)), (Some(&*tag), Some("\"x\""))] {
        let Err(error) = change(etag, if_match) else { panic!("{etag:?} {if_match:?}") };
        assert_eq!(*error.kind(), Kind::Conflict(Clash::Changed));
        assert!(error.message().contains("the pool has changed since it was shown") && error.message().contains(&tag), "{error}");
    }
}

#[test]
fn the_notes_of_an_answer_are_no_part_of_what_is_sent_back() {
    let answer = json!({"slug": "acme", "etag": tag().as_str(), "notes": ["somebody else has lost something"]});
    assert!(patch(&answer).apply(&pool(Settings::default()), &tag()).unwrap().is_none());
}

/// A secret is never shown, so that it always differs.
#[test]
fn what_is_not_shown_is_changed_whenever_it_is_named() {
    let provider = ProviderDocument {
        name: "idp".into(),
        display_name: None,
        issuer: "https://idp.example".into(),
        client_id: "acme".into(),
        client_secret: None,
        mapping: MappingDocument::default(),
        mail_domains: Vec::new(),
    };
    let after = |change: &Value| patch(change).apply(&provider, &tag()).unwrap().map(|after| after.client_secret);
    assert_eq!(after(&json!({"client_id": "acme"})), None);
    assert_eq!(after(&json!({"client_secret": null})), Some(None));
    assert_eq!(after(&json!({"client_secret": "another"})), Some(Some("another".to_owned())));
}

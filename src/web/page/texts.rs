//! The texts of the pages (Project Fluent), one file per language.

use super::language::Language;
use fluent::concurrent::FluentBundle;
use fluent::{FluentArgs, FluentResource, FluentValue};
use minijinja::value::{Kwargs, Value};
use minijinja::{Error, ErrorKind, State};
use std::sync::LazyLock;

const ENGLISH: &str = include_str!("texts/en.ftl");
const GERMAN: &str = include_str!("texts/de.ftl");

static BUNDLES: LazyLock<Vec<(Language, FluentBundle<FluentResource>)>> =
    LazyLock::new(|| vec![(Language::English, bundle(Language::English, ENGLISH)), (Language::German, bundle(Language::German, GERMAN))]);

fn bundle(language: Language, source: &str) -> FluentBundle<FluentResource> {
    let resource = FluentResource::try_new(source.to_owned()).unwrap_or_else(|(partial, errors)| {
        tracing::error!(language = language.tag(), ?errors, "texts do not parse");
        partial
    });
    let mut bundle = FluentBundle::new_concurrent(vec![language.identifier()]);
    bundle.set_use_isolating(false);
    if let Err(errors) = bundle.add_resource(resource) {
        tracing::error!(language = language.tag(), ?errors, "texts are defined twice");
    }
    bundle
}

/// The text of that name with its arguments.
fn text(language: Language, name: &str, arguments: &FluentArgs<'_>) -> Option<String> {
    let (_, bundle) = BUNDLES.iter().find(|(known, _)| *known == language)?;
    let pattern = bundle.get_message(name)?.value()?;
    let mut errors = Vec::new();
    let text = bundle.format_pattern(pattern, Some(arguments), &mut errors).into_owned();
    errors.is_empty().then_some(text)
}

/// `t(name, argument=value, …)` in templates.
pub(super) fn function(state: &State<'_, '_>, name: &str, arguments: Kwargs) -> Result<String, Error> {
    let language = state.lookup("language").map_or(Language::English, |tag| Language::of_tag(tag.as_str().unwrap_or_default()));
    let mut values = FluentArgs::new();
    for key in arguments.args() {
        let value: Value = arguments.get(key)?;
        values.set(key.to_owned(), FluentValue::from(value.to_string()));
    }
    text(language, name, &values).ok_or_else(|| Error::new(ErrorKind::UndefinedError, format!("no text `{name}` in {}", language.tag())))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn names(source: &str) -> BTreeSet<String> {
        source
            .lines()
            .filter_map(|line| line.split_once(" ="))
            .map(|(name, _)| name.to_owned())
            .filter(|name| !name.starts_with([' ', '#']))
            .collect()
    }

    #[test]
    fn every_language_has_every_text() {
        assert_eq!(names(ENGLISH), names(GERMAN));
        for name in names(ENGLISH) {
            for (_, bundle) in BUNDLES.iter() {
                assert!(bundle.has_message(&name), "{name}");
            }
        }
    }
}

//! Which of our languages a browser would rather read (RFC 9110, section 12.5.4).

use fluent_langneg::{NegotiationStrategy, accepted_languages, negotiate_languages};
use unic_langid::{LanguageIdentifier, langid};

/// The longest `Accept-Language` field that is looked at, in bytes.
const MAX_FIELD: usize = 512;

/// A language that the pages speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Language {
    /// English, the default.
    English,
    /// German.
    German,
}

impl Language {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::English, Self::German];

    /// The best match for the header field, English if there is none.
    pub fn preferred(accept_language: Option<&str>) -> Self {
        let field = accept_language.filter(|field| field.len() <= MAX_FIELD).unwrap_or_default();
        let requested = accepted_languages::parse(field);
        let available = Self::ALL.map(Self::identifier);
        let best = negotiate_languages(&requested, &available, None, NegotiationStrategy::Lookup);
        best.first().and_then(|best| Self::ALL.into_iter().find(|language| language.identifier() == **best)).unwrap_or(Self::English)
    }

    /// Its BCP 47 tag.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
        }
    }

    /// The language of a tag of ours.
    pub fn of_tag(tag: &str) -> Self {
        Self::ALL.into_iter().find(|language| language.tag() == tag).unwrap_or(Self::English)
    }

    pub(super) fn identifier(self) -> LanguageIdentifier {
        match self {
            Self::English => langid!("en"),
            Self::German => langid!("de"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_the_browser_and_falls_back_to_english() {
        assert_eq!(Language::preferred(Some("de-AT,de;q=0.9,en;q=0.5")), Language::German);
        assert_eq!(Language::preferred(Some("fr,en;q=0.5")), Language::English);
        assert_eq!(Language::preferred(Some("fr")), Language::English);
        assert_eq!(Language::preferred(None), Language::English);
        assert_eq!(Language::preferred(Some(&"de,".repeat(400))), Language::English);
    }
}

//! The only way that XML is written: every text and every attribute value goes through [`escape`].

use std::borrow::Cow;

/// Escapes text so that it can stand in an element or between double quotes. Characters that XML
/// 1.0 (section 2.2) does not allow become U+FFFD.
pub fn escape(text: &str) -> Cow<'_, str> {
    if !text.chars().any(|character| replacement(character).is_some()) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match replacement(character) {
            Some(replacement) => escaped.push_str(replacement),
            None => escaped.push(character),
        }
    }
    Cow::Owned(escaped)
}

fn replacement(character: char) -> Option<&'static str> {
    match character {
        '&' => Some("&amp;"),
        '<' => Some("&lt;"),
        '>' => Some("&gt;"),
        '"' => Some("&quot;"),
        '\'' => Some("&#39;"),
        '\t' => Some("&#9;"),
        '\n' => Some("&#10;"),
        '\r' => Some("&#13;"),
        '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => Some("\u{fffd}"),
        _ => None,
    }
}

/// Writes elements. Names are constants of the caller, values are escaped; a started element is
/// ended by [`Writer::end`].
#[derive(Debug, Default)]
pub struct Writer {
    xml: String,
    open: Vec<&'static str>,
}

impl Writer {
    /// An empty document without an XML declaration.
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts an element.
    pub fn start(&mut self, name: &'static str, attributes: &[(&'static str, &str)]) -> &mut Self {
        self.tag(name, attributes);
        self.xml.push('>');
        self.open.push(name);
        self
    }

    /// Ends the element that was started last.
    pub fn end(&mut self) -> &mut Self {
        if let Some(name) = self.open.pop() {
            self.xml.push_str("</");
            self.xml.push_str(name);
            self.xml.push('>');
        }
        self
    }

    /// An element without content.
    pub fn empty(&mut self, name: &'static str, attributes: &[(&'static str, &str)]) -> &mut Self {
        self.tag(name, attributes);
        self.xml.push_str("/>");
        self
    }

    /// An element that holds text only.
    pub fn element(&mut self, name: &'static str, attributes: &[(&'static str, &str)], text: &str) -> &mut Self {
        self.start(name, attributes).text(text).end()
    }

    /// Text within the element that was started last.
    pub fn text(&mut self, text: &str) -> &mut Self {
        self.xml.push_str(&escape(text));
        self
    }

    /// A finished document of another writer, such as a signed assertion, put in as it is.
    pub fn finished(&mut self, xml: &str) -> &mut Self {
        self.xml.push_str(xml);
        self
    }

    /// Ends every open element and gives the document.
    pub fn finish(mut self) -> String {
        while !self.open.is_empty() {
            self.end();
        }
        self.xml
    }

    fn tag(&mut self, name: &'static str, attributes: &[(&'static str, &str)]) {
        self.xml.push('<');
        self.xml.push_str(name);
        for (name, value) in attributes {
            self.xml.push(' ');
            self.xml.push_str(name);
            self.xml.push_str("=\"");
            self.xml.push_str(&escape(value));
            self.xml.push('"');
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::super::parse::parse;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nothing_breaks_out_of_its_place() {
        let mut writer = Writer::new();
        writer.start("a", &[("b", "\"/><x>")]).element("c", &[], "</c><x>&amp;]]>").empty("d", &[]);
        let xml = writer.finish();
        let root = parse(xml.as_bytes()).unwrap();
        assert_eq!(root.attribute("b"), Some("\"/><x>"));
        assert_eq!(root.only("", "c").unwrap().text(), Some("</c><x>&amp;]]>"));
        assert_eq!(root.children().len(), 2);
    }

    #[test]
    fn control_characters_are_replaced() {
        assert_eq!(escape("a\u{0}b\u{ffff}"), "a\u{fffd}b\u{fffd}");
        assert!(matches!(escape("plain é"), Cow::Borrowed(_)));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(text in "[^\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\u{fffe}\u{ffff}]{0,64}") {
            let mut writer = Writer::new();
            writer.start("a", &[("b", &text)]).text("[").text(&text).text("]");
            let xml = writer.finish();
            let root = parse(xml.as_bytes()).unwrap();
            prop_assert_eq!(root.attribute("b"), Some(text.as_str()));
            let within = format!("[{text}]");
            prop_assert_eq!(root.text(), Some(within.as_str()));
        }

        #[test]
        fn any_text_gives_a_well_formed_document(text in any::<String>()) {
            let mut writer = Writer::new();
            writer.start("a", &[("b", &text)]).text(&text);
            prop_assert!(parse(writer.finish().as_bytes()).is_ok());
        }
    }
}

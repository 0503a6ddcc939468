//! Strict, bounded parsing: no document type, no processing instruction, no surprise in size or
//! depth.

use super::element::{Element, Name};
use crate::model::error::Rule;
use crate::model::{Error, Result};
use uppsala::{Document, NodeId, NodeKind, Parser};

/// The most bytes of a document.
pub const MAX_DOCUMENT: usize = 256 << 10;
/// The most elements that may lie within one another.
pub const MAX_DEPTH: u32 = 32;
/// The most markup a document may hold, counted as `<` and `=`: it bounds the nodes and attributes
/// before anything is built.
pub const MAX_NODES: usize = 16 << 10;
/// The most attributes of an element, counted as `=` between one `<` and the next: comparing each
/// with each takes time that grows with the square.
pub const MAX_ATTRIBUTES: usize = 256;

/// Parses a document whose signature, if it has one, does not matter.
pub fn parse(document: &[u8]) -> Result<Element> {
    let text = text(document)?;
    let tree = tree(text)?;
    let root = tree.document_element().ok_or_else(|| refused("the XML document has no element"))?;
    element(&tree, root)
}

pub(super) fn text(document: &[u8]) -> Result<&str> {
    if document.len() > MAX_DOCUMENT {
        return Err(refused(format!("the XML document is longer than {MAX_DOCUMENT} bytes")));
    }
    let text = std::str::from_utf8(document).map_err(|_| refused("the XML document is not UTF-8"))?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}

pub(super) fn tree(text: &str) -> Result<Document<'_>> {
    if memchr::memchr2_iter(b'<', b'=', text.as_bytes()).count() > MAX_NODES {
        return Err(refused("the XML document holds too many elements and attributes"));
    }
    let attributes = |markup: &str| memchr::memchr_iter(b'=', markup.as_bytes()).count();
    if text.split('<').any(|markup| attributes(markup) > MAX_ATTRIBUTES) {
        return Err(refused("an element of the XML document has too many attributes"));
    }
    let parser = Parser::new().with_max_depth(MAX_DEPTH).with_forbid_dtd(true).with_forbid_entities(true).with_max_entity_expansion(0);
    let tree = parser.parse(text).map_err(|error| refused(format!("the XML document is not well formed: {error}")))?;
    let instruction =
        tree.descendants(tree.root()).into_iter().any(|node| matches!(tree.node_kind(node), Some(NodeKind::ProcessingInstruction(_))));
    if instruction {
        return Err(refused("the XML document holds a processing instruction"));
    }
    Ok(tree)
}

/// Copies an element out of the parser's tree. Recursion is bounded by [`MAX_DEPTH`].
pub(super) fn element(tree: &Document<'_>, node: NodeId) -> Result<Element> {
    let source = tree.element(node).ok_or_else(|| refused("the node is not an element"))?;
    let attributes = source.attributes.iter().map(|attribute| (name(&attribute.name), attribute.value.to_string())).collect();
    let mut copy = Element { name: name(&source.name), attributes, children: Vec::new(), text: String::new() };
    for child in tree.children_iter(node) {
        match tree.node_kind(child) {
            Some(NodeKind::Element(_)) => copy.children.push(element(tree, child)?),
            Some(NodeKind::Text(text) | NodeKind::CData(text)) => copy.text.push_str(text),
            _ => {}
        }
    }
    Ok(copy)
}

pub(super) fn name(name: &uppsala::QName<'_>) -> Name {
    Name::new(name.namespace_uri.as_deref().unwrap_or_default(), name.local_name.as_ref())
}

pub(super) fn refused(message: impl Into<String>) -> Error {
    Error::invalid(Rule::Request, message)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_names_attributes_and_text() {
        let root = parse(br#"<?xml version="1.0"?><a xmlns="urn:x" y="1 &amp; 2"><b>text</b><c xmlns=""/></a>"#).unwrap();
        assert!(root.is("urn:x", "a"));
        assert_eq!(root.attribute("y"), Some("1 & 2"));
        assert_eq!(root.only("urn:x", "b").and_then(Element::text), Some("text"));
        assert!(root.only("", "c").is_some());
        assert_eq!(root.text(), None);
    }

    #[test]
    fn a_comment_does_not_cut_text() {
        let root = parse(b"<n>alice@good.example<!-- x -->.evil.example</n>").unwrap();
        assert_eq!(root.text(), Some("alice@good.example.evil.example"));
    }

    #[test]
    fn refuses_document_types_and_entities() {
        for document in [
            "<!DOCTYPE a><a/>",
            "<!DOCTYPE a [<!ENTITY e \"x\">]><a>&e;</a>",
            "<!DOCTYPE a [<!ENTITY e SYSTEM \"file:///etc/passwd\">]><a>&e;</a>",
            "<!DOCTYPE a SYSTEM \"http://example.com/a.dtd\"><a/>",
            "<!DOCTYPE a [<!ATTLIST a ID ID #IMPLIED>]><a ID=\"x\"/>",
            "<a>&undefined;</a>",
        ] {
            assert!(parse(document.as_bytes()).is_err(), "{document}");
        }
    }

    #[test]
    fn refuses_processing_instructions() {
        for document in ["<a><?x y?></a>", "<?x y?><a/>", "<a/><?x y?>"] {
            assert!(parse(document.as_bytes()).is_err(), "{document}");
        }
    }

    #[test]
    fn refuses_what_is_not_one_well_formed_document() {
        for document in ["", "x", "<a>", "<a/><b/>", "<a b='1' b='2'/>", "<p:a/>", "<a>\u{0}</a>", "<a>&#0;</a>"] {
            assert!(parse(document.as_bytes()).is_err(), "{document}");
        }
        assert!(parse(b"<a>\xff</a>").is_err());
    }

    #[test]
    fn bounds_size_depth_and_markup() {
        let long = format!("<a>{}</a>", "x".repeat(MAX_DOCUMENT));
        assert!(parse(long.as_bytes()).is_err());
        let depth = MAX_DEPTH as usize;
        let nested = |depth: usize| format!("{}{}", "<a>".repeat(depth), "</a>".repeat(depth));
        assert!(parse(nested(depth).as_bytes()).is_ok());
        assert!(parse(nested(depth + 1).as_bytes()).is_err());
        let wide = format!("<a>{}</a>", "<b/>".repeat(MAX_NODES));
        assert!(parse(wide.as_bytes()).is_err());
        let attributes = |count: usize| format!("<a {}/>", (0..count).map(|number| format!("a{number}='' ")).collect::<String>());
        assert!(parse(attributes(MAX_ATTRIBUTES).as_bytes()).is_ok());
        assert!(parse(attributes(MAX_ATTRIBUTES + 1).as_bytes()).is_err());
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
            let _ = parse(&bytes);
        }

        #[test]
        fn arbitrary_markup_never_panics(text in "[<>/a:b='\"&;!\\[\\]\\-? x#\u{e9}]{0,200}") {
            let _ = parse(text.as_bytes());
        }
    }
}

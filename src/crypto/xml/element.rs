//! An element that owns what it holds: what readers of a message are given instead of the parser's
//! tree.

/// A name with its namespace; the prefix is of no consequence and is not kept.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Name {
    /// The namespace URI; empty for none.
    pub namespace: String,
    /// The local part.
    pub local: String,
}

impl Name {
    /// A name in a namespace.
    pub fn new(namespace: impl Into<String>, local: impl Into<String>) -> Self {
        Self { namespace: namespace.into(), local: local.into() }
    }

    /// Whether it is that name.
    pub fn is(&self, namespace: &str, local: &str) -> bool {
        self.local == local && self.namespace == namespace
    }
}

/// An element with its attributes, its child elements and its text. Comments are not part of it, as
/// they are not part of what is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Element {
    pub(super) name: Name,
    pub(super) attributes: Vec<(Name, String)>,
    pub(super) children: Vec<Element>,
    pub(super) text: String,
}

impl Element {
    /// Its name.
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// Whether it has that name.
    pub fn is(&self, namespace: &str, local: &str) -> bool {
        self.name.is(namespace, local)
    }

    /// The value of an attribute that is in no namespace.
    pub fn attribute(&self, local: &str) -> Option<&str> {
        self.attributes.iter().find(|(name, _)| name.is("", local)).map(|(_, value)| value.as_str())
    }

    /// All child elements in order.
    pub fn children(&self) -> &[Element] {
        &self.children
    }

    /// The child elements of that name in order.
    pub fn named<'a>(&'a self, namespace: &'a str, local: &'a str) -> impl Iterator<Item = &'a Element> {
        self.children.iter().filter(move |child| child.is(namespace, local))
    }

    /// The only child element of that name; `None` when there is none or more than one.
    pub fn only(&self, namespace: &str, local: &str) -> Option<&Element> {
        let mut found = self.children.iter().filter(|child| child.is(namespace, local));
        let first = found.next()?;
        found.next().is_none().then_some(first)
    }

    /// All of its text without the white space around it; `None` when it has child elements. A
    /// comment in the middle does not cut it.
    pub fn text(&self) -> Option<&str> {
        self.children.is_empty().then(|| self.text.trim_matches([' ', '\t', '\r', '\n']))
    }
}

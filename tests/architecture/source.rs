//! The sources as a compiler sees them: parsed, without what only tests see, and the paths that
//! stand in them.

use proc_macro2::{Delimiter, Span, TokenStream, TokenTree};
use quote::ToTokens;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use syn::spanned::Spanned;
use syn::visit_mut::{self, VisitMut};
use syn::{Attribute, ImplItem, Item, Stmt};

/// One file under `src`.
pub struct Source {
    /// Relative to `src`.
    pub path: String,
    pub text: String,
    /// Whether only tests compile it.
    pub is_test: bool,
    /// How many lines it has that not only tests see.
    pub lines: usize,
    /// Every path in its code; macros and attributes are code too.
    pub names: Vec<Named>,
    words: BTreeSet<String>,
    methods: BTreeSet<String>,
    /// Modules with a file of their own that only tests see.
    test_modules: Vec<String>,
}

/// A path as code names it, resolved to where it begins: `crate::room::…` or the name of a crate or
/// local item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    pub segments: Vec<String>,
    /// It stands in a `pub use`.
    pub is_reexport: bool,
    /// It stands in a `use`.
    pub is_use: bool,
}

impl Source {
    /// Parses the text of a file.
    pub fn parse(path: &str, text: &str) -> Self {
        let mut file = syn::parse_file(text).unwrap_or_else(|error| panic!("{path}: {error}"));
        let mut cut = Cut::default();
        cut.visit_file_mut(&mut file);
        let tokens = file.into_token_stream();
        let mut names = Vec::new();
        walk(tokens.clone(), &module_of(path), &mut names);
        let mut words = Words::default();
        words.collect(tokens);
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
            is_test: false,
            lines: text.lines().count() - cut.lines,
            names,
            words: words.all,
            methods: words.methods,
            test_modules: cut.modules,
        }
    }

    /// The folder under `src` in which it lies.
    pub fn room(&self) -> &str {
        self.path.split('/').next().unwrap()
    }

    /// The rooms that it names.
    pub fn rooms(&self) -> BTreeSet<String> {
        self.names.iter().filter_map(|name| name.room().map(str::to_owned)).collect()
    }

    /// Whether its code calls or names a method of that name.
    pub fn calls_method(&self, method: &str) -> bool {
        self.methods.contains(method)
    }

    /// Whether that word stands in its code.
    pub fn has_word(&self, word: &str) -> bool {
        self.words.contains(word)
    }
}

impl Named {
    /// The room, if the path begins at the crate.
    pub fn room(&self) -> Option<&str> {
        match self.segments.as_slice() {
            [first, room, ..] if first == "crate" => Some(room),
            _ => None,
        }
    }

    /// Whether it ends with these segments.
    pub fn ends_with(&self, ending: &[&str]) -> bool {
        self.segments.len() >= ending.len() && self.segments.iter().rev().zip(ending.iter().rev()).all(|(a, b)| a == b)
    }
}

/// All files under `src`, those that only tests compile marked.
pub static SOURCES: LazyLock<Vec<Source>> = LazyLock::new(read);

fn read() -> Vec<Source> {
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
    marked(found.iter().map(|path| Source::parse(&relative(path), &fs::read_to_string(path).unwrap())).collect())
}

/// Marks the files of modules that are declared for tests alone.
pub fn marked(mut sources: Vec<Source>) -> Vec<Source> {
    let mut of_tests = BTreeSet::new();
    for source in &sources {
        let folder = module_of(&source.path)[1..].join("/");
        for module in &source.test_modules {
            of_tests.insert(if folder.is_empty() { module.clone() } else { format!("{folder}/{module}") });
        }
    }
    for source in &mut sources {
        let module = module_of(&source.path)[1..].join("/");
        source.is_test = of_tests.iter().any(|test| module == *test || module.starts_with(&format!("{test}/")));
    }
    sources
}

/// The module that a file is: `["crate", …]`.
fn module_of(path: &str) -> Vec<String> {
    let path = path.trim_end_matches(".rs").trim_end_matches("/mod");
    let parts = path.split('/').filter(|part| !matches!(*part, "lib" | "main" | ""));
    std::iter::once("crate").chain(parts).map(str::to_owned).collect()
}

/// Takes away what only tests see and what is text: documentation.
#[derive(Default)]
struct Cut {
    modules: Vec<String>,
    lines: usize,
}

impl Cut {
    fn goes(&mut self, attributes: &[Attribute], span: Span) -> bool {
        let goes = attributes.iter().any(is_for_tests);
        if goes {
            self.lines += span.end().line - span.start().line + 1;
        }
        goes
    }
}

impl VisitMut for Cut {
    fn visit_file_mut(&mut self, file: &mut syn::File) {
        self.items(&mut file.items);
        visit_mut::visit_file_mut(self, file);
    }

    fn visit_item_mod_mut(&mut self, module: &mut syn::ItemMod) {
        if let Some((_, items)) = &mut module.content {
            self.items(items);
        }
        visit_mut::visit_item_mod_mut(self, module);
    }

    fn visit_item_impl_mut(&mut self, block: &mut syn::ItemImpl) {
        block.items.retain(|item| match item {
            ImplItem::Fn(item) => !self.goes(&item.attrs, item.span()),
            ImplItem::Const(item) => !self.goes(&item.attrs, item.span()),
            _ => true,
        });
        visit_mut::visit_item_impl_mut(self, block);
    }

    fn visit_block_mut(&mut self, block: &mut syn::Block) {
        block.stmts.retain(|statement| match statement {
            Stmt::Local(local) => !self.goes(&local.attrs, local.span()),
            Stmt::Item(item) => !self.goes(attributes(item), item.span()),
            Stmt::Expr(..) | Stmt::Macro(_) => true,
        });
        visit_mut::visit_block_mut(self, block);
    }

    fn visit_attributes_mut(&mut self, attributes: &mut Vec<Attribute>) {
        attributes.retain(|attribute| !attribute.path().is_ident("doc"));
    }
}

impl Cut {
    fn items(&mut self, items: &mut Vec<Item>) {
        items.retain(|item| {
            let goes = self.goes(attributes(item), item.span());
            if let (true, Item::Mod(module)) = (goes, item)
                && module.content.is_none()
            {
                self.modules.push(module.ident.to_string());
            }
            !goes
        });
    }
}

fn is_for_tests(attribute: &Attribute) -> bool {
    attribute.path().is_ident("cfg") && attribute.parse_args::<syn::Path>().is_ok_and(|path| path.is_ident("test"))
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// Finds the paths in code that stands in `module`.
fn walk(tokens: TokenStream, module: &[String], names: &mut Vec<Named>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut at = 0;
    while at < tokens.len() {
        let word = word(&tokens[at]);
        match (&tokens[at], word.as_deref()) {
            (_, Some("use")) => {
                let end = (at..tokens.len()).find(|place| is_punct(tokens.get(*place), ';')).unwrap_or(tokens.len());
                let is_reexport = is_public(&tokens[..at]);
                let tree: TokenStream = tokens[at + 1..end].iter().cloned().collect();
                use_tree(tree, &[], module, is_reexport, names);
                at = end;
            }
            (_, Some("mod")) => {
                if let (Some(name), Some(TokenTree::Group(body))) = (tokens.get(at + 1).and_then(self::word), tokens.get(at + 2)) {
                    walk(body.stream(), &[module, &[name]].concat(), names);
                    at += 2;
                }
            }
            (_, Some(_)) => {
                let (path, next) = path(&tokens, at);
                if path.len() > 1 {
                    names.push(Named { segments: resolved(path, module), is_reexport: false, is_use: false });
                }
                at = next - 1;
            }
            (TokenTree::Group(group), _) => walk(group.stream(), module, names),
            _ => {}
        }
        at += 1;
    }
}

/// The paths of a `use`, groups and renames taken apart.
fn use_tree(tokens: TokenStream, before: &[String], module: &[String], is_reexport: bool, names: &mut Vec<Named>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    for tree in tokens.split(|token| is_punct(Some(token), ',')).filter(|tree| !tree.is_empty()) {
        let start = tree.iter().position(|token| !is_punct(Some(token), ':')).unwrap_or(tree.len());
        let (path, next) = path(tree, start);
        let path: Vec<String> = before.iter().cloned().chain(path.into_iter().filter(|name| name != "self" || before.is_empty())).collect();
        match tree.get(next..).and_then(|rest| rest.iter().find(|token| matches!(token, TokenTree::Group(_)))) {
            Some(TokenTree::Group(group)) => use_tree(group.stream(), &path, module, is_reexport, names),
            _ if path.is_empty() => {}
            _ => names.push(Named { segments: resolved(path, module), is_reexport, is_use: true }),
        }
    }
}

/// The words that `::` joins from there on, and where they end.
fn path(tokens: &[TokenTree], mut at: usize) -> (Vec<String>, usize) {
    let mut segments = Vec::new();
    while let Some(name) = tokens.get(at).and_then(word) {
        segments.push(name);
        at += 1;
        if !(is_punct(tokens.get(at), ':') && is_punct(tokens.get(at + 1), ':')) {
            break;
        }
        at += 2;
    }
    (segments, at)
}

/// The path from the crate on, if it begins with `self` or climbs with `super`.
fn resolved(path: Vec<String>, module: &[String]) -> Vec<String> {
    let climbs = path.iter().take_while(|name| *name == "super").count();
    match path.first().map(String::as_str) {
        Some("super") => [&module[..module.len().saturating_sub(climbs)], &path[climbs..]].concat(),
        Some("self") => [module, &path[1..]].concat(),
        _ => path,
    }
}

fn is_public(before: &[TokenTree]) -> bool {
    match before {
        [.., TokenTree::Ident(name)] => name == "pub",
        [.., TokenTree::Ident(name), TokenTree::Group(scope)] => name == "pub" && scope.delimiter() == Delimiter::Parenthesis,
        _ => false,
    }
}

fn word(token: &TokenTree) -> Option<String> {
    match token {
        TokenTree::Ident(name) => Some(name.to_string()),
        _ => None,
    }
}

fn is_punct(token: Option<&TokenTree>, sign: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == sign)
}

/// The words of code, and those that follow a dot: methods and fields.
#[derive(Default)]
struct Words {
    all: BTreeSet<String>,
    methods: BTreeSet<String>,
}

impl Words {
    fn collect(&mut self, tokens: TokenStream) {
        let mut after_dot = false;
        for token in tokens {
            if let (Some(name), true) = (word(&token), after_dot) {
                self.methods.insert(name);
            }
            after_dot = is_punct(Some(&token), '.');
            self.all.extend(word(&token));
            if let TokenTree::Group(group) = token {
                self.collect(group.stream());
            }
        }
    }
}

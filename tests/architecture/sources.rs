//! Which file of a crate uses which, read from the sources.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use proc_macro2::{TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::{Attribute, Item, ItemUse, UseTree, Visibility};

/// One file uses another of its crate. Paths are relative to the crate's `src`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Arrow {
    pub from: String,
    pub to: String,
}

impl Arrow {
    pub fn layer_of_user(&self) -> &str {
        layer(&self.from)
    }

    pub fn layer_of_used(&self) -> &str {
        layer(&self.to)
    }
}

/// The first directory, or the file's name without its extension.
fn layer(file: &str) -> &str {
    let first = file.split('/').next().unwrap_or(file);
    first.strip_suffix(".rs").unwrap_or(first)
}

/// A module's path below the crate's root, such as `["models", "chat"]`.
type ModulePath = Vec<String>;

/// A module: a file, or a part of one in braces.
#[derive(Default)]
struct Module {
    file: String,
    /// The names that it defines.
    items: BTreeSet<String>,
    /// The names that it takes from elsewhere, with the path as it is written.
    imports: BTreeMap<String, Vec<String>>,
    /// The modules of which it takes everything.
    globs: Vec<Vec<String>>,
    /// The paths that it uses: in expressions, types, macros, and in imports that are not passed on.
    uses: BTreeSet<Vec<String>>,
    /// The paths of imports that are passed on.
    passed_on: BTreeSet<Vec<String>>,
}

pub struct Crate {
    /// The names under which its own sources may call it.
    names: BTreeSet<String>,
    modules: BTreeMap<ModulePath, Module>,
    /// What `macro_export` puts into the root, with the place of the definition.
    exported_macros: BTreeMap<String, Vec<String>>,
}

impl Crate {
    /// Reads the sources below a directory.
    pub fn read(name: &str, directory: &Path) -> Self {
        fn collect(directory: &Path, prefix: &str, found: &mut Vec<(String, String)>) {
            for entry in fs::read_dir(directory).expect("a directory") {
                let path = entry.expect("an entry").path();
                let name = path.file_name().expect("a name").to_string_lossy().into_owned();
                if path.is_dir() {
                    collect(&path, &format!("{prefix}{name}/"), found);
                } else if path.extension().is_some_and(|extension| extension == "rs") {
                    let text = fs::read_to_string(&path).expect("a source");
                    found.push((format!("{prefix}{name}"), text));
                }
            }
        }
        let mut sources = Vec::new();
        collect(directory, "", &mut sources);
        let sources: Vec<(&str, &str)> =
            sources.iter().map(|(file, text)| (file.as_str(), text.as_str())).collect();
        Self::of(name, &sources)
    }

    /// Reads sources, each with its path.
    pub fn of(name: &str, sources: &[(&str, &str)]) -> Self {
        let mut krate = Self {
            names: BTreeSet::from(["crate".to_owned(), name.to_owned()]),
            modules: BTreeMap::new(),
            exported_macros: BTreeMap::new(),
        };
        for (file, text) in sources {
            let parsed = syn::parse_file(text).unwrap_or_else(|error| panic!("{file}: {error}"));
            let place = file.trim_end_matches(".rs").trim_end_matches("mod").trim_end_matches('/');
            let path: ModulePath = match place {
                "lib" | "main" => Vec::new(),
                place => place.split('/').map(str::to_owned).collect(),
            };
            // The program's file is a crate of its own, which uses the library, and `schema.rs` is no module: the build
            // script makes another of it, which `tables.rs` includes.
            if !["main.rs", "schema.rs"].contains(file) {
                krate.module(file, path, &parsed.items);
            }
        }
        krate
    }

    fn module(&mut self, file: &str, path: ModulePath, items: &[Item]) {
        let mut module = Module { file: file.to_owned(), ..Module::default() };
        for item in items {
            if is_test(attributes(item)) {
                continue;
            }
            match item {
                Item::Use(item) => {
                    let passed_on = !matches!(item.vis, Visibility::Inherited);
                    module.import(&item.tree, &[], passed_on);
                }
                Item::ExternCrate(item) => {
                    if let (true, Some((_, name))) = (item.ident == "self", &item.rename) {
                        self.names.insert(name.to_string());
                    }
                }
                Item::Mod(inner) => {
                    let moved = inner.attrs.iter().any(|a| a.path().is_ident("path"));
                    assert!(
                        !moved,
                        "{file}: a module's file follows from its name, without #[path]"
                    );
                    module.items.insert(inner.ident.to_string());
                    if let Some((_, items)) = &inner.content {
                        let mut path = path.clone();
                        path.push(inner.ident.to_string());
                        self.module(file, path, items);
                    }
                }
                item => {
                    let exported =
                        attributes(item).iter().any(|a| a.path().is_ident("macro_export"));
                    if let (true, Some(name)) = (exported, name_of(item)) {
                        let place = path.iter().chain([&name]).cloned().collect();
                        self.exported_macros.insert(name, place);
                    }
                    module.items.extend(name_of(item));
                    module.paths_in(item.to_token_stream());
                }
            }
        }
        let known = self.modules.insert(path, module);
        assert!(known.is_none(), "two modules of one path: {file}");
    }

    /// The names of the layers: the modules of the root.
    pub fn layers(&self) -> impl Iterator<Item = &str> {
        let of_root = self.modules.iter().filter(|(path, _)| path.len() == 1);
        // What stands in the root's own file is no layer.
        of_root.filter(|(_, module)| module.file != "lib.rs").map(|(path, _)| path[0].as_str())
    }

    /// Which file uses which, sorted.
    pub fn arrows(&self) -> Vec<Arrow> {
        let mut found = BTreeSet::new();
        for (path, module) in &self.modules {
            let arrow = |used: &Vec<String>| {
                let to = self.file_of(path, used, true, &mut BTreeSet::new())?;
                Some(Arrow { from: module.file.clone(), to })
            };
            found.extend(module.uses.iter().filter_map(arrow));
            // The front of a layer passes on what its files define. Only the root passes on more.
            let of_others = module.passed_on.iter().filter_map(arrow);
            let of_others = of_others.filter(|a| a.layer_of_user() != a.layer_of_used());
            found.extend(of_others.filter(|a| a.layer_of_user() != "lib"));
        }
        found.retain(|arrow| arrow.from != arrow.to);
        found.into_iter().collect()
    }

    /// The file that defines what a path leads to, as it is written in a module. None if that is another
    /// crate's.
    ///
    /// With `guess`, a name that no item of the module it is asked of has is taken for one that a macro
    /// makes there. Of a module from which everything is imported, nobody knows that the name is its own.
    /// `seen` are the names that were asked for already: imports may lead round in a circle.
    fn file_of(
        &self,
        from: &ModulePath,
        path: &[String],
        guess: bool,
        seen: &mut BTreeSet<(ModulePath, Vec<String>)>,
    ) -> Option<String> {
        if !seen.insert((from.clone(), path.to_vec())) {
            return None;
        }
        let mut at = from.clone();
        let mut rest = path;
        let first = path.first()?;
        if self.names.contains(first) {
            at.clear();
            rest = &rest[1..];
        } else {
            if first == "self" {
                rest = &rest[1..];
            }
            while rest.first().is_some_and(|segment| segment == "super") {
                at.pop()?;
                rest = &rest[1..];
            }
        }
        for (index, segment) in rest.iter().enumerate() {
            let module = self.modules.get(&at)?;
            let mut child = at.clone();
            child.push(segment.clone());
            if self.modules.contains_key(&child) {
                at = child;
                continue;
            }
            if module.items.contains(segment) {
                return Some(module.file.clone());
            }
            let tail = &rest[index + 1..];
            if let Some(import) = module.imports.get(segment) {
                // Another crate's, such as the macro `anyhow` of the crate `anyhow`.
                if import.first() == Some(segment) {
                    return None;
                }
                let path: Vec<String> = import.iter().chain(tail).cloned().collect();
                return self.file_of(&at, &path, guess, seen);
            }
            let own = |glob: &&Vec<String>| {
                let first = glob.first().map_or("", String::as_str);
                ["crate", "self", "super"].contains(&first) || module.items.contains(first)
            };
            let through_glob = module.globs.iter().filter(own).find_map(|glob| {
                let path: Vec<String> = glob.iter().chain(&rest[index..]).cloned().collect();
                self.file_of(&at, &path, false, seen)
            });
            if at.is_empty()
                && let Some(place) = self.exported_macros.get(segment)
            {
                return self.file_of(&at, place, guess, seen);
            }
            // A name that nobody writes down comes from a macro or a derive of this file. Of a path
            // that does not begin in this crate, nothing is known.
            let is_ours = guess && (rest.len() < path.len() || index > 0);
            return through_glob.or_else(|| is_ours.then(|| module.file.clone()));
        }
        // A module itself is used: its front is.
        self.modules.get(&at).map(|module| module.file.clone())
    }
}

impl Module {
    fn import(&mut self, tree: &UseTree, prefix: &[String], passed_on: bool) {
        let with = |name: String| {
            let mut path = prefix.to_vec();
            if name != "self" || path.is_empty() {
                path.push(name);
            }
            path
        };
        let mut add = |name: String, path: Vec<String>| {
            let paths = if passed_on { &mut self.passed_on } else { &mut self.uses };
            paths.insert(path.clone());
            self.imports.entry(name).or_insert(path);
        };
        match tree {
            UseTree::Path(tree) => {
                self.import(&tree.tree, &with(tree.ident.to_string()), passed_on);
            }
            UseTree::Name(tree) => {
                let path = with(tree.ident.to_string());
                add(path.last().cloned().unwrap_or_default(), path);
            }
            UseTree::Rename(tree) => add(tree.rename.to_string(), with(tree.ident.to_string())),
            UseTree::Glob(_) => {
                let paths = if passed_on { &mut self.passed_on } else { &mut self.uses };
                paths.insert(prefix.to_vec());
                self.globs.push(prefix.to_vec());
            }
            UseTree::Group(tree) => {
                for tree in &tree.items {
                    self.import(tree, prefix, passed_on);
                }
            }
        }
    }

    /// Adds each path of two or more segments in these tokens, inside macros too, and each import inside a
    /// block.
    fn paths_in(&mut self, tokens: TokenStream) {
        let (mut path, mut colons): (Vec<String>, usize) = (Vec::new(), 0);
        let mut tokens = tokens.into_iter();
        while let Some(token) = tokens.next() {
            match token {
                TokenTree::Ident(ident) if ident == "use" => {
                    self.end(&mut path);
                    let rest = tokens.by_ref().take_while(|token| !is_punct(token, ';'));
                    // A macro's own crate is this one.
                    let rest: TokenStream = rest.filter(|token| !is_punct(token, '$')).collect();
                    match syn::parse2::<ItemUse>(quote!(use #rest;)) {
                        Ok(item) => self.import(&item.tree, &[], false),
                        Err(_) => self.paths_in(rest),
                    }
                    colons = 0;
                }
                TokenTree::Ident(ident) => {
                    if colons != 2 {
                        self.end(&mut path);
                    }
                    path.push(ident.to_string());
                    colons = 0;
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
                TokenTree::Group(group) => {
                    self.end(&mut path);
                    self.paths_in(group.stream());
                    colons = 0;
                }
                TokenTree::Literal(literal) => {
                    self.end(&mut path);
                    self.path_in_text(&literal.to_string());
                    colons = 0;
                }
                TokenTree::Punct(_) => {
                    self.end(&mut path);
                    colons = 0;
                }
            }
        }
        self.end(&mut path);
    }

    fn end(&mut self, path: &mut Vec<String>) {
        let path = std::mem::take(path);
        if path.len() > 1 {
            self.uses.insert(path);
        }
    }

    /// Adds a text that is nothing but a path, as in `#[serde(with = "crate::models")]`.
    fn path_in_text(&mut self, literal: &str) {
        let text = literal.trim_matches('"');
        let begins = ["crate::", "super::", "self::"].iter().any(|start| text.starts_with(start));
        if let (true, Ok(path)) = (begins, syn::parse_str::<syn::Path>(text)) {
            self.uses.insert(path.segments.iter().map(|s| s.ident.to_string()).collect());
        }
    }
}

fn is_punct(token: &TokenTree, character: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == character)
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

fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.to_token_stream().to_string().replace(' ', "") == "#[cfg(test)]"
    })
}

/// The names that an item brings into its module.
fn name_of(item: &Item) -> Option<String> {
    match item {
        Item::Const(item) => Some(item.ident.to_string()),
        Item::Enum(item) => Some(item.ident.to_string()),
        Item::Fn(item) => Some(item.sig.ident.to_string()),
        Item::Macro(item) => item.ident.as_ref().map(ToString::to_string),
        Item::Static(item) => Some(item.ident.to_string()),
        Item::Struct(item) => Some(item.ident.to_string()),
        Item::Trait(item) => Some(item.ident.to_string()),
        Item::Type(item) => Some(item.ident.to_string()),
        _ => None,
    }
}

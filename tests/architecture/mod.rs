//! The layers of `docs/ARCHITECTURE.md`, kept by the sources: its tables are what is allowed.

mod calls;
mod queries;
mod sources;
mod tables;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use sources::{Arrow, Crate};
use tables::Allowed;

use crate::support::repository;

/// The crates of the workspace that ship, with the directory of their sources.
const CRATES: [(&str, &str); 6] = [
    ("zenith-db", "src"),
    ("zenith-db-cli", "crates/cli/src"),
    ("zenith-db-embed", "crates/embed/src"),
    ("zenith-db-import", "crates/import/src"),
    ("zenith-db-lint", "crates/lint/src"),
    ("zenith-db-transfer", "crates/transfer/src"),
];

fn architecture() -> String {
    fs::read_to_string(repository().join("docs/ARCHITECTURE.md")).expect("the document")
}

/// The arrows between the layers of a crate that the table does not allow, each with its reason.
fn forbidden(arrows: &[Arrow], allowed: &Allowed) -> Vec<String> {
    let mut found = Vec::new();
    for arrow in arrows {
        let (from, to) = (arrow.layer_of_user(), arrow.layer_of_used());
        // The root declares the layers and re-exports from all of them.
        if from == to || from == "lib" {
            continue;
        }
        if !allowed.get(from).is_some_and(|may_use| may_use.contains(to)) {
            found.push(format!("{} uses {} ({from} → {to})", arrow.from, arrow.to));
        }
    }
    found
}

/// Files that use each other, directly or through others: each circle by its files.
fn circles(arrows: &[Arrow]) -> Vec<BTreeSet<String>> {
    let mut uses: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for arrow in arrows.iter().filter(|arrow| arrow.from != arrow.to) {
        uses.entry(&arrow.from).or_default().insert(&arrow.to);
    }
    let reachable = |start: &str| {
        let (mut seen, mut open) = (BTreeSet::new(), vec![start]);
        while let Some(file) = open.pop() {
            for next in uses.get(file).into_iter().flatten() {
                if seen.insert(*next) {
                    open.push(next);
                }
            }
        }
        seen
    };
    let from: BTreeMap<&str, BTreeSet<&str>> =
        uses.keys().map(|file| (*file, reachable(file))).collect();
    let mut found = Vec::new();
    for (file, reached) in &from {
        if !reached.contains(file) {
            continue;
        }
        let back = |other: &&&str| from.get(**other).is_some_and(|them| them.contains(file));
        let circle: BTreeSet<String> =
            reached.iter().filter(back).map(|f| (*f).to_owned()).collect();
        if !found.contains(&circle) {
            found.push(circle);
        }
    }
    found
}

#[test]
fn no_layer_uses_one_that_the_table_does_not_allow() {
    let krate = Crate::read("zenith_db", &repository().join("src"));
    let allowed = tables::layers(&architecture());
    let layers: BTreeSet<&str> = krate.layers().collect();
    let listed: BTreeSet<&str> = allowed.keys().map(String::as_str).collect();
    assert_eq!(layers, listed, "docs/ARCHITECTURE.md lists other layers than src/ has");
    let arrows = krate.arrows();
    assert!(arrows.len() > 200, "{} arrows", arrows.len());
    assert_eq!(forbidden(&arrows, &allowed), Vec::<String>::new());
}

#[test]
fn the_table_of_layers_has_no_circle_and_allows_nothing_that_nobody_uses() {
    let allowed = tables::layers(&architecture());
    let arrows: Vec<Arrow> = allowed
        .iter()
        .flat_map(|(from, to)| to.iter().map(|to| Arrow { from: from.clone(), to: to.clone() }))
        .collect();
    assert_eq!(circles(&arrows), Vec::<BTreeSet<String>>::new());
    let krate = Crate::read("zenith_db", &repository().join("src"));
    let used: BTreeSet<(String, String)> = krate
        .arrows()
        .iter()
        .map(|arrow| (arrow.layer_of_user().to_owned(), arrow.layer_of_used().to_owned()))
        .collect();
    let idle: Vec<&Arrow> =
        arrows.iter().filter(|a| !used.contains(&(a.from.clone(), a.to.clone()))).collect();
    assert!(idle.is_empty(), "the table allows what nobody uses: {idle:?}");
}

#[test]
fn no_files_use_each_other_in_a_circle() {
    for (name, directory) in CRATES {
        let krate = Crate::read(&name.replace('-', "_"), &repository().join(directory));
        assert_eq!(circles(&krate.arrows()), Vec::<BTreeSet<String>>::new(), "{name}");
    }
}

/// The packages of this workspace on which a manifest depends, other than for tests.
fn dependencies(manifest: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut counts = false;
    for line in manifest.lines() {
        if let Some(section) = line.strip_prefix('[') {
            let section = section.trim_end().trim_end_matches(']');
            let (table, name) = section.rsplit_once('.').unwrap_or(("", section));
            let is_table = |name: &str| {
                let last = name.rsplit('.').next();
                matches!(last, Some("dependencies" | "build-dependencies"))
            };
            // The root's table of versions is no dependency.
            let is_table = |name: &str| is_table(name) && table != "workspace";
            counts = is_table(name) || is_table(table);
            if is_table(table) && name.starts_with("zenith-db") {
                found.insert(name.to_owned());
            }
        } else if counts {
            // The name may stand as the key, or beside a key of the application's choice.
            let key = line.split([' ', '.', '=']).next().unwrap_or_default();
            let package =
                line.split_once("package = \"").and_then(|(_, rest)| rest.split('"').next());
            let name = package.unwrap_or(key);
            found.extend(name.starts_with("zenith-db").then(|| name.to_owned()));
        }
    }
    found
}

#[test]
fn a_dependency_is_found_however_it_is_written() {
    let manifest = "[dependencies]\nzenith-db.workspace = true\nother = \"1\"\n\
        lint = { path = \"../lint\", package = \"zenith-db-lint\" }\n\
        [target.'cfg(unix)'.dependencies]\nzenith-db-transfer = { path = \"../transfer\" }\n\
        [dependencies.zenith-db-import]\npath = \"../import\"\n\
        [build-dependencies]\nzenith-db-embed = { workspace = true }\n\
        [dev-dependencies]\nzenith-db-cli.workspace = true\n\
        [workspace.dependencies]\nzenith-db-cli = { path = \"../cli\" }\n";
    let all = ["", "-lint", "-transfer", "-import", "-embed"];
    assert_eq!(dependencies(manifest), all.map(|name| format!("zenith-db{name}")).into());
}

#[test]
fn each_package_depends_on_those_that_the_table_says() {
    let allowed = tables::packages(&architecture());
    let mut found = Allowed::new();
    let directories = fs::read_dir(repository().join("crates")).expect("the crates");
    assert_eq!(directories.count() + 1, CRATES.len(), "a crate is not listed in this test");
    for (name, directory) in CRATES {
        let manifest = directory.trim_end_matches("src").to_owned() + "Cargo.toml";
        let text = fs::read_to_string(repository().join(manifest)).expect("a manifest");
        found.insert(name.to_owned(), dependencies(&text));
    }
    assert_eq!(found, allowed);
}

#[test]
fn an_arrow_is_found_however_it_is_written() {
    let sources = [
        ("lib.rs", "mod low; mod front; mod high; mod side; pub use low::Thing;"),
        ("low.rs", "pub struct Thing; pub fn make() -> Thing { Thing }"),
        ("front/mod.rs", "mod first; mod second; pub use first::*; pub use second::*;"),
        ("front/first.rs", "pub struct First;"),
        ("front/second.rs", "pub struct Second;"),
        ("high/mod.rs", "mod inner; mod other; pub use inner::Up; fn f() { crate::low::make(); }"),
        ("high/inner.rs", "use super::super::low::make; use crate::front::Second; pub struct Up;"),
        ("high/other.rs", "use crate::Thing; mod deep { use super::super::Up; }"),
        (
            "side.rs",
            "use bail::{Context, bail}; fn f() { run!(x, |c| $crate::high::Up); bail!(Context::new()); }
             #[cfg(test)] mod tests { use crate::low::make; }",
        ),
    ];
    let krate = Crate::of("made_up", &sources);
    let arrows: Vec<String> =
        krate.arrows().iter().map(|arrow| format!("{} {}", arrow.from, arrow.to)).collect();
    assert_eq!(
        arrows,
        [
            "high/inner.rs front/second.rs",
            "high/inner.rs low.rs",
            "high/mod.rs low.rs",
            "high/other.rs high/inner.rs",
            "high/other.rs low.rs",
            "side.rs high/inner.rs",
        ]
    );
    let allowed = tables::layers(
        "| layer | may use |\n|---|---|\n| `low` | |\n| `high` | `front`, `low` |\n| `side` | `low` |\n",
    );
    let refused = ["side.rs uses high/inner.rs (side → high)"];
    assert_eq!(forbidden(&krate.arrows(), &allowed), refused);
}

#[test]
fn a_layer_is_found_to_be_broken_in_whatever_words() {
    let allowed =
        tables::layers("| layer | may use |\n|---|---|\n| `low` | |\n| `high` | `low` |\n");
    for (file, text) in [
        ("low/mod.rs", "use crate::{high::Up, other};"),
        ("low/mod.rs", "use crate::{self as root}; fn f() { root::high::Up; }"),
        ("low/mod.rs", "use crate as root; fn f() { root::high::Up; }"),
        ("low/mod.rs", "use super::high::{self as h}; fn f(up: h::Up) {}"),
        ("low/inner.rs", "use super::{super::{high::*}};"),
        ("low/inner.rs", "fn f() { self::super::super::high::Up; }"),
        ("low/inner.rs", "use self::super::super::high::Up;"),
        ("low/inner.rs", "mod deep { fn f() -> super::super::super::high::Up {} }"),
        ("low/mod.rs", "pub(crate) use crate::high::Up; fn f(up: Up) {}"),
        ("low/mod.rs", "pub use crate::high::*;"),
        ("low/mod.rs", "#[doc(hidden)] pub mod internal { pub use crate::high::Up; }"),
        ("low/mod.rs", "fn f() { use crate::{high::Up}; }"),
        ("low/mod.rs", "fn f() { { use crate as root; root::high::Up; } }"),
        ("low/mod.rs", "fn f() { run!({ use crate::{high::{Up as Down}}; }); }"),
        ("low/mod.rs", "macro_rules! m { () => { use $crate::{high::Up}; } }"),
        ("low/mod.rs", "const _: () = { use super::{high::Up as _}; };"),
        ("low/mod.rs", "#[derive(S)] struct T(#[serde(with = \"crate::high::inner\")] u8);"),
        ("low/mod.rs", "impl crate::high::Up {}"),
        ("low/mod.rs", "fn f() { <crate::high::Up as Clone>::clone; }"),
        ("low/mod.rs", "fn f() { ::made_up::high::Up; }"),
        ("low/mod.rs", "fn f() { itself::high::Up; }"),
        ("low/mod.rs", "fn f() { crate::front::Up; }"),
    ] {
        let sources = [
            ("lib.rs", "extern crate self as itself; pub mod front { pub use crate::high::Up; }"),
            ("high/mod.rs", "mod inner; pub struct Up;"),
            ("high/inner.rs", ""),
            (file, text),
        ];
        let broken = forbidden(&Crate::of("made_up", &sources).arrows(), &allowed);
        assert!(broken.iter().any(|arrow| arrow.ends_with("(low → high)")), "{text}: {broken:?}");
    }
}

#[test]
fn a_circle_is_found_through_a_third_file() {
    let sources = [
        ("lib.rs", "mod a; mod b; mod c; mod d;"),
        ("a.rs", "use crate::b::B; pub struct A;"),
        ("b.rs", "pub struct B; fn f() -> crate::c::C { crate::c::C }"),
        ("c.rs", "pub struct C(super::a::A);"),
        ("d.rs", "use crate::a::A;"),
    ];
    let krate = Crate::of("made_up", &sources);
    let circle = ["a.rs", "b.rs", "c.rs"].map(str::to_owned);
    assert_eq!(circles(&krate.arrows()), [BTreeSet::from(circle)]);
}

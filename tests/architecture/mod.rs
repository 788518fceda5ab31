//! The layers of `docs/ARCHITECTURE.md`, kept by the sources: its tables are what is allowed.

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

#[test]
fn each_package_depends_on_those_that_the_table_says() {
    let allowed = tables::packages(&architecture());
    let mut found = Allowed::new();
    for (name, directory) in CRATES {
        let manifest = directory.trim_end_matches("src").to_owned() + "Cargo.toml";
        let text = fs::read_to_string(repository().join(manifest)).expect("a manifest");
        let mut section = "";
        let dependencies = text.lines().filter_map(|line| {
            if line.starts_with('[') {
                section = line;
            }
            let name = line.split([' ', '.', '=']).next()?;
            let counts = section == "[dependencies]" || section == "[build-dependencies]";
            (counts && name.starts_with("zenith-db")).then(|| name.to_owned())
        });
        found.insert(name.to_owned(), dependencies.collect());
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
            "fn f() { run!(x, |c| $crate::high::Up); }
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

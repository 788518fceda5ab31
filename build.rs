//! Embeds the migrations' text: Diesel's own macro keeps it to itself, and the checksums need it.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let manifest = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    let migrations = manifest.join("migrations");
    println!("cargo:rerun-if-changed={}", migrations.display());
    fs::write(out.join("migrations.rs"), embed(&migrations)?)
}

/// The directories as a Rust slice expression, oldest migration first. Both databases have the same
/// migrations, or the crate is not built.
fn embed(migrations: &Path) -> io::Result<String> {
    let (sqlite, postgres) = (migrations.join("sqlite"), migrations.join("postgres"));
    let names = names_in(&sqlite)?;
    if let Some(name) = names.symmetric_difference(&names_in(&postgres)?).next() {
        return Err(io::Error::other(format!(
            "the migration {name} is in one of migrations/sqlite and migrations/postgres only"
        )));
    }
    let mut source = String::from("&[\n");
    for name in names {
        let _ = writeln!(
            source,
            "    EmbeddedMigration::new({name:?}, {}, {}),",
            script(&sqlite.join(&name)),
            script(&postgres.join(&name)),
        );
    }
    source.push_str("]\n");
    Ok(source)
}

fn names_in(directory: &Path) -> io::Result<BTreeSet<String>> {
    println!("cargo:rerun-if-changed={}", directory.display());
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.path().is_dir() {
            names.insert(entry.file_name().to_string_lossy().into_owned());
        }
    }
    Ok(names)
}

fn script(directory: &Path) -> String {
    println!("cargo:rerun-if-changed={}", directory.display());
    let (up, down) = (directory.join("up.sql"), directory.join("down.sql"));
    let (up, down) = (up.to_string_lossy(), down.to_string_lossy());
    format!("Script {{ up: include_str!({up:?}), down: include_str!({down:?}) }}")
}

//! Embeds the text of migrations in a program, from its build script.
//!
//! Diesel's `embed_migrations!` does not give access to the text, which the checksums of
//! `schema_version` and the plan of a run need. This crate has no dependencies: it is compiled before
//! everything else.
//!
//! ```no_run
//! // build.rs
//! fn main() -> std::io::Result<()> {
//!     zenith_db_embed::write("migrations")
//! }
//! ```
//!
//! The program then includes the list, oldest migration first:
//!
//! ```ignore
//! static OWN: &[EmbeddedMigration] = include!(concat!(env!("OUT_DIR"), "/migrations.rs"));
//! ```

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// Writes `migrations.rs` with the migrations of `directory` into the `OUT_DIR` of the build script that
/// calls this function. The directory is relative to the package's `Cargo.toml`, and contains `sqlite/` and
/// `postgres/`.
///
/// # Errors
/// An error that names the migration if it exists for one backend only, or the path if a directory cannot
/// be read. The system's error if the file cannot be written.
pub fn write(directory: impl AsRef<Path>) -> io::Result<()> {
    let manifest = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    let migrations = manifest.join(directory);
    println!("cargo::rerun-if-changed={}", migrations.display());
    fs::write(out.join("migrations.rs"), list(&migrations)?)
}

/// Returns Rust source code for the migrations of a directory: a slice of `EmbeddedMigration`, oldest first.
///
/// # Errors
/// An error that names the migration if it exists for one backend only, or the path if a directory cannot
/// be read.
pub fn list(migrations: &Path) -> io::Result<String> {
    let (sqlite, postgres) = (migrations.join("sqlite"), migrations.join("postgres"));
    let names = names_in(&sqlite)?;
    if let Some(name) = names.symmetric_difference(&names_in(&postgres)?).next() {
        return Err(io::Error::other(format!(
            "the migration {name} exists in only one of {} and {}: write it for both",
            sqlite.display(),
            postgres.display()
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
    println!("cargo::rerun-if-changed={}", directory.display());
    let with_path = |cause: io::Error| {
        io::Error::new(cause.kind(), format!("cannot read {}: {cause}", directory.display()))
    };
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(directory).map_err(with_path)? {
        let entry = entry.map_err(with_path)?;
        if entry.path().is_dir() {
            names.insert(entry.file_name().to_string_lossy().into_owned());
        }
    }
    Ok(names)
}

fn script(directory: &Path) -> String {
    println!("cargo::rerun-if-changed={}", directory.display());
    let (up, down) = (directory.join("up.sql"), directory.join("down.sql"));
    let (up, down) = (up.to_string_lossy(), down.to_string_lossy());
    format!("Script {{ up: include_str!({up:?}), down: include_str!({down:?}) }}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_migration_that_one_database_lacks_is_refused_by_name() {
        let directory = env::temp_dir().join(format!("zenith-embed-{}", std::process::id()));
        for path in ["sqlite/2026-01-01-000001_a", "sqlite/2026-01-01-000002_b", "postgres"] {
            fs::create_dir_all(directory.join(path)).unwrap();
        }
        fs::create_dir_all(directory.join("postgres/2026-01-01-000001_a")).unwrap();
        let refused = list(&directory).unwrap_err().to_string();
        fs::create_dir_all(directory.join("postgres/2026-01-01-000002_b")).unwrap();
        let accepted = list(&directory).unwrap();
        fs::remove_dir_all(&directory).unwrap();
        assert!(refused.contains("2026-01-01-000002_b"), "{refused}");
        assert_eq!(accepted.matches("EmbeddedMigration::new").count(), 2);
        let places = ["000001_a", "000002_b"].map(|name| accepted.find(name));
        assert!(places[0] < places[1], "{accepted}");
    }
}

//! Embeds the text of migrations in a program, and gives the columns of its `schema.rs` the types of what they hold, from
//! its build script.
//!
//! Diesel's `embed_migrations!` does not give access to the text, which the checksums in
//! `schema_version` and the plan of a run need. This crate has no dependencies, so that a build script
//! compiles fast.
//!
//! ```no_run
//! // build.rs
//! fn main() -> std::io::Result<()> {
//!     zenith_db_embed::write("migrations")
//! }
//! ```
//!
//! The program then includes the list, which has the oldest migration first:
//!
//! ```ignore
//! static OWN: &[EmbeddedMigration] = include!(concat!(env!("OUT_DIR"), "/migrations.rs"));
//! ```

mod schema;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

pub use schema::{ColumnType, typed_schema, write_schema};

/// Writes `migrations.rs` with the migrations of `directory` into the `OUT_DIR` of the build script that
/// calls this function. The directory is relative to the package's `Cargo.toml`, and contains `sqlite/` or
/// `postgres/`, or both with the same migrations.
///
/// # Errors
/// Those of [`list`]; the system's error if the file cannot be written.
pub fn write(directory: impl AsRef<Path>) -> io::Result<()> {
    let manifest = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    let migrations = manifest.join(directory);
    watch(&migrations)?;
    fs::write(out.join("migrations.rs"), list(&migrations)?)
}

/// Tells Cargo to run the build script again when what is at the path changes.
fn watch(path: &Path) -> io::Result<()> {
    println!("{}", directive("rerun-if-changed", path)?);
    Ok(())
}

/// Returns a line for Cargo. A path with a line break would be a line of its own, which may tell Cargo anything.
fn directive(key: &str, path: &Path) -> io::Result<String> {
    let text = path.to_string_lossy();
    if text.contains(char::is_control) {
        return Err(io::Error::other(format!(
            "the path {text:?} contains a control character, which Cargo would misread: rename it"
        )));
    }
    Ok(format!("cargo::{key}={text}"))
}

/// Returns Rust source code for the migrations of a directory: a slice of `EmbeddedMigration`, in the order of
/// the texts of their versions, in which Diesel applies them (`10_b` precedes `9_a`), each with the name and version
/// of the package that is compiled. Files, and directories whose names begin with a dot, are ignored.
///
/// # Errors
/// An error that names the path, if it cannot be read or is a symbolic link to nothing, if its name is not
/// `<timestamp>_<verb_object>`, if it contains a control character, if two have the same version, or if a script
/// is missing, has a name in another case or begins with a byte order mark; an error that names the migration if
/// the directory has both backends and the migration exists for one of them only.
pub fn list(migrations: &Path) -> io::Result<String> {
    let (sqlite, postgres) = (migrations.join("sqlite"), migrations.join("postgres"));
    match (sqlite.is_dir(), postgres.is_dir()) {
        (true, true) => constructed("new", &same_names(&sqlite, &postgres)?, &[&sqlite, &postgres]),
        (true, false) => constructed("for_sqlite", &names_in(&sqlite)?, &[&sqlite]),
        (false, true) => constructed("for_postgres", &names_in(&postgres)?, &[&postgres]),
        (false, false) => {
            let text = format!(
                "{} has neither sqlite/ nor postgres/: create the directory of each database that the \
                 program supports",
                migrations.display()
            );
            Err(io::Error::new(io::ErrorKind::NotFound, text))
        }
    }
}

/// Returns the source code of a list, each migration by a constructor that takes its name, and its scripts in
/// these directories.
fn constructed(constructor: &str, names: &Names, directories: &[&Path]) -> io::Result<String> {
    let mut source = String::from("&[\n");
    for name in names.values() {
        let scripts = directories.iter().map(|directory| script(&directory.join(name)));
        let scripts = scripts.collect::<io::Result<Vec<_>>>()?.join(", ");
        let _ = writeln!(
            source,
            "    EmbeddedMigration::{constructor}({name:?}, {scripts}).by({PROGRAM}),"
        );
    }
    source.push_str("]\n");
    Ok(source)
}

/// Name and version of the package that includes the list, as source code.
const PROGRAM: &str = r#"concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION"))"#;

/// Returns the names in two directories, which must be the same.
fn same_names(sqlite: &Path, postgres: &Path) -> io::Result<Names> {
    let (names, others) = (names_in(sqlite)?, names_in(postgres)?);
    let lonely = |ours: &Names, theirs: &Names| {
        ours.values().find(|name| !theirs.values().any(|other| other == *name)).cloned()
    };
    match lonely(&names, &others).or_else(|| lonely(&others, &names)) {
        None => Ok(names),
        Some(name) => Err(io::Error::other(format!(
            "the migration {name} exists in only one of {} and {}: write it for both",
            sqlite.display(),
            postgres.display()
        ))),
    }
}

/// Byte order mark in UTF-8, with which some editors begin a file.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// Names of directories by their versions.
type Names = BTreeMap<String, String>;

fn names_in(directory: &Path) -> io::Result<Names> {
    watch(directory)?;
    let with_path = |cause: io::Error| {
        io::Error::new(cause.kind(), format!("cannot read {}: {cause}", directory.display()))
    };
    let mut names = Names::new();
    for entry in fs::read_dir(directory).map_err(with_path)? {
        let path = entry.map_err(with_path)?.path();
        let name = path.file_name().unwrap_or_default();
        if name.as_encoded_bytes().starts_with(b".") || !kind_of(&path)?.is_dir() {
            continue;
        }
        let Some((version, name)) = name.to_str().and_then(|name| Some((version(name)?, name)))
        else {
            return Err(io::Error::other(format!(
                "{} is not the directory of a migration: rename it to <timestamp>_<verb_object>, such as \
                 2026-11-23-000001_create_notes, or move it elsewhere",
                path.display()
            )));
        };
        // As Diesel's ledger, which has the text, and the runner, which reads a number, compare them.
        let number = |version: &str| version.trim_start_matches('0').to_owned();
        let same = names.iter().find(|(other, _)| number(other) == number(&version));
        if let Some((_, other)) = same {
            return Err(io::Error::other(format!(
                "{} has the same version as {other}, so that only one of them would run: give it a later \
                 timestamp",
                path.display()
            )));
        }
        names.insert(version, name.to_owned());
    }
    Ok(names)
}

/// Returns what is at a path. A symbolic link counts as what it names.
fn kind_of(path: &Path) -> io::Result<fs::Metadata> {
    fs::metadata(path).map_err(|cause| {
        let dangles = cause.kind() == io::ErrorKind::NotFound && path.is_symlink();
        let reason =
            if dangles { "it is a symbolic link to nothing".into() } else { cause.to_string() };
        io::Error::new(cause.kind(), format!("cannot read {}: {reason}", path.display()))
    })
}

/// Returns the version in a directory's name, which Diesel's ledger records: the digits before the first
/// underscore.
fn version(name: &str) -> Option<String> {
    let version = name.split_once('_')?.0.replace('-', "");
    let is_number = version.bytes().all(|byte| byte.is_ascii_digit());
    (is_number && version.parse::<i64>().is_ok()).then_some(version)
}

fn script(directory: &Path) -> io::Result<String> {
    watch(directory)?;
    let with_path = |path: &Path, cause: &io::Error| {
        io::Error::new(cause.kind(), format!("cannot read {}: {cause}", path.display()))
    };
    let listed: io::Result<Vec<OsString>> = fs::read_dir(directory)
        .and_then(|entries| entries.map(|entry| Ok(entry?.file_name())).collect());
    let listed = listed.map_err(|cause| with_path(directory, &cause))?;
    let path = |name: &str| {
        // By the listed names: a file system that ignores case opens Up.sql as up.sql as well.
        let other = listed.iter().find(|file| file.eq_ignore_ascii_case(name) && *file != name);
        if let Some(other) = other {
            return Err(io::Error::other(format!(
                "{} differs in case from {name}, so that not every file system finds it: rename it to \
                 {name}",
                directory.join(other).display()
            )));
        }
        let path = directory.join(name);
        if !listed.iter().any(|file| file == name) {
            let text =
                format!("{} does not exist; a migration has up.sql and down.sql", path.display());
            return Err(io::Error::new(io::ErrorKind::NotFound, text));
        }
        // Reading a pipe would wait for its writer.
        if !kind_of(&path)?.is_file() {
            let text = format!("cannot read {}: it is not a regular file", path.display());
            return Err(io::Error::other(text));
        }
        if fs::read(&path).map_err(|cause| with_path(&path, &cause))?.starts_with(BYTE_ORDER_MARK) {
            return Err(io::Error::other(format!(
                "{} begins with a UTF-8 byte order mark, which PostgreSQL refuses: save it without one",
                path.display()
            )));
        }
        // The path stands in source code, which is UTF-8.
        let text = format!("the path {} is not UTF-8", path.display());
        path.into_os_string().into_string().map_err(|_| io::Error::other(text))
    };
    let (up, down) = (path("up.sql")?, path("down.sql")?);
    Ok(format!("Script {{ up: include_str!({up:?}), down: include_str!({down:?}) }}"))
}

#[cfg(test)]
mod tests;

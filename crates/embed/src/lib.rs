//! Embeds the text of migrations in a program, from its build script.
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

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// Writes `migrations.rs` with the migrations of `directory` into the `OUT_DIR` of the build script that
/// calls this function. The directory is relative to the package's `Cargo.toml`, and contains `sqlite/` and
/// `postgres/`.
///
/// # Errors
/// Those of [`list`]; the system's error if the file cannot be written.
pub fn write(directory: impl AsRef<Path>) -> io::Result<()> {
    let manifest = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    let migrations = manifest.join(directory);
    println!("cargo::rerun-if-changed={}", migrations.display());
    fs::write(out.join("migrations.rs"), list(&migrations)?)
}

/// Returns Rust source code for the migrations of a directory: a slice of `EmbeddedMigration`, by ascending
/// version. Files, and directories whose names begin with a dot, are ignored.
///
/// # Errors
/// An error that names the path, if a directory cannot be read, if its name is not
/// `<timestamp>_<verb_object>`, if two have the same version, or if a script is missing; an error that names
/// the migration if it exists for one backend only.
pub fn list(migrations: &Path) -> io::Result<String> {
    let (sqlite, postgres) = (migrations.join("sqlite"), migrations.join("postgres"));
    let (names, others) = (names_in(&sqlite)?, names_in(&postgres)?);
    let lonely = |ours: &Names, theirs: &Names| {
        ours.values().find(|name| !theirs.values().any(|other| other == *name)).cloned()
    };
    if let Some(name) = lonely(&names, &others).or_else(|| lonely(&others, &names)) {
        return Err(io::Error::other(format!(
            "the migration {name} exists in only one of {} and {}: write it for both",
            sqlite.display(),
            postgres.display()
        )));
    }
    let mut source = String::from("&[\n");
    for name in names.values() {
        let _ = writeln!(
            source,
            "    EmbeddedMigration::new({name:?}, {}, {}),",
            script(&sqlite.join(name))?,
            script(&postgres.join(name))?,
        );
    }
    source.push_str("]\n");
    Ok(source)
}

/// Names of directories by their versions.
type Names = BTreeMap<String, String>;

fn names_in(directory: &Path) -> io::Result<Names> {
    println!("cargo::rerun-if-changed={}", directory.display());
    let with_path = |cause: io::Error| {
        io::Error::new(cause.kind(), format!("cannot read {}: {cause}", directory.display()))
    };
    let mut names = Names::new();
    for entry in fs::read_dir(directory).map_err(with_path)? {
        let path = entry.map_err(with_path)?.path();
        let name = path.file_name().unwrap_or_default();
        if !path.is_dir() || name.as_encoded_bytes().starts_with(b".") {
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
        if let Some(other) = names.insert(version, name.to_owned()) {
            return Err(io::Error::other(format!(
                "{} has the same version as {other}, so that only one of them would run: give it a later \
                 timestamp",
                path.display()
            )));
        }
    }
    Ok(names)
}

/// Returns the version in a directory's name, which Diesel's ledger records: the digits before the first
/// underscore.
fn version(name: &str) -> Option<String> {
    let version = name.split_once('_')?.0.replace('-', "");
    let is_number = !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then_some(version)
}

fn script(directory: &Path) -> io::Result<String> {
    println!("cargo::rerun-if-changed={}", directory.display());
    let path = |name: &str| {
        let path = directory.join(name);
        if !path.is_file() {
            let text =
                format!("{} does not exist; a migration has up.sql and down.sql", path.display());
            return Err(io::Error::new(io::ErrorKind::NotFound, text));
        }
        // The path stands in source code, which is UTF-8.
        let text = format!("the path {} is not UTF-8", path.display());
        path.into_os_string().into_string().map_err(|_| io::Error::other(text))
    };
    let (up, down) = (path("up.sql")?, path("down.sql")?);
    Ok(format!("Script {{ up: include_str!({up:?}), down: include_str!({down:?}) }}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A directory of migrations with these names for both databases, which is removed at the end.
    struct Migrations(PathBuf);

    impl Migrations {
        fn new(test: &str, names: &[&str]) -> Self {
            let name = format!("zenith-embed-{test}-{}", std::process::id());
            let migrations = Self(env::temp_dir().join(name));
            for backend in ["sqlite", "postgres"] {
                fs::create_dir_all(migrations.0.join(backend)).unwrap();
                for name in names {
                    migrations.add(&format!("{backend}/{name}"));
                }
            }
            migrations
        }

        fn add(&self, path: &str) {
            fs::create_dir_all(self.0.join(path)).unwrap();
            for script in ["up.sql", "down.sql"] {
                fs::write(self.0.join(path).join(script), "SELECT 1").unwrap();
            }
        }

        fn refusal(&self) -> String {
            list(&self.0).unwrap_err().to_string()
        }
    }

    impl Drop for Migrations {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_migration_that_one_database_lacks_is_refused_by_name() {
        let migrations = Migrations::new("lacks", &["2026-01-01-000001_a"]);
        migrations.add("sqlite/2026-01-01-000002_b");
        let refused = migrations.refusal();
        assert!(refused.contains("2026-01-01-000002_b"), "{refused}");
        migrations.add("postgres/2026-01-01-000002_c");
        assert!(migrations.refusal().contains("2026-01-01-000002_b"));
    }

    #[test]
    fn migrations_are_listed_by_version_and_nothing_else_is() {
        let names = ["20260102000000_b", "2026-01-03-000001_c", "2026-01-01-000001_a"];
        let migrations = Migrations::new("listed", &names);
        fs::write(migrations.0.join("sqlite/README.md"), "no migration").unwrap();
        fs::create_dir(migrations.0.join("sqlite/.git")).unwrap();
        let listed = list(&migrations.0).unwrap();
        assert_eq!(listed.matches("EmbeddedMigration::new").count(), 3);
        let places = ["000001_a", "000000_b", "000001_c"].map(|name| listed.find(name));
        assert!(places.is_sorted() && places[0].is_some(), "{listed}");
    }

    #[test]
    fn without_migrations_the_list_is_empty() {
        assert_eq!(list(&Migrations::new("empty", &[]).0).unwrap(), "&[\n]\n");
    }

    #[test]
    fn a_name_without_a_version_is_refused() {
        for name in ["drafts", "_a", "-_a", "2026-01-01", "v1_a", "２０２６_a"] {
            let refused = Migrations::new("unversioned", &[name]).refusal();
            assert!(refused.contains(name) && refused.contains("<timestamp>"), "{refused}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_name_that_is_not_utf_8_is_refused() {
        use std::os::unix::ffi::OsStrExt;

        let migrations = Migrations::new("encoding", &[]);
        let name = std::ffi::OsStr::from_bytes(b"2026-01-01-000001_\xff");
        // Some file systems refuse such a name themselves.
        if fs::create_dir(migrations.0.join("sqlite").join(name)).is_ok() {
            assert!(migrations.refusal().contains("2026-01-01-000001_"));
        }
    }

    #[test]
    fn two_migrations_with_one_version_are_refused() {
        let migrations = Migrations::new("twice", &["2026-01-01-000001_a", "20260101000001_b"]);
        let refused = migrations.refusal();
        assert!(refused.contains("2026-01-01-000001_a") && refused.contains("20260101000001_b"));
    }

    #[test]
    fn a_missing_script_is_refused_by_its_path() {
        for script in ["sqlite/2026-01-01-000001_a/up.sql", "postgres/2026-01-01-000001_a/down.sql"]
        {
            let migrations = Migrations::new("script", &["2026-01-01-000001_a"]);
            fs::remove_file(migrations.0.join(script)).unwrap();
            let refused = migrations.refusal();
            assert!(refused.contains(script), "{refused}");
        }
    }
}

//! Directories that are listed, and those that are refused.

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
fn versions_of_different_lengths_are_in_the_order_in_which_diesel_applies_them() {
    let listed = list(&Migrations::new("lengths", &["9_a", "10_b", "1_c"]).0).unwrap();
    let places = ["\"1_c", "\"10_b", "\"9_a"].map(|name| listed.find(name));
    assert!(places.is_sorted() && places[0].is_some(), "{listed}");
}

#[test]
fn a_directory_with_one_database_lists_its_scripts_alone() {
    for (backend, other) in [("sqlite", "postgres"), ("postgres", "sqlite")] {
        let migrations = Migrations::new("one", &["2026-01-01-000001_a"]);
        fs::remove_dir_all(migrations.0.join(other)).unwrap();
        let listed = list(&migrations.0).unwrap();
        let expected =
            format!("EmbeddedMigration::for_{backend}(\"2026-01-01-000001_a\", Script {{");
        assert!(listed.contains(&expected), "{listed}");
        assert!(!listed.contains(other), "{listed}");
    }
    let migrations = Migrations::new("none", &[]);
    for backend in ["sqlite", "postgres"] {
        fs::remove_dir_all(migrations.0.join(backend)).unwrap();
    }
    assert!(migrations.refusal().contains("neither sqlite/ nor postgres/"));
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
fn a_name_with_a_control_character_is_refused_and_tells_cargo_nothing() {
    for name in ["1_a\ncargo::rustc-cfg=x", "1_a\rcargo::rustc-cfg=x", "1_a\u{85}b"] {
        let refused = Migrations::new("control", &[name]).refusal();
        assert!(refused.contains("contains a control character"), "{refused}");
        assert!(!refused.contains(char::is_control), "{refused:?}");
        let line = directive("rerun-if-changed", Path::new(name));
        assert!(line.is_err(), "{line:?}");
    }
    let line = directive("rerun-if-changed", Path::new("migrations/ä b")).unwrap();
    assert_eq!(line, "cargo::rerun-if-changed=migrations/ä b");
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
    for script in ["sqlite/2026-01-01-000001_a/up.sql", "postgres/2026-01-01-000001_a/down.sql"] {
        let migrations = Migrations::new("script", &["2026-01-01-000001_a"]);
        fs::remove_file(migrations.0.join(script)).unwrap();
        let refused = migrations.refusal();
        assert!(refused.contains(script), "{refused}");
    }
}

#[test]
fn a_script_whose_name_has_another_case_is_refused_by_its_path() {
    for name in ["Up.sql", "DOWN.SQL"] {
        let migrations = Migrations::new("case", &["2026-01-01-000001_a"]);
        let directory = migrations.0.join("postgres/2026-01-01-000001_a");
        let (expected, path) = (name.to_lowercase(), directory.join(name));
        fs::rename(directory.join(&expected), &path).unwrap();
        let refused = migrations.refusal();
        let mended = format!("rename it to {expected}");
        assert!(refused.contains(path.to_str().unwrap()) && refused.contains(&mended), "{refused}");
    }
}

#[test]
fn a_script_with_a_byte_order_mark_is_refused_by_its_path() {
    for script in ["sqlite/2026-01-01-000001_a/up.sql", "postgres/2026-01-01-000001_a/down.sql"] {
        let migrations = Migrations::new("mark", &["2026-01-01-000001_a"]);
        fs::write(migrations.0.join(script), "\u{feff}SELECT 1").unwrap();
        let refused = migrations.refusal();
        assert!(refused.contains(script) && refused.contains("byte order mark"), "{refused}");
    }
}

#[test]
fn versions_are_compared_as_numbers_which_fit_the_ledger() {
    for (one, other) in
        [("1_a", "01_b"), ("2026-01-01-000001_a", "020260101000001_b"), ("0_a", "00_b")]
    {
        let refused = Migrations::new("numbers", &[one, other]).refusal();
        assert!(refused.contains("has the same version as"), "{refused}");
    }
    list(&Migrations::new("numbers-apart", &["1_a", "10_b"]).0).unwrap();
    let long = Migrations::new("long", &["99999999999999999999_a"]).refusal();
    assert!(long.contains("is not the directory of a migration"), "{long}");
}

#[cfg(unix)]
#[test]
fn a_symbolic_link_to_nothing_is_refused_and_one_to_a_migration_is_followed() {
    use std::os::unix::fs::symlink;

    let migrations = Migrations::new("links", &["1_a"]);
    for backend in ["sqlite", "postgres"] {
        symlink("1_a", migrations.0.join(backend).join("2_b")).unwrap();
        symlink("absent", migrations.0.join(backend).join(".#lock")).unwrap();
    }
    assert_eq!(list(&migrations.0).unwrap().matches("EmbeddedMigration::new").count(), 2);
    symlink("absent", migrations.0.join("sqlite/3_c")).unwrap();
    let refused = migrations.refusal();
    assert!(refused.ends_with("sqlite/3_c: it is a symbolic link to nothing"), "{refused}");
    fs::remove_file(migrations.0.join("sqlite/3_c")).unwrap();
    fs::remove_file(migrations.0.join("sqlite/1_a/up.sql")).unwrap();
    symlink("absent", migrations.0.join("sqlite/1_a/up.sql")).unwrap();
    let refused = migrations.refusal();
    assert!(refused.ends_with("up.sql: it is a symbolic link to nothing"), "{refused}");
}

#[cfg(unix)]
#[test]
fn a_script_that_is_no_file_is_refused_and_a_pipe_is_not_waited_for() {
    let migrations = Migrations::new("pipe", &["1_a"]);
    let script = migrations.0.join("sqlite/1_a/up.sql");
    fs::remove_file(&script).unwrap();
    fs::create_dir(&script).unwrap();
    assert!(migrations.refusal().ends_with("up.sql: it is not a regular file"));
    fs::remove_dir(&script).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(&script).status().unwrap().success());
    // Would end the wait.
    let pipe = script.clone();
    std::thread::spawn(move || fs::File::options().write(true).open(pipe));
    assert!(migrations.refusal().ends_with("up.sql: it is not a regular file"));
}

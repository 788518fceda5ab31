//! What a database and its backups survive: kills, power cuts, damage, full and failing disks, and odd files.
//!
//! `make test` tries some of the points; with `ZENITH_TEST_CRASH=all`, `make test-crash` tries all.

mod damage;
mod failing_disk;
mod full_disk;
mod kills;
mod load;
mod odd_backups;
mod odd_directories;
mod power_loss;
mod small_disk;
mod writers;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use zenith_db::manager::DatabaseManager;

use crate::support::command::tree;
use crate::support::numbers::points;
use crate::support::{Raw, SqliteFixture, files_in, open_file, rows};

/// Inserts rows of about 500 bytes each.
fn add_rows(fixture: &SqliteFixture, number: u32) {
    fixture.sql(&format!(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {number})
         INSERT INTO system_metrics (metric_name, metric_value, metric_type, metadata)
         SELECT 'm', i, 'gauge', json_object('text', hex(randomblob(200))) FROM n"
    ));
}

/// A database with backups of earlier states, oldest first.
struct History {
    fixture: SqliteFixture,
    backups: Vec<PathBuf>,
    /// Rows of the database.
    present: State,
    /// Rows of the newest backup.
    newest: State,
}

impl History {
    /// Takes as many backups, with rows inserted before and after each.
    fn new(backups: u32, rows: u32) -> Self {
        let fixture = SqliteFixture::created();
        let take = |_| {
            add_rows(&fixture, rows);
            fixture.manager().backup().expect("a backup").path
        };
        let backups: Vec<PathBuf> = (0..backups).map(take).collect();
        add_rows(&fixture, rows);
        let newest = state(backups.last().expect("a backup"));
        Self { present: state(&fixture.path()), backups, newest, fixture }
    }

    /// Returns a copy of the database and its backups in a directory of its own.
    fn copy(&self) -> SqliteFixture {
        let copy = SqliteFixture::empty();
        self.fixture.sql("PRAGMA wal_checkpoint(TRUNCATE)");
        fs::copy(self.fixture.path(), copy.path()).expect("a copy");
        zenith_db::internal::connection::create_private_dir(&copy.backups()).expect("a directory");
        for name in files_in(&self.fixture.backups()) {
            fs::copy(self.fixture.backups().join(&name), copy.backups().join(&name)).expect("it");
        }
        copy
    }

    /// Returns the path of a backup in a copy.
    fn backup_in(&self, copy: &SqliteFixture, index: usize) -> PathBuf {
        copy.backups().join(self.backups[index].file_name().expect("a name"))
    }
}

/// Files of a database that SQLite cannot read: a log of another state lies beside it.
struct Unreadable(SqliteFixture);

impl History {
    /// Returns a copy of the database as a killed process leaves it, with a row that is only in the log, and
    /// all rows.
    fn with_log(&self) -> (SqliteFixture, State) {
        let (open, copy) = (self.copy(), self.copy());
        let _connection = open.database();
        add_rows(&open, 1);
        fs::copy(open.path(), copy.path()).expect("a copy");
        fs::copy(log_of(&open), log_of(&copy)).expect("a copy of the log");
        (copy, state(&open.path()))
    }

    fn unreadable(&self) -> Unreadable {
        let (fixture, _) = self.with_log();
        fs::copy(&self.backups[0], fixture.path()).expect("a backup over the database");
        Unreadable(fixture)
    }
}

impl Unreadable {
    fn copy(&self) -> SqliteFixture {
        let copy = SqliteFixture::empty();
        copy_files(self.0.directory.path(), copy.directory.path());
        copy
    }

    /// Fails unless the bytes are where they were, or kept where what is at their place is the newest backup or
    /// no database. Returns whether it is the backup.
    fn assert_survived(&self, history: &History, found: &SqliteFixture, moment: &str) -> bool {
        let bytes = |path: &Path, log: &Path| (fs::read(path).ok(), fs::read(log).ok());
        let original = bytes(&self.0.path(), &log_of(&self.0));
        if bytes(&found.path(), &log_of(found)) == original {
            return false;
        }
        let is_kept = files_in(&found.backups()).into_iter().any(|name| {
            let path = found.backups().join(&name);
            bytes(&path, &found.backups().join(format!("{name}-wal"))) == original
        });
        assert!(is_kept, "{moment}: the bytes are lost");
        let is_database = fs::read(found.path()).expect(moment).starts_with(b"SQLite format 3\0");
        assert!(!is_database || state(&found.path()) == history.newest, "{moment}: other rows");
        is_database
    }
}

fn log_of(fixture: &SqliteFixture) -> PathBuf {
    PathBuf::from(format!("{}-wal", fixture.path().display()))
}

/// Copies the files of a directory into another that is empty.
fn copy_files(from: &Path, to: &Path) {
    for (path, bytes) in tree(from) {
        let target = to.join(path.strip_prefix(from).expect("below it"));
        let directory = if bytes.is_some() { target.parent().expect("one") } else { &target };
        zenith_db::internal::connection::create_private_dir(directory).expect("a directory");
        if bytes.is_some() {
            fs::copy(path, target).expect("a copy");
        }
    }
}

/// Rows of each table, without those that describe backups and checks.
type State = BTreeMap<String, Vec<String>>;

fn state(path: &Path) -> State {
    let mut found = rows::contents(&mut open_file(path));
    found.retain(|table, _| !["backup_jobs", "system_health"].contains(&table.as_str()));
    found
}

/// Number of rows of each table, counted in the table itself and not in an index.
fn counts(path: &Path) -> BTreeMap<String, String> {
    let mut connection = open_file(path);
    let tables = rows::tables(&mut connection);
    let count = |table: String| {
        let query = format!("SELECT count(*) || '' AS line FROM \"{table}\" NOT INDEXED");
        let count = connection.lines(&query).remove(0);
        (table, count)
    };
    tables.into_iter().map(count).collect()
}

/// Returns the files that have the name of a backup of `zenith.db`.
fn named_backups(directory: &Path) -> Vec<PathBuf> {
    let mut names = files_in(directory);
    names.retain(|name| {
        name.starts_with("zenith-2") && Path::new(name).extension().is_some_and(|end| end != "json")
    });
    names.into_iter().map(|name| directory.join(name)).collect()
}

/// Fails unless each file with the name of a backup is one, and has its manifest.
fn assert_whole(manager: &DatabaseManager, moment: &str) {
    for backup in named_backups(manager.config().backup_dir()) {
        let verified = manager.verify_backup(&backup, &mut |_| ());
        let verified = verified.unwrap_or_else(|error| panic!("{moment}: {error:#}"));
        assert!(verified.has_manifest, "{moment}: {} has no manifest", backup.display());
    }
}

/// Fails if a hidden file or directory, or a manifest without its backup, is left.
fn assert_swept(fixture: &SqliteFixture, moment: &str) {
    let is_left = |path: &&PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with('.')
            || name
                .strip_suffix(".json")
                .is_some_and(|backup| !path.with_file_name(backup).exists())
    };
    let tree = tree(fixture.directory.path());
    let left: Vec<_> = tree.keys().filter(is_left).collect();
    assert!(left.is_empty(), "{moment}: {left:?}");
}

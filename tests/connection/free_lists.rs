//! Damaged lists of free pages, from which SQLite takes pages to overwrite: they are found whatever the
//! database has, also where SQLite's own check skips the list.

use std::fs;

use diesel::SqliteConnection;
use diesel::connection::SimpleConnection;
use zenith_db::Error;
use zenith_db::config::Key;
use zenith_db::manager::{DatabaseManager, HealthReport, RollbackTarget};
use zenith_db_import::{AdoptionOptions, adopt};
use zenith_db_transfer::{TransferOptions, transfer};

use super::damaged::with_free_pages;
use crate::support::legacy::{Shape, former_with, messages};
use crate::support::{SqliteFixture, failed};

const PAGE: usize = 4096;

/// What a database has beside tables.
const CONTENTS: [(&str, &str, bool); 4] = [
    ("tables", "", false),
    ("views", "CREATE VIEW own_{} AS SELECT 1 AS a", true),
    ("virtual tables", "CREATE VIRTUAL TABLE own_{} USING fts5(a)", true),
    (
        "an unknown module",
        "PRAGMA writable_schema = ON; INSERT INTO sqlite_schema (type, name, tbl_name, rootpage, sql)
         VALUES ('table', 'own', 'own', 0, 'CREATE VIRTUAL TABLE own USING absent(a)')",
        false,
    ),
];

/// Adds the objects. With `blinds`, until SQLite lists one first, and so takes its check of the whole file
/// for a partial one.
fn add(fixture: &SqliteFixture, sql: &str, blinds: bool) {
    let first = "SELECT type FROM pragma_table_list WHERE schema = 'main' LIMIT 1";
    let is_blind = || ["view", "virtual"].contains(&fixture.text(first).as_str());
    if !blinds {
        return fixture.sql(sql);
    }
    let blinded = (0..60).any(|number| {
        fixture.sql(&sql.replace("{}", &number.to_string()));
        is_blind()
    });
    assert!(blinded, "SQLite lists another table first: {sql}");
}

/// A file, and pages of it.
struct Pages {
    bytes: Vec<u8>,
    /// Leaf of a table.
    leaf: u32,
    /// Last overflow page of a row, which as a part of the list names no other page.
    overflow: u32,
}

impl Pages {
    fn of(fixture: &SqliteFixture) -> Self {
        let page = |kind: &str| {
            let query = format!(
                "SELECT pageno FROM dbstat WHERE name = 'letters' AND pagetype = '{kind}'
                 ORDER BY path DESC LIMIT 1"
            );
            fixture.text(&query).parse().expect("a page")
        };
        let (leaf, overflow) = (page("leaf"), page("overflow"));
        Self { bytes: fs::read(fixture.path()).expect("a file"), leaf, overflow }
    }

    fn get(&self, at: usize) -> u32 {
        u32::from_be_bytes(self.bytes[at..at + 4].try_into().expect("four bytes"))
    }

    fn set(&mut self, at: usize, number: u32) {
        self.bytes[at..at + 4].copy_from_slice(&number.to_be_bytes());
    }

    /// Offset of the list's first page: the next one, the number of leaves, and the leaves.
    fn trunk(&self) -> usize {
        (self.get(32) as usize - 1) * PAGE
    }

    fn leaf(&mut self, number: u32) {
        self.set(self.trunk() + 8, number);
    }
}

type Damage = fn(&mut Pages);

/// Each keeps the number of free pages in the header right, if it does not say otherwise.
const DAMAGES: [(&str, Damage); 10] = [
    ("a leaf is in use", |pages| pages.leaf(pages.leaf)),
    ("a leaf is an overflow page", |pages| pages.leaf(pages.overflow)),
    ("a leaf is page 1", |pages| pages.leaf(1)),
    ("a trunk is in use", |pages| {
        // In place of a leaf, which nothing uses then.
        let trunk = pages.trunk();
        pages.set(trunk, pages.overflow);
        pages.set(trunk + 4, pages.get(trunk + 4) - 1);
    }),
    ("a leaf is there twice", |pages| pages.leaf(pages.get(pages.trunk() + 12))),
    ("a leaf is after the end", |pages| pages.leaf(pages.get(28) + 1)),
    ("a leaf is page 0", |pages| pages.leaf(0)),
    ("the list is a cycle", |pages| pages.set(pages.trunk(), pages.get(32))),
    ("the number is too large", |pages| pages.set(36, pages.get(36) + 1)),
    ("the number is too small", |pages| pages.set(36, pages.get(36) - 1)),
];

const LETTERS: &str = "PRAGMA journal_mode = DELETE;
    CREATE TABLE letters (a INTEGER PRIMARY KEY, b BLOB);
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40)
        INSERT INTO letters SELECT i, zeroblob(9000) FROM n";

/// Frees pages.
const FREED: &str = "DELETE FROM letters WHERE a > 36";

fn with(sql: &str, blinds: bool) -> SqliteFixture {
    let fixture = with_free_pages();
    fixture.sql(LETTERS);
    add(&fixture, sql, blinds);
    fixture.sql(FREED);
    fixture
}

/// Checks the database in every way, and returns those that found no damage.
fn passing(fixture: &SqliteFixture, wal: &str) -> Vec<&'static str> {
    let manager = DatabaseManager::new(
        fixture.config_with(&[(Key::WalMode, wal), (Key::AutoBackup, "false")]),
    );
    let target = SqliteFixture::empty();
    let options = TransferOptions { leave_other_tables: true, ..TransferOptions::default() };
    let is_good = |report: HealthReport, name| {
        report.checks.iter().any(|check| check.name == name && check.passed)
    };
    let is_damage = |error: &Error| matches!(error, Error::IntegrityFaults { .. });
    let mut passing = Vec::new();
    let mut note = |name, passes: bool| passing.extend(passes.then_some(name));
    note("health", is_good(manager.health_check(), "Quick Integrity"));
    note("deep", is_good(manager.deep_health_check(&mut |_| ()), "Full Integrity"));
    let to = target.config().location().clone();
    note("transfer", transfer(&manager, &to, &options, &mut |_| ()).is_ok());
    note("backup", manager.backup().map_err(|error| assert!(is_damage(&error), "{error}")).is_ok());
    note("rollback", manager.rollback(&RollbackTarget::Steps(1)).is_ok());
    passing
}

const ALL: [&str; 5] = ["health", "deep", "transfer", "backup", "rollback"];

#[test]
fn a_damaged_list_of_free_pages_is_found_by_every_check() {
    for (contents, sql, blinds) in CONTENTS {
        let sound = with(sql, blinds);
        for (damage, apply) in DAMAGES {
            let fixture = SqliteFixture::empty();
            let mut pages = Pages::of(&sound);
            apply(&mut pages);
            fs::write(fixture.path(), &pages.bytes).expect("damaged");
            assert_eq!(passing(&fixture, "false"), [""; 0], "{contents}: {damage}");
            let unchanged = fs::read(fixture.path()).expect("a file") == pages.bytes;
            assert!(unchanged, "{contents}: {damage}");
        }
        assert_eq!(passing(&sound, "false"), ALL, "{contents}");
    }
}

/// A connection with a committed transaction in the write-ahead log.
fn with_log(fixture: &SqliteFixture, transaction: &str) -> SqliteConnection {
    let mut open = fixture.raw();
    let mode = "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0";
    open.batch_execute(&format!("{mode}; {transaction}")).expect(transaction);
    let log = fs::metadata(fixture.path().with_extension("db-wal")).expect("a log");
    assert!(log.len() > 0);
    open
}

#[test]
fn a_damaged_list_of_free_pages_is_found_beside_a_write_ahead_log() {
    for (contents, sql, blinds) in CONTENTS {
        let sound = with(sql, blinds);
        for (damage, apply) in DAMAGES {
            let fixture = SqliteFixture::empty();
            let mut pages = Pages::of(&sound);
            apply(&mut pages);
            fs::write(fixture.path(), &pages.bytes).expect("damaged");
            let _open =
                with_log(&fixture, "UPDATE precious SET b = replace(b, '0', '1') WHERE a = 30");
            let passing = passing(&fixture, "true");
            // A transfer reads an older snapshot, and takes no page from the list.
            assert!(
                passing.iter().all(|check| *check == "transfer"),
                "{contents}: {damage}: {passing:?}"
            );
        }
    }
}

/// The file alone would show another list.
#[test]
fn a_list_of_free_pages_in_the_write_ahead_log_is_no_damage() {
    for (contents, sql, blinds) in CONTENTS {
        for transaction in [
            "DELETE FROM letters WHERE a > 10",
            "INSERT INTO letters VALUES (1000, zeroblob(9000))",
            "DELETE FROM letters WHERE a > 10; INSERT INTO precious SELECT a + 1000, b FROM precious",
        ] {
            let fixture = with(sql, blinds);
            let _open = with_log(&fixture, transaction);
            assert_eq!(passing(&fixture, "true"), ALL, "{contents}: {transaction}");
        }
    }
}

#[test]
fn a_database_that_others_write_meanwhile_is_not_taken_for_a_damaged_one() {
    let (_, sql, blinds) = CONTENTS[1];
    let fixture = with(sql, blinds);
    let mut open =
        with_log(&fixture, "DELETE FROM letters WHERE a > 30; PRAGMA wal_autocheckpoint = 5");
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for _ in 0..100 {
                let turn = "DELETE FROM letters WHERE a > 20;
                    INSERT INTO letters SELECT a + 20, b FROM letters WHERE a <= 20";
                open.batch_execute(turn).expect("a transaction");
            }
        });
        let manager = fixture.manager();
        while !writer.is_finished() {
            let report = manager.health_check();
            assert_eq!(failed(&report), [""; 0], "{report:#?}");
            manager.backup().expect("a backup");
        }
    });
}

#[test]
fn a_former_database_with_a_damaged_list_of_free_pages_is_not_adopted() {
    for (contents, sql, blinds) in &CONTENTS[..3] {
        let sound = former_with(Shape::Plain, &messages(50));
        sound.sql(LETTERS);
        add(&sound, sql, *blinds);
        sound.sql(FREED);
        for (damage, apply) in DAMAGES {
            let fixture = SqliteFixture::empty();
            let mut pages = Pages::of(&sound);
            apply(&mut pages);
            fs::write(fixture.path(), &pages.bytes).expect("damaged");
            let error = adopt(&fixture.manager(), &AdoptionOptions::default()).expect_err(damage);
            assert!(error.to_string().contains("is damaged"), "{contents}: {damage}: {error}");
            let unchanged = fs::read(fixture.path()).expect("a file") == pages.bytes;
            assert!(unchanged, "{contents}: {damage}");
        }
        let _ = adopt(&sound.manager(), &AdoptionOptions::default()).expect(contents);
    }
}

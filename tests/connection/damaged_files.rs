//! Randomly damaged files: whatever operation succeeds has lost no row.
//!
//! `ZENITH_TEST_DAMAGED` sets the number of files of each kind; `make test-damaged` takes 2,000.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use zenith_db::Config;
use zenith_db::manager::DatabaseManager;
use zenith_db_import::{AdoptionOptions, AdoptionOutcome, adopt};
use zenith_db_transfer::{TransferOptions, transfer};

use crate::support::legacy::{Shape, former_with, messages};
use crate::support::numbers::Numbers;
use crate::support::{Raw, SqliteFixture, open_file};

const PAGE: usize = 4096;

/// Damages the structure of a file, as a failing disk or an interrupted copy does. The header of the
/// file stays, so that it still is a database.
fn damage(bytes: &mut Vec<u8>, numbers: &mut Numbers) -> String {
    let pages = bytes.len() / PAGE;
    let page = 1 + numbers.below(pages - 1);
    let start = page * PAGE;
    match numbers.below(7) {
        0 => {
            // The number of cells.
            bytes[start + 3] = 0;
            bytes[start + 4] = u8::try_from(numbers.below(4)).expect("small");
            format!("page {} has fewer cells", page + 1)
        }
        1 => {
            bytes[start..start + PAGE].fill(0);
            format!("page {} is empty", page + 1)
        }
        2 => {
            let other = (1 + numbers.below(pages - 1)) * PAGE;
            let copy = bytes[other..other + PAGE].to_vec();
            bytes[start..start + PAGE].copy_from_slice(&copy);
            format!("page {} is a copy of another", page + 1)
        }
        3 => {
            bytes.truncate(start);
            format!("the file ends before page {}", page + 1)
        }
        4 => {
            let place = start + numbers.below(12);
            bytes[place] ^= 1 << numbers.below(8);
            format!("a bit of the header of page {}", page + 1)
        }
        5 => {
            // A pointer to a cell or to a page.
            let place = start + 8 + numbers.below(60);
            bytes[place] = bytes[place].wrapping_add(1);
            format!("a pointer of page {}", page + 1)
        }
        _ => {
            let half = start + PAGE / 2;
            bytes[half..half + 512].fill(0xAA);
            format!("a sector of page {}", page + 1)
        }
    }
}

/// Returns the number of rows of each table, by its key.
fn rows(path: &Path) -> BTreeMap<String, String> {
    let mut connection = open_file(path);
    let tables = connection.lines(
        "SELECT name AS line FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
    );
    let count = |table: String| {
        let query = format!("SELECT count(*) || '' AS line FROM \"{table}\" NOT INDEXED");
        let count = connection.lines(&query).remove(0);
        (table, count)
    };
    tables.into_iter().map(count).collect()
}

fn files() -> usize {
    std::env::var("ZENITH_TEST_DAMAGED").ok().and_then(|text| text.parse().ok()).unwrap_or(40)
}

fn manager(path: &Path) -> DatabaseManager {
    DatabaseManager::new(Config::for_path(path).expect("a path"))
}

#[test]
fn a_damaged_former_database_is_adopted_whole_or_not_at_all() {
    let original = former_with(Shape::Plain, &messages(500));
    original.sql("PRAGMA journal_mode = DELETE");
    let whole = fs::read(original.path()).expect("a database");
    let adopted = SqliteFixture::empty();
    fs::write(adopted.path(), &whole).expect("a copy");
    let _ = adopt(&manager(&adopted.path()), &AdoptionOptions::default()).expect("adopted");
    let expected = rows(&adopted.path());

    let (mut numbers, mut refused) = (Numbers(0x5EED), 0);
    for _ in 0..files() {
        let fixture = SqliteFixture::empty();
        let mut bytes = whole.clone();
        let what = damage(&mut bytes, &mut numbers);
        fs::write(fixture.path(), &bytes).expect("damaged");
        match adopt(&manager(&fixture.path()), &AdoptionOptions::default()) {
            Ok(report) if report.outcome == AdoptionOutcome::Adopted => {
                let found = rows(&fixture.path());
                assert_eq!(found, expected, "{what}");
            }
            _ => {
                refused += 1;
                assert!(fs::read(fixture.path()).expect("a file") == bytes, "{what}: changed");
            }
        }
    }
    assert!(refused > files() / 2, "only {refused} were damaged enough to notice");
}

#[test]
fn a_damaged_database_is_copied_migrated_and_transferred_whole_or_not_at_all() {
    let original = SqliteFixture::created();
    original.sql(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400)
         INSERT INTO system_metrics (metric_name, metric_value, metric_type, metadata)
         SELECT 'm', i, 'gauge', json_object('text', hex(zeroblob(100))) FROM n",
    );
    original.sql("PRAGMA journal_mode = DELETE");
    let expected = rows(&original.path());
    let whole = fs::read(original.path()).expect("a database");

    let (mut numbers, mut refused) = (Numbers(0xD15C), 0);
    for _ in 0..files() {
        let fixture = SqliteFixture::empty();
        let mut bytes = whole.clone();
        let what = damage(&mut bytes, &mut numbers);
        fs::write(fixture.path(), &bytes).expect("damaged");
        let manager = manager(&fixture.path());
        let target = SqliteFixture::empty();
        let to = target.config().location().clone();
        if transfer(&manager, &to, &TransferOptions::default(), &mut |_| ()).is_ok() {
            let same =
                |table: &&String| !["schema_version", "system_health"].contains(&table.as_str());
            let found = rows(&target.path());
            for table in expected.keys().filter(same) {
                assert_eq!(found.get(table), expected.get(table), "{what}: {table}");
            }
        }
        match manager.backup() {
            Ok(report) => assert_eq!(rows(&report.path), expected, "{what}"),
            Err(_) => refused += 1,
        }
        if let Ok(report) = manager.redo() {
            let backup = report.backup.expect("a backup");
            let mut found = rows(&backup.path);
            // The backup above is recorded.
            found.insert("backup_jobs".into(), "0".into());
            assert_eq!(found, expected, "{what}");
        }
    }
    assert!(refused > files() / 2, "only {refused} were damaged enough to notice");
}

//! Damaged backups: none is restored with rows lost, and a damaged database can be replaced.

use std::fs;
use std::path::Path;

use zenith_db::manager::{DatabaseManager, RestoreOptions};

use super::{History, assert_swept, counts, points, state};
use crate::support::numbers::Numbers;
use crate::support::run;

const PAGE: usize = 4096;

/// Damages a file in one place, and says how. The bytes differ from what they were.
fn damage(bytes: &mut Vec<u8>, numbers: &mut Numbers) -> String {
    let pages = bytes.len() / PAGE;
    match numbers.below(4) {
        0 => {
            let length = numbers.below(bytes.len());
            bytes.truncate(length);
            format!("cut to {length} bytes")
        }
        1 => loop {
            let (one, other) = (numbers.below(pages), numbers.below(pages));
            let (first, second) = (one * PAGE, other * PAGE);
            let moved = bytes[first..first + PAGE].to_vec();
            if moved != bytes[second..second + PAGE] {
                bytes.copy_within(second..second + PAGE, first);
                bytes[second..second + PAGE].copy_from_slice(&moved);
                return format!("pages {one} and {other} are swapped");
            }
        },
        2 => {
            // Where the structure of a page is, and not its text.
            let place = numbers.below(pages) * PAGE + numbers.below(100);
            bytes[place] ^= 1 << numbers.below(8);
            format!("a bit of byte {place}")
        }
        _ => {
            let place = numbers.below(bytes.len());
            bytes[place] ^= 1 << numbers.below(8);
            format!("a bit of byte {place}")
        }
    }
}

fn restore(manager: &DatabaseManager, backup: &Path) -> zenith_db::Result<()> {
    manager.restore(backup, &RestoreOptions::default(), &mut |_| ()).map(drop)
}

/// SQLite has no checksums: it cannot see a bit that changed inside a value. Without a manifest, such a
/// backup is restored with all its rows, and that value is another one.
#[test]
fn a_damaged_backup_is_refused_and_without_its_manifest_never_loses_a_row() {
    let history = History::new(1, 200);
    let whole = fs::read(&history.backups[0]).expect("a backup");
    let (fixture, expected) = (history.copy(), counts(&history.backups[0]));
    let backup = history.backup_in(&fixture, 0);
    let manifest = backup.with_extension("db.json");
    let described = fs::read(&manifest).expect("a manifest");
    let (manager, mut numbers) = (fixture.manager(), Numbers(0xBAC0));
    let (mut refused, mut restored) = (0, 0);
    for _ in 0..points(60, 10_000) {
        let mut bytes = whole.clone();
        let what = damage(&mut bytes, &mut numbers);
        fs::write(&backup, &bytes).expect("damaged");
        let error = manager.verify_backup(&backup, &mut |_| ()).expect_err(&what).to_string();
        let says = ["SHA-256", "bytes, not"].iter().any(|words| error.contains(words));
        assert!(says, "{what}: {error}");

        fs::remove_file(&manifest).expect("removed");
        let before = fs::read(fixture.path()).expect("a database");
        if restore(&manager, &backup).is_ok() {
            restored += 1;
            // The kept database is recorded in the restored one.
            let mut found = counts(&fixture.path());
            let mut expected = expected.clone();
            for table in ["backup_jobs", "system_health"] {
                found.remove(table);
                expected.remove(table);
            }
            assert_eq!(found, expected, "{what}");
        } else {
            refused += 1;
            assert!(fs::read(fixture.path()).expect("it") == before, "{what}: changed");
        }
        fs::write(&manifest, &described).expect("a manifest");
        // What the restores have kept.
        for kept in super::named_backups(&fixture.backups()) {
            if kept != backup {
                fs::remove_file(kept.with_extension("db.json")).expect("removed");
                fs::remove_file(kept).expect("removed");
            }
        }
    }
    println!("without a manifest {refused} were refused, {restored} restored with every row");
    assert!(refused > 0 && restored > 0, "{refused} refused, {restored} restored");
    fs::write(&backup, &whole).expect("mended");
    restore(&manager, &backup).expect("the whole backup");
    assert_swept(&fixture, "after all");
}

/// Returns what SQLite finds first in the file, or why it cannot check it. On a connection that may write, it
/// would also evaluate CHECK constraints.
fn fault_to_sqlite(path: &Path) -> Option<String> {
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
    let found = rusqlite::Connection::open_with_flags(path, flags).and_then(|connection| {
        connection.query_row("PRAGMA integrity_check", [], |row| row.get::<_, String>(0))
    });
    found.map_or_else(|error| Some(error.to_string()), |found| (found != "ok").then_some(found))
}

#[test]
fn a_deep_health_check_finds_whatever_sqlite_finds_in_a_damaged_database() {
    let history = History::new(1, 200);
    let fixture = history.copy();
    let (whole, manager) = (fs::read(fixture.path()).expect("it"), fixture.manager());
    let (mut numbers, mut found, mut hidden) = (Numbers(0xDEE9), 0, 0);
    for _ in 0..points(60, 10_000) {
        let mut bytes = whole.clone();
        let what = damage(&mut bytes, &mut numbers);
        fs::write(fixture.path(), &bytes).expect("damaged");
        let report = manager.deep_health_check(&mut |_| ());
        // It has only read.
        assert!(fs::read(fixture.path()).expect("it") == bytes, "{what}: changed");
        if let Some(fault) = fault_to_sqlite(&fixture.path()) {
            assert!(!report.healthy, "{what}: {fault}: {report:?}");
            found += 1;
        } else {
            hidden += usize::from(report.healthy);
        }
    }
    println!("SQLite found {found}; {hidden} are in values, which it does not check");
    assert!(found > 0 && hidden > 0, "{found} found, {hidden} hidden");
}

/// A database whose ledger is damaged is refused, as one of another program is: the backup can be restored to
/// another path.
#[test]
fn a_damaged_database_is_replaced_by_the_newest_backup_and_kept_byte_by_byte() {
    let history = History::new(1, 200);
    let (whole, mut numbers) = (fs::read(history.copy().path()).expect("it"), Numbers(0xDB));
    let (mut sound, mut damaged) = (0, 0);
    for _ in 0..points(10, 500) {
        let fixture = history.copy();
        let mut bytes = whole.clone();
        let what = damage(&mut bytes, &mut numbers);
        fs::write(fixture.path(), &bytes).expect("damaged");
        let output = fixture.zenith().args(["restore", "--latest", "--yes"]).output().expect("it");
        let said = crate::support::stderr(&output);
        if said.contains("restore to another path with --to") {
            // Its tables no longer show that it is a database of this program.
            assert!(fs::read(fixture.path()).expect("it") == bytes, "{what}: changed");
            continue;
        }
        assert_eq!(output.status.code(), Some(0), "{what}: {output:?}");
        assert!(state(&fixture.path()) == history.newest, "{what}: other rows");
        let mut names = crate::support::files_in(&fixture.backups());
        names.retain(|name| name.contains("-damaged-"));
        if names.is_empty() {
            // SQLite saw nothing, so that it is a backup like others.
            sound += 1;
        } else {
            damaged += 1;
            let kept = fs::read(fixture.backups().join(&names[0])).expect("a file");
            let same = kept.len() == bytes.len() && kept[100..] == bytes[100..];
            // SQLite counts in the header that it left the write-ahead log.
            assert!(kept == bytes || same, "{what}: other bytes");
        }
        assert_swept(&fixture, &what);
        run(fixture.zenith().args(["backup", "verify", "--all"]), 0);
    }
    println!("{damaged} were kept as damaged, {sound} as backups");
    assert!(damaged > 0, "{sound} were sound");
}

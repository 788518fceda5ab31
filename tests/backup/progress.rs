//! `DatabaseManager::backup_with_progress`: what it reports, and that writes between two steps change nothing.

use diesel::connection::SimpleConnection;

use super::{IS_LATER, LATER, filled};

use crate::support::{Fixture, SqliteFixture, open_file, text};

#[test]
fn a_backup_reports_what_it_does() {
    let fixture = filled(Fixture::created());
    let mut actions: Vec<&str> = Vec::new();
    let mut copied = 0;
    let report = fixture.manager().backup_with_progress(&mut |progress| {
        // How large an archive of a server becomes, nobody knows.
        assert!(progress.done <= progress.total || progress.total == 0);
        if progress.action == "copying" {
            assert!(progress.done >= copied, "{progress:?} after {copied}");
            copied = progress.done;
        }
        if actions.last() != Some(&progress.action) {
            actions.push(progress.action);
        }
    });
    let last = report.expect("a backup");
    assert!(last.size_bytes > 0);
    assert!(actions.ends_with(&["reading"]), "{actions:?}");
    // A small file is copied in one step.
    let first: &[&str] = fixture.either(&["checking"], &["copying", "checking"]);
    assert!(actions.starts_with(first), "{actions:?}");
    assert_eq!(copied > 0, fixture.either(false, true));
}

/// The copy is made in several steps, and a step that saw a commit of another connection would begin anew.
#[test]
fn a_row_that_is_committed_between_two_steps_is_not_in_the_backup() {
    let fixture = SqliteFixture::created();
    fixture
        .raw()
        .batch_execute(
            "CREATE TABLE ballast (x BLOB); INSERT INTO ballast VALUES (zeroblob(20000000))",
        )
        .expect("more pages than are copied in one step");
    let (mut steps, mut writer) = (Vec::new(), fixture.raw());
    let report = fixture.manager().backup_with_progress(&mut |progress| {
        if progress.action == "copying" {
            if steps.is_empty() {
                writer.batch_execute(LATER).expect("a writer is not blocked");
            }
            steps.push(progress.done);
        }
    });
    let report = report.expect("a backup");
    assert!(steps.len() > 2 && steps.is_sorted(), "it began anew: {steps:?}");
    assert_eq!(text(&mut open_file(&report.path), IS_LATER), "0");
    assert_eq!(text(&mut writer, IS_LATER), "1");
}

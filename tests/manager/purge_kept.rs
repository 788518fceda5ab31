//! Retention keeps the rows to which others refer, deletes the rest, and says what it kept.

use std::time::Duration;

use zenith_db::manager::{KeptRows, PurgePolicy, PurgeReport};

use super::purge::aged;
use crate::support::command::json;
use crate::support::{Fixture, run, stderr, stdout};

const DAY: Duration = Duration::from_secs(86_400);

/// Purges conversations, and returns the report and the number of steps.
fn purge(fixture: &Fixture) -> (PurgeReport, usize) {
    let mut steps = 0;
    let policy = PurgePolicy::none().conversations_after(9 * DAY).metrics_after(9 * DAY);
    let report = fixture.database().purge(&policy, &mut |_| steps += 1);
    (report.expect("it goes on"), steps)
}

fn kept(report: &PurgeReport) -> Vec<(usize, &str, Option<&str>)> {
    let shown = |kept: &'_ KeptRows| (kept.rows, kept.of);
    let tables = report.kept.iter().map(|kept| kept.referred_to_by.as_deref());
    report.kept.iter().map(shown).zip(tables).map(|((rows, of), table)| (rows, of, table)).collect()
}

#[test]
fn conversations_to_which_another_table_refers_stay_and_the_others_go() {
    for rule in ["", "ON DELETE RESTRICT", "ON DELETE NO ACTION DEFERRABLE INITIALLY DEFERRED"] {
        let fixture = aged();
        fixture.sql(&format!(
            "CREATE TABLE bookmarks (session BIGINT REFERENCES chat_sessions (id) {rule});
             INSERT INTO bookmarks SELECT min(id) + 30 FROM chat_sessions;
             INSERT INTO bookmarks SELECT min(id) + 31 FROM chat_sessions;
             INSERT INTO bookmarks SELECT min(id) + 2 FROM chat_sessions"
        ));
        let (report, steps) = purge(&fixture);
        assert_eq!((report.conversations, report.metrics), (42, 1_200), "{rule}");
        assert_eq!(kept(&report), [(3, "conversations", Some("bookmarks"))], "{rule}");
        assert!(steps < 60, "{steps}");
        let left = "SELECT count(*) FROM chat_sessions WHERE id IN (SELECT session FROM bookmarks)";
        assert_eq!(fixture.text(left), "3");
        assert_eq!(fixture.text("SELECT count(*) FROM chat_sessions"), "4");
        // Again, it ends and says the same; once nobody refers to them, they go.
        let (again, _) = purge(&fixture);
        assert_eq!((again.conversations, kept(&again)), (0, kept(&report)));
        fixture.sql("DELETE FROM bookmarks");
        let (last, _) = purge(&fixture);
        assert_eq!((last.conversations, last.kept.len()), (3, 0));
    }
}

#[test]
fn a_reference_to_a_message_keeps_its_conversation_and_one_that_cascades_keeps_nothing() {
    let fixture = aged();
    fixture.sql(
        "CREATE TABLE quotes (message TEXT REFERENCES chat_history (message_id));
         INSERT INTO quotes SELECT min(message_id) FROM chat_history;
         CREATE TABLE labels (name TEXT, session BIGINT REFERENCES chat_sessions (id) ON DELETE CASCADE);
         INSERT INTO labels SELECT 'old', id FROM chat_sessions;
         CREATE TABLE notes (text TEXT, session BIGINT REFERENCES chat_sessions (id) ON DELETE SET NULL);
         INSERT INTO notes SELECT 'old', id FROM chat_sessions",
    );
    let (report, _) = purge(&fixture);
    assert_eq!(report.conversations, 44);
    assert_eq!(kept(&report), [(1, "conversations", Some("quotes"))]);
    assert_eq!(fixture.text("SELECT count(*) FROM labels"), "2");
}

#[test]
fn rows_of_every_model_are_kept_and_counted_by_the_table_that_refers() {
    let fixture = aged();
    fixture.sql(
        "CREATE TABLE alarms (metric BIGINT NOT NULL REFERENCES system_metrics (id));
         INSERT INTO alarms SELECT id FROM system_metrics WHERE id % 7 = 0 AND metric_name = 'load';
         CREATE TABLE charts (id BIGINT PRIMARY KEY, metric BIGINT REFERENCES system_metrics);
         INSERT INTO charts SELECT id, id FROM system_metrics WHERE id % 500 = 1 AND metric_name = 'load'",
    );
    let alarms: usize = fixture.text("SELECT count(*) FROM alarms").parse().expect("a number");
    let charts = "SELECT count(*) FROM charts WHERE metric NOT IN (SELECT metric FROM alarms)";
    let charts: usize = fixture.text(charts).parse().expect("a number");
    let (report, _) = purge(&fixture);
    assert_eq!(report.metrics, 1_200 - alarms - charts);
    let mut found = kept(&report);
    found.sort_by_key(|(.., table)| *table);
    let wanted = [(alarms, "metrics", Some("alarms")), (charts, "metrics", Some("charts"))];
    assert_eq!(found, wanted);
}

#[test]
fn the_command_warns_of_what_was_kept_and_succeeds() {
    let fixture = aged();
    fixture.sql(
        "CREATE TABLE bookmarks (session BIGINT REFERENCES chat_sessions (id));
         INSERT INTO bookmarks SELECT min(id) + 30 FROM chat_sessions",
    );
    let done = run(fixture.zenith().args(["purge", "--conversations", "9", "--yes"]), 0);
    assert!(stdout(&done).contains("deleted 44 conversations, 0 metrics"), "{done:?}");
    let said = stderr(&done);
    assert!(
        said.contains("kept 1 of the old conversations, because bookmarks refers to it"),
        "{said}"
    );
    let arguments = ["purge", "--conversations", "9", "--yes", "--format", "json", "--quiet"];
    let report = json(&run(fixture.zenith().args(arguments), 0));
    assert_eq!(report["kept"][0]["referred_to_by"], "bookmarks");
    assert_eq!((&report["kept"][0]["rows"], &report["conversations"]), (&1.into(), &0.into()));
}

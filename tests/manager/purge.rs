//! Retention deletes what is old, no more, in steps that others can write between, and goes on where it was stopped.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Duration;

use zenith_db::manager::{PurgePolicy, PurgeReport};
use zenith_db::prelude::*;

use crate::support::command::json;
use crate::support::{Fixture, run, stderr, stdout};

const DAY: Duration = Duration::from_secs(86_400);

/// A database with 1,200 metrics and 45 conversations that are 10 days old, and one of each that is new.
pub(super) fn aged() -> Fixture {
    let fixture = Fixture::created();
    let (numbers, old) = (
        fixture.either(
            "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 1200)",
            "WITH n AS (SELECT generate_series(1, 1200) AS n)",
        ),
        fixture.either(
            "strftime('%Y-%m-%d %H:%M:%f000', 'now', '-10 days')",
            "CURRENT_TIMESTAMP AT TIME ZONE 'UTC' - interval '10 days'",
        ),
    );
    let uuid = "'00000000-0000-7000-8000-' || substr(CAST(100000000000 + n AS TEXT), 1, 12)";
    fixture.sql(&format!(
        "INSERT INTO system_metrics (metric_name, metric_value, metric_type, timestamp)
         {numbers} SELECT 'load', n, 'gauge', {old} FROM n;
         INSERT INTO system_metrics (metric_name, metric_value, metric_type) VALUES ('new', 1, 'gauge');
         INSERT INTO chat_sessions (session_id, user_id, title, created_at, updated_at)
         {numbers} SELECT {uuid}, (SELECT min(id) FROM users), 'old', {old}, {old} FROM n WHERE n <= 45;
         INSERT INTO chat_history (chat_session_id, user_id, message_id, message_content, message_type)
         {numbers} SELECT s.id, s.user_id, {uuid}, 'words', 'user'
             FROM n JOIN chat_sessions AS s ON s.id = (SELECT min(id) FROM chat_sessions) + n % 45 WHERE n <= 900;
         INSERT INTO chat_sessions (session_id, user_id, title)
         VALUES ('00000000-0000-7000-8000-000000000001', (SELECT min(id) FROM users), 'new')"
    ));
    fixture
}

fn left(fixture: &Fixture) -> String {
    let [metrics, conversations, messages] = ["system_metrics", "chat_sessions", "chat_history"]
        .map(|table| fixture.text(&format!("SELECT count(*) FROM {table}")));
    format!("{metrics} {conversations} {messages}")
}

#[test]
fn what_is_old_is_deleted_in_steps_and_the_rest_stays() {
    let fixture = aged();
    assert_eq!(left(&fixture), "1201 46 900");
    let database = fixture.database();
    let nothing = database.purge(&PurgePolicy::none(), &mut |_| ()).expect("nothing to do");
    assert_eq!(nothing, PurgeReport::default());
    let policy = PurgePolicy::none().metrics_after(11 * DAY).conversations_after(11 * DAY);
    assert_eq!(database.purge(&policy, &mut |_| ()).expect("none is so old"), nothing);
    let policy = PurgePolicy::none().metrics_after(9 * DAY).conversations_after(9 * DAY);
    let mut steps = Vec::new();
    let report =
        database.purge(&policy, &mut |done| steps.push((done.conversations, done.metrics)));
    let report = report.expect("deleted");
    assert_eq!((report.conversations, report.metrics), (45, 1_200));
    let wanted =
        [(20, 0), (40, 0), (45, 0), (45, 0), (45, 500), (45, 1_000), (45, 1_200), (45, 1_200)];
    assert_eq!(steps, wanted);
    assert_eq!(left(&fixture), "1 1 0");
}

#[test]
fn sessions_and_notifications_go_by_their_own_age() {
    let fixture = aged();
    let days = |days: u32| {
        fixture.either(
            format!("strftime('%Y-%m-%d %H:%M:%f000', 'now', '-{days} days')"),
            format!("CURRENT_TIMESTAMP AT TIME ZONE 'UTC' - interval '{days} days'"),
        )
    };
    let (made, ended, fresh) = (days(30), days(10), days(0));
    for (count, ended) in [(1, &ended), (2, &fresh)] {
        let hash = count.to_string().repeat(64);
        let uuid = format!("00000000-0000-7000-8000-00000000000{count}");
        fixture.sql(&format!(
            "INSERT INTO user_sessions
                (session_id, user_id, token_hash, created_at, last_activity, idle_expires_at, expires_at)
             SELECT '{uuid}', min(id), '{hash}', {made}, {made}, {ended}, {ended} FROM users;
             INSERT INTO notifications (notification_id, user_id, title, message, type, created_at, expires_at)
             SELECT '{uuid}', min(id), 'a', 'b', 'info', {made}, {ended} FROM users"
        ));
    }
    let left = || {
        ["user_sessions", "notifications"]
            .map(|table| fixture.text(&format!("SELECT count(*) FROM {table}")))
    };
    assert_eq!(left(), ["2", "2"]);
    let database = fixture.database();
    let policy = PurgePolicy::none().sessions_after(9 * DAY).notifications_after(11 * DAY);
    let report = database.purge(&policy, &mut |_| ()).expect("deleted");
    assert_eq!((report.sessions, report.notifications), (1, 0));
    assert_eq!(left(), ["1", "2"]);
    let arguments =
        ["purge", "--notifications", "9", "--sessions", "11", "--yes", "--format", "json"];
    let done = json(&run(fixture.zenith().args(arguments), 0));
    assert_eq!((&done["sessions"], &done["notifications"]), (&0.into(), &1.into()));
    assert_eq!(left(), ["1", "1"]);
}

#[test]
fn what_was_stopped_has_deleted_what_it_reported_and_the_next_call_goes_on() {
    let fixture = aged();
    let database = fixture.database();
    let policy = PurgePolicy::none().metrics_after(9 * DAY);
    let stop = |done: PurgeReport| {
        // Others can write between two steps.
        database
            .write(|conn| NewRole::builder().name(&done.metrics.to_string()).build().insert(conn))
            .expect("it");
        if done.metrics == 1_000 {
            resume_unwind(Box::new("stopped"));
        }
    };
    let stopped = catch_unwind(AssertUnwindSafe(|| database.purge(&policy, &mut { stop })));
    assert!(stopped.is_err());
    assert_eq!(left(&fixture), "201 46 900");
    let report = database.purge(&policy, &mut |_| ()).expect("the rest");
    assert_eq!(report.metrics, 200);
}

#[test]
fn the_command_asks_and_says_what_it_deleted() {
    let fixture = aged();
    let refused = run(fixture.zenith().arg("purge"), 2);
    assert!(stderr(&refused).contains("--conversations"), "{refused:?}");
    let refused = run(fixture.zenith().args(["purge", "--metrics", "9"]), 2);
    assert!(stderr(&refused).contains("metrics older than 9 days"), "{refused:?}");
    assert_eq!(left(&fixture), "1201 46 900");
    let done = run(fixture.zenith().args(["purge", "--metrics", "9", "--yes"]), 0);
    assert!(stdout(&done).contains("0 conversations, 1200 metrics, 0 sessions"), "{done:?}");
    let command = ["purge", "--conversations", "9", "--yes", "--format", "json"];
    assert_eq!(json(&run(fixture.zenith().args(command), 0))["conversations"], 45);
    assert_eq!(left(&fixture), "1 1 0");
}

//! `updated_at` is kept by the database, whoever writes.

use crate::support::rows;
use crate::support::{Fixture, text};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;

const TABLES: &[&str] =
    &["chat_sessions", "notifications", "roles", "system_settings", "user_preferences", "users"];

const PAST: &str = "2001-01-01 00:00:00.000000";
const NOW: &str = "strftime('%Y-%m-%d %H:%M:%f000', 'now')";

/// Each test runs with and without `recursive_triggers`: with it, the trigger's own update fires it
/// again, and it must stop.
fn either_way(test: impl Fn(&mut SqliteConnection, &str)) {
    for recursive in [false, true] {
        let fixture = Fixture::created();
        let mut connection = fixture.raw();
        connection.batch_execute(rows::ROWS).expect("rows");
        let pragma = format!("PRAGMA recursive_triggers = {recursive}");
        connection.batch_execute(&pragma).expect("a pragma");
        for table in TABLES {
            test(&mut connection, table);
        }
    }
}

fn updated_at(connection: &mut SqliteConnection, table: &str) -> String {
    text(connection, &format!("SELECT updated_at FROM {table} WHERE id = 100"))
}

fn update(connection: &mut SqliteConnection, table: &str, assignment: &str) {
    let statement = format!("UPDATE {table} SET {assignment} WHERE id = 100");
    connection.batch_execute(&statement).expect(&statement);
}

#[test]
fn an_update_of_any_column_sets_it_to_the_present_moment() {
    either_way(|connection, table| {
        assert_eq!(updated_at(connection, table), PAST);
        let before = text(connection, &format!("SELECT {NOW}"));
        update(connection, table, "created_at = created_at");
        let after = text(connection, &format!("SELECT {NOW}"));
        let now = updated_at(connection, table);
        assert!(before <= now && now <= after, "{table}: {before} {now} {after}");
    });
}

#[test]
fn the_rows_that_were_not_updated_keep_theirs() {
    either_way(|connection, table| {
        let others = format!(
            "SELECT group_concat(id || updated_at ORDER BY id) FROM {table} WHERE id <> 100"
        );
        let before = text(connection, &others);
        update(connection, table, "created_at = created_at");
        assert_eq!(text(connection, &others), before);
    });
}

#[test]
fn a_writer_who_writes_back_what_it_read_does_not_stop_it() {
    either_way(|connection, table| {
        update(connection, table, "created_at = created_at, updated_at = updated_at");
        assert!(updated_at(connection, table).as_str() > PAST, "{table}");
        update(connection, table, "updated_at = '2000-01-01 00:00:00.000000'");
        assert!(updated_at(connection, table).as_str() > PAST, "{table}");
    });
}

#[test]
fn many_updates_in_a_row_neither_fail_nor_go_back() {
    either_way(|connection, table| {
        let mut last = String::new();
        for _ in 0..100 {
            update(connection, table, "created_at = created_at");
            let now = updated_at(connection, table);
            assert!(now >= last, "{table}: {last} then {now}");
            last = now;
        }
    });
}

/// Within one statement SQLite's clock stands still, so that both updates fall on one millisecond.
#[test]
fn two_updates_within_one_millisecond_are_both_taken() {
    for recursive in [false, true] {
        let fixture = Fixture::created();
        let mut connection = fixture.raw();
        let pragma = format!("PRAGMA recursive_triggers = {recursive}");
        connection.batch_execute(&pragma).expect("a pragma");
        let statement =
            "INSERT INTO roles (name, description) VALUES ('x', '0'), ('x', '1'), ('x', '2')
                         ON CONFLICT (name) DO UPDATE SET description = excluded.description";
        connection.batch_execute(statement).expect("taken");
        let query = "SELECT description FROM roles WHERE name = 'x'";
        assert_eq!(text(&mut connection, query), "2");
        let query = "SELECT updated_at = created_at FROM roles WHERE name = 'x'";
        assert_eq!(text(&mut connection, query), "1");
    }
}

#[test]
fn a_time_that_was_ahead_of_the_clock_comes_back_to_it() {
    either_way(|connection, table| {
        let trigger = format!("DROP TRIGGER {table}_updated_at");
        let definition = text(
            connection,
            &format!("SELECT sql FROM sqlite_schema WHERE name = '{table}_updated_at'"),
        );
        connection.batch_execute(&trigger).expect("no trigger");
        update(connection, table, "updated_at = '2999-01-01 00:00:00.000000'");
        connection.batch_execute(&definition).expect("the trigger");
        update(connection, table, "created_at = created_at");
        let now = text(connection, &format!("SELECT {NOW}"));
        assert!(updated_at(connection, table) <= now, "{table}");
    });
}

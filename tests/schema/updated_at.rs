//! `updated_at` is kept by the database, whoever writes.

use crate::support::rows;
use crate::support::{Fixture, SqliteFixture, text};
use diesel::connection::SimpleConnection;
use zenith_db::Backend;
use zenith_db::DbConnection;

const TABLES: &[&str] =
    &["chat_sessions", "notifications", "roles", "system_settings", "user_preferences", "users"];

const PAST: &str = "2001-01-01 00:00:00.000000";
fn now(connection: &mut DbConnection) -> String {
    let now = match connection.backend() {
        Backend::Sqlite => "strftime('%Y-%m-%d %H:%M:%f000', 'now')",
        Backend::Postgres => {
            "to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')"
        }
    };
    text(connection, now)
}

/// Each test runs with and without SQLite's `recursive_triggers`: with it, the trigger's own update
/// fires it again, and it must stop.
fn either_way(test: impl Fn(&mut DbConnection, &str)) {
    for recursive in Fixture::empty().either([false, true].as_slice(), &[false]) {
        let fixture = Fixture::created();
        let mut connection = fixture.raw();
        rows::fill(&mut connection);
        if connection.backend() == Backend::Sqlite {
            let pragma = format!("PRAGMA recursive_triggers = {recursive}");
            connection.batch_execute(&pragma).expect("a pragma");
        }
        for table in TABLES {
            test(&mut connection, table);
        }
    }
}

fn updated_at(connection: &mut DbConnection, table: &str) -> String {
    let time = match connection.backend() {
        Backend::Sqlite => "updated_at",
        // As text it ends with its last digit that is not zero.
        Backend::Postgres => "to_char(updated_at, 'YYYY-MM-DD HH24:MI:SS.US')",
    };
    text(connection, &format!("SELECT {time} FROM {table} WHERE id = 100"))
}

fn update(connection: &mut DbConnection, table: &str, assignment: &str) {
    let statement = format!("UPDATE {table} SET {assignment} WHERE id = 100");
    connection.batch_execute(&statement).expect(&statement);
}

#[test]
fn an_update_of_any_column_sets_it_to_the_present_moment() {
    either_way(|connection, table| {
        assert_eq!(updated_at(connection, table), PAST);
        let before = now(connection);
        update(connection, table, "created_at = created_at");
        let after = now(connection);
        let found = updated_at(connection, table);
        assert!(before <= found && found <= after, "{table}: {before} {found} {after}");
    });
}

#[test]
fn the_rows_that_were_not_updated_keep_theirs() {
    either_way(|connection, table| {
        let others = format!(
            "SELECT string_agg(id || ' ' || updated_at, ',' ORDER BY id) FROM {table} WHERE id <> 100"
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
        let fixture = SqliteFixture::created();
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
        let trigger = format!("{table}_updated_at");
        let definition = rows::catalogue(connection)[&format!("trigger {trigger}")].clone();
        rows::drop_trigger(connection, table, &trigger);
        update(connection, table, "updated_at = '2999-01-01 00:00:00.000000'");
        connection.batch_execute(&definition).expect("the trigger");
        update(connection, table, "created_at = created_at");
        let now = now(connection);
        assert!(updated_at(connection, table) <= now, "{table}");
    });
}

//! The audit log can be added to and nothing else, whatever the connection's settings.

use crate::support::rows;
use crate::support::rows::refusal;
use crate::support::{Fixture, SqliteFixture, text};
use diesel::connection::SimpleConnection;
use zenith_db::Backend;
use zenith_db::DbConnection;

/// On every database that this run is for.
fn everywhere(test: impl Fn(&mut DbConnection)) {
    if Fixture::empty().backend() == Backend::Postgres {
        on(&Fixture::created(), None, &test);
    } else {
        on_sqlite(test);
    }
}

/// Each test runs with and without SQLite's `recursive_triggers`: without it, REPLACE deletes rows
/// and fires no trigger.
fn on_sqlite(test: impl Fn(&mut DbConnection)) {
    for recursive in [false, true] {
        let pragma = format!("PRAGMA recursive_triggers = {recursive}");
        on(&SqliteFixture::created(), Some(&pragma), &test);
    }
}

fn on(fixture: &Fixture, pragma: Option<&str>, test: &impl Fn(&mut DbConnection)) {
    let mut connection = fixture.raw();
    rows::enforce_references(&mut connection, true);
    if let Some(pragma) = pragma {
        connection.batch_execute(pragma).expect(pragma);
    }
    for number in 1..=3 {
        connection.batch_execute(&entry("INSERT", number, number)).expect("an entry");
    }
    let before = rows::lines(&mut connection, ALL);
    assert_eq!(before.len(), 3);
    test(&mut connection);
    let mut after = rows::lines(&mut connection, ALL);
    after.truncate(before.len());
    assert_eq!(after, before, "{pragma:?}");
}

const ALL: &str = "SELECT concat_ws('|', id, seq, event_id, action, prev_hash, entry_hash) AS line
                   FROM audit_log ORDER BY seq";

/// Entry `number` of the chain: its hash is its number, and it follows `number - 1`.
fn entry(verb: &str, number: u32, event: u32) -> String {
    entry_with(verb, number, event, number - 1, number)
}

fn entry_with(verb: &str, seq: u32, event: u32, previous: u32, hash: u32) -> String {
    format!(
        "{verb} INTO audit_log (seq, event_id, user_id, actor_name, event_type, event_category,
             action, prev_hash, entry_hash)
         VALUES ({seq}, '00000000-0000-7000-8000-{event:012}', 1, 'admin', 'login',
             'identity', 'log in', '{previous:064}', '{hash:064}')"
    )
}

const REPLACE: &str = "INSERT OR REPLACE";

#[test]
fn entries_follow_each_other() {
    everywhere(|connection| {
        connection.batch_execute(&entry("INSERT", 4, 4)).expect("the next entry");
        assert_eq!(
            text(
                connection,
                "SELECT string_agg(CAST(seq AS TEXT), ',' ORDER BY seq) FROM audit_log"
            ),
            "1,2,3,4"
        );
    });
}

#[test]
fn an_entry_is_never_changed() {
    everywhere(|connection| {
        let both =
            ["UPDATE audit_log SET action = 'nothing'", "UPDATE audit_log SET action = action"];
        let one = match connection.backend() {
            Backend::Sqlite => [
                "UPDATE OR REPLACE audit_log SET seq = 1 WHERE seq = 2",
                "UPDATE OR IGNORE audit_log SET user_id = NULL",
            ],
            Backend::Postgres => [
                "UPDATE audit_log SET seq = 1 WHERE seq = 2",
                "MERGE INTO audit_log AS old USING audit_log AS new ON old.id = new.id
                 WHEN MATCHED THEN UPDATE SET user_id = NULL",
            ],
        };
        for statement in both.into_iter().chain(one) {
            let refused = refusal(connection, statement);
            assert!(refused.starts_with("audit_log is append-only: rows cannot be changed"));
        }
        let upsert =
            format!("{} ON CONFLICT (seq) DO UPDATE SET action = 'nothing'", entry("INSERT", 2, 2));
        refusal(connection, &upsert);
    });
}

#[test]
fn an_entry_is_never_deleted() {
    everywhere(|connection| {
        for statement in ["DELETE FROM audit_log", "DELETE FROM audit_log WHERE seq = 3"] {
            let refused = refusal(connection, statement);
            assert!(refused.starts_with("audit_log is append-only: rows cannot be "), "{refused}");
        }
        if connection.backend() == Backend::Postgres {
            refusal(connection, "TRUNCATE audit_log");
            refusal(connection, "TRUNCATE users CASCADE");
        }
    });
}

#[test]
fn an_entry_is_never_replaced_by_its_event_or_its_key() {
    on_sqlite(|connection| {
        let refused = refusal(connection, &entry_with(REPLACE, 4, 2, 3, 4));
        assert_eq!(refused, "audit_log is append-only: this event_id exists");
        for id in ["id", "rowid"] {
            let by_key = entry(REPLACE, 4, 4).replace("(seq,", &format!("({id}, seq,"));
            let by_key = by_key.replace("VALUES (", "VALUES (1, ");
            let refused = refusal(connection, &by_key);
            assert_eq!(refused, "audit_log: id must be greater than the last, and not by far");
        }
    });
}

#[test]
fn an_entry_is_never_replaced_by_its_place_in_the_chain() {
    on_sqlite(|connection| {
        for seq in 1..=3 {
            let refused = refusal(connection, &entry_with(REPLACE, seq, 9, seq - 1, 9));
            assert!(refused.starts_with("audit_log"), "{refused}");
        }
    });
}

#[test]
fn an_entry_is_never_replaced_by_its_hash() {
    on_sqlite(|connection| {
        for hash in 1..=3 {
            let refused = refusal(connection, &entry_with(REPLACE, 4, 4, 3, hash));
            assert_eq!(refused, "audit_log: another entry has this entry_hash");
        }
    });
}

#[test]
fn the_numbers_have_no_gap_and_no_repetition() {
    everywhere(|connection| {
        for seq in [0, 1, 3, 5, 400] {
            let refused = refusal(connection, &entry_with("INSERT", seq, 9, 3, 9));
            assert_eq!(refused, "audit_log: seq must be one more than the last", "{seq}");
        }
    });
}

#[test]
fn the_first_number_is_1_and_follows_zeros() {
    let fixture = Fixture::created();
    let mut connection = fixture.raw();
    refusal(&mut connection, &entry("INSERT", 2, 2));
    let refused = refusal(&mut connection, &entry_with("INSERT", 1, 1, 7, 1));
    assert_eq!(refused, "audit_log: prev_hash must be the entry_hash before it");
    connection.batch_execute(&entry("INSERT", 1, 1)).expect("the first entry");
}

#[test]
fn an_entry_names_the_hash_of_the_one_before_it() {
    everywhere(|connection| {
        for previous in [0, 2, 4] {
            let refused = refusal(connection, &entry_with("INSERT", 4, 4, previous, 4));
            assert!(refused.starts_with("audit_log"), "{refused}");
        }
    });
}

/// A trigger sees -1 where an insert leaves the key open, so an entry of that key would be in the
/// way of all others.
#[test]
fn no_entry_stops_the_next_one() {
    everywhere(|connection| {
        let odd = entry("INSERT", 4, 4).replace("(seq,", "(id, seq,");
        let odd = odd.replace("VALUES (", "VALUES (-1, ");
        let next = if connection.batch_execute(&odd).is_ok() { 5 } else { 4 };
        connection.batch_execute(&entry("INSERT", next, next)).expect("the next entry");
    });
}

#[test]
fn a_user_with_history_is_not_deleted_but_can_be_anonymised() {
    everywhere(|connection| {
        for statement in ["DELETE FROM users WHERE id = 1", "UPDATE users SET id = 7 WHERE id = 1"]
        {
            assert_eq!(refusal(connection, statement), "FOREIGN KEY constraint failed");
        }
        let erase = "UPDATE users SET username = 'erased-1', email = 'erased-1@invalid'";
        connection.batch_execute(erase).expect("anonymised");
        assert_eq!(text(connection, "SELECT DISTINCT actor_name FROM audit_log"), "admin");
    });
}

#[test]
fn a_user_with_history_is_not_replaced() {
    on_sqlite(|connection| {
        let replace =
            "INSERT OR REPLACE INTO users (id, uuid, username, email, password_hash, role_id)
             SELECT id, uuid, username, email, password_hash, role_id FROM users WHERE id = 1";
        assert_eq!(refusal(connection, replace), "FOREIGN KEY constraint failed");
    });
}

//! Whatever differs between the two databases, the comparison finds it.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use zenith_db::Config;

use super::build::build;
use super::error::AdoptionError;
use super::load::Former;
use super::verify::verify;

const TABLES: &str = include_str!("../../../tests/support/legacy/tables.sql");
const ROWS: &str = include_str!("../../../tests/support/legacy/rows.sql");
/// Of the right form, and nobody's password.
const HASH: &str = "argon2id:$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$aGFzaA";

/// What is done to the new database, and what the comparison says.
const TAMPERING: &[(&str, &str)] = &[
    (
        "UPDATE chat_history SET message_content = 'other' WHERE id = 2",
        "chat_history.message_content",
    ),
    (
        "UPDATE users SET last_login = '2025-01-01 00:00:00.000000' WHERE id = 1",
        "users.updated_at is not",
    ),
    ("UPDATE roles SET is_superuser = 1 WHERE id = 9", "roles.is_superuser"),
    ("DELETE FROM documents WHERE id = 2", "documents: 2 rows were read"),
    (
        "UPDATE user_preferences SET id = 99 WHERE id = 2",
        "user_preferences.id is not what was read",
    ),
    (
        "DROP TRIGGER audit_log_no_update;
         UPDATE audit_log SET entry_hash = replace(entry_hash, 'a', 'b') WHERE id = 8",
        "audit_log: the chain breaks at entry 2",
    ),
    ("DELETE FROM legacy_schema_version WHERE id = 2", "the table legacy_schema_version"),
    ("UPDATE legacy_values SET value = 'salt'", "legacy_values holds other values"),
    ("UPDATE user_sessions SET user_id = 77 WHERE id = 1", "has no users"),
    (
        "PRAGMA writable_schema = ON; DELETE FROM sqlite_schema WHERE name = 'idx_users_email'",
        "never used",
    ),
];

#[test]
fn whatever_differs_the_comparison_finds_it() {
    let directory = tempfile::tempdir().unwrap();
    let place = |name: &str| directory.path().join(name);
    let connect = |name: &str| SqliteConnection::establish(place(name).to_str().unwrap()).unwrap();
    let mut old = connect("old.db");
    old.batch_execute("PRAGMA foreign_keys = OFF").unwrap();
    old.batch_execute(TABLES).unwrap();
    old.batch_execute(&ROWS.replace("{ADMIN}", HASH)).unwrap();
    drop(old);
    let config = Config::for_path(place("zenith.db")).unwrap();
    let (options, old) = (config.sqlite(), place("old.db"));
    let former = Former::open(&old, options).unwrap();
    let built = build(&former, &place("new.db"), options, zenith_db::migrations::all()).unwrap();
    assert!(built.broken.is_empty(), "{:?}", built.broken);
    verify(&former, &built, &place("new.db"), options).unwrap();
    for (statement, found) in TAMPERING {
        std::fs::copy(place("new.db"), place("bad.db")).unwrap();
        let mut bad = connect("bad.db");
        bad.batch_execute("PRAGMA foreign_keys = OFF; PRAGMA journal_mode = DELETE").unwrap();
        bad.batch_execute(statement).unwrap();
        drop(bad);
        match verify(&former, &built, &place("bad.db"), options) {
            Err(AdoptionError::Unfaithful { reason }) => {
                assert!(reason.contains(found), "{statement}: {reason}");
            }
            other => panic!("{statement}: {:?}", other.map(|_| "nothing was found")),
        }
    }
}

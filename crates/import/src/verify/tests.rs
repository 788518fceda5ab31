//! Every change to the new database is a difference that the comparison finds.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use zenith_db::Config;

use super::verify;
use crate::build::build;
use crate::error::AdoptionError;
use crate::legacy_db::LegacyDb;

const TABLES: &str = include_str!("../../../../tests/support/legacy/tables.sql");
const ROWS: &str = include_str!("../../../../tests/support/legacy/rows.sql");
/// Well-formed hash of no password.
const HASH: &str = "argon2id:$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$aGFzaA";

/// Statements that change the new database, each with the difference that must be reported.
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
    ("UPDATE legacy_values SET value = 'salt'", "legacy_values has other values"),
    ("UPDATE user_sessions SET user_id = 77 WHERE id = 1", "has no users"),
    (
        "PRAGMA writable_schema = ON; DELETE FROM sqlite_schema WHERE name = 'idx_users_email'",
        "never used",
    ),
];

#[test]
fn every_change_is_found() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let connect = |name: &str| SqliteConnection::establish(path(name).to_str().unwrap()).unwrap();
    let mut old = connect("old.db");
    old.batch_execute("PRAGMA foreign_keys = OFF").unwrap();
    old.batch_execute(TABLES).unwrap();
    old.batch_execute(&ROWS.replace("{ADMIN}", HASH)).unwrap();
    drop(old);
    let config = Config::for_path(path("zenith.db")).unwrap();
    let (options, old) = (config.sqlite(), path("old.db"));
    let legacy = LegacyDb::open(&old).unwrap();
    let built =
        build(&legacy, &path("new.db"), options, zenith_db::migrations::Migrations::default())
            .unwrap();
    assert!(built.rejected.is_empty(), "{:?}", built.rejected);
    verify(&legacy, &built, &path("new.db"), options).unwrap();
    for (statement, found) in TAMPERING {
        std::fs::copy(path("new.db"), path("bad.db")).unwrap();
        let mut bad = connect("bad.db");
        bad.batch_execute("PRAGMA foreign_keys = OFF; PRAGMA journal_mode = DELETE").unwrap();
        bad.batch_execute(statement).unwrap();
        drop(bad);
        match verify(&legacy, &built, &path("bad.db"), options) {
            Err(AdoptionError::Unfaithful { reason }) => {
                assert!(reason.contains(found), "{statement}: {reason}");
            }
            other => panic!("{statement}: {:?}", other.map(|_| "no difference")),
        }
    }
}

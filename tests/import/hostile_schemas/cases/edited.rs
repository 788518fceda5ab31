//! Schemas that SQLite would not write.

use super::Outcome::{Adopted, Either, Refused};
use super::{Case, case, edit};

pub fn cases() -> Vec<Case> {
    let end = "9223372036854775807";
    let root = |of: &str, to: &str| {
        format!(
            "PRAGMA writable_schema = ON;
             UPDATE sqlite_schema SET rootpage = {to} WHERE name = '{of}';
             PRAGMA writable_schema = OFF;"
        )
    };
    let shared = "(SELECT rootpage FROM sqlite_schema WHERE name = 'u')";
    let tables = "CREATE TABLE t (a); CREATE TABLE u (a); INSERT INTO t VALUES (1); CREATE INDEX i ON t (a);";
    vec![
        case(
            "a sequence at its end",
            Refused("has used the key"),
            format!("UPDATE sqlite_sequence SET seq = {end} WHERE name IN ('users', 'audit_log');"),
        ),
        case(
            "a key at the end",
            Refused("has used the key"),
            format!("UPDATE user_preferences SET id = {end} WHERE id = 2;"),
        ),
        case(
            "a sequence of its own at its end",
            Adopted,
            format!(
                "CREATE TABLE t (a INTEGER PRIMARY KEY AUTOINCREMENT); INSERT INTO t VALUES (1);
                 UPDATE sqlite_sequence SET seq = {end} WHERE name = 't';"
            ),
        ),
        case("a sequence of text", Either, "UPDATE sqlite_sequence SET seq = 'many';"),
        case(
            "a sequence that is a BLOB",
            Either,
            "UPDATE sqlite_sequence SET seq = zeroblob(100), name = x'ff';",
        ),
        case(
            "two tables of one page",
            Refused("is damaged"),
            format!("{tables}{}", root("t", shared)),
        ),
        case("an index of a table's page", Refused(""), format!("{tables}{}", root("i", shared))),
        case("a page behind the end", Refused(""), format!("{tables}{}", root("t", "99999"))),
        case("the first page", Refused(""), format!("{tables}{}", root("t", "1"))),
        case(
            "a full-text index",
            Adopted,
            "CREATE VIRTUAL TABLE f USING fts5(a); INSERT INTO f VALUES ('text');",
        ),
        case(
            "a known table that is virtual",
            Refused(""),
            "DROP TABLE user_preferences; CREATE VIRTUAL TABLE user_preferences USING fts5(a);",
        ),
        case(
            "a module that nobody has",
            Either,
            "PRAGMA writable_schema = ON;
             INSERT INTO sqlite_schema VALUES
                 ('table', 'v', 'v', 0, 'CREATE VIRTUAL TABLE v USING vec0(a)');
             PRAGMA writable_schema = OFF;",
        ),
        case(
            "a collation that nobody has",
            Either,
            format!("{tables}{}", edit("i", "CREATE INDEX i ON t (a COLLATE nobody)")),
        ),
        case(
            "a computed ledger",
            Refused("has no stored column version"),
            "CREATE TABLE __diesel_schema_migrations (a, version AS (hex(zeroblob(400000000))));
             INSERT INTO __diesel_schema_migrations VALUES (1);",
        ),
        case(
            "statistics",
            Adopted,
            "CREATE INDEX extra ON users (email); ANALYZE;
             UPDATE sqlite_stat1 SET stat = '999999999999 1 1 1';",
        ),
        case(
            "a column of itself",
            Refused(""),
            format!("{tables}{}", edit("u", "CREATE TABLE u (a AS (a))")),
        ),
    ]
}

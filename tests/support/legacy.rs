//! Databases of the former application, in five shapes, with rows in every table.
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use secrecy::SecretString;
use zenith_db::types::PasswordHash;

use super::SqliteFixture;

/// Shape of a former application's database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Only the sixteen tables.
    Plain,
    /// With an empty table of its migrations.
    TrackingEmpty,
    /// With a filled table of its migrations.
    TrackingFilled,
    /// With the tables of its configuration as well.
    Configuration,
    /// With the column `role` as well, which was added to `users` later and matches no role.
    RoleColumn,
}

pub const SHAPES: [Shape; 5] = [
    Shape::Plain,
    Shape::TrackingEmpty,
    Shape::TrackingFilled,
    Shape::Configuration,
    Shape::RoleColumn,
];

/// Password of the former administrator.
pub const PASSWORD: &str = "the former password";

/// Returns the administrator's hash in the form of the former application.
pub fn former_hash() -> &'static str {
    static HASH: OnceLock<String> = OnceLock::new();
    HASH.get_or_init(|| {
        let hash = PasswordHash::hash(&SecretString::from(PASSWORD)).expect("a hash");
        format!("argon2id:{}", hash.expose())
    })
}

/// Returns the statements that create an empty database of this shape.
pub fn tables(shape: Shape) -> String {
    let mut sql = include_str!("legacy/tables.sql").to_owned();
    if shape != Shape::Plain {
        sql += include_str!("legacy/migrations.sql");
    }
    if matches!(shape, Shape::Configuration | Shape::RoleColumn) {
        sql += include_str!("legacy/configuration.sql");
    }
    if shape == Shape::RoleColumn {
        sql += "ALTER TABLE users ADD COLUMN role TEXT DEFAULT 'member';";
    }
    sql
}

/// Returns the statements that fill the tables of this shape.
pub fn rows(shape: Shape) -> String {
    let mut sql = include_str!("legacy/rows.sql").replace("{ADMIN}", former_hash());
    if !matches!(shape, Shape::Plain | Shape::TrackingEmpty) {
        sql += "INSERT INTO database_migrations (version, name, checksum)
                VALUES (1, 'initial_enterprise_schema', '6c11');";
    }
    if matches!(shape, Shape::Configuration | Shape::RoleColumn) {
        sql += "INSERT INTO configuration_values (key, value, value_type) VALUES
                    ('app.name', 'Zenith', 'string'), ('blob', x'00ff', 'bytes');
                INSERT INTO configuration_history (key, new_value, value_type, environment, change_type)
                VALUES ('app.name', 'Zenith', 'string', 'default', 'create');
                INSERT INTO configuration_schemas (key, schema_json) VALUES ('app.name', '{}');
                UPDATE sqlite_sequence SET seq = 70 WHERE name = 'configuration_values';";
    }
    sql
}

/// Returns statements that add this many messages to the first conversation.
pub fn messages(count: u32) -> String {
    format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})
         INSERT INTO chat_history (chat_session_id, user_id, message_id, message_content,
             message_type, model_name, provider, timestamp, token_count, processing_time_ms)
         SELECT 1, 1, printf('80000000-0000-4000-8000-%012x', i * 7919 % 16777213 + i * 16777216),
             printf('Message %d of a long conversation about contracts, with %s', i,
                 substr('some more words that people write in a chat, and some that they do not',
                     1, i % 70)),
             iif(i % 2, 'user', 'assistant'), 'llama3', 'ollama',
             datetime('2025-01-01', '+' || i || ' seconds'), i % 500, i % 3000
         FROM n"
    )
}

/// Creates a database file from statements.
pub fn write(path: &Path, statements: &[&str]) {
    let mut connection =
        SqliteConnection::establish(path.to_str().expect("UTF-8")).expect("a connection");
    connection
        .batch_execute("PRAGMA foreign_keys = OFF; PRAGMA synchronous = OFF")
        .expect("pragmas");
    for statement in statements {
        connection.batch_execute(statement).expect(statement);
    }
}

/// Returns a directory with a former database of this shape at the fixture's path.
pub fn former(shape: Shape) -> SqliteFixture {
    former_with(shape, "")
}

/// Returns a directory with a former database of this shape, on which more statements were run.
pub fn former_with(shape: Shape, statements: &str) -> SqliteFixture {
    let fixture = SqliteFixture::empty();
    write(&fixture.path(), &[&tables(shape), &rows(shape), statements]);
    fixture
}

/// Returns the only original kept in the fixture's backups.
pub fn kept_original(fixture: &SqliteFixture) -> PathBuf {
    let kept = kept_originals(fixture);
    assert_eq!(kept.len(), 1, "{kept:?}");
    kept[0].clone()
}

/// Returns every original kept: a run that was killed shortly before its end leaves one too many.
pub fn kept_originals(fixture: &SqliteFixture) -> Vec<PathBuf> {
    let backups = fixture.directory.path().join("backups");
    let names = super::files_in(&backups).into_iter();
    names.filter(|n| n.starts_with("zenith-legacy-")).map(|name| backups.join(name)).collect()
}

//! At least one row for every table, and functions that read all rows and definitions.
use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::{Fixture, Raw};
use zenith_db::Backend;

const ROWS: &str = "
INSERT INTO roles (id, name, created_at, updated_at, created_by)
VALUES (100, 'auditor', '2001-01-01 00:00:00.000000', '2001-01-01 00:00:00.000000', 101);
INSERT INTO permissions (id, name, resource, action) VALUES (100, 'report_read', 'reports', 'read');
INSERT INTO role_permissions (id, role_id, permission_id, granted_by) VALUES (100, 100, 100, 101);
INSERT INTO user_sessions (id, session_id, user_id, token_hash, location_info, created_at,
    idle_expires_at, expires_at)
VALUES (100, 'session', 100, '0000000000000000000000000000000000000000000000000000000000000100', '{}', '2001-01-01 00:00:00.000000',
    '2001-01-01 01:00:00.000000', '2001-01-02 00:00:00.000000');
INSERT INTO password_history (id, user_id, password_hash, password_algorithm)
VALUES (100, 100, '$2b$12$abcdefghijklmnopqrstuv', 'bcrypt');
INSERT INTO api_keys (id, key_id, user_id, name, key_hash, key_prefix, created_by, is_active,
    created_at, revoked_at, revoked_by)
VALUES (100, '00000000-0000-7000-8000-000000000100', 100, 'key', '0000000000000000000000000000000000000000000000000000000000000100', 'zk', 101, FALSE,
    '2001-01-01 00:00:00.000000', '2001-01-02 00:00:00.000000', 101);
INSERT INTO chat_sessions (id, session_id, user_id, title, created_at, updated_at)
VALUES (100, '00000000-0000-7000-8000-000000000100', 100, 'chat', '2001-01-01 00:00:00.000000',
    '2001-01-01 00:00:00.000000');
INSERT INTO chat_history (id, chat_session_id, user_id, message_id, message_content, message_type)
VALUES (99, 100, 100, '00000000-0000-7000-8000-000000000099', 'question', 'user');
INSERT INTO chat_history (id, chat_session_id, user_id, message_id, parent_message_id,
    message_content, message_type, source_documents, retrieval_context, deleted_by)
VALUES (100, 100, 100, '00000000-0000-7000-8000-000000000100',
    '00000000-0000-7000-8000-000000000099', 'answer', 'assistant', '[]', '{}', 101);
INSERT INTO documents (id, document_id, user_id, filename, original_filename, file_path, file_size,
    file_hash, mime_type, upload_started_at)
VALUES (100, '00000000-0000-7000-8000-000000000100', 100, 'a', 'a', '/a', 1, '0000000000000000000000000000000000000000000000000000000000000100',
    'text/plain', '2001-01-01 00:00:00.000000');
INSERT INTO document_chunks (id, chunk_id, document_id, chunk_index, content, content_hash,
    token_count)
VALUES (100, '00000000-0000-7000-8000-000000000100', 100, 0, 'words', '0000000000000000000000000000000000000000000000000000000000000100', 1);
INSERT INTO file_storage (id, file_id, document_id, storage_path, original_filename, file_size,
    mime_type, file_hash, created_at)
VALUES (100, '00000000-0000-7000-8000-000000000100', 100, '/a', 'a', 1, 'text/plain',
    '0000000000000000000000000000000000000000000000000000000000000100', '2001-01-01 00:00:00.000000');
INSERT INTO system_settings (id, key, value, created_at, updated_at, updated_by)
VALUES (100, 'THEME', 'dark', '2001-01-01 00:00:00.000000', '2001-01-01 00:00:00.000000', 101);
INSERT INTO user_preferences (id, user_id, key, value, created_at, updated_at)
VALUES (100, 100, 'THEME', 'light', '2001-01-01 00:00:00.000000', '2001-01-01 00:00:00.000000');
INSERT INTO audit_log (id, seq, event_id, user_id, actor_name, event_type, event_category, action,
    request_data, response_data, prev_hash, entry_hash)
VALUES (100, 1, '00000000-0000-7000-8000-000000000100', 102, 'user102', 'login', 'identity', 'log in',
    '{}', '{}', '0000000000000000000000000000000000000000000000000000000000000000', '0000000000000000000000000000000000000000000000000000000000000001');
INSERT INTO security_events (id, event_id, user_id, event_type, severity, details, timestamp)
VALUES (99, '00000000-0000-7000-8000-000000000099', 103, 'lockout', 'warning', '{}',
    '2001-01-01 00:00:00.000000');
INSERT INTO security_events (id, event_id, resolved_by, event_type, severity, details, timestamp)
VALUES (100, '00000000-0000-7000-8000-000000000100', 104, 'lockout', 'warning', '{}',
    '2001-01-01 00:00:00.000000');
INSERT INTO notifications (id, notification_id, user_id, title, message, type, created_at, updated_at)
VALUES (100, '00000000-0000-7000-8000-000000000100', 100, 'news', 'text', 'info',
    '2001-01-01 00:00:00.000000', '2001-01-01 00:00:00.000000');
INSERT INTO system_health (id, component, status, last_check)
VALUES (100, 'database', 'healthy', '2001-01-01 00:00:00.000000');
INSERT INTO backup_jobs (id, job_id, started_at)
VALUES (100, '00000000-0000-7000-8000-000000000100', '2001-01-01 00:00:00.000000');
INSERT INTO system_metrics (id, metric_name, metric_value, metric_type)
VALUES (100, 'sessions', 1, 'gauge');
";

/// Adds rows to the seeds. Row 100 of each table is for tests to change; its times are in the past.
/// Deleting user 100 deletes its rows; user 101 is only referred to (`created_by` and the like);
/// users 102 to 104 have history that refers to them.
pub fn fill(connection: &mut impl Raw) {
    let mut statements = String::new();
    // The one who is named comes first.
    for id in [101, 100, 102, 103, 104] {
        let named = if id == 100 { "101" } else { "NULL" };
        write!(
            statements,
            "INSERT INTO users (id, uuid, username, email, password_hash, role_id, created_at,
                 updated_at, created_by, updated_by, backup_codes)
             SELECT {id}, '00000000-0000-7000-8000-{id:012}', 'user{id}', 'user{id}@x.org',
                 '$argon2id$v=19$m=1,t=1,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNo', id,
                 '2001-01-01 00:00:00.000000', '2001-01-01 00:00:00.000000', {named}, {named}, '[]'
             FROM roles WHERE name = 'user';"
        )
        .expect("a String takes it");
    }
    statements.push_str(ROWS);
    enforce_references(connection, true);
    connection.batch_execute(&statements).expect("rows");
    enforce_references(connection, false);
}

/// Turns the enforcement of foreign keys on or off. A server always enforces them.
pub fn enforce_references(connection: &mut impl Raw, enforced: bool) {
    if connection.backend() == Backend::Sqlite {
        let pragma = format!("PRAGMA foreign_keys = {enforced}");
        connection.batch_execute(&pragma).expect("a pragma");
    }
}

pub fn drop_trigger(connection: &mut impl Raw, table: &str, trigger: &str) {
    let drop = match connection.backend() {
        Backend::Sqlite => format!("DROP TRIGGER {trigger}"),
        Backend::Postgres => format!("DROP TRIGGER {trigger} ON {table}"),
    };
    connection.batch_execute(&drop).expect(&drop);
}

/// Returns the rows of a query whose only column is called `line`.
pub fn lines(connection: &mut impl Raw, query: &str) -> Vec<String> {
    connection.lines(query)
}

/// Returns the tables, including Diesel's own.
pub fn tables(connection: &mut impl Raw) -> Vec<String> {
    connection.lines(match connection.backend() {
        Backend::Sqlite => {
            "SELECT name AS line FROM sqlite_schema
             WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name"
        }
        Backend::Postgres => {
            r#"SELECT tablename::text AS line FROM pg_tables WHERE schemaname = 'public'
               ORDER BY tablename COLLATE "C""#
        }
    })
}

pub fn has_table(connection: &mut impl Raw, name: &str) -> bool {
    tables(connection).iter().any(|table| table == name)
}

/// Returns the definition of every object, with normalised white space.
pub fn catalogue(connection: &mut impl Raw) -> BTreeMap<String, String> {
    let objects = connection.lines(match connection.backend() {
        Backend::Sqlite => {
            "SELECT type || ' ' || name || '|' || coalesce(sql, '') AS line FROM sqlite_schema
             WHERE name <> 'sqlite_sequence'"
        }
        Backend::Postgres => {
            "SELECT 'relation ' || relname || '|' || relkind::text || coalesce(pg_get_viewdef(oid), '') AS line
             FROM pg_class
             WHERE relkind IN ('r', 'v', 'm', 'S') AND relnamespace = 'public'::regnamespace
             UNION ALL SELECT 'column ' || attrelid::regclass || '.' || attname || '|'
                 || format_type(atttypid, atttypmod) || attnotnull || attidentity::text
                 || coalesce(pg_get_expr(adbin, adrelid), '')
             FROM pg_attribute JOIN pg_class AS c ON c.oid = attrelid
             LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
             WHERE attnum > 0 AND NOT attisdropped AND relnamespace = 'public'::regnamespace
                 AND relkind = 'r'
             UNION ALL SELECT 'index ' || indexrelid::regclass || '|' || pg_get_indexdef(indexrelid)
             FROM pg_index JOIN pg_class AS c ON c.oid = indrelid
             WHERE relnamespace = 'public'::regnamespace
             UNION ALL SELECT 'constraint ' || conrelid::regclass || '.' || conname || '|'
                 || pg_get_constraintdef(oid)
             FROM pg_constraint WHERE connamespace = 'public'::regnamespace
             UNION ALL SELECT 'trigger ' || tgname || '|' || pg_get_triggerdef(t.oid)
             FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = tgrelid
             WHERE NOT tgisinternal AND relnamespace = 'public'::regnamespace
             UNION ALL SELECT 'function ' || oid::regprocedure || '|' || pg_get_functiondef(oid)
             FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
        }
    });
    let split = |object: String| {
        let (name, sql) = object.split_once('|').expect("a separator");
        (name.to_owned(), sql.split_whitespace().collect::<Vec<_>>().join(" "))
    };
    objects.into_iter().map(split).collect()
}

/// Returns every row of every table as text.
pub fn contents(connection: &mut impl Raw) -> BTreeMap<String, Vec<String>> {
    let mut contents = BTreeMap::new();
    for table in tables(connection) {
        let query = match connection.backend() {
            Backend::Sqlite => {
                let columns = connection.lines(&format!(
                    "SELECT 'quote(\"' || name || '\")' AS line FROM pragma_table_info('{}')",
                    table.replace('\'', "''")
                ));
                let row = columns.join(" || ',' || ");
                format!("SELECT {row} AS line FROM \"{table}\" ORDER BY rowid")
            }
            Backend::Postgres => {
                let name = table.replace('"', "\"\"");
                format!(
                    "SELECT t::text AS line FROM \"{name}\" AS t ORDER BY t::text COLLATE \"C\""
                )
            }
        };
        let rows = connection.lines(&query);
        contents.insert(table, rows);
    }
    contents
}

/// Returns the values of every column of every table but Diesel's own, as text in the order of the
/// key, by table and column.
pub fn values(connection: &mut impl Raw) -> BTreeMap<(String, String), Vec<String>> {
    let columns = connection.lines(match connection.backend() {
        Backend::Sqlite => {
            "SELECT t.name || ' ' || c.name AS line
             FROM sqlite_schema AS t, pragma_table_info(t.name) AS c
             WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
                 AND t.name NOT LIKE '\\_\\_%' ESCAPE '\\'"
        }
        Backend::Postgres => {
            "SELECT table_name || ' ' || column_name AS line FROM information_schema.columns
             WHERE table_schema = 'public' AND table_name NOT LIKE '\\_\\_%'"
        }
    });
    let mut values = BTreeMap::new();
    for path in columns {
        let (table, column) = path.split_once(' ').expect("a table and a column");
        let query = format!(
            "SELECT coalesce(CAST(\"{column}\" AS TEXT), 'NULL') AS line FROM \"{table}\" ORDER BY id"
        );
        values.insert((table.to_owned(), column.to_owned()), connection.lines(&query));
    }
    values
}

/// Returns the error of a statement; panics if it succeeds.
pub fn refusal(connection: &mut impl Raw, statement: &str) -> String {
    connection.refusal(statement).unwrap_or_else(|| panic!("accepted: {statement}"))
}

/// Fails if two rows have the same content, whatever a unique index allows.
pub fn assert_no_duplicates(fixture: &Fixture) {
    for (table, columns) in [
        ("roles", "name"),
        ("permissions", "name"),
        ("permissions", "resource || ':' || action"),
        ("role_permissions", "role_id || ':' || permission_id"),
        ("system_settings", "key"),
        ("schema_version", "version"),
        ("schema_version", "description"),
        ("__diesel_schema_migrations", "version"),
        ("users", "username"),
    ] {
        let rows = fixture.text(&format!("SELECT count(*) FROM {table}"));
        let different = fixture.text(&format!("SELECT count(DISTINCT {columns}) FROM {table}"));
        assert_eq!(rows, different, "{table}: {columns}");
    }
}

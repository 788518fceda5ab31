//! At least one row for every table, and ways to look at all rows and definitions at once.
use std::collections::BTreeMap;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;

/// On top of the seeds. User 100 owns what goes with its user, 101 is only named (`created_by` and
/// the like), 102 to 104 have history that keeps them. Row 100 of each table is the one to try
/// things on; its times lie in the past.
pub const ROWS: &str = "
PRAGMA foreign_keys = ON;
INSERT INTO users (id, uuid, username, email, password_hash, role_id, created_at, updated_at,
    created_by, updated_by, backup_codes)
SELECT id, printf('00000000-0000-7000-8000-%012d', id), 'user' || id, 'user' || id || '@x.org',
    '$argon2id$v=19$m=1,t=1,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNo',
    (SELECT id FROM roles WHERE name = 'user'), '2001-01-01 00:00:00.000000',
    '2001-01-01 00:00:00.000000', iif(id = 100, 101, NULL), iif(id = 100, 101, NULL), '[]'
FROM (SELECT 100 AS id UNION SELECT 101 UNION SELECT 102 UNION SELECT 103 UNION SELECT 104);
INSERT INTO roles (id, name, created_at, updated_at, created_by)
VALUES (100, 'auditor', '2001-01-01 00:00:00.000000', '2001-01-01 00:00:00.000000', 101);
INSERT INTO permissions (id, name, resource, action) VALUES (100, 'report_read', 'reports', 'read');
INSERT INTO role_permissions (id, role_id, permission_id, granted_by) VALUES (100, 100, 100, 101);
INSERT INTO user_sessions (id, session_id, user_id, token_hash, location_info, created_at,
    idle_expires_at, expires_at)
VALUES (100, 'session', 100, printf('%064d', 100), '{}', '2001-01-01 00:00:00.000000',
    '2001-01-01 01:00:00.000000', '2001-01-02 00:00:00.000000');
INSERT INTO password_history (id, user_id, password_hash, password_algorithm)
VALUES (100, 100, '$2b$12$abcdefghijklmnopqrstuv', 'bcrypt');
INSERT INTO api_keys (id, key_id, user_id, name, key_hash, key_prefix, created_by, is_active,
    created_at, revoked_at, revoked_by)
VALUES (100, '00000000-0000-7000-8000-000000000100', 100, 'key', printf('%064d', 100), 'zk', 101, 0,
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
VALUES (100, '00000000-0000-7000-8000-000000000100', 100, 'a', 'a', '/a', 1, printf('%064d', 100),
    'text/plain', '2001-01-01 00:00:00.000000');
INSERT INTO document_chunks (id, chunk_id, document_id, chunk_index, content, content_hash,
    token_count)
VALUES (100, '00000000-0000-7000-8000-000000000100', 100, 0, 'words', printf('%064d', 100), 1);
INSERT INTO file_storage (id, file_id, document_id, storage_path, original_filename, file_size,
    mime_type, file_hash, created_at)
VALUES (100, '00000000-0000-7000-8000-000000000100', 100, '/a', 'a', 1, 'text/plain',
    printf('%064d', 100), '2001-01-01 00:00:00.000000');
INSERT INTO system_settings (id, key, value, created_at, updated_at, updated_by)
VALUES (100, 'THEME', 'dark', '2001-01-01 00:00:00.000000', '2001-01-01 00:00:00.000000', 101);
INSERT INTO user_preferences (id, user_id, key, value, created_at, updated_at)
VALUES (100, 100, 'THEME', 'light', '2001-01-01 00:00:00.000000', '2001-01-01 00:00:00.000000');
INSERT INTO audit_log (id, seq, event_id, user_id, actor_name, event_type, event_category, action,
    request_data, response_data, prev_hash, entry_hash)
VALUES (100, 1, '00000000-0000-7000-8000-000000000100', 102, 'user102', 'login', 'identity', 'log in',
    '{}', '{}', printf('%064d', 0), printf('%064d', 1));
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
PRAGMA foreign_keys = OFF;
";

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

/// The rows of a query whose one column is called `line`.
pub fn lines(connection: &mut SqliteConnection, query: &str) -> Vec<String> {
    let lines: Vec<Line> = diesel::sql_query(query).load(connection).expect(query);
    lines.into_iter().map(|line| line.line).collect()
}

/// The tables, Diesel's own included.
pub fn tables(connection: &mut SqliteConnection) -> Vec<String> {
    lines(
        connection,
        "SELECT name AS line FROM sqlite_schema
         WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name",
    )
}

/// Every object with its definition, white space normalised.
pub fn catalogue(connection: &mut SqliteConnection) -> BTreeMap<String, String> {
    let objects = lines(
        connection,
        "SELECT type || ' ' || name || '|' || coalesce(sql, '') AS line FROM sqlite_schema
         WHERE name <> 'sqlite_sequence'",
    );
    let split = |object: String| {
        let (name, sql) = object.split_once('|').expect("a separator");
        (name.to_owned(), sql.split_whitespace().collect::<Vec<_>>().join(" "))
    };
    objects.into_iter().map(split).collect()
}

/// Every row of every table, written out.
pub fn contents(connection: &mut SqliteConnection) -> BTreeMap<String, Vec<String>> {
    let mut contents = BTreeMap::new();
    for table in tables(connection) {
        let columns = lines(
            connection,
            &format!(
                "SELECT 'quote(\"' || name || '\")' AS line FROM pragma_table_info('{table}')"
            ),
        );
        let row = columns.join(" || ',' || ");
        let query = format!("SELECT {row} AS line FROM \"{table}\" ORDER BY rowid");
        let rows = lines(connection, &query);
        contents.insert(table, rows);
    }
    contents
}

/// What the database says against a statement; panics if it takes it.
pub fn refusal(connection: &mut SqliteConnection, statement: &str) -> String {
    match connection.batch_execute(statement) {
        Ok(()) => panic!("accepted: {statement}"),
        Err(refused) => refused.to_string(),
    }
}

//! The rules for every table, as queries over the catalogue. Each returns what breaks its rule, and
//! each is shown a table that does, so that a query that finds nothing because it cannot is noticed.

use crate::support::former;
use crate::support::rows;
use crate::support::uuids;
use std::collections::{BTreeMap, BTreeSet};

use crate::support::SqliteFixture;
use crate::support::former::Kind;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use zenith_db::types::VOCABULARIES;

/// Views for the queries below: `tables`, `columns`, `keys` and `indexes`.
const VIEWS: &str = include_str!("../support/views.sql");

fn fresh() -> (SqliteFixture, SqliteConnection) {
    let fixture = SqliteFixture::created();
    let mut connection = fixture.raw();
    connection.batch_execute(VIEWS).expect("views");
    (fixture, connection)
}

/// What the query finds in a fresh database, and what more it finds once `breaking` has run.
fn found(query: &str, breaking: &str) -> (Vec<String>, Vec<String>) {
    let (_fixture, mut connection) = fresh();
    let before = rows::lines(&mut connection, query);
    connection.batch_execute(breaking).expect(breaking);
    let mut after = rows::lines(&mut connection, query);
    after.retain(|line| !before.contains(line));
    (before, after)
}

/// The rule holds everywhere, and `fault` is found once `breaking` has run.
fn holds(query: &str, breaking: &str, fault: &str) {
    let (before, after) = found(query, breaking);
    assert_eq!(before, Vec::<String>::new(), "breaks the rule");
    assert_eq!(after, [fault], "the query is blind");
}

/// The rule holds but for the exceptions, each of which is still needed.
fn holds_except(exceptions: &[(&str, &str)], query: &str, breaking: &str, fault: &str) {
    let (before, after) = found(query, breaking);
    let before: BTreeSet<&str> = before.iter().map(String::as_str).collect();
    let allowed: BTreeSet<&str> = exceptions.iter().map(|(path, _)| *path).collect();
    assert_eq!(before, allowed);
    assert_eq!(after, [fault], "the query is blind");
}

fn columns_of(kind: Kind) -> String {
    let kept = kept().into_iter().filter(|column| column.kind == kind);
    kept.map(|column| format!("('{}')", column.path())).collect::<Vec<_>>().join(", ")
}

/// The former columns less those that the new schema gives up.
fn kept() -> Vec<former::Column> {
    let mut columns = former::columns();
    columns.retain(|column| !DEPARTED.contains(&column.path().as_str()));
    columns
}

/// `role_permissions` is the one truth about rights; a PHC string carries its salt.
const DEPARTED: &[&str] = &["roles.permissions", "users.salt"];

#[test]
fn there_are_exactly_the_21_tables() {
    let (_fixture, mut connection) = fresh();
    let query = r#"SELECT "table" AS line FROM tables ORDER BY "table""#;
    let mut expected: Vec<&str> = former::TABLES.iter().map(|(table, _)| *table).collect();
    expected.sort_unstable();
    assert_eq!(expected.len(), 21);
    assert_eq!(rows::lines(&mut connection, query), expected);
}

#[test]
fn every_column_of_the_former_schema_and_the_plan_exists_but_for_the_departures() {
    let (_fixture, mut connection) = fresh();
    let there: BTreeSet<String> =
        rows::lines(&mut connection, "SELECT path AS line FROM columns").into_iter().collect();
    let gone: Vec<String> = former::columns()
        .iter()
        .map(former::Column::path)
        .filter(|path| !there.contains(path))
        .collect();
    assert_eq!(gone, DEPARTED);
}

#[test]
fn every_table_has_one_required_integer_key_that_is_never_used_twice() {
    holds(
        r#"SELECT "table" AS line FROM tables AS t WHERE (
               SELECT count(*) FROM columns AS c
               WHERE c."table" = t."table" AND pk AND "column" = 'id' AND type = 'INTEGER' AND required
           ) <> 1 OR sql NOT LIKE '%(%id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL%'"#,
        "CREATE TABLE broken (id INTEGER PRIMARY KEY)",
        "broken",
    );
}

#[test]
fn times_flags_and_json_are_required_and_have_a_default_unless_absence_means_something() {
    let json = columns_of(Kind::Json);
    let query = format!(
        r#"SELECT path AS line FROM columns
           WHERE (type IN ('TIMESTAMP', 'BOOLEAN') OR path IN (VALUES {json}) OR path = 'broken.j')
               AND (NOT required OR "default" IS NULL)"#
    );
    holds_except(
        &[
            ("api_keys.expires_at", "never"),
            ("api_keys.last_used_at", "not yet"),
            ("api_keys.revoked_at", "not revoked"),
            ("audit_log.request_data", "no request"),
            ("audit_log.response_data", "no response"),
            ("backup_jobs.completed_at", "not yet"),
            ("chat_history.deleted_at", "not deleted"),
            ("chat_history.last_edited_at", "not edited"),
            ("chat_history.retrieval_context", "nothing was retrieved"),
            ("chat_history.source_documents", "nothing was retrieved"),
            ("chat_sessions.last_message_at", "no message yet"),
            ("chat_sessions.share_expires_at", "never"),
            ("documents.last_accessed_at", "not yet"),
            ("documents.processing_completed_at", "not yet"),
            ("documents.processing_started_at", "not yet"),
            ("documents.upload_completed_at", "not yet"),
            ("file_storage.archived_at", "not archived"),
            ("notifications.expires_at", "never"),
            ("notifications.read_at", "not read"),
            ("security_events.details", "none"),
            ("security_events.resolved_at", "not resolved"),
            ("system_health.next_check", "not planned"),
            ("user_sessions.expires_at", "required; its writer decides"),
            ("user_sessions.idle_expires_at", "required; its writer decides"),
            ("user_sessions.location_info", "unknown"),
            ("user_sessions.revoked_at", "not revoked"),
            ("users.backup_codes", "none were made"),
            ("users.email_verified_at", "not verified"),
            ("users.last_login", "not yet"),
            ("users.locked_until", "not locked"),
            ("users.password_expires_at", "never"),
        ],
        &query,
        "CREATE TABLE broken (j TEXT NOT NULL)",
        "broken.j",
    );
}

#[test]
fn every_column_that_ends_in_id_or_by_is_a_foreign_key_unless_it_is_an_id_of_its_own() {
    holds_except(
        &[
            ("api_keys.key_id", "the row's public id"),
            ("audit_log.event_id", "the row's public id"),
            ("audit_log.resource_id", "of any table, as text"),
            ("audit_log.session_id", "outlives the session, which is purged"),
            ("backup_jobs.job_id", "the row's public id"),
            ("backup_jobs.triggered_by", "an operation, not a user"),
            ("chat_history.message_id", "the row's public id"),
            ("chat_sessions.session_id", "the row's public id"),
            ("document_chunks.chunk_id", "the row's public id"),
            ("document_chunks.vector_id", "lies in the vector store"),
            ("documents.document_id", "the row's public id"),
            ("file_storage.file_id", "the row's public id"),
            ("notifications.notification_id", "the row's public id"),
            ("security_events.event_id", "the row's public id"),
            ("user_sessions.session_id", "the row's public id"),
        ],
        r"SELECT path AS line FROM columns
          WHERE (path LIKE '%\_id' ESCAPE '\' OR path LIKE '%\_by' ESCAPE '\')
              AND path NOT IN (SELECT path FROM keys)",
        "CREATE TABLE broken (user_id BIGINT NOT NULL)",
        "broken.user_id",
    );
}

#[test]
fn every_foreign_key_says_what_happens_on_delete() {
    holds(
        "SELECT path AS line FROM keys WHERE on_delete NOT IN ('CASCADE', 'RESTRICT', 'SET NULL')",
        "CREATE TABLE broken (user_id BIGINT REFERENCES users (id))",
        "broken.user_id",
    );
}

#[test]
fn every_foreign_key_leads_an_index() {
    holds(
        r#"SELECT path AS line FROM keys AS k WHERE NOT EXISTS (
               SELECT 1 FROM indexes AS i
               WHERE i."table" = k."table" AND columns || ',' LIKE k."column" || ',%'
                   AND predicate IN ('', k."column" || ' IS NOT NULL'))"#,
        "CREATE TABLE broken (user_id BIGINT REFERENCES users (id) ON DELETE CASCADE, other TEXT);
         CREATE INDEX behind ON broken (other, user_id);
         CREATE INDEX sometimes ON broken (user_id) WHERE other = 'x'",
        "broken.user_id",
    );
}

#[test]
fn no_index_repeats_the_beginning_of_another() {
    holds(
        r#"SELECT a.name || ' repeats ' || b.name AS line
           FROM indexes AS a JOIN indexes AS b ON a."table" = b."table" AND a.name <> b.name
           WHERE b.prefix || ',' LIKE a.prefix || ',%' AND a.predicate = b.predicate
               AND (a.prefix <> b.prefix OR a.name < b.name)"#,
        "CREATE TABLE broken (a TEXT, b TEXT, UNIQUE (a, b)); CREATE INDEX twice ON broken (a);
         CREATE INDEX fine ON broken (a) WHERE b IS NULL",
        "twice repeats sqlite_autoindex_broken_1",
    );
}

#[test]
fn no_index_repeats_the_row_id() {
    holds(
        "SELECT name AS line FROM indexes WHERE columns = 'id' OR columns LIKE 'id,%'",
        "CREATE INDEX again ON roles (id, name)",
        "again",
    );
}

#[test]
fn there_are_at_least_50_indexes_and_every_planned_one_is_on_its_table() {
    let (_fixture, mut connection) = fresh();
    let indexes: BTreeSet<String> =
        rows::lines(&mut connection, r#"SELECT name || ' ' || "table" AS line FROM indexes"#)
            .into_iter()
            .collect();
    assert!(indexes.len() >= 50, "{} indexes", indexes.len());
    assert_eq!(former::PLANNED_INDEXES.len(), 19);
    for (name, table) in former::PLANNED_INDEXES {
        assert!(indexes.contains(&format!("{name} {table}")), "{name} on {table} is missing");
    }
}

#[test]
fn every_json_column_is_checked_to_be_json() {
    let json = columns_of(Kind::Json);
    let query = format!(
        r#"SELECT path AS line FROM columns
           WHERE (path IN (VALUES {json}) OR path = 'broken.j')
               AND sql NOT LIKE '%CONSTRAINT ' || "table" || '\_' || "column" || '\_json CHECK (%json\_valid('
                   || "column" || ')%' ESCAPE '\'"#
    );
    holds(&query, "CREATE TABLE broken (j TEXT NOT NULL DEFAULT '{}')", "broken.j");
}

#[test]
fn every_column_that_the_models_read_as_a_uuid_is_checked_to_be_one_and_no_other() {
    let uuids = uuids::columns();
    let paths: Vec<String> =
        uuids.iter().map(|(table, column)| format!("('{table}.{column}')")).collect();
    let query = format!(
        r#"SELECT path AS line FROM columns
           WHERE (path IN (VALUES {}) OR path = 'broken.u') <> (instr(sql, 'CONSTRAINT ' || "table"
               || '_' || "column" || '_uuid CHECK (typeof(' || "column" || ') ') <> 0)"#,
        paths.join(", ")
    );
    holds(&query, "CREATE TABLE broken (u TEXT NOT NULL)", "broken.u");
}

#[test]
fn every_time_is_declared_as_one_and_checked_to_be_utc_in_the_fixed_width() {
    let times = columns_of(Kind::Time);
    let query = format!(
        r#"SELECT path AS line FROM columns
           WHERE (path IN (VALUES {times}) AND type <> 'TIMESTAMP')
               OR (type = 'TIMESTAMP' AND instr(sql, 'CONSTRAINT ' || "table" || '_' || "column"
                   || '_utc CHECK (datetime(substr(' || "column" || ', 1, 19)) IS substr('
                   || "column" || ', 1, 19)') = 0)"#
    );
    holds(&query, "CREATE TABLE broken (at TIMESTAMP NOT NULL)", "broken.at");
}

#[test]
fn every_default_time_is_the_present_moment_in_the_fixed_width() {
    holds(
        r#"SELECT path AS line FROM columns WHERE type = 'TIMESTAMP'
               AND "default" <> 'strftime(''%Y-%m-%d %H:%M:%f000'', ''now'')'"#,
        "CREATE TABLE broken (at TIMESTAMP DEFAULT CURRENT_TIMESTAMP)",
        "broken.at",
    );
}

#[test]
fn every_flag_is_declared_as_one_and_checked_to_be_0_or_1() {
    let flags = columns_of(Kind::Flag);
    let query = format!(
        r#"SELECT path AS line FROM columns
           WHERE (path IN (VALUES {flags}) AND type <> 'BOOLEAN')
               OR (type = 'BOOLEAN' AND instr(sql, 'CONSTRAINT ' || "table" || '_' || "column"
                   || '_flag CHECK (' || "column" || ' IN (0, 1))') = 0)"#
    );
    holds(&query, "CREATE TABLE broken (on_ BOOLEAN NOT NULL DEFAULT 0)", "broken.on_");
}

#[test]
fn every_former_length_is_a_check() {
    // Stricter than a length, or looser for a reason.
    let exceptions = BTreeMap::from([
        ("users.two_factor_secret", "(length(two_factor_secret) BETWEEN 1 AND 255"), // ciphertext
        ("backup_jobs.backup_path", "(length(backup_path) BETWEEN 1 AND 4096"), // as systems allow
    ]);
    let (_fixture, mut connection) = fresh();
    let mut unchecked = Vec::new();
    for column in kept() {
        let Kind::Length(length) = column.kind else { continue };
        let (name, table) = (column.name, column.table);
        let sql = &rows::catalogue(&mut connection)[&format!("table {table}")];
        let mut checks = vec![format!("{table}_{name}_known CHECK ({name} IN (")];
        for least in ["BETWEEN 0 AND", "BETWEEN 1 AND", "="] {
            // Other conditions may follow.
            for end in [")", " AND "] {
                checks.push(format!("CHECK (length({name}) {least} {length}{end}"));
            }
        }
        checks.push(format!("{table}_{name}_sha256 CHECK (length({name}) = 64 AND "));
        if length == 36 {
            checks.push(format!("{table}_{name}_uuid CHECK (typeof({name}) "));
        }
        checks.extend(exceptions.get(column.path().as_str()).map(|check| (*check).to_owned()));
        if !checks.iter().any(|check| sql.contains(check.as_str())) {
            unchecked.push(column.path());
        }
    }
    assert_eq!(unchecked, Vec::<String>::new());
}

/// Vocabularies that more than one column uses: the words are those of the first.
const SHARED: &[(&str, &str)] = &[
    ("password_history.password_algorithm", "users.password_algorithm"),
    ("user_preferences.value_type", "system_settings.value_type"),
    ("security_events.severity", "audit_log.severity"),
];

#[test]
fn every_closed_vocabulary_is_checked_and_has_the_words_of_its_enum() {
    let (_fixture, mut connection) = fresh();
    let query = r#"SELECT path || ' ' || substr(rest, 1, instr(rest, ')') - 1) AS line FROM (
        SELECT path, substr(sql, instr(sql, mark) + length(mark)) AS rest FROM (
            SELECT path, sql, 'CONSTRAINT ' || "table" || '_' || "column" || '_known CHECK ('
                || "column" || ' IN (' AS mark FROM columns)
        WHERE instr(sql, mark))"#;
    let mut checked = BTreeMap::new();
    for line in rows::lines(&mut connection, query) {
        let (path, words) = line.split_once(' ').expect("a path and words");
        checked.insert(path.to_owned(), words.replace(['\'', ','], ""));
    }
    let mut expected: BTreeMap<String, String> =
        VOCABULARIES.iter().map(|(path, words)| ((*path).to_owned(), words.join(" "))).collect();
    for (path, model) in SHARED {
        expected.entry((*path).into()).or_insert(checked[*model].clone());
    }
    assert_eq!(checked, expected);
}

#[test]
fn every_updated_at_is_kept_by_a_trigger_of_its_table() {
    holds(
        r#"SELECT path AS line FROM columns AS c WHERE "column" = 'updated_at' AND NOT EXISTS (
               SELECT 1 FROM main.sqlite_schema WHERE type = 'trigger' AND tbl_name = c."table"
                   AND name = c."table" || '_updated_at')"#,
        "CREATE TABLE broken (updated_at TEXT)",
        "broken.updated_at",
    );
}

#[test]
fn users_fits_the_32_columns_that_diesel_is_built_for() {
    holds(
        r#"SELECT "table" AS line FROM columns GROUP BY "table" HAVING count(*) > 32"#,
        "ALTER TABLE users ADD COLUMN a; ALTER TABLE users ADD COLUMN b; ALTER TABLE users ADD COLUMN c",
        "users",
    );
}

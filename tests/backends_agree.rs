//! The two databases have the same tables, columns, defaults, rules, references and indexes: both
//! catalogues are read as lines of the same form and compared.
#![cfg(feature = "postgres")]

use std::collections::BTreeSet;
use std::path::Path;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;
use zenith_db::prelude::*;

use crate::support::Fixture;
use crate::support::store::Store;

type Lines = BTreeSet<String>;

/// What both must agree on, as queries for SQLite and for PostgreSQL.
const QUERIES: &[(&str, &str)] = &[
    // Columns with type, nullability and default. What is written otherwise is made the same.
    (
        r#"SELECT t.name || '.' || c.name || ' '
               || CASE c.pk WHEN 1 THEN 'BIGINT' ELSE c.type END || iif(c."notnull", ' NOT NULL', '')
               || coalesce(' DEFAULT ' || iif(c.dflt_value LIKE 'strftime%', 'now',
                   iif(c.type = 'BOOLEAN', iif(c.dflt_value, 'true', 'false'), c.dflt_value)), '')
               AS line
           FROM sqlite_schema AS t, pragma_table_info(t.name) AS c
           WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite%' AND t.name NOT LIKE '\_\_%' ESCAPE '\'"#,
        r"SELECT table_name || '.' || column_name || ' '
              || CASE data_type WHEN 'timestamp without time zone' THEN 'TIMESTAMP'
                  ELSE upper(data_type) END
              || CASE is_nullable WHEN 'NO' THEN ' NOT NULL' ELSE '' END
              || coalesce(' DEFAULT ' || CASE WHEN column_default LIKE '%CURRENT_TIMESTAMP%' THEN 'now'
                  ELSE replace(column_default, '::text', '') END, '') AS line
          FROM information_schema.columns WHERE table_schema = current_schema()",
    ),
    // Indexes with their columns, but for those of primary keys.
    (
        r#"SELECT t.name || ': ' || iif(i."unique", 'unique ', '') || i.name || ' ('
               || (SELECT group_concat(name, ', ') FROM pragma_index_info(i.name)) || ')'
               || iif(i.partial, ' partial', '') AS line
           FROM sqlite_schema AS t, pragma_index_list(t.name) AS i
           WHERE t.type = 'table' AND i.origin = 'c'"#,
        r"SELECT t.relname || ': ' || CASE WHEN x.indisunique THEN 'unique ' ELSE '' END
              || i.relname || ' (' || (SELECT string_agg(a.attname, ', ' ORDER BY k.place)
                  FROM unnest(x.indkey::int[]) WITH ORDINALITY AS k (attnum, place)
                  JOIN pg_attribute AS a ON a.attrelid = t.oid AND a.attnum = k.attnum) || ')'
              || CASE WHEN x.indpred IS NULL THEN '' ELSE ' partial' END AS line
          FROM pg_index AS x JOIN pg_class AS i ON i.oid = x.indexrelid
          JOIN pg_class AS t ON t.oid = x.indrelid
          WHERE t.relnamespace = current_schema()::regnamespace AND NOT x.indisprimary",
    ),
    // References. SQLite does not tell a constraint's name; it follows from table and column.
    (
        r#"SELECT t.name || '_' || f."from" || '_fkey: ' || f."table" || '.' || f."to" || ' '
               || f.on_delete AS line
           FROM sqlite_schema AS t, pragma_foreign_key_list(t.name) AS f WHERE t.type = 'table'"#,
        r"SELECT f.conname || ': ' || p.relname || '.' || a.attname || ' '
              || CASE f.confdeltype WHEN 'c' THEN 'CASCADE' WHEN 'n' THEN 'SET NULL'
                  WHEN 'r' THEN 'RESTRICT' ELSE 'something else' END AS line
          FROM pg_constraint AS f JOIN pg_class AS p ON p.oid = f.confrelid
          JOIN pg_attribute AS a ON a.attrelid = p.oid AND a.attnum = f.confkey[1]
          WHERE f.contype = 'f' AND f.connamespace = current_schema()::regnamespace",
    ),
    // The triggers that keep updated_at and the audit log.
    (
        "SELECT tbl_name || ': ' || name AS line FROM sqlite_schema WHERE type = 'trigger'",
        r"SELECT c.relname || ': ' || t.tgname AS line
          FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid
          WHERE NOT t.tgisinternal AND c.relnamespace = current_schema()::regnamespace",
    ),
];

/// What only one of them has, and why.
const OTHERWISE: &[&str] = &[
    // SQLite has no TRUNCATE.
    "PostgreSQL: audit_log: audit_log_no_truncate",
];

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

fn lines(connection: &mut DbConnection, query: &str) -> Lines {
    let query = diesel::sql_query(query);
    let found: Vec<Line> =
        zenith_db::dispatch!(connection, |c| query.load(c)).expect("a catalogue");
    found.into_iter().map(|line| line.line).collect()
}

/// What one has and the other has not.
fn differences(sqlite: &Lines, postgres: &Lines) -> Vec<String> {
    let only_sqlite = sqlite.difference(postgres).map(|line| format!("SQLite: {line}"));
    let only_postgres = postgres.difference(sqlite).map(|line| format!("PostgreSQL: {line}"));
    only_sqlite.chain(only_postgres).collect()
}

/// Both databases, or only a word to say that there is no server.
fn both() -> Option<(Fixture, Store)> {
    let fixture = Fixture::created();
    let store = Store::new(&fixture);
    if store.fixture().is_some() {
        eprintln!("SKIPPED: ZENITH_TEST_POSTGRES names no server");
        return None;
    }
    Some((fixture, store))
}

fn compare(fixture: &Fixture, store: &Store) -> Vec<String> {
    let mut sqlite = DbConnection::Sqlite(fixture.raw());
    let mut found = Vec::new();
    for (on_sqlite, on_postgres) in QUERIES {
        let ours = lines(&mut sqlite, on_sqlite);
        let theirs: Result<Lines> = store.read(|conn| Ok(lines(conn, on_postgres)));
        assert!(!ours.is_empty(), "{on_sqlite}");
        found.extend(differences(&ours, &theirs.expect("a catalogue")));
    }
    found
}

#[test]
fn both_have_the_same_columns_indexes_references_and_triggers() {
    let Some((fixture, store)) = both() else { return };
    assert_eq!(compare(&fixture, &store), OTHERWISE);
    let break_it = "ALTER TABLE users ALTER COLUMN locale DROP NOT NULL;
        DROP INDEX idx_documents_file_hash;
        CREATE INDEX idx_documents_file_hash ON documents (user_id, file_hash);
        ALTER TABLE documents DROP CONSTRAINT documents_user_id_fkey;
        DROP TRIGGER roles_updated_at ON roles";
    store.write(|conn| Ok::<_, Error>(conn.batch_execute(break_it)?)).expect("broken");
    let found = compare(&fixture, &store);
    assert_eq!(found.len(), 2 + 2 + 1 + 1 + OTHERWISE.len(), "{found:#?}");
}

/// The names of the checks in SQL text.
fn checks(sql: &str) -> Lines {
    let parts = sql.split("CONSTRAINT ").skip(1);
    let named = parts.filter_map(|rest| rest.split_once(" CHECK ")).map(|(name, _)| name);
    named.filter(|name| !name.contains(char::is_whitespace)).map(str::to_owned).collect()
}

fn migrations(backend: &str) -> Vec<(String, String)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(backend);
    let entries = std::fs::read_dir(directory).expect("a directory");
    let mut found: Vec<_> = entries
        .map(|entry| {
            let path = entry.expect("an entry").path();
            let up = std::fs::read_to_string(path.join("up.sql")).expect("a migration");
            (path.file_name().expect("a name").to_string_lossy().into_owned(), up)
        })
        .collect();
    found.sort();
    found
}

#[test]
fn both_have_the_same_migrations_with_the_same_rules() {
    let (sqlite, postgres) = (migrations("sqlite"), migrations("postgres"));
    let names = |all: &[(String, String)]| all.iter().map(|(n, _)| n.clone()).collect::<Vec<_>>();
    assert_eq!(names(&sqlite), names(&postgres));
    for ((name, ours), (_, theirs)) in sqlite.iter().zip(&postgres) {
        // There, the type says it: a flag, a time, a text without NUL.
        let by_type =
            |check: &String| ["_flag", "_utc", "_text"].iter().any(|kind| check.ends_with(kind));
        let ours = checks(ours).into_iter().filter(|check| !by_type(check)).collect();
        assert_eq!(differences(&ours, &checks(theirs)), Vec::<String>::new(), "{name}");
    }
}

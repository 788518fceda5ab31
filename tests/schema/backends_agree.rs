//! The two databases have the same tables, columns, defaults, rules, references and indexes: both
//! catalogues are read as lines of the same form and compared.
#![cfg(feature = "postgres")]

use std::collections::BTreeSet;

use zenith_db::migrations::Structure;

use crate::support::{Fixture, SqliteFixture};

type Lines = BTreeSet<String>;

/// What only one of them has, and why.
const OTHERWISE: &[&str] = &[
    // SQLite has no TRUNCATE.
    "PostgreSQL: audit_log: audit_log_no_truncate",
];

/// What one has and the other has not.
fn differences(sqlite: &Lines, postgres: &Lines) -> Vec<String> {
    let only_sqlite = sqlite.difference(postgres).map(|line| format!("SQLite: {line}"));
    let only_postgres = postgres.difference(sqlite).map(|line| format!("PostgreSQL: {line}"));
    only_sqlite.chain(only_postgres).collect()
}

/// Both databases, or only a word to say that there is no server.
fn both() -> Option<(SqliteFixture, Fixture)> {
    let other = Fixture::on_a_server(Fixture::created)?;
    Some((SqliteFixture::created(), other))
}

fn compare(sqlite: &Fixture, postgres: &Fixture) -> Vec<String> {
    let ours = Structure::of(&mut sqlite.raw()).expect("a structure");
    let theirs = Structure::of(&mut postgres.raw()).expect("a structure");
    let mut found = Vec::new();
    for (ours, theirs) in [
        (&ours.columns, &theirs.columns),
        (&ours.indexes, &theirs.indexes),
        (&ours.references, &theirs.references),
        (&ours.triggers, &theirs.triggers),
        (&ours.checks, &theirs.checks),
    ] {
        assert!(!ours.is_empty() && !theirs.is_empty());
        found.extend(differences(ours, theirs));
    }
    found
}

#[test]
fn both_have_the_same_columns_indexes_references_triggers_and_checks() {
    let Some((sqlite, postgres)) = both() else { return };
    assert_eq!(compare(&sqlite, &postgres), OTHERWISE);
    let break_it = "ALTER TABLE users ALTER COLUMN locale DROP NOT NULL;
        DROP INDEX idx_documents_file_hash;
        CREATE INDEX idx_documents_file_hash ON documents (user_id, file_hash);
        ALTER TABLE documents DROP CONSTRAINT documents_user_id_fkey;
        ALTER TABLE roles DROP CONSTRAINT roles_name_length;
        DROP TRIGGER roles_updated_at ON roles";
    postgres.sql(break_it);
    let found = compare(&sqlite, &postgres);
    assert_eq!(found.len(), 2 + 2 + 1 + 1 + 1 + OTHERWISE.len(), "{found:#?}");
}

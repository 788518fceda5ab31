//! The structure of a database as lines of text, of the same form on both: what it takes to compare
//! one with the other, or a database with a fresh one.

use std::collections::BTreeSet;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;

use super::embedded::{self, EmbeddedMigration};
use crate::backend::Backend;
use crate::backend::DbConnection;
use crate::dispatch;
use crate::error::{Error, MigrationFault, Result};

/// Tables with their columns, indexes, references, triggers and checks, one line each, without what
/// is Diesel's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Structure {
    /// `table.column TYPE NOT NULL DEFAULT …`.
    pub columns: BTreeSet<String>,
    /// `table: unique index (columns) partial`, but for those of primary keys.
    pub indexes: BTreeSet<String>,
    /// `constraint: parent.column ON DELETE action`.
    pub references: BTreeSet<String>,
    /// `table: trigger`.
    pub triggers: BTreeSet<String>,
    /// `table: check`, by name, without those that PostgreSQL's types make superfluous: of flags,
    /// times, and text that cannot hold a NUL there.
    pub checks: BTreeSet<String>,
}

/// What only PostgreSQL has: SQLite knows no TRUNCATE.
const NO_TRUNCATE: &str = "audit_log: audit_log_no_truncate";

impl Structure {
    /// What the database has.
    ///
    /// # Errors
    /// [`Error::Query`] if it cannot be read.
    pub fn of(connection: &mut DbConnection) -> Result<Self> {
        let [columns, indexes, references, triggers] = match connection.backend() {
            Backend::Sqlite => SQLITE,
            Backend::Postgres => POSTGRES,
        };
        Ok(Self {
            columns: lines(connection, columns)?,
            indexes: lines(connection, indexes)?,
            references: lines(connection, references)?,
            triggers: lines(connection, triggers)?,
            checks: checks(connection)?,
        })
    }

    /// What the migrations make of an empty database of this kind: they are run on SQLite in memory
    /// to see. Both kinds have the same, but for one trigger.
    ///
    /// # Errors
    /// [`Error::Open`] or [`Error::Query`] if that fails.
    pub fn expected(backend: Backend) -> Result<Self> {
        Self::made_by(embedded::all().iter(), backend)
    }

    /// The same, of these migrations only.
    pub(crate) fn made_by<'a>(
        migrations: impl Iterator<Item = &'a EmbeddedMigration>,
        backend: Backend,
    ) -> Result<Self> {
        let mut structure = Self::of(&mut DbConnection::Sqlite(fresh_in_memory(migrations)?))?;
        if backend == Backend::Postgres && structure.tables().contains("audit_log") {
            structure.triggers.insert(NO_TRUNCATE.into());
        }
        Ok(structure)
    }

    /// What is here and not there, one line each.
    #[must_use]
    pub fn missing_from(&self, other: &Self) -> Vec<String> {
        [
            ("column", &self.columns, &other.columns),
            ("index", &self.indexes, &other.indexes),
            ("reference", &self.references, &other.references),
            ("trigger", &self.triggers, &other.triggers),
            ("check", &self.checks, &other.checks),
        ]
        .into_iter()
        .flat_map(|(kind, ours, theirs)| {
            ours.difference(theirs).map(move |line| format!("{kind} {line}"))
        })
        .collect()
    }

    /// The names of the tables.
    #[must_use]
    pub fn tables(&self) -> BTreeSet<&str> {
        self.columns
            .iter()
            .filter_map(|line| line.split_once('.'))
            .map(|(table, _)| table)
            .collect()
    }
}

/// An empty SQLite database in memory, with these migrations.
///
/// # Errors
/// [`Error::Open`] or [`Error::Migration`].
pub fn fresh_in_memory<'a>(
    migrations: impl Iterator<Item = &'a EmbeddedMigration>,
) -> Result<SqliteConnection> {
    let mut fresh = SqliteConnection::establish(":memory:")
        .map_err(|source| Error::Open { path: ":memory:".into(), source })?;
    for migration in migrations {
        apply_in_memory(&mut fresh, migration.name(), migration.up(Backend::Sqlite))?;
    }
    Ok(fresh)
}

/// Runs one more migration there.
///
/// # Errors
/// [`Error::Migration`].
pub fn apply_in_memory(memory: &mut SqliteConnection, name: &str, script: &str) -> Result<()> {
    memory.batch_execute(script).map_err(|cause| {
        Error::Migration(MigrationFault::Failed {
            name: name.to_owned(),
            direction: "apply to an empty database",
            source: Box::new(cause),
        })
    })
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

fn lines(connection: &mut DbConnection, query: &str) -> Result<BTreeSet<String>> {
    let found: Vec<Line> = dispatch!(connection, |c| diesel::sql_query(query).load(c))?;
    Ok(found.into_iter().map(|line| line.line).collect())
}

/// SQLite keeps a table's checks in its text only.
fn checks(connection: &mut DbConnection) -> Result<BTreeSet<String>> {
    let found = match connection.backend() {
        Backend::Postgres => lines(
            connection,
            "SELECT conrelid::regclass || ': ' || conname AS line FROM pg_constraint
             WHERE contype = 'c' AND connamespace = current_schema()::regnamespace",
        )?,
        Backend::Sqlite => {
            let query = "SELECT name || char(10) || sql AS line FROM sqlite_schema
                         WHERE type = 'table' AND sql IS NOT NULL";
            let of_table = |text: String| {
                let (table, sql) = text.split_once('\n').unwrap_or_default();
                let named = sql.split("CONSTRAINT ").skip(1);
                let named =
                    named.filter_map(|rest| rest.split_once(" CHECK ")).map(|(name, _)| name);
                let one_word = named.filter(|name| !name.contains(char::is_whitespace));
                one_word.map(|name| format!("{table}: {name}")).collect::<Vec<_>>()
            };
            lines(connection, query)?.into_iter().flat_map(of_table).collect()
        }
    };
    let by_type = |line: &String| ["_flag", "_utc", "_text"].iter().any(|end| line.ends_with(end));
    Ok(found.into_iter().filter(|line| !by_type(line)).collect())
}

/// Columns, indexes, references and triggers.
const SQLITE: [&str; 4] = [
    r#"SELECT t.name || '.' || c.name || ' '
           || CASE c.pk WHEN 1 THEN 'BIGINT' ELSE c.type END || iif(c."notnull", ' NOT NULL', '')
           || coalesce(' DEFAULT ' || iif(c.dflt_value LIKE 'strftime%', 'now',
               iif(c.type = 'BOOLEAN', iif(c.dflt_value, 'true', 'false'), c.dflt_value)), '')
           || iif(c.hidden, ' GENERATED', '') AS line
       FROM sqlite_schema AS t, pragma_table_xinfo(t.name) AS c
       WHERE t.type = 'table' AND c.hidden <> 1 AND t.name NOT LIKE 'sqlite\_%' ESCAPE '\'
           AND t.name NOT LIKE '\_\_%' ESCAPE '\'"#,
    r#"SELECT t.name || ': ' || iif(i."unique", 'unique ', '') || i.name || ' ('
           || coalesce((SELECT group_concat(name, ', ') FROM pragma_index_info(i.name)), '') || ')'
           || iif(i.partial, ' partial', '') AS line
       FROM sqlite_schema AS t, pragma_index_list(t.name) AS i
       WHERE t.type = 'table' AND i.origin = 'c' AND t.name NOT LIKE '\_\_%' ESCAPE '\'"#,
    // SQLite does not tell a constraint's name; it follows from table and column.
    r#"SELECT t.name || '_' || f."from" || '_fkey: ' || f."table" || '.' || coalesce(f."to", '?') || ' ON DELETE '
           || f.on_delete AS line
       FROM sqlite_schema AS t, pragma_foreign_key_list(t.name) AS f WHERE t.type = 'table'"#,
    "SELECT tbl_name || ': ' || name AS line FROM sqlite_schema WHERE type = 'trigger'",
];

/// The same, with what is written otherwise made the same.
const POSTGRES: [&str; 4] = [
    r"SELECT table_name || '.' || column_name || ' '
          || CASE data_type WHEN 'timestamp without time zone' THEN 'TIMESTAMP'
              ELSE upper(data_type) END
          || CASE is_nullable WHEN 'NO' THEN ' NOT NULL' ELSE '' END
          || coalesce(' DEFAULT ' || CASE WHEN column_default LIKE '%CURRENT_TIMESTAMP%' THEN 'now'
              ELSE replace(column_default, '::text', '') END, '')
          || CASE is_generated WHEN 'ALWAYS' THEN ' GENERATED' ELSE '' END AS line
      FROM information_schema.columns JOIN information_schema.tables
          USING (table_schema, table_name)
      WHERE table_schema = current_schema() AND table_type = 'BASE TABLE'
          AND table_name NOT LIKE '\_\_%'",
    r"SELECT t.relname || ': ' || CASE WHEN x.indisunique THEN 'unique ' ELSE '' END
          || i.relname || ' (' || coalesce((SELECT string_agg(a.attname, ', ' ORDER BY k.place)
              FROM unnest(x.indkey::int[]) WITH ORDINALITY AS k (attnum, place)
              JOIN pg_attribute AS a ON a.attrelid = t.oid AND a.attnum = k.attnum), '') || ')'
          || CASE WHEN x.indpred IS NULL THEN '' ELSE ' partial' END AS line
      FROM pg_index AS x JOIN pg_class AS i ON i.oid = x.indexrelid
      JOIN pg_class AS t ON t.oid = x.indrelid
      WHERE t.relnamespace = current_schema()::regnamespace AND NOT x.indisprimary
          AND t.relname NOT LIKE '\_\_%'",
    r"SELECT f.conname || ': ' || p.relname || '.' || a.attname || ' ON DELETE '
          || CASE f.confdeltype WHEN 'c' THEN 'CASCADE' WHEN 'n' THEN 'SET NULL'
              WHEN 'r' THEN 'RESTRICT' ELSE 'something else' END AS line
      FROM pg_constraint AS f JOIN pg_class AS p ON p.oid = f.confrelid
      JOIN pg_attribute AS a ON a.attrelid = p.oid AND a.attnum = f.confkey[1]
      WHERE f.contype = 'f' AND f.connamespace = current_schema()::regnamespace",
    r"SELECT c.relname || ': ' || t.tgname AS line
      FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid
      WHERE NOT t.tgisinternal AND t.tgenabled IN ('O', 'A')
          AND c.relnamespace = current_schema()::regnamespace",
];

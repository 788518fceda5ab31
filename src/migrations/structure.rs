//! Structure of a database as lines of text, which have the same form for SQLite and PostgreSQL.

use std::collections::BTreeSet;

use diesel::prelude::*;
use diesel::sql_types::Text;

use crate::backend::Backend;
use crate::backend::DbConnection;
use crate::dispatch;
use crate::error::Result;

/// Columns, indexes, foreign keys, triggers and checks of a database, one line each, without
/// `__diesel_schema_migrations`. The lines of databases on different backends can be compared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Structure {
    /// Columns, as `table.column TYPE NOT NULL DEFAULT …`.
    pub columns: BTreeSet<String>,
    /// Indexes except those of primary keys, as `table: unique index (columns) partial`.
    pub indexes: BTreeSet<String>,
    /// Foreign keys, as `constraint: parent.column ON DELETE action`.
    pub references: BTreeSet<String>,
    /// Triggers, as `table: trigger`.
    pub triggers: BTreeSet<String>,
    /// Named `CHECK` constraints, as `table: check`, without those that PostgreSQL does not need: its types
    /// check flags and times, and its text cannot contain a NUL.
    pub checks: BTreeSet<String>,
}

impl Structure {
    /// Reads the structure of a database.
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) if it cannot be read.
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

    /// Returns the lines that `other` does not have, each with its kind.
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

    /// Returns the names of the tables.
    #[must_use]
    pub fn tables(&self) -> BTreeSet<&str> {
        self.columns
            .iter()
            .filter_map(|line| line.split_once('.'))
            .map(|(table, _)| table)
            .collect()
    }
}

#[derive(QueryableByName)]
struct StructureLine {
    #[diesel(sql_type = Text)]
    line: String,
}

fn lines(connection: &mut DbConnection, query: &str) -> Result<BTreeSet<String>> {
    let found: Vec<StructureLine> = dispatch!(connection, |c| diesel::sql_query(query).load(c))?;
    Ok(found.into_iter().map(|line| line.line).collect())
}

/// Returns the named checks. SQLite has them only in the text of `CREATE TABLE`.
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
    let by_type = |line: &String| ["_flag", "_text"].iter().any(|end| line.ends_with(end));
    Ok(found.into_iter().filter(|line| !by_type(line)).collect())
}

/// Queries for columns, indexes, foreign keys and triggers.
const SQLITE: [&str; 4] = [
    // The module of a virtual table says what its columns are, and the program may not have it.
    r#"SELECT t.name || '.' || c.name || ' '
           || CASE c.pk WHEN 1 THEN 'BIGINT' ELSE c.type END || iif(c."notnull", ' NOT NULL', '')
           || coalesce(' DEFAULT ' || iif(c.dflt_value LIKE 'strftime%', 'now',
               iif(c.type = 'BOOLEAN', iif(c.dflt_value, 'true', 'false'), c.dflt_value)), '')
           || iif(c.hidden, ' GENERATED', '') AS line
       FROM sqlite_schema AS t, temp.pragma_table_xinfo(t.name) AS c
       WHERE t.type = 'table' AND t.rootpage > 0 AND c.hidden <> 1 AND t.name NOT LIKE 'sqlite\_%' ESCAPE '\'
           AND t.name NOT LIKE '\_\_%' ESCAPE '\'"#,
    r#"SELECT t.name || ': ' || iif(i."unique", 'unique ', '') || i.name || ' ('
           || coalesce((SELECT group_concat(name, ', ') FROM temp.pragma_index_info(i.name)), '') || ')'
           || iif(i.partial, ' partial', '') AS line
       FROM sqlite_schema AS t, temp.pragma_index_list(t.name) AS i
       WHERE t.type = 'table' AND i.origin = 'c' AND t.name NOT LIKE '\_\_%' ESCAPE '\'"#,
    // SQLite does not report a constraint's name; by convention it follows from table and column.
    r#"SELECT t.name || '_' || f."from" || '_fkey: ' || f."table" || '.' || coalesce(f."to", '?') || ' ON DELETE '
           || f.on_delete AS line
       FROM sqlite_schema AS t, temp.pragma_foreign_key_list(t.name) AS f WHERE t.type = 'table'"#,
    "SELECT tbl_name || ': ' || name AS line FROM sqlite_schema WHERE type = 'trigger'",
];

/// Queries for columns, indexes, foreign keys and triggers, in the form of those for SQLite.
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

//! Structure of a database as lines of text, which have the same form for SQLite and PostgreSQL.

use std::collections::BTreeSet;

use crate::backend::Backend;
use crate::backend::DbConnection;
use crate::catalog::names;
use crate::dispatch;
use crate::error::Result;

/// Columns, indexes, foreign keys, triggers, checks and views of a database, one line each, without
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
    /// Names of the views.
    pub views: BTreeSet<String>,
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
        let [columns, indexes, references, triggers, views] = match connection.backend() {
            Backend::Sqlite => SQLITE,
            Backend::Postgres => POSTGRES,
        };
        Ok(Self {
            columns: lines(connection, columns)?,
            indexes: lines(connection, indexes)?,
            references: lines(connection, references)?,
            triggers: lines(connection, triggers)?,
            views: lines(connection, views)?,
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
            ("view", &self.views, &other.views),
            ("check", &self.checks, &other.checks),
        ]
        .into_iter()
        .flat_map(|(kind, ours, theirs)| {
            ours.difference(theirs).map(move |line| format!("{kind} {line}"))
        })
        .collect()
    }

    /// Returns the names of the indexes, without those of primary keys, of the triggers and of the views.
    pub(super) fn object_names(&self) -> impl Iterator<Item = String> {
        let named = |line: &String| line.split_once(": ").map(|(_, name)| name.to_owned());
        let index = |name: String| {
            let name = name.strip_prefix("unique ").unwrap_or(&name);
            name.split_once(" (").map_or(name, |(name, _)| name).to_owned()
        };
        let indexes = self.indexes.iter().filter_map(named).map(index);
        indexes.chain(self.triggers.iter().filter_map(named)).chain(self.views.iter().cloned())
    }

    /// Returns the names of the columns, each with its table.
    pub(super) fn column_names(&self) -> BTreeSet<(&str, &str)> {
        let names = self.columns.iter().filter_map(|line| {
            let (table, rest) = line.split_once('.')?;
            Some((table, rest.split(' ').next()?))
        });
        names.collect()
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

fn lines(connection: &mut DbConnection, query: &str) -> Result<BTreeSet<String>> {
    let found = dispatch!(connection, |connection| names(connection, query))?;
    Ok(found.into_iter().collect())
}

/// Returns the named checks. SQLite has them only in the text of `CREATE TABLE`.
fn checks(connection: &mut DbConnection) -> Result<BTreeSet<String>> {
    let found = match connection.backend() {
        Backend::Postgres => lines(
            connection,
            "SELECT pg_catalog.format('%s: %s', conrelid::regclass, conname) AS name FROM pg_constraint
             WHERE contype = 'c' AND connamespace = pg_catalog.quote_ident(current_schema())::regnamespace",
        )?,
        Backend::Sqlite => {
            let query = "SELECT name || char(10) || sql AS name FROM sqlite_schema
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

/// Queries for columns, indexes, foreign keys, triggers and views.
const SQLITE: [&str; 5] = [
    // The module of a virtual table says what its columns are, and the program may not have it. An `INTEGER PRIMARY KEY`
    // is the number of the row, of 64 bits.
    r#"SELECT t.name || '.' || c.name || ' '
           || iif(c.pk = 1 AND upper(c.type) = 'INTEGER', 'BIGINT', c.type) || iif(c."notnull", ' NOT NULL', '')
           || iif(c.dflt_value IS NULL, '', ' DEFAULT ' || iif(c.dflt_value LIKE 'strftime%', 'now',
               iif(c.type = 'BOOLEAN', iif(c.dflt_value, 'true', 'false'), c.dflt_value)))
           || iif(c.hidden, ' GENERATED', '') AS name
       FROM sqlite_schema AS t, temp.pragma_table_xinfo(t.name) AS c
       WHERE t.type = 'table' AND t.rootpage > 0 AND c.hidden <> 1 AND t.name NOT LIKE 'sqlite\_%' ESCAPE '\'
           AND t.name NOT LIKE '\_\_%' ESCAPE '\'"#,
    r#"SELECT t.name || ': ' || iif(i."unique", 'unique ', '') || i.name || ' ('
           || coalesce((SELECT group_concat(name, ', ') FROM temp.pragma_index_info(i.name)), '') || ')'
           || iif(i.partial, ' partial', '') AS name
       FROM sqlite_schema AS t, temp.pragma_index_list(t.name) AS i
       WHERE t.type = 'table' AND i.origin = 'c' AND t.name NOT LIKE '\_\_%' ESCAPE '\'"#,
    // SQLite does not report a constraint's name; by convention it follows from table and column.
    r#"SELECT t.name || '_' || f."from" || '_fkey: ' || f."table" || '.' || coalesce(f."to", '?') || ' ON DELETE '
           || f.on_delete AS name
       FROM sqlite_schema AS t, temp.pragma_foreign_key_list(t.name) AS f WHERE t.type = 'table'"#,
    "SELECT tbl_name || ': ' || name AS name FROM sqlite_schema WHERE type = 'trigger'",
    "SELECT name AS name FROM sqlite_schema WHERE type = 'view'",
];

/// Queries for columns, indexes, foreign keys, triggers and views, in the form of those for SQLite.
const POSTGRES: [&str; 5] = [
    // Not from information_schema, which hides the columns that a role has no right on.
    r#"SELECT pg_catalog.format('%s.%s %s%s%s%s', c.relname, a.attname,
              CASE d.type WHEN 'timestamp without time zone' THEN 'TIMESTAMP'
                  WHEN 'bytea' THEN 'BLOB' ELSE upper(d.type COLLATE "C") END,
              CASE WHEN a.attnotnull OR t.typnotnull THEN ' NOT NULL' END,
              CASE WHEN d.value LIKE '%CURRENT_TIMESTAMP%' THEN ' DEFAULT now'
                  WHEN d.value IS NOT NULL THEN pg_catalog.format(' DEFAULT %s', replace(d.value, '::text', '')) END,
              CASE WHEN a.attgenerated <> '' THEN ' GENERATED' END) AS name
      FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid JOIN pg_type AS t ON t.oid = a.atttypid,
          LATERAL (SELECT format_type(coalesce(nullif(t.typbasetype, 0), t.oid), NULL) AS type, (
              SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef
              WHERE adrelid = c.oid AND adnum = a.attnum AND a.attgenerated = '') AS value) AS d
      WHERE c.relnamespace = pg_catalog.quote_ident(current_schema())::regnamespace AND c.relkind IN ('r', 'p')
          AND a.attnum > 0 AND NOT a.attisdropped AND c.relname NOT LIKE '\_\_%'"#,
    r"SELECT pg_catalog.format('%s: %s%s (%s)%s', t.relname, CASE WHEN x.indisunique THEN 'unique ' END, i.relname,
              (SELECT string_agg(a.attname::text, ', ' ORDER BY k.place)
                  FROM unnest(x.indkey::int[]) WITH ORDINALITY AS k (attnum, place)
                  JOIN pg_attribute AS a ON a.attrelid = t.oid AND a.attnum = k.attnum),
              CASE WHEN x.indpred IS NOT NULL THEN ' partial' END) AS name
      FROM pg_index AS x JOIN pg_class AS i ON i.oid = x.indexrelid
      JOIN pg_class AS t ON t.oid = x.indrelid
      WHERE t.relnamespace = pg_catalog.quote_ident(current_schema())::regnamespace AND NOT x.indisprimary
          AND t.relname NOT LIKE '\_\_%'",
    r"SELECT pg_catalog.format('%s: %s.%s ON DELETE %s', f.conname, p.relname, a.attname,
              CASE f.confdeltype WHEN 'c' THEN 'CASCADE' WHEN 'n' THEN 'SET NULL'
                  WHEN 'r' THEN 'RESTRICT' ELSE 'something else' END) AS name
      FROM pg_constraint AS f JOIN pg_class AS p ON p.oid = f.confrelid
      JOIN pg_attribute AS a ON a.attrelid = p.oid AND a.attnum = f.confkey[1]
      WHERE f.contype = 'f' AND f.connamespace = pg_catalog.quote_ident(current_schema())::regnamespace",
    r"SELECT pg_catalog.format('%s: %s', c.relname, t.tgname) AS name
      FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid
      WHERE NOT t.tgisinternal AND t.tgenabled IN ('O', 'A')
          AND c.relnamespace = pg_catalog.quote_ident(current_schema())::regnamespace",
    r"SELECT relname::text AS name FROM pg_class
      WHERE relkind IN ('v', 'm') AND relnamespace = pg_catalog.quote_ident(current_schema())::regnamespace",
];

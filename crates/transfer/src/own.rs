//! Tables of an application, whose columns are known only when the program runs. A row is transferred as the texts of its
//! values, which have the same form on both databases.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use diesel::connection::DefaultLoadingMode;
use diesel::prelude::*;
use diesel::sql_types;
use zenith_db::internal::catalog::{literal, quoted};
use zenith_db::internal::migrations::own_tables;
use zenith_db::migrations::{Migrations, Structure};
use zenith_db::{DbConnection, Error, dispatch};

use super::error::Result;
use super::table::{Keys, RowTable};
use super::value;

/// Type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Integer,
    Bool,
    Double,
    Text,
    Timestamp,
    Bytes,
}

impl Kind {
    /// Returns the type of a line of [`Structure::columns`], after the name.
    fn of(line: &str) -> Option<Self> {
        let ends = [" NOT NULL", " DEFAULT "];
        let name = ends.iter().fold(line, |line, end| line.split(end).next().unwrap_or_default());
        Some(match name {
            "BIGINT" | "INTEGER" => Self::Integer,
            "BOOLEAN" => Self::Bool,
            "DOUBLE PRECISION" => Self::Double,
            "TEXT" => Self::Text,
            "TIMESTAMP" => Self::Timestamp,
            "BLOB" => Self::Bytes,
            _ => return None,
        })
    }

    /// Returns SQL for the text of a value of SQLite.
    fn read_sqlite(self, column: &str) -> String {
        match self {
            Self::Integer => format!("CAST({column} AS TEXT)"),
            Self::Bool => format!(
                "CASE {column} WHEN 0 THEN 'f' WHEN 1 THEN 't' ELSE CAST({column} AS TEXT) END"
            ),
            Self::Double => format!("iif({column} IS NULL, NULL, printf('%!.17g', {column}))"),
            Self::Text | Self::Timestamp => column.to_owned(),
            Self::Bytes => format!("iif({column} IS NULL, NULL, lower(hex({column})))"),
        }
    }

    /// Returns SQL for a value of SQLite, from the SQL of its text.
    fn write_sqlite(self, text: &str) -> String {
        match self {
            Self::Integer => format!("CAST({text} AS INTEGER)"),
            Self::Bool => format!("CASE {text} WHEN 'f' THEN 0 WHEN 't' THEN 1 ELSE {text} END"),
            Self::Double => format!("CAST({text} AS REAL)"),
            Self::Text | Self::Timestamp => text.to_owned(),
            Self::Bytes => format!("unhex({text})"),
        }
    }

    /// Returns SQL for the text of a value of PostgreSQL.
    #[cfg(feature = "postgres")]
    fn read_postgres(self, column: &str) -> String {
        match self {
            Self::Bool => format!("CASE WHEN {column} THEN 't' WHEN NOT {column} THEN 'f' END"),
            Self::Timestamp => format!("to_char({column}, 'YYYY-MM-DD HH24:MI:SS.US')"),
            Self::Bytes => format!("encode({column}, 'hex')"),
            Self::Integer | Self::Double | Self::Text => format!("{column}::text"),
        }
    }

    /// Returns SQL for a value of PostgreSQL, from the SQL of its text.
    #[cfg(feature = "postgres")]
    fn write_postgres(self, text: &str) -> String {
        match self {
            Self::Integer => format!("({text})::bigint"),
            Self::Bool => format!("({text})::boolean"),
            Self::Double => format!("({text})::double precision"),
            Self::Text => text.to_owned(),
            Self::Timestamp => format!("({text})::timestamp"),
            Self::Bytes => format!("decode({text}, 'hex')"),
        }
    }
}

/// Table of an application.
#[derive(Debug)]
pub(super) struct OwnTable {
    name: &'static str,
    /// Columns that are not generated.
    columns: Vec<(String, Kind)>,
}

/// Row of a table of an application: the texts of its values, in the order of the columns.
pub(super) struct OwnRow {
    key: i64,
    values: Vec<Option<String>>,
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = sql_types::BigInt)]
    key: i64,
    /// JSON array of the texts.
    #[diesel(sql_type = sql_types::Text)]
    line: value::Text,
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = sql_types::Nullable<sql_types::BigInt>)]
    number: Option<i64>,
}

/// Returns the tables that the application's migrations create and that can be transferred: their primary key is an
/// integer `id`, and each column has a type that both databases have.
pub(super) fn all(connection: &mut DbConnection, migrations: Migrations) -> Result<Vec<OwnTable>> {
    if !migrations.has_own() {
        return Ok(Vec::new());
    }
    let (names, structure) = (own_tables(migrations)?, Structure::of(connection)?);
    let mut found = Vec::new();
    for name in names {
        let columns = structure.columns.iter().filter_map(|line| {
            line.strip_prefix(&*name)?
                .strip_prefix('.')
                .filter(|line| !line.ends_with(" GENERATED"))
        });
        let typed = columns.map(|line| {
            let (column, kind) = line.split_once(' ')?;
            Some((column.to_owned(), Kind::of(kind)?))
        });
        if let Some(columns) = typed.collect::<Option<Vec<_>>>()
            && has_key(connection, &name)?
        {
            found.push(OwnTable { name: interned(&name), columns });
        }
    }
    Ok(found)
}

/// Whether the primary key of a table is its column `id`.
fn has_key(connection: &mut DbConnection, table: &str) -> Result<bool> {
    let table = literal(table);
    let query = match connection {
        DbConnection::Sqlite(_) => format!(
            "SELECT sum(iif(name = 'id' AND upper(type) IN ('INTEGER', 'BIGINT'), 1, 2)) AS number
             FROM temp.pragma_table_info({table}) WHERE pk > 0"
        ),
        #[cfg(feature = "postgres")]
        DbConnection::Postgres(_) => format!(
            "SELECT sum(CASE a.attname WHEN 'id' THEN 1 ELSE 2 END)::bigint AS number
             FROM pg_index AS x JOIN pg_attribute AS a ON a.attrelid = x.indrelid AND a.attnum = ANY (x.indkey)
             WHERE x.indisprimary AND x.indrelid = to_regclass(quote_ident({table}))"
        ),
    };
    let found: Number = dispatch!(connection, |c| diesel::sql_query(&query).get_result(c))?;
    Ok(found.number == Some(1))
}

/// Returns a name that lives as long as the program, as those of the schema do. Each is kept once.
fn interned(name: &str) -> &'static str {
    static NAMES: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = names.get(name) {
        return known;
    }
    let name: &'static str = name.to_owned().leak();
    names.insert(name);
    name
}

impl OwnTable {
    fn number(&self, connection: &mut DbConnection, expression: &str) -> Result<Option<i64>> {
        let query = format!("SELECT {expression} AS number FROM {}", quoted(self.name));
        let found: Number = dispatch!(connection, |c| diesel::sql_query(&query).get_result(c))?;
        Ok(found.number)
    }

    /// Returns the columns' names in a list, and SQL for each value.
    fn lists(&self, value: impl Fn(usize, &str, Kind) -> String) -> (String, String) {
        let names: Vec<String> = self.columns.iter().map(|(name, _)| quoted(name)).collect();
        let kinds = self.columns.iter().map(|(_, kind)| *kind);
        let values = names.iter().zip(kinds).enumerate();
        let values: Vec<String> = values.map(|(at, (name, kind))| value(at, name, kind)).collect();
        (names.join(", "), values.join(", "))
    }
}

/// Parses a line that a query has returned.
fn row_of(line: &Line) -> Result<OwnRow> {
    let values = serde_json::from_str(&line.line.0)
        .map_err(|cause| Error::Internal(format!("a row is no JSON array: {cause}")))?;
    Ok(OwnRow { key: line.key, values })
}

impl RowTable for OwnTable {
    type Row = OwnRow;

    fn table(&self) -> &'static str {
        self.name
    }

    fn key(row: &OwnRow) -> i64 {
        row.key
    }

    fn encode(&self, row: &OwnRow, out: &mut Vec<u8>) {
        use value::Encode;
        for (text, (_, kind)) in row.values.iter().zip(&self.columns) {
            let number = text.as_deref().filter(|_| *kind == Kind::Double);
            match number.and_then(|text| text.parse::<f64>().ok()) {
                // Both databases write it in their own way.
                Some(number) => Some(number).encode(out),
                None => text.clone().map(value::Text).encode(out),
            }
        }
    }

    fn read(
        &self,
        connection: &mut DbConnection,
        keys: Keys,
        limit: i64,
        each: &mut dyn FnMut(OwnRow) -> Result<()>,
    ) -> Result<()> {
        let (table, first, end) = (quoted(self.name), *keys.start(), *keys.end());
        match connection {
            DbConnection::Sqlite(inner) => {
                let (_, texts) = self.lists(|_, name, kind| kind.read_sqlite(name));
                let query = format!(
                    "SELECT id AS key, json_array({texts}) AS line FROM {table}
                     WHERE id BETWEEN {first} AND {end} ORDER BY id LIMIT {limit}"
                );
                let mut lines =
                    diesel::sql_query(query).load_iter::<Line, DefaultLoadingMode>(inner)?;
                lines.try_for_each(|line| each(row_of(&line?)?))
            }
            #[cfg(feature = "postgres")]
            DbConnection::Postgres(inner) => {
                use diesel::pg::PgRowByRowLoadingMode;
                let (_, texts) = self.lists(|_, name, kind| kind.read_postgres(name));
                let query = format!(
                    "SELECT id::bigint AS key, json_build_array({texts})::text AS line FROM {table}
                     WHERE id BETWEEN {first} AND {end} ORDER BY id LIMIT {limit}"
                );
                let mut lines =
                    diesel::sql_query(query).load_iter::<Line, PgRowByRowLoadingMode>(inner)?;
                lines.try_for_each(|line| each(row_of(&line?)?))
            }
        }
    }

    fn write(&self, connection: &mut DbConnection, rows: &[OwnRow]) -> Result<()> {
        let rows: Vec<&Vec<Option<String>>> = rows.iter().map(|row| &row.values).collect();
        let rows = serde_json::to_string(&rows)
            .map_err(|cause| Error::Internal(format!("rows are no JSON: {cause}")))?;
        let table = quoted(self.name);
        match connection {
            DbConnection::Sqlite(inner) => {
                let (names, values) =
                    self.lists(|at, _, kind| kind.write_sqlite(&format!("(value ->> {at})")));
                let insert =
                    format!("INSERT INTO {table} ({names}) SELECT {values} FROM temp.json_each(?)");
                diesel::sql_query(insert).bind::<sql_types::Text, _>(rows).execute(inner)?;
            }
            #[cfg(feature = "postgres")]
            DbConnection::Postgres(inner) => {
                let (names, values) =
                    self.lists(|at, _, kind| kind.write_postgres(&format!("(value ->> {at})")));
                let insert = format!(
                    "INSERT INTO {table} ({names}) OVERRIDING SYSTEM VALUE
                     SELECT {values} FROM json_array_elements($1::json)"
                );
                diesel::sql_query(insert).bind::<sql_types::Text, _>(rows).execute(inner)?;
            }
        }
        Ok(())
    }

    fn delete_all(&self, connection: &mut DbConnection) -> Result<()> {
        let delete = format!("DELETE FROM {}", quoted(self.name));
        dispatch!(connection, |c| diesel::sql_query(&delete).execute(c))?;
        Ok(())
    }

    fn rows(&self, connection: &mut DbConnection) -> Result<i64> {
        Ok(self.number(connection, "count(*)")?.unwrap_or_default())
    }

    fn greatest_id(&self, connection: &mut DbConnection) -> Result<Option<i64>> {
        self.number(connection, "max(id)")
    }
}

//! Tables of an application, whose columns are known only when the program runs. A row is transferred as the texts of its
//! values, which have the same form on both databases.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use diesel::connection::DefaultLoadingMode;
use diesel::prelude::*;
use diesel::sql_types;
use zenith_db::internal::catalog::{literal, quoted, table_path};
use zenith_db::internal::migrations::own_tables;
use zenith_db::migrations::{Migrations, Structure};
use zenith_db::{DbConnection, Error, dispatch};

use super::error::{Result, TransferError};
use super::kind::Kind;
use super::table::{Keys, RowTable};
use super::value;

/// Table of an application.
#[derive(Debug)]
pub(super) struct OwnTable {
    name: &'static str,
    /// Columns that are not generated.
    columns: Vec<(String, Kind)>,
    /// Types of the columns of the target, if that is on a server: a type of SQLite has more values.
    on_server: BTreeMap<String, Kind>,
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

/// Value that cannot be transferred.
#[derive(QueryableByName)]
struct Unfit {
    #[diesel(sql_type = sql_types::BigInt)]
    key: i64,
    /// Place of the condition that it meets.
    #[diesel(sql_type = sql_types::BigInt)]
    number: i64,
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
        let typed = columns_of(&structure, &name).map(|(column, kind)| Some((column, kind?)));
        if let Some(columns) = typed.collect::<Option<Vec<_>>>()
            && has_key(connection, &name)?
        {
            found.push(OwnTable { name: interned(&name), columns, on_server: BTreeMap::new() });
        }
    }
    Ok(found)
}

/// Returns the columns of a table that are not generated, each with its type if both databases have that.
fn columns_of<'a>(
    structure: &'a Structure,
    table: &'a str,
) -> impl Iterator<Item = (String, Option<Kind>)> + 'a {
    let columns = structure.columns.iter().filter_map(move |line| {
        line.strip_prefix(table)?.strip_prefix('.').filter(|line| !line.ends_with(" GENERATED"))
    });
    columns.map(|line| {
        let (column, kind) = line.split_once(' ').unwrap_or((line, ""));
        (column.to_owned(), Kind::of(kind))
    })
}

/// Notes the types that the columns of the tables have in the target.
pub(super) fn note_target(tables: &mut [OwnTable], target: &mut DbConnection) -> Result<()> {
    if matches!(target, DbConnection::Sqlite(_)) || tables.is_empty() {
        return Ok(());
    }
    let structure = Structure::of(target)?;
    for table in tables {
        let columns = columns_of(&structure, table.name);
        table.on_server = columns.filter_map(|(name, kind)| Some((name, kind?))).collect();
    }
    Ok(())
}

/// Whether the primary key of a table is its column `id`, an integer.
fn has_key(connection: &mut DbConnection, table: &str) -> Result<bool> {
    let table = match connection {
        DbConnection::Sqlite(_) => literal(table),
        #[cfg(feature = "postgres")]
        DbConnection::Postgres(_) => literal(&table_path(connection, table)?),
    };
    let query = match connection {
        DbConnection::Sqlite(_) => format!(
            "SELECT sum(iif(name = 'id' AND upper(type) IN ('INTEGER', 'BIGINT'), 1, 2)) AS number
             FROM temp.pragma_table_info({table}) WHERE pk > 0"
        ),
        #[cfg(feature = "postgres")]
        DbConnection::Postgres(_) => format!(
            "SELECT sum(CASE WHEN a.attname = 'id' AND a.atttypid IN ('int8'::regtype, 'int4'::regtype, 'int2'::regtype)
                 THEN 1 ELSE 2 END)::bigint AS number
             FROM pg_index AS x JOIN pg_attribute AS a ON a.attrelid = x.indrelid AND a.attnum = ANY (x.indkey)
             WHERE x.indisprimary AND x.indrelid = to_regclass({table})"
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
        let table = table_path(connection, self.name)?;
        let query = format!("SELECT {expression} AS number FROM {table}");
        let found: Number = dispatch!(connection, |c| diesel::sql_query(&query).get_result(c))?;
        Ok(found.number)
    }

    /// Returns the key and the column of the first value, in the order of the keys, that cannot be transferred, and why.
    fn unfit(&self, connection: &mut DbConnection) -> Result<Option<(i64, &str, &'static str)>> {
        let conditions = |name: &str, kind: Kind| match connection {
            DbConnection::Sqlite(_) => {
                let there = self.on_server.get(name);
                let there = there.and_then(|kind| kind.unfit_for_postgres(&quoted(name)));
                [Some(kind.unfit_on_sqlite(&quoted(name))), there]
            }
            #[cfg(feature = "postgres")]
            DbConnection::Postgres(_) => [kind.unfit_on_postgres(&quoted(name)), None],
        };
        let conditions = self.columns.iter().flat_map(|(name, kind)| {
            let found = conditions(name, *kind).into_iter().flatten();
            found.map(move |(condition, reason)| (condition, name.as_str(), reason))
        });
        let conditions: Vec<_> = conditions.collect();
        if conditions.is_empty() {
            return Ok(None);
        }
        let cases = conditions.iter().enumerate();
        let cases: Vec<String> =
            cases.map(|(at, (condition, ..))| format!("WHEN {condition} THEN {at}")).collect();
        let (cases, table) = (cases.join(" "), table_path(connection, self.name)?);
        let query = format!(
            "SELECT key, number FROM (
                 SELECT CAST(id AS BIGINT) AS key, CAST(CASE {cases} END AS BIGINT) AS number FROM {table}
             ) AS found WHERE number IS NOT NULL ORDER BY key LIMIT 1"
        );
        let found: Option<Unfit> =
            dispatch!(connection, |c| diesel::sql_query(&query).get_result(c).optional())?;
        Ok(found.and_then(|Unfit { key, number }| {
            let (_, column, reason) = conditions.get(usize::try_from(number).ok()?)?;
            Some((key, *column, *reason))
        }))
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

    fn ensure_fit(&self, connection: &mut DbConnection) -> Result<()> {
        let Some((key, column, reason)) = self.unfit(connection)? else { return Ok(()) };
        Err(TransferError::UnfitValue { table: self.name, column: column.to_owned(), key, reason })
    }

    fn read(
        &self,
        connection: &mut DbConnection,
        keys: Keys,
        limit: i64,
        each: &mut dyn FnMut(OwnRow) -> Result<()>,
    ) -> Result<()> {
        let (table, first, end) = (table_path(connection, self.name)?, *keys.start(), *keys.end());
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
                // A function has at most 100 arguments, and an array as many items as a table has columns.
                let (_, texts) = self.lists(|_, name, kind| kind.read_postgres(name));
                let query = format!(
                    "SELECT id::bigint AS key, array_to_json(ARRAY[{texts}]::text[])::text AS line FROM {table}
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
        let table = table_path(connection, self.name)?;
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
        let delete = format!("DELETE FROM {}", table_path(connection, self.name)?);
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

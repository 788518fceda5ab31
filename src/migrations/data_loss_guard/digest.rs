//! What a table holds, as a few numbers that do not depend on the order of its rows.
//!
//! Each column has the sum of a 64-bit hash of (key of the row, value), so that a value which moves to
//! another row is seen, a column that was added or renamed does not matter to the others, and a change
//! is known by its column. A table without a primary key has the values' hashes only.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use diesel::deserialize::{self, QueryableByName};
use diesel::prelude::*;
use diesel::row::{Field, NamedRow, Row};
use diesel::sql_types::{BigInt, Nullable, Text};
use diesel::sqlite::{Sqlite, SqliteType, SqliteValue};

use crate::backend::{Backend, DbConnection};
use crate::catalog::quoted;
use crate::dispatch;
#[cfg(feature = "postgres")]
use crate::error::Error;
use crate::error::Result;

/// What a column holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Content {
    /// The sum of the hashes. 2^63 rows would be needed to overflow it.
    sum: i128,
    /// How many values are not NULL.
    pub(super) present: i64,
}

/// What a table holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Digest {
    /// How many rows were looked at.
    pub(super) rows: i64,
    /// The key column, if it is one that holds whole numbers, and the greatest of them.
    pub(super) last: Option<(String, i64)>,
    pub(super) columns: BTreeMap<String, Content>,
}

/// A table's columns and its key.
struct TableColumns {
    columns: Vec<String>,
    key: Vec<String>,
    whole_numbers: bool,
}

impl Digest {
    /// Reads the table: all of it, or the rows up to this key, if it has that key still.
    pub(super) fn of(
        connection: &mut DbConnection,
        table: &str,
        up_to: Option<&(String, i64)>,
    ) -> Result<Self> {
        let columns_of = columns_of(connection, table)?;
        let table = quoted(table);
        let key = match columns_of.key.as_slice() {
            [key] if columns_of.whole_numbers => Some(key),
            _ => None,
        };
        let last = match key {
            None => None,
            Some(key) => greatest(connection, &table, key)?.map(|last| (key.clone(), last)),
        };
        let limit = up_to.filter(|(column, _)| Some(column) == key);
        let condition =
            limit.map_or(String::new(), |(key, last)| format!(" WHERE {} <= {last}", quoted(key)));
        let (rows, contents) = match connection {
            DbConnection::Sqlite(inner) => read_rows(inner, &table, &columns_of, &condition)?,
            #[cfg(feature = "postgres")]
            DbConnection::Postgres(_) => ask_server(connection, &table, &columns_of, &condition)?,
        };
        let columns = columns_of.columns.into_iter().zip(contents).collect();
        Ok(Self { rows, last, columns })
    }
}

#[derive(QueryableByName)]
struct Column {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    kind: String,
    /// Its place in the key, from 1; 0 if it is not part of it.
    #[diesel(sql_type = BigInt)]
    place: i64,
}

fn columns_of(connection: &mut DbConnection, table: &str) -> Result<TableColumns> {
    let query = match connection.backend() {
        Backend::Sqlite => {
            "SELECT name, upper(type) AS kind, pk AS place FROM pragma_table_info(?)"
        }
        Backend::Postgres => {
            "SELECT a.attname::text AS name, upper(format_type(a.atttypid, NULL)) AS kind,
                 coalesce(array_position(x.indkey::int2[], a.attnum) + 1, 0)::int8 AS place
             FROM pg_class AS t JOIN pg_attribute AS a ON a.attrelid = t.oid
             LEFT JOIN pg_index AS x ON x.indrelid = t.oid AND x.indisprimary
             WHERE t.relname = $1 AND t.relnamespace = current_schema()::regnamespace
                 AND a.attnum > 0 AND NOT a.attisdropped
             ORDER BY a.attnum"
        }
    };
    let columns: Vec<Column> =
        dispatch!(connection, |c| diesel::sql_query(query).bind::<Text, _>(table).load(c))?;
    let mut key: Vec<&Column> = columns.iter().filter(|column| column.place > 0).collect();
    key.sort_by_key(|column| column.place);
    let whole = ["INTEGER", "BIGINT", "INT", "SMALLINT"];
    Ok(TableColumns {
        whole_numbers: key.iter().all(|column| whole.contains(&column.kind.as_str())),
        key: key.into_iter().map(|column| column.name.clone()).collect(),
        columns: columns.into_iter().map(|column| column.name).collect(),
    })
}

fn greatest(connection: &mut DbConnection, table: &str, key: &str) -> Result<Option<i64>> {
    #[derive(QueryableByName)]
    struct Greatest {
        #[diesel(sql_type = Nullable<BigInt>)]
        last: Option<i64>,
    }
    let key = quoted(key);
    let query = format!("SELECT CAST(max({key}) AS BIGINT) AS last FROM {table}");
    let found: Greatest = dispatch!(connection, |c| diesel::sql_query(query).get_result(c))?;
    Ok(found.last)
}

/// The hashes of a row's values, and whether each is there.
struct RowHashes(Vec<(u64, bool)>);

impl QueryableByName<Sqlite> for RowHashes {
    /// The key's columns come first, named `key`.
    fn build<'a>(row: &impl NamedRow<'a, Sqlite>) -> deserialize::Result<Self> {
        let mut key = DefaultHasher::new();
        let mut hashes = Vec::with_capacity(row.field_count());
        for index in 0..row.field_count() {
            let field = Row::get(row, index).ok_or("a row has fewer values than columns")?;
            if field.field_name() == Some("key") {
                hash(field.value(), &mut key);
            } else {
                let mut cell = key.clone();
                hash(field.value(), &mut cell);
                hashes.push((cell.finish(), !field.is_null()));
            }
        }
        Ok(Self(hashes))
    }
}

/// SQLite keeps a type with each value: 1, 1.0 and '1' differ.
fn hash(value: Option<SqliteValue<'_, '_, '_>>, hasher: &mut DefaultHasher) {
    let Some(mut value) = value else { return 0_u8.hash(hasher) };
    match value.value_type() {
        None => 0_u8.hash(hasher),
        Some(SqliteType::Integer | SqliteType::SmallInt | SqliteType::Long) => {
            (1_u8, value.read_long()).hash(hasher);
        }
        Some(SqliteType::Float | SqliteType::Double) => {
            (2_u8, value.read_double().to_bits()).hash(hasher);
        }
        Some(SqliteType::Text) => (3_u8, value.read_blob()).hash(hasher),
        Some(SqliteType::Binary) => (4_u8, value.read_blob()).hash(hasher),
    }
}

fn read_rows(
    connection: &mut SqliteConnection,
    table: &str,
    columns_of: &TableColumns,
    condition: &str,
) -> Result<(i64, Vec<Content>)> {
    let keys = columns_of.key.iter().map(|key| format!("{} AS key", quoted(key)));
    let values = columns_of.columns.iter().map(|c| format!("{} AS value", quoted(c)));
    let list: Vec<String> = keys.chain(values).collect();
    let query = format!("SELECT {} FROM {table}{condition}", list.join(", "));
    let (mut rows, mut contents) = (0, vec![Content::default(); columns_of.columns.len()]);
    for row in diesel::sql_query(query).load_iter::<RowHashes, _>(connection)? {
        rows += 1;
        for (content, (hash, present)) in contents.iter_mut().zip(row?.0) {
            content.sum += i128::from(hash);
            content.present += i64::from(present);
        }
    }
    Ok((rows, contents))
}

/// The server does the same sums: nothing but them crosses the wire.
#[cfg(feature = "postgres")]
fn ask_server(
    connection: &mut DbConnection,
    table: &str,
    columns_of: &TableColumns,
    condition: &str,
) -> Result<(i64, Vec<Content>)> {
    #[derive(QueryableByName)]
    struct Sums {
        #[diesel(sql_type = BigInt)]
        rows: i64,
        #[diesel(sql_type = Text)]
        sums: String,
    }
    let literals = |names: &[String]| -> Vec<String> {
        names.iter().map(|name| format!("quote_nullable({})", quoted(name))).collect()
    };
    let key = literals(&columns_of.key).join(", ',', ");
    let key = if key.is_empty() { "''".to_owned() } else { key };
    let mut sums: Vec<String> = literals(&columns_of.columns)
        .iter()
        .zip(&columns_of.columns)
        .map(|(value, column)| {
            format!(
                "coalesce(sum(hashtextextended(concat({key}, '=', {value}), 0)::numeric), 0),
                 count({})",
                quoted(column)
            )
        })
        .collect();
    // A table may have no column at all.
    sums.push("''".into());
    let query = format!(
        "SELECT count(*) AS rows, concat_ws(' ', {}) AS sums FROM {table}{condition}",
        sums.join(", ")
    );
    let found: Sums = dispatch!(connection, |c| diesel::sql_query(&query).get_result(c))?;
    let wrong = || Error::Internal(format!("the server's digest cannot be read: {}", found.sums));
    let mut words = found.sums.split_whitespace();
    let mut contents = Vec::new();
    while let (Some(sum), Some(present)) = (words.next(), words.next()) {
        let sum = sum.parse().map_err(|_| wrong())?;
        contents.push(Content { sum, present: present.parse().map_err(|_| wrong())? });
    }
    if contents.len() == columns_of.columns.len() {
        Ok((found.rows, contents))
    } else {
        Err(wrong())
    }
}

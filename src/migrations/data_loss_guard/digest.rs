//! Digest of a table by column, independent of the order of its rows.
//!
//! Each column has the sum of a 64-bit hash of (key of the row, value). A value that moves to another
//! row is therefore seen, a column that is added or renamed does not affect the other columns, and a
//! change is attributed to its column. For a table without a primary key, only the value is hashed.
//!
//! The digests of the transfer and of the importer also sum hashes of rows, and are separate for these
//! reasons. This digest reads tables of any migration, so it has no Rust type of their rows. It is per
//! column, because a migration may drop and rename columns. It is compared only within one process and
//! on one backend, so PostgreSQL computes it with a hash function of its own, and no row is sent to the
//! client. The transfer's digest (`crates/transfer/src/digest.rs`) is per row and must be equal on two
//! backends and in files that are kept, so it is SHA-256 of a defined encoding. The importer
//! (`crates/import/src/verify/`) compares values before and after a conversion of types.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use diesel::deserialize::{self, QueryableByName};
use diesel::prelude::*;
use diesel::row::{Field, NamedRow, Row};
use diesel::sql_types::{BigInt, Nullable, Text};
use diesel::sqlite::{Sqlite, SqliteType, SqliteValue};

use crate::backend::{Backend, DbConnection};
use crate::catalog::{quoted, table_path};
use crate::dispatch;
#[cfg(feature = "postgres")]
use crate::error::Error;
use crate::error::Result;

/// Checksum of a column's values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ColumnChecksum {
    /// Sum of the hashes. It takes 2^63 rows to overflow.
    sum: i128,
    /// Number of values that are not NULL.
    pub(super) present: i64,
}

/// Digest of a table's rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TableDigest {
    /// Number of rows read.
    pub(super) rows: i64,
    /// Name and greatest value of the primary key, if it is one column of integers and the table has
    /// rows.
    pub(super) last_key: Option<(String, i64)>,
    /// Checksum of each column, by name.
    pub(super) columns: BTreeMap<String, ColumnChecksum>,
}

/// Names of a table's columns and of those of its primary key.
struct TableColumns {
    columns: Vec<String>,
    key: Vec<String>,
    /// Whether every column of the key is of an integer type.
    integer_key: bool,
}

impl TableDigest {
    /// Reads all rows of a table, or those up to this key if the table still has the key column.
    pub(super) fn of(
        connection: &mut DbConnection,
        table: &str,
        up_to: Option<&(String, i64)>,
    ) -> Result<Self> {
        let columns_of = columns_of(connection, table)?;
        let table = table_path(connection, table)?;
        let key = match columns_of.key.as_slice() {
            [key] if columns_of.integer_key => Some(key),
            _ => None,
        };
        let last_key = match key {
            None => None,
            Some(key) => greatest_key(connection, &table, key)?.map(|last| (key.clone(), last)),
        };
        let limit = up_to.filter(|(column, _)| Some(column) == key);
        let condition =
            limit.map_or(String::new(), |(key, last)| format!(" WHERE {} <= {last}", quoted(key)));
        let (rows, checksums) = match connection {
            DbConnection::Sqlite(inner) => read_rows(inner, &table, &columns_of, &condition)?,
            #[cfg(feature = "postgres")]
            DbConnection::Postgres(_) => {
                sums_on_server(connection, &table, &columns_of, &condition)?
            }
        };
        let columns = columns_of.columns.into_iter().zip(checksums).collect();
        Ok(Self { rows, last_key, columns })
    }
}

#[derive(QueryableByName)]
struct ColumnInfo {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    kind: String,
    /// Position in the primary key, from 1; 0 if the column is not part of it.
    #[diesel(sql_type = BigInt)]
    place: i64,
}

fn columns_of(connection: &mut DbConnection, table: &str) -> Result<TableColumns> {
    let query = match connection.backend() {
        Backend::Sqlite => {
            "SELECT name, type AS kind, pk AS place FROM temp.pragma_table_info(?)"
        }
        Backend::Postgres => {
            "SELECT a.attname::text AS name, format_type(a.atttypid, NULL) AS kind,
                 coalesce(array_position(x.indkey::int2[], a.attnum) + 1, 0)::int8 AS place
             FROM pg_class AS t JOIN pg_attribute AS a ON a.attrelid = t.oid
             LEFT JOIN pg_index AS x ON x.indrelid = t.oid AND x.indisprimary
             WHERE t.relname = $1 AND t.relnamespace = pg_catalog.quote_ident(current_schema())::regnamespace
                 AND a.attnum > 0 AND NOT a.attisdropped
             ORDER BY a.attnum"
        }
    };
    let columns: Vec<ColumnInfo> =
        dispatch!(connection, |c| diesel::sql_query(query).bind::<Text, _>(table).load(c))?;
    let mut key: Vec<&ColumnInfo> = columns.iter().filter(|column| column.place > 0).collect();
    key.sort_by_key(|column| column.place);
    let integers = ["INTEGER", "BIGINT", "INT", "SMALLINT"];
    Ok(TableColumns {
        integer_key: key
            .iter()
            .all(|column| integers.iter().any(|of| column.kind.eq_ignore_ascii_case(of))),
        key: key.into_iter().map(|column| column.name.clone()).collect(),
        columns: columns.into_iter().map(|column| column.name).collect(),
    })
}

fn greatest_key(connection: &mut DbConnection, table: &str, key: &str) -> Result<Option<i64>> {
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

/// Hash of each value of a row, and whether the value is not NULL.
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

/// Hashes a value with its type, which SQLite stores with each value: 1, 1.0 and '1' differ.
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
) -> Result<(i64, Vec<ColumnChecksum>)> {
    let keys = columns_of.key.iter().map(|key| format!("{} AS key", quoted(key)));
    let values = columns_of.columns.iter().map(|c| format!("{} AS value", quoted(c)));
    let list: Vec<String> = keys.chain(values).collect();
    let query = format!("SELECT {} FROM {table}{condition}", list.join(", "));
    let (mut rows, mut checksums) = (0, vec![ColumnChecksum::default(); columns_of.columns.len()]);
    for row in diesel::sql_query(query).load_iter::<RowHashes, _>(connection)? {
        rows += 1;
        for (checksum, (hash, present)) in checksums.iter_mut().zip(row?.0) {
            checksum.sum += i128::from(hash);
            checksum.present += i64::from(present);
        }
    }
    Ok((rows, checksums))
}

/// Lets the server compute the sums, so that no row is sent to the client.
#[cfg(feature = "postgres")]
fn sums_on_server(
    connection: &mut DbConnection,
    table: &str,
    columns_of: &TableColumns,
    condition: &str,
) -> Result<(i64, Vec<ColumnChecksum>)> {
    #[derive(QueryableByName)]
    struct Sums {
        #[diesel(sql_type = BigInt)]
        rows: i64,
        #[diesel(sql_type = Text)]
        sums: String,
    }
    let literals = |names: &[String]| -> Vec<String> {
        names.iter().map(|name| format!("pg_catalog.format('%L', {})", quoted(name))).collect()
    };
    let key = literals(&columns_of.key).join(", ',', ");
    let key = if key.is_empty() { "''".to_owned() } else { key };
    let mut sums: Vec<String> = literals(&columns_of.columns)
        .iter()
        .zip(&columns_of.columns)
        .map(|(value, column)| {
            format!(
                "coalesce(sum(hashtextextended(pg_catalog.concat({key}, '=', {value}), 0::int8)::numeric), 0),
                 pg_catalog.count({})",
                quoted(column)
            )
        })
        .collect();
    // A table may have no column at all.
    sums.push("''".into());
    let query = format!(
        "SELECT count(*) AS rows, pg_catalog.concat_ws(' ', {}) AS sums FROM {table}{condition}",
        sums.join(", ")
    );
    let found: Sums = dispatch!(connection, |c| diesel::sql_query(&query).get_result(c))?;
    let wrong = || Error::Internal(format!("the server's digest cannot be read: {}", found.sums));
    let mut words = found.sums.split_whitespace();
    let mut checksums = Vec::new();
    while let (Some(sum), Some(present)) = (words.next(), words.next()) {
        let sum = sum.parse().map_err(|_| wrong())?;
        checksums.push(ColumnChecksum { sum, present: present.parse().map_err(|_| wrong())? });
    }
    if checksums.len() == columns_of.columns.len() {
        Ok((found.rows, checksums))
    } else {
        Err(wrong())
    }
}

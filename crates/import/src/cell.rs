//! Values of any storage class: SQLite accepts each in any column, whatever type the column declares.

use diesel::deserialize::{self, QueryableByName};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::row::{Field, NamedRow, Row};
use diesel::sql_types::{BigInt, Binary, Double, Nullable, Text, Untyped};
use diesel::sqlite::{Sqlite, SqliteType};
use rusqlite::types::ValueRef;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// Value of a column in a row.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Cell {
    Null,
    Integer(i64),
    Real(f64),
    Text(String),
    /// Text that is not valid UTF-8.
    BadText(Vec<u8>),
    Blob(Vec<u8>),
}

impl Cell {
    pub(super) fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    pub(super) fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn as_integer(&self) -> Option<i64> {
        match self {
            Self::Integer(number) => Some(*number),
            _ => None,
        }
    }

    /// Number of bytes that the value has on the heap.
    pub(super) fn heap_size(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::BadText(bytes) | Self::Blob(bytes) => bytes.len(),
            _ => 0,
        }
    }

    /// Returns the value as JSON. A value that JSON cannot represent is an object that names its kind.
    pub(super) fn to_json(&self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Integer(number) => json!(number),
            Self::Real(number) if number.is_finite() => json!(number),
            Self::Real(number) => json!({ "real": number.to_string() }),
            Self::Text(text) => json!(text),
            Self::BadText(bytes) => json!({ "text_hex": hex(bytes) }),
            Self::Blob(bytes) => json!({ "blob_hex": hex(bytes) }),
        }
    }

    /// Adds the storage class, the length and the bytes of the value to a digest.
    pub(super) fn digest(&self, digest: &mut Sha256) {
        let mut head = [0_u8; 9];
        let (kind, bytes): (u8, &[u8]) = match self {
            Self::Null => (0, &[]),
            Self::Integer(number) => (1, &number.to_be_bytes()),
            Self::Real(number) => (2, &number.to_bits().to_be_bytes()),
            Self::Text(text) => (3, text.as_bytes()),
            Self::BadText(bytes) => (3, bytes),
            Self::Blob(bytes) => (4, bytes),
        };
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let (first, rest) = head.split_at_mut(1);
        first.copy_from_slice(&[kind]);
        rest.copy_from_slice(&length.to_be_bytes());
        digest.update(head);
        digest.update(bytes);
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;

    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a String does not fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Row of any query. The first column is the rowid, the others are values.
#[derive(Debug)]
pub(super) struct AnyRow {
    pub(super) rowid: i64,
    pub(super) cells: Vec<Cell>,
}

impl AnyRow {
    /// Reads a row of the former database.
    pub(super) fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        let rowid = row.get(0)?;
        let mut cells = Vec::with_capacity(row.as_ref().column_count());
        for index in 1..row.as_ref().column_count() {
            cells.push(match row.get_ref(index)? {
                ValueRef::Null => Cell::Null,
                ValueRef::Integer(number) => Cell::Integer(number),
                ValueRef::Real(number) => Cell::Real(number),
                ValueRef::Text(bytes) => match std::str::from_utf8(bytes) {
                    Ok(text) => Cell::Text(text.to_owned()),
                    Err(_) => Cell::BadText(bytes.to_vec()),
                },
                ValueRef::Blob(bytes) => Cell::Blob(bytes.to_vec()),
            });
        }
        Ok(Self { rowid, cells })
    }

    /// Number of bytes that its values have on the heap.
    pub(super) fn size(&self) -> usize {
        self.cells.iter().map(Cell::heap_size).sum()
    }
}

impl QueryableByName<Sqlite> for AnyRow {
    fn build<'a>(row: &impl NamedRow<'a, Sqlite>) -> deserialize::Result<Self> {
        let count = row.field_count();
        let mut cells = Vec::with_capacity(count);
        let mut rowid = 0;
        for index in 0..count {
            let field = Row::get(row, index).ok_or("a row has fewer values than columns")?;
            let cell = match field.value() {
                None => Cell::Null,
                Some(mut value) => match value.value_type() {
                    None => Cell::Null,
                    Some(SqliteType::Text) => {
                        let text = value.read_text();
                        // Diesel replaces invalid UTF-8 by this character.
                        if text.contains('\u{FFFD}') {
                            match std::str::from_utf8(value.read_blob()) {
                                Ok(text) => Cell::Text(text.to_owned()),
                                Err(_) => Cell::BadText(value.read_blob().to_vec()),
                            }
                        } else {
                            Cell::Text(text.to_owned())
                        }
                    }
                    Some(SqliteType::Binary) => Cell::Blob(value.read_blob().to_vec()),
                    Some(SqliteType::Float | SqliteType::Double) => Cell::Real(value.read_double()),
                    Some(_) => Cell::Integer(value.read_long()),
                },
            };
            if index == 0 {
                rowid = cell.as_integer().ok_or("a rowid is not an integer")?;
            } else {
                cells.push(cell);
            }
        }
        Ok(Self { rowid, cells })
    }
}

/// Statement with a bound value of any type between each two parts of its text. It is prepared once
/// for each text and combination of types.
#[derive(Debug)]
pub(super) struct Statement<'a> {
    parts: &'a [String],
    cells: &'a [Cell],
    /// For each value whether its column holds numbers. A NULL is bound as such a type, so that it does
    /// not need another prepared statement.
    numbers: &'a [bool],
}

impl<'a> Statement<'a> {
    pub(super) const fn new(parts: &'a [String], cells: &'a [Cell], numbers: &'a [bool]) -> Self {
        Self { parts, cells, numbers }
    }
}

/// Returns the parts of a statement that ends with `count` values in parentheses.
pub(super) fn with_values(head: &str, count: usize) -> Vec<String> {
    let mut parts = vec![format!("{head} (")];
    parts.extend((1..count).map(|_| ", ".to_owned()));
    parts.push(")".to_owned());
    parts
}

impl Query for Statement<'_> {
    type SqlType = Untyped;
}

impl QueryId for Statement<'_> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl QueryFragment<Sqlite> for Statement<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        let mut parts = self.parts.iter();
        out.push_sql(parts.next().map_or("", String::as_str));
        for (index, (part, cell)) in parts.zip(self.cells).enumerate() {
            match cell {
                Cell::Null if self.numbers.get(index) == Some(&true) => {
                    out.push_bind_param::<Nullable<BigInt>, Option<i64>>(&None)?;
                }
                Cell::Null => out.push_bind_param::<Nullable<Text>, Option<String>>(&None)?,
                Cell::Integer(number) => out.push_bind_param::<BigInt, i64>(number)?,
                Cell::Real(number) => out.push_bind_param::<Double, f64>(number)?,
                Cell::Text(text) => out.push_bind_param::<Text, str>(text)?,
                Cell::BadText(bytes) | Cell::Blob(bytes) => {
                    out.push_bind_param::<Binary, [u8]>(bytes)?;
                }
            }
            out.push_sql(part);
        }
        Ok(())
    }

    fn is_safe_to_cache_prepared(&self, _: &Sqlite) -> QueryResult<bool> {
        Ok(true)
    }
}

impl RunQueryDsl<SqliteConnection> for Statement<'_> {}

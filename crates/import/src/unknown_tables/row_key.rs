//! Identification of a row of a former table.

use rusqlite::Connection;
use zenith_db::internal::catalog::{column_list, is_one_of, literal};

use crate::error::Result;
use crate::guarded::{columns, names};
use crate::tables::is_known;

/// Value that identifies a row of a former table.
#[derive(Clone, Debug)]
pub(crate) enum RowKey {
    /// A column with a number: `id` in a known table, otherwise SQLite's rowid, by a name that no
    /// column has.
    Number(&'static str),
    /// The position of the row in the order of these columns: the primary key of a `WITHOUT ROWID`
    /// table.
    Position(Vec<String>),
    /// The table has a rowid, but columns have all of its names.
    Hidden,
}

impl RowKey {
    /// Returns the key of a table.
    pub(crate) fn of(connection: &Connection, table: &str) -> Result<Self> {
        if is_known(table) {
            return Ok(Self::Number("id"));
        }
        let of = literal(table);
        // Only a `WITHOUT ROWID` table has an index for its primary key that is the table itself.
        let primary_key = format!(
            "SELECT x.name FROM temp.pragma_index_list({of}) AS i, temp.pragma_table_xinfo({of}) AS x
             WHERE i.origin = 'pk' AND x.pk > 0
                 AND NOT EXISTS (SELECT 1 FROM sqlite_schema AS s WHERE s.name = i.name)
             ORDER BY x.pk"
        );
        let key = names(connection, &primary_key)?;
        if !key.is_empty() {
            return Ok(Self::Position(key));
        }
        let columns: Vec<String> =
            columns(connection, table)?.into_iter().map(|column| column.name).collect();
        let free =
            ["rowid", "_rowid_", "oid"].into_iter().find(|number| !is_one_of(number, &columns));
        Ok(free.map_or(Self::Hidden, Self::Number))
    }

    /// Returns the expression that selects the key.
    pub(crate) fn expression(&self) -> String {
        match self {
            Self::Number(name) => (*name).to_owned(),
            Self::Position(key) => format!("row_number() OVER (ORDER BY {})", column_list(key)),
            // No row is ever identified by it: see `references`.
            Self::Hidden => "0".into(),
        }
    }
}

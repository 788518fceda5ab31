//! Foreign keys of the preserved tables.

use rusqlite::Connection;
use zenith_db::internal::catalog::{literal, quoted};

use super::preserved::{PreservedTable, UnknownTables};
use super::row_key::RowKey;
use crate::cell::{AnyRow, Cell};
use crate::error::Result;
use crate::guarded::Rows;
use crate::tables::TABLES;

/// Foreign key of a table in the new database.
pub(super) struct Reference {
    /// Index of the table in [`UnknownTables::tables`].
    pub(super) child: usize,
    /// Name of the table that it refers to.
    pub(super) parent: String,
    /// Columns of the table, each with the column of the parent that it refers to.
    columns: Vec<(String, String)>,
}

/// Returns the foreign keys of all preserved tables, in their order.
pub(super) fn references(
    connection: &Connection,
    unknown: &UnknownTables,
) -> Result<Vec<Reference>> {
    let mut all = Vec::new();
    for (child, table) in unknown.tables.iter().enumerate() {
        let query = format!(
            "SELECT f.id, f.\"table\", f.\"from\", coalesce(f.\"to\",
                 (SELECT name FROM temp.pragma_table_xinfo(f.\"table\", 'main') WHERE pk = f.seq + 1), '')
             FROM temp.pragma_foreign_key_list({}, 'main') AS f ORDER BY f.id, f.seq",
            literal(&table.to)
        );
        let mut found: Vec<(i64, Reference)> = Vec::new();
        for AnyRow { rowid: id, cells } in connection.all_rows(&table.from, &query)? {
            let mut texts = cells.iter().map(|cell| cell.as_text().unwrap_or_default().to_owned());
            let mut next = || texts.next().unwrap_or_default();
            let (parent, column) = (next(), (next(), next()));
            match found.last_mut() {
                Some((last, reference)) if *last == id => reference.columns.push(column),
                _ => found.push((id, Reference { child, parent, columns: vec![column] })),
            }
        }
        all.extend(found.into_iter().map(|(_, reference)| reference));
    }
    Ok(all)
}

impl Reference {
    /// Returns the names of the columns: those of the table for side 0, those of the parent for 1.
    pub(super) fn names(&self, side: usize) -> String {
        let names = self.columns.iter().map(|(own, theirs)| if side == 0 { own } else { theirs });
        names.map(String::as_str).collect::<Vec<_>>().join(", ")
    }

    /// Returns the condition that row `c` refers to row `p`. SQLite compares them by the affinity and
    /// the collation of the parent's column.
    fn refers(&self) -> String {
        let pairs = self.columns.iter();
        let pairs = pairs.map(|(own, theirs)| format!("p.{} = +c.{}", quoted(theirs), quoted(own)));
        pairs.collect::<Vec<_>>().join(" AND ")
    }

    /// Returns the keys of the rows that refer to no row, each with whether the row that it refers to
    /// was copied, but with another value in the column that it refers to.
    pub(super) fn dangling(
        &self,
        connection: &Connection,
        unknown: &UnknownTables,
        tables: &[String],
    ) -> Result<Vec<(i64, bool)>> {
        let Some(table) = unknown.tables.get(self.child) else { return Ok(Vec::new()) };
        let mut all: Vec<String> =
            self.columns.iter().map(|(own, _)| format!("c.{} IS NOT NULL", quoted(own))).collect();
        if tables.iter().any(|name| name.eq_ignore_ascii_case(&self.parent)) {
            let (parent, refers) = (quoted(&self.parent), self.refers());
            all.push(format!("NOT EXISTS (SELECT 1 FROM main.{parent} AS p WHERE {refers})"));
        }
        let query = format!(
            "SELECT c.\" key\", {} FROM {} AS c WHERE {} ORDER BY 1",
            self.rewritten(unknown),
            identified(table),
            all.join(" AND ")
        );
        let rows = connection.all_rows(&table.from, &query)?.into_iter();
        Ok(rows.map(|row| (row.rowid, row.cells.first() == Some(&Cell::Integer(1)))).collect())
    }

    /// Returns the keys of all rows of the parent, each with that of a row that refers to it, sorted.
    pub(super) fn links(
        &self,
        connection: &Connection,
        unknown: &UnknownTables,
        parent: &PreservedTable,
    ) -> Result<Vec<(i64, i64)>> {
        let Some(table) = unknown.tables.get(self.child) else { return Ok(Vec::new()) };
        // In this order the rows of the parent are found by its unique index.
        let query = format!(
            "SELECT p.\" key\", c.\" key\" FROM {} AS c CROSS JOIN {} AS p WHERE {}",
            identified(table),
            identified(parent),
            self.refers()
        );
        let mut links = Vec::new();
        connection.each_row(&table.from, &query, |row| {
            let child = row.cells.first().and_then(Cell::as_integer).unwrap_or_default();
            links.push((row.rowid, child));
            Ok(())
        })?;
        links.sort_unstable();
        Ok(links)
    }

    fn rewritten(&self, unknown: &UnknownTables) -> String {
        let known = TABLES.iter().find(|known| known.name.eq_ignore_ascii_case(&self.parent));
        match known.filter(|_| !unknown.tables.iter().any(|table| table.to == self.parent)) {
            Some(known) => format!(
                "EXISTS (SELECT 1 FROM legacy.{0} AS p JOIN main.{0} AS n ON n.id = p.id WHERE {1})",
                known.name,
                self.refers()
            ),
            None => "0".into(),
        }
    }
}

/// Returns a table with the keys of its rows, in the column ` key`.
fn identified(table: &PreservedTable) -> String {
    let key = match &table.key {
        RowKey::Hidden => "0".to_owned(),
        key => key.expression(),
    };
    format!("(SELECT {key} AS \" key\", * FROM main.{})", quoted(&table.to))
}

//! References of the preserved tables. A row whose reference leads to no row is deleted.

use diesel::prelude::*;
use zenith_db::internal::catalog::{is_one_of, literal, quoted, sqlite_tables};

use super::preserved::{PreservedTable, UnknownTables, cannot_preserve};
use super::row_key::RowKey;
use crate::cell::{AnyRow, Cell};
use crate::error::Result;
use crate::report::RejectedRow;
use crate::tables::TABLES;

/// Deletes rows whose references lead to no row, until none is left. The former database is attached
/// as `legacy`.
pub(super) fn delete_dangling_rows(
    connection: &mut SqliteConnection,
    unknown: &UnknownTables,
    rejected: &mut Vec<RejectedRow>,
) -> Result<()> {
    loop {
        let before = rejected.len();
        for table in &unknown.tables {
            for reference in references(connection, &table.to)? {
                reference.delete_dangling_rows(connection, table, unknown, rejected)?;
            }
        }
        if rejected.len() == before {
            return Ok(());
        }
    }
}

/// Foreign key of a table in the new database.
struct Reference {
    /// Name of the table that it refers to.
    parent: String,
    /// Columns of the table, each with the column of the parent that it refers to.
    columns: Vec<(String, String)>,
}

fn references(connection: &mut SqliteConnection, table: &str) -> Result<Vec<Reference>> {
    let query = format!(
        "SELECT f.id, f.\"table\", f.\"from\", coalesce(f.\"to\",
             (SELECT name FROM pragma_table_xinfo(f.\"table\", 'main') WHERE pk = f.seq + 1), '')
         FROM pragma_foreign_key_list({}, 'main') AS f ORDER BY f.id, f.seq",
        literal(table)
    );
    let rows: Vec<AnyRow> = diesel::sql_query(query).load(connection)?;
    let mut found: Vec<(i64, Reference)> = Vec::new();
    for AnyRow { rowid: id, cells } in rows {
        let mut texts = cells.iter().map(|cell| cell.as_text().unwrap_or_default().to_owned());
        let mut next = || texts.next().unwrap_or_default();
        let (parent, column) = (next(), (next(), next()));
        match found.last_mut() {
            Some((last, reference)) if *last == id => reference.columns.push(column),
            _ => found.push((id, Reference { parent, columns: vec![column] })),
        }
    }
    Ok(found.into_iter().map(|(_, reference)| reference).collect())
}

impl Reference {
    fn delete_dangling_rows(
        &self,
        connection: &mut SqliteConnection,
        table: &PreservedTable,
        unknown: &UnknownTables,
        rejected: &mut Vec<RejectedRow>,
    ) -> Result<()> {
        let dangling = self.dangling(connection)?;
        let rewritten = self.rewritten(unknown);
        let (from, to) = (quoted(&table.from), quoted(&table.to));
        let query = match &table.key {
            RowKey::Number(number) => {
                format!(
                    "SELECT c.{number}, {rewritten} FROM main.{to} AS c WHERE {dangling} ORDER BY 1"
                )
            }
            RowKey::Position(key) => {
                let same = key.iter().map(|name| quoted(name));
                let same: Vec<String> = same.map(|name| format!("c.{name} = f.{name}")).collect();
                format!(
                    "SELECT f.\" position\", {rewritten}
                     FROM (SELECT {} AS \" position\", * FROM legacy.{from}) AS f
                     JOIN main.{to} AS c ON {} WHERE {dangling} ORDER BY 1",
                    table.key.expression(),
                    same.join(" AND ")
                )
            }
            RowKey::Hidden => format!("SELECT 0, 0 FROM main.{to} AS c WHERE {dangling} LIMIT 1"),
        };
        let rows: Vec<AnyRow> = diesel::sql_query(query).load(connection)?;
        if rows.is_empty() {
            return Ok(());
        }
        let preserved = unknown.tables.iter().find(|p| p.to.eq_ignore_ascii_case(&self.parent));
        let parent = preserved.map_or(&self.parent, |preserved| &preserved.from);
        let [own, theirs] = [0, 1].map(|side| self.names(side));
        if matches!(table.key, RowKey::Hidden) {
            let reason = format!(
                "a row refers to a row of {parent} that does not exist, and cannot be identified, \
                 because columns are called rowid, _rowid_ and oid (rename one of them)"
            );
            return Err(cannot_preserve(&table.from, &reason));
        }
        for AnyRow { rowid, cells } in rows {
            let reason = if cells.first() == Some(&Cell::Integer(1)) {
                format!("refers to the old form of {parent}.{theirs}; the new form is canonical")
            } else {
                format!("refers to a row of {parent} that does not exist")
            };
            rejected.push(RejectedRow::new(&table.from, rowid, &own, reason));
        }
        diesel::sql_query(format!("DELETE FROM main.{to} AS c WHERE {dangling}"))
            .execute(connection)?;
        Ok(())
    }

    fn names(&self, side: usize) -> String {
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

    /// Returns the condition that row `c` refers to a row that does not exist.
    fn dangling(&self, connection: &mut SqliteConnection) -> Result<String> {
        let mut all: Vec<String> =
            self.columns.iter().map(|(own, _)| format!("c.{} IS NOT NULL", quoted(own))).collect();
        if is_one_of(&self.parent, &sqlite_tables(connection)?) {
            let (parent, refers) = (quoted(&self.parent), self.refers());
            all.push(format!("NOT EXISTS (SELECT 1 FROM main.{parent} AS p WHERE {refers})"));
        }
        Ok(all.join(" AND "))
    }

    /// Returns the condition that the row that `c` refers to was copied, but with another value in the
    /// column that `c` refers to.
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

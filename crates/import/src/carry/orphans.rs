//! The references of carried tables: who refers to a row that is not there any more goes as well.

use diesel::prelude::*;
use zenith_db::Error;
use zenith_db::internal::catalog::quoted;
use zenith_db::internal::catalog::{literal, names};

use super::super::cell::{AnyRow, Cell};
use super::super::error::{AdoptionError, Result};
use super::super::report::BrokenRow;
use super::super::tables::TABLES;
use super::{Cargo, Carried, Key, cannot};

const NO_REFERENCE: &str = "a reference must lead to columns that are unique in the new schema too, \
                            or nothing can be written on either side: make the table again without \
                            it";

/// The migrations see every reference: one of a carried table that SQLite cannot follow is named.
pub(crate) fn explain(error: Error, cargo: &Cargo) -> AdoptionError {
    let Error::Query(cause) = &error else { return error.into() };
    let said = cause.to_string();
    let blamed = cargo.tables.iter().find(|table| {
        said.starts_with(&format!("foreign key mismatch - \"{}\" referencing ", table.to))
    });
    match blamed {
        Some(table) => cannot(&table.from, &format!("{said} ({NO_REFERENCE})")),
        None => error.into(),
    }
}

/// Takes the rows away that refer to a row that is not there, until there is none. The former database
/// is attached.
pub(super) fn take_out(
    connection: &mut SqliteConnection,
    cargo: &Cargo,
    broken: &mut Vec<BrokenRow>,
) -> Result<()> {
    loop {
        let before = broken.len();
        for table in &cargo.tables {
            for reference in references(connection, &table.to)? {
                reference.take_out(connection, table, cargo, broken)?;
            }
        }
        if broken.len() == before {
            return Ok(());
        }
    }
}

/// A reference of a table in the new database.
struct Reference {
    parent: String,
    /// The table's own columns, each with the one that it refers to.
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
    fn take_out(
        &self,
        connection: &mut SqliteConnection,
        table: &Carried,
        cargo: &Cargo,
        broken: &mut Vec<BrokenRow>,
    ) -> Result<()> {
        let orphan = self.orphan(connection)?;
        let rewritten = self.rewritten(cargo);
        let (from, to) = (quoted(&table.from), quoted(&table.to));
        let query = match &table.key {
            Key::Number(number) => {
                format!(
                    "SELECT c.{number}, {rewritten} FROM main.{to} AS c WHERE {orphan} ORDER BY 1"
                )
            }
            Key::Place(key) => {
                let same = key.iter().map(|name| quoted(name));
                let same: Vec<String> = same.map(|name| format!("c.{name} = f.{name}")).collect();
                format!(
                    "SELECT f.\" place\", {rewritten}
                     FROM (SELECT {} AS \" place\", * FROM former.{from}) AS f
                     JOIN main.{to} AS c ON {} WHERE {orphan} ORDER BY 1",
                    table.key.expression(),
                    same.join(" AND ")
                )
            }
            Key::Hidden => format!("SELECT 0, 0 FROM main.{to} AS c WHERE {orphan} LIMIT 1"),
        };
        let rows: Vec<AnyRow> = diesel::sql_query(query).load(connection)?;
        if rows.is_empty() {
            return Ok(());
        }
        let carried = cargo.tables.iter().find(|c| c.to.eq_ignore_ascii_case(&self.parent));
        let parent = carried.map_or(&self.parent, |carried| &carried.from);
        let [own, theirs] = [0, 1].map(|side| self.names(side));
        if matches!(table.key, Key::Hidden) {
            let reason = format!(
                "a row refers to a row of {parent} that is not there, and cannot be named, because \
                 columns are called rowid, _rowid_ and oid (rename one of them)"
            );
            return Err(cannot(&table.from, &reason));
        }
        for AnyRow { rowid, cells } in rows {
            let reason = if cells.first() == Some(&Cell::Integer(1)) {
                format!(
                    "refers to {parent}.{theirs} as it was before it was written in its one form"
                )
            } else {
                format!("refers to a row of {parent} that is not there")
            };
            broken.push(BrokenRow::new(&table.from, rowid, &own, reason));
        }
        diesel::sql_query(format!("DELETE FROM main.{to} AS c WHERE {orphan}"))
            .execute(connection)?;
        Ok(())
    }

    fn names(&self, side: usize) -> String {
        let names = self.columns.iter().map(|(own, theirs)| if side == 0 { own } else { theirs });
        names.map(String::as_str).collect::<Vec<_>>().join(", ")
    }

    /// What is true of the parent `p` of a row `c`, compared as SQLite compares them: by the type and
    /// the collation of the parent's column.
    fn refers(&self) -> String {
        let pairs = self.columns.iter();
        let pairs = pairs.map(|(own, theirs)| format!("p.{} = +c.{}", quoted(theirs), quoted(own)));
        pairs.collect::<Vec<_>>().join(" AND ")
    }

    /// What is true of a row `c` that refers to nothing.
    fn orphan(&self, connection: &mut SqliteConnection) -> Result<String> {
        let mut all: Vec<String> =
            self.columns.iter().map(|(own, _)| format!("c.{} IS NOT NULL", quoted(own))).collect();
        let parents = format!(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name = {} COLLATE NOCASE",
            literal(&self.parent)
        );
        if !names(connection, &parents)?.is_empty() {
            let (parent, refers) = (quoted(&self.parent), self.refers());
            all.push(format!("NOT EXISTS (SELECT 1 FROM main.{parent} AS p WHERE {refers})"));
        }
        Ok(all.join(" AND "))
    }

    /// Whether the row that `c` refers to is there, but its value was changed by the rules.
    fn rewritten(&self, cargo: &Cargo) -> String {
        let known = TABLES.iter().find(|known| known.name.eq_ignore_ascii_case(&self.parent));
        match known.filter(|_| !cargo.tables.iter().any(|c| c.to == self.parent)) {
            Some(known) => format!(
                "EXISTS (SELECT 1 FROM former.{0} AS p JOIN main.{0} AS n ON n.id = p.id WHERE {1})",
                known.name,
                self.refers()
            ),
            None => "0".into(),
        }
    }
}

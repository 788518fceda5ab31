//! Inserts into a known table of the new database.

use diesel::prelude::*;
use zenith_db::{Error, Rule, Violation};

use super::audit::Chain;
use super::cell::{AnyRow, Cell, Statement, with_values};
use super::column_map::{ColumnMap, NewRow, Rejection};
use super::error::Result;
use super::overflow_values;
use super::tables::AUDIT_LOG;

/// Inserts rows into one table.
pub(super) struct TableWriter<'a> {
    pub(super) connection: &'a mut SqliteConnection,
    map: &'a ColumnMap,
    insert: Vec<String>,
    /// For each column whether it holds numbers.
    numbers: Vec<bool>,
    /// Hash chain, if the table is the audit log.
    chain: Option<Chain>,
}

impl<'a> TableWriter<'a> {
    pub(super) fn new(connection: &'a mut SqliteConnection, map: &'a ColumnMap) -> Result<Self> {
        let table = map.table;
        let names: Vec<&str> = table.columns.iter().map(|column| column.name).collect();
        let head = format!("INSERT INTO {} ({}) VALUES", table.name, names.join(", "));
        let insert = with_values(&head, names.len());
        let chain = if table.name == AUDIT_LOG { Some(Chain::new(connection)?) } else { None };
        let numbers = table.columns.iter().map(|column| column.rule.makes_numbers()).collect();
        Ok(Self { connection, map, insert, numbers, chain })
    }

    /// Inserts a row. The inner result says which rule of the new schema it breaks; any other failure
    /// is an error.
    pub(super) fn write(&mut self, rowid: i64, row: &NewRow) -> Result<Result<(), Rejection>> {
        let written = match &mut self.chain {
            Some(chain) => chain.append(self.connection, &row.cells)?,
            None => Statement::new(&self.insert, &row.cells, &self.numbers)
                .execute(self.connection)
                .map(drop),
        };
        if let Err(error) = written {
            let violation = Violation::of(error).map_err(Error::Query)?;
            return self.explain(&violation, row).map(Err);
        }
        for (column, cell) in &row.overflow {
            overflow_values::insert(self.connection, self.map.table.name, rowid, column, cell)?;
        }
        Ok(Ok(()))
    }

    /// Names the rule, and for a duplicate the row that already has the value.
    fn explain(&mut self, violation: &Violation, row: &NewRow) -> Result<Rejection> {
        let table = self.map.table;
        let index = |name: &str| table.columns.iter().position(|column| column.name == name);
        let named: Vec<usize> = violation.columns().iter().filter_map(|name| index(name)).collect();
        let column = named.first().and_then(|index| table.columns.get(*index));
        let mut reason = violation.to_string();
        if violation.rule() == Rule::Duplicate && !named.is_empty() {
            let cells: Vec<Cell> =
                named.iter().filter_map(|index| row.cells.get(*index).cloned()).collect();
            let columns = violation.columns().join(", ");
            let head = format!("SELECT id AS rowid FROM {} WHERE ({columns}) =", table.name);
            let parts = with_values(&head, cells.len());
            let query = Statement::new(&parts, &cells, &[]);
            let first: Option<AnyRow> = query.get_result(self.connection).optional()?;
            if let Some(first) = first {
                reason = format!("{reason}: row {}", first.rowid);
            }
        }
        Ok(Rejection { column: column.map_or("", |column| column.source), reason })
    }
}

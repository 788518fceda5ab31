//! Insertion of many rows, by statements that are prepared once.

use diesel::backend::Backend;
use diesel::connection::Connection;
use diesel::insertable::InsertValues;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};

/// Number of rows of a full statement; more were not measurably faster. SQLite allows 32,766 values in a statement, and
/// PostgreSQL 65,535: 511 for each row.
const FULL: usize = 64;

/// Of the rows that do not fill a statement, as many as are a multiple of this are one statement, and what is
/// left is another: there are fourteen such statements, not sixty-three.
const STEP: usize = 8;

/// Inserts a row for each of `values`, in their order, and returns the number of rows. `row` returns what
/// to insert: `Insertable::values(…).values`. It takes several statements, so that the caller must be in a
/// transaction or savepoint.
///
/// Diesel prepares an INSERT of several rows each time, which is much of its cost. Here the connection keeps the
/// statements: of each table at most fifteen, to which one call adds at most three.
pub(in crate::models) fn insert_rows<'a, C, Tab, T, Row>(
    connection: &mut C,
    table: Tab,
    values: &'a [T],
    row: impl Fn(&'a T) -> Row,
) -> QueryResult<usize>
where
    C: Connection,
    Tab: Table + QueryFragment<C::Backend> + QueryId + Copy,
    Row: InsertValues<C::Backend, Tab> + QueryId,
{
    // Otherwise two rows of this type may have different columns.
    const { assert!(Row::HAS_STATIC_QUERY_ID, "the form needs treat_none_as_default_value = false") };
    let rows = |values: &'a [T]| values.iter().map(&row).collect();
    let mut inserted = 0;
    let (full, rest) = values.as_chunks::<FULL>();
    for values in full {
        inserted += Insert::<_, _, true> { table, rows: rows(values) }.execute(connection)?;
    }
    let (steps, rest) = rest.split_at(rest.len() / STEP * STEP);
    for values in [steps, rest] {
        if !values.is_empty() {
            inserted += Insert::<_, _, false> { table, rows: rows(values) }.execute(connection)?;
        }
    }
    Ok(inserted)
}

/// Statement that inserts rows with the same columns. `IS_FULL`: there are [`FULL`] of them.
struct Insert<Tab, Row, const IS_FULL: bool> {
    table: Tab,
    rows: Vec<Row>,
}

impl<Tab: QueryId, Row: QueryId, const IS_FULL: bool> QueryId for Insert<Tab, Row, IS_FULL> {
    type QueryId = Insert<Tab::QueryId, Row::QueryId, IS_FULL>;
    // The text of a full statement depends on its type alone, and is not even built again. That of another
    // depends on the number of rows, and is the key of the cache.
    const HAS_STATIC_QUERY_ID: bool = IS_FULL;
}

impl<Tab, Row, Connection, const IS_FULL: bool> RunQueryDsl<Connection>
    for Insert<Tab, Row, IS_FULL>
{
}

impl<Tab, Row, DB, const IS_FULL: bool> QueryFragment<DB> for Insert<Tab, Row, IS_FULL>
where
    DB: Backend,
    Tab: Table + QueryFragment<DB>,
    Row: InsertValues<DB, Tab>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        out.push_sql("INSERT INTO ");
        self.table.walk_ast(out.reborrow())?;
        for (place, row) in self.rows.iter().enumerate() {
            if place == 0 {
                out.push_sql(" (");
                row.column_names(out.reborrow())?;
                out.push_sql(") VALUES (");
            } else {
                out.push_sql("), (");
            }
            row.walk_ast(out.reborrow())?;
        }
        out.push_sql(")");
        Ok(())
    }
}

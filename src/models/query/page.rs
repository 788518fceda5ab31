//! Keyset pagination: a page begins after the last row of the previous one, so that inserting rows
//! meanwhile does not make a page repeat or omit a row, and the thousandth page costs as much as the
//! first.

use diesel::backend::Backend;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use serde::{Deserialize, Serialize};

use super::cursor::{Cursor, Paged};

/// Number of rows of a page: 1 to 500, 50 by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PageSize(u32);

impl PageSize {
    /// Maximum number of rows of a page, so that a client cannot choose the cost of a page.
    pub const MAX: u32 = 500;

    /// Returns a page size of this many rows. 0 counts as 1, and more than [`PageSize::MAX`] as
    /// that maximum.
    #[must_use]
    pub fn of(rows: u32) -> Self {
        Self(rows.clamp(1, Self::MAX))
    }

    /// Returns the number of rows.
    #[must_use]
    pub const fn rows(self) -> u32 {
        self.0
    }

    /// Returns the number of rows to fetch: one more shows whether there is a next page.
    pub(in crate::models) const fn rows_to_fetch(self) -> u32 {
        self.0 + 1
    }
}

impl Default for PageSize {
    fn default() -> Self {
        Self(50)
    }
}

/// Page of rows, with the cursor of the next page.
///
/// `Row` is the type of the rows in the database; [`Page::map`] makes a page of something else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound(serialize = "T: Serialize", deserialize = "T: Deserialize<'de>"))]
pub struct Page<T, Row: Paged = T> {
    /// Rows in the order of the query.
    pub rows: Vec<T>,
    /// Place of the next page; `None` if this is the last page.
    pub next: Option<Cursor<Row>>,
}

impl<T: Paged> Page<T> {
    /// Makes a page of `rows`, which were fetched with [`PageSize::rows_to_fetch`].
    pub(in crate::models) fn of(mut rows: Vec<T>, size: PageSize) -> Self {
        let length = usize::try_from(size.rows()).unwrap_or(usize::MAX);
        let more = rows.len() > length;
        rows.truncate(length);
        let next = rows.last().filter(|_| more).map(Cursor::after);
        Self { rows, next }
    }
}

impl<T, Row: Paged> Page<T, Row> {
    /// Returns the page with each row replaced, such as by what a web service shows of it.
    #[must_use]
    pub fn map<U>(self, change: impl FnMut(T) -> U) -> Page<U, Row> {
        Page { rows: self.rows.into_iter().map(change).collect(), next: self.next }
    }
}

/// Query with its LIMIT written into the text.
///
/// Diesel binds the limit, and SQLite prepares a statement again whenever a bound LIMIT changes:
/// half of the cost of a page. Each of the usual sizes has a prepared statement.
#[derive(Clone, Copy, Debug)]
pub(in crate::models) struct LimitedQuery<Q> {
    query: Q,
    rows: u32,
}

pub(in crate::models) trait LiteralLimit: Sized {
    /// Limits the query to this many rows.
    fn literal_limit(self, rows: u32) -> LimitedQuery<Self>;
}

impl<Q: Query> LiteralLimit for Q {
    fn literal_limit(self, rows: u32) -> LimitedQuery<Self> {
        LimitedQuery { query: self, rows }
    }
}

impl<Q: Query> Query for LimitedQuery<Q> {
    type SqlType = Q::SqlType;
}

impl<Q, Connection> RunQueryDsl<Connection> for LimitedQuery<Q> {}

impl<Q> QueryId for LimitedQuery<Q> {
    type QueryId = ();
    // Two limits are two texts.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Q: QueryFragment<DB>, DB: Backend> QueryFragment<DB> for LimitedQuery<Q> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        self.query.walk_ast(out.reborrow())?;
        out.push_sql(" LIMIT ");
        out.push_sql(&self.rows.to_string());
        Ok(())
    }

    fn is_safe_to_cache_prepared(&self, backend: &DB) -> QueryResult<bool> {
        // A size may be the client's choice, and statements are kept for good. One row more than the
        // page shows whether there is another.
        let usual = matches!(self.rows, 1 | 2 | 11 | 21 | 26 | 51 | 101 | 201 | 501);
        Ok(usual && self.query.is_safe_to_cache_prepared(backend)?)
    }
}

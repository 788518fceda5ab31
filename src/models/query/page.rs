//! Pages by keyset: a page begins after the last row of the one before, so that no row is seen
//! twice or left out while others are inserted, and the thousandth page costs what the first does.

use diesel::backend::Backend;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use serde::Serialize;

/// How many rows a page holds: 1 to 500, 50 unless told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PageSize(u32);

impl PageSize {
    /// The largest page: what a page costs must not be the client's choice.
    pub const MAX: u32 = 500;

    /// A page of this many rows; less than 1 is taken as 1, more than [`PageSize::MAX`] as that.
    #[must_use]
    pub fn of(rows: u32) -> Self {
        Self(rows.clamp(1, Self::MAX))
    }

    /// How many rows.
    #[must_use]
    pub const fn rows(self) -> u32 {
        self.0
    }

    /// What to ask the database for: one row more tells whether there is a next page.
    pub(in crate::models) const fn rows_to_fetch(self) -> u32 {
        self.0 + 1
    }
}

impl Default for PageSize {
    fn default() -> Self {
        Self(50)
    }
}

/// A page of rows, and where the next one begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Page<T, Cursor> {
    /// The rows, in order.
    pub rows: Vec<T>,
    /// What to give for the next page; `None` if this is the last.
    pub next: Option<Cursor>,
}

impl<T, Cursor> Page<T, Cursor> {
    /// The page in `rows`, which were read with [`PageSize::rows_to_fetch`].
    pub(in crate::models) fn of(
        mut rows: Vec<T>,
        size: PageSize,
        cursor: impl FnOnce(&T) -> Cursor,
    ) -> Self {
        let length = usize::try_from(size.rows()).unwrap_or(usize::MAX);
        let more = rows.len() > length;
        rows.truncate(length);
        let next = rows.last().filter(|_| more).map(cursor);
        Self { rows, next }
    }
}

/// A query whose LIMIT is written into its text.
///
/// Diesel binds the limit, and SQLite prepares a statement anew whenever its LIMIT is bound anew:
/// half of what a page costs. The usual sizes each have a prepared statement of their own.
#[derive(Clone, Copy, Debug)]
pub(in crate::models) struct LimitedQuery<Q> {
    query: Q,
    rows: u32,
}

pub(in crate::models) trait LiteralLimit: Sized {
    /// At most this many rows.
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
        // page tells whether there is another.
        let usual = matches!(self.rows, 1 | 2 | 11 | 21 | 26 | 51 | 101 | 201 | 501);
        Ok(usual && self.query.is_safe_to_cache_prepared(backend)?)
    }
}

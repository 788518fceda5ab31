//! Statements that change rows, prepared once.

use diesel::backend::Backend;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};

/// Statement whose text is prepared once and cached.
///
/// Diesel prepares every UPDATE again, because two of one type may have two texts. Here the text is
/// the key of the cache, so that this does not matter; preparing the UPDATE of a table with many
/// checks costs twice as much as running it. It works for statements that return rows: those that
/// return none are passed on by reference, and the reference does not ask its target.
#[derive(Clone, Copy, Debug)]
pub(in crate::models) struct Prepared<Q>(Q);

pub(in crate::models) trait Prepare: Sized {
    /// Returns the statement, to be prepared once.
    fn prepared(self) -> Prepared<Self> {
        Prepared(self)
    }
}

// Only for what returns rows, which is where it works.
impl<Q: Query> Prepare for Q {}

impl<Q: Query> Query for Prepared<Q> {
    type SqlType = Q::SqlType;
}

impl<Q, Connection> RunQueryDsl<Connection> for Prepared<Q> {}

impl<Q> QueryId for Prepared<Q> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Q: QueryFragment<DB>, DB: Backend> QueryFragment<DB> for Prepared<Q> {
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        self.0.walk_ast(out)
    }

    fn is_safe_to_cache_prepared(&self, _: &DB) -> QueryResult<bool> {
        Ok(true)
    }
}

//! Statements that change rows, prepared once.

use diesel::backend::Backend;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};

/// A statement whose text is prepared once and kept.
///
/// Diesel prepares every UPDATE anew, because two of one type may have two texts. Each text is its
/// own key here, so that this is no matter; preparing the UPDATE of a table with many checks costs
/// twice what running it does. It works for statements that return rows: what returns none Diesel
/// passes on by reference, and the reference does not ask its target.
#[derive(Clone, Copy, Debug)]
pub(in crate::models) struct Prepared<Q>(Q);

pub(in crate::models) trait Prepare: Sized {
    /// The same statement, prepared once.
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

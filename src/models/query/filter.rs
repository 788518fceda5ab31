//! Filters that a caller may omit.

use diesel::backend::Backend;
use diesel::expression::{AppearsOnTable, Expression, SelectableExpression, ValidGrouping};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::serialize::ToSql;
use diesel::sql_types::{Bool, HasSqlType, Nullable, Text};

/// Condition that is part of the query only if it is given.
///
/// The text of the query then holds exactly the given conditions, so that the planner can choose an
/// index for them, which it cannot for `? IS NULL OR column = ?`; and unlike a `boxed()` query it
/// is typed throughout and its statement is prepared once.
#[derive(Clone, Copy, Debug, ValidGrouping)]
pub(in crate::models) struct OptionalFilter<P>(pub(in crate::models) Option<P>);

impl<P: Expression> Expression for OptionalFilter<P> {
    type SqlType = P::SqlType;
}

impl<P: SelectableExpression<QS>, QS> SelectableExpression<QS> for OptionalFilter<P> {}

impl<P: AppearsOnTable<QS>, QS> AppearsOnTable<QS> for OptionalFilter<P> {}

impl<P> QueryId for OptionalFilter<P> {
    type QueryId = ();
    // With and without the condition are two texts.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<P: QueryFragment<DB>, DB: Backend> QueryFragment<DB> for OptionalFilter<P> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        if let Some(condition) = &self.0 {
            condition.walk_ast(out)
        } else {
            out.push_sql("TRUE");
            Ok(())
        }
    }
}

/// Condition that the column is one of these texts.
///
/// Diesel's `eq_any` is prepared again each time, which is half of the cost of a look-up of twenty.
/// Here each number of texts has a prepared statement; the caller bounds the number.
#[derive(Clone, Copy, Debug, ValidGrouping)]
pub(in crate::models) struct OneOf<'a, C> {
    pub(in crate::models) column: C,
    pub(in crate::models) texts: &'a [&'a str],
}

impl<C: Expression> Expression for OneOf<'_, C> {
    type SqlType = Nullable<Bool>;
}

impl<C: SelectableExpression<QS>, QS> SelectableExpression<QS> for OneOf<'_, C> {}

impl<C: AppearsOnTable<QS>, QS> AppearsOnTable<QS> for OneOf<'_, C> {}

impl<C> QueryId for OneOf<'_, C> {
    type QueryId = ();
    // Two numbers of texts are two texts.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<C, DB> QueryFragment<DB> for OneOf<'_, C>
where
    C: QueryFragment<DB>,
    DB: Backend + HasSqlType<Text>,
    str: ToSql<Text, DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        self.column.walk_ast(out.reborrow())?;
        let mut mark = " IN (";
        for text in self.texts {
            out.push_sql(mark);
            out.push_bind_param::<Text, str>(text)?;
            mark = ", ";
        }
        // Statements are kept for good, and the number of texts may be the client's choice.
        if self.texts.len() > 64 {
            out.unsafe_to_cache_prepared();
        }
        // An empty list is no SQL on PostgreSQL; nothing equals NULL.
        out.push_sql(if self.texts.is_empty() { " IN (NULL)" } else { ")" });
        Ok(())
    }
}

/// Returns the LIKE pattern, with `\` as its escape, of texts that contain this one.
///
/// No stored name contains a NUL, and SQLite would read the pattern only up to one; none is longer
/// than 255 characters, and SQLite refuses a pattern of more than 50,000 bytes. For both the
/// pattern matches nothing.
pub(in crate::models) fn contains_pattern(text: &str) -> String {
    if text.contains('\0') || text.chars().nth(255).is_some() {
        return String::new();
    }
    let mut pattern = String::from("%");
    for character in text.chars() {
        if matches!(character, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern.push('%');
    pattern
}

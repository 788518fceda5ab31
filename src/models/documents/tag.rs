//! Searching documents by a tag.

use diesel::expression::{AppearsOnTable, SelectableExpression, ValidGrouping};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::{Bool, Text};
use diesel::sqlite::Sqlite;

use crate::schema::documents;

/// That the document has exactly this tag.
///
/// The list is taken apart by each backend in its own way: what the tag's JSON looks like is also
/// found between tags (`","`) and between quotes inside one.
#[derive(Clone, Copy, Debug, ValidGrouping)]
pub(super) struct HasTag<'a>(pub(super) &'a str);

impl Expression for HasTag<'_> {
    type SqlType = Bool;
}

impl AppearsOnTable<documents::table> for HasTag<'_> {}

impl SelectableExpression<documents::table> for HasTag<'_> {}

impl QueryId for HasTag<'_> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl QueryFragment<Sqlite> for HasTag<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        out.push_sql(
            "EXISTS (SELECT 1 FROM json_each(`documents`.`tags`) AS tag WHERE tag.value = ",
        );
        out.push_bind_param::<Text, _>(self.0)?;
        out.push_sql(")");
        Ok(())
    }
}

#[cfg(feature = "postgres")]
impl QueryFragment<diesel::pg::Pg> for HasTag<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, diesel::pg::Pg>) -> QueryResult<()> {
        out.push_sql(
            "EXISTS (SELECT 1 FROM json_array_elements_text(\"documents\".\"tags\"::json) AS tag \
             WHERE tag = ",
        );
        out.push_bind_param::<Text, _>(self.0)?;
        out.push_sql(")");
        Ok(())
    }
}

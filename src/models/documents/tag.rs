//! Filter of documents by a tag.

use diesel::expression::{AppearsOnTable, SelectableExpression, ValidGrouping};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::{Bool, Text};
use diesel::sqlite::Sqlite;

use crate::schema::documents;

/// Condition that a document has exactly this tag.
///
/// Each backend expands the list itself: a search of the list's text would also match between two
/// tags (`","`) and between quotes inside one.
#[derive(Clone, Debug, ValidGrouping)]
pub(super) struct HasTag<'a> {
    tag: &'a str,
    /// The tag as JSON text, which PostgreSQL compares: a tag with a NUL cannot be sent there as
    /// text.
    #[cfg(feature = "postgres")]
    json: String,
}

impl<'a> HasTag<'a> {
    pub(super) fn new(tag: &'a str) -> Self {
        Self {
            tag,
            #[cfg(feature = "postgres")]
            json: serde_json::Value::from(tag).to_string(),
        }
    }
}

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
            "EXISTS (SELECT 1 FROM temp.json_each(`documents`.`tags`) AS tag WHERE tag.value = ",
        );
        out.push_bind_param::<Text, str>(self.tag)?;
        out.push_sql(")");
        Ok(())
    }
}

#[cfg(feature = "postgres")]
impl QueryFragment<diesel::pg::Pg> for HasTag<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, diesel::pg::Pg>) -> QueryResult<()> {
        out.push_sql(
            "EXISTS (SELECT 1 FROM json_array_elements(\"documents\".\"tags\"::json) AS tag (value) \
             WHERE tag.value::text = ",
        );
        out.push_bind_param::<Text, str>(&self.json)?;
        out.push_sql(")");
        Ok(())
    }
}

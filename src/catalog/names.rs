//! Queries that return one column of texts.

use diesel::prelude::*;
use diesel::query_builder::SqlQuery;
use diesel::query_dsl::methods::LoadQuery;
use diesel::sql_types::Text;

use crate::error::Result;

/// Row with one text.
#[derive(Debug, QueryableByName)]
pub struct Named {
    #[diesel(sql_type = Text)]
    name: String,
}

/// Runs the query, and returns its column `name`.
///
/// # Errors
/// [`Error::Query`](crate::Error::Query) if the database cannot be read.
pub fn names<C>(connection: &mut C, query: &str) -> Result<Vec<String>>
where
    for<'query> SqlQuery: LoadQuery<'query, C, Named>,
{
    names_of(connection, diesel::sql_query(query))
}

/// Runs a query with parameters, and returns its column `name`.
pub(crate) fn names_of<'query, C, Q>(connection: &mut C, query: Q) -> Result<Vec<String>>
where
    Q: LoadQuery<'query, C, Named> + RunQueryDsl<C>,
{
    let found = query.load::<Named>(connection)?;
    Ok(found.into_iter().map(|row| row.name).collect())
}

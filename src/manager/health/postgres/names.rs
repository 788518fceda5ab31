//! Queries that return names or sentences.

use diesel::prelude::*;
use diesel::sql_types::Text;

use crate::backend::DbConnection;
use crate::error::Result;

#[derive(QueryableByName)]
struct Named {
    #[diesel(sql_type = Text)]
    name: String,
}

/// Runs a query of a server, and returns its column `name`.
pub(super) fn names(connection: &mut DbConnection, query: &str) -> Result<Vec<String>> {
    let found: Vec<Named> = diesel::sql_query(query).load(connection.postgres()?)?;
    Ok(found.into_iter().map(|row| row.name).collect())
}

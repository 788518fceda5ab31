//! Violations of foreign keys.

use diesel::prelude::*;
use diesel::sql_types::Text;

use crate::backend::{Backend, DbConnection};
use crate::dispatch;
use crate::error::Result;

#[derive(QueryableByName)]
struct BrokenReference {
    #[diesel(sql_type = Text)]
    description: String,
}

/// Returns descriptions of broken references. On SQLite, these are the rows that violate a foreign key, as
/// `table row N has no parent`. PostgreSQL accepts such rows only through a foreign key that is not enforced:
/// there, these are the foreign keys that have not been validated or whose trigger is disabled.
///
/// # Errors
/// [`Error::Query`](crate::Error::Query) if the database cannot be read.
pub fn broken_references(connection: &mut DbConnection) -> Result<Vec<String>> {
    let query = match connection.backend() {
        Backend::Sqlite => {
            r#"SELECT "table" || ' row ' || coalesce(rowid, '?') || ' has no ' || "parent"
                   AS description FROM temp.pragma_foreign_key_check"#
        }
        Backend::Postgres => {
            "SELECT conrelid::regclass || ': ' || conname || ' has not been validated' AS description
             FROM pg_constraint
             WHERE contype = 'f' AND NOT convalidated
                 AND connamespace = quote_ident(current_schema())::regnamespace
             UNION ALL
             SELECT DISTINCT t.tgrelid::regclass || ': ' || c.conname || ' is not enforced (a trigger is \
                 disabled)'
             FROM pg_trigger AS t JOIN pg_constraint AS c ON c.oid = t.tgconstraint
             WHERE c.contype = 'f' AND t.tgenabled IN ('D', 'R')
                 AND c.connamespace = quote_ident(current_schema())::regnamespace
             ORDER BY description"
        }
    };
    let rows: Vec<BrokenReference> =
        dispatch!(connection, |connection| diesel::sql_query(query).load(connection))?;
    Ok(rows.into_iter().map(|row| row.description).collect())
}

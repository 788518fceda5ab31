//! Running a statement that is made of names.

use diesel::prelude::*;

/// Runs one statement. As a prepared one, which text of more than one statement is refused as: whatever a name or a
/// value in it holds, nothing else runs.
pub(super) fn run(connection: &mut PgConnection, statement: &str) -> QueryResult<()> {
    diesel::sql_query(statement).execute(connection).map(drop)
}

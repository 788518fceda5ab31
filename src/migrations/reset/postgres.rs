//! Dropping what the migrations of the program have created in a schema of a server.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;

use crate::backend::DbConnection;
use crate::error::{Error, Result};
use crate::migrations::ledger::Ledger;
use crate::migrations::schema_objects::{SchemaObjects, ServerObject};

/// Returns the objects in the schema, all of which migrations of the program have created.
///
/// # Errors
/// [`Error::Refused`] if one is of somebody else.
pub(super) fn ours(connection: &mut DbConnection, ledger: &Ledger) -> Result<Vec<ServerObject>> {
    let SchemaObjects { ours, strange } = SchemaObjects::read(connection, ledger)?;
    let mut strange = strange.into_iter().map(|object| object.path);
    let mut shown: Vec<String> = strange.by_ref().take(10).collect();
    if shown.is_empty() {
        return Ok(ours.into_iter().map(|(object, _)| object).collect());
    }
    let more = strange.count();
    if more > 0 {
        shown.push(format!("{more} more"));
    }
    let name = diesel::dsl::sql::<Text>("current_database()::text");
    let reason = format!(
        "its schema has what no migration of this program has created: {}; drop that, or move it to another schema \
         (ALTER … SET SCHEMA)",
        shown.join(", ")
    );
    Err(Error::Refused {
        database: diesel::select(name).get_result(connection.postgres()?)?,
        reason,
    })
}

/// Drops the objects. Nothing is dropped by `CASCADE`: what depends on them elsewhere is somebody else's.
pub(super) fn drop_all(connection: &mut DbConnection, objects: &[ServerObject]) -> Result<()> {
    for of_one_kind in objects.chunk_by(|a, b| a.kind == b.kind) {
        // In one statement, because tables refer to each other.
        let paths: Vec<&str> = of_one_kind.iter().map(|object| object.path.as_str()).collect();
        let kind = of_one_kind.first().map_or("TABLE", |object| object.kind.as_str());
        connection.batch_execute(&format!("DROP {kind} {}", paths.join(", ")))?;
    }
    Ok(())
}

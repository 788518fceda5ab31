//! Dropping what the migrations of the program have created in a schema of a server.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;

use crate::error::{Error, Result};
use crate::migrations::ledger::Ledger;
use crate::migrations::schema_objects::{ServerObject, made};

/// Fails if the schema has an object that no migration of the program has created.
pub(super) fn ensure_ours(connection: &mut PgConnection, ledger: &Ledger) -> Result<()> {
    let ours = made(ledger);
    let objects = ServerObject::all(connection)?;
    let mut strange =
        objects.into_iter().filter(|it| !ours.contains_key(&it.name)).map(|it| it.path);
    let mut shown: Vec<String> = strange.by_ref().take(10).collect();
    if shown.is_empty() {
        return Ok(());
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
    Err(Error::Refused { database: diesel::select(name).get_result(connection)?, reason })
}

/// Drops the objects in the schema. Nothing is dropped by `CASCADE`: what depends on them elsewhere is somebody else's.
pub(super) fn drop_objects(connection: &mut PgConnection) -> Result<()> {
    let objects = ServerObject::all(connection)?;
    for of_one_kind in objects.chunk_by(|a, b| a.kind == b.kind) {
        // In one statement, because tables refer to each other.
        let paths: Vec<&str> = of_one_kind.iter().map(|object| object.path.as_str()).collect();
        let kind = of_one_kind.first().map_or("TABLE", |object| object.kind.as_str());
        connection.batch_execute(&format!("DROP {kind} {}", paths.join(", ")))?;
    }
    Ok(())
}

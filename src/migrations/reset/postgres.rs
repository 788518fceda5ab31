//! Dropping what the migrations of the program have created in a schema of a server.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Oid, Text};

use crate::backend::DbConnection;
use crate::catalog::names_of;
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

/// Drops the objects, those first on which no other depends. Nothing is dropped by `CASCADE`: what depends on them
/// elsewhere is somebody else's.
pub(super) fn drop_all(connection: &mut DbConnection, objects: &[ServerObject]) -> Result<()> {
    drop_references(connection, objects)?;
    let dependencies = dependencies(connection, objects)?;
    let mut left: Vec<(i64, &ServerObject)> = (1..).zip(objects).collect();
    while !left.is_empty() {
        let is_left = |number| left.iter().any(|(other, _)| *other == number);
        let is_needed = |(number, _): &(i64, &ServerObject)| {
            dependencies.iter().any(|found| found.needed == *number && is_left(found.dependent))
        };
        let (needed, free): (Vec<_>, Vec<_>) = left.iter().partition(|object| is_needed(object));
        // In a circle, none is the first; the server says what depends on what.
        let (now, later) = if free.is_empty() { (needed, free) } else { (free, needed) };
        for of_one_kind in now.chunk_by(|(_, a), (_, b)| a.kind == b.kind) {
            let paths: Vec<&str> = of_one_kind.iter().map(|(_, object)| &*object.path).collect();
            let kind = of_one_kind.first().map_or("TABLE", |(_, object)| &object.kind);
            connection.batch_execute(&format!("DROP {kind} {}", paths.join(", ")))?;
        }
        left = later;
    }
    Ok(())
}

/// Drops the foreign keys by which the tables depend on each other, often in circles.
fn drop_references(connection: &mut DbConnection, objects: &[ServerObject]) -> Result<()> {
    let tables = objects.iter().filter(|object| object.kind == "TABLE");
    let tables: Vec<u32> = tables.map(|object| object.oid).collect();
    let query = diesel::sql_query(REFERENCES).bind::<Array<Oid>, _>(tables);
    for remove in names_of(connection.postgres()?, query)? {
        diesel::sql_query(remove).execute(connection.postgres()?)?;
    }
    Ok(())
}

/// Foreign keys from one of the tables `$1` to another. Those of partitions go with that of their table.
const REFERENCES: &str = "
    SELECT pg_catalog.format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname) AS name FROM pg_constraint
    WHERE contype = 'f' AND conrelid = ANY ($1) AND confrelid = ANY ($1) AND conrelid <> confrelid
        AND conparentid = 0 AND coninhcount = 0
    ORDER BY conrelid, conname";

/// Dependence of one object on another, by their numbers.
#[derive(QueryableByName)]
struct Dependency {
    #[diesel(sql_type = BigInt)]
    dependent: i64,
    #[diesel(sql_type = BigInt)]
    needed: i64,
}

fn dependencies(
    connection: &mut DbConnection,
    objects: &[ServerObject],
) -> Result<Vec<Dependency>> {
    let (catalogs, ids): (Vec<u32>, Vec<u32>) =
        objects.iter().map(|object| (object.catalog, object.oid)).unzip();
    let query =
        diesel::sql_query(DEPENDENCIES).bind::<Array<Oid>, _>(catalogs).bind::<Array<Oid>, _>(ids);
    Ok(query.load(connection.postgres()?)?)
}

/// The dependencies among the objects, whose numbers are their places in the lists of catalogs and of ids, and among their
/// parts, such as a constraint, the rule of a view or the type of a table.
const DEPENDENCIES: &str = "
    WITH RECURSIVE part AS (
        SELECT catalog, id, number FROM unnest($1, $2) WITH ORDINALITY AS object (catalog, id, number)
        UNION
        SELECT classid, objid, number FROM part JOIN pg_depend ON refclassid = catalog AND refobjid = id
        WHERE deptype IN ('a', 'i', 'P', 'S')
    )
    SELECT DISTINCT a.number AS dependent, b.number AS needed
    FROM part AS a JOIN pg_depend AS d ON d.classid = a.catalog AND d.objid = a.id
    JOIN part AS b ON d.refclassid = b.catalog AND d.refobjid = b.id
    WHERE d.deptype = 'n' AND a.number <> b.number";

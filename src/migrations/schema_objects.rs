//! Objects in the schema of a server, and which of them migrations have created.

use std::collections::BTreeMap;

use diesel::prelude::*;
use diesel::sql_types::Text;

use super::ledger::Ledger;
use super::statement::{renames, statements};
use crate::backend::Backend;
use crate::error::Result;
use crate::types::MigrationOwner;

/// Object in the schema that is not a part of another.
#[derive(QueryableByName, Debug)]
pub(crate) struct ServerObject {
    /// As in `DROP` and `ALTER`.
    #[diesel(sql_type = Text)]
    pub(crate) kind: String,
    #[diesel(sql_type = Text)]
    pub(crate) name: String,
    /// Its name in SQL, with the types of arguments.
    #[diesel(sql_type = Text)]
    pub(crate) path: String,
}

/// The objects in the schema, in the order in which they can be dropped, without those of extensions, and without the
/// sequences and types of tables.
const OBJECTS: &str = "
    WITH found AS (
        SELECT 'pg_class'::regclass AS catalogue, oid, relname::text AS name,
            CASE relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'S' THEN 'SEQUENCE'
                WHEN 'f' THEN 'FOREIGN TABLE' ELSE 'TABLE' END AS kind, oid::regclass::text AS path
        FROM pg_class
        WHERE relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND relnamespace = quote_ident(current_schema())::regnamespace
        UNION ALL
        SELECT 'pg_proc'::regclass, oid, proname::text, 'ROUTINE', oid::regprocedure::text
        FROM pg_proc WHERE pronamespace = quote_ident(current_schema())::regnamespace
        UNION ALL
        SELECT 'pg_type'::regclass, oid, typname::text, 'TYPE', oid::regtype::text
        FROM pg_type
        WHERE typtype IN ('e', 'd') AND typnamespace = quote_ident(current_schema())::regnamespace
    )
    SELECT kind, name, path FROM found
    WHERE NOT EXISTS (SELECT FROM pg_depend AS d
        WHERE d.classid = found.catalogue AND d.objid = found.oid AND d.deptype IN ('e', 'i', 'a'))
    ORDER BY array_position(ARRAY['MATERIALIZED VIEW', 'VIEW', 'FOREIGN TABLE', 'TABLE', 'SEQUENCE', 'ROUTINE', 'TYPE'],
        kind), name";

impl ServerObject {
    /// Returns the objects in the schema, in the order in which they can be dropped.
    pub(crate) fn all(connection: &mut PgConnection) -> Result<Vec<Self>> {
        Ok(diesel::sql_query(OBJECTS).load(connection)?)
    }
}

/// Returns the names of what the migrations create, each with the owner of the migration, if one of them has run in this
/// schema.
pub(crate) fn made(ledger: &Ledger) -> BTreeMap<String, MigrationOwner> {
    let ledger_table = ("__diesel_schema_migrations".to_owned(), MigrationOwner::Library);
    let mut names = BTreeMap::from([ledger_table]);
    if ledger.ran().next().is_none() {
        return names;
    }
    for migration in ledger.known().iter() {
        let Some(script) = migration.script(Backend::Postgres) else { continue };
        let statements = statements(script.up, Backend::Postgres);
        let renamed = renames(&statements).into_iter().map(|(_, new)| new);
        let made = statements.iter().filter(|statement| statement.words.starts("CREATE"));
        let made = made.filter_map(|it| Some(it.subject.split_once(' ')?.1.to_owned()));
        names.extend(renamed.chain(made).map(|name| (name, migration.owner())));
    }
    names
}

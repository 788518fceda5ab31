//! What the roles get rights on: the objects in the schema that migrations have created.

use std::collections::BTreeMap;

use diesel::prelude::*;
use diesel::sql_types::{Array, Text};

use crate::backend::DbConnection;
use crate::error::Result;
use crate::migrations::{Ledger, SchemaObjects, ServerObject};
use crate::types::MigrationOwner;

/// Database, its schema, and the objects in it.
pub(super) struct Found {
    pub(super) database: String,
    pub(super) schema: String,
    /// Objects that migrations have created, each with the owner of the migration.
    pub(super) objects: Vec<(ServerObject, MigrationOwner)>,
    /// Partitions of tables that migrations have created, each with its schema, as SQL names them.
    pub(super) partitions: Vec<String>,
    /// Objects that no migration has created.
    pub(super) strange: Vec<ServerObject>,
    /// Sequences of the tables that migrations have created, each with its schema, as SQL names them.
    pub(super) sequences: Vec<String>,
    /// Columns of each table of the schema in their order.
    columns: BTreeMap<String, Vec<String>>,
}

#[derive(QueryableByName)]
pub(super) struct Place {
    #[diesel(sql_type = Text)]
    pub(super) database: String,
    #[diesel(sql_type = Text)]
    pub(super) schema: String,
}

impl Place {
    /// Returns the database and the schema of a connection.
    pub(super) fn of(connection: &mut PgConnection) -> Result<Self> {
        let place = "SELECT current_database()::text AS database, current_schema()::text AS schema";
        Ok(diesel::sql_query(place).get_result(connection)?)
    }
}

#[derive(QueryableByName)]
struct Column {
    #[diesel(sql_type = Text)]
    table: String,
    #[diesel(sql_type = Text)]
    name: String,
}

#[derive(QueryableByName)]
struct Part {
    #[diesel(sql_type = Text)]
    path: String,
}

const COLUMNS: &str = r#"
    SELECT relname::text AS "table", attname::text AS name FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid
    WHERE relnamespace = pg_catalog.quote_ident(current_schema())::regnamespace AND attnum > 0 AND NOT attisdropped
    ORDER BY relname, attnum"#;

const SEQUENCES: &str = "
    SELECT (pg_identify_object('pg_class'::regclass, s.oid, 0)).identity AS path FROM pg_class AS s
    JOIN pg_depend AS d ON d.classid = 'pg_class'::regclass AND d.objid = s.oid AND d.deptype IN ('a', 'i')
    JOIN pg_class AS t ON d.refclassid = 'pg_class'::regclass AND t.oid = d.refobjid
    WHERE s.relkind = 'S' AND t.relnamespace = pg_catalog.quote_ident(current_schema())::regnamespace AND t.relname = ANY ($1)
    ORDER BY s.relname";

/// A partition belongs to whoever owns it, and not to the owner of its table.
const PARTITIONS: &str = "
    SELECT (pg_identify_object('pg_class'::regclass, p.oid, 0)).identity AS path FROM pg_class AS p JOIN pg_class AS t ON t.oid = pg_partition_root(p.oid)
    WHERE p.relispartition AND p.relkind IN ('r', 'p') AND p.relnamespace = pg_catalog.quote_ident(current_schema())::regnamespace
        AND t.relnamespace = p.relnamespace AND t.relname = ANY ($1)
    ORDER BY p.relname";

impl Found {
    pub(super) fn read(connection: &mut DbConnection, ledger: &Ledger) -> Result<Self> {
        let SchemaObjects { ours: objects, strange } = SchemaObjects::read(connection, ledger)?;
        let connection = connection.postgres()?;
        let Place { database, schema } = Place::of(connection)?;
        let tables: Vec<&str> = objects.iter().map(|(object, _)| object.name.as_str()).collect();
        let mut parts = |query: &str| -> Result<Vec<String>> {
            let found = diesel::sql_query(query).bind::<Array<Text>, _>(&tables);
            Ok(found.load(connection)?.into_iter().map(|Part { path }| path).collect())
        };
        let (sequences, partitions) = (parts(SEQUENCES)?, parts(PARTITIONS)?);
        let mut columns: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for Column { table, name } in diesel::sql_query(COLUMNS).load::<Column>(connection)? {
            columns.entry(table).or_default().push(name);
        }
        Ok(Self { database, schema, objects, partitions, strange, sequences, columns })
    }

    /// Returns the columns of a table in their order.
    pub(super) fn columns(&self, table: &str) -> impl Iterator<Item = &str> {
        self.columns.get(table).into_iter().flatten().map(String::as_str)
    }

    /// Returns the objects of the owner with one of these kinds.
    fn of<'a>(
        &'a self,
        owner: MigrationOwner,
        is_kind: impl Fn(&str) -> bool + 'a,
    ) -> impl Iterator<Item = &'a ServerObject> {
        let of_owner = self.objects.iter().filter(move |(_, its)| *its == owner);
        of_owner.map(|(object, _)| object).filter(move |object| is_kind(&object.kind))
    }

    /// Returns the tables and views of the owner.
    pub(super) fn relations(&self, owner: MigrationOwner) -> impl Iterator<Item = &ServerObject> {
        self.of(owner, |kind| kind.ends_with("TABLE") || kind.ends_with("VIEW"))
    }

    /// Returns the paths of the objects with a kind, each with its schema.
    pub(super) fn paths(&self, kind: &'static str) -> impl Iterator<Item = &str> {
        let objects = self.objects.iter().map(|(object, _)| object);
        objects.filter(move |object| object.kind == kind).map(|object| object.full_path.as_str())
    }
}

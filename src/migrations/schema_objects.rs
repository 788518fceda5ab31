//! Objects in the schema of a server, and which of them migrations have created.

use std::collections::BTreeMap;

use diesel::prelude::*;
use diesel::sql_types::{Bool, Oid, Text};

use super::ledger::Ledger;
use super::statement::{Action, PlannedStatement, statements};
use crate::backend::{Backend, DbConnection};
use crate::catalog::{TRANSFER_TABLE, has_transfer_table, is_ours};
use crate::error::Result;
use crate::types::MigrationOwner;

/// Object in the schema that is not a part of another.
#[derive(QueryableByName, Debug)]
pub(crate) struct ServerObject {
    /// Id of the catalog that has it, as in `pg_depend`.
    #[diesel(sql_type = Oid)]
    pub(super) catalogue: u32,
    #[diesel(sql_type = Oid)]
    pub(super) oid: u32,
    /// As in `DROP` and `ALTER`.
    #[diesel(sql_type = Text)]
    pub(crate) kind: String,
    #[diesel(sql_type = Text)]
    pub(crate) name: String,
    /// Its name in SQL, with the types of arguments.
    #[diesel(sql_type = Text)]
    pub(crate) path: String,
    /// Whether it belongs to somebody who could have run a migration.
    #[diesel(sql_type = Bool)]
    is_ours: bool,
}

/// The objects in the schema, without those of extensions, and without the sequences and types of tables. The order is
/// that in which they can mostly be dropped.
fn objects() -> String {
    format!("
    WITH found AS (
        SELECT 'pg_class'::regclass AS catalogue, oid, relname::text AS name, relowner AS owner,
            CASE relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'S' THEN 'SEQUENCE'
                WHEN 'f' THEN 'FOREIGN TABLE' ELSE 'TABLE' END AS kind, oid::regclass::text AS path
        FROM pg_class
        WHERE relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND relnamespace = quote_ident(current_schema())::regnamespace
        UNION ALL
        SELECT 'pg_proc'::regclass, oid, proname::text, proowner, 'ROUTINE', oid::regprocedure::text
        FROM pg_proc WHERE pronamespace = quote_ident(current_schema())::regnamespace
        UNION ALL
        SELECT 'pg_type'::regclass, oid, typname::text, typowner, 'TYPE', oid::regtype::text
        FROM pg_type
        WHERE typnamespace = quote_ident(current_schema())::regnamespace AND (typtype IN ('e', 'd', 'r')
            -- That of a table is a part of it.
            OR typtype = 'c' AND (SELECT relkind = 'c' FROM pg_class WHERE pg_class.oid = typrelid))
    )
    SELECT catalogue::oid AS catalogue, found.oid, kind, found.name, path, {} AS is_ours FROM found
    JOIN pg_namespace AS n ON n.nspname = current_schema()
    WHERE NOT EXISTS (SELECT FROM pg_depend AS d
        WHERE d.classid = found.catalogue AND d.objid = found.oid AND d.deptype IN ('e', 'i', 'a')
            -- A partitioned table depends on the columns of its key.
            AND NOT (d.refclassid = d.classid AND d.refobjid = d.objid))
    ORDER BY array_position(ARRAY['MATERIALIZED VIEW', 'VIEW', 'FOREIGN TABLE', 'TABLE', 'SEQUENCE', 'ROUTINE', 'TYPE'],
        kind), found.name",
        is_ours("found.owner")
    )
}

/// The objects in the schema.
pub(crate) struct SchemaObjects {
    /// What migrations have created, each with the owner of the migration.
    pub(crate) ours: Vec<(ServerObject, MigrationOwner)>,
    /// What no migration has created.
    pub(crate) strange: Vec<ServerObject>,
}

impl SchemaObjects {
    /// Reads them. What a migration that has not run would create is strange, and so is what belongs to somebody else. Of routines with one name, as many are
    /// ours as migrations have created: if there are more, nobody knows which, and all are strange.
    pub(crate) fn read(connection: &mut DbConnection, ledger: &Ledger) -> Result<Self> {
        let mut made = made(ledger);
        if has_transfer_table(connection)? {
            made.add("table", TRANSFER_TABLE, MigrationOwner::Library);
        }
        let found: Vec<ServerObject> = diesel::sql_query(objects()).load(connection.postgres()?)?;
        let mut present = BTreeMap::<_, u32>::new();
        for object in found.iter().filter(|object| object.is_ours) {
            *present.entry((Class::of(&object.kind), object.name.clone())).or_default() += 1;
        }
        let mut objects = Self { ours: Vec::new(), strange: Vec::new() };
        for object in found {
            let key = (Class::of(&object.kind), object.name.clone());
            match made.0.get(&key) {
                Some((count, owner)) if object.is_ours && present.get(&key) <= Some(count) => {
                    objects.ours.push((object, *owner));
                }
                _ => objects.strange.push(object),
            }
        }
        Ok(objects)
    }
}

/// Kinds of objects that cannot have the same name in a schema, or can.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    Relation,
    Routine,
    Type,
    /// A part of a table, or in no schema.
    Other,
}

impl Class {
    /// Returns the class of a kind, as in `CREATE` and `DROP`.
    fn of(kind: &str) -> Self {
        match kind.rsplit(' ').next().unwrap_or_default().to_ascii_uppercase().as_str() {
            "TABLE" | "VIEW" | "SEQUENCE" => Self::Relation,
            "FUNCTION" | "PROCEDURE" | "AGGREGATE" | "ROUTINE" => Self::Routine,
            "TYPE" | "DOMAIN" => Self::Type,
            _ => Self::Other,
        }
    }
}

/// How many objects of each name migrations have created, and the owner of the last one.
struct Made(BTreeMap<(Class, String), (u32, MigrationOwner)>);

impl Made {
    fn add(&mut self, kind: &str, name: &str, owner: MigrationOwner) {
        let made = self.0.entry((Class::of(kind), name.to_owned())).or_insert((0, owner));
        *made = (made.0 + 1, owner);
    }

    fn remove(&mut self, kind: &str, name: &str) -> Option<MigrationOwner> {
        let key = (Class::of(kind), name.to_owned());
        let (count, owner) = self.0.get_mut(&key)?;
        let owner = *owner;
        *count -= 1;
        if *count == 0 {
            self.0.remove(&key);
        }
        Some(owner)
    }

    fn follow(&mut self, statement: &PlannedStatement, owner: MigrationOwner) {
        let words = &statement.words;
        if words.starts("CREATE") {
            let Some((kind, name)) = statement.subject.split_once(' ') else { return };
            let is_replaced = words.at(1, "OR REPLACE");
            if !is_replaced || !self.0.contains_key(&(Class::of(kind), name.to_owned())) {
                self.add(kind, name, owner);
            }
        } else if let (true, Some(to)) = (words.starts("ALTER"), words.after("RENAME TO")) {
            let kind = words.get(1);
            if let Some(owner) = self.remove(kind, &words.name(2)) {
                self.add(kind, &words.name(to), owner);
            }
        } else {
            for action in Action::all(words) {
                if let Action::Drop { kind, names } = action {
                    for name in names {
                        self.remove(&kind, &name);
                    }
                }
            }
        }
    }
}

/// Returns what the migrations that have run in this schema have created.
fn made(ledger: &Ledger) -> Made {
    let mut made = Made(BTreeMap::new());
    // Another program that uses Diesel has one of this name.
    if !ledger.is_foreign() {
        made.add("table", "__diesel_schema_migrations", MigrationOwner::Library);
    }
    for migration in ledger.newest_first().into_iter().rev() {
        let Some(script) = migration.script(Backend::Postgres) else { continue };
        for statement in statements(script.up, Backend::Postgres) {
            made.follow(&statement, migration.owner());
        }
    }
    made
}

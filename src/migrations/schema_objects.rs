//! Objects in the schema of a server, and which of them migrations have created.

use std::collections::BTreeMap;

use diesel::prelude::*;
use diesel::sql_types::{Bool, Oid, Text};

use super::ledger::Ledger;
use super::parameters::Parameters;
use super::statement::{PlannedStatement, statements};
use crate::backend::{Backend, DbConnection};
use crate::catalog::{TRANSFER_TABLE, has_transfer_table, is_ours};
use crate::error::Result;
use crate::types::MigrationOwner;

/// Object in the schema that is not a part of another.
#[derive(QueryableByName, Debug)]
pub(crate) struct ServerObject {
    /// Id of the catalog that has it, as in `pg_depend`.
    #[diesel(sql_type = Oid)]
    pub(super) catalog: u32,
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
    /// The same with the schema of each name, for whatever `search_path`.
    #[diesel(sql_type = Text)]
    pub(crate) full_path: String,
    /// Parameters of a routine; empty for what is none.
    #[diesel(sql_type = Text)]
    parameters: String,
    /// Whether it belongs to somebody who could have run a migration.
    #[diesel(sql_type = Bool)]
    is_ours: bool,
}

/// The objects in the schema, without those of extensions, and without the sequences and types of tables. The order is
/// that in which they can mostly be dropped.
fn objects() -> String {
    format!("
    WITH found AS (
        SELECT 'pg_class'::regclass AS catalog, oid, relname::text AS name, relowner AS owner,
            CASE relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'S' THEN 'SEQUENCE'
                WHEN 'f' THEN 'FOREIGN TABLE' ELSE 'TABLE' END AS kind, oid::regclass::text AS path,
            '' AS parameters
        FROM pg_class
        WHERE relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND relnamespace = pg_catalog.quote_ident(current_schema())::regnamespace
        UNION ALL
        SELECT 'pg_proc'::regclass, oid, proname::text, proowner, 'ROUTINE', oid::regprocedure::text,
            pg_get_function_identity_arguments(oid)
        FROM pg_proc WHERE pronamespace = pg_catalog.quote_ident(current_schema())::regnamespace
        UNION ALL
        SELECT 'pg_type'::regclass, oid, typname::text, typowner, 'TYPE', oid::regtype::text, ''
        FROM pg_type
        WHERE typnamespace = pg_catalog.quote_ident(current_schema())::regnamespace AND (typtype IN ('e', 'd', 'r')
            -- That of a table is a part of it.
            OR typtype = 'c' AND (SELECT relkind = 'c' FROM pg_class WHERE pg_class.oid = typrelid))
    )
    SELECT catalog::oid AS catalog, found.oid, kind, found.name, path,
        coalesce((pg_identify_object(catalog, found.oid, 0)).identity, path) AS full_path, parameters, {} AS is_ours
    FROM found
    JOIN pg_namespace AS n ON n.nspname = current_schema()
    WHERE NOT EXISTS (SELECT FROM pg_depend AS d
        WHERE d.classid = found.catalog AND d.objid = found.oid AND d.deptype IN ('e', 'i', 'a')
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
    /// Reads them. What a migration that has not run would create is strange, and so is what belongs to somebody else. If
    /// there are more routines with one name than migrations have created, those are ours whose parameters are in a script.
    pub(crate) fn read(connection: &mut DbConnection, ledger: &Ledger) -> Result<Self> {
        let mut made = made(ledger);
        if has_transfer_table(connection)? {
            made.add("table", TRANSFER_TABLE, MadeObject::of(MigrationOwner::Library));
        }
        let found: Vec<ServerObject> = diesel::sql_query(objects()).load(connection.postgres()?)?;
        let mut present = BTreeMap::<_, usize>::new();
        for object in found.iter().filter(|object| object.is_ours) {
            *present.entry((Class::of(&object.kind), object.name.clone())).or_default() += 1;
        }
        let mut objects = Self { ours: Vec::new(), strange: Vec::new() };
        for object in found {
            let key = (Class::of(&object.kind), object.name.clone());
            let present = present.get(&key).copied().unwrap_or_default();
            let owner = if object.is_ours { made.owner_of(&key, &object, present) } else { None };
            match owner {
                Some(owner) => objects.ours.push((object, owner)),
                None => objects.strange.push(object),
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

/// Object that a migration has created.
#[derive(Clone)]
struct MadeObject {
    /// Those of a routine.
    parameters: Parameters,
    owner: MigrationOwner,
    /// Whether it may be another one of the name, in other words for the same types.
    may_replace: bool,
}

impl MadeObject {
    /// Returns one that is no routine.
    fn of(owner: MigrationOwner) -> Self {
        Self { parameters: Parameters::default(), owner, may_replace: false }
    }
}

/// Objects of each name that migrations have created: only routines can share one.
struct Made(BTreeMap<(Class, String), Vec<MadeObject>>);

impl Made {
    fn add(&mut self, kind: &str, name: &str, made: MadeObject) {
        self.0.entry((Class::of(kind), name.to_owned())).or_default().push(made);
    }

    /// Removes the object with these parameters, or else the last one of the name.
    fn remove(&mut self, kind: &str, name: &str, parameters: &Parameters) -> Option<MadeObject> {
        let made = self.0.get_mut(&(Class::of(kind), name.to_owned()))?;
        let named = made.iter().rposition(|it| it.parameters.are_named_by(parameters));
        let at = named.or_else(|| made.len().checked_sub(1))?;
        Some(made.remove(at))
    }

    /// Returns the owner of the migration that has created an object, of which so many with its name are present;
    /// `None` if none has.
    fn owner_of(
        &self,
        key: &(Class, String),
        object: &ServerObject,
        present: usize,
    ) -> Option<MigrationOwner> {
        let made = self.0.get(key)?;
        let parameters = Parameters::of_routine(&object.parameters);
        let same = made.iter().find(|it| it.parameters == parameters);
        let certain = made.iter().filter(|it| !it.may_replace).count();
        let any = made.last().filter(|_| present <= certain);
        same.filter(|_| key.0 == Class::Routine).or(any).map(|made| made.owner)
    }

    fn follow(&mut self, statement: &PlannedStatement, owner: MigrationOwner) {
        let words = &statement.words;
        if words.starts("CREATE") {
            let Some((kind, name)) = statement.subject.split_once(' ') else { return };
            let mut made = MadeObject::of(owner);
            if Class::of(kind) == Class::Routine {
                made.parameters = Parameters::at(words, words.after("(").map_or(0, |at| at - 1));
            }
            if words.at(1, "OR REPLACE") {
                let of_name = self.0.get(&(Class::of(kind), name.to_owned()));
                let mut of_name = of_name.into_iter().flatten().peekable();
                made.may_replace = of_name.peek().is_some();
                if of_name.any(|it| it.parameters == made.parameters) {
                    return;
                }
            }
            self.add(kind, name, made);
        } else if let (true, Some(to)) = (words.starts("ALTER"), words.after("RENAME TO")) {
            let kind = words.get(1);
            let parameters = Parameters::at(words, words.name_at(2) + 1);
            if let Some(made) = self.remove(kind, &words.name(2), &parameters) {
                self.add(kind, &words.name(to), made);
            }
        } else if words.starts("DROP") {
            let at = usize::from(words.at(1, "MATERIALIZED")) + 1;
            for part in words.parts(at + 1) {
                let parameters = Parameters::at(&part, part.name_at(0) + 1);
                self.remove(words.get(at), &part.name(0), &parameters);
            }
        }
    }
}

/// Returns what the migrations that have run in this schema have created.
fn made(ledger: &Ledger) -> Made {
    let mut made = Made(BTreeMap::new());
    // Another program that uses Diesel has one of this name.
    if ledger.foreign_because().is_none() {
        let ledger = MadeObject::of(MigrationOwner::Library);
        made.add("table", "__diesel_schema_migrations", ledger);
    }
    for migration in ledger.newest_first().into_iter().rev() {
        let Some(script) = migration.script(Backend::Postgres) else { continue };
        for statement in statements(script.up, Backend::Postgres) {
            made.follow(&statement, migration.owner());
        }
    }
    made
}

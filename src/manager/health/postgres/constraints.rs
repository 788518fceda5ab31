//! The constraints of the library's tables, and the ids that they give by themselves.

use std::collections::{BTreeMap, BTreeSet};

use diesel::prelude::*;
use diesel::sql_types::{Array, Bool, Text};

use super::names::names;
use crate::backend::{Backend, DbConnection};
use crate::error::Result;
use crate::migrations::{Migrations, Words, essence, identities, statements, written_checks};
use crate::types::MigrationOwner;

#[derive(QueryableByName)]
struct Constraint {
    /// `table.constraint`.
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    definition: String,
    /// Whether it holds for every row, and at the end of each statement.
    #[diesel(sql_type = Bool)]
    holds: bool,
}

const CONSTRAINTS: &str = "
    SELECT c.relname || '.' || conname AS name, pg_get_constraintdef(k.oid) AS definition,
        convalidated AND NOT condeferrable AS holds
    FROM pg_constraint AS k JOIN pg_class AS c ON c.oid = conrelid
    WHERE c.relnamespace = quote_ident(current_schema())::regnamespace AND c.relname = ANY ($1) AND contype IN ('c', 'f')
    ORDER BY 1";

const IDENTITIES: &str = "
    SELECT c.relname || '.' || attname AS name FROM pg_attribute JOIN pg_class AS c ON c.oid = attrelid
    WHERE c.relnamespace = quote_ident(current_schema())::regnamespace AND attidentity <> ''";

/// Returns one line for each constraint of the library that holds less than its migration says, and for each column of these tables that gives no ids any more. A missing constraint is reported by
/// another check.
pub(super) fn weakened(
    connection: &mut DbConnection,
    migrations: Migrations,
    tables: &BTreeSet<&str>,
) -> Result<Vec<String>> {
    let mut written = BTreeMap::new();
    let mut numbered = BTreeSet::new();
    let scripts = migrations.of_owner(MigrationOwner::Library);
    for script in scripts.filter_map(|migration| migration.script(Backend::Postgres)) {
        for statement in statements(script.up, Backend::Postgres) {
            for check in written_checks(&statement) {
                written.insert(format!("{}.{}", check.table, check.name), check.essence);
            }
            numbered.extend(identities(&statement).into_iter().filter_map(|(table, column)| {
                tables.contains(table.as_str()).then(|| format!("{table}.{column}"))
            }));
        }
    }
    let ours: BTreeSet<&str> =
        written.keys().filter_map(|name| Some(name.split_once('.')?.0)).collect();
    let ours: Vec<&str> = ours.into_iter().collect();
    let query = diesel::sql_query(CONSTRAINTS).bind::<Array<Text>, _>(&ours);
    let found: Vec<Constraint> = query.load(connection.postgres()?)?;
    let mut faults = Vec::new();
    for Constraint { name, definition, holds } in found {
        let words = Words::of(&definition, Backend::Postgres);
        let differs = written
            .get(&name)
            .is_some_and(|written| !words.starts("CHECK") || essence(&words.from(1)) != *written);
        if differs {
            faults.push(format!("the check {name} differs from the migrations"));
        } else if !holds {
            faults.push(format!("the constraint {name} can be deferred, or was not validated"));
        }
    }
    let found: BTreeSet<String> = names(connection, IDENTITIES)?.into_iter().collect();
    let lost = numbered.difference(&found);
    faults.extend(lost.map(|column| format!("the column {column} gives no ids")));
    Ok(faults)
}

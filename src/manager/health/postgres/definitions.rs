//! What the library's tables say of their rows: constraints, indexes, defaults, and the ids that they give by themselves.

use std::collections::{BTreeMap, BTreeSet};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, Bool, Nullable, Text};

use crate::backend::{Backend, DbConnection};
use crate::catalog::names;
use crate::error::Result;
use crate::migrations::{Expression, Migrations, Words, definitions, identities, statements};
use crate::types::MigrationOwner;

#[derive(QueryableByName)]
struct Found {
    #[diesel(sql_type = Text)]
    kind: String,
    /// `table.constraint`, `table.index` or `table.column`.
    #[diesel(sql_type = Text)]
    name: String,
    /// Its expression, if it has one, as the server prints it.
    #[diesel(sql_type = Nullable<Text>)]
    definition: Option<String>,
    /// Whether it holds for every row, and at the end of each statement.
    #[diesel(sql_type = Bool)]
    holds: bool,
}

/// Constraints, indexes and defaults of the tables `$1`.
const FOUND: &str = "
    WITH ours AS (
        SELECT oid, relname::text AS name FROM pg_class
        WHERE relkind IN ('r', 'p') AND relnamespace = pg_catalog.quote_ident(current_schema())::regnamespace
            AND relname = ANY ($1))
    SELECT CASE contype WHEN 'c' THEN 'check' ELSE 'constraint' END AS kind, pg_catalog.format('%s.%s', name, conname) AS name,
        pg_get_expr(conbin, conrelid) AS definition, convalidated AND NOT condeferrable AS holds
    FROM pg_constraint JOIN ours ON ours.oid = conrelid WHERE contype IN ('c', 'f')
    UNION ALL SELECT 'index', pg_catalog.format('%s.%s', name, relname), pg_get_indexdef(indexrelid), true
    FROM pg_index JOIN ours ON ours.oid = indrelid JOIN pg_class AS i ON i.oid = indexrelid
    UNION ALL SELECT 'default', pg_catalog.format('%s.%s', name, attname), pg_get_expr(adbin, adrelid), true
    FROM pg_attrdef JOIN ours ON ours.oid = adrelid JOIN pg_attribute ON attrelid = adrelid AND attnum = adnum
    ORDER BY kind, name";

const IDENTITIES: &str = "
    SELECT pg_catalog.format('%s.%s', c.relname, attname) AS name FROM pg_attribute JOIN pg_class AS c ON c.oid = attrelid
    WHERE c.relnamespace = pg_catalog.quote_ident(current_schema())::regnamespace AND attidentity <> ''";

/// Returns one line for each constraint, index and default of the library that says something else than its migration,
/// and for each column of these tables that gives no ids any more. What is missing is reported by another check.
pub(super) fn changed(
    connection: &mut DbConnection,
    migrations: Migrations,
    tables: &BTreeSet<&str>,
) -> Result<Vec<String>> {
    let mut written = BTreeMap::new();
    let mut ours = BTreeSet::new();
    let mut numbered = BTreeSet::new();
    let scripts = migrations.of_owner(MigrationOwner::Library);
    for script in scripts.filter_map(|migration| migration.script(Backend::Postgres)) {
        for statement in statements(script.up, Backend::Postgres) {
            for it in definitions(&statement) {
                written.insert((it.kind, format!("{}.{}", it.table, it.name)), it.expression);
                ours.insert(it.table);
            }
            numbered.extend(identities(&statement).into_iter().filter_map(|(table, column)| {
                tables.contains(table.as_str()).then(|| format!("{table}.{column}"))
            }));
        }
    }
    let ours: Vec<String> = ours.into_iter().collect();
    let mut faults = Vec::new();
    for Found { kind, name, definition, holds } in found(connection, &ours)? {
        if !holds {
            faults.push(format!("the constraint {name} can be deferred, or was not validated"));
        }
        let Some(written) = written.get(&(kind.as_str(), name.clone())) else { continue };
        let found = definition.and_then(|definition| {
            let words = Words::of(&definition, Backend::Postgres);
            if kind == "index" { Expression::of_index(&words) } else { Expression::of(&words) }
        });
        if found != *written {
            faults.push(format!("the {kind} {name} differs from the migrations"));
        }
    }
    let found: BTreeSet<String> = names(connection.postgres()?, IDENTITIES)?.into_iter().collect();
    let lost = numbered.difference(&found);
    faults.extend(lost.map(|column| format!("the column {column} gives no ids")));
    Ok(faults)
}

fn found(connection: &mut DbConnection, tables: &[String]) -> Result<Vec<Found>> {
    Ok(connection.postgres()?.transaction(|connection| {
        // The form of the times in expressions.
        connection.batch_execute("SET LOCAL DateStyle = ISO")?;
        diesel::sql_query(FOUND).bind::<Array<Text>, _>(tables).load(connection)
    })?)
}

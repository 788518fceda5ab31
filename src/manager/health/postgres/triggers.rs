//! The triggers of the migrations, and the functions that they and checks call.

use std::collections::BTreeMap;

use diesel::prelude::*;
use diesel::sql_types::{Array, Bool, Text};

use super::additions::added_to;
use super::disabled_triggers::{SettingOf, disabled_by};
use super::structures::{both, differences};
use crate::backend::{Backend, DbConnection};
use crate::error::Result;
use crate::manager::DatabaseManager;
use crate::manager::health::checks::schema_fix;
use crate::manager::health::outcome::CheckOutcome;
use crate::migrations::{Action, KnownMigration, Migrations, PlannedStatement, statements};
use crate::types::MigrationOwner;

pub(super) fn triggers(
    connection: &mut DbConnection,
    manager: &DatabaseManager,
) -> Result<CheckOutcome> {
    let (expected, found) = both(connection, manager)?;
    let mut faults = differences(&expected.triggers, &found.triggers, &found.tables());
    faults.extend(weakened_triggers(connection, manager.migrations)?);
    faults.extend(weakened_functions(connection, manager.migrations)?);
    // One that is added can undo what these enforce, or lose an entry.
    faults.extend(added_to(connection, &expected, Some("audit_log"))?);
    faults.extend(disabled_by(connection, SettingOf::All)?);
    Ok(CheckOutcome::from_faults(
        &faults,
        format!("all {} triggers", expected.triggers.len()),
        schema_fix(connection, manager)?,
    ))
}

/// Returns a text with its white space normalised.
fn plain(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Returns the statements of these migrations that begin with these words.
fn written(
    migrations: impl Iterator<Item = KnownMigration>,
    begin: &'static str,
) -> impl Iterator<Item = PlannedStatement> {
    let scripts = migrations.filter_map(|migration| migration.script(Backend::Postgres));
    let all = scripts.flat_map(|script| statements(script.up, Backend::Postgres));
    all.filter(move |statement| statement.words.starts(begin))
}

#[derive(QueryableByName)]
struct Trigger {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    definition: String,
}

/// Returns one line for each trigger of the library whose definition is not that of its migration. The server has no
/// text of its own words to compare those of an application with, which may be written in any way.
fn weakened_triggers(connection: &mut DbConnection, migrations: Migrations) -> Result<Vec<String>> {
    let query = "SELECT pg_catalog.format('%s: %s', c.relname, t.tgname) AS name,
            replace(replace(pg_get_triggerdef(t.oid), pg_catalog.format(' ON %I.', current_schema()), ' ON '),
                pg_catalog.format(' FUNCTION %I.', current_schema()), ' FUNCTION ') AS definition
        FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid
        WHERE NOT t.tgisinternal AND c.relnamespace = pg_catalog.quote_ident(current_schema())::regnamespace";
    let found: Vec<Trigger> = diesel::sql_query(query).load(connection.postgres()?)?;
    let library = migrations.of_owner(MigrationOwner::Library);
    let written: BTreeMap<String, String> = written(library, "CREATE TRIGGER")
        .filter_map(|it| match Action::all(&it.words).pop()? {
            Action::CreateTrigger { name, table, .. } => {
                Some((format!("{table}: {name}"), plain(&it.sql)))
            }
            _ => None,
        })
        .collect();
    let weakened = found.iter().filter(|trigger| {
        written.get(&trigger.name).is_some_and(|sql| *sql != plain(&trigger.definition))
    });
    Ok(weakened.map(|trigger| format!("{} differs from the migrations", trigger.name)).collect())
}

#[derive(QueryableByName)]
struct Function {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    body: String,
    #[diesel(sql_type = Bool)]
    is_immutable: bool,
    /// Whether it is in the language, belongs to the owner and runs with the rights that the migrations give it.
    #[diesel(sql_type = Bool)]
    is_plain: bool,
    /// Whether it looks names up in its schema only.
    #[diesel(sql_type = Bool)]
    is_pinned: bool,
    /// Statement that makes it do so.
    #[diesel(sql_type = Text)]
    pin: String,
}

const FUNCTIONS: &str = "
    WITH path AS (SELECT pg_catalog.format('%I, pg_temp', current_schema()) AS path,
        -- As PostgreSQL stores it while quote_all_identifiers is on, such as in a restore.
        pg_catalog.format('\"%s\", \"pg_temp\"', replace(current_schema()::text, '\"', '\"\"')) AS quoted)
    SELECT proname::text AS name, prosrc AS body, provolatile = 'i' AS is_immutable,
        lanname = 'plpgsql' AND NOT prosecdef AND proowner = coalesce((SELECT relowner FROM pg_class
            WHERE relname = '__diesel_schema_migrations' AND relnamespace = pronamespace), proowner) AS is_plain,
        coalesce(proconfig IN (ARRAY[pg_catalog.format('search_path=%s', path)],
            ARRAY[pg_catalog.format('search_path=%s', quoted)]), false) AS is_pinned,
        pg_catalog.format('ALTER FUNCTION %s SET search_path = %s', p.oid::regprocedure, path) AS pin
    FROM pg_proc AS p JOIN pg_language AS l ON l.oid = prolang, path
    WHERE pronamespace = pg_catalog.quote_ident(current_schema())::regnamespace AND proname = ANY ($1) ORDER BY 1";

/// Returns one line for each function of the library that is missing or differs from the migrations.
fn weakened_functions(
    connection: &mut DbConnection,
    migrations: Migrations,
) -> Result<Vec<String>> {
    let library = migrations.of_owner(MigrationOwner::Library);
    let body = |sql: &str| Some(plain(sql.split_once("$$")?.1.rsplit_once("$$")?.0));
    let written: BTreeMap<String, (String, bool)> = written(library, "CREATE FUNCTION")
        .filter_map(|it| {
            let name = it.subject.split_once(' ')?.1.to_owned();
            Some((name, (body(&it.sql)?, it.words.has("IMMUTABLE"))))
        })
        .collect();
    let names: Vec<&String> = written.keys().collect();
    let found: Vec<Function> =
        diesel::sql_query(FUNCTIONS).bind::<Array<Text>, _>(names).load(connection.postgres()?)?;
    let mut faults = Vec::new();
    for (name, (body, is_immutable)) in &written {
        let mut same = found.iter().filter(|function| function.name == *name).peekable();
        if same.peek().is_none() {
            faults.push(format!("the function {name} is missing"));
        }
        // An application may have others of the same name, with other arguments.
        let mut found = Vec::new();
        for function in same {
            let is_same = plain(&function.body) == *body && function.is_immutable == *is_immutable;
            if !is_same || !function.is_plain {
                found.push(format!("the function {name} differs from the migrations"));
            } else if !function.is_pinned {
                // As after the schema was renamed.
                found.push(format!("the function {name} looks in other schemas: {}", function.pin));
            } else {
                found.clear();
                break;
            }
        }
        faults.extend(found);
    }
    Ok(faults)
}

//! Script that rebuilds an SQLite table, as the recipe in `migrations/README.md` says.

use std::fmt::Write as _;

use zenith_db::Backend;
use zenith_db::internal::catalog::{self, SchemaObject, literal, schema_objects};
use zenith_db::internal::migrations::{
    Words, apply_in_memory, fresh_in_memory, from_bracket, statements,
};

use super::bare_names::BareNames;
use super::dependents::{dependents, free_name};
use super::forbidden::forbidden;
use super::rebuild_error::RebuildError;
use super::sources::{SourceMigration, embedded_before};

/// Returns the script that rebuilds a table as the migrations define it. The script copies every row, keeps
/// the `AUTOINCREMENT` sequence, and recreates the table's indexes and triggers, and the views and the
/// triggers of other tables that refer to it.
///
/// Edit the definition of the table for an `up.sql`; unedited, the script is its `down.sql`. To read the
/// definition, the migrations are run on an SQLite database in memory, those of an application after
/// Zenith DB's own. The script is for SQLite only: PostgreSQL alters tables in place.
///
/// # Errors
/// [`RebuildError`]. No file is written in any case.
pub fn rebuild_script(migrations: &[SourceMigration], table: &str) -> Result<String, RebuildError> {
    let mut memory = fresh_in_memory(embedded_before(migrations).iter())?;
    for migration in migrations {
        refuse_forbidden_statements(migration)?;
        apply_in_memory(&mut memory, &migration.name, &migration.up.text)?;
    }
    let objects = schema_objects(&mut memory)?;
    let asked = |o: &&SchemaObject| o.kind == "table" && o.name.eq_ignore_ascii_case(table);
    let Some(definition) = objects.iter().find(asked) else {
        let tables = objects.iter().filter(|o| o.kind == "table").map(|o| o.name.as_str());
        let existing = tables.collect::<Vec<_>>().join(", ");
        return Err(RebuildError::NoSuchTable { table: table.to_owned(), existing });
    };
    let name = literal(table);
    let kinds = catalog::names(
        &mut memory,
        &format!("SELECT type AS name FROM temp.pragma_table_list({name}) WHERE schema = 'main'"),
    )?;
    if let Some(kind) = kinds.into_iter().find(|kind| kind != "table") {
        return Err(RebuildError::VirtualTable { table: table.to_owned(), kind });
    }
    let columns = catalog::names(
        &mut memory,
        &format!("SELECT name FROM temp.pragma_table_xinfo({name}) WHERE hidden = 0 ORDER BY cid"),
    )?;
    let dependents = dependents(&mut memory, definition, &objects)?;
    write(definition, &columns, &objects, &dependents)
}

/// Rejects `ATTACH` and `VACUUM INTO`, which reach files, and statements that end a transaction, since the
/// script did not begin it.
fn refuse_forbidden_statements(migration: &SourceMigration) -> Result<(), RebuildError> {
    let statements = statements(&migration.up.text, Backend::Sqlite);
    let Some((statement, what)) = statements.iter().find_map(|s| Some((s, forbidden(&s.words)?)))
    else {
        return Ok(());
    };
    Err(RebuildError::ForbiddenStatement {
        statement: what,
        file: migration.up.file.clone(),
        line: statement.line,
    })
}

fn write(
    definition: &SchemaObject,
    columns: &[String],
    objects: &[SchemaObject],
    dependents: &[&SchemaObject],
) -> Result<String, RebuildError> {
    let mut names = BareNames::new()?;
    let table = definition.name.as_str();
    let new_table = free_name(&format!("{table}_new"), objects);
    let (old, new) = (names.quoted_if_needed(table)?, names.quoted_if_needed(&new_table)?);
    let columns: Result<Vec<String>, _> =
        columns.iter().map(|column| names.quoted_if_needed(column)).collect();
    let columns = columns?.join(", ");
    let body = from_bracket(&definition.sql, Backend::Sqlite);
    let own = objects.iter().filter(|o| o.table.eq_ignore_ascii_case(table) && o.kind != "table");

    // A line end in the name would end the comment.
    let shown = table.replace(char::is_control, " ");
    let mut script =
        format!("-- Rebuilds {shown}. To change the table, edit the CREATE TABLE below.\n");
    // Triggers first: those of a view disappear with it.
    let (triggers, views): (Vec<&SchemaObject>, Vec<&SchemaObject>) =
        dependents.iter().rev().partition(|object| object.kind == "trigger");
    for object in triggers.into_iter().chain(views) {
        let name = names.quoted_if_needed(&object.name)?;
        let _ = writeln!(script, "DROP {} {name};", object.kind.to_uppercase());
    }
    let _ = writeln!(script, "CREATE TABLE {new} {}\n", ended(body));
    if Words::of(&definition.sql, Backend::Sqlite).has("AUTOINCREMENT") {
        let _ = writeln!(
            script,
            "-- Prevents AUTOINCREMENT from reusing the keys of deleted rows.\n\
             INSERT INTO sqlite_sequence (name, seq)\n    \
             SELECT {}, seq FROM sqlite_sequence WHERE name = {};",
            literal(&new_table),
            literal(table)
        );
    }
    let _ = writeln!(
        script,
        "INSERT INTO {new} ({columns})\n    SELECT {columns} FROM {old};\n\
         DROP TABLE {old};\nALTER TABLE {new} RENAME TO {old};\n"
    );
    for object in own.chain(dependents.iter().copied()) {
        let _ = writeln!(script, "{}", ended(&object.sql));
    }
    Ok(script)
}

/// Returns the statement with a semicolon, on a line of its own after a comment that SQLite has kept.
fn ended(sql: &str) -> String {
    let is_comment = sql.lines().next_back().is_some_and(|line| line.contains("--"));
    format!("{sql}{};", if is_comment { "\n" } else { "" })
}

//! Script that rebuilds an SQLite table, as the recipe in `migrations/README.md` says.

use std::fmt::Write as _;

use zenith_db::Backend;
use zenith_db::internal::catalog::{self, SchemaObject, literal, schema_objects};
use zenith_db::internal::migrations::{apply_in_memory, fresh_in_memory, from_bracket, statements};

use super::forbidden::forbidden;
use super::rebuild_error::RebuildError;
use super::sources::{SourceMigration, embedded_before};

/// Returns the script that rebuilds a table as the migrations define it. The script copies every row, keeps
/// the `AUTOINCREMENT` sequence, and recreates the table's indexes and triggers, and the views and the
/// triggers of other tables that name it.
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
        &format!("SELECT type AS name FROM pragma_table_list({name}) WHERE schema = 'main'"),
    )?;
    if let Some(kind) = kinds.into_iter().find(|kind| kind != "table") {
        return Err(RebuildError::VirtualTable { table: table.to_owned(), kind });
    }
    let columns = catalog::names(
        &mut memory,
        &format!("SELECT name FROM pragma_table_xinfo({name}) WHERE hidden = 0 ORDER BY cid"),
    )?;
    Ok(write(definition, &columns, &objects))
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

fn write(definition: &SchemaObject, columns: &[String], objects: &[SchemaObject]) -> String {
    let table = definition.name.as_str();
    let (old, new) = (quoted_if_needed(table), quoted_if_needed(&format!("{table}_new")));
    let columns: Vec<String> = columns.iter().map(|column| quoted_if_needed(column)).collect();
    let columns = columns.join(", ");
    let body = from_bracket(&definition.sql, Backend::Sqlite);
    let dependents = dependents(table, objects);
    let own = objects.iter().filter(|o| o.table.eq_ignore_ascii_case(table) && o.kind != "table");

    let mut script =
        format!("-- Rebuilds {table}. To change the table, edit the CREATE TABLE below.\n");
    for object in dependents.iter().rev() {
        let _ = writeln!(
            script,
            "DROP {} {};",
            object.kind.to_uppercase(),
            quoted_if_needed(&object.name)
        );
    }
    let _ = writeln!(script, "CREATE TABLE {new} {body};\n");
    if definition.sql.to_ascii_uppercase().contains("AUTOINCREMENT") {
        let _ = writeln!(
            script,
            "-- Prevents AUTOINCREMENT from reusing the keys of deleted rows.\n\
             INSERT INTO sqlite_sequence (name, seq)\n    \
             SELECT {}, seq FROM sqlite_sequence WHERE name = {};",
            literal(&format!("{table}_new")),
            literal(table)
        );
    }
    let _ = writeln!(
        script,
        "INSERT INTO {new} ({columns})\n    SELECT {columns} FROM {old};\n\
         DROP TABLE {old};\nALTER TABLE {new} RENAME TO {old};\n"
    );
    for object in own.chain(dependents.iter().copied()) {
        let _ = writeln!(script, "{};", object.sql);
    }
    script
}

/// Returns the views and other tables' triggers that name the table or such a view. A rename reads them
/// all, and fails at one that names a missing table.
fn dependents<'a>(table: &'a str, objects: &'a [SchemaObject]) -> Vec<&'a SchemaObject> {
    let mut named = vec![table];
    let mut found: Vec<&SchemaObject> = Vec::new();
    // A view or trigger names only objects that are older than itself.
    for object in objects.iter().filter(|o| !o.table.eq_ignore_ascii_case(table)) {
        let kind = object.kind.as_str();
        if matches!(kind, "view" | "trigger") && named.iter().any(|name| names(&object.sql, name)) {
            found.push(object);
            if kind == "view" {
                named.push(&object.name);
            }
        }
    }
    found
}

/// Returns the name for SQL: in quotes where it needs them.
fn quoted_if_needed(name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.chars().all(plain) && !name.starts_with(|c: char| c.is_ascii_digit()) {
        name.to_owned()
    } else {
        catalog::quoted(name)
    }
}

/// Whether the text contains the name as a whole word. Case is ignored, as SQLite does.
fn names(text: &str, name: &str) -> bool {
    let (text, name) = (&text.to_ascii_lowercase(), &name.to_ascii_lowercase());
    let part = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(name.as_str())
        .any(|(at, _)| !text[..at].ends_with(part) && !text[at + name.len()..].starts_with(part))
}

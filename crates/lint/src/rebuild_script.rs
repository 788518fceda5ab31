//! The script that makes an SQLite table again, as the recipe in `migrations/README.md` says: to be
//! changed where the table is to change.

use std::fmt::Write as _;

use diesel::prelude::*;
use diesel::sql_types::Text;
use zenith_db::Backend;
use zenith_db::internal::catalog::{self, SchemaObject, schema_objects};
use zenith_db::internal::migrations::{apply_in_memory, fresh_in_memory, from_bracket, statements};

use super::rebuild_error::RebuildError;
use super::rules::forbidden;
use super::{SourceMigration, before};

/// Writes the script that rebuilds a table as the migrations make it: copied row by row, with its
/// indexes and triggers, the views and triggers elsewhere that name it, and the keys it has used up.
///
/// Unchanged it is a `down.sql`; with another definition of the table, an `up.sql`. Migrations of an
/// application that are not ours are taken to run after ours. SQLite only: PostgreSQL alters tables in
/// place.
///
/// # Errors
/// [`RebuildError`]. Nothing is written in any case.
pub fn rebuild_script(migrations: &[SourceMigration], table: &str) -> Result<String, RebuildError> {
    let mut memory = fresh_in_memory(before(migrations).iter())?;
    for migration in migrations {
        refuse_what_leaves_the_memory(migration)?;
        apply_in_memory(&mut memory, &migration.name, &migration.up.text)?;
    }
    let objects = schema_objects(&mut memory)?;
    let asked = |o: &&SchemaObject| o.kind == "table" && o.name.eq_ignore_ascii_case(table);
    let Some(definition) = objects.iter().find(asked) else {
        let tables = objects.iter().filter(|o| o.kind == "table").map(|o| o.name.as_str());
        let existing = tables.collect::<Vec<_>>().join(", ");
        return Err(RebuildError::NoSuchTable { table: table.to_owned(), existing });
    };
    let list = "SELECT type AS name FROM pragma_table_list(?) WHERE schema = 'main'";
    let kind: Name = diesel::sql_query(list).bind::<Text, _>(table).get_result(&mut memory)?;
    if kind.name != "table" {
        return Err(RebuildError::VirtualTable { table: table.to_owned(), kind: kind.name });
    }
    let columns: Vec<Name> =
        diesel::sql_query("SELECT name FROM pragma_table_xinfo(?) WHERE hidden = 0 ORDER BY cid")
            .bind::<Text, _>(table)
            .load(&mut memory)?;
    Ok(write(definition, &columns, &objects))
}

/// `ATTACH` and `VACUUM INTO` reach files, and a transaction that ends here did not begin here.
fn refuse_what_leaves_the_memory(migration: &SourceMigration) -> Result<(), RebuildError> {
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

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    name: String,
}

fn write(definition: &SchemaObject, columns: &[Name], objects: &[SchemaObject]) -> String {
    let table = definition.name.as_str();
    let (old, new) = (quoted(table), quoted(&format!("{table}_new")));
    let columns: Vec<String> = columns.iter().map(|column| quoted(&column.name)).collect();
    let columns = columns.join(", ");
    let body = from_bracket(&definition.sql, Backend::Sqlite);
    let elsewhere = elsewhere(table, objects);
    let own = objects.iter().filter(|o| o.table.eq_ignore_ascii_case(table) && o.kind != "table");

    let mut script =
        format!("-- Rebuilds {table}. What is to change, change in this definition.\n");
    for object in elsewhere.iter().rev() {
        let _ = writeln!(script, "DROP {} {};", object.kind.to_uppercase(), quoted(&object.name));
    }
    let _ = writeln!(script, "CREATE TABLE {new} {body};\n");
    let text = table.replace('\'', "''");
    if definition.sql.to_ascii_uppercase().contains("AUTOINCREMENT") {
        let _ = writeln!(
            script,
            "-- No key is used twice, that of a deleted row included.\n\
             INSERT INTO sqlite_sequence (name, seq)\n    \
             SELECT '{text}_new', seq FROM sqlite_sequence WHERE name = '{text}';"
        );
    }
    let _ = writeln!(
        script,
        "INSERT INTO {new} ({columns})\n    SELECT {columns} FROM {old};\n\
         DROP TABLE {old};\nALTER TABLE {new} RENAME TO {old};\n"
    );
    for object in own.chain(elsewhere.iter().copied()) {
        let _ = writeln!(script, "{};", object.sql);
    }
    script
}

/// The views and other tables' triggers that name the table, or such a view. A rename reads them all,
/// and stops at one that names what is not there.
fn elsewhere<'a>(table: &'a str, objects: &'a [SchemaObject]) -> Vec<&'a SchemaObject> {
    let mut named = vec![table];
    let mut found: Vec<&SchemaObject> = Vec::new();
    // What is made later names what was made before.
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

/// A name as SQL has it: in quotes where it needs them.
fn quoted(name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.chars().all(plain) && !name.starts_with(|c: char| c.is_ascii_digit()) {
        name.to_owned()
    } else {
        catalog::quoted(name)
    }
}

/// Whether the name stands in the text as a word of its own, in whichever case: to SQLite it is the same.
fn names(text: &str, name: &str) -> bool {
    let (text, name) = (&text.to_ascii_lowercase(), &name.to_ascii_lowercase());
    let part = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(name.as_str())
        .any(|(at, _)| !text[..at].ends_with(part) && !text[at + name.len()..].starts_with(part))
}

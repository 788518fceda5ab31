//! Script that rebuilds an SQLite table, as the recipe in `migrations/README.md` says.

use std::fmt::Write as _;

use diesel::SqliteConnection;
use diesel::connection::SimpleConnection;
use zenith_db::Backend;
use zenith_db::internal::catalog::{self, SchemaObject, literal, quoted, schema_objects};
use zenith_db::internal::migrations::{
    Words, apply_in_memory, fresh_in_memory, from_bracket, statements,
};

use super::bare_names::BareNames;
use super::dependents::{after_rename, dependents, free_name};
use super::forbidden::forbidden;
use super::rebuild_error::RebuildError;
use super::sources::{SourceMigration, embedded_before};

/// Returns the script that rebuilds a table as the migrations define it. The script copies every row, keeps
/// the rowids and the `AUTOINCREMENT` sequence, and recreates the table's indexes and triggers, and the views and the
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
    let rowid = catalog::names(&mut memory, &ROWID.replace("?1", &name))?.into_iter().next();
    let is_parent = !catalog::names(&mut memory, &CHILDREN.replace("?1", &name))?.is_empty();
    let dependents = dependents(&mut memory, definition, &objects)?;
    let new_table = free_name(&format!("{}_new", definition.name), &objects);
    let definition_of_new = definition_of(&mut memory, definition, &new_table)?;
    let rebuild = Rebuild {
        definition,
        new_table,
        definition_of_new,
        columns: rowid.into_iter().chain(columns).collect(),
        is_parent,
    };
    write(&rebuild, &objects, &dependents)
}

/// Name by which a query reads the rowids of the table `?1`, if they are not a column. An index for the
/// content of another table, such as one of `fts5`, and an application may refer to them. A table with
/// columns of all three names has none.
const ROWID: &str = "SELECT alias.name FROM temp.pragma_table_list(?1) AS t,
        (SELECT 'rowid' AS name UNION ALL SELECT '_rowid_' UNION ALL SELECT 'oid') AS alias
    WHERE t.schema = 'main' AND NOT t.wr
        AND (EXISTS (SELECT 1 FROM temp.pragma_index_list(?1) WHERE origin = 'pk')
            OR NOT EXISTS (SELECT 1 FROM temp.pragma_table_xinfo(?1) WHERE pk))
        AND NOT EXISTS (SELECT 1 FROM temp.pragma_table_xinfo(?1) AS c WHERE lower(c.name) = alias.name)";

/// Other tables with a foreign key to the table `?1`.
const CHILDREN: &str =
    "SELECT t.name FROM sqlite_schema AS t, temp.pragma_foreign_key_list(t.name) AS f
    WHERE t.type = 'table' AND lower(t.name) <> lower(?1) AND lower(f.\"table\") = lower(?1)";

/// Returns the definition from its first bracket for a table of another name. A `CHECK` may name the table.
fn definition_of(
    memory: &mut SqliteConnection,
    table: &SchemaObject,
    new_name: &str,
) -> Result<String, RebuildError> {
    let body = from_bracket(&table.sql, Backend::Sqlite);
    memory.batch_execute("BEGIN")?;
    let created = memory.batch_execute(&format!("CREATE TABLE {} {body}", quoted(new_name)));
    memory.batch_execute("ROLLBACK")?;
    if created.is_ok() {
        return Ok(body.to_owned());
    }
    let renamed = after_rename(memory, table, new_name)?;
    let renamed = renamed.iter().find(|o| o.kind == "table" && o.name == new_name);
    Ok(renamed.map_or(body, |renamed| from_bracket(&renamed.sql, Backend::Sqlite)).to_owned())
}

/// What the script rebuilds.
struct Rebuild<'a> {
    definition: &'a SchemaObject,
    new_table: String,
    /// Definition of the new table from its first bracket.
    definition_of_new: String,
    /// Columns to copy.
    columns: Vec<String>,
    /// Whether other tables have foreign keys to the table.
    is_parent: bool,
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

/// Stops a script that is run with foreign keys enforced: a path of JSON that does not begin with `$` is an
/// error, which repeats it.
const GUARD: &str = "-- DROP TABLE deletes the rows that refer to the table, if foreign keys are enforced. `zenith-db migrate`
-- turns them off. By hand, use `sqlite3 -bail`, which stops at an error, and PRAGMA foreign_keys = OFF
-- before the transaction.
SELECT json_extract('{}', iif(foreign_keys, 'foreign keys are enforced: apply this with zenith-db migrate', '$'))
    FROM temp.pragma_foreign_keys;
";

fn write(
    rebuild: &Rebuild<'_>,
    objects: &[SchemaObject],
    dependents: &[&SchemaObject],
) -> Result<String, RebuildError> {
    let Rebuild { definition, new_table, definition_of_new, columns, is_parent } = rebuild;
    let mut names = BareNames::new()?;
    let table = definition.name.as_str();
    let (old, new) = (names.quoted_if_needed(table)?, names.quoted_if_needed(new_table)?);
    let columns: Result<Vec<String>, _> =
        columns.iter().map(|column| names.quoted_if_needed(column)).collect();
    let columns = columns?.join(", ");
    let own = objects.iter().filter(|o| o.table.eq_ignore_ascii_case(table) && o.kind != "table");

    // A line end in the name would end the comment.
    let shown = table.replace(char::is_control, " ");
    let mut script =
        format!("-- Rebuilds {shown}. To change the table, edit the CREATE TABLE below.\n");
    if *is_parent {
        script.push_str(GUARD);
    }
    // Triggers first: those of a view disappear with it.
    let (triggers, views): (Vec<&SchemaObject>, Vec<&SchemaObject>) =
        dependents.iter().rev().partition(|object| object.kind == "trigger");
    for object in triggers.into_iter().chain(views) {
        let name = names.quoted_if_needed(&object.name)?;
        let _ = writeln!(script, "DROP {} {name};", object.kind.to_uppercase());
    }
    let _ = writeln!(script, "CREATE TABLE {new} {}\n", ended(definition_of_new));
    if Words::of(&definition.sql, Backend::Sqlite).has("AUTOINCREMENT") {
        let _ = writeln!(
            script,
            "-- Prevents AUTOINCREMENT from reusing the keys of deleted rows.\n\
             INSERT INTO sqlite_sequence (name, seq)\n    \
             SELECT {}, seq FROM sqlite_sequence WHERE name = {};",
            literal(new_table),
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

//! Views and triggers that refer to a table.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use zenith_db::internal::catalog::{self, SchemaObject, column_list, quoted, schema_objects};

use super::rebuild_error::RebuildError;

/// Returns the views and other tables' triggers that refer to the table or to such a view, oldest first. A
/// rename reads them all, and fails at one that refers to a missing table.
///
/// SQLite itself says which refer to a table: renaming the table changes their text.
pub(super) fn dependents<'a>(
    memory: &mut SqliteConnection,
    table: &'a SchemaObject,
    objects: &'a [SchemaObject],
) -> Result<Vec<&'a SchemaObject>, RebuildError> {
    let mut sources = vec![table];
    let mut found = vec![false; objects.len()];
    let new_name = free_name("renamed", objects);
    while let Some(source) = sources.pop() {
        let renamed = after_rename(memory, source, &new_name)?;
        for (object, found) in objects.iter().zip(&mut found) {
            let depends = matches!(object.kind.as_str(), "view" | "trigger")
                && !object.table.eq_ignore_ascii_case(&table.name)
                && !std::ptr::eq(object, source);
            let same = |other: &SchemaObject| {
                (&other.kind, &other.name, &other.sql) == (&object.kind, &object.name, &object.sql)
            };
            if depends && !*found && !renamed.iter().any(same) {
                *found = true;
                if object.kind == "view" {
                    sources.push(object);
                }
            }
        }
    }
    Ok(objects.iter().zip(found).filter_map(|(object, found)| found.then_some(object)).collect())
}

/// Returns the objects as they would be if the table or view had another name.
pub(super) fn after_rename(
    memory: &mut SqliteConnection,
    source: &SchemaObject,
    new_name: &str,
) -> Result<Vec<SchemaObject>, RebuildError> {
    let (old, new) = (quoted(&source.name), quoted(new_name));
    let mut script = format!("ALTER TABLE {old} RENAME TO {new}");
    if source.kind == "view" {
        // Only a table can be renamed. The view's own triggers disappear with it.
        let columns = column_list(&catalog::columns(memory, &source.name)?);
        script = format!("DROP VIEW {old}; CREATE TABLE {old} ({columns}); {script}");
    }
    memory.batch_execute("BEGIN")?;
    let renamed = memory.batch_execute(&script).map_err(RebuildError::Rename);
    let renamed = renamed.and_then(|()| Ok(schema_objects(memory)?));
    memory.batch_execute("ROLLBACK")?;
    renamed
}

/// Returns the name, or, if an object has it, the first free one with a number.
pub(super) fn free_name(name: &str, objects: &[SchemaObject]) -> String {
    let is_free = |name: &String| !objects.iter().any(|o| o.name.eq_ignore_ascii_case(name));
    let numbered = (2..).map(|number| format!("{name}_{number}"));
    std::iter::once(name.to_owned()).chain(numbered).find(is_free).unwrap_or_default()
}

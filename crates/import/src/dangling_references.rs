//! References to rows that were copied later than the row that refers to them.

use std::collections::{HashMap, HashSet};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use zenith_db::Error;

use super::cell::AnyRow;
use super::column_map::Rejection;
use super::context::ConversionContext;
use super::error::Result;
use super::legacy_db::LegacyDb;
use super::table_writer::TableWriter;

/// Sets references to NULL that lead to no row. A reference to a later table, or within a table, cannot
/// be checked before all rows are copied.
pub(super) fn resolve_dangling_references(
    connection: &mut SqliteConnection,
    legacy: &LegacyDb<'_>,
    context: &mut ConversionContext,
) -> Result<()> {
    let dangling =
        |column: &str| format!("{column} IS NOT NULL AND {column} NOT IN (SELECT id FROM users)");
    let users = format!("{} OR {}", dangling("created_by"), dangling("updated_by"));
    let parents = "parent_message_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM chat_history AS p
                   WHERE p.message_id = chat_history.parent_message_id)";
    let conditions = HashMap::from([
        ("roles", dangling("created_by")),
        ("users", users),
        ("chat_history", parents.to_owned()),
    ]);
    for (map, query) in legacy.tables() {
        let name = map.table.name;
        let Some(condition) = conditions.get(name) else { continue };
        let found = format!("SELECT id AS rowid FROM {name} WHERE {condition}");
        let found: Vec<AnyRow> = diesel::sql_query(found).load(connection)?;
        let ids: HashSet<i64> = found.into_iter().map(|row| row.rowid).collect();
        if ids.is_empty() {
            continue;
        }
        if name == "chat_history" {
            context.without_parent.clone_from(&ids);
        }
        connection.batch_execute("BEGIN")?;
        let mut writer = TableWriter::new(connection, map)?;
        // The row was accepted once, and a NULL breaks no rule.
        let accepted = |rejection: Rejection| Error::Internal(rejection.reason);
        legacy.each(name, query, |row| {
            if !ids.contains(&row.rowid) {
                return Ok(());
            }
            let new = map.convert(row.rowid, &row.cells, context).map_err(accepted)?;
            let delete = format!("DELETE FROM {name} WHERE id = {}", row.rowid);
            writer.connection.batch_execute(&delete)?;
            writer.write(row.rowid, &new)?.map_err(accepted)?;
            Ok(())
        })?;
        connection.batch_execute("COMMIT")?;
    }
    Ok(())
}

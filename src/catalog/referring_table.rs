//! Which table refers to a row of an SQLite database, which says only that one does.

use std::collections::BTreeMap;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};

use super::identifier::{is_one_of, quoted};
use super::names::names;
use crate::error::Result;

/// A column of a foreign key.
#[derive(QueryableByName)]
struct Part {
    #[diesel(sql_type = Text)]
    child: String,
    #[diesel(sql_type = BigInt)]
    number: i64,
    #[diesel(sql_type = Text)]
    column: String,
    /// Column of the parent; `None` for that of its primary key.
    #[diesel(sql_type = Nullable<Text>)]
    parent_column: Option<String>,
    #[diesel(sql_type = Text)]
    on_delete: String,
}

const REFERENCES: &str = r#"
    SELECT s.name AS child, f.id AS number, f."from" AS "column", f."to" AS parent_column, f.on_delete AS on_delete
    FROM sqlite_schema AS s, temp.pragma_foreign_key_list(s.name) AS f
    WHERE s.type = 'table' AND f."table" = ? COLLATE NOCASE ORDER BY s.name, f.id, f.seq"#;

/// Returns the name of a table with rows that refer to the row with this id, or to what would be deleted with it, so that
/// it cannot be deleted; `None` if there is none.
///
/// # Errors
/// [`Error::Query`](crate::Error::Query) if the database cannot be read.
pub(crate) fn referring_table(
    connection: &mut SqliteConnection,
    table: &str,
    id: i64,
) -> Result<Option<String>> {
    // Tables whose rows would be deleted, each with the condition for them.
    let mut deleted = vec![(table.to_owned(), format!("id = {id}"))];
    let mut at = 0;
    while let Some((parent, condition)) = deleted.get(at).cloned() {
        at += 1;
        let parts: Vec<Part> =
            diesel::sql_query(REFERENCES).bind::<Text, _>(&parent).load(connection)?;
        let mut keys = BTreeMap::<(String, i64), Vec<Part>>::new();
        for part in parts {
            keys.entry((part.child.clone(), part.number)).or_default().push(part);
        }
        for ((child, _), parts) in keys {
            let known: Vec<String> = deleted.iter().map(|(table, _)| table.clone()).collect();
            let action = parts.first().map_or("", |part| &part.on_delete);
            if is_one_of(&child, &known) || action.starts_with("SET") {
                continue;
            }
            let columns: Vec<String> = parts.iter().map(|part| quoted(&part.column)).collect();
            let given: Option<Vec<String>> =
                parts.iter().map(|part| Some(quoted(part.parent_column.as_ref()?))).collect();
            let of_parent = match given {
                Some(given) => given,
                None => primary_key(connection, &parent)?,
            };
            let refers = format!(
                "({}) IN (SELECT {} FROM {} WHERE {condition})",
                columns.join(", "),
                of_parent.join(", "),
                quoted(&parent)
            );
            if action == "CASCADE" {
                deleted.push((child, refers));
                continue;
            }
            let found =
                format!("SELECT 'found' AS name FROM {} WHERE {refers} LIMIT 1", quoted(&child));
            if !names(connection, &found)?.is_empty() {
                return Ok(Some(child));
            }
        }
    }
    Ok(None)
}

/// Returns the columns of a table's primary key, as SQL quotes them.
fn primary_key(connection: &mut SqliteConnection, table: &str) -> Result<Vec<String>> {
    let query = format!(
        "SELECT name FROM temp.pragma_table_info({}) WHERE pk > 0 ORDER BY pk",
        super::identifier::literal(table)
    );
    Ok(names(connection, &query)?.iter().map(|name| quoted(name)).collect())
}

//! Dropping everything in a database, before its schema is created again.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;

use crate::backend::Backend;
use crate::backend::DbConnection;
use crate::catalog::UnreadableTable;
use crate::dispatch;
use crate::error::{Error, Result};

#[derive(QueryableByName)]
struct DropStatement {
    /// Name of the table, view or trigger of SQLite; empty on a server.
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    statement: String,
}

/// Drops every table, view, trigger, function, sequence and type, whoever created it. On a server, those
/// of the current schema, except objects that belong to an extension.
pub(super) fn drop_everything(connection: &mut DbConnection) -> Result<()> {
    let query = match connection.backend() {
        // Views and triggers first: they may refer to tables.
        Backend::Sqlite => {
            r#"SELECT 'DROP ' || type || ' IF EXISTS "' || replace(name, '"', '""') || '"' AS statement, name
               FROM sqlite_schema
               WHERE type IN ('view', 'trigger', 'table') AND name NOT LIKE 'sqlite\_%' ESCAPE '\'
               ORDER BY CASE type WHEN 'trigger' THEN 0 WHEN 'view' THEN 1 ELSE 2 END,
                   rootpage <> 0"#
        }
        // CASCADE drops dependent objects too, so a later statement may find nothing to drop.
        Backend::Postgres => {
            "WITH ours AS (
                SELECT 'pg_class'::regclass AS catalogue, oid,
                    'DROP ' || CASE relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW'
                        WHEN 'S' THEN 'SEQUENCE' WHEN 'f' THEN 'FOREIGN TABLE' ELSE 'TABLE' END
                        || ' IF EXISTS ' || oid::regclass || ' CASCADE' AS statement
                FROM pg_class
                WHERE relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
                    AND relnamespace = current_schema()::regnamespace
                UNION ALL
                SELECT 'pg_proc'::regclass, oid,
                    'DROP ROUTINE IF EXISTS ' || oid::regprocedure || ' CASCADE'
                FROM pg_proc WHERE pronamespace = current_schema()::regnamespace
                UNION ALL
                SELECT 'pg_type'::regclass, oid,
                    'DROP TYPE IF EXISTS ' || oid::regtype || ' CASCADE'
                FROM pg_type
                WHERE typtype IN ('e', 'd') AND typnamespace = current_schema()::regnamespace
            )
            SELECT statement, '' AS name FROM ours
            WHERE NOT EXISTS (SELECT FROM pg_depend AS d
                WHERE d.classid = ours.catalogue AND d.objid = ours.oid AND d.deptype IN ('e', 'i'))"
        }
    };
    let objects: Vec<DropStatement> =
        dispatch!(&mut *connection, |connection| diesel::sql_query(query).load(connection))?;
    for object in objects {
        if let Err(error) = connection.batch_execute(&object.statement) {
            forget_virtual_table(connection, &object.name, error.into())?;
        }
    }
    Ok(())
}

/// Removes a virtual table of SQLite from the schema if its module keeps it from being dropped: the
/// program does not have the module, or the module refuses its own data. The tables with that data are
/// dropped like all others.
fn forget_virtual_table(connection: &mut DbConnection, name: &str, error: Error) -> Result<()> {
    UnreadableTable::of(connection, name, error)?;
    let forget = "DELETE FROM sqlite_schema WHERE type = 'table' AND rootpage = 0 AND name = ?";
    connection.batch_execute("PRAGMA writable_schema = ON")?;
    let forgotten = diesel::sql_query(forget).bind::<Text, _>(name).execute(connection.sqlite()?);
    // SQLite reads the schema anew.
    connection.batch_execute("PRAGMA writable_schema = RESET")?;
    forgotten?;
    Ok(())
}

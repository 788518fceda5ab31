//! Dropping everything in a database, before its schema is created again.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;

use crate::backend::Backend;
use crate::backend::DbConnection;
use crate::dispatch;
use crate::error::Result;

#[derive(QueryableByName)]
struct DropStatement {
    #[diesel(sql_type = Text)]
    statement: String,
}

/// Drops every table, view, trigger, function, sequence and type, whoever created it. On a server, those
/// of the current schema, except objects that belong to an extension.
pub(super) fn drop_everything(connection: &mut DbConnection) -> Result<()> {
    let query = match connection.backend() {
        // Views and triggers first: they may refer to tables.
        Backend::Sqlite => {
            r#"SELECT 'DROP ' || type || ' IF EXISTS "' || replace(name, '"', '""') || '"' AS statement
               FROM sqlite_schema
               WHERE type IN ('view', 'trigger', 'table') AND name NOT LIKE 'sqlite\_%' ESCAPE '\'
               ORDER BY CASE type WHEN 'trigger' THEN 0 WHEN 'view' THEN 1 ELSE 2 END,
                   sql NOT LIKE 'CREATE VIRTUAL%'"#
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
            SELECT statement FROM ours
            WHERE NOT EXISTS (SELECT FROM pg_depend AS d
                WHERE d.classid = ours.catalogue AND d.objid = ours.oid AND d.deptype IN ('e', 'i'))"
        }
    };
    let objects: Vec<DropStatement> =
        dispatch!(&mut *connection, |connection| diesel::sql_query(query).load(connection))?;
    for object in objects {
        connection.batch_execute(&object.statement)?;
    }
    Ok(())
}

//! The check of the role that asks, and of what it may do that it need not.

use diesel::prelude::*;
use diesel::sql_types::{Array, Text};

use super::super::outcome::CheckOutcome;
use crate::backend::DbConnection;
use crate::connection::acting_role;
use crate::error::Result;
use crate::manager::DatabaseManager;

#[derive(QueryableByName)]
struct Role {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Array<Text>)]
    rights: Vec<String>,
}

/// The user, and what it may do beyond reading and writing rows. A superuser may do the rest anyway.
const ROLE: &str = "
    SELECT pg_catalog.quote_ident(rolname) AS name, CASE WHEN rolsuper THEN ARRAY['is a superuser'] ELSE array_remove(ARRAY[
        CASE WHEN rolcreaterole THEN 'creates roles (CREATEROLE)' END,
        CASE WHEN rolcreatedb THEN 'creates databases (CREATEDB)' END,
        CASE WHEN rolbypassrls THEN 'bypasses policies of rows (BYPASSRLS)' END,
        CASE WHEN rolreplication THEN 'replicates the server (REPLICATION)' END,
        CASE WHEN EXISTS (SELECT FROM pg_class WHERE relkind IN ('r', 'p') AND pg_has_role(relowner, 'USAGE')
                AND relnamespace = pg_catalog.quote_ident(current_schema())::regnamespace) THEN 'owns tables of the schema' END,
        CASE WHEN has_schema_privilege(current_schema(), 'CREATE') THEN 'creates objects in the schema' END,
        CASE WHEN has_database_privilege(current_database(), 'TEMPORARY') THEN 'creates temporary tables' END,
        (SELECT CASE WHEN has_any_column_privilege(oid, 'UPDATE') OR has_table_privilege(oid, 'DELETE, TRUNCATE')
                THEN 'may update, delete or truncate audit_log' END
            FROM pg_class WHERE relname = 'audit_log' AND relnamespace = pg_catalog.quote_ident(current_schema())::regnamespace)
    ], NULL) END AS rights
    FROM pg_roles WHERE rolname = current_user";

/// Says which role asks, and what it may do that an application need not. It passes whatever that is: migrations need
/// some of it, and a database that one role owns and uses works.
pub(super) fn role(connection: &mut DbConnection, _: &DatabaseManager) -> Result<CheckOutcome> {
    let connection = connection.postgres()?;
    let Role { name, rights } = diesel::sql_query(ROLE).get_result(connection)?;
    let acting = acting_role(connection)?.map_or(String::new(), |acting| format!("; {acting}"));
    Ok(CheckOutcome::Good(if rights.is_empty() {
        format!("{name}, which can change neither the schema nor entries of the audit log{acting}")
    } else {
        let rights = rights.join(", ");
        format!(
            "{name}, which {rights}; an application needs none of that: `zenith-db roles` prints a role for it{acting}"
        )
    }))
}

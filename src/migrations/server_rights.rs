//! Rights on a server: that which migrations need, and those that they must not leave to others.

use diesel::prelude::*;
use diesel::sql_types::Text;

use crate::backend::DbConnection;
use crate::catalog::names;
use crate::error::{MigrationFault, Result};

/// The user and the schema, as SQL quotes them, if the user may not create in the schema: in PostgreSQL 15 and later
/// only the owner of the database may in `public`.
const MISSING: &str =
    "SELECT pg_catalog.quote_ident(current_user) AS role, pg_catalog.quote_ident(current_schema()) AS schema
    WHERE NOT has_schema_privilege(current_schema(), 'CREATE')";

/// Statements that take from everybody but the owner what would change entries of the audit log, or set its sequence so
/// that no entry can follow: what they have passed on too. `ALTER DEFAULT PRIVILEGES` gives it to the role of an
/// application when a migration creates the table, or creates it again. There are none for a user who has not the rights
/// of the owner. None of them waits for a lock on the table.
const REVOKE: &str = "
    SELECT pg_catalog.format('REVOKE UPDATE, DELETE, TRUNCATE, TRIGGER ON audit_log FROM %s CASCADE',
        CASE grantee WHEN 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(pg_get_userbyid(grantee)) END) AS name
    FROM pg_class AS c, LATERAL (SELECT grantee, privilege_type FROM aclexplode(relacl)
        -- A right on the table takes back those on its columns too.
        UNION ALL SELECT x.grantee, x.privilege_type FROM pg_attribute, aclexplode(attacl) AS x WHERE attrelid = c.oid) AS r
    WHERE relname = 'audit_log' AND relnamespace = pg_catalog.quote_ident(current_schema())::regnamespace
        AND grantee <> relowner AND pg_has_role(relowner, 'USAGE')
        AND privilege_type IN ('UPDATE', 'DELETE', 'TRUNCATE', 'TRIGGER')
    GROUP BY grantee
    UNION ALL SELECT pg_catalog.format('REVOKE UPDATE ON SEQUENCE %s FROM %s CASCADE', s.oid::regclass,
        CASE grantee WHEN 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(pg_get_userbyid(grantee)) END)
    FROM pg_class AS t JOIN pg_depend AS d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = t.oid
            AND d.classid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
        JOIN pg_class AS s ON s.oid = d.objid AND s.relkind = 'S', aclexplode(s.relacl)
    WHERE t.relname = 'audit_log' AND t.relnamespace = pg_catalog.quote_ident(current_schema())::regnamespace
        AND grantee <> s.relowner AND pg_has_role(s.relowner, 'USAGE') AND privilege_type = 'UPDATE'";

/// Refuses a user of a server who may not create in the schema, which every migration needs.
///
/// # Errors
/// [`MigrationFault::MayNotCreate`].
pub(super) fn ensure_may_create(connection: &mut DbConnection) -> Result<()> {
    #[derive(QueryableByName)]
    struct Missing {
        #[diesel(sql_type = Text)]
        role: String,
        #[diesel(sql_type = Text)]
        schema: String,
    }

    let DbConnection::Postgres(connection) = connection else { return Ok(()) };
    let missing: Option<Missing> = diesel::sql_query(MISSING).get_result(connection).optional()?;
    match missing {
        None => Ok(()),
        Some(Missing { role, schema }) => Err(MigrationFault::MayNotCreate { role, schema }.into()),
    }
}

/// Takes from everybody but the owner what default privileges, or somebody, have given on the audit log.
pub(super) fn keep_audit_log_append_only(connection: &mut DbConnection) -> Result<()> {
    let DbConnection::Postgres(connection) = connection else { return Ok(()) };
    for statement in names(connection, REVOKE)? {
        diesel::sql_query(statement).execute(connection)?;
    }
    Ok(())
}

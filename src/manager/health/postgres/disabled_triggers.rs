//! Settings with which triggers and foreign keys do not work.

use diesel::sql_types::Bool;

use crate::backend::DbConnection;
use crate::catalog::names_of;
use crate::error::Result;

/// Whom a setting is for.
#[derive(Clone, Copy)]
pub(super) enum SettingOf {
    /// Everybody.
    All,
    /// One role.
    Role,
}

/// Settings of `session_replication_role` in this database that switch triggers off, of one role each or, unless `$1`, of
/// all. Of two for the same role, the one for the database holds.
///
/// One of a role counts if that role signs in and may add entries to the audit log. One of another superuser does not:
/// it may insert because it may do everything, and it can switch triggers off without the setting.
const SETTINGS: &str = "
    WITH found AS (
        SELECT DISTINCT ON (setrole) setrole, setdatabase, setting
        FROM pg_db_role_setting, unnest(setconfig) AS setting
        WHERE setting COLLATE \"C\" ILIKE 'session_replication_role=%'
            AND setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
        ORDER BY setrole, setdatabase DESC)
    SELECT pg_catalog.format('session_replication_role is replica for %s in %s, which switches triggers and foreign keys off: '
            'ALTER %s RESET session_replication_role',
        CASE setrole WHEN 0 THEN 'all roles' ELSE pg_catalog.format('the role %I', rolname) END,
        CASE setdatabase WHEN 0 THEN 'all databases' ELSE pg_catalog.format('the database %I', current_database()) END,
        CASE WHEN setrole = 0 AND setdatabase = 0 THEN 'ROLE ALL'
            WHEN setrole = 0 THEN pg_catalog.format('DATABASE %I', current_database())
            WHEN setdatabase = 0 THEN pg_catalog.format('ROLE %I', rolname)
            ELSE pg_catalog.format('ROLE %I IN DATABASE %I', rolname, current_database()) END) AS name
    FROM found LEFT JOIN pg_roles AS r ON r.oid = setrole
    -- As text as somebody has written it.
    WHERE lower(setting COLLATE \"C\") = 'session_replication_role=replica' AND (setrole <> 0) = $1 AND (setrole = 0
        OR rolcanlogin AND (NOT rolsuper OR rolname = current_user) AND EXISTS (
            SELECT FROM pg_class WHERE relname = 'audit_log' AND relnamespace = pg_catalog.quote_ident(current_schema())::regnamespace
                AND has_any_column_privilege(setrole, pg_class.oid, 'INSERT')))
    ORDER BY name";

/// Returns one line for each setting, with the statement that takes it back.
pub(super) fn disabled_by(connection: &mut DbConnection, of: SettingOf) -> Result<Vec<String>> {
    let is_of_role = matches!(of, SettingOf::Role);
    names_of(connection.postgres()?, diesel::sql_query(SETTINGS).bind::<Bool, _>(is_of_role))
}

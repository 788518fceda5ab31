//! Tables of a database on a server of which `pg_dump` writes rows.

use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};

use crate::error::Result;

#[derive(QueryableByName)]
pub(super) struct DumpedTable {
    #[diesel(sql_type = Text)]
    pub(super) name: String,
    /// What follows `FROM` in a query of the rows that `pg_dump` writes.
    #[diesel(sql_type = Text)]
    pub(super) rows: String,
    /// Whether the user may count all rows.
    #[diesel(sql_type = Bool)]
    pub(super) is_readable: bool,
}

/// A partitioned table has no rows of its own, and those of a foreign table are on another server. `pg_dump` leaves the
/// tables of an extension to `CREATE EXTENSION`, except for the rows that the extension marks as its configuration.
const TABLES: &str = r#"
    SELECT c.relname::text AS name,
            has_any_column_privilege(c.oid, 'SELECT') AND NOT row_security_active(c.oid) AS is_readable,
        CASE coalesce(config.condition, '')
            WHEN '' THEN format('ONLY %I.%I', n.nspname, c.relname)
            ELSE format('%I.%I ', n.nspname, c.relname) || config.condition
        END AS rows
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    LEFT JOIN LATERAL (
        SELECT extcondition[i] AS condition FROM pg_extension, generate_subscripts(extconfig, 1) AS i
        WHERE extconfig[i] = c.oid
    ) AS config ON true
    WHERE c.relkind = 'r' AND n.nspname = current_schema() AND (config.condition IS NOT NULL OR NOT EXISTS (
        SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = c.oid AND deptype = 'e'
    ))
    ORDER BY c.relname::text COLLATE "C""#;

/// Returns the tables of `current_schema()`, sorted by name.
pub(super) fn dumped_tables(connection: &mut PgConnection) -> Result<Vec<DumpedTable>> {
    Ok(diesel::sql_query(TABLES).load(connection)?)
}

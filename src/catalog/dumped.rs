//! Tables of a database on a server of which `pg_dump` writes rows.

use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};

use super::readable::may_count;
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
/// tables of an extension to `CREATE EXTENSION`, except for the rows that the extension marks as its configuration. The rows
/// of partitions by hash of an enum are those of the partitioned table: the hash depends on ids that another server gives.
/// `$readable` is whether the user may count the rows.
const TABLES: &str = r#"
    SELECT coalesce(root.relname, c.relname)::text AS name, $readable AS is_readable,
        CASE coalesce(config.condition, '')
            WHEN '' THEN pg_catalog.format('ONLY %I.%I', n.nspname, c.relname)
            ELSE pg_catalog.format('%I.%I %s', n.nspname, c.relname, config.condition)
        END AS rows
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    LEFT JOIN LATERAL (
        SELECT extcondition[i] AS condition FROM pg_extension, generate_subscripts(extconfig, 1) AS i
        WHERE extconfig[i] = c.oid
    ) AS config ON true
    LEFT JOIN pg_class AS root ON c.relispartition AND root.oid = pg_partition_root(c.oid) AND EXISTS (
        SELECT FROM pg_partition_ancestors(c.oid) AS ancestor JOIN pg_partitioned_table AS p ON p.partrelid = ancestor.relid
        WHERE (
            SELECT o.oid FROM pg_opclass AS o
            JOIN pg_am AS m ON m.oid = o.opcmethod JOIN pg_namespace AS s ON s.oid = o.opcnamespace
            WHERE o.opcname = 'enum_ops' AND s.nspname = 'pg_catalog' AND m.amname = 'hash'
        ) = ANY (p.partclass)
    )
    WHERE c.relkind = 'r' AND n.nspname = current_schema() AND (config.condition IS NOT NULL OR NOT EXISTS (
        SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = c.oid AND deptype = 'e'
    ))
    ORDER BY coalesce(root.relname, c.relname)::text COLLATE "C""#;

/// Returns the tables of `current_schema()`, sorted by name, of which several partitions may have one.
pub(super) fn dumped_tables(connection: &mut PgConnection) -> Result<Vec<DumpedTable>> {
    let query = TABLES.replace("$readable", &may_count("c.oid"));
    Ok(diesel::sql_query(query).load(connection)?)
}

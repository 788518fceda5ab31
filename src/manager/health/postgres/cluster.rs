//! Checks of what lies below the schema: indexes, sequences, collations, and what keeps a server from its housekeeping.

use std::time::Duration;

use diesel::prelude::*;
use diesel::sql_types::{Nullable, Text};

use crate::backend::{Backend, DbConnection};
use crate::catalog::{literal, may_read, names};
use crate::error::Result;
use crate::manager::DatabaseManager;
use crate::manager::health::outcome::CheckOutcome;
use crate::migrations::Structure;
use crate::types::MigrationOwner;

pub(super) fn indexes_valid(
    connection: &mut DbConnection,
    _: &DatabaseManager,
) -> Result<CheckOutcome> {
    let query = "SELECT pg_catalog.format('%s is invalid', indexrelid::regclass) AS name FROM pg_index
                 JOIN pg_class ON pg_class.oid = indrelid
                 WHERE NOT (indisvalid AND indisready)
                     AND relnamespace = pg_catalog.quote_ident(current_schema())::regnamespace ORDER BY 1";
    let faults = names(connection.postgres()?, query)?;
    Ok(CheckOutcome::from_faults(&faults, "all", "`REINDEX INDEX CONCURRENTLY` rebuilds an index"))
}

/// Sequence of a table.
#[derive(QueryableByName)]
struct Sequence {
    #[diesel(sql_type = Text)]
    name: String,
    /// Returns a row if it is behind the greatest id, so that a later insert gets one that exists; `None` if the user may not
    /// read all of that.
    #[diesel(sql_type = Nullable<Text>)]
    query: Option<String>,
}

/// The sequences of tables. `$readable` is whether the user may read the table.
const SEQUENCES: &str = "
    SELECT s.oid::regclass::text AS name, CASE
        -- Asked of nothing else: to ask it of a table is an error.
        WHEN CASE s.relkind WHEN 'S' THEN has_sequence_privilege(s.oid, 'SELECT') END AND $readable
        THEN pg_catalog.format('SELECT %L AS name FROM %s WHERE CASE WHEN is_called THEN last_value ELSE last_value - 1 END
            < (SELECT max(%I) FROM %s)',
        pg_catalog.format('SELECT setval(%L, (SELECT max(%I) FROM %s))', s.oid::regclass, attname, attrelid::regclass),
        s.oid::regclass, attname, attrelid::regclass) END AS query
    FROM pg_class AS s
    JOIN pg_depend AS d ON d.classid = 'pg_class'::regclass AND d.objid = s.oid AND d.deptype IN ('a', 'i')
    JOIN pg_attribute ON attrelid = d.refobjid AND attnum = d.refobjsubid
    JOIN pg_sequence AS q ON q.seqrelid = s.oid
    WHERE q.seqincrement > 0 AND NOT q.seqcycle
        AND atttypid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype)
        AND s.relkind = 'S' AND s.relnamespace = pg_catalog.quote_ident(current_schema())::regnamespace
        -- The trigger of this table gives the next id whatever the sequence says.
        AND attrelid <> coalesce(to_regclass('audit_log')::oid, 0)
    ORDER BY 1";

/// Sequences of the library's tables that come to an end or begin anew, or count otherwise than by one.
const ENDING: &str = "
    SELECT pg_catalog.format('%s does not count on by one: ALTER SEQUENCE %s INCREMENT 1 NO MAXVALUE NO CYCLE', s.oid::regclass,
        s.oid::regclass) AS name
    FROM pg_sequence JOIN pg_class AS s ON s.oid = seqrelid
    JOIN pg_depend AS d ON d.classid = 'pg_class'::regclass AND d.objid = s.oid AND d.deptype = 'i'
    JOIN pg_class AS t ON t.oid = d.refobjid
    WHERE s.relnamespace = pg_catalog.quote_ident(current_schema())::regnamespace AND t.relname IN ($1)
        AND (seqcycle OR seqincrement <> 1 OR seqmax < 2147483647)
    ORDER BY 1";

pub(super) fn sequences(
    connection: &mut DbConnection,
    manager: &DatabaseManager,
) -> Result<CheckOutcome> {
    let library = Structure::made_by(
        manager.migrations.of_owner(MigrationOwner::Library),
        Backend::Postgres,
    )?;
    let tables: Vec<String> = library.tables().into_iter().map(literal).collect();
    let query = SEQUENCES.replace("$readable", &may_read("attrelid"));
    let found: Vec<Sequence> = diesel::sql_query(query).load(connection.postgres()?)?;
    let (mut queries, mut unread) = (Vec::new(), Vec::new());
    for Sequence { name, query } in found {
        match query {
            Some(query) => queries.push(query),
            None => unread.push(name),
        }
    }
    let behind = if queries.is_empty() {
        Vec::new()
    } else {
        names(connection.postgres()?, &queries.join(" UNION ALL "))?
    };
    let good = match (queries.len(), unread.as_slice()) {
        (0, _) => "none can be read".to_owned(),
        (read, []) => format!("all {read} are ahead of their keys"),
        (read, unread) => format!(
            "{read} are ahead of their keys; not read, for want of a right or because policies hide rows: {}",
            unread.join(", ")
        ),
    };
    let mut faults: Vec<String> =
        behind.into_iter().map(|cure| format!("one is behind: {cure}")).collect();
    faults.extend(names(connection.postgres()?, &ENDING.replace("$1", &tables.join(", ")))?);
    Ok(CheckOutcome::from_faults(&faults, good, "an insert that gets an id which exists fails"))
}

/// The versions of a collation that an index was built with, and that the server has now.
const COLLATIONS: &str = "
    SELECT pg_catalog.format('the database was made with version %s of its collation, and the server has %s', datcollversion,
            pg_database_collation_actual_version(oid)) AS name
    FROM pg_database
    WHERE datname = current_database() AND datcollversion <> pg_database_collation_actual_version(oid)
    UNION ALL
    SELECT DISTINCT pg_catalog.format('the collation %I has version %s, and the server has %s', collname, collversion,
            pg_collation_actual_version(c.oid))
    FROM pg_collation AS c
    WHERE collversion <> pg_collation_actual_version(c.oid) AND EXISTS (
        SELECT FROM pg_attribute JOIN pg_class AS t ON t.oid = attrelid
        WHERE attcollation = c.oid AND t.relnamespace = pg_catalog.quote_ident(current_schema())::regnamespace)";

pub(super) fn collations(
    connection: &mut DbConnection,
    _: &DatabaseManager,
) -> Result<CheckOutcome> {
    let faults = names(connection.postgres()?, COLLATIONS)?;
    let cure = "texts may be sorted otherwise than in the indexes, and not be found: REINDEX the database, then \
                ALTER DATABASE (or COLLATION) … REFRESH VERSION (of a database: REFRESH COLLATION VERSION)";
    Ok(CheckOutcome::from_faults(&faults, "the versions that indexes were built with", cure))
}

/// Sessions that hold locks on tables of the schema and have done nothing for `$1`, which an ordinary user sees of itself
/// only.
const OLD: &str = "
    SELECT pg_catalog.format('%s (process %s of the server) has been idle in a transaction for %s seconds',
        coalesce(nullif(application_name, ''), usename::text), pid,
        extract(epoch FROM clock_timestamp() - state_change)::int8) AS name
    FROM pg_stat_activity AS a
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND state LIKE 'idle in transaction%'
        AND state_change < clock_timestamp() - $1::interval AND EXISTS (
            SELECT FROM pg_locks AS l JOIN pg_class AS t ON t.oid = l.relation
            WHERE l.pid = a.pid AND l.locktype = 'relation'
                AND t.relnamespace = pg_catalog.quote_ident(current_schema())::regnamespace)
    UNION ALL
    SELECT pg_catalog.format('the transaction %s was prepared at %s, and neither committed nor rolled back', gid, prepared)
    FROM pg_prepared_xacts
    WHERE database = current_database() AND prepared < clock_timestamp() - $1::interval
    ORDER BY 1";

pub(super) fn old_transactions(
    connection: &mut DbConnection,
    manager: &DatabaseManager,
) -> Result<CheckOutcome> {
    // The server ends an idle transaction of a pool after the timeout. A backup has one while it runs.
    let timeout = manager.config.server().idle_transaction_timeout;
    let minute = Duration::from_secs(60);
    let limit = 5 * if timeout.is_zero() { minute } else { timeout };
    let limit = format!("{} ms", limit.as_millis());
    let faults = names(connection.postgres()?, &OLD.replace("$1", &literal(&limit)))?;
    let cure = "migrations wait for it, and rows that were deleted stay: end it with pg_terminate_backend or ROLLBACK \
                PREPARED";
    Ok(CheckOutcome::from_faults(&faults, "none", cure))
}

pub(super) fn transaction_ids(
    connection: &mut DbConnection,
    _: &DatabaseManager,
) -> Result<CheckOutcome> {
    // Autovacuum should have begun at half of that. At 2 billion the server stops to write.
    let query = "SELECT pg_catalog.format('the oldest transaction id is %s transactions old', greatest(age(datfrozenxid),
            mxid_age(datminmxid))) AS name
        FROM pg_database
        WHERE datname = current_database() AND (
            age(datfrozenxid) > least(2 * current_setting('autovacuum_freeze_max_age')::int8, 1600000000)
            OR mxid_age(datminmxid) > least(2 * current_setting('autovacuum_multixact_freeze_max_age')::int8, 1600000000))";
    let faults = names(connection.postgres()?, query)?;
    let cure = "VACUUM the database, and find out what keeps autovacuum from it: an old transaction or a replication slot";
    Ok(CheckOutcome::from_faults(&faults, "young enough", cure))
}

/// Slots that keep more than a gigabyte of the log for nobody, or have lost what their reader needs.
const SLOTS: &str = "
    SELECT pg_catalog.format('the slot %I keeps %s of the log, and nobody reads it', slot_name, pg_size_pretty(bytes)) AS name
    FROM (SELECT *, CASE WHEN pg_is_in_recovery() THEN 0
        ELSE pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn) END AS bytes FROM pg_replication_slots) AS slots
    WHERE NOT active AND bytes > 1073741824
    UNION ALL
    SELECT pg_catalog.format('the slot %I has lost a part of the log', slot_name) FROM pg_replication_slots
    WHERE wal_status = 'lost'
    ORDER BY 1";

pub(super) fn replication_slots(
    connection: &mut DbConnection,
    _: &DatabaseManager,
) -> Result<CheckOutcome> {
    let faults = names(connection.postgres()?, SLOTS)?;
    let cure =
        "start what reads it, or SELECT pg_drop_replication_slot(name), before the disk is full";
    Ok(CheckOutcome::from_faults(&faults, "none keeps the log", cure))
}

//! Checks of a database on a PostgreSQL server.

use std::collections::BTreeSet;
use std::sync::Arc;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use super::checks::{
    FOREIGN_KEYS, NamedCheck, administrator, foreign_key_violations, pending, schema_fix,
    schema_version, seeds,
};
use super::expected_schema::expected_on_postgres;
use super::outcome::CheckOutcome;
use crate::backend::{Backend, DbConnection};
use crate::connection::{self, Server};
use crate::dispatch;
use crate::error::Result;
use crate::manager::DatabaseManager;
use crate::migrations::Structure;

/// Checks in the order of the report.
pub(super) const CHECKS: &[NamedCheck] = &[
    ("Schema Version", true, schema_version),
    ("Required Tables", true, required_tables),
    ("Required Columns and Indexes", true, columns_and_indexes),
    ("Triggers Present", true, triggers),
    (FOREIGN_KEYS, true, foreign_key_violations),
    ("Indexes Valid", true, indexes_valid),
    ("Seeds Present", true, seeds),
    ("Admin User Exists", false, administrator),
    ("Server Version", true, server_version),
    ("Encoding", true, encoding),
    ("Time Zone", false, time_zone),
    ("Connection Headroom", false, headroom),
    ("Replica", false, replica),
    ("Pending Migrations", true, pending),
];

fn required_tables(
    connection: &mut DbConnection,
    manager: &DatabaseManager,
) -> Result<CheckOutcome> {
    let (expected, found) = both(connection, manager)?;
    let found = found.tables();
    let missing = expected.tables().into_iter().filter(|table| !found.contains(table));
    let missing: Vec<String> = missing.map(|table| format!("table {table} is missing")).collect();
    let good = format!("all {} tables", expected.tables().len());
    Ok(CheckOutcome::from_faults(&missing, good, schema_fix(connection, manager)?))
}

fn columns_and_indexes(
    connection: &mut DbConnection,
    manager: &DatabaseManager,
) -> Result<CheckOutcome> {
    let (expected, found) = both(connection, manager)?;
    let tables = found.tables();
    let mut faults = Vec::new();
    for (expected, found) in [
        (&expected.columns, &found.columns),
        (&expected.indexes, &found.indexes),
        (&expected.references, &found.references),
        (&expected.checks, &found.checks),
    ] {
        faults.extend(differences(expected, found, &tables));
    }
    faults.extend(strange_columns(&expected, &found));
    let good = format!("as in the migrations, with {} indexes", expected.indexes.len());
    Ok(CheckOutcome::from_faults(&faults, good, schema_fix(connection, manager)?))
}

fn triggers(connection: &mut DbConnection, manager: &DatabaseManager) -> Result<CheckOutcome> {
    let (expected, found) = both(connection, manager)?;
    let mut faults = differences(&expected.triggers, &found.triggers, &found.tables());
    faults.extend(weakened_triggers(connection, manager, &expected)?);
    Ok(CheckOutcome::from_faults(
        &faults,
        format!("all {} triggers", expected.triggers.len()),
        schema_fix(connection, manager)?,
    ))
}

#[derive(QueryableByName)]
struct Trigger {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    definition: String,
    #[diesel(sql_type = Text)]
    body: String,
}

/// Returns one line for each trigger of the schema whose definition or function differs from the
/// migrations. Their text is in the migrations, except for white space and the name of the schema.
fn weakened_triggers(
    connection: &mut DbConnection,
    manager: &DatabaseManager,
    expected: &Structure,
) -> Result<Vec<String>> {
    let query = "SELECT c.relname || ': ' || t.tgname AS name, p.prosrc AS body,
            replace(pg_get_triggerdef(t.oid), quote_ident(current_schema()) || '.', '') AS definition
        FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid
        JOIN pg_proc AS p ON p.oid = t.tgfoid
        WHERE NOT t.tgisinternal AND c.relnamespace = current_schema()::regnamespace";
    let found: Vec<Trigger> = dispatch!(connection, |c| diesel::sql_query(query).load(c))?;
    let plain = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let written: Vec<&str> =
        manager.migrations.iter().map(|migration| migration.up(Backend::Postgres)).collect();
    let written = plain(&written.join(" "));
    let as_written = |text: &str| written.contains(&plain(text));
    let ours = found.into_iter().filter(|trigger| expected.triggers.contains(&trigger.name));
    let weakened = ours.filter(|t| !as_written(&t.definition) || !as_written(&t.body));
    Ok(weakened.map(|trigger| format!("{} differs from the migrations", trigger.name)).collect())
}

fn both(
    connection: &mut DbConnection,
    manager: &DatabaseManager,
) -> Result<(Arc<Structure>, Structure)> {
    Ok((expected_on_postgres(manager.migrations)?, Structure::of(connection)?))
}

/// Returns one line for each part of an existing table that is missing. A missing table is reported
/// once, by another check.
fn differences(
    expected: &BTreeSet<String>,
    found: &BTreeSet<String>,
    tables: &BTreeSet<&str>,
) -> Vec<String> {
    // Lines begin with the table, or with a constraint, whose name begins with it.
    let of_present_table = |line: &&String| tables.iter().any(|table| line.starts_with(table));
    let missing = expected.difference(found).filter(of_present_table);
    missing.map(|line| format!("missing or different: {line}")).collect()
}

/// Returns one line for each additional column in a table of the migrations. Changed columns are
/// reported by [`differences`].
fn strange_columns(expected: &Structure, found: &Structure) -> Vec<String> {
    let name = |line: &str| line.split(' ').next().unwrap_or_default().to_owned();
    let ours: BTreeSet<String> = expected.columns.iter().map(|line| name(line)).collect();
    let tables = expected.tables();
    let of_our_table =
        |column: &String| column.split_once('.').is_some_and(|(table, _)| tables.contains(table));
    let names = found.columns.iter().map(|line| name(line));
    let strange = names.filter(|column| of_our_table(column) && !ours.contains(column));
    strange.map(|column| format!("column {column} is not in the migrations")).collect()
}

#[derive(QueryableByName)]
struct NamedValue {
    #[diesel(sql_type = Text)]
    name: String,
}

fn indexes_valid(connection: &mut DbConnection, _: &DatabaseManager) -> Result<CheckOutcome> {
    let query = "SELECT indexrelid::regclass::text AS name FROM pg_index
                 JOIN pg_class ON pg_class.oid = indrelid
                 WHERE NOT (indisvalid AND indisready)
                     AND relnamespace = current_schema()::regnamespace ORDER BY 1";
    let found: Vec<NamedValue> = dispatch!(connection, |c| diesel::sql_query(query).load(c))?;
    let faults: Vec<String> =
        found.into_iter().map(|index| format!("{} is invalid", index.name)).collect();
    Ok(CheckOutcome::from_faults(&faults, "all", "`REINDEX INDEX CONCURRENTLY` rebuilds an index"))
}

/// Returns the value of a setting in a new session of this user.
fn setting(connection: &mut DbConnection, name: &str) -> Result<String> {
    let query =
        format!("SELECT coalesce(reset_val, '') AS name FROM pg_settings WHERE name = '{name}'");
    let found: NamedValue = dispatch!(connection, |c| diesel::sql_query(query).get_result(c))?;
    Ok(found.name)
}

fn server_version(connection: &mut DbConnection, _: &DatabaseManager) -> Result<CheckOutcome> {
    let server = Server::ask(connection.postgres()?)?;
    let good = format!("PostgreSQL {}", server.shown_version);
    Ok(server.version_fault().map_or(CheckOutcome::Good(good), CheckOutcome::Bad))
}

fn encoding(connection: &mut DbConnection, _: &DatabaseManager) -> Result<CheckOutcome> {
    let server = Server::ask(connection.postgres()?)?;
    Ok(server.encoding_fault().map_or(CheckOutcome::Good(server.encoding), CheckOutcome::Bad))
}

/// Checks the default time zone. This program stores times in UTC whatever it is, but other
/// programs would show and compare them wrongly.
fn time_zone(connection: &mut DbConnection, _: &DatabaseManager) -> Result<CheckOutcome> {
    let zone = setting(connection, "TimeZone")?;
    let is_utc = ["UTC", "Etc/UTC", "GMT", "Etc/GMT", "Zulu", "Etc/Zulu", "UCT"].contains(&&*zone);
    Ok(if is_utc {
        CheckOutcome::Good(zone)
    } else {
        CheckOutcome::Bad(format!(
            "sessions of this user have the time zone {zone}, in which other programs misread the \
             stored times: ALTER DATABASE … SET timezone TO 'UTC'"
        ))
    })
}

#[derive(QueryableByName)]
struct Room {
    #[diesel(sql_type = BigInt)]
    limit: i64,
    #[diesel(sql_type = BigInt)]
    used: i64,
}

fn headroom(connection: &mut DbConnection, manager: &DatabaseManager) -> Result<CheckOutcome> {
    let config = &manager.config;
    let query = "SELECT current_setting('max_connections')::int8
            - current_setting('superuser_reserved_connections')::int8 AS limit,
        (SELECT count(*) FROM pg_stat_activity
            WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()) AS used";
    let room: Room = dispatch!(connection, |c| diesel::sql_query(query).get_result(c))?;
    let (free, wanted) = (room.limit - room.used, i64::from(config.max_connections()));
    let state = format!("{} of {} connections are free, a pool may use {wanted}", free, room.limit);
    Ok(if free >= wanted {
        CheckOutcome::Good(state)
    } else {
        CheckOutcome::Bad(format!(
            "{state}; lower DATABASE_MAX_CONNECTIONS, raise the server's max_connections, or use a \
             connection pooler"
        ))
    })
}

#[derive(QueryableByName)]
struct Identity {
    #[diesel(sql_type = BigInt)]
    system: i64,
}

/// Returns the system identifier of the server, which a replica shares with its primary.
fn identity(connection: &mut DbConnection) -> Result<i64> {
    let query = "SELECT system_identifier AS system FROM pg_control_system()";
    let found: Identity = dispatch!(connection, |c| diesel::sql_query(query).get_result(c))?;
    Ok(found.system)
}

fn replica(connection: &mut DbConnection, manager: &DatabaseManager) -> Result<CheckOutcome> {
    let config = &manager.config;
    let Some(url) = &config.server().replica else {
        return Ok(CheckOutcome::Good("none is configured".into()));
    };
    let mut replica = connection::open_replica(url, config)?;
    if identity(connection)? != identity(&mut replica)? {
        return Ok(CheckOutcome::Bad(format!(
            "{url} is not a replica of this server: correct DATABASE_REPLICA_URL"
        )));
    }
    let limit = config.server().replica_max_lag;
    Ok(match connection::lag(&mut replica)? {
        Some(lag) if lag <= limit => CheckOutcome::Good(format!("lag of {} ms", lag.as_millis())),
        lag => {
            let lag = lag.map_or("an unknown time".into(), |lag| format!("{} ms", lag.as_millis()));
            CheckOutcome::Bad(format!(
                "the lag is {lag}, {} ms are allowed; reads use the primary. Is replication running?",
                limit.as_millis()
            ))
        }
    })
}

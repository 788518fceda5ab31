//! Checks of the server and of the way to it.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use crate::backend::DbConnection;
use crate::catalog::names;
use crate::config::Location;
use crate::connection::{self, Identity, Server};
use crate::error::Result;
use crate::manager::DatabaseManager;
use crate::manager::health::outcome::CheckOutcome;

/// Returns the value of a setting in a new session of this user.
fn setting(connection: &mut DbConnection, name: &str) -> Result<String> {
    let query =
        format!("SELECT coalesce(reset_val, '') AS name FROM pg_settings WHERE name = '{name}'");
    Ok(names(connection.postgres()?, &query)?.into_iter().next().unwrap_or_default())
}

pub(super) fn server_version(
    connection: &mut DbConnection,
    _: &DatabaseManager,
) -> Result<CheckOutcome> {
    let server = Server::ask(connection.postgres()?)?;
    let good = format!("PostgreSQL {}", server.shown_version);
    Ok(server.version_fault().map_or(CheckOutcome::Good(good), CheckOutcome::Bad))
}

pub(super) fn encoding(connection: &mut DbConnection, _: &DatabaseManager) -> Result<CheckOutcome> {
    let server = Server::ask(connection.postgres()?)?;
    Ok(server.encoding_fault().map_or(CheckOutcome::Good(server.encoding), CheckOutcome::Bad))
}

/// Checks the default time zone. This program stores times in UTC whatever it is, but other
/// programs would show and compare them wrongly.
pub(super) fn time_zone(
    connection: &mut DbConnection,
    _: &DatabaseManager,
) -> Result<CheckOutcome> {
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

/// Checks whether the server takes what an application writes. A replica is checked as any other database.
pub(super) fn accepts_writes(
    connection: &mut DbConnection,
    _: &DatabaseManager,
) -> Result<CheckOutcome> {
    let server = Server::ask(connection.postgres()?)?;
    // The session of this check only reads, whatever the setting is.
    let is_read_only = setting(connection, "default_transaction_read_only")? == "on";
    Ok(server.write_fault(is_read_only).map_or(CheckOutcome::Good("yes".into()), |fault| {
        CheckOutcome::Bad(format!("{fault}; an application cannot open the database"))
    }))
}

#[derive(QueryableByName)]
struct Room {
    /// What has the limit.
    #[diesel(sql_type = Text)]
    of: String,
    #[diesel(sql_type = BigInt)]
    most: i64,
    #[diesel(sql_type = BigInt)]
    free: i64,
}

/// The limits on connections that hold for this user, the one with the least room first. `pg_stat_activity` shows an
/// ordinary user of the sessions of others neither what kind they are nor what they do, but that they are there.
const ROOM: &str = "
    WITH me AS (SELECT oid, rolsuper, rolconnlimit::int8 AS most FROM pg_roles WHERE rolname = current_user),
    sessions AS (SELECT datid, usesysid FROM pg_stat_activity
        WHERE pid <> pg_backend_pid() AND datid IS NOT NULL AND usesysid IS NOT NULL),
    server AS (SELECT current_setting('max_connections')::int8 - CASE WHEN rolsuper THEN 0
        ELSE current_setting('superuser_reserved_connections')::int8
            + coalesce(current_setting('reserved_connections', true), '0')::int8 END AS most FROM me),
    limits AS (
        SELECT 'the server' AS of, most, most - (SELECT count(*) FROM sessions) AS free FROM server
        UNION ALL
        SELECT 'the database', datconnlimit, datconnlimit - (SELECT count(*) FROM sessions WHERE datid = d.oid)
        FROM pg_database AS d, me WHERE datname = current_database() AND datconnlimit >= 0 AND NOT rolsuper
        UNION ALL
        SELECT 'the user', most, most - (SELECT count(*) FROM sessions WHERE usesysid = me.oid)
        FROM me WHERE most >= 0 AND NOT rolsuper)
    SELECT of, most, greatest(free, 0) AS free FROM limits ORDER BY free LIMIT 1";

pub(super) fn headroom(
    connection: &mut DbConnection,
    manager: &DatabaseManager,
) -> Result<CheckOutcome> {
    let room: Room = diesel::sql_query(ROOM).get_result(connection.postgres()?)?;
    let wanted = i64::from(manager.config.max_connections());
    let Room { of, most, free } = room;
    let state = format!("{free} of {most} connections of {of} are free, a pool may use {wanted}");
    Ok(if free >= wanted {
        CheckOutcome::Good(state)
    } else {
        CheckOutcome::Bad(format!(
            "{state}; lower DATABASE_MAX_CONNECTIONS, raise that limit, or use a connection pooler"
        ))
    })
}

pub(super) fn replica(
    connection: &mut DbConnection,
    manager: &DatabaseManager,
) -> Result<CheckOutcome> {
    let config = &manager.config;
    let Some(url) = &config.server().replica else {
        return Ok(CheckOutcome::Good("none is configured".into()));
    };
    let Location::Postgres(of) = config.location() else {
        return Ok(CheckOutcome::Good("none is configured".into()));
    };
    let primary = Identity::of(connection, of, config.server())?;
    let (mut replica, identity) = connection::open_replica(url, config, &primary)?;
    if let Some(reason) = identity.no_replica(&primary) {
        return Ok(CheckOutcome::Bad(format!(
            "{url} is not in recovery: {reason}; correct DATABASE_REPLICA_URL"
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

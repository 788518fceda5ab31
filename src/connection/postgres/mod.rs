//! Opening a database on a PostgreSQL server, and diagnosing failures.

mod acting_role;
mod connect;
mod contents;
mod databases;
mod identity;
mod limits;
mod name;
mod quoted;
mod rights;
mod schema;
mod scratch;
mod scratch_lock;
mod scratch_name;
mod scratch_settings;
mod statement;
mod trust;

use std::fmt::Write as _;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Integer, Nullable, Text};

pub(crate) use acting_role::{acting_role, acting_role_of};
pub(crate) use connect::with_one_host;
pub(crate) use contents::CATALOGS;
pub(crate) use contents::contents_beyond;
pub(crate) use databases::drop_if_bare;
pub(super) use databases::{create, exists, remove_created};
pub(crate) use identity::Identity;
pub(super) use limits::limits_transactions;
pub(crate) use name::name_of;
pub(crate) use rights::{RestoreLock, right_missing};
pub(crate) use schema::{present_objects, schema_of};
pub(crate) use scratch::{ScratchDatabase, others_in};
#[cfg(feature = "testing")]
pub(crate) use scratch_lock::ScratchLock;
pub(crate) use trust::is_trusted;

use self::limits::{language, operator_limits};
use self::trust::{among_ours, ensure_own_ledger};
use super::access::Access;
use crate::backend::DbConnection;
use crate::config::Config;
use crate::config::{ServerOptions, ServerUrl};
use crate::error::{Error, Result};

/// Oldest supported server, as `server_version_num`.
const OLDEST_SERVER: i32 = 150_000;

/// Opens the database. It must exist, on a server that is new enough and, for writing, accepts
/// writes.
pub(super) fn open(
    url: &ServerUrl,
    options: &ServerOptions,
    access: Access,
) -> Result<DbConnection> {
    let mut connection = connect::connect(url, options)?;
    let schema = among_ours(&mut connection, options, |connection, path| {
        Server::ask(connection)?.check(url, access)?;
        let schema = schema::resolve_in(connection, url, options, path)?;
        if access == Access::Maintain {
            ensure_own_ledger(connection, url, &schema)?;
        }
        Ok(schema)
    })?;
    // What is set on a pooler's connection, other clients get.
    if !options.transaction_pooler {
        let limits_transactions = !access.is_pooled() && limits_transactions(&mut connection)?;
        let settings = session(options, access, &schema, limits_transactions);
        connection.batch_execute(&settings)?;
    } else if !access.is_pooled() {
        schema::ensure_settled(&mut connection, url, &schema)?;
    }
    Ok(DbConnection::Postgres(connection))
}

/// Returns the settings of each connection.
fn session(
    options: &ServerOptions,
    access: Access,
    schema: &str,
    limits_transactions: bool,
) -> String {
    let mut settings = String::from("SET client_min_messages = warning;");
    settings.push_str(&language("SET"));
    settings.push_str(&schema::pin("SET", schema));
    if access.is_pooled() {
        settings.push_str(&limits(options, "SET"));
    } else {
        settings.push_str(&operator_settings("SET", options, limits_transactions));
    }
    if !access.writes() {
        settings.push_str("SET default_transaction_read_only = on;");
    }
    settings
}

/// Returns the schema, if one is configured, and the limits of an operator's work, as statements that begin with `set`.
pub(super) fn operator_settings(
    set: &str,
    options: &ServerOptions,
    limits_transactions: bool,
) -> String {
    let schema = options.schema.as_ref().map(|schema| schema::pin(set, schema));
    schema.unwrap_or_default() + &operator_limits(set, options, limits_transactions)
}

/// Returns the pool's limits, as statements that begin with `set`. Zero leaves a limit to the
/// server, and so to `ALTER ROLE`.
fn limits(options: &ServerOptions, set: &str) -> String {
    let mut settings = String::new();
    for (name, limit) in [
        ("lock_timeout", options.lock_timeout),
        ("statement_timeout", options.statement_timeout),
        ("idle_in_transaction_session_timeout", options.idle_transaction_timeout),
    ] {
        if !limit.is_zero() {
            let _ = write!(settings, "{set} {name} = {};", limit.as_millis());
        }
    }
    settings
}

/// Sets the schema and the pool's limits for the current transaction: behind a pooler they cannot be set for the
/// session.
pub(crate) fn limit_transaction(connection: &mut DbConnection, config: &Config) -> Result<()> {
    let options = config.server();
    let schema = options.schema.as_ref().map(|schema| schema::pin("SET LOCAL", schema));
    let settings =
        schema.unwrap_or_default() + &language("SET LOCAL") + &limits(options, "SET LOCAL");
    Ok(connection.batch_execute(&settings)?)
}

/// Properties of a server.
#[derive(QueryableByName)]
pub(crate) struct Server {
    #[diesel(sql_type = Integer)]
    version: i32,
    #[diesel(sql_type = Text)]
    pub(crate) shown_version: String,
    #[diesel(sql_type = Text)]
    pub(crate) encoding: String,
    #[diesel(sql_type = Bool)]
    is_replica: bool,
    #[diesel(sql_type = Bool)]
    is_read_only: bool,
    #[diesel(sql_type = Bool)]
    has_triggers: bool,
}

impl Server {
    pub(crate) fn ask(connection: &mut PgConnection) -> Result<Self> {
        let query = "SELECT current_setting('server_version_num')::int AS version,
                current_setting('server_version') AS shown_version,
                current_setting('server_encoding') AS encoding,
                pg_is_in_recovery() AS is_replica,
                current_setting('default_transaction_read_only')::bool AS is_read_only,
                current_setting('session_replication_role') <> 'replica' AS has_triggers";
        Ok(diesel::sql_query(query).get_result(connection)?)
    }

    /// Returns the reason why the server is too old, if it is.
    pub(crate) fn version_fault(&self) -> Option<String> {
        (self.version < OLDEST_SERVER).then(|| {
            let version = &self.shown_version;
            format!("the server is PostgreSQL {version}; the oldest supported version is 15")
        })
    }

    /// Returns the reason why the server's encoding cannot hold every text, if it cannot.
    pub(crate) fn encoding_fault(&self) -> Option<String> {
        (self.encoding != "UTF8").then(|| {
            let encoding = &self.encoding;
            format!(
                "its encoding is {encoding}, which cannot hold every text; create a database \
                 with ENCODING 'UTF8' and transfer this one into it"
            )
        })
    }

    /// Returns the reason why the server takes no writes, if it takes none. `is_read_only` is whether transactions only read
    /// by default.
    pub(crate) const fn write_fault(&self, is_read_only: bool) -> Option<&'static str> {
        match (self.is_replica, is_read_only) {
            (true, _) => Some("it is a replica; give the URL of the primary"),
            (false, true) => Some(
                "default_transaction_read_only is on for this database or user; \
                 PGOPTIONS='-c default_transaction_read_only=off' overrides it for a command",
            ),
            (false, false) => None,
        }
    }

    /// Refuses a replica, and transactions that only read by default where this was asked: for the database of `url`
    /// another may be asked.
    ///
    /// # Errors
    /// [`Error::ReadOnly`]
    fn ensure_writable(&self, url: &ServerUrl) -> Result<()> {
        match self.write_fault(self.is_read_only) {
            Some(reason) => Err(Error::ReadOnly { database: url.to_string(), reason }),
            None => Ok(()),
        }
    }

    fn check(&self, url: &ServerUrl, access: Access) -> Result<()> {
        let refuse = |reason: String| Err(Error::Refused { database: url.to_string(), reason });
        // For an inspection, the health check reports it.
        if access != Access::Inspect
            && let Some(reason) = self.version_fault().or_else(|| self.encoding_fault())
        {
            return refuse(reason);
        }
        if access.writes() {
            self.ensure_writable(url)?;
        }
        if access.writes() && !self.has_triggers {
            return refuse(
                "session_replication_role is replica for this database or user, so that no foreign key and no trigger \
                 works; ALTER ROLE … or ALTER DATABASE … RESET session_replication_role"
                    .into(),
            );
        }
        Ok(())
    }
}

/// Makes transactions read-only by default: one that writes must say so.
pub(crate) fn default_to_read_only(connection: &mut DbConnection, config: &Config) -> Result<()> {
    if config.server().transaction_pooler {
        return Ok(());
    }
    Ok(connection.batch_execute("SET default_transaction_read_only = on")?)
}

#[derive(QueryableByName)]
struct Lag {
    #[diesel(sql_type = Nullable<BigInt>)]
    milliseconds: Option<i64>,
}

/// Returns the lag of a replica behind its primary; zero for a server that is not a replica.
///
/// While a replica does not hear from a primary, the lag is the time since its last transaction, or
/// `None` if it has none.
pub(crate) fn lag(connection: &mut DbConnection) -> Result<Option<Duration>> {
    // What has just arrived is replayed in a moment; until then the age of the last transaction, which
    // on a primary without work is old, would pass for the lag.
    for _ in 0..5 {
        if let Some(Duration::ZERO) = lag_now(connection)? {
            return Ok(Some(Duration::ZERO));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    lag_now(connection)
}

fn lag_now(connection: &mut DbConnection) -> Result<Option<Duration>> {
    // Having replayed what was received means nothing to a replica that receives nothing.
    let query = diesel::sql_query(
        "SELECT CASE
            WHEN NOT pg_is_in_recovery() THEN 0
            WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn()
                AND EXISTS (SELECT FROM pg_stat_wal_receiver) THEN 0
            ELSE (extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()) * 1000)::int8
        END AS milliseconds",
    );
    let lag: Lag = crate::dispatch!(connection, |connection| query.get_result(connection))?;
    let milliseconds = lag.milliseconds.map(|lag| u64::try_from(lag).unwrap_or(0));
    Ok(milliseconds.map(Duration::from_millis))
}

/// Returns an error if the replica's lag is too large.
pub(crate) fn check_lag(connection: &mut DbConnection, config: &Config) -> Result<()> {
    let limit = config.server().replica_max_lag;
    match lag(connection)? {
        Some(lag) if lag <= limit => Ok(()),
        lag => Err(Error::ReplicaLag { lag, limit }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Key, Loader, Location};

    type Change = fn(&mut Server);

    fn refusal(access: Access, change: impl FnOnce(&mut Server)) -> Option<String> {
        let config = Loader::new().flag(Key::Url, "test", "postgres://host/zenith").load();
        let Ok(Location::Postgres(url)) = config.as_ref().map(Config::location) else {
            panic!("{config:?}")
        };
        let mut server = Server {
            version: 150_000,
            shown_version: "15.0".into(),
            encoding: "UTF8".into(),
            is_replica: false,
            is_read_only: false,
            has_triggers: true,
        };
        change(&mut server);
        server.check(url, access).err().map(|error| error.to_string())
    }

    /// An operator may look at whatever is there: the health check reports it.
    #[test]
    fn a_server_is_refused_with_the_reason_before_anything_is_written() {
        let refusals: [(Change, &str, bool); 5] = [
            (|server| server.version = 149_999, "the oldest supported version is 15", true),
            (|server| server.encoding = "LATIN1".into(), "LATIN1", true),
            (|server| server.is_replica = true, "a replica", false),
            (|server| server.is_read_only = true, "default_transaction_read_only", false),
            (|server| server.has_triggers = false, "session_replication_role", false),
        ];
        for (change, words, also_to_read) in refusals {
            for access in [Access::Write, Access::Maintain, Access::Govern] {
                let said = refusal(access, change).unwrap_or_default();
                assert!(said.contains(words), "{access:?}: {said}");
            }
            assert_eq!(refusal(Access::Read, change).is_some(), also_to_read, "{words}");
            assert_eq!(refusal(Access::Inspect, change), None);
        }
        assert_eq!(refusal(Access::Write, |_| ()), None);
    }
}

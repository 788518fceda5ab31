//! Opening the configured database, on either backend.

use std::time::{Duration, Instant};

use super::access::Access;
#[cfg(feature = "postgres")]
use super::postgres;
use super::sqlite;
use crate::backend::DbConnection;
use crate::config::{Config, Location};
use crate::error::{Error, Result};

/// Opens the database, which must exist.
///
/// # Errors
/// [`Error::NoDatabase`], [`Error::Refused`], [`Error::Open`], [`Error::Connect`],
/// [`Error::ReadOnly`] or [`Error::Pragma`].
pub fn open(config: &Config, access: Access) -> Result<DbConnection> {
    match config.location() {
        Location::Sqlite(path) => sqlite::open(path, config.sqlite(), access),
        #[cfg(feature = "postgres")]
        Location::Postgres(url) => {
            let is_filled = config.is_filled() && access == Access::Maintain;
            let access = if is_filled { Access::Fill } else { access };
            postgres::open(url, config.server(), access)
        }
    }
}

/// Returns the configuration with only one of the hosts of its server: see
/// [`with_one_host`](postgres::with_one_host). Two connections with it are to the same server.
///
/// # Errors
/// Those of connecting to a server.
#[cfg_attr(
    not(feature = "postgres"),
    expect(clippy::unnecessary_wraps, reason = "a server may not answer")
)]
pub(crate) fn at_one_host(config: &Config) -> Result<Config> {
    match config.location() {
        Location::Sqlite(_) => Ok(config.clone()),
        #[cfg(feature = "postgres")]
        Location::Postgres(url) => {
            let url = postgres::with_one_host(url, config.server())?;
            Ok(config.at(Location::Postgres(url)))
        }
    }
}

/// Opens the database again after its connection was lost. It waits up to
/// `DATABASE_POOL_TIMEOUT_MS` for a server that restarts, or for a replica that is promoted.
pub(crate) fn reopen(config: &Config, access: Access) -> Result<DbConnection> {
    let begun = Instant::now();
    loop {
        let opened = open(config, access);
        let is_transient = match &opened {
            Err(Error::Connect { fault, .. }) => fault.is_transient(),
            Err(Error::ConnectionLost(_) | Error::ReadOnly { .. }) => true,
            _ => false,
        };
        if !is_transient || begun.elapsed() >= config.pool_timeout() {
            return opened;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Opens the replica of the server that `primary` identifies. Returns its own identity besides.
///
/// # Errors
/// Those of [`open`]; [`Error::Refused`] if it is not that server's, or has other tables.
#[cfg(feature = "postgres")]
pub(crate) fn open_replica(
    url: &crate::config::ServerUrl,
    config: &Config,
    primary: &postgres::Identity,
) -> Result<(DbConnection, postgres::Identity)> {
    let mut connection = postgres::open(url, config.server(), Access::Read)?;
    let identity = postgres::Identity::of(&mut connection, url, config.server())?;
    identity.ensure_replica_of(primary, url)?;
    Ok((connection, identity))
}

/// Runs `look` on a connection that can only read, and leaves no file behind.
///
/// # Errors
/// The errors of [`open`], and those of `look`.
pub fn inspect<T>(config: &Config, look: impl FnMut(&mut DbConnection) -> Result<T>) -> Result<T> {
    match config.location() {
        Location::Sqlite(path) => sqlite::inspect(path, config.sqlite(), look),
        #[cfg(feature = "postgres")]
        Location::Postgres(url) => {
            let mut look = look;
            look(&mut postgres::open(url, config.server(), Access::Inspect)?)
        }
    }
}

/// Rolls back the transaction of a process that was stopped while it wrote to an SQLite database
/// without a WAL. Does nothing if the database does not exist; a server does this itself.
///
/// # Errors
/// The errors of [`open`].
pub(crate) fn recover(config: &Config) -> Result<()> {
    match config.location() {
        Location::Sqlite(path) if sqlite::exists(path) => sqlite::recover(path, config.sqlite()),
        Location::Sqlite(_) => Ok(()),
        #[cfg(feature = "postgres")]
        Location::Postgres(_) => Ok(()),
    }
}

/// Whether the database exists. On SQLite, anything at the path counts.
///
/// # Errors
/// An error if the server cannot be asked.
#[cfg_attr(
    not(feature = "postgres"),
    expect(clippy::unnecessary_wraps, reason = "a server may fail")
)]
pub(crate) fn exists(config: &Config) -> Result<bool> {
    match config.location() {
        Location::Sqlite(path) => Ok(sqlite::exists(path)),
        #[cfg(feature = "postgres")]
        Location::Postgres(url) => postgres::exists(url, config.server()),
    }
}

/// Creates an empty database, readable by its owner only. Returns `false` if it already exists:
/// another process may have created it.
///
/// # Errors
/// [`Error::Io`] or [`Error::Connect`].
pub fn create(config: &Config) -> Result<bool> {
    match config.location() {
        Location::Sqlite(path) => sqlite::create_file(path),
        #[cfg(feature = "postgres")]
        Location::Postgres(url) => postgres::create(url, config.server()),
    }
}

/// Removes a database that this process has created with [`create`], if `is_unused` agrees. On SQLite
/// no other process has the file open while `is_unused` reads it. A server refuses to drop a database
/// to which others are connected.
///
/// Returns false if the database is kept because it is in use.
///
/// # Errors
/// Those of [`open`], and those of `is_unused`; [`Error::Locked`] if another process has the file open;
/// [`Error::Io`] or [`Error::Query`] if the database cannot be removed.
pub fn remove_created<E: From<Error>>(
    config: &Config,
    is_unused: impl FnOnce(&mut DbConnection) -> Result<bool, E>,
) -> Result<bool, E> {
    match config.location() {
        Location::Sqlite(path) => sqlite::remove_created(path, config.sqlite(), is_unused),
        #[cfg(feature = "postgres")]
        Location::Postgres(url) => postgres::remove_created(url, config.server(), is_unused),
    }
}

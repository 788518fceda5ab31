//! Keeps those who create databases beside another one apart from those who drop what was left there.

use diesel::prelude::*;
use diesel::sql_types::Text;

use super::databases::maintenance;
use super::name::name_of;
use super::quoted::quoted;
use super::scratch_name::is_temporary;
use super::statement::run;
use crate::config::{ServerOptions, ServerUrl};
use crate::error::Result;

/// Connection to the server that orders the creation of databases beside a database. Several may create one at the same
/// time, but not while another one drops what killed processes have left. The server goes on with what a killed process
/// has asked for, and keeps the lock of that connection until it is done.
pub(crate) struct ScratchLock(PgConnection);

impl ScratchLock {
    /// Waits until nobody has a lock, and drops the temporary databases that killed processes have left.
    pub(crate) fn exclusive(of: &ServerUrl, options: &ServerOptions) -> Result<Self> {
        let mut lock = Self::take(of, options, "pg_advisory_lock")?;
        drop_leftovers(&mut lock.0, &name_of(of)?)?;
        Ok(lock)
    }

    /// Waits until nobody has an exclusive lock.
    #[cfg(feature = "testing")]
    pub(crate) fn shared(of: &ServerUrl, options: &ServerOptions) -> Result<Self> {
        Self::take(of, options, "pg_advisory_lock_shared")
    }

    /// The connection that has the lock.
    pub(super) const fn connection(&mut self) -> &mut PgConnection {
        &mut self.0
    }

    fn take(of: &ServerUrl, options: &ServerOptions, lock: &str) -> Result<Self> {
        let mut connection = maintenance(of, options)?;
        // Others take the time that the server needs to create a database.
        run(&mut connection, "SET lock_timeout = 0")?;
        let take =
            format!("SELECT {lock}(hashtextextended('zenith-db beside '::text || $1, 0::int8))");
        diesel::sql_query(take).bind::<Text, _>(name_of(of)?).execute(&mut connection)?;
        Ok(Self(connection))
    }
}

/// A new database has no connection for a moment, which is why this needs an exclusive lock.
fn drop_leftovers(maintenance: &mut PgConnection, of: &str) -> Result<()> {
    let names = diesel::sql_query("SELECT datname::text AS name FROM pg_database");
    for Database { name } in names.load(maintenance)? {
        if !is_temporary(&name, of) {
            continue;
        }
        match run(maintenance, &format!("DROP DATABASE IF EXISTS {}", quoted(&name))) {
            Ok(()) => tracing::debug!(name, "removed a killed process's database"),
            // Another process may use it.
            Err(error) => tracing::debug!(%error, name, "was not dropped"),
        }
    }
    Ok(())
}

#[derive(QueryableByName)]
struct Database {
    #[diesel(sql_type = Text)]
    name: String,
}

//! The target's foreign keys, which are off while the tables are filled in any order, and hold at
//! the end.

use diesel::connection::SimpleConnection;
use zenith_db::DbConnection;
use zenith_db::internal::catalog::broken_references;
use zenith_db::internal::connection::read_pragma;

use super::error::{Result, TransferError};
#[cfg(feature = "postgres")]
use super::rows::ALL;
use super::state::State;

/// The target's connection. Until it is dropped, it enforces no foreign keys, if it is SQLite's, and
/// has no time limits, if it is PostgreSQL's: putting back a foreign key reads two tables.
#[derive(Debug)]
pub(super) struct Target<'a> {
    connection: &'a mut DbConnection,
    /// The statements that make the connection what it was.
    restore: String,
}

impl<'a> Target<'a> {
    pub(super) fn new(connection: &'a mut DbConnection) -> Result<Self> {
        let restore = match connection {
            DbConnection::Sqlite(inner) => {
                let enforced = read_pragma(inner, "foreign_keys", "foreign_keys")?;
                // Inside a transaction, SQLite would ignore it.
                inner.batch_execute("PRAGMA foreign_keys = OFF")?;
                format!("PRAGMA foreign_keys = {enforced}")
            }
            #[cfg(feature = "postgres")]
            DbConnection::Postgres(inner) => postgres::take_time(inner)?,
        };
        Ok(Self { connection, restore })
    }

    pub(super) fn connection(&mut self) -> &mut DbConnection {
        self.connection
    }
}

impl Drop for Target<'_> {
    fn drop(&mut self) {
        if let Err(cause) = self.connection.batch_execute(&self.restore) {
            tracing::warn!(%cause, "the target's connection keeps the settings of the transfer");
        }
    }
}

/// Takes away the foreign keys where they cannot be switched off. Returns the statements that put
/// them back.
#[cfg_attr(
    not(feature = "postgres"),
    expect(clippy::unnecessary_wraps, reason = "PostgreSQL can refuse")
)]
pub(super) fn take_away(target: &mut DbConnection) -> Result<Vec<String>> {
    match target {
        DbConnection::Sqlite(_) => Ok(Vec::new()),
        #[cfg(feature = "postgres")]
        DbConnection::Postgres(inner) => postgres::take_away(inner),
    }
}

/// Puts the foreign keys back, and checks that every reference holds.
pub(super) fn put_back(target: &mut DbConnection, state: &State) -> Result<()> {
    for statement in &state.to_restore {
        if let Err(cause) = target.batch_execute(statement) {
            let error = zenith_db::Error::from(cause);
            let Some(constraint) = error.violation().and_then(|broken| broken.constraint()) else {
                return Err(error.into());
            };
            let first = constraint.to_owned();
            let source = Some(Box::new(error));
            return Err(TransferError::BrokenReferences { first, source });
        }
    }
    match broken_references(target)?.into_iter().next() {
        Some(first) => Err(TransferError::BrokenReferences { first, source: None }),
        None => Ok(()),
    }
}

/// Lets PostgreSQL look at the tables, without which it would plan no query well. It would come to
/// that by itself, but later.
#[cfg_attr(
    not(feature = "postgres"),
    expect(clippy::unnecessary_wraps, reason = "PostgreSQL can refuse")
)]
pub(super) fn gather_statistics(target: &mut DbConnection) -> Result<()> {
    #[cfg(feature = "postgres")]
    if let DbConnection::Postgres(inner) = target {
        let tables: Vec<&str> = ALL.iter().map(|table| table.name()).collect();
        inner.batch_execute(&format!("ANALYZE {}", tables.join(", ")))?;
    }
    #[cfg(not(feature = "postgres"))]
    let _ = target;
    Ok(())
}

#[cfg(feature = "postgres")]
mod postgres {
    use diesel::connection::SimpleConnection;
    use diesel::dsl::sql;
    use diesel::prelude::*;
    use diesel::sql_types::{Array, Text};

    use super::ALL;
    use crate::error::Result;

    #[derive(QueryableByName)]
    struct Part {
        #[diesel(sql_type = Text)]
        remove: String,
        #[diesel(sql_type = Text)]
        restore: String,
    }

    /// Foreign keys, in the order of their names.
    const FOREIGN_KEYS: &str = "
        SELECT format('ALTER TABLE %I DROP CONSTRAINT %I', t.relname, f.conname) AS remove,
            format('ALTER TABLE %I ADD CONSTRAINT %I %s', t.relname, f.conname,
                pg_get_constraintdef(f.oid)) AS restore
        FROM pg_constraint AS f JOIN pg_class AS t ON t.oid = f.conrelid
        WHERE f.contype = 'f' AND t.relname = ANY ($1)
            AND t.relnamespace = current_schema()::regnamespace
        ORDER BY t.relname, f.conname";

    /// Takes away the time limits. Returns the statements that put them back.
    pub(super) fn take_time(target: &mut PgConnection) -> Result<String> {
        let mut restore = String::new();
        for limit in ["statement_timeout", "idle_in_transaction_session_timeout"] {
            let setting = format!("format('SET {limit} = %L;', current_setting('{limit}'))");
            let setting: String = diesel::select(sql::<Text>(&setting)).get_result(target)?;
            restore.push_str(&setting);
            target.batch_execute(&format!("SET {limit} = 0"))?;
        }
        Ok(restore)
    }

    pub(super) fn take_away(target: &mut PgConnection) -> Result<Vec<String>> {
        let tables: Vec<&str> = ALL.iter().map(|table| table.name()).collect();
        let parts: Vec<Part> =
            diesel::sql_query(FOREIGN_KEYS).bind::<Array<Text>, _>(&tables).load(target)?;
        for part in &parts {
            target.batch_execute(&part.remove)?;
        }
        Ok(parts.into_iter().map(|part| part.restore).collect())
    }
}

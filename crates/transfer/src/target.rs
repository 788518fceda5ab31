//! Target of a transfer. Its foreign keys are off while the tables are filled in any order, and are
//! checked at the end.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use zenith_db::internal::catalog::broken_references;
#[cfg(feature = "postgres")]
use zenith_db::internal::catalog::table_paths;
use zenith_db::internal::connection::read_pragma;
use zenith_db::{DbConnection, dispatch};

use super::error::{Result, TransferError};
use super::state::TransferState;
use super::table::TransferTable;

/// Connection to the target. Until this is dropped, an SQLite connection does not enforce foreign keys,
/// and a PostgreSQL connection has no time limits, because adding a foreign key reads two tables, and writes all digits of
/// a number.
#[derive(Debug)]
pub(super) struct TransferTarget<'a> {
    connection: &'a mut DbConnection,
    /// Statements that restore the settings of the connection.
    restore: String,
}

impl<'a> TransferTarget<'a> {
    /// Changes the settings of the connection.
    pub(super) fn new(connection: &'a mut DbConnection) -> Result<Self> {
        let restore = match connection {
            DbConnection::Sqlite(inner) => {
                let enforced = read_pragma(inner, "foreign_keys", "foreign_keys")?;
                // Inside a transaction, SQLite would ignore the pragma.
                inner.batch_execute("PRAGMA foreign_keys = OFF")?;
                format!("PRAGMA foreign_keys = {enforced}")
            }
            #[cfg(feature = "postgres")]
            DbConnection::Postgres(inner) => postgres::change_settings(inner)?,
        };
        Ok(Self { connection, restore })
    }

    pub(super) fn connection(&mut self) -> &mut DbConnection {
        self.connection
    }
}

impl Drop for TransferTarget<'_> {
    fn drop(&mut self) {
        match self.connection.batch_execute(&self.restore).map_err(zenith_db::Error::from) {
            // One that is lost keeps nothing.
            Ok(()) | Err(zenith_db::Error::ConnectionLost(_)) => {}
            Err(error) => {
                tracing::warn!(%error, "the target's connection keeps the settings of the transfer");
            }
        }
    }
}

/// Drops the foreign keys on PostgreSQL, where they cannot be turned off. Returns the statements that add
/// them again.
#[cfg_attr(
    not(feature = "postgres"),
    expect(clippy::unnecessary_wraps, reason = "PostgreSQL can refuse")
)]
#[cfg_attr(not(feature = "postgres"), expect(unused_variables, reason = "PostgreSQL needs them"))]
pub(super) fn drop_foreign_keys(
    target: &mut DbConnection,
    tables: &[&dyn TransferTable],
) -> Result<Vec<String>> {
    match target {
        DbConnection::Sqlite(_) => Ok(Vec::new()),
        #[cfg(feature = "postgres")]
        DbConnection::Postgres(inner) => postgres::drop_foreign_keys(inner, tables),
    }
}

/// Adds the foreign keys again, and checks every reference.
///
/// # Errors
/// [`TransferError::BrokenReferences`] if a reference is broken.
pub(super) fn restore_foreign_keys(target: &mut DbConnection, state: &TransferState) -> Result<()> {
    for statement in &state.to_restore {
        // They are read from a table: one of more than one statement is refused.
        let added = dispatch!(&mut *target, |c| diesel::sql_query(statement).execute(c));
        if let Err(cause) = added {
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

/// Runs `ANALYZE` on PostgreSQL, since queries are planned badly without statistics. Autovacuum would do
/// it later.
#[cfg_attr(
    not(feature = "postgres"),
    expect(clippy::unnecessary_wraps, reason = "PostgreSQL can refuse")
)]
pub(super) fn gather_statistics(
    target: &mut DbConnection,
    tables: &[&dyn TransferTable],
) -> Result<()> {
    #[cfg(feature = "postgres")]
    if let DbConnection::Postgres(_) = target {
        let tables = table_paths(target, tables.iter().map(|table| table.name()))?;
        target.batch_execute(&format!("ANALYZE {}", tables.join(", ")))?;
    }
    #[cfg(not(feature = "postgres"))]
    let _ = (target, tables);
    Ok(())
}

#[cfg(feature = "postgres")]
mod postgres {
    use diesel::connection::SimpleConnection;
    use diesel::dsl::sql;
    use diesel::prelude::*;
    use diesel::sql_types::{Array, Text};

    use crate::error::Result;
    use crate::table::TransferTable;

    #[derive(QueryableByName)]
    struct DroppedForeignKey {
        #[diesel(sql_type = Text)]
        remove: String,
        #[diesel(sql_type = Text)]
        restore: String,
    }

    /// Foreign keys of the transferred tables, and those of other tables that refer to them, sorted by
    /// table and name. An application's own tables may refer to them.
    const FOREIGN_KEYS: &str = "
        SELECT pg_catalog.format('ALTER TABLE %s DROP CONSTRAINT %I', f.conrelid::regclass, f.conname) AS remove,
            pg_catalog.format('ALTER TABLE %s ADD CONSTRAINT %I %s', f.conrelid::regclass, f.conname,
                pg_get_constraintdef(f.oid)) AS restore
        FROM pg_constraint AS f JOIN pg_class AS t ON t.oid = f.conrelid
        JOIN pg_class AS p ON p.oid = f.confrelid
        WHERE f.contype = 'f' AND (t.relname = ANY ($1) OR p.relname = ANY ($1))
            AND t.relnamespace = pg_catalog.quote_ident(current_schema())::regnamespace
        ORDER BY t.relname, f.conname";

    /// Settings of the connection during the transfer.
    const SETTINGS: [(&str, u8); 3] = [
        ("statement_timeout", 0),
        ("idle_in_transaction_session_timeout", 0),
        ("extra_float_digits", 1),
    ];

    /// Changes the settings of the connection. Returns the statements that restore them.
    pub(super) fn change_settings(target: &mut PgConnection) -> Result<String> {
        let mut restore = String::new();
        for (name, value) in SETTINGS {
            let setting =
                format!("pg_catalog.format('SET {name} = %L;', current_setting('{name}'))");
            let setting: String = diesel::select(sql::<Text>(&setting)).get_result(target)?;
            restore.push_str(&setting);
            target.batch_execute(&format!("SET {name} = {value}"))?;
        }
        Ok(restore)
    }

    pub(super) fn drop_foreign_keys(
        target: &mut PgConnection,
        tables: &[&dyn TransferTable],
    ) -> Result<Vec<String>> {
        let tables: Vec<&str> = tables.iter().map(|table| table.name()).collect();
        let parts: Vec<DroppedForeignKey> =
            diesel::sql_query(FOREIGN_KEYS).bind::<Array<Text>, _>(&tables).load(target)?;
        for part in &parts {
            diesel::sql_query(&part.remove).execute(target)?;
        }
        Ok(parts.into_iter().map(|part| part.restore).collect())
    }
}

//! The target's foreign keys, which are off while the tables are filled in any order, and hold at
//! the end.

use diesel::connection::SimpleConnection;

use super::state::State;
use crate::connection::read_pragma;
use crate::migrations::broken_references;
use crate::{DbConnection, Result, TransferFault};

/// The target's connection, which enforces no foreign keys until it is dropped.
#[derive(Debug)]
pub(super) struct Target<'a> {
    connection: &'a mut DbConnection,
    /// Whether an SQLite connection enforced them before, as the pragma says it.
    enforced: Option<String>,
}

impl<'a> Target<'a> {
    pub(super) fn new(connection: &'a mut DbConnection) -> Result<Self> {
        let mut enforced = None;
        if let DbConnection::Sqlite(inner) = connection {
            enforced = Some(read_pragma(inner, "foreign_keys", "foreign_keys")?);
            // Inside a transaction, SQLite would ignore it.
            inner.batch_execute("PRAGMA foreign_keys = OFF")?;
        }
        Ok(Self { connection, enforced })
    }

    pub(super) fn connection(&mut self) -> &mut DbConnection {
        self.connection
    }
}

impl Drop for Target<'_> {
    fn drop(&mut self) {
        if let (DbConnection::Sqlite(inner), Some(on)) = (&mut *self.connection, &self.enforced)
            && let Err(cause) = inner.batch_execute(&format!("PRAGMA foreign_keys = {on}"))
        {
            tracing::warn!(%cause, "the target's connection enforces no foreign keys");
        }
    }
}

/// Takes away the foreign keys where they cannot be switched off. Returns the statements that put
/// them back.
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
            let error = crate::Error::from(cause);
            let Some(constraint) = error.violation().and_then(|broken| broken.constraint()) else {
                return Err(error);
            };
            let first = constraint.to_owned();
            let source = Some(Box::new(error));
            return Err(TransferFault::BrokenReferences { first, source }.into());
        }
    }
    if let DbConnection::Sqlite(_) = target
        && let Some(first) = broken_references(target)?.into_iter().next()
    {
        return Err(TransferFault::BrokenReferences { first, source: None }.into());
    }
    Ok(())
}

#[cfg(feature = "postgres")]
mod postgres {
    use diesel::connection::SimpleConnection;
    use diesel::prelude::*;
    use diesel::sql_types::{Array, Text};

    use crate::Result;
    use crate::manager::transfer::rows::ALL;

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

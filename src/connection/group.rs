//! One transaction of an SQLite file that several writes share, with one commit.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::result::Error as DieselError;
use diesel::sql_types::{Bool, Integer};

use super::Writer;
use super::transaction::Begin;
use crate::backend::DbConnection;
use crate::error::{Error, Result};

/// Row that refers to none, which SQLite notices at the commit: while it exists, nobody can commit.
const SET_GUARD: &str = "
    CREATE TEMP TABLE IF NOT EXISTS zenith_shared_transaction (
        id INTEGER PRIMARY KEY,
        missing INTEGER REFERENCES zenith_shared_transaction (id) DEFERRABLE INITIALLY DEFERRED
    );
    INSERT INTO temp.zenith_shared_transaction VALUES (1, 2)";
const REMOVE_GUARD: &str = "DELETE FROM temp.zenith_shared_transaction";

/// Whether a write has deferred what is to be enforced at once. To switch it off again would be to forget what it has
/// broken: only the commit, which looks at that, may.
const DEFERS: &str = "PRAGMA defer_foreign_keys";

#[derive(QueryableByName)]
struct Defers {
    #[diesel(sql_type = Bool)]
    defer_foreign_keys: bool,
}

/// Number of the schema of the database file, which SQLite raises whenever the schema changes.
const SCHEMA_VERSION: &str = "PRAGMA schema_version";

#[derive(QueryableByName)]
struct SchemaVersion {
    #[diesel(sql_type = Integer)]
    schema_version: i32,
}

/// Whether a table may have a foreign key that only the commit looks at.
const HAS_DEFERRED: &str = "SELECT EXISTS (SELECT 1 FROM main.sqlite_schema
    WHERE type = 'table' AND sql LIKE '%deferred%') AS found";

/// Whether the table of the guard exists: a rollback may have taken it along.
const HAS_GUARDS: &str = "SELECT EXISTS (SELECT 1 FROM temp.sqlite_schema
    WHERE name = 'zenith_shared_transaction') AS found";
/// Whether the row of the guard exists, in the table that does.
const HAS_GUARD: &str = "SELECT EXISTS (SELECT 1 FROM temp.zenith_shared_transaction) AS found";

#[derive(QueryableByName)]
struct Found {
    #[diesel(sql_type = Bool)]
    found: bool,
}

/// Whether the database may have foreign keys that only the commit looks at, as was last found.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct DeferredKeys {
    schema_version: Option<i32>,
    are_possible: bool,
}

impl DeferredKeys {
    /// Returns whether a table may have a deferred key, from the last look at the schema unless that has changed since.
    fn are_possible(&mut self, connection: &mut SqliteConnection) -> Result<bool> {
        let SchemaVersion { schema_version } =
            diesel::sql_query(SCHEMA_VERSION).get_result(connection)?;
        if self.schema_version != Some(schema_version) {
            self.are_possible = is_true(connection, HAS_DEFERRED)?;
            self.schema_version = Some(schema_version);
        }
        Ok(self.are_possible)
    }
}

fn is_true(connection: &mut SqliteConnection, query: &str) -> Result<bool> {
    let found: Found = diesel::sql_query(query).get_result(connection)?;
    Ok(found.found)
}

impl DbConnection {
    /// Begins a write transaction and runs the first write in it, without its commit. On `Err` and on panic it is rolled
    /// back.
    pub(crate) fn begin_shared<T, E>(
        &mut self,
        work: impl FnOnce(&mut Writer<'_>) -> Result<T, E>,
    ) -> Result<T, E>
    where
        E: From<Error>,
    {
        self.begin(Begin::Default)?;
        self.run_to_commit(|connection| work(&mut Writer::begun(connection)))
    }

    /// Makes the transaction ready for further writes, on a connection that enforces foreign keys. In them, a `COMMIT` is refused, because it would commit the
    /// others too. Returns `false`, and does nothing, if [`DbConnection::may_be_shared`] does.
    pub(crate) fn share(&mut self, keys: &mut DeferredKeys) -> Result<bool> {
        // What the write has broken itself is to fail at its own commit.
        if !self.is_shared_open() || !self.may_be_shared(keys)? {
            return Ok(false);
        }
        self.batch_execute(SET_GUARD)?;
        Ok(true)
    }

    /// Returns `false` if the last write has left the transaction in a state that is no other's business. SQLite counts
    /// what breaks deferred keys for the whole transaction, so that one write could break a key, and another make SQLite
    /// forget it; and the row of the guard is counted with them.
    pub(crate) fn may_be_shared(&mut self, keys: &mut DeferredKeys) -> Result<bool> {
        let connection = self.sqlite()?;
        let found: Defers = diesel::sql_query(DEFERS).get_result(connection)?;
        Ok(!found.defer_foreign_keys && !keys.are_possible(connection)?)
    }

    /// Whether the transaction is open, and no savepoint in it.
    pub(crate) fn is_shared_open(&mut self) -> bool {
        self.depth() == Some(1)
    }

    /// Commits the transaction that was shared. If that fails, it is rolled back.
    pub(crate) fn commit_shared(&mut self) -> Result<()> {
        if let Err(cause) = self.remove_guard() {
            self.roll_back_to(Some(1));
            return Err(cause);
        }
        self.commit_outermost()
    }

    /// Whether a transaction that a write has ended was committed all the same: `PRAGMA defer_foreign_keys = OFF` makes
    /// SQLite forget what the guard breaks. A rollback takes the guard with it, a commit leaves it.
    ///
    /// # Errors
    /// [`Error::Query`] if that cannot be found out.
    pub(crate) fn was_committed(&mut self) -> Result<bool> {
        self.end_what_was_begun();
        let connection = self.sqlite()?;
        Ok(is_true(connection, HAS_GUARDS)? && is_true(connection, HAS_GUARD)?)
    }

    /// Fails if the guard is not there: then this is not the transaction that was shared.
    fn remove_guard(&mut self) -> Result<()> {
        match diesel::sql_query(REMOVE_GUARD).execute(self.sqlite()?)? {
            1 => Ok(()),
            _ => Err(DieselError::NotInTransaction.into()),
        }
    }
}

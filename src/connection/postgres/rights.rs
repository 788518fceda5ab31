//! What a user of a server may do, asked before anything is done.

use diesel::prelude::*;
use diesel::sql_types::{Bool, Nullable, Text};

use super::databases::maintenance;
use super::name::name_of;
use super::statement::run;
use crate::config::{ServerOptions, ServerUrl};
use crate::error::{Error, Result};
use crate::locks::Obstacle;

#[derive(QueryableByName)]
struct Missing {
    #[diesel(sql_type = Nullable<Text>)]
    reason: Option<String>,
}

/// Returns why the user may not create a database like the one at `model` that takes its name; `None` if it may.
pub(crate) fn right_missing(model: &ServerUrl, options: &ServerOptions) -> Result<Option<String>> {
    let found: Missing = diesel::sql_query(MISSING)
        .bind::<Text, _>(name_of(model)?)
        .get_result(&mut maintenance(model, options)?)?;
    Ok(found.reason)
}

const MISSING: &str = "
    SELECT CASE
        WHEN NOT (rolcreatedb OR rolsuper) THEN format('the user %I may not create databases, and the backup is restored '
            'into a new one; give the user the attribute CREATEDB, or restore to an empty database with --to', rolname)
        WHEN NOT pg_has_role(datdba, 'USAGE') THEN format('it belongs to %I, and the user %I is no member of that; '
            'connect as the owner, or restore to another database with --to', pg_get_userbyid(datdba), rolname)
        END AS reason
    FROM pg_roles LEFT JOIN pg_database ON datname = $1 WHERE rolname = current_user";

/// Keeps other processes from restoring to a database, until it is dropped.
pub(crate) struct RestoreLock {
    held: PgConnection,
}

impl RestoreLock {
    /// # Errors
    /// [`Error::Locked`] if another process has it.
    pub(crate) fn take(model: &ServerUrl, options: &ServerOptions) -> Result<Self> {
        #[derive(QueryableByName)]
        struct Taken {
            #[diesel(sql_type = Bool)]
            taken: bool,
        }

        // Not in the database itself, to which nobody may be connected.
        let mut held = maintenance(model, options)?;
        let query = "SELECT pg_try_advisory_lock(hashtextextended('zenith-db restores '::text || $1, 0::int8)) AS taken";
        let found: Taken =
            diesel::sql_query(query).bind::<Text, _>(name_of(model)?).get_result(&mut held)?;
        if found.taken {
            return Ok(Self { held });
        }
        let other = Obstacle::Process("another restore to this database".to_owned());
        Err(Error::locked("restoring the backup", None, other, None))
    }

    /// Returns an error if the session that has the lock has ended, so that another process may have taken it.
    ///
    /// # Errors
    /// [`Error::ConnectionLost`]
    pub(crate) fn ensure_held(&mut self) -> Result<()> {
        Ok(run(&mut self.held, "SELECT 1")?)
    }
}

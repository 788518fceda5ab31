//! Structure that a list of migrations creates, found by running them on SQLite in memory.

use std::sync::{Mutex, PoisonError};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;

use super::embedded::{self, EmbeddedMigration};
use super::structure::Structure;
use crate::backend::{Backend, DbConnection};
use crate::error::{Error, MigrationFault, Result};

/// Trigger that only PostgreSQL has: SQLite has no `TRUNCATE`.
const NO_TRUNCATE: &str = "audit_log: audit_log_no_truncate";

impl Structure {
    /// Returns the structure that the embedded migrations create on a backend. They are run on SQLite
    /// in memory: the two backends have the same structure except for one trigger.
    ///
    /// # Errors
    /// [`Error::Open`] or [`Error::Query`] if that fails.
    pub fn expected(backend: Backend) -> Result<Self> {
        Self::made_by(embedded::all().iter(), backend)
    }

    /// Returns the structure that these migrations create on a backend.
    pub(crate) fn made_by<'a>(
        migrations: impl Iterator<Item = &'a EmbeddedMigration>,
        backend: Backend,
    ) -> Result<Self> {
        let mut structure = on_sqlite(migrations.copied().collect())?;
        if backend == Backend::Postgres && structure.tables().contains("audit_log") {
            structure.triggers.insert(NO_TRUNCATE.into());
        }
        Ok(structure)
    }
}

/// Number of structures that are kept.
const KEPT: usize = 8;

/// Structures that were computed last, each with its migrations. A run needs one before and one after
/// its migrations, and the health check the same again.
static COMPUTED: Mutex<Vec<(Vec<EmbeddedMigration>, Structure)>> = Mutex::new(Vec::new());

fn on_sqlite(migrations: Vec<EmbeddedMigration>) -> Result<Structure> {
    let kept = || COMPUTED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, structure)) = kept().iter().find(|(list, _)| *list == migrations) {
        return Ok(structure.clone());
    }
    let memory = fresh_in_memory(migrations.iter())?;
    let structure = Structure::of(&mut DbConnection::Sqlite(memory))?;
    let mut kept = kept();
    if kept.len() == KEPT {
        kept.remove(0);
    }
    kept.push((migrations, structure.clone()));
    Ok(structure)
}

/// Creates an SQLite database in memory and runs these migrations on it.
///
/// # Errors
/// [`Error::Open`] or [`Error::Migration`].
pub fn fresh_in_memory<'a>(
    migrations: impl Iterator<Item = &'a EmbeddedMigration>,
) -> Result<SqliteConnection> {
    let mut memory = SqliteConnection::establish(":memory:")
        .map_err(|source| Error::Open { path: ":memory:".into(), source })?;
    // As they are while migrations run.
    memory.batch_execute("PRAGMA foreign_keys = OFF")?;
    for migration in migrations {
        apply_in_memory(&mut memory, migration.name(), migration.up(Backend::Sqlite))?;
    }
    Ok(memory)
}

/// Runs one more script on a database in memory. `name` is the migration that an error names.
///
/// # Errors
/// [`Error::Migration`].
pub fn apply_in_memory(memory: &mut SqliteConnection, name: &str, script: &str) -> Result<()> {
    memory.batch_execute(script).map_err(|cause| {
        Error::Migration(MigrationFault::Failed {
            name: name.to_owned(),
            direction: "apply to an empty database",
            source: Box::new(cause),
        })
    })
}

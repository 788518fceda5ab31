//! Structure that a list of migrations creates, found by running them on SQLite in memory.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;

use super::embedded::EmbeddedMigration;
use super::known::{KnownMigration, Migrations};
use super::structure::Structure;
use crate::backend::{Backend, DbConnection};
use crate::error::{Error, MigrationFault, Result};
use crate::types::MigrationOwner;

/// Trigger that only PostgreSQL has: SQLite has no `TRUNCATE`.
const NO_TRUNCATE: &str = "audit_log: audit_log_no_truncate";

impl Structure {
    /// Returns the structure that the embedded migrations create on a backend. They are run on SQLite
    /// in memory: the two backends have the same structure except for one trigger.
    ///
    /// # Errors
    /// [`Error::Open`] or [`Error::Query`] if that fails.
    pub fn expected(backend: Backend) -> Result<Self> {
        Self::made_by(Migrations::default().iter(), backend)
    }

    /// Returns the structure that these migrations create on a backend. What the application's migrations create is
    /// left out if one of them has no scripts for SQLite.
    pub(crate) fn made_by(
        migrations: impl Iterator<Item = KnownMigration>,
        backend: Backend,
    ) -> Result<Self> {
        let mut migrations: Vec<_> = migrations.collect();
        if migrations.iter().any(|migration| migration.script(Backend::Sqlite).is_none()) {
            migrations.retain(|migration| !migration.is_own());
        }
        let embedded = migrations.into_iter().map(|migration| *migration.embedded());
        let mut structure = on_sqlite(embedded.collect())?;
        if backend == Backend::Postgres && structure.tables().contains("audit_log") {
            structure.triggers.insert(NO_TRUNCATE.into());
        }
        Ok(structure)
    }
}

/// Returns the names of the tables that the application's migrations create; none if one of them has no scripts for
/// SQLite, on which they are run.
///
/// # Errors
/// [`Error::Open`] or [`Error::Migration`] if that fails.
pub fn own_tables(migrations: Migrations) -> Result<BTreeSet<String>> {
    let tables =
        |migrations: &mut dyn Iterator<Item = KnownMigration>| -> Result<BTreeSet<String>> {
            let structure = Structure::made_by(migrations, Backend::Sqlite)?;
            Ok(structure.tables().into_iter().map(str::to_owned).collect())
        };
    let library = tables(&mut migrations.of_owner(MigrationOwner::Library))?;
    Ok(tables(&mut migrations.iter())?.difference(&library).cloned().collect())
}

/// Number of structures that are kept.
const KEPT: usize = 16;

/// Structures that were computed last, each with its migrations. A run needs those before and after its migrations,
/// with and without the application's, and the health check the same again.
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
        let (name, backend) = (migration.name(), Backend::Sqlite);
        let script = migration.script(backend).ok_or_else(|| {
            Error::Migration(MigrationFault::NoScript { name: name.to_owned(), backend })
        })?;
        apply_in_memory(&mut memory, name, script.up)?;
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

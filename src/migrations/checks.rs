//! Conditions that are checked before migrations run, and after them, before the commit.

use serde::Serialize;

use super::ledger::Ledger;
use super::structure::Structure;
use crate::backend::{Backend, DbConnection};
use crate::catalog::{
    IntegrityCheck, broken_references, ensure_intact, not_checked, references_checked,
};
use crate::error::{Error, MigrationFault, Result};

/// When a condition is checked, relative to the migrations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Before the first migration.
    Before,
    /// After the last migration, before the commit.
    After,
}

/// Condition that was checked and holds. One that does not hold is an error, and nothing is changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// When the condition was checked.
    pub when: Phase,
    /// Name of the condition.
    pub name: &'static str,
    /// Result of the check, for people.
    pub details: String,
}

impl Check {
    pub(crate) fn before(name: &'static str, details: impl Into<String>) -> Self {
        Self { when: Phase::Before, name, details: details.into() }
    }

    pub(super) fn after(name: &'static str, details: impl Into<String>) -> Self {
        Self { when: Phase::After, name, details: details.into() }
    }
}

/// Refuses a damaged file. A server checks its own files, so there is no check for PostgreSQL.
pub(super) fn check_integrity(connection: &mut DbConnection) -> Result<Option<Check>> {
    if connection.backend() == Backend::Postgres {
        return Ok(None);
    }
    let unchecked = ensure_intact(connection, IntegrityCheck::Quick, "the database")?;
    let details = format!("no damage found{}", not_checked(&unchecked));
    Ok(Some(Check::before("integrity", details)))
}

/// Refuses to continue with broken references. `subject` begins the message: the database or the
/// migrations. Returns what it has made sure of.
pub(super) fn check_references(
    connection: &mut DbConnection,
    subject: &'static str,
) -> Result<&'static str> {
    let broken = broken_references(connection)?;
    match broken.first() {
        None => Ok(references_checked(connection.backend())),
        Some(first) => {
            let (count, first) = (broken.len(), first.clone());
            Err(Error::Migration(MigrationFault::BrokenReferences { subject, count, first }))
        }
    }
}

/// Differences between the structure of a database and the one that its migrations create.
pub(super) struct Drift {
    /// Lines that the database lacks.
    missing: Vec<String>,
    /// Lines that only the database has. Such objects may have been added by hand, but a run must not
    /// add any. Not compared on PostgreSQL, where scripts may create objects that SQLite does not have.
    surplus: Vec<String>,
}

impl Drift {
    /// Compares the database with the migrations of its ledger.
    pub(super) fn of(connection: &mut DbConnection, ledger: &Ledger) -> Result<Self> {
        let backend = connection.backend();
        let expected = Structure::made_by(ledger.ran(), backend)?;
        let found = Structure::of(connection)?;
        let surplus = match backend {
            Backend::Sqlite => found.missing_from(&expected),
            Backend::Postgres => Vec::new(),
        };
        Ok(Self { missing: expected.missing_from(&found), surplus })
    }

    /// Whether nothing is missing.
    pub(super) fn is_none(&self) -> bool {
        self.missing.is_empty()
    }

    /// Refuses differences that did not exist before the migrations, since the migrations have caused
    /// them. Earlier differences are only reported: no migration can fix them.
    pub(super) fn check_after(&self, before: &Self) -> Result<Check> {
        let new: Vec<&str> = self
            .missing
            .iter()
            .filter(|line| !before.missing.contains(line))
            .map(String::as_str)
            .collect();
        if !new.is_empty() {
            return Err(Error::Migration(MigrationFault::StructureDiffers {
                missing: new.join("; "),
            }));
        }
        // Objects added by hand may have another name afterwards, if a table was renamed.
        if before.surplus.is_empty() && !self.surplus.is_empty() {
            let left = self.surplus.join("; ");
            return Err(Error::Migration(MigrationFault::LeftBehind { left }));
        }
        let details = if self.missing.is_empty() {
            "the same as in a fresh database of this version".into()
        } else {
            format!("differed before the run, and still does: {} missing", self.missing.join("; "))
        };
        Ok(Check::after("structure", details))
    }
}

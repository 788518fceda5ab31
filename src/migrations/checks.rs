//! What must hold before migrations run, and what must hold after them, before they are committed.

use serde::Serialize;

use super::ledger::Ledger;
use super::structure::Structure;
use crate::backend::{Backend, DbConnection};
use crate::catalog::{IntegrityCheck, broken_references, integrity_faults};
use crate::error::{Error, MigrationFault, Result};

/// When a condition was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Before the first migration.
    Before,
    /// After the last, before the commit.
    After,
}

/// A condition that held. One that does not hold is an error, and then nothing has changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// When it was looked at.
    pub when: Phase,
    /// What was looked at.
    pub name: &'static str,
    /// What was found.
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

/// Refuses a damaged file. A server looks after its own.
pub(super) fn check_integrity(connection: &mut DbConnection) -> Result<Option<Check>> {
    if connection.backend() == Backend::Postgres {
        return Ok(None);
    }
    let faults = integrity_faults(connection, IntegrityCheck::Quick)?;
    if faults.is_empty() {
        return Ok(Some(Check::before("integrity", "no damage found")));
    }
    let faults = faults.iter().take(5).map(String::as_str).collect::<Vec<_>>().join("; ");
    Err(Error::Migration(MigrationFault::Damaged { faults }))
}

/// Refuses to go on with broken references; `subject` says who is to blame.
pub(super) fn check_references(connection: &mut DbConnection, subject: &'static str) -> Result<()> {
    let broken = broken_references(connection)?;
    match broken.first() {
        None => Ok(()),
        Some(first) => {
            let (count, first) = (broken.len(), first.clone());
            Err(Error::Migration(MigrationFault::BrokenReferences { subject, count, first }))
        }
    }
}

/// Where the structure is not what the migrations that ran make of an empty database.
pub(super) struct Drift {
    missing: Vec<String>,
    /// What is there besides. Whoever added it may keep it; that a run adds it is a fault. On a server it
    /// is not looked at: scripts may make there what SQLite has no word for.
    surplus: Vec<String>,
}

impl Drift {
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

    /// Refuses what was not so before: that, the migrations have done. What was so before is in the
    /// report, for no migration can mend it.
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
        // What was added by hand may be called otherwise afterwards, if a table was renamed.
        if before.surplus.is_empty() && !self.surplus.is_empty() {
            let left = self.surplus.join("; ");
            return Err(Error::Migration(MigrationFault::LeftBehind { left }));
        }
        let details = if self.missing.is_empty() {
            "what a fresh database of this version has".into()
        } else {
            format!("differed before already, and does still: {} missing", self.missing.join("; "))
        };
        Ok(Check::after("structure", details))
    }
}

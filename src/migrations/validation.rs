//! What must hold before migrations run, and what must hold after them, before they are committed.

use diesel::prelude::*;
use diesel::sql_types::Text;
use serde::Serialize;

use super::ledger::Ledger;
use super::structure::Structure;
use crate::{DbConnection, Error, MigrationFault, Result};

/// When a condition was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Moment {
    /// Before the first migration.
    Before,
    /// After the last, before the commit.
    After,
}

/// A condition that held. One that does not hold is an error, and then nothing has changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Condition {
    /// When it was looked at.
    pub when: Moment,
    /// What was looked at.
    pub name: &'static str,
    /// What was found.
    pub details: String,
}

impl Condition {
    pub(crate) fn before(name: &'static str, details: impl Into<String>) -> Self {
        Self { when: Moment::Before, name, details: details.into() }
    }

    pub(super) fn after(name: &'static str, details: impl Into<String>) -> Self {
        Self { when: Moment::After, name, details: details.into() }
    }
}

/// Refuses a damaged file. A server looks after its own.
pub(super) fn check_integrity(connection: &mut DbConnection) -> Result<Option<Condition>> {
    #[derive(QueryableByName)]
    struct Fault {
        #[diesel(sql_type = Text)]
        quick_check: String,
    }
    #[cfg(feature = "postgres")]
    if let DbConnection::Postgres(_) = connection {
        return Ok(None);
    }
    let faults: Vec<Fault> =
        diesel::sql_query("PRAGMA quick_check(5)").load(connection.sqlite()?)?;
    let faults: Vec<String> = faults.into_iter().map(|fault| fault.quick_check).collect();
    match faults.as_slice() {
        [ok] if ok == "ok" => Ok(Some(Condition::before("integrity", "no damage found"))),
        _ => Err(Error::Migration(MigrationFault::Damaged { faults: faults.join("; ") })),
    }
}

/// Where the structure is not what the migrations that ran make of an empty database. What somebody
/// added besides is no difference.
pub(super) struct Drift(Vec<String>);

impl Drift {
    pub(super) fn of(connection: &mut DbConnection, ledger: &Ledger) -> Result<Self> {
        let expected = Structure::made_by(ledger.ran(), connection.backend())?;
        Ok(Self(expected.missing_from(&Structure::of(connection)?)))
    }

    /// Refuses what was not so before: that, the migrations have done. What was so before is in the
    /// report, for no migration can mend it.
    pub(super) fn check_after(&self, before: &Self) -> Result<Condition> {
        let new: Vec<&str> =
            self.0.iter().filter(|line| !before.0.contains(line)).map(String::as_str).collect();
        if !new.is_empty() {
            return Err(Error::Migration(MigrationFault::StructureDiffers {
                missing: new.join("; "),
            }));
        }
        let details = if self.0.is_empty() {
            "what a fresh database of this version has".into()
        } else {
            format!("differed before already, and does still: {} missing", self.0.join("; "))
        };
        Ok(Condition::after("structure", details))
    }
}

//! Where a run should end, and which migrations lead there.

use super::embedded::EmbeddedMigration;
use super::history;
use super::ledger::Ledger;
use super::statement::statements;
use crate::backend::Backend;
use crate::backend::DbConnection;
use crate::error::{Error, MigrationFault, Result};

/// Where a run should end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Everything applied.
    Latest,
    /// Everything applied up to this version.
    UpTo(String),
    /// Everything dropped, whatever it is, and everything applied anew.
    Everything,
    /// The last `n` migrations reverted.
    RollbackSteps(usize),
    /// Everything after this version reverted; `0` is none at all.
    RollbackTo(String),
    /// The last migration reverted and applied again.
    Redo,
}

/// The migrations of a run, in the order in which they run.
pub(super) type Chosen = Vec<&'static EmbeddedMigration>;

/// The migrations to revert, newest first, and to apply, oldest first, as things stand: refused if
/// they do not fit what ran here, or cannot all be taken back.
pub(super) fn choose(
    connection: &mut DbConnection,
    ledger: &Ledger,
    target: &Target,
) -> Result<(Chosen, Chosen)> {
    let (reverting, applying) = steps_to(ledger, target)?;
    if *target != Target::Everything {
        history::ensure_unedited(connection, ledger)?;
    }
    let backend = connection.backend();
    for migration in &reverting {
        ensure_in_one_transaction(migration, "down.sql", migration.down(backend), backend)?;
    }
    for migration in &applying {
        ensure_in_one_transaction(migration, "up.sql", migration.up(backend), backend)?;
    }
    Ok((reverting, applying))
}

/// A script that ends the transaction of the run leaves behind what nobody can take back any more.
fn ensure_in_one_transaction(
    migration: &EmbeddedMigration,
    script: &'static str,
    sql: &str,
    backend: Backend,
) -> Result<()> {
    let found = statements(sql, backend).into_iter().find(|s| s.words.controls_transactions());
    found.map_or(Ok(()), |statement| {
        Err(Error::Migration(MigrationFault::EndsTransaction {
            name: migration.name().to_owned(),
            script,
            line: statement.line,
            sql: statement.sql,
        }))
    })
}

fn steps_to(ledger: &Ledger, target: &Target) -> Result<(Chosen, Chosen)> {
    if *target != Target::Everything {
        ledger.ensure_known()?;
    }
    let newest_first = ledger.ran().rev();
    Ok(match target {
        Target::Latest => {
            ledger.ensure_in_order()?;
            (Vec::new(), ledger.pending().collect())
        }
        Target::UpTo(version) => (Vec::new(), to_apply(ledger, &digits(version))?),
        Target::Everything => (Vec::new(), ledger.known().iter().collect()),
        Target::RollbackSteps(steps) => (newest_first.take(*steps).collect(), Vec::new()),
        Target::RollbackTo(version) => (to_revert(ledger, &digits(version))?, Vec::new()),
        Target::Redo => {
            ledger.ensure_in_order()?;
            let last: Chosen = newest_first.take(1).collect();
            if last.is_empty() {
                return Err(MigrationFault::NothingToRedo.into());
            }
            (last.clone(), last)
        }
    })
}

/// A version may be written with or without the dashes of its directory's name.
fn digits(version: &str) -> String {
    version.replace('-', "")
}

/// The migrations after this version, newest first.
fn to_revert(ledger: &Ledger, version: &str) -> Result<Chosen> {
    if version != "0" {
        ensure_version(ledger, version)?;
    }
    Ok(ledger
        .ran()
        .rev()
        .take_while(|m| version == "0" || m.version().as_str() > version)
        .collect())
}

/// What is pending up to this version, oldest first.
fn to_apply(ledger: &Ledger, version: &str) -> Result<Chosen> {
    ensure_version(ledger, version)?;
    ledger.ensure_in_order()?;
    match ledger.current() {
        Some(current) if current > version => Err(Error::Migration(MigrationFault::LaterVersion {
            current: current.to_owned(),
            wanted: version.to_owned(),
        })),
        _ => Ok(ledger.pending().take_while(|m| m.version().as_str() <= version).collect()),
    }
}

fn ensure_version(ledger: &Ledger, version: &str) -> Result<()> {
    if ledger.known().iter().any(|migration| migration.version() == version) {
        return Ok(());
    }
    let known: Vec<String> = ledger.known().iter().map(EmbeddedMigration::version).collect();
    let known = format!("0, {}", known.join(", "));
    Err(Error::Migration(MigrationFault::UnknownVersion { wanted: version.to_owned(), known }))
}

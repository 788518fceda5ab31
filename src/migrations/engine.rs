//! Running migrations: under the migration lock, in one transaction, with the references checked
//! before the commit.

use std::time::{Duration, Instant};

use diesel_migrations::MigrationHarness;

use super::checks::{Check, Drift, check_integrity, check_references};
use super::data_loss_guard::TableSnapshots;
use super::embedded::{Migrations, Runnable};
use super::ledger::Ledger;
use super::migration_lock::{RunOutcome, lock_tables_against_writes, with_migration_lock};
use super::parsed_script::ParsedScript;
use super::steps::{PlannedStep, Step, StepDirection};
use super::target::{ScriptsToRun, Target, scripts_to_run};
use super::{history, reset};
use crate::backend::DbConnection;
use crate::connection::Writer;
use crate::dispatch;
use crate::error::{Error, MigrationFault, Result};

/// Result of a run.
#[derive(Debug)]
pub struct Run<T> {
    /// Newest version before the run, read under the lock; `None` if no migration was applied.
    pub was: Option<String>,
    /// Migrations that ran, in order.
    pub steps: Vec<Step>,
    /// Conditions that were checked before and after the migrations.
    pub conditions: Vec<Check>,
    /// Value that `after` returned.
    pub value: T,
}

/// Takes the migration lock, reads the ledger, and migrates to the target in one transaction.
///
/// `before` runs under the lock, before the first migration, if there is one to run: a backup that it
/// takes has exactly the rows that the migrations are about to change. `after` runs after the last
/// migration, inside the same transaction.
///
/// # Errors
/// [`Error::Migration`], [`Error::Locked`] or [`Error::Query`]; the database is then unchanged.
pub fn run<T>(
    connection: &mut DbConnection,
    known: Migrations,
    target: &Target,
    before: impl FnOnce(&mut DbConnection) -> Result<()>,
    after: impl FnOnce(&mut Writer<'_>) -> Result<T>,
) -> Result<RunOutcome<Run<T>>> {
    with_migration_lock(connection, |connection| {
        let ledger = Ledger::read_for(connection, known)?;
        let was = ledger.current().map(str::to_owned);
        let ScriptsToRun { reverting, applying } = scripts_to_run(connection, &ledger, target)?;
        if reverting.is_empty() && applying.is_empty() {
            history::sync(connection, &ledger)?;
            let (steps, conditions) = (Vec::new(), Vec::new());
            return Ok(Run { was, steps, conditions, value: after(connection)? });
        }
        lock_tables_against_writes(connection)?;
        let mut conditions = Vec::new();
        conditions.extend(check_integrity(connection)?);
        if *target != Target::Everything {
            // Otherwise broken references could not be attributed to the migrations.
            check_references(connection, "the database has")?;
            conditions.push(Check::before("references", "none is broken"));
        }
        before(connection)?;
        if *target == Target::Everything {
            reset::drop_everything(connection)?;
        }
        let ledger = Ledger::read_for(connection, known)?;
        let drift = Drift::of(connection, &ledger)?;
        let mut steps = revert(connection, &reverting)?;
        steps.extend(apply(connection, &applying)?);
        let ledger = Ledger::read_for(connection, known)?;
        history::sync(connection, &ledger)?;
        check_references(connection, "the migrations would leave")?;
        conditions.push(Check::after("references", "none is broken"));
        conditions.push(Check::after("rows", "none was lost or changed without a declaration"));
        conditions.push(Drift::of(connection, &ledger)?.check_after(&drift)?);
        Ok(Run { was, steps, conditions, value: after(connection)? })
    })
}

/// Returns the steps that [`run`] would take, with their statements. Nothing is written.
pub(crate) fn plan(
    connection: &mut DbConnection,
    known: Migrations,
    target: &Target,
) -> Result<Vec<PlannedStep>> {
    let ledger = Ledger::read_for(connection, known)?;
    let ScriptsToRun { reverting, applying } = scripts_to_run(connection, &ledger, target)?;
    Ok(reverting.into_iter().chain(applying).map(ParsedScript::into_planned).collect())
}

fn apply(connection: &mut DbConnection, scripts: &[ParsedScript]) -> Result<Vec<Step>> {
    // Creates Diesel's own table.
    dispatch!(&mut *connection, |connection| connection.applied_migrations().map(drop))
        .map_err(failed("apply", "the ledger"))?;
    scripts.iter().map(|script| run_script(connection, script)).collect()
}

fn revert(connection: &mut DbConnection, scripts: &[ParsedScript]) -> Result<Vec<Step>> {
    scripts.iter().map(|script| run_script(connection, script)).collect()
}

/// Runs one script, and compares the rows of all tables before and after it.
fn run_script(connection: &mut DbConnection, script: &ParsedScript) -> Result<Step> {
    let ParsedScript { migration, direction, .. } = *script;
    let runnable = Runnable { migration, backend: connection.backend() };
    let begun = Instant::now();
    let snapshots = TableSnapshots::take(connection, script)?;
    let reading = begun.elapsed();
    let begun = Instant::now();
    dispatch!(&mut *connection, |connection| match direction {
        StepDirection::Applied => connection.run_migration(&runnable).map(drop),
        StepDirection::Reverted => connection.revert_migration(&runnable).map(drop),
    })
    .map_err(failed(
        match direction {
            StepDirection::Applied => "apply",
            StepDirection::Reverted => "revert",
        },
        migration.name(),
    ))?;
    let ran = begun.elapsed();
    let begun = Instant::now();
    let rows = snapshots.compare(connection)?;
    Ok(Step {
        name: migration.name().to_owned(),
        direction,
        milliseconds: milliseconds(ran),
        comparing_milliseconds: milliseconds(reading + begun.elapsed()),
        rows,
    })
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Error of Diesel's migration harness.
type Cause = Box<dyn std::error::Error + Send + Sync>;

fn failed(direction: &'static str, name: &str) -> impl FnOnce(Cause) -> Error {
    let name = name.to_owned();
    move |source| {
        Error::Migration(MigrationFault::Failed { name, direction, source: classified(source) })
    }
}

/// Turns a lost connection or a lock timeout into the library's error, which says more than the
/// server's message. A constraint violation keeps the server's message, which says the most: the
/// constraint may be one that the script itself has created.
fn classified(source: Cause) -> Cause {
    use diesel::result::DatabaseErrorKind as Kind;
    use diesel::result::Error::DatabaseError;
    match source.downcast::<diesel::result::Error>().map(|cause| *cause) {
        Ok(
            cause @ DatabaseError(
                Kind::ClosedConnection | Kind::UnableToSendCommand | Kind::Unknown,
                _,
            ),
        ) => match Error::from(cause) {
            Error::Query(cause) => Box::new(cause),
            error => Box::new(error),
        },
        Ok(cause) => Box::new(cause),
        Err(source) => source,
    }
}

#[cfg(test)]
mod tests {
    use diesel::connection::SimpleConnection;
    use diesel::prelude::*;

    use super::super::embedded::{EmbeddedMigration, all};
    use super::*;
    use crate::connection::read_pragma;

    #[test]
    fn references_are_enforced_again_whatever_came_of_the_run() {
        let inner = SqliteConnection::establish(":memory:").expect("a database");
        let mut connection = DbConnection::Sqlite(inner);
        connection.batch_execute("PRAGMA foreign_keys = ON").expect("a pragma");
        let mut outcomes = Vec::new();
        let last = all().last().map(EmbeddedMigration::version).expect("a migration");
        for refuse in [true, false] {
            let before = |connection: &mut DbConnection| {
                let inner = connection.sqlite()?;
                assert_eq!(read_pragma(inner, "foreign_keys", "foreign_keys")?, "0");
                if refuse { Err(Error::Internal("refused".into())) } else { Ok(()) }
            };
            let target = Target::UpTo(last.clone());
            outcomes.push(run(&mut connection, all(), &target, before, |_| Ok(())).is_ok());
            let inner = connection.sqlite().expect("SQLite");
            assert_eq!(read_pragma(inner, "foreign_keys", "foreign_keys").expect("it"), "1");
        }
        assert_eq!(outcomes, [false, true]);
    }
}

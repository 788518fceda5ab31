//! Running migrations: under the write lock, all or nothing, with the references checked before the
//! commit.

use std::time::{Duration, Instant};

use super::checks::{Check, Drift, check_integrity, check_references};
use super::data_loss_guard::TableSnapshots;
use super::embedded::{EmbeddedMigration, Migrations, Runnable};
use super::ledger::Ledger;
use super::migration_lock::{RunOutcome, exclusively, keep_writers_out};
use super::statement::statements;
use super::steps::{PlannedStep, Step, StepDirection};
use super::target::{Chosen, Target, choose};
use super::{history, reset};
use crate::backend::DbConnection;
use crate::dispatch;
use crate::error::{Error, MigrationFault, Result};
use diesel_migrations::MigrationHarness;

/// What a run did.
#[derive(Debug)]
pub struct Run<T> {
    /// The newest version before, read under the lock.
    pub was: Option<String>,
    /// What ran, in that order.
    pub steps: Vec<Step>,
    /// What held before and after.
    pub conditions: Vec<Check>,
    /// What `after` returned.
    pub value: T,
}

/// Takes the lock, reads the state again, and goes to the target. On an error nothing has changed.
///
/// `before` runs under the lock if there is something to do, before it is done: a backup that it
/// takes is exactly what is about to be changed. `after` runs inside the same transaction, after the
/// migrations.
///
/// # Errors
/// [`Error::Migration`], [`Error::Locked`] or [`Error::Query`]; the database is then as it was.
pub fn run<T>(
    connection: &mut DbConnection,
    known: Migrations,
    target: &Target,
    before: impl FnOnce(&mut DbConnection) -> Result<()>,
    after: impl FnOnce(&mut DbConnection) -> Result<T>,
) -> Result<RunOutcome<Run<T>>> {
    exclusively(connection, |connection| {
        let ledger = Ledger::read_for(connection, known)?;
        let was = ledger.current().map(str::to_owned);
        let (reverting, applying) = choose(connection, &ledger, target)?;
        if reverting.is_empty() && applying.is_empty() {
            history::sync(connection, &ledger)?;
            let (steps, conditions) = (Vec::new(), Vec::new());
            return Ok(Run { was, steps, conditions, value: after(connection)? });
        }
        keep_writers_out(connection)?;
        let mut conditions = Vec::new();
        if *target != Target::Everything {
            conditions.extend(check_integrity(connection)?);
            // With these here, it could not be told what the migrations broke.
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
        conditions.push(Check::after("rows", "none was lost or changed undeclared"));
        conditions.push(Drift::of(connection, &ledger)?.check_after(&drift)?);
        Ok(Run { was, steps, conditions, value: after(connection)? })
    })
}

/// What [`run`] would do, statement by statement. It reads, and writes nothing.
pub(crate) fn plan(
    connection: &mut DbConnection,
    known: Migrations,
    target: &Target,
) -> Result<Vec<PlannedStep>> {
    let ledger = Ledger::read_for(connection, known)?;
    let (reverting, applying) = choose(connection, &ledger, target)?;
    let backend = connection.backend();
    let planned = |migration: &EmbeddedMigration, direction, sql| PlannedStep {
        name: migration.name().to_owned(),
        direction,
        statements: statements(sql, backend),
    };
    let reverted = reverting.iter().map(|m| planned(m, StepDirection::Reverted, m.down(backend)));
    let applied = applying.iter().map(|m| planned(m, StepDirection::Applied, m.up(backend)));
    Ok(reverted.chain(applied).collect())
}

fn apply(connection: &mut DbConnection, migrations: &Chosen) -> Result<Vec<Step>> {
    // Creates Diesel's own table.
    dispatch!(&mut *connection, |connection| connection.applied_migrations().map(drop))
        .map_err(failed("apply", "the ledger"))?;
    let apply = |migration| step(connection, migration, StepDirection::Applied);
    migrations.iter().copied().map(apply).collect()
}

fn revert(connection: &mut DbConnection, migrations: &Chosen) -> Result<Vec<Step>> {
    let revert = |migration| step(connection, migration, StepDirection::Reverted);
    migrations.iter().copied().map(revert).collect()
}

/// Runs one migration.
fn step(
    connection: &mut DbConnection,
    migration: &'static EmbeddedMigration,
    direction: StepDirection,
) -> Result<Step> {
    let runnable = Runnable { migration, backend: connection.backend() };
    let (verb, script) = match direction {
        StepDirection::Applied => ("apply", migration.up(runnable.backend)),
        StepDirection::Reverted => ("revert", migration.down(runnable.backend)),
    };
    let begun = Instant::now();
    let snapshot = TableSnapshots::before(connection, script, direction)?;
    let looked = begun.elapsed();
    let begun = Instant::now();
    dispatch!(&mut *connection, |connection| match direction {
        StepDirection::Applied => connection.run_migration(&runnable).map(drop),
        StepDirection::Reverted => connection.revert_migration(&runnable).map(drop),
    })
    .map_err(failed(verb, migration.name()))?;
    let ran = begun.elapsed();
    let begun = Instant::now();
    let rows = snapshot.compare(connection, migration.name())?;
    Ok(Step {
        name: migration.name().to_owned(),
        direction,
        milliseconds: milliseconds(ran),
        comparing_milliseconds: milliseconds(looked + begun.elapsed()),
        rows,
    })
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// What Diesel's harness reports.
type Cause = Box<dyn std::error::Error + Send + Sync>;

fn failed(direction: &'static str, name: &str) -> impl FnOnce(Cause) -> Error {
    let name = name.to_owned();
    move |source| {
        Error::Migration(MigrationFault::Failed { name, direction, source: meaning(source) })
    }
}

/// A connection that broke, or a lock that was waited for in vain, is more than the server's words.
/// Of a rule that a script breaks, those say the most: the rule may be the script's own.
fn meaning(source: Cause) -> Cause {
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

    use super::super::embedded::all;
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

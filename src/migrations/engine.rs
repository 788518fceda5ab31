//! Running migrations: under the migration lock, in one transaction, with the references checked
//! before the commit.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use diesel_migrations::MigrationHarness;

use super::checks::{Check, Drift, check_integrity, check_references};
use super::data_loss_guard::TableSnapshots;
use super::embedded::Runnable;
use super::known::Migrations;
use super::ledger::Ledger;
use super::library_tables::LibraryTables;
use super::migration_lock::{RunOutcome, lock_tables_against_writes, with_migration_lock};
use super::own_objects::SetAside;
use super::parsed_script::ParsedScript;
use super::reset::Droppable;
#[cfg(feature = "postgres")]
use super::server_rights;
use super::steps::{PlannedStep, Step, StepDirection};
use super::target::{ScriptsToRun, Target, scripts_to_run};
use super::{dependents, history};
use crate::backend::DbConnection;
use crate::connection::{TransactionSettings, Writer};
use crate::dispatch;
use crate::error::{Error, MigrationFault, Result};
use crate::types::MigrationOwner;

/// Result of a run.
#[derive(Debug)]
pub struct Run<T> {
    /// Newest version of each owner before the run, read under the lock; none for an owner without applied
    /// migrations.
    pub was: BTreeMap<MigrationOwner, String>,
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
    settings: &TransactionSettings,
    known: Migrations,
    target: &Target,
    before: impl FnOnce(&mut DbConnection) -> Result<()>,
    after: impl FnOnce(&mut Writer<'_>) -> Result<T>,
) -> Result<RunOutcome<Run<T>>> {
    with_migration_lock(connection, settings, |connection| {
        let ledger = Ledger::read_for(connection, known)?;
        let newest = |owner: &MigrationOwner| Some((*owner, ledger.newest(*owner)?.to_owned()));
        let was = MigrationOwner::ALL.iter().filter_map(newest).collect();
        let scripts = scripts_to_run(connection, &ledger, target)?;
        if scripts.is_empty() {
            // Somebody may have granted it since the last run.
            #[cfg(feature = "postgres")]
            server_rights::keep_audit_log_append_only(connection)?;
            history::sync(connection, &ledger)?;
            let (steps, conditions) = (Vec::new(), Vec::new());
            return Ok(Run { was, steps, conditions, value: after(connection)? });
        }
        #[cfg(feature = "postgres")]
        server_rights::ensure_may_create(connection)?;
        lock_tables_against_writes(connection)?;
        let mut conditions = Vec::new();
        conditions.extend(check_integrity(connection)?);
        let mut droppable = None;
        if *target == Target::Everything {
            droppable = Some(Droppable::find(connection, &ledger)?);
        } else {
            // Otherwise broken references could not be attributed to the migrations.
            let references = check_references(connection, "the database has")?;
            conditions.push(Check::before("references", references));
            dependents::ensure_none(connection, &ledger, &scripts)?;
        }
        before(connection)?;
        if let Some(droppable) = droppable {
            droppable.drop_all(connection)?;
        }
        let ledger = Ledger::read_for(connection, known)?;
        let drift = Drift::of(connection, &ledger)?;
        let runs_own = scripts.iter().any(|script| script.migration.is_own());
        let library = runs_own.then(|| LibraryTables::of(connection, &ledger)).transpose()?;
        let steps = run_scripts(connection, &ledger, scripts)?;
        #[cfg(feature = "postgres")]
        server_rights::keep_audit_log_append_only(connection)?;
        let ledger = Ledger::read_for(connection, known)?;
        history::sync(connection, &ledger)?;
        if let Some(before) = library {
            LibraryTables::of(connection, &ledger)?.ensure_as(&before)?;
        }
        let references = check_references(connection, "the migrations would leave")?;
        conditions.push(Check::after("references", references));
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
    let scripts = scripts_to_run(connection, &ledger, target)?;
    if *target != Target::Everything {
        dependents::ensure_none(connection, &ledger, &scripts)?;
    }
    Ok(scripts.into_order().into_iter().map(ParsedScript::into_planned).collect())
}

/// Runs the scripts in order. What an application has on the library's tables is set aside while scripts of the
/// library run, if they drop or rebuild something.
fn run_scripts(
    connection: &mut DbConnection,
    ledger: &Ledger,
    scripts: ScriptsToRun,
) -> Result<Vec<Step>> {
    // Creates Diesel's own table.
    dispatch!(&mut *connection, |connection| connection.applied_migrations().map(drop))
        .map_err(failed("apply", "the ledger"))?;
    let mut steps = Vec::new();
    let of_one_owner =
        |a: &ParsedScript, b: &ParsedScript| a.migration.owner() == b.migration.owner();
    for scripts in scripts.into_order().chunk_by(of_one_owner) {
        let aside = SetAside::take(connection, ledger, scripts)?;
        for script in scripts {
            steps.push(run_script(connection, script)?);
        }
        aside.restore(connection)?;
    }
    Ok(steps)
}

/// Runs one script, and compares the rows of all tables before and after it.
fn run_script(connection: &mut DbConnection, script: &ParsedScript) -> Result<Step> {
    let ParsedScript { migration, direction, script: both, .. } = *script;
    let runnable = Runnable { migration: migration.embedded(), script: both };
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
        migration.embedded().name(),
    ))?;
    let ran = begun.elapsed();
    let begun = Instant::now();
    let rows = snapshots.compare(connection)?;
    Ok(Step {
        name: migration.name().to_owned(),
        owner: migration.owner(),
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
            outcomes.push({
                let (settings, known) = (TransactionSettings::default(), Migrations::default());
                run(&mut connection, &settings, known, &target, before, |_| Ok(())).is_ok()
            });
            let inner = connection.sqlite().expect("SQLite");
            assert_eq!(read_pragma(inner, "foreign_keys", "foreign_keys").expect("it"), "1");
        }
        assert_eq!(outcomes, [false, true]);
    }
}

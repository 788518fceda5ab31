//! Running migrations: under the write lock, all or nothing, with the references checked before the
//! commit.

use std::time::Instant;

use diesel_migrations::MigrationHarness;
use serde::Serialize;

use super::embedded::{self, EmbeddedMigration, Runnable};
use super::exclusive::exclusively;
use super::ledger::Ledger;
use super::references::check_references;
use super::statement::{PlannedStatement, statements};
use super::{history, reset};
use crate::{DbConnection, Error, Result, dispatch};

/// Where a run should end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Goal {
    /// Everything applied.
    Latest,
    /// Everything dropped, whatever it is, and everything applied anew.
    Everything,
    /// The last `n` migrations reverted.
    Back(usize),
    /// Everything after this version reverted; `0` is none at all.
    To(String),
}

/// Whether a migration was applied or reverted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum StepDirection {
    /// `up.sql` ran.
    Applied,
    /// `down.sql` ran.
    Reverted,
}

/// One migration that ran.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// The directory's name.
    pub name: String,
    /// Which way.
    pub direction: StepDirection,
    /// How long it took, in milliseconds.
    pub milliseconds: u64,
}

/// One migration that would run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlannedStep {
    /// The directory's name.
    pub name: String,
    /// Which way.
    pub direction: StepDirection,
    /// What it says, in order.
    pub statements: Vec<PlannedStatement>,
}

type Migrations = Vec<&'static EmbeddedMigration>;

/// Takes the lock, reads the state again, and goes to the goal. On an error nothing has changed.
///
/// `before` runs under the lock if there is something to do, before it is done: a backup that it
/// takes is exactly what is about to be changed. `after` runs inside the same transaction, after the
/// migrations.
pub(crate) fn run<T>(
    connection: &mut DbConnection,
    goal: &Goal,
    before: impl FnOnce(&mut DbConnection) -> Result<()>,
    after: impl FnOnce(&mut DbConnection) -> Result<T>,
) -> Result<(Vec<Step>, T)> {
    exclusively(connection, |connection| {
        let (reverting, applying) = steps_to(connection, goal)?;
        let idle = reverting.is_empty() && applying.is_empty();
        if !idle {
            before(connection)?;
        }
        if *goal == Goal::Everything {
            reset::drop_everything(connection)?;
        } else if !idle {
            // With these here, it could not be told what the migrations broke.
            check_references(connection, "the database has")?;
        }
        let mut steps = revert(connection, &reverting)?;
        steps.extend(apply(connection, &applying)?);
        let ledger = Ledger::read(connection)?;
        history::follow(connection, &ledger)?;
        if !idle {
            check_references(connection, "the migrations would leave")?;
        }
        Ok((steps, after(connection)?))
    })
}

/// The migrations to revert, newest first, and to apply, oldest first, as things stand.
fn steps_to(connection: &mut DbConnection, goal: &Goal) -> Result<(Migrations, Migrations)> {
    let ledger = Ledger::read(connection)?;
    if *goal != Goal::Everything {
        ledger.ensure_known()?;
    }
    let reverting = to_revert(&ledger, goal)?;
    let applying = match goal {
        Goal::Latest => ledger.ensure_in_order().map(|()| ledger.pending().collect())?,
        Goal::Everything => embedded::all().iter().collect(),
        Goal::Back(_) | Goal::To(_) => Vec::new(),
    };
    Ok((reverting, applying))
}

/// What [`run`] would do, statement by statement. It reads, and writes nothing.
pub(crate) fn plan(connection: &mut DbConnection, goal: &Goal) -> Result<Vec<PlannedStep>> {
    let (reverting, applying) = steps_to(connection, goal)?;
    let backend = connection.backend();
    let planned = |migration: &EmbeddedMigration, direction, sql| PlannedStep {
        name: migration.name().to_owned(),
        direction,
        statements: statements(sql),
    };
    let reverted = reverting.iter().map(|m| planned(m, StepDirection::Reverted, m.down(backend)));
    let applied = applying.iter().map(|m| planned(m, StepDirection::Applied, m.up(backend)));
    Ok(reverted.chain(applied).collect())
}

fn apply(connection: &mut DbConnection, migrations: &Migrations) -> Result<Vec<Step>> {
    // Creates Diesel's own table.
    dispatch!(&mut *connection, |connection| connection.applied_migrations().map(drop))
        .map_err(failed("apply", "the ledger"))?;
    let apply = |migration| step(connection, migration, StepDirection::Applied);
    migrations.iter().copied().map(apply).collect()
}

fn revert(connection: &mut DbConnection, migrations: &Migrations) -> Result<Vec<Step>> {
    let revert = |migration| step(connection, migration, StepDirection::Reverted);
    migrations.iter().copied().map(revert).collect()
}

/// Runs one migration.
fn step(
    connection: &mut DbConnection,
    migration: &'static EmbeddedMigration,
    direction: StepDirection,
) -> Result<Step> {
    let begun = Instant::now();
    let runnable = Runnable { migration, backend: connection.backend() };
    let verb = match direction {
        StepDirection::Applied => "apply",
        StepDirection::Reverted => "revert",
    };
    dispatch!(connection, |connection| match direction {
        StepDirection::Applied => connection.run_migration(&runnable).map(drop),
        StepDirection::Reverted => connection.revert_migration(&runnable).map(drop),
    })
    .map_err(failed(verb, migration.name()))?;
    let milliseconds = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok(Step { name: migration.name().to_owned(), direction, milliseconds })
}

/// The migrations to revert, newest first.
fn to_revert(ledger: &Ledger, goal: &Goal) -> Result<Vec<&'static EmbeddedMigration>> {
    let applied = || embedded::all().iter().filter(|m| ledger.applied().contains(&m.version()));
    let newest_first = applied().rev();
    Ok(match goal {
        Goal::Latest | Goal::Everything => Vec::new(),
        Goal::Back(steps) => newest_first.take(*steps).collect(),
        Goal::To(version) => {
            // A version may be written with or without the dashes of its directory's name.
            let version = version.replace('-', "");
            let known = embedded::all().iter().any(|migration| migration.version() == version);
            if version != "0" && !known {
                let applied = ledger.applied().join(", ");
                return Err(Error::UnknownVersion {
                    wanted: version,
                    applied: format!("0, {applied}"),
                });
            }
            newest_first.take_while(|m| version == "0" || m.version() > version).collect()
        }
    })
}

fn failed(
    direction: &'static str,
    name: &str,
) -> impl FnOnce(Box<dyn std::error::Error + Send + Sync>) -> Error {
    let name = name.to_owned();
    move |source| Error::Migration { name, direction, source }
}

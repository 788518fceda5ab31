//! Running migrations: under the write lock, all or nothing, with the references checked before the
//! commit.

use std::time::{Duration, Instant};

use diesel::connection::{AnsiTransactionManager, SimpleConnection, TransactionManager};
use diesel::prelude::*;
use diesel_migrations::MigrationHarness;
use serde::Serialize;

use super::embedded::{self, EmbeddedMigration};
use super::history;
use super::ledger::Ledger;
use super::statement::{PlannedStatement, statements};
use crate::connection::is_busy;
use crate::{DbConnection, Error, Result};

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
            drop_everything(connection.sqlite()?)?;
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
    let planned = |migration: &EmbeddedMigration, direction, sql| PlannedStep {
        name: migration.name().to_owned(),
        direction,
        statements: statements(sql),
    };
    let reverted = reverting.iter().map(|m| planned(m, StepDirection::Reverted, m.down()));
    let applied = applying.iter().map(|m| planned(m, StepDirection::Applied, m.up()));
    Ok(reverted.chain(applied).collect())
}

/// One write transaction without enforcement of references. Others may read meanwhile, which a
/// backup needs; nobody else can write.
///
/// Enforcement goes off *outside* the transaction (inside, SQLite ignores it): with it on, a table
/// that is dropped or rebuilt deletes its children through `ON DELETE CASCADE`.
fn exclusively<T>(
    connection: &mut DbConnection,
    work: impl FnOnce(&mut DbConnection) -> Result<T>,
) -> Result<T> {
    let inner = connection.sqlite()?;
    let enforced = crate::connection::read_pragma(inner, "foreign_keys", "foreign_keys")?;
    inner.batch_execute("PRAGMA foreign_keys = OFF")?;
    let begun = begin(inner);
    let result = match begun {
        Ok(()) => end(connection, work),
        Err(error) => Err(error),
    };
    let restored = connection.sqlite()?.batch_execute(&format!("PRAGMA foreign_keys = {enforced}"));
    let value = result?;
    restored?;
    Ok(value)
}

/// Does the work and ends the transaction that is open.
fn end<T>(
    connection: &mut DbConnection,
    work: impl FnOnce(&mut DbConnection) -> Result<T>,
) -> Result<T> {
    let result = work(connection);
    let inner = connection.sqlite()?;
    match result {
        Ok(value) => Ok(AnsiTransactionManager::commit_transaction(inner).map(|()| value)?),
        Err(error) => {
            if let Err(cause) = AnsiTransactionManager::rollback_transaction(inner) {
                tracing::warn!(%cause, "rolling back failed; closing the connection will do it");
            }
            Err(error)
        }
    }
}

/// SQLite's `busy_timeout` does not cover every way in which the lock can be refused.
fn begin(connection: &mut SqliteConnection) -> Result<()> {
    let begun = Instant::now();
    let patience: u64 =
        crate::connection::read_pragma(connection, "busy_timeout", "timeout")?.parse().unwrap_or(0);
    // Others may be migrating: each of them is given its turn.
    let patience = Duration::from_millis(patience) * 6;
    loop {
        match AnsiTransactionManager::begin_transaction_sql(connection, "BEGIN IMMEDIATE") {
            Err(cause) if is_busy(&cause) && begun.elapsed() < patience => {
                std::thread::sleep(Duration::from_millis(10));
            }
            Err(source) if is_busy(&source) => {
                let action = "taking the lock for migrations";
                return Err(Error::Locked { action, waited: begun.elapsed(), source });
            }
            done => return Ok(done?),
        }
    }
}

fn apply(
    connection: &mut DbConnection,
    migrations: &[&'static EmbeddedMigration],
) -> Result<Vec<Step>> {
    let connection = connection.sqlite()?;
    // Creates Diesel's own table.
    connection.applied_migrations().map_err(failed("apply", "the ledger"))?;
    let apply = |migration: &&'static EmbeddedMigration| {
        let begun = Instant::now();
        connection.run_migration(*migration).map_err(failed("apply", migration.name()))?;
        Ok(step(migration, StepDirection::Applied, begun))
    };
    migrations.iter().map(apply).collect()
}

fn revert(
    connection: &mut DbConnection,
    migrations: &[&'static EmbeddedMigration],
) -> Result<Vec<Step>> {
    let connection = connection.sqlite()?;
    let revert = |migration: &&'static EmbeddedMigration| {
        let begun = Instant::now();
        connection.revert_migration(*migration).map_err(failed("revert", migration.name()))?;
        Ok(step(migration, StepDirection::Reverted, begun))
    };
    migrations.iter().map(revert).collect()
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

fn step(migration: &EmbeddedMigration, direction: StepDirection, begun: Instant) -> Step {
    let milliseconds = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    Step { name: migration.name().to_owned(), direction, milliseconds }
}

fn failed(
    direction: &'static str,
    name: &str,
) -> impl FnOnce(Box<dyn std::error::Error + Send + Sync>) -> Error {
    let name = name.to_owned();
    move |source| Error::Migration { name, direction, source }
}

#[derive(QueryableByName)]
struct BrokenReference {
    #[diesel(sql_type = diesel::sql_types::Text)]
    description: String,
}

/// Rows that refer to nothing, as `table row N has no parent`.
pub(crate) fn broken_references(connection: &mut DbConnection) -> Result<Vec<String>> {
    let query = r#"SELECT "table" || ' row ' || coalesce(rowid, '?') || ' has no ' || "parent"
                   AS description FROM pragma_foreign_key_check"#;
    let rows: Vec<BrokenReference> = diesel::sql_query(query).load(connection.sqlite()?)?;
    Ok(rows.into_iter().map(|row| row.description).collect())
}

fn check_references(connection: &mut DbConnection, subject: &'static str) -> Result<()> {
    let broken = broken_references(connection)?;
    match broken.first() {
        None => Ok(()),
        Some(first) => {
            let (count, first) = (broken.len(), first.clone());
            Err(Error::BrokenReferences { subject, count, first })
        }
    }
}

#[derive(QueryableByName)]
struct Object {
    #[diesel(sql_type = diesel::sql_types::Text)]
    statement: String,
}

fn drop_everything(connection: &mut SqliteConnection) -> Result<()> {
    // Views and triggers first: they may refer to tables that would be gone.
    let query = "SELECT 'DROP ' || type || ' IF EXISTS \"' || replace(name, '\"', '\"\"') || '\"' AS statement
                 FROM sqlite_schema
                 WHERE type IN ('view', 'trigger', 'table') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
                 ORDER BY CASE type WHEN 'trigger' THEN 0 WHEN 'view' THEN 1 ELSE 2 END,
                     sql NOT LIKE 'CREATE VIRTUAL%'";
    let objects: Vec<Object> = diesel::sql_query(query).load(connection)?;
    for object in objects {
        connection.batch_execute(&object.statement)?;
    }
    Ok(())
}

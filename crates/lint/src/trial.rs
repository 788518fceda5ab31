//! Trial run of the scripts for SQLite, on a database in memory.

use diesel::connection::SimpleConnection;
use zenith_db::Backend;
use zenith_db::internal::migrations::{fresh_in_memory, statements};
use zenith_db::migrations::Structure;
use zenith_db::{DbConnection, Result};

use super::finding::Finding;
use super::forbidden::forbidden;
use super::lint_rule::LintRule;
use super::sources::{SourceMigration, SourceScript, embedded_before};

pub(super) fn check(migrations: &[SourceMigration]) -> Vec<Finding> {
    let mut found = Vec::new();
    if let Err(error) = run(migrations, &mut found)
        && let Some(migration) = migrations.first()
    {
        let problem = format!("the trial run on an SQLite database in memory failed: {error}");
        let advice = "fix the cause and run the lint again";
        found.push(migration.up.finding(1, LintRule::DoesNotRun, problem, advice));
    }
    found
}

fn run(migrations: &[SourceMigration], found: &mut Vec<Finding>) -> Result<()> {
    let memory = fresh_in_memory(embedded_before(migrations).iter())?;
    let mut connection = DbConnection::Sqlite(memory);
    for migration in migrations {
        let before = Structure::of(&mut connection)?;
        if !runs(&mut connection, &migration.up, found) {
            // The migrations after it build on it.
            return Ok(());
        }
        connection.batch_execute("SAVEPOINT before_down").map_err(zenith_db::Error::Query)?;
        let reverted = runs(&mut connection, &migration.down, found);
        let after = Structure::of(&mut connection)?;
        // An empty down.sql has a rule of its own.
        if reverted && !statements(&migration.down.text, Backend::Sqlite).is_empty() {
            let more = after.missing_from(&before).into_iter().map(|line| format!("leaves {line}"));
            let less = before
                .missing_from(&after)
                .into_iter()
                .map(|line| format!("does not restore {line}"));
            let wrong: Vec<String> = more.chain(less).collect();
            if !wrong.is_empty() {
                found.push(migration.down.finding(
                    1,
                    LintRule::DownIncomplete,
                    format!("down.sql {}", wrong.join(", ")),
                    "undo everything that up.sql does",
                ));
            }
        }
        connection
            .batch_execute("ROLLBACK TO before_down; RELEASE before_down")
            .map_err(zenith_db::Error::Query)?;
    }
    Ok(())
}

/// Runs the script, and returns whether that succeeded. Statements that could leave the database in memory
/// or end the transaction are skipped: another rule reports them.
fn runs(connection: &mut DbConnection, script: &SourceScript, found: &mut Vec<Finding>) -> bool {
    let statements = statements(&script.text, Backend::Sqlite);
    for statement in statements.iter().filter(|statement| forbidden(&statement.words).is_none()) {
        if let Err(error) = connection.batch_execute(&statement.sql) {
            found.push(script.finding(
                statement.line,
                LintRule::DoesNotRun,
                format!("SQLite rejects the statement: {error}"),
                "correct it; the statements after it were not run",
            ));
            return false;
        }
    }
    true
}

//! Where a run should end, and the migrations that lead there.

use super::embedded::EmbeddedMigration;
use super::history;
use super::ledger::Ledger;
use super::parsed_script::ParsedScript;
use super::steps::StepDirection;
use crate::backend::DbConnection;
use crate::error::{Error, MigrationFault, Result};

/// State of the schema in which a run should end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Every migration applied.
    Latest,
    /// Every migration up to this version applied.
    UpTo(String),
    /// Every object of the database dropped, whoever created it, and every migration applied again.
    Everything,
    /// The last `n` migrations reverted.
    RollbackSteps(usize),
    /// Every migration after this version reverted; `0` reverts all.
    RollbackTo(String),
    /// The last migration reverted and applied again.
    Redo,
}

/// Scripts of a run, in the order in which they run.
#[derive(Debug)]
pub(super) struct ScriptsToRun {
    /// Scripts that revert, newest migration first. They run before the others.
    pub(super) reverting: Vec<ParsedScript>,
    /// Scripts that apply, oldest migration first.
    pub(super) applying: Vec<ParsedScript>,
}

/// Returns the scripts that lead to the target.
///
/// # Errors
/// [`Error::Migration`] if the database was migrated by other scripts than those of the program, or if
/// a script could not be rolled back.
pub(super) fn scripts_to_run(
    connection: &mut DbConnection,
    ledger: &Ledger,
    target: &Target,
) -> Result<ScriptsToRun> {
    let (reverting, applying) = migrations_to_run(ledger, target)?;
    if *target != Target::Everything {
        history::ensure_unedited(connection, ledger)?;
    }
    let backend = connection.backend();
    let parse = |migrations: Selected, direction| -> Result<Vec<ParsedScript>> {
        let parse = |migration| {
            let script = ParsedScript::new(migration, direction, backend);
            script.ensure_in_one_transaction().map(|()| script)
        };
        migrations.into_iter().map(parse).collect()
    };
    Ok(ScriptsToRun {
        reverting: parse(reverting, StepDirection::Reverted)?,
        applying: parse(applying, StepDirection::Applied)?,
    })
}

/// Migrations selected from a ledger, in the order in which they run.
type Selected = Vec<&'static EmbeddedMigration>;

/// Returns the migrations to revert, newest first, and those to apply, oldest first.
fn migrations_to_run(ledger: &Ledger, target: &Target) -> Result<(Selected, Selected)> {
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
            let last: Selected = newest_first.take(1).collect();
            if last.is_empty() {
                return Err(MigrationFault::NothingToRedo.into());
            }
            (last.clone(), last)
        }
    })
}

/// Returns the version without the dashes that its directory's name has.
fn digits(version: &str) -> String {
    version.replace('-', "")
}

/// Returns the applied migrations after this version, newest first.
fn to_revert(ledger: &Ledger, version: &str) -> Result<Selected> {
    if version != "0" {
        ensure_version(ledger, version, &["0"])?;
    }
    Ok(ledger
        .ran()
        .rev()
        .take_while(|m| version == "0" || m.version().as_str() > version)
        .collect())
}

/// Returns the pending migrations up to this version, oldest first.
fn to_apply(ledger: &Ledger, version: &str) -> Result<Selected> {
    ensure_version(ledger, version, &[])?;
    ledger.ensure_in_order()?;
    match ledger.current() {
        Some(current) if current > version => Err(Error::Migration(MigrationFault::LaterVersion {
            current: current.to_owned(),
            wanted: version.to_owned(),
        })),
        _ => Ok(ledger.pending().take_while(|m| m.version().as_str() <= version).collect()),
    }
}

/// Refuses a version that no migration has; the error lists those that have one, after `others`.
fn ensure_version(ledger: &Ledger, version: &str, others: &[&str]) -> Result<()> {
    if ledger.known().iter().any(|migration| migration.version() == version) {
        return Ok(());
    }
    let others = others.iter().map(|other| (*other).to_owned());
    let known: Vec<String> =
        others.chain(ledger.known().iter().map(EmbeddedMigration::version)).collect();
    let known = known.join(", ");
    Err(Error::Migration(MigrationFault::UnknownVersion { wanted: version.to_owned(), known }))
}

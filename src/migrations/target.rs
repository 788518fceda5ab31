//! Where a run should end, and the migrations that lead there.

use super::history;
use super::known::KnownMigration;
use super::ledger::{Ledger, back_to};
use super::parsed_script::ParsedScript;
use super::steps::StepDirection;
use crate::backend::{Backend, DbConnection};
use crate::error::{Error, MigrationFault, Result};
use crate::types::MigrationOwner;

/// State of the schema in which a run should end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Every migration applied.
    Latest,
    /// Every migration of this version's owner up to it applied; if the owner is the application, all migrations of
    /// the library too.
    UpTo(String),
    /// Everything in an SQLite file dropped, whoever created it, or what migrations have created in a server's schema,
    /// and every migration applied again.
    Everything,
    /// The `n` migrations that were applied last reverted.
    RollbackSteps(usize),
    /// Every migration of this version's owner after it reverted; `0` reverts all, of both owners.
    RollbackTo(String),
    /// Every migration of the application reverted.
    RollbackOwn,
    /// The migration that was applied last reverted and applied again.
    Redo,
}

/// Scripts of a run, in the order in which they run.
#[derive(Debug)]
pub(super) struct ScriptsToRun {
    /// Scripts that revert, the last applied migration first. They run before the others.
    pub(super) reverting: Vec<ParsedScript>,
    /// Scripts that apply: the library's before those of the application, of each owner the oldest first.
    pub(super) applying: Vec<ParsedScript>,
}

impl ScriptsToRun {
    /// Returns the scripts in the order in which they run.
    pub(super) fn iter(&self) -> impl Iterator<Item = &ParsedScript> {
        self.reverting.iter().chain(&self.applying)
    }

    /// Returns the scripts in the order in which they run.
    pub(super) fn into_order(self) -> Vec<ParsedScript> {
        self.reverting.into_iter().chain(self.applying).collect()
    }

    /// Whether there is nothing to do.
    pub(super) fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }
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
    let backend = connection.backend();
    if *target != Target::Everything {
        history::ensure_unedited(connection, ledger)?;
        ensure_not_required(ledger, &reverting, backend)?;
    }
    let parse = |migrations: Selected, direction| -> Result<Vec<ParsedScript>> {
        let parse = |migration| {
            let script = ParsedScript::new(migration, direction, backend)?;
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
type Selected = Vec<KnownMigration>;

/// Returns the migrations to revert, and those to apply.
fn migrations_to_run(ledger: &Ledger, target: &Target) -> Result<(Selected, Selected)> {
    if *target != Target::Everything {
        ledger.ensure_known()?;
    }
    let revert_last = |count| ledger.newest_first().into_iter().take(count).collect();
    Ok(match target {
        Target::Latest => {
            ledger.ensure_in_order()?;
            (Vec::new(), ledger.pending().collect())
        }
        Target::UpTo(version) => (Vec::new(), to_apply(ledger, &digits(version))?),
        Target::Everything => (Vec::new(), ledger.known().iter().collect()),
        Target::RollbackSteps(steps) => (revert_last(*steps), Vec::new()),
        Target::RollbackTo(version) => (to_revert(ledger, &digits(version))?, Vec::new()),
        Target::RollbackOwn => {
            (ledger.ran_of(MigrationOwner::Application).rev().collect(), Vec::new())
        }
        Target::Redo => {
            ledger.ensure_in_order()?;
            let last: Selected = revert_last(1);
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

/// Returns the applied migrations of this version's owner after it, newest first.
fn to_revert(ledger: &Ledger, version: &str) -> Result<Selected> {
    if version == "0" {
        return Ok(ledger.newest_first());
    }
    let owner = known(ledger, version, &["0"])?.owner();
    let is_later = |migration: &KnownMigration| migration.version().as_str() > version;
    Ok(ledger.ran_of(owner).rev().take_while(is_later).collect())
}

/// Returns the pending migrations of this version's owner up to it, oldest first, after those of the library.
fn to_apply(ledger: &Ledger, version: &str) -> Result<Selected> {
    let owner = known(ledger, version, &[])?.owner();
    ledger.ensure_in_order()?;
    match ledger.newest(owner) {
        Some(current) if current > version => Err(Error::Migration(MigrationFault::LaterVersion {
            current: current.to_owned(),
            wanted: version.to_owned(),
        })),
        _ => {
            let is_before = |migration: &KnownMigration| {
                migration.owner() == owner && migration.version().as_str() <= version
                    || migration.owner() < owner
            };
            Ok(ledger.pending().filter(is_before).collect())
        }
    }
}

/// Returns the migration with a version; the error lists the versions that there are, after `others`.
fn known(ledger: &Ledger, version: &str, others: &[&str]) -> Result<KnownMigration> {
    if let Some(found) = ledger.known().find(version) {
        return Ok(found);
    }
    let others = others.iter().map(|other| (*other).to_owned());
    let known: Vec<String> =
        others.chain(ledger.known().iter().map(|known| known.version())).collect();
    let known = known.join(", ");
    Err(Error::Migration(MigrationFault::UnknownVersion { wanted: version.to_owned(), known }))
}

/// Refuses to revert a migration that one of the application requires which stays applied.
fn ensure_not_required(ledger: &Ledger, reverting: &Selected, backend: Backend) -> Result<()> {
    let own = || ledger.ran_of(MigrationOwner::Application);
    for migration in reverting {
        let version = migration.version();
        let stays = |own: &KnownMigration| !reverting.contains(own);
        let depends = |own: &KnownMigration| own.requires(backend).any(|v| v == version);
        let dependents: Selected = own().filter(stays).filter(depends).collect();
        let Some(oldest) = dependents.first().map(|own| own.version()) else { continue };
        let before = own().rfind(|own| own.version() < oldest).map(|own| own.version());
        let names: Vec<&str> = dependents.iter().map(|own| own.embedded().name()).collect();
        return Err(Error::Migration(MigrationFault::Required {
            version,
            dependents: names.join(", "),
            back: back_to(MigrationOwner::Application, before.as_deref()),
        }));
    }
    Ok(())
}

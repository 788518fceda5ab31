//! Build, comparison and health check of the new database, before it gets its name.

use std::path::Path;

use zenith_db::manager::DatabaseManager;
use zenith_db::{Config, Error};

use super::build::{BuildOutcome, build};
use super::error::{AdoptionError, Result};
use super::guarded;
use super::legacy_db::LegacyDb;
use super::options::AdoptionOptions;
use super::paths::database_file;
use super::quarantine::{self, Quarantine};
use super::report::{AdoptionOutcome, AdoptionReport};
use super::verify::{Proof, verify};

/// Builds the new database at `new` from the copy at `old`, and checks it. Writes temporary files only,
/// and the quarantine file.
pub(super) fn attempt(
    manager: &DatabaseManager,
    source: &Path,
    (old, new): (&Path, &Path),
    options: &AdoptionOptions,
) -> Result<(AdoptionReport, Option<Quarantine>)> {
    let sqlite = manager.config().sqlite();
    let legacy = LegacyDb::open(old)?;
    // The copy has every page of the original, so that this checks the original.
    guarded::ensure_intact(old, source)?;
    tracing::debug!("building the new database");
    let built = build(&legacy, new, sqlite, manager.migrations())?;
    tracing::debug!("comparing the two databases");
    let proof = verify(&legacy, &built, new, sqlite)?;
    check_health(manager, new)?;
    tracing::debug!("the new database passed all checks");
    let outcome = match (options.plan, built.rejected.is_empty(), &options.quarantine) {
        (true, ..) => AdoptionOutcome::Planned,
        (_, false, None) => AdoptionOutcome::Undecided,
        _ => AdoptionOutcome::Adopted,
    };
    let quarantine = match &options.quarantine {
        Some(file) if outcome == AdoptionOutcome::Adopted && !built.rejected.is_empty() => {
            Some(quarantine::write(&legacy, &built.rejected, file)?)
        }
        _ => None,
    };
    let database = database_file(manager.config())?.as_path();
    Ok((report(outcome, database, source, built, proof), quarantine))
}

/// Fails if a critical check of the new database does.
fn check_health(manager: &DatabaseManager, new: &Path) -> Result<()> {
    let config = Config::for_path(new).map_err(Error::from)?;
    let health = manager.for_config(config).health_check();
    let faults: Vec<String> = health
        .failures()
        .filter(|check| check.critical)
        .map(|check| format!("{}: {}", check.name, check.details))
        .collect();
    if faults.is_empty() {
        Ok(())
    } else {
        Err(AdoptionError::Unfaithful { reason: faults.join("; ") })
    }
}

fn report(
    outcome: AdoptionOutcome,
    database: &Path,
    source: &Path,
    built: BuildOutcome,
    proof: Proof,
) -> AdoptionReport {
    let Proof { tables, preserved } = proof;
    let read = tables.iter().map(|t| t.read).chain(preserved.iter().map(|t| t.read)).sum();
    let copied = tables.iter().map(|t| t.copied).chain(preserved.iter().map(|t| t.copied)).sum();
    AdoptionReport {
        outcome,
        source: source.to_owned(),
        rows_read: read,
        rows_copied: copied,
        rows_quarantined: read - copied,
        tables,
        preserved,
        not_copied: built.unknown.not_copied,
        grants: built.grants,
        seeded: built.seeded,
        rejected: built.rejected,
        ..AdoptionReport::already_ours(database)
    }
}

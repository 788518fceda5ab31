//! Taking over a database that the former application made.
//!
//! 1. Lock the original, if it is to be replaced, and copy its state (`source`).
//! 2. Build the new database in a hidden directory beside it (`build`): the migrations, then every
//!    row through the rules of its columns (`rules`, `normalise`, `value`), the tables that are not
//!    known (`carry`), the roles' permissions as grants (`grants`), the audit log as a chain.
//! 3. Read both again and compare (`verify`).
//! 4. Keep the copy of the original beside the backups, and rename the new database into its place.
//!
//! Until the rename the old database is in place, and after it the new one; both are whole.

mod audit;
mod build;
mod carry;
mod cell;
mod error;
mod grants;
mod json;
mod kept;
mod load;
mod normalise;
mod quarantine;
mod report;
mod rules;
mod source;
mod tables;
#[cfg(test)]
mod tampering;
mod time;
mod value;
mod verify;
mod workshop;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use tempfile::TempPath;

pub use error::{AdoptionError, Result};
pub use report::{
    AdoptionOutcome, AdoptionReport, BrokenRow, CarriedReport, ChangeReport, ColumnDigest,
    GrantReport, TableReport,
};

use self::kept::{copy_prefix, keep_copy};
use self::load::Former;
use self::source::Original;
use self::workshop::{Workshop, clear_leftovers, connection_path, entries};
use zenith_db::config::{DatabasePath, SqliteOptions};
use zenith_db::internal::connection;
use zenith_db::internal::manager::origin_of;
use zenith_db::manager::{DatabaseManager, Origin};
use zenith_db::{Config, Error};

/// How to take over a database of the former application.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AdoptionOptions {
    /// The former database; it is left alone, and the configured path must not exist yet. Without
    /// it, the database at the configured path is replaced.
    pub from: Option<PathBuf>,
    /// Try everything, say what would be changed and what breaks a rule, and change nothing.
    pub plan: bool,
    /// Write the rows that break a rule to this file, as JSON Lines, and go on without them. It must
    /// not exist yet.
    pub quarantine: Option<PathBuf>,
}

/// Takes over a database of the former application. Whatever happens, one complete database is
/// in place: the old one or the new one.
///
/// # Errors
/// [`Error::Refused`] if it is not the former application's; [`Error::Locked`] if another
/// process uses it; [`AdoptionError::Unfaithful`] if the result fails its check. Nothing has
/// changed then.
pub fn adopt(manager: &DatabaseManager, options: &AdoptionOptions) -> Result<AdoptionReport> {
    let begun = Instant::now();
    let adoption = Adoption { manager, config: manager.config() };
    if let Some(file) = &options.quarantine {
        adoption.ensure_apart(file)?;
        quarantine::check(file)?;
    }
    let mut report = match (&options.from, options.plan) {
        (Some(from), plan) => adoption.adopt_from(from, plan, options),
        (None, true) => adoption.plan_adoption(options),
        (None, false) => adoption.adopt_in_place(options),
    }?;
    report.milliseconds = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok(report)
}

/// An adoption into the database that a manager is for.
struct Adoption<'a> {
    manager: &'a DatabaseManager,
    config: &'a Config,
}

impl Adoption<'_> {
    fn plan_adoption(&self, options: &AdoptionOptions) -> Result<AdoptionReport> {
        let path = self.file()?;
        let rehearsal = rehearsal(self.config.sqlite())?;
        if self.copy_former(path, &rehearsal.file(OLD))? == Origin::Ours {
            return Ok(AdoptionReport::already_ours(path.as_path()));
        }
        let (report, _) =
            self.attempt(path.as_path(), &rehearsal.file(OLD), &rehearsal.file(NEW), options)?;
        Ok(report)
    }

    fn adopt_in_place(&self, options: &AdoptionOptions) -> Result<AdoptionReport> {
        let (path, sqlite) = (self.file()?, self.config.sqlite());
        let name = file_name(path);
        let mut original = loop {
            if self.check_origin(path, path)? == Origin::Ours {
                return Ok(AdoptionReport::already_ours(path.as_path()));
            }
            if let Some(original) = Original::lock(path, sqlite)? {
                break original;
            }
        };
        clear_leftovers(path.directory(), &name, sqlite)?;
        let backups = self.config.backup_dir();
        connection::create_private_dir(backups)?;
        // Nobody else adopts this database while it is locked.
        let prefix = copy_prefix(path)?;
        for left in entries(backups, &prefix)? {
            fs::remove_file(&left).map_err(Error::io("remove what was left at", &left))?;
        }
        let workshop = Workshop::open(path.directory(), &name, sqlite)?;
        let copy = tempfile::Builder::new()
            .prefix(&prefix)
            .tempfile_in(backups)
            .map_err(Error::io("create a file in", backups))?;
        original.copy_to(copy.path())?;
        let new = workshop.file(NEW);
        let (mut report, quarantined) = self.attempt(path.as_path(), copy.path(), &new, options)?;
        if report.outcome != AdoptionOutcome::Adopted {
            return Ok(report);
        }
        let kept = keep_copy(copy, backups, path)?;
        original.retire()?;
        fs::rename(&new, path.as_path())
            .map_err(Error::io("put the new database at", path.as_path()))?;
        report.original = kept.keep();
        report.quarantine = quarantined.and_then(quarantine::Quarantined::keep);
        let directory = path.directory();
        connection::sync_dir(directory).map_err(Error::io("write through", directory))?;
        drop(original);
        Ok(report)
    }

    fn adopt_from(
        &self,
        from: &Path,
        plan: bool,
        options: &AdoptionOptions,
    ) -> Result<AdoptionReport> {
        let (path, sqlite) = (self.file()?, self.config.sqlite());
        let source = connection_path(from)?;
        if !source.as_path().exists() {
            return Err(AdoptionError::NoSource { path: source.as_path().to_owned() });
        }
        self.check_free()?;
        let refuse_ours = |origin| match origin {
            Origin::Ours => Err(Error::Refused {
                database: from.display().to_string(),
                reason: "it is a database of this program already; copy it with `zenith-db backup`"
                    .into(),
            }),
            _ => Ok(()),
        };
        if plan {
            let rehearsal = rehearsal(self.config.sqlite())?;
            refuse_ours(self.copy_former(&source, &rehearsal.file(OLD))?)?;
            let (report, _) =
                self.attempt(from, &rehearsal.file(OLD), &rehearsal.file(NEW), options)?;
            return Ok(report);
        }
        let directory = path.directory();
        connection::create_private_dir(directory)?;
        let name = file_name(path);
        clear_leftovers(directory, &name, sqlite)?;
        let workshop = Workshop::open(directory, &name, sqlite)?;
        let (old, new) = (workshop.file(OLD), workshop.file(NEW));
        // Made first, so that it is private.
        connection::sqlite::create_file(&connection_path(&old)?)?;
        refuse_ours(self.copy_former(&source, &old)?)?;
        let (mut report, quarantined) = self.attempt(from, &old, &new, options)?;
        if report.outcome != AdoptionOutcome::Adopted {
            return Ok(report);
        }
        connection::create_private_dir(self.config.backup_dir())?;
        self.check_free()?;
        let new = TempPath::try_from_path(new).map_err(Error::io("find", path.as_path()))?;
        new.persist_noclobber(path.as_path())
            .map_err(|failed| Error::io("put the new database at", path.as_path())(failed.error))?;
        report.quarantine = quarantined.and_then(quarantine::Quarantined::keep);
        connection::sync_dir(directory).map_err(Error::io("write through", directory))?;
        Ok(report)
    }

    /// Copies a database of the former application; one of ours is only named.
    fn copy_former(&self, path: &DatabasePath, copy: &Path) -> Result<Origin> {
        source::ensure_no_journal(path)?;
        if !source::has_abandoned_log(path) && self.check_origin(path, path)? == Origin::Ours {
            return Ok(Origin::Ours);
        }
        source::copy(path, self.config.sqlite(), copy)?;
        self.check_origin(&connection_path(copy)?, path)
    }

    /// Only the former application's database is adopted, and only ours is left as it is.
    fn check_origin(&self, path: &DatabasePath, name: &DatabasePath) -> Result<Origin> {
        let refuse = |reason: String| {
            let reason = format!(
                "{reason}; only a database of the former application can be adopted. Nothing was \
                 changed"
            );
            Err(Error::Refused { database: name.to_string(), reason }.into())
        };
        let sqlite = self.config.sqlite();
        let found =
            connection::sqlite::inspect(path, sqlite, origin_of).map_err(|error| match error {
                Error::Query(source) if connection::is_busy(&source) => {
                    let (action, waited) = (source::LOCKING, sqlite.busy_timeout);
                    Error::Locked { action, waited, lock_owner: None, source: Some(source) }
                }
                error => error,
            })?;
        match found {
            Origin::Empty => refuse("it has no tables".into()),
            Origin::Foreign(found) => refuse(found),
            origin => Ok(origin),
        }
    }

    /// The former application had only SQLite, and so has adoption.
    fn file(&self) -> Result<&DatabasePath> {
        self.config.location().path().ok_or(AdoptionError::NotAFile)
    }

    /// What has a name that SQLite uses beside the database would pass for a part of it.
    fn ensure_apart(&self, file: &Path) -> Result<()> {
        let absolute = |path: &Path| std::path::absolute(path).map_err(Error::io("find", path));
        let file = absolute(file)?;
        for own in own_files(self.file()?) {
            if absolute(&own)? == file {
                return Err(AdoptionError::QuarantineIsDatabase { path: file });
            }
        }
        Ok(())
    }

    /// There must be nothing that could pass for a part of the new database.
    fn check_free(&self) -> Result<()> {
        match own_files(self.file()?).into_iter().find(|file| file.symlink_metadata().is_ok()) {
            None => Ok(()),
            Some(path) => Err(AdoptionError::TargetExists { path }),
        }
    }

    /// Builds and compares. Nothing but temporary files is written, and the quarantined rows.
    fn attempt(
        &self,
        source: &Path,
        old: &Path,
        new: &Path,
        options: &AdoptionOptions,
    ) -> Result<(AdoptionReport, Option<quarantine::Quarantined>)> {
        let sqlite = self.config.sqlite();
        let former = Former::open(old, sqlite)?;
        tracing::debug!("building the new database");
        let built = build::build(&former, new, sqlite, self.manager.migrations())?;
        tracing::debug!("comparing the two");
        let proof = verify::verify(&former, &built, new, sqlite)?;
        self.check_health(new)?;
        tracing::debug!("the new database is as it should be");
        let outcome = match (options.plan, built.broken.is_empty(), &options.quarantine) {
            (true, ..) => AdoptionOutcome::Planned,
            (_, false, None) => AdoptionOutcome::Undecided,
            _ => AdoptionOutcome::Adopted,
        };
        let quarantined = match &options.quarantine {
            Some(file) if outcome == AdoptionOutcome::Adopted && !built.broken.is_empty() => {
                Some(quarantine::write(&former, &built.broken, file)?)
            }
            _ => None,
        };
        let database = self.file()?.as_path();
        Ok((AdoptionReport::of(outcome, database, source, built, proof), quarantined))
    }

    /// The new database must pass every critical check before it gets its name.
    fn check_health(&self, new: &Path) -> Result<()> {
        let health =
            self.manager.for_config(Config::for_path(new).map_err(Error::from)?).health_check();
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
}

const OLD: &str = "old.db";
const NEW: &str = "new.db";
const REHEARSAL: &str = "zenith-plan";

/// A workshop for what will be thrown away, where the former database's directory is not written to.
fn rehearsal(options: &SqliteOptions) -> Result<Workshop> {
    let place = std::env::temp_dir();
    // What a killed one left there holds a former database. It may be another user's.
    if let Err(error) = clear_leftovers(&place, REHEARSAL, options) {
        tracing::debug!(%error, "what killed plans left could not be removed");
    }
    let workshop = Workshop::open(&place, REHEARSAL, options)?;
    // Made first, so that it is private.
    connection::sqlite::create_file(&connection_path(&workshop.file(OLD))?)?;
    Ok(workshop)
}

/// The database and what SQLite may put beside it.
fn own_files(path: &DatabasePath) -> [PathBuf; 4] {
    ["", "-wal", "-shm", "-journal"].map(|suffix| path.with_suffix(suffix))
}

fn file_name(path: &DatabasePath) -> String {
    path.as_path().file_name().unwrap_or_default().to_string_lossy().into_owned()
}

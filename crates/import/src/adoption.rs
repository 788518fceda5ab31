//! The steps of an adoption: in place, from another file, and as a plan.

use std::fs::{self, File};
use std::path::Path;
use std::time::Instant;

use zenith_db::config::DatabasePath;
use zenith_db::internal::config::shown;
use zenith_db::internal::connection::{self, LockedDatabase, NewFile, Owner, StagingDir};
use zenith_db::internal::manager::origin_among;
use zenith_db::manager::{DatabaseManager, Origin};
use zenith_db::{Config, DbConnection, Error};

use super::attempt::attempt;
use super::error::{AdoptionError, Result};
use super::options::AdoptionOptions;
use super::paths::{connection_path, database_file, ensure_free, ensure_not_database};
use super::quarantine::{self, Quarantine};
use super::report::{AdoptionOutcome, AdoptionReport};
use super::retained_original::retain;
use super::source::{self, LOCKING};

/// Converts a database of the former application, with all rows, to a database of this program. At every
/// moment, the path has a complete database: the former one or the new one.
///
/// # Errors
/// [`AdoptionError::Database`] with [`Error::Refused`] if the database is not the former application's,
/// and with [`Error::Locked`] if another process uses it; [`AdoptionError::Unfaithful`] if the new
/// database fails a check; other [`AdoptionError`]s for other reasons.
pub fn adopt(manager: &DatabaseManager, options: &AdoptionOptions) -> Result<AdoptionReport> {
    let begun = Instant::now();
    let config = manager.config();
    let adoption = Adoption { manager, config, options };
    if let Some(file) = &options.quarantine {
        ensure_not_database(file, database_file(config)?)?;
        quarantine::check(file)?;
    }
    let mut report = match (&options.from, options.plan) {
        (Some(from), true) => adoption.plan_from(from),
        (Some(from), false) => adoption.adopt_from(from),
        (None, true) => adoption.plan_in_place(),
        (None, false) => adoption.adopt_in_place(),
    }?;
    report.milliseconds = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok(report)
}

/// Adoption into the database of a manager.
struct Adoption<'a> {
    manager: &'a DatabaseManager,
    config: &'a Config,
    options: &'a AdoptionOptions,
}

impl Adoption<'_> {
    fn plan_in_place(&self) -> Result<AdoptionReport> {
        let path = database_file(self.config)?;
        let staging = plan_staging()?;
        if self.copy_legacy(path, &staging.file(OLD))? == Origin::Ours {
            return Ok(AdoptionReport::already_ours(path.as_path()));
        }
        self.plan(path.as_path(), &staging)
    }

    fn plan_from(&self, from: &Path) -> Result<AdoptionReport> {
        let source = self.source(from)?;
        let staging = plan_staging()?;
        refuse_ours(from, &self.copy_legacy(&source, &staging.file(OLD))?)?;
        self.plan(from, &staging)
    }

    fn plan(&self, source: &Path, staging: &StagingDir) -> Result<AdoptionReport> {
        let (old, new) = (staging.file(OLD), staging.file(NEW));
        let (report, _) = attempt(self.manager, source, (&old, &new), self.options)?;
        Ok(report)
    }

    fn adopt_in_place(&self) -> Result<AdoptionReport> {
        let (path, sqlite) = (database_file(self.config)?, self.config.sqlite());
        let (name, directory) = (path.name_in_names(), path.directory());
        let original = loop {
            let origin = self.check_origin(path, path)?;
            // Those of an adoption that was killed after it had finished, too.
            StagingDir::clear_leftovers(directory, &name, PURPOSE)?;
            if origin == Origin::Ours {
                return Ok(AdoptionReport::already_ours(path.as_path()));
            }
            match LockedDatabase::lock(path, sqlite.busy_timeout, LOCKING) {
                // Another adoption finished meanwhile.
                Err(Error::Replaced { .. }) => {}
                locked => break locked?,
            }
        };
        let backups = self.config.backup_dir();
        connection::create_private_dir(backups)?;
        let owner = Owner::of(path.as_path()).map_err(Error::io("find", path.as_path()))?;
        let staging = StagingDir::open(directory, &name, PURPOSE)?;
        let copy = NewFile::create(backups, owner)?;
        original.copy_to(copy.path())?;
        // Another adoption may have finished between the check and the lock.
        if self.check_origin(&connection_path(copy.path())?, path)? == Origin::Ours {
            return Ok(AdoptionReport::already_ours(path.as_path()));
        }
        let new = staging.file(NEW);
        let (mut report, quarantine) =
            attempt(self.manager, path.as_path(), (copy.path(), &new), self.options)?;
        if report.outcome != AdoptionOutcome::Adopted {
            return Ok(report);
        }
        let file = File::open(&new).map_err(Error::io("open", &new))?;
        owner.give(&file).map_err(Error::io("change the owner of", &new))?;
        let retained = retain(copy, backups, path)?;
        original.retire()?;
        fs::rename(&new, path.as_path())
            .map_err(Error::io("rename the new database to", path.as_path()))?;
        report.original = retained.keep();
        report.quarantine = quarantine.and_then(Quarantine::keep);
        sync_renamed(directory);
        drop(original);
        Ok(report)
    }

    fn adopt_from(&self, from: &Path) -> Result<AdoptionReport> {
        let path = database_file(self.config)?;
        let (name, directory) = (path.name_in_names(), path.directory());
        let source = self.source(from)?;
        connection::create_private_dir(directory)?;
        let staging = StagingDir::open(directory, &name, PURPOSE)?;
        let (old, new) = (staging.file(OLD), staging.file(NEW));
        // Created before the copy is written, so that it is private.
        connection::sqlite::create_file(&connection_path(&old)?)?;
        refuse_ours(from, &self.copy_legacy(&source, &old)?)?;
        let (mut report, quarantine) = attempt(self.manager, from, (&old, &new), self.options)?;
        if report.outcome != AdoptionOutcome::Adopted {
            return Ok(report);
        }
        connection::create_private_dir(self.config.backup_dir())?;
        ensure_free(path)?;
        let file = File::open(&new).map_err(Error::io("open", &new))?;
        let owner = Owner::of(directory).map_err(Error::io("find", directory))?;
        owner.give(&file).map_err(Error::io("change the owner of", &new))?;
        connection::rename_new(&new, path.as_path())
            .map_err(Error::io("rename the new database to", path.as_path()))?;
        report.quarantine = quarantine.and_then(Quarantine::keep);
        sync_renamed(directory);
        Ok(report)
    }

    /// Returns the path of the former database, if it exists and the target does not.
    fn source(&self, from: &Path) -> Result<DatabasePath> {
        let target = database_file(self.config)?;
        let source = connection_path(from)?;
        if !source.as_path().exists() {
            return Err(AdoptionError::NoSource { path: source.as_path().to_owned() });
        }
        ensure_free(target)?;
        Ok(source)
    }

    /// Copies a database of the former application. Returns [`Origin::Ours`] without a copy for one of
    /// this program.
    fn copy_legacy(&self, path: &DatabasePath, copy: &Path) -> Result<Origin> {
        source::ensure_no_journal(path)?;
        if !source::has_abandoned_log(path) && self.check_origin(path, path)? == Origin::Ours {
            return Ok(Origin::Ours);
        }
        source::copy(path, self.config.sqlite(), copy)?;
        self.check_origin(&connection_path(copy)?, path)
    }

    /// Refuses a database of neither the former application nor this program. Errors name `name`.
    fn check_origin(&self, path: &DatabasePath, name: &DatabasePath) -> Result<Origin> {
        let refuse = |reason: String| {
            let reason = format!(
                "{reason}; only a database of the former application can be adopted. Nothing was \
                 changed"
            );
            Err(Error::Refused { database: name.to_string(), reason }.into())
        };
        let sqlite = self.config.sqlite();
        let look =
            |connection: &mut DbConnection| origin_among(connection, self.manager.migrations());
        let found =
            connection::sqlite::inspect(path, sqlite, look).map_err(|error| match error {
                Error::Locked { waited, lock_owner, source, .. } => {
                    Error::Locked { action: LOCKING, waited, lock_owner, source }
                }
                error => error,
            })?;
        match found {
            Origin::Empty => refuse("it has no tables".into()),
            Origin::Foreign(found) => refuse(found),
            origin => Ok(origin),
        }
    }
}

/// Writes the rename to the disk. If that fails, the new database is in place nevertheless, and what a
/// power failure could bring back is the state before the rename, which is complete too.
fn sync_renamed(directory: &Path) {
    if let Err(cause) = connection::sync_dir(directory) {
        let directory = shown(directory.display());
        tracing::warn!(%cause, "the directory {directory} could not be written to the disk");
    }
}

/// Refuses to adopt a database of this program from another file.
fn refuse_ours(from: &Path, origin: &Origin) -> Result<()> {
    if *origin != Origin::Ours {
        return Ok(());
    }
    Err(Error::Refused {
        database: from.display().to_string(),
        reason: "it is a database of this program already; copy it with `zenith-db backup`".into(),
    }
    .into())
}

const OLD: &str = "old.db";
const NEW: &str = "new.db";
const PLAN: &str = "zenith-plan";
const PURPOSE: &str = "adopting";

/// Creates a staging directory for a plan. It is in the temporary directory, because a plan does not
/// write to the directory of the former database.
fn plan_staging() -> Result<StagingDir> {
    let parent = std::env::temp_dir();
    let staging = StagingDir::open(&parent, PLAN, PURPOSE)?;
    // Created before the copy is written, so that it is private.
    connection::sqlite::create_file(&connection_path(&staging.file(OLD))?)?;
    Ok(staging)
}

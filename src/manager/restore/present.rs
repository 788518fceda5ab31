//! The existing database, which a restore locks, keeps and replaces.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use super::report::KeptDatabase;
use crate::catalog::{IntegrityCheck, ensure_intact, row_counts};
use crate::config::DatabasePath;
use crate::connection::{self, LockedDatabase, NewFile, Owner, SQLITE_MAGIC, StagingDir};
use crate::error::{Error, Result, chain};
use crate::locks::read_head;
use crate::manager::DatabaseManager;
use crate::manager::backup::{BY_RESTORE, BackupReport, CopyOutcome, FileProgress};
use crate::manager::origin::{Origin, origin_among};
use crate::types::UtcTime;

const LOCKING: &str = "locking the database for the restore (stop the application first)";

/// Files beside a database that belong to it.
const SIDE_FILES: [&str; 3] = ["-wal", "-journal", "-shm"];

/// Database at the path, which will be replaced.
pub(super) struct Present<'a> {
    path: &'a DatabasePath,
    size_bytes: u64,
}

/// Existing database that has been kept. Unless SQLite cannot read it, nobody else can use it until this is
/// dropped.
pub(super) struct SetAside {
    _lock: Option<LockedDatabase>,
    path: Option<PathBuf>,
    kept: Kept,
    report: Option<BackupReport>,
}

/// Files that are removed again if this is dropped, unless they are the only copies.
struct Kept {
    files: Vec<PathBuf>,
    are_only: bool,
}

impl<'a> Present<'a> {
    /// Returns the database at the path, if anything is there, or files that a database has left beside it.
    ///
    /// # Errors
    /// [`Error::Refused`] if it is not a regular file with one name, or another program's database.
    pub(super) fn find(manager: &DatabaseManager, path: &'a DatabasePath) -> Result<Option<Self>> {
        let size = |path: &Path| fs::symlink_metadata(path).map_or(0, |found| found.len());
        let beside = SIDE_FILES.map(|suffix| path.with_suffix(suffix));
        let size_beside: u64 = beside.iter().map(|file| size(file)).sum();
        let Ok(metadata) = fs::symlink_metadata(path.as_path()) else {
            let is_left = beside.iter().any(|file| fs::symlink_metadata(file).is_ok());
            return Ok(is_left.then_some(Self { path, size_bytes: size_beside }));
        };
        let look = |connection: &mut _| origin_among(connection, manager.migrations);
        match connection::inspect(&manager.config, look) {
            Ok(Origin::Foreign(reason)) => {
                let database = path.to_string();
                let reason = format!("{reason}; restore to another path with --to");
                return Err(Error::Refused { database, reason });
            }
            Ok(_) => {}
            // What SQLite cannot read is kept, but nothing that has another name besides.
            Err(error) if is_unreadable(&error, path) && connection::is_single_file(&metadata) => {}
            // It may be another program's database.
            Err(error) => return Err(error),
        }
        Ok(Some(Self { path, size_bytes: metadata.len() + size_beside }))
    }

    /// Returns the size of the database and its log and journal, in bytes.
    pub(super) const fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// Locks the database, keeps it for the owner, and makes way for another at its path.
    pub(super) fn set_aside(
        self,
        manager: &DatabaseManager,
        owner: Owner,
        staging: &StagingDir,
        progress: &mut dyn FnMut(FileProgress),
    ) -> Result<SetAside> {
        progress(FileProgress::unmeasured("keeping"));
        connection::create_private_dir(manager.config.backup_dir())?;
        let timeout = manager.config.sqlite().busy_timeout;
        let locked = LockedDatabase::lock(self.path, timeout, LOCKING);
        let copied = locked.and_then(|lock| {
            let started_at = UtcTime::now();
            let copy = NewFile::create(manager.config.backup_dir(), owner)?;
            lock.copy_to(copy.path())?;
            Ok((lock, copy, started_at))
        });
        let (lock, copy, started_at) = match copied {
            Ok(copied) => copied,
            // The lock has been released: closing a connection to a damaged database must not remove a
            // log of the new one.
            Err(error) if is_unreadable(&error, self.path) => {
                tracing::debug!(
                    error = chain(&error),
                    "the bytes of the existing database are kept"
                );
                return self.keep_bytes(manager, owner, staging);
            }
            Err(error) => return Err(error),
        };
        let (kept, report) = keep_copy(manager, copy, started_at, owner, self.path, progress)?;
        lock.retire()?;
        Ok(SetAside { _lock: Some(lock), path: kept.files.first().cloned(), kept, report })
    }

    /// Keeps the bytes of a database that SQLite cannot read, and those of its `-wal` and `-journal`, and removes
    /// its side files.
    fn keep_bytes(
        self,
        manager: &DatabaseManager,
        owner: Owner,
        staging: &StagingDir,
    ) -> Result<SetAside> {
        if let Some(user) = connection::user_of(self.path.as_path()) {
            let (action, waited) = (LOCKING, None);
            return Err(Error::Locked { action, waited, lock_owner: Some(user), source: None });
        }
        let name = damaged_name(manager, self.path)?;
        let mut kept = Kept { files: Vec::new(), are_only: false };
        for suffix in ["", "-wal", "-journal"] {
            let source = self.path.with_suffix(suffix);
            let Ok(metadata) = fs::symlink_metadata(&source) else { continue };
            if !metadata.is_file() {
                let (database, reason) = (source.display().to_string(), "it is not a regular file");
                return Err(Error::Refused { database, reason: reason.into() });
            }
            let mut copy = NewFile::create(manager.config.backup_dir(), owner)?;
            let mut file = File::open(&source).map_err(Error::io("open", &source))?;
            std::io::copy(&mut file, copy.as_file_mut()).map_err(Error::io("copy", &source))?;
            let mut target = name.clone().into_os_string();
            target.push(suffix);
            let target = PathBuf::from(target);
            copy.persist(&target)?;
            kept.files.push(target);
        }
        let directory = self.path.directory();
        let notice = write_notice(&name, owner, staging)?;
        kept.are_only = true;
        // Without its log or journal, SQLite could take the database for whole, although transactions are
        // missing or half done, if the restore were killed now.
        let path = self.path.as_path();
        if path.exists() {
            fs::rename(&notice, path).map_err(Error::io("replace", path))?;
            connection::sync_dir(directory).map_err(Error::io("synchronise", directory))?;
        }
        // Otherwise SQLite would read them as those of the restored database.
        for suffix in SIDE_FILES {
            connection::remove_if_exists(&self.path.with_suffix(suffix))?;
        }
        connection::sync_dir(directory).map_err(Error::io("synchronise", directory))?;
        Ok(SetAside { _lock: None, path: kept.files.first().cloned(), kept, report: None })
    }
}

/// Writes the text that takes the place of a database of which only the copy `kept` is left.
fn write_notice(kept: &Path, owner: Owner, staging: &StagingDir) -> Result<PathBuf> {
    let path = staging.file("notice");
    let mut file = NewFile::create(path.parent().unwrap_or(Path::new(".")), owner)?;
    let kept = kept.display();
    let text = format!(
        "SQLite could not read the database that was here. Its bytes are kept in\n{kept}\nThe restore that should \
         replace it did not finish: run `zenith-db restore` again.\n"
    );
    file.as_file_mut().write_all(text.as_bytes()).map_err(Error::io("write", &path))?;
    file.persist(&path)?;
    Ok(path)
}

/// Whether the error means that SQLite cannot read the file as a database, or not with the files beside it.
/// Any other, such as a missing right or a lock, says nothing about what is in it.
fn is_unreadable(error: &Error, path: &DatabasePath) -> bool {
    match error {
        Error::SideFile { .. }
        // Only its side files are left.
        | Error::NoDatabase { .. }
        | Error::Damaged(_)
        | Error::Query(_)
        | Error::IntegrityFaults { .. }
        | Error::Copy { .. } => true,
        // A database may be refused because of the place where it is.
        Error::Refused { .. } => {
            read_head(path.as_path(), SQLITE_MAGIC.len()).is_ok_and(|head| head != SQLITE_MAGIC)
        }
        _ => false,
    }
}

/// Gives the copy of the existing database its name: that of a backup if it is sound.
fn keep_copy(
    manager: &DatabaseManager,
    copy: NewFile,
    started_at: UtcTime,
    owner: Owner,
    path: &DatabasePath,
    progress: &mut dyn FnMut(FileProgress),
) -> Result<(Kept, Option<BackupReport>)> {
    let mut opened = connection::inspect_copy(copy.path(), manager.config.sqlite())?;
    match ensure_intact(&mut opened, IntegrityCheck::Full, path) {
        Ok(unchecked) => {
            let rows = row_counts(&mut opened)?;
            drop(opened);
            let outcome = CopyOutcome::exact(rows, unchecked);
            let report = manager.publish(copy, outcome, started_at, BY_RESTORE, owner, progress)?;
            let files = vec![report.path.clone(), report.manifest_path()];
            Ok((Kept { files, are_only: false }, Some(report)))
        }
        Err(error @ (Error::IntegrityFaults { .. } | Error::Damaged(_) | Error::Query(_))) => {
            tracing::debug!(error = chain(&error), "the existing database is damaged");
            let name = damaged_name(manager, path)?;
            copy.persist(&name)?;
            Ok((Kept { files: vec![name], are_only: false }, None))
        }
        Err(error) => Err(error),
    }
}

/// Returns the path under which a damaged database is kept.
fn damaged_name(manager: &DatabaseManager, path: &DatabasePath) -> Result<PathBuf> {
    let stem = path.stem_in_names();
    let backups = manager.config.backup_dir();
    let backups = std::path::absolute(backups).map_err(Error::io("resolve", backups))?;
    let time = UtcTime::now().as_datetime().format("%Y%m%dT%H%M%S%.6fZ");
    Ok(backups.join(format!("{stem}-damaged-{time}.db")))
}

impl SetAside {
    /// Keeps the files, and returns what they are.
    pub(super) fn keep(mut self) -> KeptDatabase {
        self.kept.files.clear();
        let path = self.path.take().unwrap_or_default();
        KeptDatabase { path, backup: self.report.take() }
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        for path in &self.files {
            if self.are_only {
                let path = path.display();
                tracing::warn!("{path} is a copy of what is no longer at the path of the database");
            } else if let Err(cause) = fs::remove_file(path) {
                tracing::warn!(%cause, path = %path.display(), "a copy was not removed");
            }
        }
    }
}

//! The existing database, which a restore locks, keeps and replaces.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use super::report::KeptDatabase;
use crate::catalog::{IntegrityCheck, ensure_intact, row_counts};
use crate::config::DatabasePath;
use crate::connection::{self, LockedDatabase, NewFile, Owner};
use crate::error::{Error, Result, chain};
use crate::locks::read_head;
use crate::manager::DatabaseManager;
use crate::manager::backup::{BY_RESTORE, BackupReport, CopyOutcome};
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

/// Files that are removed again if this is dropped.
struct Kept(Vec<PathBuf>);

impl<'a> Present<'a> {
    /// Returns the database at the path, if anything is there.
    ///
    /// # Errors
    /// [`Error::Refused`] if it is not a regular file with one name, or another program's database.
    pub(super) fn find(manager: &DatabaseManager, path: &'a DatabasePath) -> Result<Option<Self>> {
        let Ok(metadata) = fs::symlink_metadata(path.as_path()) else { return Ok(None) };
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
        let size = |path: &Path| fs::symlink_metadata(path).map_or(0, |found| found.len());
        let beside = SIDE_FILES.iter().map(|suffix| size(&path.with_suffix(suffix)));
        Ok(Some(Self { path, size_bytes: metadata.len() + beside.sum::<u64>() }))
    }

    /// Returns the size of the database and its log and journal, in bytes.
    pub(super) const fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// Locks the database, keeps it, and makes way for another at its path.
    pub(super) fn set_aside(self, manager: &DatabaseManager) -> Result<SetAside> {
        let owner = Owner::of(self.path.as_path())
            .map_err(Error::io("read the metadata of", self.path.as_path()))?;
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
                return self.keep_bytes(manager, owner);
            }
            Err(error) => return Err(error),
        };
        let (kept, report) = keep_copy(manager, copy, started_at, owner, self.path)?;
        lock.retire()?;
        Ok(SetAside { _lock: Some(lock), path: kept.0.first().cloned(), kept, report })
    }

    /// Keeps the bytes of a database that SQLite cannot read, and those of its `-wal` and `-journal`, and removes
    /// its side files.
    fn keep_bytes(self, manager: &DatabaseManager, owner: Owner) -> Result<SetAside> {
        if let Some(user) = connection::user_of(self.path.as_path()) {
            let (action, waited) = (LOCKING, None);
            return Err(Error::Locked { action, waited, lock_owner: Some(user), source: None });
        }
        let name = damaged_name(manager, self.path)?;
        let mut kept = Kept(Vec::new());
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
            kept.0.push(target);
        }
        // From here on, the copies are the only ones: they stay, whatever fails.
        let files = std::mem::take(&mut kept.0);
        // Otherwise SQLite would read them as those of the restored database.
        for suffix in SIDE_FILES {
            connection::remove_if_exists(&self.path.with_suffix(suffix))?;
        }
        let directory = self.path.directory();
        connection::sync_dir(directory).map_err(Error::io("synchronise", directory))?;
        Ok(SetAside { _lock: None, path: files.into_iter().next(), kept, report: None })
    }
}

/// Whether the error means that SQLite cannot read the file as a database, or not with the files beside it.
/// Any other, such as a missing right or a lock, says nothing about what is in it.
fn is_unreadable(error: &Error, path: &DatabasePath) -> bool {
    match error {
        Error::SideFile { .. }
        | Error::Damaged(_)
        | Error::Query(_)
        | Error::IntegrityFaults { .. }
        | Error::Copy { .. } => true,
        // A database may be refused because of the place where it is.
        Error::Refused { .. } => {
            read_head(path.as_path(), MAGIC.len()).is_ok_and(|head| head != MAGIC)
        }
        _ => false,
    }
}

/// First bytes of every SQLite database (<https://sqlite.org/fileformat2.html#magic_header_string>).
const MAGIC: &[u8] = b"SQLite format 3\0";

/// Gives the copy of the existing database its name: that of a backup if it is sound.
fn keep_copy(
    manager: &DatabaseManager,
    copy: NewFile,
    started_at: UtcTime,
    owner: Owner,
    path: &DatabasePath,
) -> Result<(Kept, Option<BackupReport>)> {
    let mut opened = connection::inspect_copy(copy.path(), manager.config.sqlite())?;
    match ensure_intact(&mut opened, IntegrityCheck::Full, path) {
        Ok(unchecked) => {
            let rows = row_counts(&mut opened)?;
            drop(opened);
            let outcome = CopyOutcome::exact(rows, unchecked);
            let report = manager.publish(copy, outcome, started_at, BY_RESTORE, owner)?;
            Ok((Kept(vec![report.path.clone(), report.manifest_path()]), Some(report)))
        }
        Err(error @ (Error::IntegrityFaults { .. } | Error::Damaged(_) | Error::Query(_))) => {
            tracing::debug!(error = chain(&error), "the existing database is damaged");
            let name = damaged_name(manager, path)?;
            copy.persist(&name)?;
            Ok((Kept(vec![name]), None))
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
        self.kept.0.clear();
        let path = self.path.take().unwrap_or_default();
        KeptDatabase { path, backup: self.report.take() }
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        for path in &self.0 {
            if let Err(cause) = fs::remove_file(path) {
                tracing::warn!(%cause, path = %path.display(), "a copy was not removed");
            }
        }
    }
}

//! The files that SQLite keeps beside a database: `-journal`, `-wal` and `-shm`.
//!
//! SQLite trusts them. It replaces pages of the database by those in a rollback journal, and deletes
//! the file that the journal names as its super-journal; it reads pages from a write-ahead log even
//! if the database beside it was replaced. So they are checked before SQLite sees them.

use std::fs::{self, File, Metadata};
use std::io;
use std::path::{Path, PathBuf};

use super::header::{Header, links};
use super::rollback_journal::RollbackJournal;
use super::write_ahead_log::WriteAheadLog;
use crate::error::{Error, Result, SideFileFault};
use crate::locks;

/// Returns an error unless the files beside the database are its own.
pub(super) fn check(database: &Path, metadata: &Metadata) -> Result<()> {
    let journal = check_kind(database, "-journal", metadata)?;
    let log = check_kind(database, "-wal", metadata)?;
    check_kind(database, "-shm", metadata)?;
    if let Some(path) = journal {
        check_journal(database, &path)?;
    }
    if let Some(path) = log {
        check_log(database, &path)?;
    }
    Ok(())
}

/// Whether the journal beside a database says that its first transaction did not end, so that SQLite empties it.
pub(super) fn is_unfinished_creation(database: &Path) -> bool {
    let journal = open(&beside(database, "-journal"));
    let read = journal.and_then(|journal| RollbackJournal::read(&journal));
    read.is_ok_and(|journal| journal.is_some_and(|journal| journal.is_of_empty_database()))
}

/// Returns the path of a side file with contents. Fails unless it is a regular file with one name and
/// the owner of the database.
fn check_kind(database: &Path, suffix: &str, metadata: &Metadata) -> Result<Option<PathBuf>> {
    let path = beside(database, suffix);
    let found = match fs::symlink_metadata(&path) {
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(None),
        found => found.map_err(Error::io("inspect", &path))?,
    };
    if !found.is_file() || links(&found) > 1 {
        return Err(Error::SideFile { path, fault: SideFileFault::NotRegular });
    }
    if owner(&found) != owner(metadata) {
        return Err(Error::SideFile { path, fault: SideFileFault::OtherOwner });
    }
    Ok((found.len() > 0).then_some(path))
}

/// Returns the path of a database with `suffix` appended.
pub(super) fn beside(database: &Path, suffix: &str) -> PathBuf {
    let mut path = database.as_os_str().to_owned();
    path.push(suffix);
    path.into()
}

#[cfg(unix)]
fn owner(metadata: &Metadata) -> u32 {
    std::os::unix::fs::MetadataExt::uid(metadata)
}

#[cfg(not(unix))]
fn owner(_: &Metadata) {}

fn check_journal(database: &Path, path: &Path) -> Result<()> {
    let fault = stable(
        path,
        |file, _| RollbackJournal::read(file),
        |journal| {
            if journal.names_super_journal {
                return Ok(Some(SideFileFault::SuperJournal));
            }
            Ok((!journal.may_belong_to(Header::read(database)?))
                .then_some(SideFileFault::Unrelated))
        },
    )?;
    fault.map_or(Ok(()), |fault| Err(Error::SideFile { path: path.to_owned(), fault }))
}

fn check_log(database: &Path, path: &Path) -> Result<()> {
    let fault = stable(path, WriteAheadLog::read, |log| {
        let header = Header::read(database)?;
        Ok((!log.may_belong_to(header)).then_some(SideFileFault::Unrelated))
    })?;
    fault.map_or(Ok(()), |fault| Err(Error::SideFile { path: path.to_owned(), fault }))
}

/// Judges a side file that other processes may write at the same time: a fault counts only if the
/// file was the same before and after the database was read. Checksums are compared only if there is
/// a fault, because that reads the whole file.
fn stable<T: PartialEq>(
    path: &Path,
    read: impl Fn(&File, bool) -> io::Result<Option<T>>,
    judge: impl Fn(&T) -> io::Result<Option<SideFileFault>>,
) -> Result<Option<SideFileFault>> {
    const ATTEMPTS: usize = 50;

    let read = |verify| match open(path) {
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(None),
        file => read(&file?, verify),
    };
    let judged = || {
        for attempt in 0..ATTEMPTS {
            let verify = attempt > 0;
            let Some(before) = read(verify)? else { return Ok(None) };
            let Some(fault) = judge(&before)? else { return Ok(None) };
            if verify && read(verify)?.as_ref() == Some(&before) {
                return Ok(Some(fault));
            }
        }
        // A database that others write all the time is in order.
        Ok(None)
    };
    judged().map_err(Error::io("read", path))
}

/// Opens a journal or log, on which SQLite takes no locks, so that closing the descriptor releases none.
pub(super) fn open(path: &Path) -> io::Result<File> {
    locks::open_regular(path)
}

//! Exact copies of a database: its pages, whatever is in them.
//!
//! `VACUUM INTO` reads the rows and writes them anew, so that it drops the rows that a damaged page no
//! longer leads to, and the copy passes every check. A copy of the pages has the faults of the original:
//! checking the copy checks the original, while others go on writing it.

use std::path::Path;
use std::time::Duration;

use rusqlite::backup::{Backup, Progress, StepResult};
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::file_stamp::FileStamp;
use super::place::Reading;
use super::{place, uri, vetting};
use crate::error::{CopyError, Error, Result};
use crate::locks::{Wanted, obstacle_of};

/// Number of pages that are copied between two reports of progress.
const PAGES: i32 = 1024;

/// Copies the pages of a database into an existing empty file, from one snapshot, its write-ahead log
/// included. In WAL mode other processes can write meanwhile. `progress` gets the bytes that were copied, and of how many.
///
/// # Errors
/// [`Error::NoDatabase`], [`Error::Refused`] or [`Error::SideFile`] if the database cannot be used;
/// [`Error::Copy`] if it cannot be read or the copy cannot be written.
pub fn copy(
    source: &Path,
    target: &Path,
    timeout: Duration,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<()> {
    vetting::check_file(source)?;
    if Reading::of(source)? == Reading::Live {
        return copy_from(&open_to_read(source, timeout)?, source, target, progress);
    }
    // Where this program cannot write, another may: through another mount, or on another machine.
    let before = FileStamp::settled(source)?;
    copy_from(&open_immutable(source)?, source, target, progress)?;
    if FileStamp::of(source)? != before || Reading::of(source)? != Reading::Immutable {
        return Err(place::written_meanwhile(source));
    }
    Ok(())
}

fn open_immutable(path: &Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
    let mode = Reading::Immutable.mode();
    vetting::open_checked(path, || open_as(path, flags, mode)?.map_err(failed(path)))
}

/// Copies the pages of an open database into an existing empty file.
///
/// # Errors
/// [`Error::Copy`].
pub(super) fn copy_from(
    connection: &Connection,
    source: &Path,
    target: &Path,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<()> {
    let failed = failed(source);
    let mut copy = open(target, OpenFlags::SQLITE_OPEN_READ_WRITE)?.map_err(failed)?;
    // A crash loses the whole copy: it gets its name after it was synchronised.
    copy.execute_batch("PRAGMA synchronous = OFF; PRAGMA journal_mode = OFF").map_err(failed)?;
    copy_pages(connection, &mut copy, progress).map_err(failed)?;
    // The copy has no log. In rollback mode it is one file, beside which a log is never its own.
    copy.execute_batch("PRAGMA journal_mode = DELETE").map_err(failed)?;
    copy.close().map_err(|(_, cause)| failed(cause))
}

/// Copies all pages in one transaction, so that no writer can make the copy begin again.
fn copy_pages(
    source: &Connection,
    copy: &mut Connection,
    progress: &mut dyn FnMut(u64, u64),
) -> rusqlite::Result<()> {
    // A database that is locked for this program may be in a transaction already.
    let transaction = source.is_autocommit().then(|| source.unchecked_transaction()).transpose()?;
    // The first read begins the transaction's snapshot. This one does not parse the schema, which may be damaged.
    source.pragma_query_value(None, "schema_version", |row| row.get::<_, i64>(0))?;
    let page_size = source.pragma_query_value(None, "page_size", |row| row.get::<_, u32>(0))?;
    let backup = Backup::new(source, copy)?;
    loop {
        match backup.step(PAGES)? {
            StepResult::Done => break,
            StepResult::More => {
                let Progress { remaining, pagecount } = backup.progress();
                let bytes = |pages: i32| u64::from(pages.unsigned_abs()) * u64::from(page_size);
                progress(bytes(pagecount - remaining), bytes(pagecount));
            }
            _ => return Err(busy()),
        }
    }
    drop(backup);
    transaction.map_or(Ok(()), rusqlite::Transaction::rollback)
}

fn busy() -> rusqlite::Error {
    let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY);
    rusqlite::Error::SqliteFailure(code, None)
}

/// Opens a database that only this connection reads. It never rolls back a journal.
///
/// # Errors
/// [`Error::NoDatabase`], [`Error::Refused`], [`Error::SideFile`] or [`Error::Copy`].
pub fn open_to_read(path: &Path, timeout: Duration) -> Result<Connection> {
    let failed = failed(path);
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
    let connection = vetting::open_locking(path, || open(path, flags)?.map_err(failed))?;
    connection.busy_timeout(timeout).map_err(failed)?;
    Ok(connection)
}

/// Returns a closure for `map_err`: the error of SQLite while it read the database at a path.
pub(super) fn failed(path: &Path) -> impl Fn(rusqlite::Error) -> Error + Copy {
    move |cause| {
        if cause.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) {
            return Error::locked(
                "reading the database",
                None,
                obstacle_of(path, Wanted::Exclusive),
                None,
            );
        }
        Error::Copy { path: path.to_owned(), source: CopyError(cause) }
    }
}

pub(super) fn open(path: &Path, access: OpenFlags) -> Result<rusqlite::Result<Connection>> {
    open_as(path, access, "")
}

/// Opens a database with further parameters of its URI.
fn open_as(
    path: &Path,
    access: OpenFlags,
    parameters: &str,
) -> Result<rusqlite::Result<Connection>> {
    let flags = access
        | OpenFlags::SQLITE_OPEN_URI
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_PRIVATE_CACHE;
    Ok(Connection::open_with_flags(format!("{}?{parameters}", uri::literal_uri(path)?), flags))
}

//! The former database: locked if it is to be replaced, and read through a private copy of its
//! consistent state, its write-ahead log included.

use std::fs;
use std::path::{Path, PathBuf};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;
use zenith_db::config::{DatabasePath, SqliteOptions};
use zenith_db::internal::connection;
use zenith_db::{Error, Result};

use super::error::AdoptionError;

/// The database that is to be replaced. Until it is dropped, nobody else can read or write it.
pub(super) struct Original {
    connection: SqliteConnection,
    path: DatabasePath,
}

pub(super) const LOCKING: &str = "taking the database for its adoption, so that nobody uses it meanwhile \
                       (stop the application first)";

impl Original {
    /// Locks it. Returns `None` if another process put another file in its place meanwhile.
    pub(super) fn lock(path: &DatabasePath, options: &SqliteOptions) -> Result<Option<Self>> {
        let before = identity(path.as_path())?;
        let connection = connection::sqlite::open_exclusively(path.as_path(), options, LOCKING)?;
        if identity(path.as_path())? != before {
            return Ok(None);
        }
        // Left by a process that was killed, or by one that looked at what that left: nobody can have
        // it open now, and the lock needs none.
        remove_if_there(&path.with_suffix("-shm"))?;
        Ok(Some(Self { connection, path: path.clone() }))
    }

    /// Copies its state into a new file.
    pub(super) fn copy_to(&mut self, target: &Path) -> Result<()> {
        vacuum_into(&mut self.connection, target)
    }

    /// Makes it a single file whose name can be given to another.
    ///
    /// Its write-ahead log goes into the file and away: one that stayed behind would lie beside the
    /// new database and pass for its own. The lock is held on. Whoever waited for it finds a file
    /// without a name, to which SQLite refuses to write.
    pub(super) fn retire(&mut self) -> Result<(), AdoptionError> {
        let mode = connection::read_pragma(&mut self.connection, "journal_mode", "journal_mode")?;
        if mode == "wal" {
            self.connection.batch_execute("PRAGMA journal_mode = DELETE")?;
        }
        // Closes the journal, so that closing the connection does not delete one by its name.
        self.connection.batch_execute("PRAGMA journal_mode = MEMORY")?;
        remove_if_there(&self.path.with_suffix("-journal"))?;
        let wal = self.path.with_suffix("-wal");
        if wal.exists() {
            return Err(AdoptionError::LogRemains { path: wal });
        }
        let directory = self.path.directory();
        connection::sync_dir(directory).map_err(Error::io("write through", directory))?;
        Ok(())
    }
}

fn remove_if_there(file: &Path) -> Result<()> {
    match fs::remove_file(file) {
        Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::io("remove", file)(cause))
        }
        _ => Ok(()),
    }
}

/// Which file it is, whatever its name.
#[cfg(unix)]
fn identity(path: &Path) -> Result<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;

    let metadata = match fs::symlink_metadata(path) {
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => {
            return Err(Error::NoDatabase { database: path.display().to_string() });
        }
        found => found.map_err(Error::io("look at the database file", path))?,
    };
    Ok((metadata.dev(), metadata.ino()))
}

/// Elsewhere a file that is open cannot be replaced.
#[cfg(not(unix))]
fn identity(_: &Path) -> Result<()> {
    Ok(())
}

/// Whether a process that was killed left a log behind. Nobody has the database open then, or there
/// would be a `-shm`; and reading it in place would leave one.
pub(super) fn has_abandoned_log(path: &DatabasePath) -> bool {
    path.with_suffix("-wal").exists() && !path.with_suffix("-shm").exists()
}

/// Refuses a database that could not be read without writing to it first: a journal is rolled back.
pub(super) fn ensure_no_journal(source: &DatabasePath) -> Result<()> {
    if !source.with_suffix("-journal").exists() {
        return Ok(());
    }
    Err(Error::Refused {
        database: source.to_string(),
        reason:
            "a rollback journal lies beside it: a program is writing to it, or was stopped while \
                 it did; open and close it with that program first"
                .into(),
    })
}

/// Copies the state of a database that is only read, and leaves nothing beside it.
pub(super) fn copy(source: &DatabasePath, options: &SqliteOptions, target: &Path) -> Result<()> {
    ensure_no_journal(source)?;
    if has_abandoned_log(source) {
        return copy_with_log(source, options, target);
    }
    connection::sqlite::inspect(source, options, |connection| {
        // Looked at a second time if somebody wrote meanwhile.
        fs::write(target, []).map_err(Error::io("empty", target))?;
        let inner = connection.sqlite()?;
        connection::set_query_only(inner, false)?;
        vacuum_into(inner, target)
    })
}

fn copy_with_log(source: &DatabasePath, options: &SqliteOptions, target: &Path) -> Result<()> {
    let parent = target.parent().unwrap_or_else(|| Path::new("."));
    let directory = super::workshop::private_directory("former-", parent)?;
    let beside = directory.path().join("former.db");
    let log: PathBuf = directory.path().join("former.db-wal");
    fs::copy(source.as_path(), &beside).map_err(Error::io("copy", source.as_path()))?;
    fs::copy(source.with_suffix("-wal"), log).map_err(Error::io("copy the log of", &beside))?;
    let mut connection =
        connection::sqlite::open_exclusively(&beside, options, "reading a copy of the database")?;
    vacuum_into(&mut connection, target)
}

fn vacuum_into(connection: &mut SqliteConnection, target: &Path) -> Result<()> {
    let uri = connection::literal_uri(target)?;
    diesel::sql_query("VACUUM INTO ?").bind::<Text, _>(uri).execute(connection)?;
    Ok(())
}

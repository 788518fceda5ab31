//! Errors of backups and of restoring them.

use crate::config::shown;
use crate::error::in_shell;
use std::path::{Path, PathBuf};

/// Reason why a backup was not taken, not found or not restored. The database is as it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupFault {
    /// The copy differs from the database, and has been removed.
    #[error("the backup failed its verification and was removed; try again: {reason}")]
    Unfaithful {
        /// Difference that the verification found.
        reason: String,
    },

    /// There is no file at the path.
    #[error("there is no backup at {path}; `zenith-db backup list` shows those of this database", path = shown(path.display()))]
    NotFound {
        /// Path of the backup.
        path: PathBuf,
    },

    /// The directory has no backup of the database, other than those of the former application and of databases
    /// that a restore replaced.
    #[error(
        "there is no backup of {database} to restore in {directory}; `zenith-db backup list` shows what is there, \
         `zenith-db backup` takes a backup, and --backup-dir names another directory",
        database = shown(database),
        directory = shown(directory.display())
    )]
    None {
        /// Configured path, or the server's URL without its password.
        database: String,
        /// Backup directory.
        directory: PathBuf,
    },

    /// The file differs from what was backed up, or is not a backup of this program.
    #[error(
        "the backup {path} cannot be restored (`zenith-db backup verify --all` shows which backups can): {reason}",
        path = shown(path.display())
    )]
    Damaged {
        /// Path of the backup.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },

    /// There is a manifest, and it cannot be read or says what cannot be, so that the backup cannot be compared with it.
    #[error(
        "the manifest {path} of a backup cannot be used: {reason}; put another copy of it in its place, or, if there is \
         none, move it away (mv -n {aside}), and the backup is only checked for damage",
        path = shown(path.display()), aside = shown(aside(path))
    )]
    Manifest {
        /// Path of the manifest.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },

    /// A newer version of the program took the backup.
    #[error(
        "the backup {path} has migrations that zenith-db {} does not know: {versions}; install the version that \
         took it, or a later one; nothing was changed", env!("CARGO_PKG_VERSION"), path = shown(path.display())
    )]
    Newer {
        /// Path of the backup.
        path: PathBuf,
        /// Unknown versions, each with its recorded name and the version of the program that recorded it.
        versions: String,
    },

    /// The backup is encoded, and this program or its keys do not decode it.
    #[error("the backup {path} cannot be decoded: {reason}", path = shown(path.display()))]
    Undecoded {
        /// Path of the backup.
        path: PathBuf,
        /// Why, and what to do.
        reason: String,
    },

    /// The backup has no manifest that says how large its contents are, and they are larger than half of the free
    /// space.
    #[error(
        "the backup {path}, which has no manifest, decodes to more than {limit} bytes, half of what is free in \
         {directory}; free some space there, or name another directory with --backup-dir; nothing was changed",
        path = shown(path.display()), directory = shown(directory.display())
    )]
    TooLarge {
        /// Path of the backup.
        path: PathBuf,
        /// Number of bytes that were allowed.
        limit: u64,
        /// Directory into which it was decoded.
        directory: PathBuf,
    },

    /// The backup has the schema of the former application.
    #[error(
        "{path} is a backup of the former application; `zenith-db adopt --from {path} --path NEW.db` \
         converts it to a new database", path = shown(path.display())
    )]
    Former {
        /// Path of the backup.
        path: PathBuf,
    },

    /// The backup is one of PostgreSQL and the database is SQLite, or the reverse.
    #[error(
        "{path} is a backup of a {found} database, and {database} is of another kind; name a {found} database with \
         --path or --database-url", path = shown(path.display()), database = shown(database)
    )]
    OtherBackend {
        /// Path of the backup.
        path: PathBuf,
        /// Kind of database that the backup is of.
        found: crate::Backend,
        /// Configured path, or the server's URL without its password.
        database: String,
    },

    /// The retention policy has no rule, so that it would remove every backup.
    #[error(
        "no rule says which backups to keep; give --keep-last, --keep-daily, --keep-weekly or --max-age"
    )]
    NoRule,
}

/// Returns the arguments of the command that moves a file away.
fn aside(path: &Path) -> String {
    let path = path.display();
    format!("{} {}", in_shell(&path.to_string()), in_shell(&format!("{path}.aside")))
}

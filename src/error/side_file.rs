//! Files beside an SQLite database, and its copies.

use std::fmt;

/// Fault of a `-journal`, `-wal` or `-shm` file beside a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SideFileFault {
    /// The file is a directory, a symbolic link or a pipe, or has several names (hard links).
    NotRegular,
    /// The file's owner is not the owner of the database.
    OtherOwner,
    /// The file is a rollback journal that names a super-journal, which SQLite would delete.
    SuperJournal,
    /// The file belongs to another database, or to another state of this one.
    Unrelated,
}

impl fmt::Display for SideFileFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotRegular => "is not a regular file with one name, as SQLite's own files are",
            Self::OtherOwner => {
                "does not belong to the owner of the database, who alone may decide what SQLite reads \
                 from it"
            }
            Self::SuperJournal => {
                "names another journal, which SQLite would delete; this program never writes such a \
                 journal"
            }
            Self::Unrelated => {
                "does not belong to the database beside it: the database was probably replaced by a copy \
                 while this file remained, and SQLite would mix the two"
            }
        })
    }
}

/// Error of SQLite while it copied the pages of a database.
#[derive(Debug)]
pub struct CopyError(pub(crate) rusqlite::Error);

impl fmt::Display for CopyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for CopyError {}

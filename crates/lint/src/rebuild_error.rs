//! Error of writing a rebuild script.

use std::path::PathBuf;
use zenith_db::internal::config::shown;

/// Reason why the script that rebuilds a table cannot be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RebuildError {
    /// The migrations create no such table.
    #[error("no migration creates a table {table}; the tables are: {existing}")]
    NoSuchTable {
        /// Name of the table.
        table: String,
        /// Names of the tables that the migrations create.
        existing: String,
    },

    /// The table is virtual, or a shadow table of a virtual one.
    #[error(
        "{table} is a {kind} table, which its module creates and fills: no script can copy it row by \
         row"
    )]
    VirtualTable {
        /// Name of the table.
        table: String,
        /// `virtual` or `shadow`, as `PRAGMA table_list` reports it.
        kind: String,
    },

    /// A migration has a statement that the lint forbids. No migration was run.
    #[error(
        "{file} has {statement} in line {line}, which is not allowed in a migration \
         (`zenith-db migration lint`); nothing was run",
        file = shown(file.display())
    )]
    ForbiddenStatement {
        /// Name of the statement, such as `PRAGMA`.
        statement: String,
        /// Path of the script.
        file: PathBuf,
        /// Line of the script, from 1.
        line: usize,
    },

    /// SQLite cannot rename a table of this schema, because a view or trigger in it is faulty.
    #[error(
        "SQLite cannot rename a table of these migrations: {0}; drop or correct that object first"
    )]
    Rename(#[source] diesel::result::Error),

    /// The migrations do not run on an SQLite database in memory.
    #[error(transparent)]
    Migrations(#[from] zenith_db::Error),
}

impl From<diesel::result::Error> for RebuildError {
    fn from(cause: diesel::result::Error) -> Self {
        Self::Migrations(cause.into())
    }
}

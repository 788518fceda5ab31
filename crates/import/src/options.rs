//! Options of an adoption.

use std::path::PathBuf;

/// Options of an adoption. By default the database at the configured path is replaced.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AdoptionOptions {
    /// Path of the former database. The file is not changed, and the new database is created at the
    /// configured path, which must not exist yet. `None` means the database at the configured path, which
    /// is replaced.
    pub from: Option<PathBuf>,
    /// Whether to only build and compare the new database in the temporary directory, and to report all
    /// changes and rejected rows.
    pub plan: bool,
    /// File for the rows that the new schema cannot hold, as JSON Lines; the adoption continues without
    /// these rows. The file must not exist yet. If it is `None`, such rows stop the adoption.
    pub quarantine: Option<PathBuf>,
}

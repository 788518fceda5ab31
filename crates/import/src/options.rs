//! Options of an adoption.

use std::path::PathBuf;

/// Options of an adoption. By default the database at the configured path is replaced.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AdoptionOptions {
    /// Path of the former database. It is not changed, and the configured path must not exist yet.
    /// `None` means the database at the configured path, which is replaced.
    pub from: Option<PathBuf>,
    /// Builds and compares the new database in the temporary directory, reports all changes and
    /// rejected rows, and changes nothing.
    pub plan: bool,
    /// File for the rows that break a rule, as JSON Lines; the adoption continues without them. It
    /// must not exist yet. With `None`, such rows stop the adoption.
    pub quarantine: Option<PathBuf>,
}

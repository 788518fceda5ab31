//! What an adoption found, changed and left out.

use std::path::{Path, PathBuf};

use serde::Serialize;
use zenith_db::manager::SeedReport;

use super::build::Built;
use super::verify::Proof;

/// How an adoption ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AdoptionOutcome {
    /// The new database is in place.
    Adopted,
    /// The database was this program's already; nothing was done.
    AlreadyOurs,
    /// Everything was tried, and nothing was changed, as asked.
    Planned,
    /// Rows break rules of the new schema, and nobody said what is to become of them. Nothing was
    /// changed.
    Undecided,
}

/// The result of [`adopt`](crate::adopt).
#[derive(Clone, Debug, Serialize)]
pub struct AdoptionReport {
    /// How it ended.
    pub outcome: AdoptionOutcome,
    /// Where the new database lies, or would.
    pub database_path: PathBuf,
    /// The former database that was read.
    pub source: PathBuf,
    /// Where the former database is kept, if it was replaced.
    pub original: Option<PathBuf>,
    /// Where the rows that break a rule were written, if there are any and that was asked.
    pub quarantine: Option<PathBuf>,
    /// The rows of the former database.
    pub rows_read: u64,
    /// Those that the new one has.
    pub rows_copied: u64,
    /// Those that break a rule, or refer to one that does.
    pub rows_quarantined: u64,
    /// Each known table.
    pub tables: Vec<TableReport>,
    /// Each table that was carried over without being known.
    pub carried: Vec<CarriedReport>,
    /// What was not carried over: views, triggers, virtual tables.
    pub left: Vec<String>,
    /// What became of the roles' lists of permissions.
    pub grants: GrantReport,
    /// The roles, permissions and settings that were missing.
    pub seeded: SeedReport,
    /// Every row that breaks a rule.
    pub broken: Vec<BrokenRow>,
    /// How long it took, in milliseconds.
    pub milliseconds: u64,
}

impl AdoptionReport {
    /// Where there was nothing to do.
    pub(super) fn already_ours(path: &Path) -> Self {
        Self {
            outcome: AdoptionOutcome::AlreadyOurs,
            database_path: path.to_owned(),
            source: path.to_owned(),
            original: None,
            quarantine: None,
            rows_read: 0,
            rows_copied: 0,
            rows_quarantined: 0,
            tables: Vec::new(),
            carried: Vec::new(),
            left: Vec::new(),
            grants: GrantReport::default(),
            seeded: SeedReport::default(),
            broken: Vec::new(),
            milliseconds: 0,
        }
    }

    pub(super) fn of(
        outcome: AdoptionOutcome,
        database: &Path,
        source: &Path,
        built: Built,
        proof: Proof,
    ) -> Self {
        let Proof { tables, carried } = proof;
        let read = tables.iter().map(|t| t.read).chain(carried.iter().map(|t| t.read)).sum();
        let copied = tables.iter().map(|t| t.copied).chain(carried.iter().map(|t| t.copied)).sum();
        Self {
            outcome,
            database_path: database.to_owned(),
            source: source.to_owned(),
            rows_read: read,
            rows_copied: copied,
            rows_quarantined: read - copied,
            tables,
            carried,
            left: built.cargo.left,
            grants: built.grants,
            seeded: built.seeded,
            broken: built.broken,
            ..Self::already_ours(database)
        }
    }
}

/// A row that breaks a rule of the new schema.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BrokenRow {
    /// The former table.
    pub table: String,
    /// The row's key.
    pub id: i64,
    /// The column, where it is one.
    pub column: String,
    /// Which rule. It never repeats a secret.
    pub reason: String,
}

impl BrokenRow {
    pub(super) fn new(table: &str, id: i64, column: &str, reason: String) -> Self {
        Self { table: table.to_owned(), id, column: column.to_owned(), reason }
    }
}

/// What became of one known table.
#[derive(Clone, Debug, Serialize)]
pub struct TableReport {
    /// The table.
    pub table: String,
    /// Whether the former database has it.
    pub present: bool,
    /// The rows that were read: those copied and those quarantined.
    pub read: u64,
    /// The rows that the new database has.
    pub copied: u64,
    /// The rows that break a rule.
    pub quarantined: u64,
    /// The copied rows of which something was changed.
    pub changed: u64,
    /// What was changed, and why.
    pub changes: Vec<ChangeReport>,
    /// Each column's content on both sides.
    pub columns: Vec<ColumnDigest>,
    /// Columns of the former table that the new one does not know.
    pub unknown_columns: Vec<String>,
}

/// One kind of change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChangeReport {
    /// The column of the new table.
    pub column: String,
    /// Why.
    pub reason: String,
    /// In how many rows.
    pub rows: u64,
}

/// The content of a column: SHA-256 over the values of the copied rows, in the order of their keys,
/// read from each database by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ColumnDigest {
    /// The column of the new table.
    pub column: String,
    /// In how many rows it was changed. Where that is none, the two digests are equal.
    pub changed: u64,
    /// In the former database; `None` for a column that it does not have.
    pub before: Option<String>,
    /// In the new one.
    pub after: String,
}

/// A table that was carried over without being known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CarriedReport {
    /// Its name in the former database.
    pub table: String,
    /// Its name in the new one.
    pub name: String,
    /// The rows that were read.
    pub read: u64,
    /// The rows that the new database has.
    pub copied: u64,
    /// The content of the copied rows, in both.
    pub digest: String,
}

/// What became of the roles' lists of permissions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct GrantReport {
    /// Grants that were made.
    pub granted: usize,
    /// The keys of the roles that may do everything.
    pub superusers: Vec<i64>,
    /// Permissions that only a list named, and that were made.
    pub new_permissions: Vec<String>,
    /// The keys of the roles whose list could not be read as one, or not all of it. It is kept in
    /// `legacy_values`.
    pub unread: Vec<i64>,
}

//! Report of an adoption.

use std::path::{Path, PathBuf};

use serde::Serialize;
use zenith_db::manager::SeedReport;

/// Outcome of an adoption.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[must_use = "the database may not have been adopted"]
pub enum AdoptionOutcome {
    /// The new database is in place.
    Adopted,
    /// The database already belonged to this program; nothing was done.
    AlreadyOurs,
    /// The adoption was a plan: the new database was built, compared and removed. Nothing was changed.
    Planned,
    /// The new schema cannot hold some rows, and no quarantine file was given. Nothing was changed.
    Undecided,
}

/// Result of [`adopt`](crate::adopt).
#[derive(Clone, Debug, Serialize)]
#[must_use = "the database may not have been adopted"]
pub struct AdoptionReport {
    /// Outcome of the adoption.
    pub outcome: AdoptionOutcome,
    /// Path of the new database, even if nothing was changed.
    pub database_path: PathBuf,
    /// Path of the former database that was read.
    pub source: PathBuf,
    /// Path of the retained copy of the former database; `None` if it was not replaced.
    pub original: Option<PathBuf>,
    /// Path of the quarantine file; `None` if none was written.
    pub quarantine: Option<PathBuf>,
    /// Number of rows in the former database.
    pub rows_read: u64,
    /// Number of those rows that the new database has.
    pub rows_copied: u64,
    /// Number of those rows that the new schema cannot hold, or that require such a row.
    pub rows_quarantined: u64,
    /// Results for the tables that both schemas have.
    pub tables: Vec<TableReport>,
    /// Results for the tables that are not part of the schema and were preserved.
    #[serde(rename = "carried")]
    pub preserved: Vec<PreservedTableReport>,
    /// Views, triggers, virtual tables and indexes that were not copied.
    #[serde(rename = "left")]
    pub not_copied: Vec<String>,
    /// Grants made from the roles' lists of permissions.
    pub grants: GrantReport,
    /// Missing roles, permissions and settings that were seeded.
    pub seeded: SeedReport,
    /// Every row that the new schema cannot hold.
    #[serde(rename = "broken")]
    pub rejected: Vec<RejectedRow>,
    /// Duration of the adoption, in milliseconds.
    pub milliseconds: u64,
}

impl AdoptionReport {
    /// Report about a database that already belongs to this program.
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
            preserved: Vec::new(),
            not_copied: Vec::new(),
            grants: GrantReport::default(),
            seeded: SeedReport::default(),
            rejected: Vec::new(),
            milliseconds: 0,
        }
    }
}

/// Row that the new schema cannot hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RejectedRow {
    /// Name of the former table.
    pub table: String,
    /// Primary key or rowid. In a `WITHOUT ROWID` table, the position of the row in the order of the
    /// primary key.
    pub id: i64,
    /// Name of the column; empty if the rule is not about one.
    pub column: String,
    /// Rule of the new schema that the row breaks. The text never repeats a secret.
    pub reason: String,
}

impl RejectedRow {
    pub(super) fn new(table: &str, id: i64, column: &str, reason: String) -> Self {
        Self { table: table.to_owned(), id, column: column.to_owned(), reason }
    }
}

/// Result for a table that both schemas have.
#[derive(Clone, Debug, Serialize)]
pub struct TableReport {
    /// Name of the table.
    pub table: String,
    /// Whether the former database has the table.
    pub present: bool,
    /// Number of rows that were read: those copied and those quarantined.
    pub read: u64,
    /// Number of former rows that the new database has.
    pub copied: u64,
    /// Number of rows that the new schema cannot hold, or that require such a row.
    pub quarantined: u64,
    /// Number of copied rows with at least one changed value.
    pub changed: u64,
    /// Changes, by column and reason.
    pub changes: Vec<ChangeReport>,
    /// Digests of each column in both databases.
    pub columns: Vec<ColumnDigest>,
    /// Columns of the former table that the new table does not have.
    pub unknown_columns: Vec<String>,
}

impl TableReport {
    /// Report for a table that the former database does not have.
    pub(super) fn absent(table: &str) -> Self {
        Self {
            table: table.to_owned(),
            present: false,
            read: 0,
            copied: 0,
            quarantined: 0,
            changed: 0,
            changes: Vec::new(),
            columns: Vec::new(),
            unknown_columns: Vec::new(),
        }
    }
}

/// Values of a column that were changed for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChangeReport {
    /// Column of the new table.
    pub column: String,
    /// Reason for the change.
    pub reason: String,
    /// Number of rows.
    pub rows: u64,
}

/// Content of a column: SHA-256 of the values of the copied rows in the order of their keys, computed
/// from each database separately.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ColumnDigest {
    /// Column of the new table.
    pub column: String,
    /// Number of rows in which the value was changed. If it is 0, the two digests are equal.
    pub changed: u64,
    /// Digest in the former database; `None` for a column that it does not have.
    pub before: Option<String>,
    /// Digest in the new database.
    pub after: String,
}

/// Result for a table that is not part of the schema and was preserved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PreservedTableReport {
    /// Name in the former database.
    pub table: String,
    /// Name in the new database.
    pub name: String,
    /// Number of rows that were read.
    pub read: u64,
    /// Number of those rows that the new database has.
    pub copied: u64,
    /// Digest of the copied rows, which is equal in both databases.
    pub digest: String,
}

/// Grants made from the roles' lists of permissions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct GrantReport {
    /// Number of new grants.
    pub granted: usize,
    /// Keys of the roles that hold every permission.
    pub superusers: Vec<i64>,
    /// Permissions that were created because a list names them.
    pub new_permissions: Vec<String>,
    /// Keys of the roles whose list could not be read, or only in part. The list is preserved in
    /// `legacy_values`.
    #[serde(rename = "unread")]
    pub unreadable: Vec<i64>,
}

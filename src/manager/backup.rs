//! Online backups: a consistent copy while others write, checked before it counts.
//!
//! 1. `VACUUM INTO` a temporary file (mode 0600) in the backup directory, from a connection of its
//!    own: one snapshot, in one step, that no writer can make it start over.
//! 2. Check the copy: `integrity_check`, references, and the rows of every table.
//! 3. Write it through to the disk, give it its name (which never replaces another file), and write
//!    the name through too.
//! 4. Record it in `backup_jobs`.
//!
//! A failure at any point leaves no file behind, and that of `zenith-db backup` is recorded. Only a
//! kill leaves one: a hidden `.zenith-….partial`, which can be deleted.

use std::fs;
use std::path::{Path, PathBuf};

use chrono::Utc;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use serde::Serialize;
use tempfile::NamedTempFile;

use super::DatabaseManager;
use crate::connection::{self, Access};
use crate::migrations::{broken_references, table_exists};
use crate::models::{BackupJob, NewBackupJob};
use crate::types::{BackupStatus, PublicId, UtcTime, VerificationStatus};
use crate::{DbConnection, Error, Result};

/// What the rows of the copy were compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fidelity {
    /// Nobody wrote meanwhile: every table has exactly the rows of the source.
    ExactRowCounts,
    /// Others wrote meanwhile: every table is there, and the copy is whole in itself.
    SameTables,
}

/// A backup that was taken and checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BackupReport {
    /// Its public id in `backup_jobs`.
    pub job_id: PublicId,
    /// Where it lies.
    pub path: PathBuf,
    /// How large it is, in bytes.
    pub size_bytes: u64,
    /// When it was begun.
    pub started_at: UtcTime,
    /// When it was done.
    pub completed_at: UtcTime,
    /// How many rows it holds, in all tables.
    pub rows: i64,
    /// What its rows were compared with.
    pub fidelity: Fidelity,
    /// What asked for it.
    pub triggered_by: String,
}

impl DatabaseManager {
    /// Takes a backup now, whatever `auto_backup` says, and records it in `backup_jobs`.
    ///
    /// # Errors
    /// [`Error::NoDatabase`]; [`Error::Io`] if the directory cannot be written;
    /// [`Error::BackupUnfaithful`] if the copy fails its check. No file is left behind.
    pub fn backup(&self) -> Result<BackupReport> {
        let started_at = UtcTime::now();
        let result = self.copy_and_check("backup");
        match (&result, self.open_ours()) {
            (Ok(report), Ok(mut connection)) => report.record(&mut connection),
            (Err(error), Ok(mut connection)) => record_failure(error, started_at, &mut connection),
            // What became of the copy is what the caller must learn.
            (_, Err(error)) => tracing::warn!(%error, "the backup could not be recorded"),
        }
        result
    }

    /// The newest backup of this database, by its own record.
    ///
    /// # Errors
    /// [`Error::NoDatabase`], or [`Error::Query`] if the database cannot be read.
    pub fn last_backup(&self) -> Result<Option<BackupJob>> {
        let (path, options) = (self.config.database_path(), self.config.sqlite());
        connection::inspect(path, options, last_recorded)
    }

    /// A finished and checked copy, not yet recorded.
    pub(super) fn copy_and_check(&self, triggered_by: &str) -> Result<BackupReport> {
        let started_at = UtcTime::now();
        let directory = self.config.backup_dir();
        let mut source =
            connection::open(self.config.database_path(), self.config.sqlite(), Access::Read)?;
        connection::create_private_dir(directory)?;
        let partial = tempfile::Builder::new()
            .prefix(".zenith-")
            .suffix(".partial")
            .tempfile_in(directory)
            .map_err(Error::io("create a file in", directory))?;

        let before = Contents::of(&mut source)?;
        let target = connection::literal_uri(partial.path())?;
        // VACUUM INTO writes nothing here, but `query_only` refuses it all the same.
        let inner = source.sqlite()?;
        connection::set_query_only(inner, false)?;
        diesel::sql_query("VACUUM INTO ?").bind::<Text, _>(target).execute(inner)?;
        connection::set_query_only(inner, true)?;
        let after = Contents::of(&mut source)?;
        let (rows, fidelity) = self.check_copy(partial.path(), &before, &after)?;

        let partial_path = partial.path().to_owned();
        partial.as_file().sync_all().map_err(Error::io("write through", &partial_path))?;
        let path = self.persist(partial)?;
        let size_bytes = fs::metadata(&path).map_err(Error::io("look at", &path))?.len();
        Ok(BackupReport {
            job_id: PublicId::new(),
            path,
            size_bytes,
            started_at,
            completed_at: UtcTime::now().max(started_at),
            rows,
            fidelity,
            triggered_by: triggered_by.to_owned(),
        })
    }

    fn check_copy(
        &self,
        copy: &Path,
        before: &Contents,
        after: &Contents,
    ) -> Result<(i64, Fidelity)> {
        let unfaithful = |reason: String| Err(Error::BackupUnfaithful { reason });
        let mut copy = connection::inspect_copy(copy, self.config.sqlite())?;
        let faults = integrity_faults(&mut copy, "integrity_check")?;
        if !faults.is_empty() {
            return unfaithful(faults.join("; "));
        }
        let found = Contents::of(&mut copy)?;
        if before.commits == after.commits && found.rows != before.rows {
            return unfaithful("its rows are not those of the database".into());
        }
        let fidelity = if before.commits == after.commits {
            Fidelity::ExactRowCounts
        } else {
            Fidelity::SameTables
        };
        let names =
            |contents: &Contents| contents.rows.iter().map(|(n, _)| n.clone()).collect::<Vec<_>>();
        if names(&found) != names(after) && names(&found) != names(before) {
            return unfaithful("its tables are not those of the database".into());
        }
        // A fault that the database has itself is the health check's to report: the copy is faithful.
        let broken = broken_references(&mut copy)?.len();
        if broken > 0 {
            tracing::warn!(broken, "the database has broken references, and so has its backup");
        }
        Ok((found.rows.iter().map(|(_, count)| count).sum(), fidelity))
    }

    /// Gives the file its name: the time to the microsecond, so that names do not meet; if they do,
    /// a later microsecond.
    fn persist(&self, mut partial: NamedTempFile) -> Result<PathBuf> {
        let directory = self.config.backup_dir();
        // Recorded, the path must mean the same from every working directory.
        let directory = &std::path::absolute(directory).map_err(Error::io("find", directory))?;
        let stem = self.config.database_path().as_path().file_stem().unwrap_or_default();
        loop {
            let time = Utc::now().format("%Y%m%dT%H%M%S%.6fZ");
            let path = directory.join(format!("{}-{time}.db", stem.to_string_lossy()));
            match partial.persist_noclobber(&path) {
                Ok(_) => {
                    connection::sync_dir(directory)
                        .map_err(Error::io("write through", directory))?;
                    return Ok(path);
                }
                Err(failed) if failed.error.kind() == std::io::ErrorKind::AlreadyExists => {
                    partial = failed.file;
                }
                Err(failed) => return Err(Error::io("name the backup", path)(failed.error)),
            }
        }
    }
}

impl BackupReport {
    /// Records the backup. The copy is good whether or not that works, so a failure is a warning.
    pub(super) fn record(&self, connection: &mut DbConnection) {
        let path = self.path.display().to_string();
        let job = NewBackupJob::builder()
            .job_id(self.job_id)
            .status(BackupStatus::Completed)
            .started_at(self.started_at)
            .completed_at(self.completed_at)
            .backup_path(path.as_str())
            .backup_size(i64::try_from(self.size_bytes).ok())
            .verification_status(VerificationStatus::Verified)
            .triggered_by(self.triggered_by.as_str())
            .build();
        record(&job, connection);
    }
}

fn record_failure(error: &Error, started_at: UtcTime, connection: &mut DbConnection) {
    let reason = chain(error);
    let job = NewBackupJob::builder()
        .status(BackupStatus::Failed)
        .started_at(started_at)
        .completed_at(UtcTime::now().max(started_at))
        .error_message(reason.as_str())
        .triggered_by("backup")
        .build();
    record(&job, connection);
}

/// Writes the record, if its table is there yet.
fn record(job: &NewBackupJob<'_>, connection: &mut DbConnection) {
    let recorded = connection.write(|connection| {
        if table_exists(connection, "backup_jobs")? {
            job.insert(connection)?;
        }
        Ok::<_, Error>(())
    });
    if let Err(error) = recorded {
        tracing::warn!(%error, "the backup could not be recorded");
    }
}

/// The newest completed backup; `None` also where the table is not there yet.
pub(super) fn last_recorded(connection: &mut DbConnection) -> Result<Option<BackupJob>> {
    if table_exists(connection, "backup_jobs")? {
        BackupJob::find_last_completed(connection)
    } else {
        Ok(None)
    }
}

/// What `integrity_check` or `quick_check` finds: nothing in a sound database.
pub(super) fn integrity_faults(connection: &mut DbConnection, check: &str) -> Result<Vec<String>> {
    #[derive(QueryableByName)]
    struct Finding {
        #[diesel(sql_type = Text)]
        text: String,
    }
    let query = format!("SELECT {check} AS text FROM pragma_{check}");
    let findings: Vec<Finding> = diesel::sql_query(query).load(connection.sqlite()?)?;
    Ok(findings.into_iter().map(|finding| finding.text).filter(|text| text != "ok").collect())
}

/// The tables of a database with their row counts.
pub(super) struct Contents {
    /// Changes whenever another connection commits.
    commits: String,
    /// Table by table, in the order of their names.
    pub(super) rows: Vec<(String, i64)>,
}

impl Contents {
    pub(super) fn of(connection: &mut DbConnection) -> Result<Self> {
        #[derive(QueryableByName)]
        struct Name {
            #[diesel(sql_type = Text)]
            name: String,
        }
        let connection = connection.sqlite()?;
        let commits = connection::read_pragma(connection, "data_version", "data_version")?;
        let tables: Vec<Name> = diesel::sql_query(
            "SELECT name FROM sqlite_schema
             WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name",
        )
        .load(connection)?;
        let mut rows = Vec::with_capacity(tables.len());
        for Name { name } in tables {
            let quoted = name.replace('"', "\"\"");
            let count = format!("(SELECT count(*) FROM \"{quoted}\")");
            let count =
                diesel::select(diesel::dsl::sql::<BigInt>(&count)).get_result(connection)?;
            rows.push((name, count));
        }
        Ok(Self { commits, rows })
    }
}

/// An error with its causes, on one line.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

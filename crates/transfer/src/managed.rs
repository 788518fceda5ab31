//! Transfer of the configured database to a location: opening both databases, creating the target, and
//! keeping the report.

use std::io::Write;
use std::path::{Path, PathBuf};

use serde::Serialize;
use zenith_db::config::{Config, Location};
use zenith_db::internal::catalog::is_empty;
use zenith_db::internal::connection::{self, Access, NewFile, Owner};
use zenith_db::internal::migrations::Target;
use zenith_db::manager::DatabaseManager;
use zenith_db::types::UtcTime;
use zenith_db::{DbConnection, Error};

use super::between::transfer_between;
use super::error::{Result, TransferError};
use super::own;
use super::preconditions::{check_source, ensure_empty};
use super::report::{TransferOptions, TransferProgress, TransferReport};
use super::rows::ALL;
use super::state::{TransferLease, TransferState};
use super::table::TransferTable as _;

/// Record of a transfer of the configured database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TransferRecord {
    /// Source, without a password.
    pub from: String,
    /// Target, without a password.
    pub to: String,
    /// Time at which the transfer completed.
    pub completed_at: UtcTime,
    /// Report of the transfer.
    #[serde(flatten)]
    pub report: TransferReport,
    /// File in the backup directory with this record as JSON; `None` if it could not be written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
}

/// Copies every row of the configured database to another and compares the two: see
/// [`transfer_between`]. The target is created if it does not exist, and migrated with the manager's
/// migrations if it has no tables. The record is kept as a file in the backup directory.
///
/// A target that this call has created is removed again if no row was copied to it and its server can be reached.
///
/// # Errors
/// [`TransferError::Database`] holds [`Error::NoDatabase`], or [`Error::Refused`] if either database
/// cannot be used. Other errors say what else prevents the transfer. The source is unchanged; the
/// target is empty or removed, or the transfer can be resumed.
pub fn transfer(
    manager: &DatabaseManager,
    to: &Location,
    options: &TransferOptions,
    progress: &mut dyn FnMut(TransferProgress),
) -> Result<TransferRecord> {
    let config = manager.config();
    let options = TransferOptions { migrations: manager.migrations(), ..*options };
    let source = open_source(manager, to, &options);
    let mut source = source.map_err(|error| error.of_server(manager))?;
    let target = manager.for_config(config.at(to.clone()));
    let created = connection::create(target.config());
    let created = created.map_err(|error| TransferError::from(error).of_server(&target))?;
    let filled = fill(&mut source, &target, created, &options, progress);
    let filled = filled.map_err(|error| error.or_lost().of_server(&target));
    if let (Err(error), true) = (&filled, created) {
        remove_if_unused(target.config(), error);
    }
    let mut record = TransferRecord {
        from: config.location().to_string(),
        to: to.to_string(),
        completed_at: UtcTime::now(),
        report: filled?,
        file: None,
    };
    // The transfer is complete, whether or not the record can be kept.
    match keep(&record, config.backup_dir()) {
        Ok(file) => record.file = Some(file),
        Err(error) => tracing::warn!(%error, "the record of the transfer could not be kept"),
    }
    Ok(record)
}

/// Opens and checks the source, before the target is created, so that a refusal leaves none behind.
fn open_source(
    manager: &DatabaseManager,
    to: &Location,
    options: &TransferOptions,
) -> Result<DbConnection> {
    manager.ensure_ours()?;
    if manager.config().location().is_same_as(to) {
        let reason = "it is the source of the transfer as well".into();
        return Err(Error::Refused { database: to.to_string(), reason }.into());
    }
    let mut source = connection::open(manager.config(), Access::Inspect)?;
    check_source(&mut source, options)?;
    Ok(source)
}

/// Migrates the target if it has no tables, and copies the rows.
fn fill(
    source: &mut DbConnection,
    target: &DatabaseManager,
    created: bool,
    options: &TransferOptions,
    progress: &mut dyn FnMut(TransferProgress),
) -> Result<TransferReport> {
    if !created {
        target.ensure_ours_or_begun()?;
    }
    let mut connection = target.open()?;
    if is_empty(&mut connection)? {
        let prepare = |target: &mut DbConnection| {
            // Rows that a migration of the application inserted are in the source, if they still are.
            for table in own::all(target, options.migrations)? {
                table.empty(target)?;
            }
            TransferLease::mark(target)
        };
        let mut refused = None;
        // With the migrations in one transaction, so that a process that is killed leaves nothing that seems complete.
        let run =
            target.run_with_backup(&mut connection, &Target::Latest, "transfer", |connection| {
                prepare(connection).map_err(|error| match error {
                    TransferError::Database(error) => error,
                    error => {
                        let told = Error::Internal(error.to_string());
                        refused = Some(error);
                        told
                    }
                })
            });
        if let Some(error) = refused {
            return Err(error);
        }
        run?;
    }
    transfer_between(source, &mut connection, options, progress)
}

/// Removes the target after an error, if no row was copied to it. The caller has created it, and its
/// connection is closed.
fn remove_if_unused(target: &Config, error: &TransferError) {
    // Another process is using it, or it cannot be reached.
    if matches!(
        error,
        TransferError::TakenOver
            | TransferError::ConnectionLost { .. }
            | TransferError::EndUnknown { .. }
    ) {
        return;
    }
    let removed = connection::remove_created(target, |connection| {
        let state = TransferState::read(connection)?;
        if state.is_some_and(|state| state.rows() > 0) {
            return Ok(false);
        }
        if is_empty(connection)? {
            return Ok(true);
        }
        match ensure_empty(connection, ALL) {
            Ok(()) => Ok(true),
            Err(TransferError::NotEmpty { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    });
    if let Err(error) = removed {
        tracing::warn!(%error, "the new target could not be removed again");
    }
}

/// Writes the record to a new file, and returns its path.
fn keep(record: &TransferRecord, directory: &Path) -> Result<PathBuf, Error> {
    connection::create_private_dir(directory)?;
    let time = record.completed_at.as_datetime().format("%Y%m%dT%H%M%S%.6fZ");
    let path = directory.join(format!("transfer-{time}.json"));
    let failed = |cause| Error::io("write", path.clone())(cause);
    let mut file = NewFile::create(directory, Owner::of(directory).map_err(failed)?)?;
    let text = serde_json::to_string_pretty(record).map_err(|cause| failed(cause.into()))?;
    writeln!(file.as_file_mut(), "{text}").map_err(failed)?;
    file.persist(&path)?;
    Ok(path)
}

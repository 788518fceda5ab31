//! Moving the configured database: opening both, making the target, and keeping the proof.

use std::io::Write;
use std::path::{Path, PathBuf};

use serde::Serialize;
use zenith_db::Error;
use zenith_db::config::Location;
use zenith_db::internal::catalog::is_empty;
use zenith_db::internal::connection::{self, Access};
use zenith_db::internal::migrations::Target;
use zenith_db::manager::DatabaseManager;
use zenith_db::types::UtcTime;

use super::error::Result;
use super::report::{TransferOptions, TransferProgress, TransferReport};
use super::run::check_source;
use super::transfer_between;

/// A transfer of the configured database, with its proof.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TransferRecord {
    /// The source, without a password.
    pub from: String,
    /// The target, without a password.
    pub to: String,
    /// When it was done.
    pub completed_at: UtcTime,
    /// What was moved.
    #[serde(flatten)]
    pub report: TransferReport,
    /// Where all of this is kept as JSON, in the backup directory; `None` if that did not work.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
}

/// Moves every row of the configured database to another, and proves it: see [`transfer_between`].
/// The target is created if it does not exist, and migrated if it has no tables. The proof is kept as a
/// file in the backup directory.
///
/// # Errors
/// [`TransferError::Database`](crate::TransferError::Database) holds [`Error::NoDatabase`], or [`Error::Refused`] if either database
/// cannot be used. Other errors say what else prevents the transfer. The source is unchanged; the
/// target is empty or the transfer can be resumed.
pub fn transfer(
    manager: &DatabaseManager,
    to: &Location,
    options: &TransferOptions,
    progress: &mut dyn FnMut(TransferProgress),
) -> Result<TransferRecord> {
    let config = manager.config();
    manager.ensure_ours()?;
    if config.location().is_same_as(to) {
        let reason = "it is the source of the transfer as well".into();
        return Err(Error::Refused { database: to.to_string(), reason }.into());
    }
    let options = TransferOptions { migrations: manager.migrations(), ..*options };
    let mut source = connection::open(config, Access::Inspect)?;
    // Before the target is made, so that a refusal leaves nothing behind.
    check_source(&mut source, &options)?;
    let other = manager.for_config(config.at(to.clone()));
    if !connection::create(other.config())? {
        other.ensure_ours_or_begun()?;
    }
    let mut target = other.open()?;
    if is_empty(&mut target)? {
        other.run_with_backup(&mut target, &Target::Latest, "transfer", |_| Ok(()))?;
    }
    let report = transfer_between(&mut source, &mut target, &options, progress)?;
    let mut record = TransferRecord {
        from: config.location().to_string(),
        to: to.to_string(),
        completed_at: UtcTime::now(),
        report,
        file: None,
    };
    // The target is good whether or not this works.
    match keep(&record, config.backup_dir()) {
        Ok(file) => record.file = Some(file),
        Err(error) => tracing::warn!(%error, "the proof of the transfer could not be kept"),
    }
    Ok(record)
}

/// Writes the record to a file of its own, which replaces none.
fn keep(record: &TransferRecord, directory: &Path) -> Result<PathBuf, Error> {
    connection::create_private_dir(directory)?;
    let time = record.completed_at.as_datetime().format("%Y%m%dT%H%M%S%.6fZ");
    let path = directory.join(format!("transfer-{time}.json"));
    let failed = Error::io("write", path.clone());
    let written = || {
        let mut file = tempfile::NamedTempFile::new_in(directory)?;
        serde_json::to_writer_pretty(&mut file, record)?;
        writeln!(file)?;
        file.as_file().sync_all()?;
        file.persist_noclobber(&path)?;
        connection::sync_dir(directory)
    };
    written().map_err(failed)?;
    Ok(path)
}

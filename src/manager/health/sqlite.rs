//! Checks of an SQLite database.

use std::fs;

use diesel::prelude::*;
use diesel::sql_types::Text;

use super::checks::{
    FOREIGN_KEYS, NamedCheck, administrator, foreign_key_violations, pending, schema_fix,
    schema_version, seeds,
};
use super::expected_schema::SchemaDefinitions;
use super::integrity::outcome;
use super::mount_point;
use super::outcome::CheckOutcome;
#[cfg(unix)]
use super::permissions;
#[cfg(not(unix))]
use super::unchecked_permissions as permissions;
use crate::backend::Backend;
use crate::backend::DbConnection;
use crate::catalog::{IntegrityCheck, integrity};
use crate::config::Config;
use crate::config::DatabasePath;
use crate::connection::read_pragma;
use crate::error::{Error, Result};
use crate::locks::read_head;
use crate::manager::DatabaseManager;

/// Checks that read every row, which are skipped above [`LARGEST_READ`]; the deep check replaces them.
pub(super) const BOUNDED: [&str; 2] = [FOREIGN_KEYS, "Quick Integrity"];

/// Checks in the order of the report.
pub(super) const CHECKS: &[NamedCheck] = &[
    ("Schema Version", true, schema_version),
    ("Required Tables", true, required_tables),
    ("Required Columns and Indexes", true, columns_and_indexes),
    ("Triggers Present", true, triggers),
    ("Foreign Keys Enabled", false, foreign_keys_enabled),
    (FOREIGN_KEYS, true, bounded_foreign_keys),
    ("WAL Mode", false, wal_mode),
    ("WAL Size", false, wal_size),
    ("Quick Integrity", true, quick_integrity),
    ("Seeds Present", true, seeds),
    ("Admin User Exists", false, administrator),
    ("SQLite Version", true, sqlite_version),
    ("File Permissions", false, permissions::check),
    ("Mount Point", false, mount_point::check),
    ("Pending Migrations", true, pending),
];

/// Largest file of which every row is read, in bytes: the checks of a larger one would be slow.
const LARGEST_READ: u64 = 256 * 1024 * 1024;

/// First version of SQLite in which concurrent writers cannot corrupt a database in WAL mode
/// (<https://sqlite.org/wal.html#walresetbug>).
const OLDEST_SQLITE: [u32; 3] = [3, 51, 3];

/// Returns the path of the file.
fn path_of(config: &Config) -> Result<&DatabasePath> {
    config
        .location()
        .path()
        .ok_or(Error::WrongBackend { operation: "this check", needed: Backend::Sqlite })
}

fn required_tables(
    connection: &mut DbConnection,
    manager: &DatabaseManager,
) -> Result<CheckOutcome> {
    let (expected, found) =
        (SchemaDefinitions::expected(manager.migrations)?, SchemaDefinitions::of(connection)?);
    let missing = expected.missing_tables(&found);
    let good = format!("all {} tables", expected.tables.len());
    Ok(CheckOutcome::from_faults(&missing, good, schema_fix(connection, manager)?))
}

fn columns_and_indexes(
    connection: &mut DbConnection,
    manager: &DatabaseManager,
) -> Result<CheckOutcome> {
    let (expected, found) =
        (SchemaDefinitions::expected(manager.migrations)?, SchemaDefinitions::of(connection)?);
    let faults = expected.differences(&found);
    let good = format!("as in the migrations, with {} indexes", expected.indexes.len());
    Ok(CheckOutcome::from_faults(&faults, good, schema_fix(connection, manager)?))
}

fn triggers(connection: &mut DbConnection, manager: &DatabaseManager) -> Result<CheckOutcome> {
    let (expected, found) =
        (SchemaDefinitions::expected(manager.migrations)?, SchemaDefinitions::of(connection)?);
    let faults = expected.trigger_differences(&found);
    Ok(CheckOutcome::from_faults(
        &faults,
        format!("all {} triggers", expected.triggers.len()),
        schema_fix(connection, manager)?,
    ))
}

fn foreign_keys_enabled(
    connection: &mut DbConnection,
    _: &DatabaseManager,
) -> Result<CheckOutcome> {
    let on = read_pragma(connection.sqlite()?, "foreign_keys", "foreign_keys")?;
    Ok(match on.as_str() {
        "1" => CheckOutcome::Good("enforced on every connection".into()),
        _ => CheckOutcome::Bad("not enforced: set DATABASE_FOREIGN_KEYS=true".into()),
    })
}

/// Reads the journal mode from the file's header, because opening the database could change the
/// mode.
fn wal_mode(_: &mut DbConnection, manager: &DatabaseManager) -> Result<CheckOutcome> {
    let config = &manager.config;
    if !config.sqlite().wal {
        return Ok(CheckOutcome::Good("not configured (DATABASE_WAL_MODE=false)".into()));
    }
    let path = path_of(config)?.as_path();
    let header = read_head(path, 20).map_err(Error::io("read the header of", path))?;
    Ok(match header.as_slice() {
        // The file format's write and read versions: https://sqlite.org/fileformat.html
        [.., 2, 2] => CheckOutcome::Good("on".into()),
        _ => CheckOutcome::Bad("off; the next connection for writing turns it on".into()),
    })
}

/// Size of a write-ahead log in bytes above which the check warns: sixteen times the size at which SQLite
/// begins to empty it. Each read then searches a long log, and each recovery reads it. It grows so only
/// while a connection reads an old state of the database, or in a very large transaction.
const LARGE_LOG: u64 = 64 * 1024 * 1024;

fn wal_size(_: &mut DbConnection, manager: &DatabaseManager) -> Result<CheckOutcome> {
    let log = path_of(&manager.config)?.with_suffix("-wal");
    let size = fs::metadata(&log).map_or(0, |log| log.len());
    let mebibytes = size.div_ceil(1024 * 1024);
    Ok(if size <= LARGE_LOG {
        CheckOutcome::Good(format!("{mebibytes} MiB"))
    } else {
        CheckOutcome::Bad(format!(
            "{} has {mebibytes} MiB, which slows reads down: SQLite cannot empty it while a connection \
             reads an old state of the database. End long-running reads, or restart the programs that \
             use the database; `PRAGMA wal_checkpoint(TRUNCATE)` then empties the file, and so does the \
             last connection when it is closed",
            log.display()
        ))
    })
}

fn bounded_foreign_keys(
    connection: &mut DbConnection,
    manager: &DatabaseManager,
) -> Result<CheckOutcome> {
    match too_large(manager)? {
        Some(skipped) => Ok(skipped),
        None => foreign_key_violations(connection, manager),
    }
}

/// Returns the outcome of a check that is skipped, because the file is large.
fn too_large(manager: &DatabaseManager) -> Result<Option<CheckOutcome>> {
    let path = path_of(&manager.config)?.as_path();
    let size = fs::metadata(path).map_err(Error::io("read the metadata of", path))?.len();
    let mebibytes = size.div_ceil(1024 * 1024);
    Ok((size > LARGEST_READ).then(|| {
        CheckOutcome::Good(format!(
            "skipped: the file has {mebibytes} MiB, more than 256 MiB; `zenith-db health-check --deep` \
             checks it"
        ))
    }))
}

fn quick_integrity(
    connection: &mut DbConnection,
    manager: &DatabaseManager,
) -> Result<CheckOutcome> {
    if let Some(skipped) = too_large(manager)? {
        return Ok(skipped);
    }
    Ok(outcome(&integrity(connection, IntegrityCheck::Quick)?, "no damage found"))
}

fn sqlite_version(connection: &mut DbConnection, _: &DatabaseManager) -> Result<CheckOutcome> {
    let version: String = diesel::select(diesel::dsl::sql::<Text>("sqlite_version()"))
        .get_result(connection.sqlite()?)?;
    let numbers: Vec<u32> = version.split('.').filter_map(|part| part.parse().ok()).collect();
    Ok(if numbers.as_slice() >= OLDEST_SQLITE.as_slice() {
        CheckOutcome::Good(version)
    } else {
        CheckOutcome::Bad(format!(
            "{version} can corrupt a WAL database under concurrent writers; build with 3.51.3 or \
             later"
        ))
    })
}

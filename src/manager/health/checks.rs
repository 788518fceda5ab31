//! The checks, one function each, in the order in which they are shown.

use std::fs;

use diesel::prelude::*;
use diesel::sql_types::Text;

use super::catalogue::Catalogue;
use super::{Finding, permissions};
use crate::connection::{read_head, read_pragma};
use crate::manager::backup::integrity_faults;
use crate::manager::seed;
use crate::migrations::{self, Ledger, broken_references};
use crate::models::User;
use crate::{Config, DbConnection, Error, Result};

type Check = fn(&mut DbConnection, &Config) -> Result<Finding>;

/// Name, whether it is critical, and the check.
pub(super) const ALL: &[(&str, bool, Check)] = &[
    ("Schema Version", true, schema_version),
    ("Required Tables", true, required_tables),
    ("Required Columns and Indexes", true, columns_and_indexes),
    ("Triggers Present", true, triggers),
    ("Foreign Keys Enabled", false, foreign_keys_enabled),
    ("Foreign Key Violations", true, foreign_key_violations),
    ("WAL Mode", false, wal_mode),
    ("Quick Integrity", true, quick_integrity),
    ("Seeds Present", true, seeds),
    ("Admin User Exists", false, administrator),
    ("SQLite Version", true, sqlite_version),
    ("File Permissions", false, permissions::check),
    ("Pending Migrations", true, pending),
];

/// Above this, reading the whole file would make the check slow.
const QUICK_CHECK_LIMIT: u64 = 256 * 1024 * 1024;

/// Before this, concurrent writers could corrupt a database in WAL mode
/// (<https://sqlite.org/wal.html#walresetbug>).
const OLDEST_SQLITE: [u32; 3] = [3, 51, 3];

fn schema_version(connection: &mut DbConnection, _: &Config) -> Result<Finding> {
    let ledger = Ledger::read(connection)?;
    let mut faults = migrations::check_history(connection, &ledger)?;
    faults.extend(ledger.unknown().map(|version| format!("version {version} is not known here")));
    let current = ledger.current().unwrap_or("none").to_owned();
    Ok(Finding::from_faults(
        &faults,
        format!("{current}, as recorded in schema_version"),
        "`zenith-db migrate` records what ran; a changed or unknown migration needs the version of \
         this program that has it",
    ))
}

fn required_tables(connection: &mut DbConnection, _: &Config) -> Result<Finding> {
    let (expected, found) = (Catalogue::expected()?, Catalogue::of(connection)?);
    let missing = expected.missing_tables(&found);
    let good = format!("all {} tables", expected.tables.len());
    Ok(Finding::from_faults(&missing, good, MEND_SCHEMA))
}

fn columns_and_indexes(connection: &mut DbConnection, _: &Config) -> Result<Finding> {
    let (expected, found) = (Catalogue::expected()?, Catalogue::of(connection)?);
    let faults = expected.differences(&found);
    let good = format!("as the migrations make them, {} indexes", expected.indexes.len());
    Ok(Finding::from_faults(&faults, good, MEND_SCHEMA))
}

fn triggers(connection: &mut DbConnection, _: &Config) -> Result<Finding> {
    let (expected, found) = (Catalogue::expected()?, Catalogue::of(connection)?);
    let faults = expected.trigger_differences(&found);
    Ok(Finding::from_faults(&faults, format!("all {}", expected.triggers.len()), MEND_SCHEMA))
}

const MEND_SCHEMA: &str = "`zenith-db migrate` if migrations are pending; otherwise restore a \
                           backup or undo what was changed by hand";

fn foreign_keys_enabled(connection: &mut DbConnection, _: &Config) -> Result<Finding> {
    let on = read_pragma(connection.sqlite()?, "foreign_keys", "foreign_keys")?;
    Ok(match on.as_str() {
        "1" => Finding::Good("enforced on every connection".into()),
        _ => Finding::Bad("not enforced: set DATABASE_FOREIGN_KEYS=true".into()),
    })
}

fn foreign_key_violations(connection: &mut DbConnection, _: &Config) -> Result<Finding> {
    let broken = broken_references(connection)?;
    Ok(Finding::from_faults(&broken, "none", "restore a backup, or mend or delete these rows"))
}

/// From the file itself: an opener could switch the mode before asking for it.
fn wal_mode(_: &mut DbConnection, config: &Config) -> Result<Finding> {
    if !config.sqlite().wal {
        return Ok(Finding::Good("not wanted (DATABASE_WAL_MODE=false)".into()));
    }
    let path = config.database_path().as_path();
    let header = read_head(path, 20).map_err(Error::io("read the header of", path))?;
    Ok(match header.as_slice() {
        // The file format's write and read versions: https://sqlite.org/fileformat.html
        [.., 2, 2] => Finding::Good("on".into()),
        _ => Finding::Bad(
            "off; the next process that opens the database for writing sets it, \
                           such as `zenith-db migrate`"
                .into(),
        ),
    })
}

fn quick_integrity(connection: &mut DbConnection, config: &Config) -> Result<Finding> {
    let path = config.database_path().as_path();
    let size = fs::metadata(path).map_err(Error::io("look at", path))?.len();
    if size > QUICK_CHECK_LIMIT {
        let megabytes = size / 1_000_000;
        return Ok(Finding::Good(format!(
            "skipped: the file has {megabytes} MB, and more than 256 MiB take long; ask for \
             `health-check --deep`"
        )));
    }
    let faults = integrity_faults(connection, "quick_check")?;
    Ok(Finding::from_faults(&faults, "no damage found", "restore a backup"))
}

fn seeds(connection: &mut DbConnection, _: &Config) -> Result<Finding> {
    let missing = seed::missing(connection)?;
    let missing: Vec<String> = missing.iter().map(|name| format!("{name} is missing")).collect();
    Ok(Finding::from_faults(
        &missing,
        "roles, permissions and settings are there",
        "`zenith-db seed` writes them",
    ))
}

fn administrator(connection: &mut DbConnection, _: &Config) -> Result<Finding> {
    let names: Vec<String> =
        User::list_administrators(connection)?.into_iter().map(|user| user.username).collect();
    Ok(if names.is_empty() {
        Finding::Bad(
            "no active user has an administrator's role; `zenith-db create --admin-user NAME` \
             makes one"
                .into(),
        )
    } else {
        Finding::Good(names.join(", "))
    })
}

fn sqlite_version(connection: &mut DbConnection, _: &Config) -> Result<Finding> {
    let version: String = diesel::select(diesel::dsl::sql::<Text>("sqlite_version()"))
        .get_result(connection.sqlite()?)?;
    let numbers: Vec<u32> = version.split('.').filter_map(|part| part.parse().ok()).collect();
    Ok(if numbers.as_slice() >= OLDEST_SQLITE.as_slice() {
        Finding::Good(version)
    } else {
        Finding::Bad(format!(
            "{version} can corrupt a WAL database under concurrent writers; build with 3.51.3 or \
             later"
        ))
    })
}

fn pending(connection: &mut DbConnection, _: &Config) -> Result<Finding> {
    let ledger = Ledger::read(connection)?;
    let names: Vec<String> = ledger.pending().map(|m| format!("{m} is pending")).collect();
    Ok(Finding::from_faults(&names, "none", "`zenith-db migrate` applies them"))
}

//! The new database, built beside the old one. It is written without journal or sync, because a crash
//! loses nothing before the database has its name.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use zenith_db::config::SqliteOptions;
use zenith_db::internal::catalog::{literal, names};
use zenith_db::internal::connection::{self, Access, TransactionSettings};
use zenith_db::internal::manager::{refresh, seed};
use zenith_db::internal::migrations::{Target, run};
use zenith_db::internal::models::{SeededSetting, seeded_settings};
use zenith_db::manager::SeedReport;
use zenith_db::migrations::Migrations;
use zenith_db::{DbConnection, Error};

use super::cell::AnyRow;
use super::context::ConversionContext;
use super::dangling_references::resolve_dangling_references;
use super::error::{AdoptionError, Result};
use super::legacy_db::LegacyDb;
use super::load::copy_table;
use super::paths::connection_path;
use super::report::{GrantReport, RejectedRow};
use super::tables::TABLES;
use super::unknown_tables::{self, UnknownTables};
use super::{grants, overflow_values};

/// Outcome of the build, as the comparison and the report need it.
pub(super) struct BuildOutcome {
    pub(super) context: ConversionContext,
    /// Keys of the rows in known tables that an application's own migrations inserted.
    pub(super) from_migrations: HashMap<&'static str, HashSet<i64>>,
    /// Keys of the read-only settings. Their former values describe the former database, and were
    /// replaced.
    pub(super) replaced_settings: HashSet<i64>,
    pub(super) unknown: UnknownTables,
    pub(super) rejected: Vec<RejectedRow>,
    pub(super) grants: GrantReport,
    pub(super) seeded: SeedReport,
}

/// Builds the new database at `target`, and closes it.
pub(super) fn build(
    legacy: &LegacyDb<'_>,
    target: &Path,
    options: &SqliteOptions,
    migrations: Migrations,
) -> Result<BuildOutcome> {
    connection::sqlite::create_file(&connection_path(target)?)?;
    let unknown = unknown_tables::create(target, legacy, migrations)?;
    let mut connection = open(target, options)?;
    let (settings, latest) = (TransactionSettings::default(), &Target::Latest);
    let finished = run(&mut connection, &settings, migrations, latest, |_| Ok(()), |_| Ok(()));
    let finished = finished.map_err(|error| unknown_tables::explain(error, &unknown))?;
    finished.ensure_committed(&mut connection)?;
    let inner = connection.sqlite()?;
    let suspended = suspend(inner)?;
    let from_migrations = existing_rows(inner, legacy)?;
    overflow_values::create(inner)?;
    let (mut context, mut rejected) = (ConversionContext::new(), Vec::new());
    for table in legacy.tables() {
        copy_table(inner, legacy, table, &mut context, &mut rejected)?;
    }
    resolve_dangling_references(inner, legacy, &mut context)?;
    let replaced_settings = replace_settings(inner)?;
    // The copy runs under limits, which Diesel cannot set.
    drop(connection);
    rejected.extend(unknown_tables::copy_rows(target, legacy, &unknown)?);
    let mut connection = open(target, options)?;
    let (seeded, grants) = connection::write(&mut connection, |connection| {
        let seeded = seed(connection)?;
        let grants = grants::grant(connection.sqlite()?, legacy, &context)?;
        let refreshed = refresh(connection, migrations)?;
        Ok::<_, AdoptionError>((SeedReport { refreshed, ..seeded }, grants))
    })?;
    finish(connection, &suspended, options)?;
    let file = std::fs::File::open(target).map_err(Error::io("open", target))?;
    file.sync_all().map_err(Error::io("sync", target))?;
    Ok(BuildOutcome {
        context,
        from_migrations,
        replaced_settings,
        unknown,
        rejected,
        grants,
        seeded,
    })
}

/// Opens the new database for writing, without journal or sync.
fn open(target: &Path, options: &SqliteOptions) -> Result<DbConnection> {
    let plain = SqliteOptions { wal: false, ..*options };
    let mut connection =
        connection::sqlite::open(&connection_path(target)?, &plain, Access::Write)?;
    connection.sqlite()?.batch_execute(
        "PRAGMA foreign_keys = OFF; PRAGMA synchronous = OFF; PRAGMA journal_mode = MEMORY;
         PRAGMA secure_delete = OFF; PRAGMA locking_mode = EXCLUSIVE",
    )?;
    Ok(connection)
}

/// Drops the indexes that enforce no constraint, and the triggers that set `updated_at`, while rows are
/// copied. Returns their definitions.
fn suspend(connection: &mut SqliteConnection) -> Result<Vec<String>> {
    let which = "((type = 'index' AND sql NOT LIKE 'CREATE UNIQUE %')
                  OR (type = 'trigger' AND name LIKE '%\\_updated\\_at' ESCAPE '\\'))
                 AND tbl_name IN (SELECT value FROM temp.json_each(";
    let known: Vec<&str> = TABLES.iter().map(|table| table.name).collect();
    let known = literal(&serde_json::Value::from(known).to_string());
    let definitions = names(
        connection,
        &format!("SELECT sql AS name FROM sqlite_schema WHERE {which}{known}))"),
    )?;
    let drops = format!(
        "SELECT format('DROP %s \"%w\"', type, name) AS name FROM sqlite_schema
         WHERE {which}{known}))"
    );
    for drop in names(connection, &drops)? {
        connection.batch_execute(&drop)?;
    }
    Ok(definitions)
}

/// Returns the keys of the rows that the known tables have before the first is copied.
fn existing_rows(
    connection: &mut SqliteConnection,
    legacy: &LegacyDb<'_>,
) -> Result<HashMap<&'static str, HashSet<i64>>> {
    let mut existing = HashMap::new();
    for (map, _) in legacy.tables() {
        let query = format!("SELECT id AS rowid FROM {}", map.table.name);
        let rows: Vec<AnyRow> = diesel::sql_query(query).load(connection)?;
        existing.insert(map.table.name, rows.into_iter().map(|row| row.rowid).collect());
    }
    Ok(existing)
}

/// Replaces the settings that describe the former database by the seeds' first values, which `refresh`
/// then updates. Returns their keys.
fn replace_settings(connection: &mut SqliteConnection) -> Result<HashSet<i64>> {
    let mut replaced = HashSet::new();
    let seeded = seeded_settings();
    for setting in seeded.iter().map(SeededSetting::new_row).filter(|row| row.is_readonly) {
        let key = literal(setting.key);
        let query = format!("SELECT id AS rowid FROM system_settings WHERE key = {key}");
        let rows: Vec<AnyRow> = diesel::sql_query(query).load(connection)?;
        replaced.extend(rows.into_iter().map(|row| row.rowid));
        connection.batch_execute(&format!(
            "UPDATE system_settings SET value = {}, value_type = {}, is_secret = 0, is_readonly = 1,
                 validation_rule = NULL WHERE key = {key}",
            literal(setting.value.unwrap_or_default()),
            literal(setting.value_type.as_str()),
        ))?;
    }
    Ok(replaced)
}

fn finish(
    mut connection: DbConnection,
    suspended: &[String],
    options: &SqliteOptions,
) -> Result<()> {
    let inner = connection.sqlite()?;
    inner.batch_execute("BEGIN")?;
    for definition in suspended {
        inner.batch_execute(definition)?;
    }
    overflow_values::drop_if_empty(inner)?;
    inner.batch_execute("COMMIT; PRAGMA locking_mode = NORMAL")?;
    if options.wal {
        inner.batch_execute("PRAGMA journal_mode = DELETE; PRAGMA journal_mode = WAL")?;
    }
    Ok(())
}

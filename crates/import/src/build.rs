//! The new database, built beside the old one: as fast as SQLite can, because until it has its name
//! nobody misses it.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use zenith_db::DbConnection;
use zenith_db::config::SqliteOptions;
use zenith_db::internal::catalog::{literal, names};
use zenith_db::internal::connection::{self, Access};
use zenith_db::internal::manager::SETTINGS;
use zenith_db::internal::manager::{refresh, seed};
use zenith_db::internal::migrations::{Target, run};
use zenith_db::manager::SeedReport;
use zenith_db::migrations::EmbeddedMigration;
use zenith_db::types::UtcTime;

use super::carry::{self, Cargo};
use super::cell::AnyRow;
use super::error::{AdoptionError, Result};
use super::grants;
use super::load::{self, ASIDE, Former, copy_table, settle};
use super::normalise::Knowledge;
use super::report::{BrokenRow, GrantReport};
use super::workshop::connection_path;

/// What was built, and all that is known of it.
pub(super) struct Built {
    pub(super) knowledge: Knowledge,
    /// The settings that the system keeps: what the former database says of itself is not true of
    /// the new one.
    pub(super) superseded: HashSet<i64>,
    pub(super) cargo: Cargo,
    pub(super) broken: Vec<BrokenRow>,
    pub(super) grants: GrantReport,
    pub(super) seeded: SeedReport,
}

/// Builds it at `target`, whole and closed.
pub(super) fn build(
    former: &Former<'_>,
    target: &Path,
    options: &SqliteOptions,
    migrations: &'static [EmbeddedMigration],
) -> Result<Built> {
    let path = connection_path(target)?;
    connection::sqlite::create_file(&path)?;
    let plain = SqliteOptions { wal: false, ..*options };
    let mut connection = connection::sqlite::open(&path, &plain, Access::Write)?;
    connection.sqlite()?.batch_execute(
        "PRAGMA foreign_keys = OFF; PRAGMA synchronous = OFF; PRAGMA journal_mode = MEMORY;
         PRAGMA secure_delete = OFF; PRAGMA locking_mode = EXCLUSIVE",
    )?;
    let cargo = carry::create(connection.sqlite()?, former, migrations)?;
    let finished = run(&mut connection, migrations, &Target::Latest, |_| Ok(()), |_| Ok(()));
    let finished = finished.map_err(|error| carry::explain(error, &cargo))?;
    finished.ensure_committed(&mut connection)?;
    let inner = connection.sqlite()?;
    let suspended = suspend(inner)?;
    load::create_aside(inner)?;
    let mut built = Built {
        knowledge: Knowledge {
            now: UtcTime::now(),
            kept: BTreeMap::new(),
            quarantined: BTreeMap::new(),
            orphans: HashSet::new(),
        },
        superseded: HashSet::new(),
        cargo,
        broken: Vec::new(),
        grants: GrantReport::default(),
        seeded: SeedReport::default(),
    };
    for table in former.tables() {
        copy_table(inner, former, table, &mut built.knowledge, &mut built.broken)?;
    }
    settle(inner, former, &mut built.knowledge)?;
    built.superseded = supersede(inner)?;
    carry::copy_rows(inner, former.copy, &built.cargo, &mut built.broken)?;
    (built.seeded, built.grants) = connection.write(|connection| {
        let seeded = seed(connection)?;
        let grants = grants::grant(connection.sqlite()?, former, &built.knowledge)?;
        let refreshed = refresh(connection)?;
        Ok::<_, AdoptionError>((SeedReport { refreshed, ..seeded }, grants))
    })?;
    finish(connection, &suspended, options)?;
    let file = std::fs::File::open(target).map_err(zenith_db::Error::io("open", target))?;
    file.sync_all().map_err(zenith_db::Error::io("write through", target))?;
    Ok(built)
}

/// Indexes that no rule needs, and the triggers that move `updated_at`, come back when all rows are
/// there. Returns their definitions.
fn suspend(connection: &mut SqliteConnection) -> Result<Vec<String>> {
    let which = "((type = 'index' AND sql NOT LIKE 'CREATE UNIQUE %')
                  OR (type = 'trigger' AND name LIKE '%\\_updated\\_at' ESCAPE '\\'))
                 AND tbl_name IN (SELECT value FROM json_each(";
    let known: Vec<&str> = super::tables::TABLES.iter().map(|table| table.name).collect();
    let known = literal(&serde_json::Value::from(known).to_string());
    let definitions = names(
        connection,
        &format!("SELECT sql AS name FROM sqlite_schema WHERE {which}{known}))"),
    )?;
    let drops = format!(
        "SELECT 'DROP ' || type || ' ' || name AS name FROM sqlite_schema WHERE {which}{known}))"
    );
    for drop in names(connection, &drops)? {
        connection.batch_execute(&drop)?;
    }
    Ok(definitions)
}

/// What the former database says of its own state is replaced by the seeds' first values, which
/// `refresh` then brings up to date.
fn supersede(connection: &mut SqliteConnection) -> Result<HashSet<i64>> {
    let mut superseded = HashSet::new();
    for setting in SETTINGS.iter().filter(|setting| setting.is_readonly) {
        let key = literal(setting.key);
        let query = format!("SELECT id AS rowid FROM system_settings WHERE key = {key}");
        let rows: Vec<AnyRow> = diesel::sql_query(query).load(connection)?;
        superseded.extend(rows.into_iter().map(|row| row.rowid));
        connection.batch_execute(&format!(
            "UPDATE system_settings SET value = {}, value_type = {}, is_secret = 0, is_readonly = 1,
                 validation_rule = NULL WHERE key = {key}",
            literal(setting.value.unwrap_or_default()),
            literal(setting.value_type.as_str()),
        ))?;
    }
    Ok(superseded)
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
    let kept: i64 = diesel::select(diesel::dsl::sql::<diesel::sql_types::BigInt>(&format!(
        "(SELECT count(*) FROM {ASIDE})"
    )))
    .get_result(inner)?;
    if kept == 0 {
        inner.batch_execute(&format!("DROP TABLE {ASIDE}"))?;
    }
    inner.batch_execute("COMMIT; PRAGMA locking_mode = NORMAL")?;
    if options.wal {
        inner.batch_execute("PRAGMA journal_mode = DELETE; PRAGMA journal_mode = WAL")?;
    }
    Ok(())
}

//! Schema of a database, for comparison with the schema that the migrations create.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

#[cfg(feature = "postgres")]
use crate::backend::Backend;
use crate::backend::DbConnection;
use crate::catalog;
use crate::error::Result;
#[cfg(feature = "postgres")]
use crate::migrations::Structure;
use crate::migrations::{KnownMigration, Migrations, fresh_in_memory};

/// Definitions of the tables, indexes or triggers by name.
type Definitions = BTreeMap<String, Definition>;

/// Definition of a table, index or trigger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Definition {
    /// Table that an index or trigger belongs to; the name of a table itself.
    table: String,
    /// Statement that creates the object, with white space normalised.
    sql: String,
}

/// Returns the structure that the migrations create on PostgreSQL.
#[cfg(feature = "postgres")]
pub(super) fn expected_on_postgres(migrations: Migrations) -> Result<Structure> {
    Structure::made_by(migrations.iter(), Backend::Postgres)
}

/// Schema that was computed last, with the migrations that create it: they are the same in most processes.
static COMPUTED: Mutex<Option<(Migrations, Arc<SchemaDefinitions>)>> = Mutex::new(None);

/// Tables, indexes and triggers of a database.
pub(super) struct SchemaDefinitions {
    pub(super) tables: Definitions,
    pub(super) indexes: Definitions,
    pub(super) triggers: Definitions,
}

impl SchemaDefinitions {
    /// Returns the schema that the migrations create, read from a database in memory.
    pub(super) fn expected(migrations: Migrations) -> Result<Arc<Self>> {
        let computed = || COMPUTED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, expected)) = computed().as_ref().filter(|(of, _)| *of == migrations) {
            return Ok(Arc::clone(expected));
        }
        let fresh = fresh_in_memory(migrations.iter().map(KnownMigration::embedded))?;
        let expected = Arc::new(Self::of(&mut DbConnection::Sqlite(fresh))?);
        *computed() = Some((migrations, Arc::clone(&expected)));
        Ok(expected)
    }

    /// Reads the schema of this database, without SQLite's and Diesel's internal tables.
    pub(super) fn of(connection: &mut DbConnection) -> Result<Self> {
        let mut objects = catalog::schema_objects(connection.sqlite()?)?;
        objects.retain(|object| !object.name.starts_with("__"));
        let mut found =
            Self { tables: BTreeMap::new(), indexes: BTreeMap::new(), triggers: BTreeMap::new() };
        for object in objects {
            let definitions = match object.kind.as_str() {
                "table" => &mut found.tables,
                "index" => &mut found.indexes,
                "trigger" => &mut found.triggers,
                _ => continue,
            };
            let sql = object.sql.split_whitespace().collect::<Vec<_>>().join(" ");
            definitions.insert(object.name, Definition { table: object.table, sql });
        }
        Ok(found)
    }

    /// Returns one line for each table that does not exist.
    pub(super) fn missing_tables(&self, found: &Self) -> Vec<String> {
        let missing = self.tables.keys().filter(|name| !found.tables.contains_key(*name));
        missing.map(|name| format!("table {name} is missing")).collect()
    }

    /// Returns one line for each existing table that differs, and each index of an existing table
    /// that is missing or differs.
    pub(super) fn differences(&self, found: &Self) -> Vec<String> {
        let mut faults = Vec::new();
        for (name, table) in &self.tables {
            if found.tables.get(name).is_some_and(|found| found != table) {
                faults.push(format!("table {name} differs from the migrations"));
            }
        }
        faults.extend(Self::faults_in("index", &self.indexes, &found.indexes, found));
        faults
    }

    /// Returns one line for each trigger of an existing table that is missing or differs.
    pub(super) fn trigger_differences(&self, found: &Self) -> Vec<String> {
        Self::faults_in("trigger", &self.triggers, &found.triggers, found)
    }

    fn faults_in(
        kind: &str,
        expected: &Definitions,
        existing: &Definitions,
        found: &Self,
    ) -> Vec<String> {
        // A missing table is reported once, without its indexes and triggers.
        let of_present_table =
            |definition: &Definition| found.tables.contains_key(&definition.table);
        let mut faults = Vec::new();
        for (name, definition) in expected.iter().filter(|(_, d)| of_present_table(d)) {
            let table = &definition.table;
            match existing.get(name) {
                None => faults.push(format!("{kind} {name} of {table} is missing")),
                Some(other) if other != definition => {
                    faults.push(format!("{kind} {name} of {table} differs from the migrations"));
                }
                Some(_) => {}
            }
        }
        faults
    }
}

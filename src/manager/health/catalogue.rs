//! The structure of a database, to compare with what the embedded migrations make.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use crate::backend::DbConnection;
use crate::catalog;
use crate::error::Result;
use crate::migrations::{self, Migrations};

/// Each object's definition by its name, white space normalised.
type Definitions = BTreeMap<String, Definition>;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Definition {
    /// The table that it belongs to.
    table: String,
    sql: String,
}

/// The tables, indexes and triggers of a database.
pub(super) struct Catalogue {
    pub(super) tables: Definitions,
    pub(super) indexes: Definitions,
    pub(super) triggers: Definitions,
}

impl Catalogue {
    /// What a fresh database has: the migrations are run in memory to see.
    ///
    /// That is done once for the embedded ones: they do not change.
    pub(super) fn expected(migrations: Migrations) -> Result<Arc<Self>> {
        static EXPECTED: OnceLock<Arc<Catalogue>> = OnceLock::new();
        let embedded = std::ptr::eq(migrations, migrations::all());
        if let (true, Some(expected)) = (embedded, EXPECTED.get()) {
            return Ok(Arc::clone(expected));
        }
        let fresh = migrations::fresh_in_memory(migrations.iter())?;
        let expected = Arc::new(Self::of(&mut DbConnection::Sqlite(fresh))?);
        Ok(if embedded { Arc::clone(EXPECTED.get_or_init(|| expected)) } else { expected })
    }

    /// What this database has, SQLite's and Diesel's own tables left out.
    pub(super) fn of(connection: &mut DbConnection) -> Result<Self> {
        let mut objects = catalog::schema_objects(connection.sqlite()?)?;
        objects.retain(|object| !object.name.starts_with("__"));
        let mut catalogue =
            Self { tables: BTreeMap::new(), indexes: BTreeMap::new(), triggers: BTreeMap::new() };
        for object in objects {
            let definitions = match object.kind.as_str() {
                "table" => &mut catalogue.tables,
                "index" => &mut catalogue.indexes,
                "trigger" => &mut catalogue.triggers,
                _ => continue,
            };
            let sql = object.sql.split_whitespace().collect::<Vec<_>>().join(" ");
            definitions.insert(object.name, Definition { table: object.table, sql });
        }
        Ok(catalogue)
    }

    pub(super) fn missing_tables(&self, found: &Self) -> Vec<String> {
        let missing = self.tables.keys().filter(|name| !found.tables.contains_key(*name));
        missing.map(|name| format!("table {name} is missing")).collect()
    }

    /// Tables that are there but differ, and their indexes that are missing or differ.
    pub(super) fn differences(&self, found: &Self) -> Vec<String> {
        let mut faults = Vec::new();
        for (name, table) in &self.tables {
            if found.tables.get(name).is_some_and(|found| found != table) {
                faults.push(format!("table {name} is not as the migrations define it"));
            }
        }
        faults.extend(Self::faults_in("index", &self.indexes, &found.indexes, found));
        faults
    }

    /// Triggers of existing tables that are missing or differ.
    pub(super) fn trigger_differences(&self, found: &Self) -> Vec<String> {
        Self::faults_in("trigger", &self.triggers, &found.triggers, found)
    }

    fn faults_in(
        kind: &str,
        expected: &Definitions,
        there: &Definitions,
        found: &Self,
    ) -> Vec<String> {
        // What belongs to a missing table is that table's fault, reported once.
        let of_present_table =
            |definition: &Definition| found.tables.contains_key(&definition.table);
        let mut faults = Vec::new();
        for (name, definition) in expected.iter().filter(|(_, d)| of_present_table(d)) {
            let table = &definition.table;
            match there.get(name) {
                None => faults.push(format!("{kind} {name} of {table} is missing")),
                Some(other) if other != definition => {
                    faults.push(format!(
                        "{kind} {name} of {table} is not as the migrations define it"
                    ));
                }
                Some(_) => {}
            }
        }
        faults
    }
}

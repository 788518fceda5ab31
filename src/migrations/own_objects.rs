//! Objects of an application on the library's tables, which stay when the library's migrations rebuild a table.

use std::collections::BTreeSet;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;

use super::ledger::Ledger;
use super::parsed_script::ParsedScript;
use super::statement::{Action, Words};
use super::structure::Structure;
use crate::backend::{Backend, DbConnection};
use crate::catalog::{quoted, schema_objects};
use crate::dispatch;
use crate::error::{Error, MigrationFault, Result};
use crate::types::MigrationOwner;

/// Index, trigger or view that no migration of the library has created.
#[derive(Clone, Debug, QueryableByName)]
pub(super) struct OwnObject {
    /// `index`, `trigger` or `view`.
    #[diesel(sql_type = Text)]
    pub(super) kind: String,
    #[diesel(sql_type = Text)]
    pub(super) name: String,
    /// Table of an index or a trigger; the name of a view itself.
    #[diesel(sql_type = Text)]
    pub(super) table: String,
    /// Statement that creates the object; of a view on PostgreSQL, its query, which does not.
    #[diesel(sql_type = Text)]
    pub(super) sql: String,
}

impl OwnObject {
    /// Returns the object in words, such as `trigger notes_touch of users`.
    pub(super) fn described(&self) -> String {
        match self.kind.as_str() {
            "view" => format!("view {}", self.name),
            kind => format!("{kind} {} of {}", self.name, self.table),
        }
    }

    /// Whether the object is on one of these tables, or names one.
    fn concerns(&self, tables: &BTreeSet<String>, backend: Backend) -> bool {
        let words = Words::of(&self.sql, backend);
        tables.iter().any(|table| self.table == *table || words.names(table))
    }

    /// Whether a message of SQLite is about this object, such as `error in view notes_of after rename: no such column: x`.
    fn is_named_by(&self, message: &str) -> bool {
        let rest = message.strip_prefix(&format!("error in {} {}", self.kind, self.name));
        rest.is_some_and(|rest| rest.starts_with([':', ' ']))
    }

    fn is_same(&self, other: &Self) -> bool {
        (&self.kind, &self.name) == (&other.kind, &other.name)
    }
}

/// Indexes, triggers and views of a PostgreSQL schema, without the indexes of constraints.
#[cfg(feature = "postgres")]
const POSTGRES: &str = "
    SELECT 'index' AS kind, i.relname::text AS name, t.relname::text AS \"table\",
        pg_get_indexdef(x.indexrelid) AS sql
    FROM pg_index AS x JOIN pg_class AS i ON i.oid = x.indexrelid JOIN pg_class AS t ON t.oid = x.indrelid
    WHERE t.relnamespace = pg_catalog.quote_ident(current_schema())::regnamespace
        AND NOT EXISTS (SELECT FROM pg_constraint AS c WHERE c.conindid = x.indexrelid AND c.contype <> 'f')
    UNION ALL
    SELECT 'trigger', t.tgname::text, c.relname::text, pg_get_triggerdef(t.oid)
    FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid
    WHERE NOT t.tgisinternal AND c.relnamespace = pg_catalog.quote_ident(current_schema())::regnamespace
    UNION ALL
    SELECT 'view', relname::text, relname::text, pg_get_viewdef(oid) FROM pg_class
    WHERE relkind IN ('v', 'm') AND relnamespace = pg_catalog.quote_ident(current_schema())::regnamespace";

/// Returns all indexes, triggers and views, on SQLite in the order in which they were created.
fn all(connection: &mut DbConnection) -> Result<Vec<OwnObject>> {
    match connection {
        DbConnection::Sqlite(inner) => {
            let objects = schema_objects(inner)?.into_iter();
            let objects = objects.filter(|o| matches!(&*o.kind, "index" | "trigger" | "view"));
            let found = objects.map(|o| OwnObject {
                kind: o.kind,
                name: o.name,
                table: o.table,
                sql: o.sql,
            });
            Ok(found.collect())
        }
        #[cfg(feature = "postgres")]
        DbConnection::Postgres(inner) => Ok(diesel::sql_query(POSTGRES).load(inner)?),
    }
}

/// Returns the triggers and views that no migration of the library has created, and such indexes of the library's
/// tables.
pub(super) fn own_objects(
    connection: &mut DbConnection,
    ledger: &Ledger,
) -> Result<Vec<OwnObject>> {
    let library = Structure::made_by(ledger.ran_of(MigrationOwner::Library), connection.backend())?;
    let tables = library.tables();
    let names: BTreeSet<String> = library.object_names().collect();
    let mut found = all(connection)?;
    found.retain(|object| {
        !names.contains(&object.name)
            && (object.kind != "index" || tables.contains(object.table.as_str()))
    });
    Ok(found)
}

/// Objects of the application while migrations of the library run that drop or rebuild tables.
pub(super) struct SetAside {
    objects: Vec<OwnObject>,
    /// Whether SQLite accepted every view and trigger before. Otherwise it is not asked again.
    were_valid: bool,
}

impl SetAside {
    /// Sets aside what is on the tables that these scripts of the library drop, rename or alter, or refers to them. On
    /// SQLite a rebuild drops a table's indexes and triggers, and fails if a view refers to it; on PostgreSQL indexes
    /// and triggers disappear with their table or column. What a script drops by name is its own concern.
    pub(super) fn take(
        connection: &mut DbConnection,
        ledger: &Ledger,
        scripts: &[ParsedScript],
    ) -> Result<Self> {
        let backend = connection.backend();
        let mut objects = Vec::new();
        if scripts.iter().any(ParsedScript::drops) {
            objects = own_objects(connection, ledger)?;
        }
        let statements = scripts.iter().flat_map(|script| &script.statements);
        let (mut changed, mut dropped) = (BTreeSet::new(), BTreeSet::new());
        for action in statements.flat_map(|statement| Action::all(&statement.words)) {
            match action {
                Action::Drop { kind, names } if kind == "TABLE" => changed.extend(names),
                Action::Drop { names, .. } => dropped.extend(names),
                Action::RenameTable { .. } | Action::Alter { .. } => {
                    changed.extend(action.tables());
                }
                _ => {}
            }
        }
        objects.retain(|object| !dropped.contains(&object.name));
        let objects = Self::of_tables(objects, changed, backend);
        let mut were_valid = false;
        if backend == Backend::Sqlite && !objects.is_empty() {
            were_valid = fault_of_views(connection)?.is_none();
            // Triggers first, because those of a view disappear with it.
            let is_trigger = |object: &&OwnObject| object.kind == "trigger";
            let (triggers, others): (Vec<_>, Vec<_>) = objects.iter().partition(is_trigger);
            for OwnObject { kind, name, .. } in triggers.into_iter().chain(others) {
                connection.batch_execute(&format!("DROP {kind} {}", quoted(name)))?;
            }
        }
        Ok(Self { objects, were_valid })
    }

    /// Returns the objects that are on these tables, or refer to one of them, directly or by a view.
    fn of_tables(
        objects: Vec<OwnObject>,
        mut tables: BTreeSet<String>,
        backend: Backend,
    ) -> Vec<OwnObject> {
        loop {
            let views = objects.iter().filter(|object| object.kind == "view");
            let more = views.filter(|view| view.concerns(&tables, backend));
            let more: Vec<_> = more.map(|view| view.name.clone()).collect();
            let before = tables.len();
            tables.extend(more);
            if tables.len() == before {
                break;
            }
        }
        objects.into_iter().filter(|object| object.concerns(&tables, backend)).collect()
    }

    /// Creates the objects again that do not exist.
    ///
    /// # Errors
    /// [`MigrationFault::NotRestored`] if one does not fit the tables any more.
    pub(super) fn restore(self, connection: &mut DbConnection) -> Result<()> {
        if self.objects.is_empty() {
            return Ok(());
        }
        let refused = |object: &OwnObject, reason: String| -> Error {
            MigrationFault::NotRestored { object: object.described(), reason }.into()
        };
        let there = all(connection)?;
        for object in &self.objects {
            if there.iter().any(|other| other.is_same(object)) {
                continue;
            }
            if object.kind == "view" && connection.backend() == Backend::Postgres {
                // Its rights would be lost, and what they keep others from.
                return Err(refused(object, "a migration drops it with what it reads".into()));
            }
            // One statement: SQLite reads no text that follows it in a file.
            let created =
                dispatch!(&mut *connection, |c| diesel::sql_query(&object.sql).execute(c));
            created.map_err(|cause| refused(object, cause.to_string()))?;
        }
        if !self.were_valid {
            return Ok(());
        }
        let Some(reason) = fault_of_views(connection)? else { return Ok(()) };
        match self.objects.iter().find(|object| object.is_named_by(&reason)) {
            Some(object) => Err(refused(object, reason)),
            None => Ok(()),
        }
    }
}

/// Returns SQLite's message about the first view or trigger that refers to something which does not exist. SQLite
/// reads them all when a table is renamed, and not when they are created.
fn fault_of_views(connection: &mut DbConnection) -> Result<Option<String>> {
    const RENAME: &str = "CREATE TABLE zenith_probe (id INTEGER);
        ALTER TABLE zenith_probe RENAME TO zenith_probe_renamed";
    connection.batch_execute("SAVEPOINT zenith_probe")?;
    let renamed = connection.batch_execute(RENAME);
    connection.batch_execute("ROLLBACK TO zenith_probe; RELEASE zenith_probe")?;
    Ok(renamed.err().map(|cause| cause.to_string()))
}

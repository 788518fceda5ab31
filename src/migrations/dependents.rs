//! Refusal of migrations of the library that would drop what an application refers to.

use std::collections::BTreeSet;

use diesel::prelude::*;
use diesel::sql_types::Text;

use super::known::KnownMigration;
use super::ledger::Ledger;
use super::own_objects::{OwnObject, own_objects};
use super::parsed_script::ParsedScript;
use super::statement::{Action, Words};
use super::structure::Structure;
use super::target::ScriptsToRun;
use crate::backend::{Backend, DbConnection};
use crate::dispatch;
use crate::error::{MigrationFault, Result};
use crate::types::MigrationOwner;

/// Table, or column of a table that stays.
type Part = (String, Option<String>);

/// Tables and columns of the library that a run drops.
struct Dropped {
    /// Those that do not exist at some moment of the run.
    meanwhile: BTreeSet<Part>,
    /// Those that do not exist after it.
    for_good: BTreeSet<Part>,
}

impl Dropped {
    fn by(ledger: &Ledger, scripts: &ScriptsToRun, backend: Backend) -> Result<Self> {
        let of_library = |scripts: &[ParsedScript]| -> Vec<KnownMigration> {
            scripts.iter().map(|script| script.migration).filter(|m| !m.is_own()).collect()
        };
        let (reverting, applying) = (of_library(&scripts.reverting), of_library(&scripts.applying));
        let ran: Vec<_> = ledger.ran_of(MigrationOwner::Library).collect();
        let kept: Vec<_> = ran.iter().copied().filter(|m| !reverting.contains(m)).collect();
        let at_last = kept.iter().chain(&applying).copied();
        let before = Structure::made_by(ran.iter().copied(), backend)?;
        let between = Structure::made_by(kept.iter().copied(), backend)?;
        // If a script fails, the run itself says so.
        let after = Structure::made_by(at_last, backend).unwrap_or_else(|_| between.clone());
        let mut meanwhile = parts_gone(&before, &between);
        meanwhile.extend(parts_gone(&between, &after));
        Ok(Self { meanwhile, for_good: parts_gone(&before, &after) })
    }
}

/// Returns the tables of one structure that the other lacks, and such columns of the tables that both have.
fn parts_gone(before: &Structure, after: &Structure) -> BTreeSet<Part> {
    let (tables, left) = (before.tables(), after.tables());
    let table_gone = |table: &&&str| !left.contains(**table);
    let tables = tables.iter().filter(table_gone).map(|table| ((*table).to_owned(), None));
    let (columns, others) = (before.column_names(), after.column_names());
    let columns = columns.iter().filter(|part| left.contains(part.0) && !others.contains(part));
    let columns = columns.map(|(table, column)| ((*table).to_owned(), Some((*column).to_owned())));
    tables.chain(columns).collect()
}

/// Foreign key of a table to another.
#[derive(QueryableByName)]
struct Reference {
    #[diesel(sql_type = Text)]
    child: String,
    #[diesel(sql_type = Text)]
    parent: String,
}

const SQLITE: &str = "SELECT DISTINCT t.name AS child, f.\"table\" AS parent
    FROM sqlite_schema AS t, temp.pragma_foreign_key_list(t.name) AS f WHERE t.type = 'table'";
const POSTGRES: &str = "SELECT DISTINCT t.relname::text AS child, p.relname::text AS parent
    FROM pg_constraint AS f JOIN pg_class AS t ON t.oid = f.conrelid JOIN pg_class AS p ON p.oid = f.confrelid
    WHERE f.contype = 'f' AND p.relnamespace = pg_catalog.quote_ident(current_schema())::regnamespace";

/// Refuses to run scripts of the library that drop a table or a column on which objects of the application depend,
/// unless scripts of the application drop those first. An index, a trigger or a view of something that the same run
/// creates again is no reason to refuse where it can be created again too.
///
/// # Errors
/// [`MigrationFault::Dependents`], which names them.
pub(super) fn ensure_none(
    connection: &mut DbConnection,
    ledger: &Ledger,
    scripts: &ScriptsToRun,
) -> Result<()> {
    let backend = connection.backend();
    if !scripts.iter().any(ParsedScript::drops) {
        return Ok(());
    }
    let dropped = Dropped::by(ledger, scripts, backend)?;
    if dropped.meanwhile.is_empty() {
        return Ok(());
    }
    let is_gone = dropped_by_application(scripts);
    let library = Structure::made_by(ledger.ran_of(MigrationOwner::Library), backend)?;
    let mut found = BTreeSet::new();
    let mut parts = BTreeSet::new();
    let query = if backend == Backend::Sqlite { SQLITE } else { POSTGRES };
    let references: Vec<Reference> =
        dispatch!(&mut *connection, |c| diesel::sql_query(query).load(c))?;
    for Reference { child, parent } in references {
        let part = (parent, None);
        let stays = !library.tables().contains(child.as_str()) && !is_gone.contains(&child);
        if stays && dropped.meanwhile.contains(&part) {
            found.insert(format!("the references of table {child} to {}", part.0));
            parts.insert(part);
        }
    }
    for object in own_objects(connection, ledger)? {
        if is_gone.contains(&object.name) || is_gone.contains(&object.table) {
            continue;
        }
        // PostgreSQL drops no table of which there is a view.
        let lost = match (backend, object.kind.as_str()) {
            (Backend::Postgres, "view") => &dropped.meanwhile,
            _ => &dropped.for_good,
        };
        if let Some(part) = lost.iter().find(|part| depends(&object, part, backend)) {
            found.insert(object.described());
            parts.insert(part.clone());
        }
    }
    if found.is_empty() {
        return Ok(());
    }
    let part = |(table, column): Part| match column {
        None => format!("table {table}"),
        Some(column) => format!("column {table}.{column}"),
    };
    let dropped = parts.into_iter().map(part).collect::<Vec<_>>().join(", ");
    Err(MigrationFault::Dependents { dropped, dependents: Vec::from_iter(found).join(", ") }.into())
}

/// Returns the names of what the application's scripts that revert drop.
fn dropped_by_application(scripts: &ScriptsToRun) -> BTreeSet<String> {
    let own = scripts.reverting.iter().filter(|script| script.migration.is_own());
    let actions = own.flat_map(|script| &script.statements).flat_map(|s| Action::all(&s.words));
    let names = actions.filter_map(|action| match action {
        Action::Drop { names, .. } => Some(names),
        _ => None,
    });
    names.flatten().collect()
}

/// Whether an object is on this table, or names it, and names the column if the part is one.
fn depends(object: &OwnObject, (table, column): &Part, backend: Backend) -> bool {
    // A view in the place of the table.
    if object.name == *table {
        return false;
    }
    let words = Words::of(&object.sql, backend);
    let of_table = object.table == *table || words.names(table);
    of_table && column.as_ref().is_none_or(|column| words.names(column))
}

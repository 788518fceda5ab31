//! Dropping everything in a database, before its schema is created again.

#[cfg(feature = "postgres")]
mod postgres;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;

use super::ledger::Ledger;
#[cfg(feature = "postgres")]
use super::schema_objects::ServerObject;
use crate::backend::DbConnection;
use crate::catalog::UnreadableTable;
use crate::error::{Error, Result};

#[derive(QueryableByName)]
struct DropStatement {
    /// Name of the table, view or trigger.
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    statement: String,
}

/// What a database contains, all of which may be dropped.
pub(super) enum Droppable {
    /// Every table, view and trigger of an SQLite file, which is not shared.
    FileContents,
    /// What migrations of the program have created in the schema of a server, which may be shared.
    #[cfg(feature = "postgres")]
    Objects(Vec<ServerObject>),
}

impl Droppable {
    /// Looks what is in the database.
    ///
    /// # Errors
    /// [`Error::Refused`] if something is in a server's schema that no migration of the program has created.
    #[cfg_attr(
        not(feature = "postgres"),
        expect(unused_variables, clippy::unnecessary_wraps, reason = "a file is not shared")
    )]
    pub(super) fn find(connection: &mut DbConnection, ledger: &Ledger) -> Result<Self> {
        #[cfg(feature = "postgres")]
        if matches!(connection, DbConnection::Postgres(_)) {
            return Ok(Self::Objects(postgres::ours(connection, ledger)?));
        }
        Ok(Self::FileContents)
    }

    /// Drops it. What somebody has created in a server's schema since stays.
    ///
    /// # Errors
    /// [`Error::Query`] if something else depends on a part of it.
    pub(super) fn drop_all(self, connection: &mut DbConnection) -> Result<()> {
        match self {
            Self::FileContents => drop_file_contents(connection),
            #[cfg(feature = "postgres")]
            Self::Objects(objects) => postgres::drop_all(connection, &objects),
        }
    }
}

/// Returns an error if a database has what may not be dropped.
///
/// # Errors
/// Those of [`Droppable::find`].
pub(crate) fn ensure_droppable(connection: &mut DbConnection, ledger: &Ledger) -> Result<()> {
    Droppable::find(connection, ledger).map(drop)
}

fn drop_file_contents(connection: &mut DbConnection) -> Result<()> {
    // Views and triggers first: they may refer to tables.
    let query = r#"SELECT 'DROP ' || type || ' IF EXISTS "' || replace(name, '"', '""') || '"' AS statement, name
        FROM sqlite_schema
        WHERE type IN ('view', 'trigger', 'table') AND name NOT LIKE 'sqlite\_%' ESCAPE '\'
        ORDER BY CASE type WHEN 'trigger' THEN 0 WHEN 'view' THEN 1 ELSE 2 END, rootpage <> 0"#;
    let objects: Vec<DropStatement> = diesel::sql_query(query).load(connection.sqlite()?)?;
    for object in objects {
        if let Err(error) = connection.batch_execute(&object.statement) {
            forget_virtual_table(connection, &object.name, error.into())?;
        }
    }
    Ok(())
}

/// Removes a virtual table of SQLite from the schema if its module keeps it from being dropped: the
/// program does not have the module, or the module refuses its own data. The tables with that data are
/// dropped like all others.
fn forget_virtual_table(connection: &mut DbConnection, name: &str, error: Error) -> Result<()> {
    UnreadableTable::of(connection, name, error)?;
    let forget = "DELETE FROM sqlite_schema WHERE type = 'table' AND rootpage = 0 AND name = ?";
    connection.batch_execute("PRAGMA writable_schema = ON")?;
    let forgotten = diesel::sql_query(forget).bind::<Text, _>(name).execute(connection.sqlite()?);
    // SQLite reads the schema anew.
    connection.batch_execute("PRAGMA writable_schema = RESET")?;
    forgotten?;
    Ok(())
}

//! Creating and dropping databases on a server.

use diesel::PgConnection;
use diesel::connection::SimpleConnection;

use super::connect;
use crate::backend::DbConnection;
use crate::config::{ServerOptions, ServerUrl};
use crate::error::{Error, Result};

/// Whether the database exists: only the server's answer that it does not counts as no.
pub(in crate::connection) fn exists(url: &ServerUrl, options: &ServerOptions) -> Result<bool> {
    match connect(url, options) {
        Ok(_) => Ok(true),
        Err(Error::NoDatabase { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Creates the database, if the user may. Returns `false` if it already exists.
pub(in crate::connection) fn create(url: &ServerUrl, options: &ServerOptions) -> Result<bool> {
    if exists(url, options)? {
        return Ok(false);
    }
    let name = url.database().unwrap_or_default();
    match maintenance(url, options)?.batch_execute(&creation(&name)) {
        // Another process was faster.
        Err(_) if exists(url, options)? => Ok(false),
        done => Ok(done.map(|()| true)?),
    }
}

/// Returns the statement that creates a database with the server's defaults.
pub(super) fn creation(name: &str) -> String {
    format!("CREATE DATABASE {} ENCODING 'UTF8' TEMPLATE template0", quoted(name))
}

/// Drops a database that this process has created, if `is_unused` agrees. Returns whether it was
/// dropped. The server refuses if others are connected.
pub(in crate::connection) fn remove_created<E: From<Error>>(
    url: &ServerUrl,
    options: &ServerOptions,
    is_unused: impl FnOnce(&mut DbConnection) -> Result<bool, E>,
) -> Result<bool, E> {
    let mut connection = DbConnection::Postgres(connect(url, options)?);
    if !is_unused(&mut connection)? {
        return Ok(false);
    }
    drop(connection);
    // Only a name that the URL gives can be missing: the default one is the user's, and said so.
    let drop = format!("DROP DATABASE {}", quoted(&url.database().unwrap_or_default()));
    maintenance(url, options)?.batch_execute(&drop).map_err(Error::from)?;
    Ok(true)
}

/// Returns the name of a database in double quotes.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A connection to a database that every server has, other than the one that is meant.
pub(super) fn maintenance(url: &ServerUrl, options: &ServerOptions) -> Result<PgConnection> {
    let is_default = url.database().as_deref() == Some("postgres");
    connect(&url.at(if is_default { "template1" } else { "postgres" }), options)
}

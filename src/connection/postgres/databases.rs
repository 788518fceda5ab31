//! Creating and dropping databases on a server.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;

use super::connect::{connect, connect_to_catalog, maintenance_url};
use super::contents::is_bare;
use super::name::name_of;
use super::quoted::quoted;
use super::statement::run;
use super::{Server, schema};
use crate::backend::DbConnection;
use crate::config::{ServerOptions, ServerUrl};
use crate::error::{Error, Result};

/// Returns a connection to the database; `None` if it does not exist: only the server's answer that it does not counts.
fn connect_if_exists(url: &ServerUrl, options: &ServerOptions) -> Result<Option<PgConnection>> {
    match connect_to_catalog(url, options) {
        Ok(connection) => Ok(Some(connection)),
        Err(Error::NoDatabase { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether the database exists, and the configured schema in it.
pub(in crate::connection) fn exists(url: &ServerUrl, options: &ServerOptions) -> Result<bool> {
    match (connect_if_exists(url, options)?, &options.schema) {
        (None, _) => Ok(false),
        (Some(_), None) => Ok(true),
        (Some(mut connection), Some(schema)) => schema::exists(&mut connection, schema),
    }
}

/// Creates the database, if the user may, and in it the configured schema. Returns `false` if the database already
/// exists.
pub(in crate::connection) fn create(url: &ServerUrl, options: &ServerOptions) -> Result<bool> {
    let existing = connect_if_exists(url, options)?;
    let created = existing.is_none() && create_database(url, options)?;
    if let Some(schema) = &options.schema {
        let mut connection = existing.map_or_else(|| connect_to_catalog(url, options), Ok)?;
        // `IF NOT EXISTS` needs the right to create one even if it exists.
        if !schema::exists(&mut connection, schema)? {
            Server::ask(&mut connection)?.ensure_writable(url)?;
            run(&mut connection, &format!("CREATE SCHEMA IF NOT EXISTS {}", quoted(schema)))?;
        }
    }
    Ok(created)
}

/// Creates the database. Returns `false` if another process was faster.
fn create_database(url: &ServerUrl, options: &ServerOptions) -> Result<bool> {
    let name = name_of(url)?;
    match run(&mut maintenance(url, options)?, &creation(&name)) {
        Err(_) if connect_if_exists(url, options)?.is_some() => Ok(false),
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
    let mut connection = connect(url, options)?;
    let schema = schema::resolve(&mut connection, url, options)?;
    if options.transaction_pooler {
        schema::ensure_settled(&mut connection, url, &schema)?;
    } else {
        connection.batch_execute(&schema::pin("SET", &schema)).map_err(Error::from)?;
    }
    let mut connection = DbConnection::Postgres(connection);
    if !is_unused(&mut connection)? {
        return Ok(false);
    }
    drop(connection);
    // Only a name that the URL gives can be missing: the default one is the user's, and said so.
    let drop = format!("DROP DATABASE {}", quoted(&name_of(url)?));
    run(&mut maintenance(url, options)?, &drop).map_err(Error::from)?;
    Ok(true)
}

/// Drops the database at `url` if nobody has made anything in it but schemas. Returns whether it was dropped. The server
/// refuses if others are connected.
pub(crate) fn drop_if_bare(url: &ServerUrl, options: &ServerOptions) -> Result<bool> {
    if !is_bare(&mut connect_to_catalog(url, options)?)? {
        return Ok(false);
    }
    let drop = format!("DROP DATABASE {}", quoted(&name_of(url)?));
    run(&mut maintenance(url, options)?, &drop)?;
    Ok(true)
}

/// Returns a connection to a database that every server has, other than the one that is meant, to create, rename or drop
/// that one.
///
/// # Errors
/// [`Error::ReadOnly`] if the server is a replica, or the user only reads by default.
pub(super) fn maintenance(url: &ServerUrl, options: &ServerOptions) -> Result<PgConnection> {
    let mut connection = connect_to_catalog(&maintenance_url(url), options)?;
    Server::ask(&mut connection)?.ensure_writable(url)?;
    Ok(connection)
}

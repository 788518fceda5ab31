//! Creating and dropping databases on a server.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::Bool;

use super::connect::{connect, connect_to_catalog, maintenance_url};
use super::name::name_of;
use super::quoted::quoted;
use super::schema;
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
            connection.batch_execute(&format!("CREATE SCHEMA IF NOT EXISTS {}", quoted(schema)))?;
        }
    }
    Ok(created)
}

/// Creates the database. Returns `false` if another process was faster.
fn create_database(url: &ServerUrl, options: &ServerOptions) -> Result<bool> {
    let name = name_of(url)?;
    match maintenance(url, options)?.batch_execute(&creation(&name)) {
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
    maintenance(url, options)?.batch_execute(&drop).map_err(Error::from)?;
    Ok(true)
}

/// Whether a database has nothing that a new one has not, in any schema: the server gives its own objects ids below.
const BARE: &str = "
    NOT EXISTS (SELECT FROM pg_class WHERE oid >= 16384)
        AND NOT EXISTS (SELECT FROM pg_proc WHERE oid >= 16384)
        AND NOT EXISTS (SELECT FROM pg_type WHERE oid >= 16384)
        AND NOT EXISTS (SELECT FROM pg_collation WHERE oid >= 16384)
        AND NOT EXISTS (SELECT FROM pg_extension WHERE oid >= 16384)
        AND NOT EXISTS (SELECT FROM pg_event_trigger) AND NOT EXISTS (SELECT FROM pg_publication)
        AND NOT EXISTS (SELECT FROM pg_foreign_data_wrapper) AND NOT EXISTS (SELECT FROM pg_largeobject_metadata)";

/// Drops the database at `url` if nobody has made anything in it but schemas. Returns whether it was dropped. The server
/// refuses if others are connected.
pub(crate) fn drop_if_bare(url: &ServerUrl, options: &ServerOptions) -> Result<bool> {
    let bare = diesel::dsl::sql::<Bool>(BARE);
    if !diesel::select(bare).get_result(&mut connect_to_catalog(url, options)?)? {
        return Ok(false);
    }
    let drop = format!("DROP DATABASE {}", quoted(&name_of(url)?));
    maintenance(url, options)?.batch_execute(&drop)?;
    Ok(true)
}

/// A connection to a database that every server has, other than the one that is meant.
pub(super) fn maintenance(url: &ServerUrl, options: &ServerOptions) -> Result<PgConnection> {
    connect_to_catalog(&maintenance_url(url), options)
}

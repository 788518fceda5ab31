//! Connecting to a server, and why that fails.

use diesel::connection::{CacheSize, SimpleConnection};
use diesel::prelude::*;
use diesel::{ConnectionError, PgConnection};

use super::trust::CATALOG_ONLY;
use crate::config::{ServerOptions, ServerUrl};
use crate::error::{ConnectFault, Error, Result};

/// Returns a connection without any settings.
pub(super) fn connect(url: &ServerUrl, options: &ServerOptions) -> Result<PgConnection> {
    // libpq takes whole seconds, and 1 as 2.
    let seconds = options.connect_timeout.as_millis().div_ceil(1000).max(2);
    let full = url
        .or_with("application_name", "zenith-db")
        .or_with("connect_timeout", &seconds.to_string());
    let mut connection = PgConnection::establish(full.expose()).map_err(|source| {
        let source = without_secrets(source);
        match ConnectFault::of(&source) {
            ConnectFault::NoDatabase => Error::NoDatabase { database: url.to_string() },
            fault => Error::Connect { server: url.to_string(), fault, source },
        }
    })?;
    if options.transaction_pooler {
        connection.set_prepared_statement_cache_size(CacheSize::Disabled);
    }
    Ok(connection)
}

/// Returns a connection that looks names up in `pg_catalog` only, for statements about databases and schemas. Behind a
/// transaction pooler nothing can be set.
pub(super) fn connect_to_catalog(url: &ServerUrl, options: &ServerOptions) -> Result<PgConnection> {
    let mut connection = connect(url, options)?;
    if !options.transaction_pooler {
        connection.batch_execute(&format!("SET {CATALOG_ONLY}"))?;
    }
    Ok(connection)
}

/// Masks the parts of a URL that libpq quotes when it cannot parse the URL: the password may be
/// among them. Once libpq has parsed a URL, its messages begin differently.
fn without_secrets(error: ConnectionError) -> ConnectionError {
    let ConnectionError::BadConnection(text) = error else { return error };
    if ["connection to server", "could not translate"].iter().any(|words| text.starts_with(words)) {
        return ConnectionError::BadConnection(text);
    }
    let parts = text.split('"').enumerate();
    let plain = parts.map(|(at, part)| if at % 2 == 0 { part } else { "***" });
    ConnectionError::BadConnection(plain.collect::<Vec<_>>().join("\""))
}

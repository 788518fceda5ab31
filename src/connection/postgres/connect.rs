//! Connecting to a server, and why that fails.

use diesel::connection::{CacheSize, SimpleConnection};
use diesel::prelude::*;
use diesel::{ConnectionError, PgConnection};

use super::limits::{limits_transactions, operator_limits};
use super::trust::CATALOG_ONLY;
use crate::config::{ServerOptions, ServerUrl};
use crate::error::{ConnectFault, Error, Result};

/// Returns a connection without any settings.
///
/// libpq goes on to the next host of a URL if one does not answer or is not as `target_session_attrs` wants it, but not if
/// one has no such database, as a replica that has not received its creation yet.
///
/// # Errors
/// [`Error::NoDatabase`] if no host has the database, or none that is as the URL wants it; [`Error::Connect`]
pub(super) fn connect(url: &ServerUrl, options: &ServerOptions) -> Result<PgConnection> {
    match establish(url, options) {
        Err(error @ Error::NoDatabase { .. }) => {
            let hosts = url.each_host();
            if hosts.is_empty() {
                return Err(error);
            }
            first_of(hosts, url, options)?.1.ok_or(error)
        }
        connected => connected,
    }
}

/// Returns the URL with only one of its hosts: the one that has the database, or can create it. What is asked about a new
/// database, or given to a program, is then about the same server.
///
/// # Errors
/// Those of [`connect`].
pub(crate) fn with_one_host(url: &ServerUrl, options: &ServerOptions) -> Result<ServerUrl> {
    match url.each_host() {
        hosts if hosts.is_empty() => Ok(url.clone()),
        hosts => Ok(first_of(hosts, url, options)?.0),
    }
}

/// Returns the first of the hosts that has the database, with a connection; otherwise the first that is as the URL wants it.
/// If the URL prefers replicas, each host may be one before any may be a primary, as libpq tries them.
fn first_of(
    hosts: Vec<ServerUrl>,
    url: &ServerUrl,
    options: &ServerOptions,
) -> Result<(ServerUrl, Option<PgConnection>)> {
    if url.prefers_standby()
        && let Some((host, connection)) = hosts.iter().find_map(|host| {
            let host = host.with("target_session_attrs", "standby");
            Some((host.clone(), establish(&host, options).ok()?))
        })
    {
        return Ok((host, Some(connection)));
    }
    let (mut without, mut fault) = (None, None);
    for host in hosts {
        match establish(&host, options) {
            Ok(connection) => return Ok((host, Some(connection))),
            // A server that lacks the database does not say whether it is as the URL wants it.
            Err(Error::NoDatabase { .. }) if without.is_none() => {
                let is_wanted = establish(&maintenance_url(&host), options).is_ok();
                without = is_wanted.then_some(host);
            }
            Err(Error::NoDatabase { .. }) => {}
            Err(error) => fault = fault.or(Some(error)),
        }
    }
    match (without, fault) {
        (Some(host), _) => Ok((host, None)),
        // It may be there.
        (None, Some(fault)) => Err(fault),
        (None, None) => Err(Error::NoDatabase { database: url.to_string() }),
    }
}

/// Returns the URL of a database that every server has, other than the one that is meant.
pub(super) fn maintenance_url(url: &ServerUrl) -> ServerUrl {
    let is_default = url.database().as_deref() == Some("postgres");
    url.at(if is_default { "template1" } else { "postgres" })
}

fn establish(url: &ServerUrl, options: &ServerOptions) -> Result<PgConnection> {
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

/// Returns a connection that looks names up in `pg_catalog` only, for statements about databases and schemas, with the
/// limits of an operator's work: it may have a lock for hours. Behind a transaction pooler nothing can be set.
pub(super) fn connect_to_catalog(url: &ServerUrl, options: &ServerOptions) -> Result<PgConnection> {
    let mut connection = connect(url, options)?;
    if !options.transaction_pooler {
        let limits = operator_limits("SET", options, limits_transactions(&mut connection)?);
        connection.batch_execute(&format!("SET {CATALOG_ONLY}; {limits}"))?;
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

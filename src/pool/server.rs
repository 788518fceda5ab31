//! Work on a connection to a server that a file does not need.

use super::connector::{ConnectionRole, Connector, Slot};
use super::replica::Replica;
use crate::backend::DbConnection;
use crate::config::{Config, ServerUrl};
use crate::connection::{self, Identity, Writer};
use crate::error::{Error, Result};

/// Returns the first connection, and the configuration of all others: they use the schema that it has found.
pub(super) fn connect(config: &Config) -> Result<(Config, DbConnection)> {
    let mut first = Connector::open(config, &ConnectionRole::Primary)?;
    let schema = connection::schema_of(first.postgres()?, config)?;
    Ok((config.clone().in_schema(schema), first))
}

/// Returns the pool of connections to the replica, if one is configured: `limit` of them.
pub(super) fn replica(
    config: &Config,
    url: &ServerUrl,
    primary: &mut DbConnection,
    limit: u32,
) -> Result<Option<Replica>> {
    if limit == 0 {
        return Ok(None);
    }
    let primary = Identity::of(primary, url, config.server())?;
    Ok(Some(Replica::new(config, limit, primary)))
}

/// Runs `work` on a connection that cannot write.
pub(super) fn read<T, E>(
    config: &Config,
    slot: &mut Slot,
    work: impl FnOnce(&mut DbConnection) -> Result<T, E>,
) -> Result<T, E>
where
    E: From<Error>,
{
    closing_if_lost(slot, |connection| {
        if !config.server().transaction_pooler {
            return work(connection);
        }
        connection.read_on_pooled(|connection| {
            connection::limit_transaction(connection, config)?;
            work(connection)
        })
    })
}

/// Runs `work` in a transaction that writes.
pub(super) fn write<T, E>(
    config: &Config,
    slot: &mut Slot,
    work: impl FnOnce(&mut Writer<'_>) -> Result<T, E>,
) -> Result<T, E>
where
    E: From<Error>,
{
    closing_if_lost(slot, |connection| {
        connection.write_on_pooled(|connection| {
            if config.server().transaction_pooler {
                connection::limit_transaction(connection, config)?;
            }
            work(connection)
        })
    })
}

fn closing_if_lost<T, E>(
    slot: &mut Slot,
    work: impl FnOnce(&mut DbConnection) -> Result<T, E>,
) -> Result<T, E>
where
    E: From<Error>,
{
    let result = work(slot.get()?);
    if result.is_err() {
        slot.close_if_lost();
    }
    result
}

//! Which tables of which server a connection reads.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Text};

use super::quoted::quoted;
use super::schema;
use crate::backend::DbConnection;
use crate::config::{ServerOptions, ServerUrl};
use crate::error::{Error, Result};

/// The server, the database and the schema whose tables a connection reads: a replica has those of its primary.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    of_server: OfServer,
    schema: String,
}

#[derive(Clone, Debug, QueryableByName)]
struct OfServer {
    /// A replica has that of its primary.
    #[diesel(sql_type = BigInt)]
    system: i64,
    #[diesel(sql_type = Text)]
    database: String,
    /// Start of the server, in microseconds, which no two have in common.
    #[diesel(sql_type = BigInt)]
    started: i64,
    #[diesel(sql_type = Bool)]
    is_replica: bool,
}

impl Identity {
    /// # Errors
    /// [`Error::Query`], or that of finding the schema.
    pub(crate) fn of(
        connection: &mut DbConnection,
        url: &ServerUrl,
        options: &ServerOptions,
    ) -> Result<Self> {
        let connection = connection.postgres()?;
        let schema = schema::resolve(connection, url, options)?;
        let query = "SELECT system_identifier AS system, pg_catalog.current_database()::text AS database,
                (extract(epoch FROM pg_catalog.pg_postmaster_start_time()) * 1000000)::int8 AS started,
                pg_catalog.pg_is_in_recovery() AS is_replica
            FROM pg_catalog.pg_control_system()";
        Ok(Self { of_server: diesel::sql_query(query).get_result(connection)?, schema })
    }

    /// Returns an error if this is not a replica of `primary`, or once was one: reads would return rows of another
    /// database.
    ///
    /// # Errors
    /// [`Error::Refused`]
    pub(crate) fn ensure_replica_of(&self, primary: &Self, url: &ServerUrl) -> Result<()> {
        let shown = |identity: &Self| {
            let (database, schema) =
                (quoted(&identity.of_server.database), quoted(&identity.schema));
            format!("the schema {schema} of the database {database}")
        };
        let reason = if self.of_server.system != primary.of_server.system {
            "it is not a replica of this server; correct DATABASE_REPLICA_URL".to_owned()
        } else if self.of_server.database != primary.of_server.database
            || self.schema != primary.schema
        {
            format!(
                "reads would see {}, and writes go to {}; correct DATABASE_REPLICA_URL",
                shown(self),
                shown(primary)
            )
        } else {
            return Ok(());
        };
        Err(Error::Refused { database: url.to_string(), reason })
    }

    /// Returns why reads from this server are none from a replica, if they are not.
    pub(crate) fn no_replica(&self, primary: &Self) -> Option<&'static str> {
        if self.of_server.is_replica {
            None
        } else if self.of_server.started == primary.of_server.started {
            Some("it is the primary itself")
        } else {
            Some(
                "it is another primary, such as a replica that was promoted, and does not get what is written",
            )
        }
    }
}

//! Session of a connection, which on a server may outlive the connection and keep the migration lock.

#[cfg(feature = "postgres")]
use std::time::Duration;

#[cfg(feature = "postgres")]
use diesel::prelude::*;
#[cfg(feature = "postgres")]
use diesel::sql_types::{Bool, Integer, Nullable, Text};

#[cfg(feature = "postgres")]
use super::advisory_lock;
use crate::backend::DbConnection;
#[cfg(feature = "postgres")]
use crate::dispatch;
use crate::error::Result;

/// Session of a connection. A connection to a file has none.
pub(crate) struct Session {
    #[cfg(feature = "postgres")]
    on_server: Option<ServerSession>,
}

#[cfg_attr(
    not(feature = "postgres"),
    expect(
        clippy::unnecessary_wraps,
        clippy::unused_self,
        unused_variables,
        reason = "a file has none"
    )
)]
impl Session {
    /// Reads the session of a connection.
    pub(crate) fn of(connection: &mut DbConnection) -> Result<Self> {
        Ok(Self {
            #[cfg(feature = "postgres")]
            on_server: match connection {
                DbConnection::Sqlite(_) => None,
                DbConnection::Postgres(_) => Some(ServerSession::of(connection)?),
            },
        })
    }

    /// Ends the session over another connection, if it still has the migration lock.
    pub(crate) fn end(&self, another: &mut DbConnection) -> Result<()> {
        #[cfg(feature = "postgres")]
        if let Some(session) = &self.on_server {
            session.end(another)?;
        }
        Ok(())
    }
}

/// Session on a server, identified by its process and the time at which that started.
#[cfg(feature = "postgres")]
#[derive(QueryableByName)]
struct ServerSession {
    #[diesel(sql_type = Integer)]
    pid: i32,
    #[diesel(sql_type = Nullable<Text>)]
    begun: Option<String>,
}

#[cfg(feature = "postgres")]
#[derive(QueryableByName)]
struct Terminated {
    #[diesel(sql_type = Bool)]
    yes: bool,
}

#[cfg(feature = "postgres")]
impl ServerSession {
    fn of(connection: &mut DbConnection) -> Result<Self> {
        let query = "SELECT pid, backend_start::text AS begun FROM pg_stat_activity
            WHERE pid = pg_backend_pid()";
        Ok(dispatch!(connection, |c| diesel::sql_query(query).get_result(c))?)
    }

    /// Ends the session if it still has the migration lock, which also releases every other lock that
    /// it holds. It may take the server hours to notice by itself that the client is gone.
    fn end(&self, connection: &mut DbConnection) -> Result<()> {
        let query = format!(
            "SELECT pg_terminate_backend(a.pid) AS yes
             FROM pg_locks AS l JOIN pg_stat_activity AS a USING (pid)
             WHERE {} AND a.pid = $1 AND a.backend_start::text = $2",
            advisory_lock::is_granted()
        );
        for _ in 0..250 {
            let query = diesel::sql_query(&query)
                .bind::<Integer, _>(self.pid)
                .bind::<Nullable<Text>, _>(&self.begun);
            let left: Vec<Terminated> = dispatch!(&mut *connection, |c| query.load(c))?;
            if left.iter().all(|answer| !answer.yes) {
                break;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }
}

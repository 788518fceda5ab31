//! SQLite's write-ahead log: how long it is, and moving what it holds to the database file (a checkpoint).

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::Integer;

use crate::backend::DbConnection;
use crate::error::{PragmaFault, Result};

/// Pages in the log from which on it is to be checkpointed: SQLite's own default.
pub(crate) const MANY_PAGES: i32 = 1_000;

/// Pages in the log from which on a connection checkpoints it in its own commits although others are to do that.
/// The log is begun anew only if no page is left in it, which under many writes only the writer itself can achieve.
pub(crate) const MOST_PAGES: i32 = 4 * MANY_PAGES;

/// State of a write-ahead log. All numbers are -1 without one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, QueryableByName)]
pub(crate) struct Log {
    /// 1 if another connection makes a checkpoint, and otherwise 0.
    #[diesel(sql_type = Integer)]
    busy: i32,
    /// Number of pages in the log.
    #[diesel(sql_type = Integer)]
    #[diesel(column_name = log)]
    pub(crate) pages: i32,
    /// Number of pages in the log that a checkpoint has copied to the database file.
    #[diesel(sql_type = Integer)]
    pub(crate) checkpointed: i32,
}

#[derive(QueryableByName)]
struct Autocheckpoint {
    #[diesel(sql_type = Integer)]
    wal_autocheckpoint: i32,
}

impl Log {
    /// Returns the number of pages that are in the log only.
    pub(crate) const fn pending(self) -> i32 {
        self.pages - self.checkpointed
    }

    /// Whether a checkpoint has left pages because a connection reads an older state of the database.
    pub(crate) const fn is_held(self) -> bool {
        self.busy == 0 && self.pending() > 0
    }
}

impl DbConnection {
    /// Returns the state of the log, of which nothing is moved.
    pub(crate) fn log(&mut self) -> Result<Log> {
        self.checkpoint("NOOP")
    }

    /// Moves pages of the log to the database file, except those that somebody may still need. Waits for nobody.
    pub(crate) fn checkpoint_passively(&mut self) -> Result<Log> {
        self.checkpoint("PASSIVE")
    }

    /// Moves the pages of the log to the database file, and empties the log unless another connection uses it. Waits for
    /// nobody, also afterwards: the connection does not wait for locks any more.
    pub(crate) fn checkpoint_at_last(&mut self) -> Result<Log> {
        self.sqlite()?.batch_execute("PRAGMA busy_timeout = 0")?;
        self.checkpoint("TRUNCATE")
    }

    /// Leaves checkpoints to other connections, until the log is very long.
    pub(crate) fn leave_checkpoints(&mut self) -> Result<()> {
        let pragma = "wal_autocheckpoint";
        let set = diesel::sql_query(format!("PRAGMA {pragma} = {MOST_PAGES}"));
        // This PRAGMA answers with what it has set, and has no table-valued function to ask.
        let found = set.get_result::<Autocheckpoint>(self.sqlite()?)?.wal_autocheckpoint;
        if found == MOST_PAGES {
            return Ok(());
        }
        let (wanted, found) = (MOST_PAGES.to_string(), found.to_string());
        Err(PragmaFault::NotAccepted { pragma, wanted, found }.into())
    }

    fn checkpoint(&mut self, mode: &str) -> Result<Log> {
        let query = format!("PRAGMA main.wal_checkpoint({mode})");
        Ok(diesel::sql_query(query).get_result(self.sqlite()?)?)
    }
}

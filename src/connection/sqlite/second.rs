//! A second connection to the file that a connection reads.

use diesel::SqliteConnection;
use diesel::connection::{Connection, SimpleConnection};

use super::establish;
use super::free_list::{LogIndex, path_of};
use super::place::Reading;
use crate::connection::pragma;
use crate::error::{Error, Result};

/// Runs `look` on a second connection to the same file, which reads the same state. Collations that are
/// registered on it disappear with it, so that nothing can be written with them.
///
/// Returns `None` without running it if that state is not in the file alone: of a database in memory, or
/// with a write-ahead log. The transaction that may be open has written nothing.
///
/// # Errors
/// [`Error::Open`], [`Error::Query`], [`Error::Io`], and those of `look`.
pub(crate) fn with_second_connection<T>(
    connection: &mut SqliteConnection,
    look: impl FnOnce(&mut SqliteConnection) -> Result<T>,
) -> Result<Option<T>> {
    let Some(path) = path_of(connection)? else { return Ok(None) };
    connection.transaction(|connection| {
        // Without a log, SQLite's lock keeps writers off the file until the transaction ends.
        pragma::read(connection, "page_count", "page_count")?;
        let index =
            LogIndex::of(&path).map_err(Error::io("read the index of the log of", &path))?;
        if index != LogIndex::NoLog {
            return Ok(None);
        }
        let mut second = establish(&path, Reading::Immutable.mode())?;
        second.batch_execute(
            "PRAGMA trusted_schema = OFF; PRAGMA query_only = ON; PRAGMA cell_size_check = ON",
        )?;
        look(&mut second).map(Some)
    })
}

//! [`TestDatabase`]: the database of one test.

use std::fmt;
use std::ops::Deref;

use tempfile::TempDir;

#[cfg(feature = "postgres")]
use crate::connection::ScratchDatabase;
use crate::manager::DatabaseManager;
use crate::pool::Database;

/// Database of one test, which is removed when this is dropped. It is a [`Database`], of which a clone must not be used
/// afterwards, and has a [`DatabaseManager`].
pub struct TestDatabase {
    // Fields are dropped in this order: connections are closed before their database is removed.
    database: Database,
    manager: DatabaseManager,
    _place: Place,
}

/// What is removed with the database.
pub(super) enum Place {
    Directory(#[expect(dead_code, reason = "it is removed when it is dropped")] TempDir),
    #[cfg(feature = "postgres")]
    Server(
        #[expect(dead_code, reason = "it is dropped on the server with this")] Box<ScratchDatabase>,
        #[expect(dead_code, reason = "its backups")] TempDir,
    ),
}

impl TestDatabase {
    pub(super) fn open(manager: DatabaseManager, place: Place) -> crate::Result<Self> {
        Ok(Self { database: manager.open_database()?, manager, _place: place })
    }

    /// Returns a manager of the database: its health, its backups, its migrations.
    #[must_use]
    pub const fn manager(&self) -> &DatabaseManager {
        &self.manager
    }
}

impl Deref for TestDatabase {
    type Target = Database;

    fn deref(&self) -> &Database {
        &self.database
    }
}

impl fmt::Debug for TestDatabase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.database.fmt(f)
    }
}

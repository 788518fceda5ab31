//! [`Template`]: a migrated and seeded database, of which each test gets a copy.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use tempfile::TempDir;

use super::TestDatabase;
use super::database::Place;
use super::fill::fill;
#[cfg(feature = "postgres")]
use super::server_template::ServerTemplate;
use crate::backend::Backend;
use crate::config::{Config, Location};
use crate::connection::{NewFile, Owner, private_directory};
use crate::error::{Error, Result};
use crate::manager::DatabaseManager;
use crate::migrations::KnownMigration;
use crate::types::Sha256Hash;

/// Database with every migration and the seeds and without users, of which each test gets a copy of its own.
///
/// A copy counts as the database that it was copied from: a backup of one can be restored to another.
///
/// The template is made once in a process: on SQLite it is kept in memory, and on a server as the database
/// `zenith_template_…`, named by its migrations, which stays for the next run and may be dropped when no test runs.
#[derive(Clone, Debug)]
pub struct Template {
    manager: DatabaseManager,
    stored: Stored,
}

#[derive(Clone, Debug)]
enum Stored {
    /// Content of an SQLite file.
    File(Arc<[u8]>),
    #[cfg(feature = "postgres")]
    Server(ServerTemplate),
}

impl Template {
    /// Returns the template of SQLite databases with the library's migrations, and the default configuration.
    ///
    /// # Errors
    /// [`Error::Io`] if no temporary file can be written.
    pub fn new() -> Result<Self> {
        // The path is that of no database: each copy has one of its own.
        Self::of(&DatabaseManager::new(Config::for_path("template.db")?))
    }

    /// Returns the template of databases like that of a manager, with its configuration and its migrations. Copies
    /// of a file are files in temporary directories; those of a database on a server are databases beside it, for
    /// which the user needs the right to create databases. The manager's own database is not opened and need not
    /// exist.
    ///
    /// # Errors
    /// [`Error::Io`] if no temporary file can be written; [`Error::Connect`] or [`Error::Query`] if no database can
    /// be created on the server; [`Error::Migration`] if a migration fails.
    pub fn of(manager: &DatabaseManager) -> Result<Self> {
        let stored = match manager.config().location() {
            Location::Sqlite(_) => Stored::File(content_of(manager)?),
            #[cfg(feature = "postgres")]
            Location::Postgres(url) => {
                let key = key_of(manager);
                Stored::Server(ServerTemplate::ensure(manager, url, &key)?)
            }
        };
        Ok(Self { manager: manager.clone(), stored })
    }

    /// Returns a new copy, which is removed when the result is dropped.
    ///
    /// # Errors
    /// [`Error::Io`] if no temporary file can be written; [`Error::Connect`] or [`Error::Query`] if the database
    /// cannot be created on the server.
    pub fn database(&self) -> Result<TestDatabase> {
        match &self.stored {
            Stored::File(content) => {
                let directory = temporary_directory()?;
                let manager = beside(&self.manager, directory.path())?;
                let owner = Owner::of(directory.path())
                    .map_err(Error::io("read the metadata of", directory.path()))?;
                let path = directory.path().join(NAME);
                let mut file = NewFile::create(directory.path(), owner)?;
                file.as_file_mut().write_all(content).map_err(Error::io("write", &path))?;
                file.persist(&path)?;
                TestDatabase::open(manager, Place::Directory(directory))
            }
            #[cfg(feature = "postgres")]
            Stored::Server(template) => {
                let copy = template.copy()?;
                let directory = temporary_directory()?;
                let (location, backups) =
                    (Location::Postgres(copy.url().clone()), directory.path().join("backups"));
                let config = self.manager.config().for_tests(location, backups);
                let place = Place::Server(Box::new(copy), directory);
                TestDatabase::open(self.manager.for_config(config), place)
            }
        }
    }
}

const NAME: &str = "zenith.db";

fn temporary_directory() -> Result<TempDir> {
    private_directory("zenith-test-", &std::env::temp_dir())
}

/// Returns the manager of a database in this directory.
fn beside(manager: &DatabaseManager, directory: &Path) -> Result<DatabaseManager> {
    let location = Config::for_path(directory.join(NAME))?.location().clone();
    Ok(manager.for_config(manager.config().for_tests(location, directory.join("backups"))))
}

/// Returns the name of what the migrations create.
fn key_of(manager: &DatabaseManager) -> String {
    let is_file = manager.config().location().path().is_some();
    let backend = if is_file { Backend::Sqlite } else { Backend::Postgres };
    let checksum = |migration: KnownMigration| {
        migration.checksum(backend).unwrap_or_default() + migration.name()
    };
    let all: String = manager.migrations().iter().map(checksum).collect();
    Sha256Hash::of(format!("{all} {}", manager.config().sqlite().wal)).to_string()
}

/// Returns the content of a database file that is migrated and seeded.
fn content_of(manager: &DatabaseManager) -> Result<Arc<[u8]>> {
    static MADE: Mutex<BTreeMap<String, Arc<[u8]>>> = Mutex::new(BTreeMap::new());
    // Other tests wait while one makes the template. A panic in between leaves it unmade.
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    let key = key_of(manager);
    if let Some(content) = made.get(&key) {
        return Ok(content.clone());
    }
    let directory = temporary_directory()?;
    let manager = beside(manager, directory.path())?;
    fill(&manager)?;
    let path = directory.path().join(NAME);
    let content: Arc<[u8]> = fs::read(&path).map_err(Error::io("read", &path))?.into();
    made.insert(key, content.clone());
    Ok(content)
}

//! Shared helpers of the tests: each test has its own database, which is dropped when the test
//! ends.
pub mod command;
pub mod content;
pub mod embedded;
pub mod filled;
pub mod former;
pub mod injected;
pub mod legacy;
pub mod load;
pub mod log;
pub mod models;
pub mod mounts;
pub mod numbers;
pub mod own_migrations;
#[cfg(feature = "postgres")]
pub mod own_roles;
#[cfg(feature = "postgres")]
pub mod own_server;
pub mod pages;
pub mod place;
#[cfg(feature = "postgres")]
pub mod proxy;
mod raw;
pub mod rows;
#[cfg(feature = "postgres")]
pub mod server;
pub mod shuttle;
mod skipped;
pub mod snapshot;
pub mod snippets;
pub mod stored_tables;
#[cfg(target_os = "linux")]
pub mod terminal;
pub mod uuids;
pub mod wait;
use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use serde_json::Value;
use tempfile::TempDir;
use zenith_db::Backend;
use zenith_db::config::{Key, Loader};
use zenith_db::internal::connection::{NewFile, Owner, create_private_dir};
use zenith_db::manager::{Administrator, DatabaseManager, HealthReport};
use zenith_db::types::JsonText;
use zenith_db::{Config, Database, DbConnection};

pub use raw::{Raw, text};
pub use skipped::skipped;

/// Returns the root of the repository: the tests belong to the package of the command.
pub fn repository() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// Directory and database, which may not exist yet: on SQLite a file in the directory; with the
/// feature `postgres` and `ZENITH_TEST_POSTGRES`, a database on that server. A test that uses it
/// holds on both.
pub struct Fixture {
    place: Place,
    pub directory: TempDir,
}

enum Place {
    File,
    #[cfg(feature = "postgres")]
    Server(server::OwnDatabase),
}

impl Fixture {
    /// Returns a fixture without a database.
    pub fn empty() -> Self {
        #[cfg(feature = "postgres")]
        if server::url().is_some() {
            return Self::at(Place::Server(server::OwnDatabase::missing()));
        }
        Self::at(Place::File)
    }

    /// Returns a fixture with an empty database.
    pub fn blank() -> Self {
        #[cfg(feature = "postgres")]
        if server::url().is_some() {
            return Self::at(Place::Server(server::OwnDatabase::empty()));
        }
        let fixture = Self::at(Place::File);
        std::fs::write(fixture.file(), "").expect("a file");
        fixture
    }

    /// Returns a fixture with a finished database: every migration, the seeds, an administrator.
    pub fn created() -> Self {
        #[cfg(feature = "postgres")]
        if server::url().is_some() {
            return Self::at(Place::Server(server::OwnDatabase::created()));
        }
        SqliteFixture::created().0
    }

    fn at(place: Place) -> Self {
        Self { place, directory: tempfile::tempdir().expect("a temporary directory") }
    }

    fn file(&self) -> PathBuf {
        self.directory.path().join("zenith.db")
    }

    pub fn backend(&self) -> Backend {
        match self.place {
            Place::File => Backend::Sqlite,
            #[cfg(feature = "postgres")]
            Place::Server(_) => Backend::Postgres,
        }
    }

    /// Returns the value for the fixture's backend.
    pub fn either<T>(&self, sqlite: T, postgres: T) -> T {
        match self.backend() {
            Backend::Sqlite => sqlite,
            Backend::Postgres => postgres,
        }
    }

    /// Returns the setting that names the database, and its value.
    pub fn address(&self) -> (Key, String) {
        match &self.place {
            Place::File => (Key::Path, self.file().to_str().expect("UTF-8").to_owned()),
            #[cfg(feature = "postgres")]
            Place::Server(database) => (Key::Url, database.url()),
        }
    }

    pub fn config(&self) -> Config {
        self.config_with(&[])
    }

    /// Returns the configuration for the database with these settings.
    pub fn config_with(&self, settings: &[(Key, &str)]) -> Config {
        let (key, address) = self.address();
        let backups = self.backups().to_str().expect("UTF-8").to_owned();
        let loader = Loader::new().flag(key, "test", address);
        let loader = match self.backend() {
            Backend::Sqlite => loader,
            // Beside a file it is where backups go anyway.
            Backend::Postgres => loader.flag(Key::BackupDir, "test", backups),
        };
        let add = |loader: Loader, (key, value): &(Key, &str)| loader.flag(*key, "test", *value);
        settings.iter().fold(loader, add).load().expect("a valid configuration")
    }

    pub fn manager(&self) -> DatabaseManager {
        DatabaseManager::new(self.config())
    }

    /// Opens the database, with the role of `ZENITH_TEST_ROLE`.
    pub fn database(&self) -> Database {
        #[cfg(feature = "postgres")]
        if let (Place::Server(database), Some(role)) = (&self.place, server::role()) {
            let config = own_server::config(&database.url_for(&role), &[]);
            return Database::open(&config).expect("a database");
        }
        Database::open(&self.config()).expect("a database")
    }

    /// Returns the default directory for backups.
    pub fn backups(&self) -> PathBuf {
        self.directory.path().join("backups")
    }

    /// Opens a plain connection without the library's settings. On SQLite it does not enforce
    /// foreign keys, so that a test can break them.
    pub fn raw(&self) -> DbConnection {
        match &self.place {
            Place::File => open_file(&self.file()),
            #[cfg(feature = "postgres")]
            Place::Server(database) => database.connect(),
        }
    }

    /// Runs statements on a plain connection.
    pub fn sql(&self, statements: &str) {
        self.raw().batch_execute(statements).expect(statements);
    }

    /// Returns the only value of a query, as text.
    pub fn text(&self, query: &str) -> String {
        text(&mut self.raw(), query)
    }

    /// Returns the command in this directory, with a clean environment and the database's address.
    pub fn zenith(&self) -> Command {
        let mut command = bare_zenith(self.directory.path());
        let (key, address) = self.address();
        match self.backend() {
            Backend::Sqlite => drop(command.arg("--path").arg(address)),
            // A URL may hold a password, and arguments can be read by everybody.
            Backend::Postgres => {
                command.env(key.name(), address).env("DATABASE_BACKUP_DIR", self.backups());
                // That is where pg_dump is.
                command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
            }
        }
        command
    }

    /// Returns the names of the files in the directory, sorted.
    pub fn files(&self) -> Vec<String> {
        files_in(self.directory.path())
    }

    /// Fails if a file or a database was created.
    pub fn assert_nothing_was_created(&self) {
        assert_eq!(self.files(), Vec::<String>::new());
        #[cfg(feature = "postgres")]
        if let Place::Server(database) = &self.place {
            assert!(!database.exists(), "{} was created", database.name);
        }
    }

    /// Returns everything that could change: the bytes of every file, and on a server every
    /// definition and row.
    pub fn everything(&self) -> BTreeMap<PathBuf, Option<Vec<u8>>> {
        let mut found = command::tree(self.directory.path());
        if self.backend() == Backend::Postgres {
            let mut connection = self.raw();
            let definitions = rows::catalogue(&mut connection).into_iter();
            let rows = rows::contents(&mut connection).into_iter();
            let lines = definitions.chain(rows.map(|(table, rows)| (table, rows.join("\n"))));
            found.extend(lines.map(|(name, text)| (name.into(), Some(text.into_bytes()))));
        }
        found
    }

    /// Restores a backup of this database beside it.
    pub fn restored(&self, backup: &Path) -> Self {
        match self.backend() {
            Backend::Sqlite => {
                let copy = Self::at(Place::File);
                std::fs::copy(backup, copy.file()).expect("a copy");
                copy
            }
            Backend::Postgres => {
                let copy = Self::blank();
                let mut restore = Command::new("pg_restore");
                restore.arg("--exit-on-error").arg("--clean").arg("--if-exists");
                restore.arg(format!("--dbname={}", copy.address().1)).arg(backup);
                run(&mut restore, 0);
                copy
            }
        }
    }
}

/// Fixture for tests of SQLite itself: files, paths, PRAGMAs. It is always a file.
pub struct SqliteFixture(Fixture);

impl SqliteFixture {
    /// Returns a fixture without a database.
    pub fn empty() -> Self {
        Self(Fixture::at(Place::File))
    }

    /// Returns a fixture with a finished database: every migration, the seeds, an administrator.
    pub fn created() -> Self {
        static MADE: OnceLock<Vec<u8>> = OnceLock::new();
        let content = MADE.get_or_init(|| {
            let fixture = Self::empty();
            let _ = fixture.manager().initialize(&administrator()).expect("a database");
            std::fs::read(fixture.path()).expect("the content of the database")
        });
        let fixture = Self::empty();
        let directory = fixture.directory.path();
        for name in ["backups", "logs"] {
            create_private_dir(&directory.join(name)).expect("a directory");
        }
        let owner = Owner::of(directory).expect("an owner");
        let mut file = NewFile::create(directory, owner).expect("a file");
        file.as_file_mut().write_all(content).expect("the content is written");
        file.persist(&fixture.path()).expect("the database");
        // Another administrator makes it another database.
        fixture.sql(&format!("UPDATE users SET uuid = '{}'", uuid::Uuid::now_v7()));
        fixture
    }

    pub fn path(&self) -> PathBuf {
        self.0.file()
    }

    /// Opens a plain connection, for PRAGMAs.
    pub fn raw(&self) -> SqliteConnection {
        open_sqlite(&self.path())
    }

    /// Returns the fixture as one that works on both backends.
    pub fn fixture(self) -> Fixture {
        self.0
    }
}

impl std::ops::Deref for SqliteFixture {
    type Target = Fixture;

    fn deref(&self) -> &Fixture {
        &self.0
    }
}

pub fn open_sqlite(path: &Path) -> SqliteConnection {
    let mut connection =
        SqliteConnection::establish(path.to_str().expect("UTF-8")).expect("a connection");
    connection
        .batch_execute("PRAGMA busy_timeout = 5000; PRAGMA foreign_keys = OFF")
        .expect("pragmas");
    connection
}

/// Opens a plain connection to an SQLite file.
pub fn open_file(path: &Path) -> DbConnection {
    DbConnection::Sqlite(open_sqlite(path))
}

/// Returns the command in a directory, with a clean environment.
pub fn bare_zenith(directory: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_zenith-db"));
    command.env_clear().current_dir(directory).stdin(Stdio::null());
    command
}

pub fn json_text(value: impl Borrow<Value>) -> JsonText {
    JsonText::of(value.borrow()).expect("JSON that can be stored")
}

pub fn administrator() -> Administrator {
    let password = Some("correct horse battery".to_owned().into());
    Administrator { password, ..Administrator::default() }
}

pub fn files_in(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(directory)
        .expect("a directory")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// Returns the names of the files in a backup directory, without the manifests.
pub fn backups_in(directory: &Path) -> Vec<String> {
    let mut names = files_in(directory);
    names.retain(|name| name.strip_suffix(".json").is_none());
    names
}

/// Returns the names of the checks that failed.
pub fn failed(report: &HealthReport) -> Vec<&'static str> {
    report.failures().map(|check| check.name).collect()
}

/// Runs a command that must exit with this code.
pub fn run(command: &mut Command, exit: i32) -> Output {
    let output = command.output().expect("the command starts");
    assert_eq!(output.status.code(), Some(exit), "{command:?}\n{}", both(&output));
    output
}

pub fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

pub fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("UTF-8")
}

fn both(output: &Output) -> String {
    format!("stdout: {}\nstderr: {}", stdout(output), stderr(output))
}

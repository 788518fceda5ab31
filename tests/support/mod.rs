//! What the tests share: a database of their own, removed when the test ends.
pub mod command;
pub mod content;
pub mod filled;
pub mod former;
pub mod legacy;
pub mod models;
pub mod own_migrations;
pub mod pages;
pub mod place;
pub mod rows;
#[cfg(feature = "postgres")]
pub mod server;
pub mod snapshot;
pub mod store;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;
use tempfile::TempDir;
use zenith_db::Config;
use zenith_db::manager::{Administrator, DatabaseManager, HealthReport};

/// A directory with, or still without, a database.
pub struct Fixture {
    pub directory: TempDir,
}

impl Fixture {
    /// Without a database.
    pub fn empty() -> Self {
        Self { directory: tempfile::tempdir().expect("a temporary directory") }
    }

    /// With a finished database: every migration, the seeds, an administrator.
    pub fn created() -> Self {
        let fixture = Self::empty();
        fixture.manager().initialize(&administrator(), false).expect("a database");
        fixture
    }

    pub fn path(&self) -> PathBuf {
        self.directory.path().join("zenith.db")
    }

    pub fn config(&self) -> Config {
        Config::for_path(self.path()).expect("a valid configuration")
    }

    pub fn manager(&self) -> DatabaseManager {
        DatabaseManager::new(self.config())
    }

    /// A plain connection: none of our settings but foreign keys off, so that a test can break
    /// things.
    pub fn raw(&self) -> SqliteConnection {
        let path = self.path();
        let mut connection =
            SqliteConnection::establish(path.to_str().expect("UTF-8")).expect("a connection");
        connection
            .batch_execute("PRAGMA busy_timeout = 5000; PRAGMA foreign_keys = OFF")
            .expect("pragmas");
        connection
    }

    /// Runs statements on a plain connection.
    pub fn sql(&self, statements: &str) {
        self.raw().batch_execute(statements).expect(statements);
    }

    /// The one value of a query, as text.
    pub fn text(&self, query: &str) -> String {
        text(&mut self.raw(), query)
    }

    /// The command in this directory, with a clean environment and the database's path.
    pub fn zenith(&self) -> Command {
        let mut command = bare_zenith(self.directory.path());
        command.arg("--path").arg(self.path());
        command
    }

    /// The names of the files in a directory, sorted.
    pub fn files(&self) -> Vec<String> {
        files_in(self.directory.path())
    }
}

/// The one value of a query, as text; NULL reads as `NULL`.
pub fn text(connection: &mut SqliteConnection, query: &str) -> String {
    let query = format!("coalesce(CAST(({query}) AS TEXT), 'NULL')");
    diesel::select(diesel::dsl::sql::<Text>(&query)).get_result(connection).expect(&query)
}

/// The command in a directory, with a clean environment.
pub fn bare_zenith(directory: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_zenith-db"));
    command.env_clear().current_dir(directory).stdin(Stdio::null());
    command
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

/// The names of the checks that failed.
pub fn failed(report: &HealthReport) -> Vec<&'static str> {
    report.failures().map(|check| check.name).collect()
}

/// Runs a command that must end with this exit code.
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

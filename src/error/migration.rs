//! Errors of migrations.

use std::path::PathBuf;

use super::shell::in_shell;
use super::{Error, RowChange};
use crate::backend::Backend;
use crate::config::{counted, shown};

/// Reason why migrations did not run, or failed. The database is unchanged in every case.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MigrationFault {
    /// A script failed. The database is unchanged.
    #[error("migration {name} failed to {direction}; nothing was changed")]
    Failed {
        /// Name of the migration.
        name: String,
        /// `apply` or `revert`.
        direction: &'static str,
        /// Error of the database.
        source: Box<dyn std::error::Error + Send + Sync>,
    },

    /// A script would end the transaction of the run. No script was run.
    #[error(
        "migration {name} has `{sql}` in line {line} of {script}: the statements before it could not be \
         rolled back; remove it, because the whole run is one transaction; nothing was changed"
    )]
    EndsTransaction {
        /// Name of the migration.
        name: String,
        /// `up.sql` or `down.sql`.
        script: &'static str,
        /// Line of the script, from 1.
        line: usize,
        /// Text of the statement.
        sql: String,
    },

    /// Two migrations of the program have the same version.
    #[error(
        "the migrations {first} and {second} of this program have the same version, {version}, so that \
         only one of them would run; give {second} another timestamp; nothing was changed"
    )]
    SameVersion {
        /// Name of the migration that is first: the library's migrations are before those of the application.
        first: String,
        /// Name of the other migration.
        second: String,
        /// Their version, as the ledger records it.
        version: String,
    },

    /// The name of a migration does not begin with a version.
    #[error(
        "the name of the migration {name} does not begin with a version; rename it to \
         <timestamp>_<verb_object>, such as 2026-11-23-000001_create_notes; nothing was changed"
    )]
    NoVersion {
        /// Name of the migration.
        name: String,
    },

    /// A script begins with a byte order mark. No script was run.
    #[error(
        "{script} of the migration {name} for {backend} begins with a UTF-8 byte order mark, which \
         PostgreSQL refuses; save it without one; nothing was changed"
    )]
    ByteOrderMark {
        /// Name of the migration.
        name: String,
        /// `up.sql` or `down.sql`.
        script: &'static str,
        /// Backend that the script is written for.
        backend: Backend,
    },

    /// A migration of the application has no scripts for the database's backend.
    #[error(
        "the migration {name} of this application has no scripts for {backend}; write up.sql and down.sql in the \
         directory {directory}/{name} of its migrations, and build the application again; nothing was changed",
        directory = match backend { Backend::Sqlite => "sqlite", Backend::Postgres => "postgres" }
    )]
    NoScript {
        /// Name of the migration.
        name: String,
        /// Backend of the database.
        backend: Backend,
    },

    /// A migration of the application requires a version that the library does not have.
    #[error(
        "the migration {name} of this application requires the version `{version}` of zenith-db, which zenith-db {} does \
         not have; build the application with a newer zenith-db, or correct `-- requires:` in up.sql; nothing \
         was changed",
        env!("CARGO_PKG_VERSION")
    )]
    UnknownRequirement {
        /// Name of the migration.
        name: String,
        /// Version that it requires.
        version: String,
    },

    /// Rows refer to rows that do not exist, before the migrations or because of them. The database is
    /// unchanged.
    #[error(
        "{subject} {}: {first}; correct or delete {} (`zenith-db health-check` lists them) and try again; nothing was \
         changed",
        counted(*count, "broken reference", "broken references, the first of them"),
        if *count == 1 { "this row" } else { "these rows" }
    )]
    BrokenReferences {
        /// Beginning of the message: `the database has` or `the migrations would leave`.
        subject: &'static str,
        /// Number of broken references.
        count: usize,
        /// First broken reference, as table, row and parent.
        first: String,
    },

    /// The database has migrations that this program does not know.
    #[error(
        "the database has migrations that this program, with zenith-db {}, does not know: {versions}; install the \
         version that applied them, or a later one; nothing was changed",
        env!("CARGO_PKG_VERSION")
    )]
    NewerDatabase {
        /// Unknown versions, each with its recorded name and the version of the program that recorded it.
        versions: String,
    },

    /// An application has migrated the database, and this program is not that application.
    #[error(
        "the database has migrations of an application, which this program does not know: {versions}; use the command of \
         that application, as docs/own-tables.md describes; nothing was changed"
    )]
    OfApplication {
        /// Versions of the application's migrations, each with its recorded name and the program that applied it.
        versions: String,
    },

    /// A pending migration is older than one of the same owner that has been applied.
    #[error(
        "migration {late} is older than {newest}, which has been applied; roll back to the version \
         before it with `zenith-db rollback {back}`, then `zenith-db migrate`"
    )]
    LateMigration {
        /// Version of the pending migration.
        late: String,
        /// Newest version of the same owner that has been applied.
        newest: String,
        /// Flags of `zenith-db rollback` that lead to the version before the pending migration.
        back: String,
    },

    /// A migration to revert is required by migrations of the application, which stay applied.
    #[error(
        "migration {version} cannot be reverted, because migrations of the application require it: {dependents}; \
         revert those first with `zenith-db rollback {back}`; nothing was changed"
    )]
    Required {
        /// Version of the library to revert.
        version: String,
        /// Names of the application's migrations that require it.
        dependents: String,
        /// Flags of `zenith-db rollback` that revert them.
        back: String,
    },

    /// The library's migrations would drop what objects of the application refer to.
    #[error(
        "these migrations would drop {dropped}, on which objects of the application depend: {dependents}; revert the \
         migrations of the application that created them, or drop them, first; nothing was changed"
    )]
    Dependents {
        /// Tables and columns that would be dropped.
        dropped: String,
        /// Descriptions of the objects that depend on them.
        dependents: String,
    },

    /// Objects of the application do not fit the tables that the library's migrations have changed. The database is
    /// unchanged.
    #[error(
        "after the migrations of zenith-db, {object} of the application would not work: {reason}; drop it in a \
         migration of the application before you upgrade zenith-db, and create it again in one after; nothing was \
         changed"
    )]
    NotRestored {
        /// Description of the object.
        object: String,
        /// Error of the database.
        reason: String,
    },

    /// The application's migrations would change tables of the library. The database is unchanged.
    #[error(
        "the migrations of the application would change tables of zenith-db, so that a later version of zenith-db could \
         not change them: {changes}; keep columns of your own in a table of your own, which refers to them; \
         nothing was changed"
    )]
    ChangesLibrary {
        /// Descriptions of the changes.
        changes: String,
    },

    /// No migration has the version that was given.
    #[error("no migration has the version {wanted}; the versions are: {known}")]
    UnknownVersion {
        /// Version that was given.
        wanted: String,
        /// Versions that can be given.
        known: String,
    },

    /// The database has a later version than the one to migrate to.
    #[error(
        "the database is at {current}, which is later than {wanted}; to go back, use \
         `zenith-db rollback --to {wanted}`"
    )]
    LaterVersion {
        /// Newest version that has been applied.
        current: String,
        /// Version that was given.
        wanted: String,
    },

    /// The user of a server may not create tables in the schema. Nothing was changed.
    #[error(
        "the role {role} may not create tables in the schema {schema}; connect as the owner of the schema, or let the \
         owner run: GRANT CREATE ON SCHEMA {schema} TO {role}; nothing was changed"
    )]
    MayNotCreate {
        /// Name of the role, as SQL quotes it.
        role: String,
        /// Name of the schema, as SQL quotes it.
        schema: String,
    },

    /// No migration has been applied, so none can be redone.
    #[error("no migration has been applied, so none can be redone")]
    NothingToRedo,

    /// The number of migrations to roll back is 0.
    #[error("the number of migrations to roll back must be at least 1")]
    NoSteps,

    /// Migrations are pending, so tables may be missing.
    #[error(
        "{}; run `zenith-db migrate` first",
        counted(*count, "migration is pending", "migrations are pending")
    )]
    Pending {
        /// Number of pending migrations.
        count: usize,
    },

    /// A migration would lose or change rows without declaring it. The database is unchanged.
    #[error(
        "migration {migration} would lose or change rows without declaring it: {}; nothing was changed. If \
         this is intended, declare it in its {file}, as migrations/README.md describes",
        changes.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    )]
    RowsNotConserved {
        /// Name of the migration.
        migration: String,
        /// `up.sql` or `down.sql`.
        file: &'static str,
        /// Undeclared changes.
        changes: Vec<RowChange>,
    },

    /// After the migrations, the database would lack parts that a new database has. The database is
    /// unchanged.
    #[error(
        "after the migrations, the database would lack parts that a new database of that version has: \
         {missing}; nothing was changed"
    )]
    StructureDiffers {
        /// Missing parts of the structure.
        missing: String,
    },

    /// The migrations would leave objects that a new database of that version does not have. The
    /// database is unchanged.
    #[error(
        "the migrations would leave objects that a new database of that version does not have: \
         {left}; drop them in the script; nothing was changed"
    )]
    LeftBehind {
        /// Descriptions of the objects.
        left: String,
    },

    /// The text of migrations is not the text that ran on this database. The database is unchanged.
    #[error(
        "the text of these migrations is not the text that ran on this database: {names}; install the \
         version of zenith-db that has the text that ran, or, if the difference does not matter, accept \
         it with `zenith-db migrate --repair`; nothing was changed"
    )]
    EditedMigrations {
        /// Names of the migrations.
        names: String,
    },

    /// Migrations failed after a backup was taken. The database is unchanged, and the backup is kept.
    #[error(
        "`{operation}` failed, and the database is unchanged; `zenith-db restore {backup}` would restore the backup \
         that was taken before it", backup = in_shell(&shown(backup.display()))
    )]
    RolledBack {
        /// `migrate`, `rollback` or `create`.
        operation: String,
        /// Path of the backup.
        backup: PathBuf,
        /// Error of the migrations.
        source: Box<Error>,
    },
}

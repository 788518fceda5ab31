//! Why migrations did not run, or failed.

use std::path::PathBuf;

use super::{Error, RowChange};

/// Why migrations were not run, or failed. The database is as it was in every case.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MigrationFault {
    /// A migration failed. The database is as it was before.
    #[error("migration {name} failed to {direction}; nothing was changed")]
    Failed {
        /// The migration's name.
        name: String,
        /// `apply` or `revert`.
        direction: &'static str,
        /// What the database said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },

    /// A script would end the transaction that keeps a run whole. Nothing was run.
    #[error(
        "migration {name} has `{sql}` in line {line} of {script}: what is before it could then not be \
         taken back; remove it, all of a run is one transaction already; nothing was changed"
    )]
    EndsTransaction {
        /// The migration's name.
        name: String,
        /// `up.sql` or `down.sql`.
        script: &'static str,
        /// The line, from 1.
        line: usize,
        /// The statement.
        sql: String,
    },

    /// Rows refer to nothing, before the migrations or because of them. The database is as it was.
    #[error(
        "{subject} {count} broken references, the first of them: {first}; mend or delete such rows \
         (`zenith-db health-check` lists them) and try again; nothing was changed"
    )]
    BrokenReferences {
        /// Who is to blame: `the database has` or `the migrations would leave`.
        subject: &'static str,
        /// How many.
        count: usize,
        /// The first, as table, row and parent.
        first: String,
    },

    /// The database has migrations that this program does not know.
    #[error(
        "the database has migrations that zenith-db {} does not know: {versions}; install the version \
         that applied them, or a later one; nothing was changed",
        env!("CARGO_PKG_VERSION")
    )]
    NewerDatabase {
        /// The unknown versions, each with what was recorded of it: its name in words and the program
        /// that recorded it.
        versions: String,
    },

    /// Migrations that cannot be run in the order of their versions.
    #[error(
        "migration {late} is older than {newest}, which has been applied; roll back to before it \
         with `zenith-db rollback --to {before}`, then `zenith-db migrate`"
    )]
    LateMigration {
        /// The migration that was added too late.
        late: String,
        /// The newest one that has been applied.
        newest: String,
        /// The version just before the late one; `0` if it is the first.
        before: String,
    },

    /// A version that is not there.
    #[error("there is no version {wanted} to go to; there are: {known}")]
    UnknownVersion {
        /// What was asked for.
        wanted: String,
        /// What there is.
        known: String,
    },

    /// The database is later than the version to migrate to.
    #[error(
        "the database is at {current}, which is later than {wanted}; `zenith-db rollback --to {wanted}` \
         goes back"
    )]
    LaterVersion {
        /// The newest version that has been applied.
        current: String,
        /// The version that was asked for.
        wanted: String,
    },

    /// No migration has been applied, so none can be redone.
    #[error("no migration has been applied, so none can be redone")]
    NothingToRedo,

    /// Zero migrations were to be rolled back.
    #[error("rolling back 0 migrations would do nothing")]
    NoSteps,

    /// Migrations are pending, so that tables may be missing.
    #[error("{count} migrations are pending; run `zenith-db migrate` first")]
    Pending {
        /// How many.
        count: usize,
    },

    /// A migration would lose or change rows without saying so. The database is as it was.
    #[error(
        "{migration} would lose or change rows and does not say so: {}; nothing was changed. If it is \
         meant, the migration's {file} must declare it (migrations/README.md)",
        changes.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    )]
    RowsNotConserved {
        /// The migration's name.
        migration: String,
        /// `up.sql` or `down.sql`.
        file: &'static str,
        /// What was not declared.
        changes: Vec<RowChange>,
    },

    /// The migrations would leave another structure than a fresh database has. The database is as it
    /// was.
    #[error(
        "the migrations would not leave the structure of a fresh database: missing would be {missing}; \
         nothing was changed"
    )]
    StructureDiffers {
        /// What would be missing.
        missing: String,
    },

    /// The migrations would leave behind what a fresh database of that version does not have. The
    /// database is as it was.
    #[error(
        "the migrations would leave behind what a fresh database of that version does not have: {left}; \
         undo it in the script; nothing was changed"
    )]
    LeftBehind {
        /// What, one after the other.
        left: String,
    },

    /// Migrations were changed after they ran. The database is as it was.
    #[error(
        "migrations were changed after they ran here, or ran from another text: {names}; install the version of zenith-db that \
         has them as they were, or, if the difference means nothing, accept it with `zenith-db migrate \
         --repair`"
    )]
    EditedMigrations {
        /// Their names.
        names: String,
    },

    /// The file is damaged.
    #[error("the database is damaged ({faults}); put a backup in its place; nothing was changed")]
    Damaged {
        /// The first faults.
        faults: String,
    },

    /// There is not enough room on the disk for what is to be done.
    #[error(
        "{what} may need {} MB on the disk of {place}, and {} MB are free; make room and try again; \
         nothing was changed",
        needed.div_ceil(1_000_000),
        free / 1_000_000,
        place = place.display()
    )]
    NoRoom {
        /// What for.
        what: &'static str,
        /// Where.
        place: PathBuf,
        /// How many bytes.
        needed: u64,
        /// How many bytes are there.
        free: u64,
    },

    /// Migrations failed after a backup was taken. The database is as it was, and the backup is kept.
    #[error(
        "the {operation} failed and the database is as it was; the backup from just before is {backup}",
        backup = backup.display()
    )]
    RolledBack {
        /// `migrate`, `rollback` or `create`.
        operation: String,
        /// The backup.
        backup: PathBuf,
        /// Why it failed.
        source: Box<Error>,
    },
}

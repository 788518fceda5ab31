//! Why a database could not be moved.

use super::Error;

/// Why a transfer did not begin or did not end. The source is untouched in every case.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransferFault {
    /// The target has rows, and no transfer put them there.
    #[error(
        "the target is not empty: it has {found}; nothing was changed. Give a target that has only \
         been migrated"
    )]
    NotEmpty {
        /// The tables with rows and how many, such as `roles (4 rows)`.
        found: String,
    },

    /// The target holds a part of a transfer, and it was not asked to go on with it.
    #[error(
        "the target holds a transfer that was stopped after {rows} rows; nothing was changed. Go on \
         with it (`--resume`), or give an empty target"
    )]
    Stopped {
        /// The rows that were copied.
        rows: i64,
    },

    /// The part of a transfer that the target holds came from another database.
    #[error(
        "the target holds a part of a transfer from another database; nothing was changed. Give the \
         database that it was begun with, or an empty target"
    )]
    OtherSource,

    /// The source has tables that are not of the schema.
    #[error(
        "the source has tables that are not of the schema and would be lost: {found}; nothing was \
         changed. Take them over by other means, and leave them out here (`--leave-other-tables`)"
    )]
    OtherTables {
        /// The tables with rows and how many.
        found: String,
    },

    /// The database is the target of a transfer that was stopped.
    #[error(
        "a transfer into this database was stopped, and it lacks rows; end it with `zenith-db transfer \
         --to … --resume` from its source, or empty it with `zenith-db create --force`"
    )]
    Unfinished,

    /// The source is itself the target of a transfer that was stopped.
    #[error(
        "the source is itself the target of a transfer that was stopped, and lacks rows; finish that \
         one first (`--resume`)"
    )]
    UnfinishedSource,

    /// Not both databases have the migrations of this program.
    #[error(
        "the source has the migrations {of_source}, the target {of_target}, and this version of \
         zenith-db {known}; nothing was changed. Bring both up to date with `zenith-db migrate`"
    )]
    OtherMigrations {
        /// Those of the source.
        of_source: String,
        /// Those of the target.
        of_target: String,
        /// Those of this program.
        known: String,
    },

    /// What the target's audit log holds is not how the source's begins.
    #[error(
        "the target's audit_log is not the beginning of the source's, and an audit log is only \
         appended to: the source is another database than the one the transfer was begun with. Give \
         that one, or an empty target"
    )]
    OtherAuditLog,

    /// Another process goes on with the same transfer.
    #[error("another process has taken over the transfer to this target; leave it to that one")]
    TakenOver,

    /// The record of a stopped transfer cannot be read.
    #[error("the target's record of a stopped transfer cannot be read; give an empty target")]
    UnreadableState(#[source] serde_json::Error),

    /// The rows of a table could not be read or written.
    #[error("{action} {table} failed at {place}; what was copied before is kept for `--resume`")]
    Table {
        /// `reading` or `writing`.
        action: &'static str,
        /// The table.
        table: &'static str,
        /// The rows' keys.
        place: String,
        /// What the database said.
        source: Box<Error>,
    },

    /// The copied rows break a rule between tables, so the source's do.
    #[error(
        "the source's rows refer to what is not there ({first}): mend them in the source, and go on \
         with `--resume`"
    )]
    BrokenReferences {
        /// The first one found.
        first: String,
        /// What the database said, if that is how it was found.
        source: Option<Box<Error>>,
    },

    /// The target's content is not that of the source.
    #[error(
        "the target is not equal to the source: {tables}; another program writes to it. Stop that, \
         and go on with `--resume`"
    )]
    Unfaithful {
        /// The tables that differ, with rows and digests on both sides.
        tables: String,
    },
}

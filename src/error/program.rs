//! Errors of programs that an operation runs.

/// Reason why a program of PostgreSQL, such as `pg_dump`, did not do its work.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProgramFault {
    /// It is not installed.
    #[error(
        "{program} is not on the PATH; install PostgreSQL's client programs, of the server's version \
         or later (Debian: postgresql-client){}",
        if *.is_dispensable { ", or do without a backup (--no-backup)" } else { "" }
    )]
    Missing {
        /// Name of the program.
        program: &'static str,
        /// Whether the operation needs it for a backup only, without which it can be done.
        is_dispensable: bool,
    },

    /// It failed.
    #[error("{program} failed: {said}")]
    Failed {
        /// Name of the program.
        program: &'static str,
        /// Text that the program wrote to standard error.
        said: String,
    },
}

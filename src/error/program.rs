//! Errors of programs that an operation runs.

/// Reason why a program of PostgreSQL, such as `pg_dump`, did not do its work.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProgramFault {
    /// It is not installed.
    #[error(
        "{program} is not on the PATH; install PostgreSQL's client programs, of the server's version \
         or later (Debian: postgresql-client), or do without a backup (--no-backup)"
    )]
    Missing {
        /// Name of the program.
        program: &'static str,
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

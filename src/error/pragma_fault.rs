//! Errors about the settings of an SQLite connection.

/// Why a connection to an SQLite database does not have the settings that it should.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PragmaFault {
    /// SQLite did not accept a PRAGMA.
    #[error("SQLite did not accept PRAGMA {pragma}: the value should be {wanted}, but is {found}")]
    NotAccepted {
        /// Name of the PRAGMA.
        pragma: &'static str,
        /// Value that was set.
        wanted: String,
        /// Value that was read back.
        found: String,
    },
    /// A closure of the application has changed a PRAGMA of a connection that others use after it. The next call opens
    /// another connection.
    #[error(
        "a closure has changed PRAGMA {pragma} of a connection from {wanted} to {found}; it is opened again"
    )]
    Changed {
        /// Name of the PRAGMA.
        pragma: &'static str,
        /// Value with which the connection was opened.
        wanted: String,
        /// Value that was found.
        found: String,
    },
    /// A closure of the application has left a temporary table, view or trigger, or an attached database, on a connection
    /// that others use after it. The next call opens another connection.
    #[error(
        "a closure has left {name}, which is temporary or attached, on a connection; it is opened again. Drop or detach \
         it in the closure"
    )]
    Left {
        /// Name of what was found.
        name: String,
    },
}

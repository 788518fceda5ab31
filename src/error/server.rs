//! Errors of a server, recognised by their text.

use std::fmt;

#[cfg(feature = "postgres")]
use diesel::ConnectionError;
use diesel::result::{DatabaseErrorKind, Error as DieselError};

/// Reason why a connection to a server failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConnectFault {
    /// The user or the password is wrong, or the server's `pg_hba.conf` does not allow this
    /// connection.
    Authentication,
    /// The host name cannot be resolved.
    UnknownHost,
    /// No server answers at the address.
    Unreachable,
    /// The server did not answer in time.
    TimedOut,
    /// The server accepts no more connections.
    TooMany,
    /// The server is starting up, shutting down or recovering.
    NotReady,
    /// The connection cannot be encrypted as `sslmode` requires, or the certificate is not
    /// accepted.
    Encryption,
    /// The database does not exist on the server.
    NoDatabase,
    /// Another reason, which the source of the error gives.
    Other,
}

#[cfg(feature = "postgres")]
impl ConnectFault {
    /// Classifies an error of libpq, which is only a text, in the server's language where the
    /// server wrote it: an unknown text is [`ConnectFault::Other`].
    pub(crate) fn of(error: &ConnectionError) -> Self {
        let ConnectionError::BadConnection(text) = error else { return Self::Other };
        let has = |parts: &[&str]| parts.iter().any(|part| text.contains(part));
        let no_such_role = has(&["FATAL:  role \""]) && has(&["does not exist", "not permitted"]);
        if has(&["authentication failed", "no password supplied", "pg_hba.conf"]) || no_such_role {
            Self::Authentication
        } else if has(&["could not translate host name"]) {
            Self::UnknownHost
        } else if has(&["timeout expired"]) {
            Self::TimedOut
        } else if has(&["too many", "remaining connection slots"]) {
            Self::TooMany
        } else if has(&[
            "is starting up",
            "is shutting down",
            "not yet accepting connections",
            "in recovery mode",
        ]) {
            Self::NotReady
        } else if has(&["SSL", "certificate", "sslmode"]) {
            Self::Encryption
        } else if has(&["FATAL:  database \""]) && has(&["does not exist"]) {
            Self::NoDatabase
        } else if has(&["Connection refused", "No such file", "unreachable", "No route to host"]) {
            Self::Unreachable
        } else {
            Self::Other
        }
    }
}

impl ConnectFault {
    /// Whether the fault may pass by itself while a server restarts.
    pub(crate) const fn is_transient(self) -> bool {
        !matches!(
            self,
            Self::Authentication | Self::UnknownHost | Self::Encryption | Self::NoDatabase
        )
    }
}

impl fmt::Display for ConnectFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Authentication => {
                "the server rejected the user or the password; the \
                 password comes from the URL, PGPASSWORD or ~/.pgpass"
            }
            Self::UnknownHost => "the host name cannot be resolved",
            Self::Unreachable => {
                "no server answers there; check that it is running, and that the address is right"
            }
            Self::TimedOut => {
                "the server did not answer in time; check the address, or raise \
                 DATABASE_POOL_TIMEOUT_MS"
            }
            Self::TooMany => {
                "the server accepts no more connections; lower DATABASE_MAX_CONNECTIONS, raise the \
                 server's max_connections, or use a pooler"
            }
            Self::NotReady => "the server is starting up or shutting down; try again in a moment",
            Self::Encryption => {
                "the connection cannot be encrypted as the URL's sslmode requires, or the server's \
                 certificate is not accepted"
            }
            Self::NoDatabase => "the database does not exist; `zenith-db create` creates it",
            Self::Other => "the connection failed",
        })
    }
}

/// Meaning of a failed statement, apart from the rules of the schema.
pub(super) enum StatementFault {
    Damaged,
    DiskFull,
    ConnectionLost,
    Conflict,
    Locked,
    ReadOnly,
    TimedOut(&'static str),
}

impl StatementFault {
    pub(super) fn of(error: &DieselError) -> Option<Self> {
        let DieselError::DatabaseError(kind, info) = error else { return None };
        let message = info.message();
        // Diesel keeps the server's words, and not the code, of what it has no kind for.
        match kind {
            DatabaseErrorKind::Unknown if DAMAGED.iter().any(|words| message.contains(words)) => {
                Some(Self::Damaged)
            }
            DatabaseErrorKind::Unknown if FULL.iter().any(|words| message.contains(words)) => {
                Some(Self::DiskFull)
            }
            DatabaseErrorKind::Unknown if LOCKED.contains(&message) => Some(Self::Locked),
            DatabaseErrorKind::ClosedConnection => Some(Self::ConnectionLost),
            // These are libpq's own messages, which are in English here.
            DatabaseErrorKind::Unknown | DatabaseErrorKind::UnableToSendCommand
                if LOST.iter().any(|words| message.contains(words)) =>
            {
                Some(Self::ConnectionLost)
            }
            DatabaseErrorKind::SerializationFailure => Some(Self::Conflict),
            DatabaseErrorKind::Unknown if is_stale(message) => Some(Self::Conflict),
            DatabaseErrorKind::Unknown if message == "deadlock detected" => Some(Self::Conflict),
            DatabaseErrorKind::ReadOnlyTransaction => Some(Self::ReadOnly),
            // The words of SQLITE_READONLY, which `PRAGMA query_only` causes too.
            DatabaseErrorKind::Unknown if message == "attempt to write a readonly database" => {
                Some(Self::ReadOnly)
            }
            DatabaseErrorKind::Unknown if message.ends_with("due to lock timeout") => {
                Some(Self::TimedOut(LOCK_LIMIT))
            }
            DatabaseErrorKind::Unknown if message.ends_with("due to statement timeout") => {
                Some(Self::TimedOut("DATABASE_STATEMENT_TIMEOUT_MS"))
            }
            _ => None,
        }
    }
}

/// Setting that limits the wait for a lock.
const LOCK_LIMIT: &str = "DATABASE_BUSY_TIMEOUT_MS";

/// Returns the message about a statement that a limit has ended: that of the setting, or the server's own of that kind.
pub(super) fn timed_out(setting: &str) -> String {
    let parameter = if setting == LOCK_LIMIT { "lock_timeout" } else { "statement_timeout" };
    format!(
        "a statement took longer than {setting} allows, or, where that sets no limit, than {parameter} of the role, the \
         database or the server, which ALTER ROLE, ALTER DATABASE and ALTER SYSTEM set; it changed nothing"
    )
}

/// Whether a server says that a statement, which the connection has prepared, cannot be run any more: a table has
/// changed since, such as by a migration, or a pooler has given the connection another session. It is never run again
/// on this connection.
pub(crate) fn is_stale(message: &str) -> bool {
    message == "cached plan must not change result type"
        || message.starts_with("prepared statement \"") && message.ends_with("does not exist")
}

/// SQLite's messages about a damaged file: `SQLITE_CORRUPT` and `SQLITE_NOTADB`.
const DAMAGED: &[&str] = &["malformed", "file is not a database"];

/// SQLite's messages about a lock that it could not take: `SQLITE_BUSY`, and `SQLITE_PROTOCOL` after many
/// attempts.
const LOCKED: &[&str] = &["database is locked", "locking protocol"];

/// Messages about a full disk: SQLite's `SQLITE_FULL`, and PostgreSQL's `disk_full` with the text
/// of the operating system.
const FULL: &[&str] = &["database or disk is full", "No space left on device"];

/// Messages of libpq about a lost connection.
const LOST: &[&str] = &[
    "server closed the connection unexpectedly",
    "no connection to the server",
    "connection not open",
    "could not receive data from server",
    "could not send data to server",
    "SSL connection has been closed unexpectedly",
    // The server's last words, in English if it speaks that.
    "terminating connection ",
];

//! What a server's refusals mean, as types rather than as its words.

use std::fmt;

#[cfg(feature = "postgres")]
use diesel::ConnectionError;
use diesel::result::{DatabaseErrorKind, Error as DieselError};

/// Why there is no connection to a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConnectFault {
    /// The user or the password is wrong, or the server's `pg_hba.conf` lets nobody in like this.
    Authentication,
    /// The host's name cannot be resolved.
    UnknownHost,
    /// Nothing answers at that address.
    Unreachable,
    /// The server did not answer in time.
    TimedOut,
    /// The server has no more room for connections.
    TooMany,
    /// The server is starting up, shutting down or recovering.
    NotReady,
    /// The connection cannot be encrypted as `sslmode` asks, or the certificate is wrong.
    Encryption,
    /// There is no such database on the server.
    NoDatabase,
    /// Anything else; the source says what.
    Other,
}

#[cfg(feature = "postgres")]
impl ConnectFault {
    /// libpq gives nothing but a text, in the server's language for what the server says: what is
    /// not recognised is [`ConnectFault::Other`].
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
    /// Whether a server that was there a moment ago may be there again in another.
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
                "the server lets this user in neither with this password nor without one; the \
                 password comes from the URL, PGPASSWORD or ~/.pgpass"
            }
            Self::UnknownHost => "there is no host of this name",
            Self::Unreachable => "no server answers there; is it running, and is this its address?",
            Self::TimedOut => {
                "the server did not answer in time; check the address, or raise \
                 DATABASE_POOL_TIMEOUT_MS"
            }
            Self::TooMany => {
                "the server has no connection to spare; lower DATABASE_MAX_CONNECTIONS here or \
                 elsewhere, raise its max_connections, or put a pooler before it"
            }
            Self::NotReady => "the server is starting up or shutting down; try again in a moment",
            Self::Encryption => {
                "the connection cannot be encrypted as the URL's sslmode asks, or the server's \
                 certificate is not accepted"
            }
            Self::NoDatabase => "there is no such database; `zenith-db create` makes one",
            Self::Other => "the connection failed",
        })
    }
}

/// What a failed statement means beyond the rules of the schema.
pub(super) enum StatementFault {
    Damaged,
    DiskFull,
    ConnectionLost,
    Conflict,
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
            DatabaseErrorKind::ClosedConnection => Some(Self::ConnectionLost),
            // These are libpq's own words, which it speaks in English here.
            DatabaseErrorKind::Unknown | DatabaseErrorKind::UnableToSendCommand
                if LOST.iter().any(|words| message.contains(words)) =>
            {
                Some(Self::ConnectionLost)
            }
            DatabaseErrorKind::SerializationFailure => Some(Self::Conflict),
            DatabaseErrorKind::Unknown if message == "deadlock detected" => Some(Self::Conflict),
            DatabaseErrorKind::ReadOnlyTransaction => Some(Self::ReadOnly),
            DatabaseErrorKind::Unknown if message.ends_with("due to lock timeout") => {
                Some(Self::TimedOut("DATABASE_BUSY_TIMEOUT_MS"))
            }
            DatabaseErrorKind::Unknown if message.ends_with("due to statement timeout") => {
                Some(Self::TimedOut("DATABASE_STATEMENT_TIMEOUT_MS"))
            }
            _ => None,
        }
    }
}

/// What SQLite says of a damaged file: `SQLITE_CORRUPT` and `SQLITE_NOTADB`.
const DAMAGED: &[&str] = &["malformed", "file is not a database"];

/// What SQLite (`SQLITE_FULL`) and PostgreSQL (`disk_full`, with the system's words) say of a full disk.
const FULL: &[&str] = &["database or disk is full", "No space left on device"];

/// What libpq says of a connection that broke.
const LOST: &[&str] = &[
    "server closed the connection unexpectedly",
    "no connection to the server",
    "connection not open",
    "could not receive data from server",
    "could not send data to server",
    "SSL connection has been closed unexpectedly",
];

//! Names of the roles.

use serde::Serialize;

/// Longest name of a role in bytes; a server truncates longer ones.
const LONGEST: usize = 63;

/// Names of five roles of a PostgreSQL server, which all of its databases share.
///
/// ```
/// use zenith_db::manager::RoleNames;
///
/// let roles = RoleNames::with_prefix("zenith")?;
/// assert_eq!(roles.application(), "zenith_app");
/// assert!(RoleNames::with_prefix("pg").is_err());
/// # Ok::<(), zenith_db::manager::NotRolePrefix>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RoleNames {
    owner: String,
    application: String,
    auditor: String,
    reader: String,
    backup: String,
}

/// Reason why a text cannot begin the names of roles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotRolePrefix {
    /// The text is empty.
    #[error("the prefix of the roles is empty")]
    Empty,
    /// The name of a role would have more than 63 bytes, and the server would truncate it.
    #[error(
        "the prefix of the roles has {bytes} bytes; it may have {most}, because the name of a role has at most {LONGEST}"
    )]
    Long {
        /// Length of the text in bytes.
        bytes: usize,
        /// Longest prefix in bytes.
        most: usize,
    },
    /// The text has a control character, such as a line end.
    #[error("the prefix of the roles has a control character")]
    Control,
    /// The names would begin with `pg_`, which PostgreSQL reserves for itself.
    #[error("names of roles that begin with pg_ are reserved by PostgreSQL; choose another prefix")]
    Reserved,
}

impl RoleNames {
    /// Returns the names that begin with this text: `zenith_owner`, `zenith_app`, `zenith_auditor`, `zenith_reader` and
    /// `zenith_backup` for `zenith`. Its case is kept, and it may have any characters except control characters.
    ///
    /// # Errors
    /// [`NotRolePrefix`]: the text is empty, is longer than 55 bytes, has a control character, or begins with `pg_` (or
    /// is `pg`), which PostgreSQL reserves.
    pub fn with_prefix(prefix: &str) -> Result<Self, NotRolePrefix> {
        let most = LONGEST - "_auditor".len();
        if prefix.is_empty() {
            return Err(NotRolePrefix::Empty);
        }
        if prefix.len() > most {
            return Err(NotRolePrefix::Long { bytes: prefix.len(), most });
        }
        if prefix.chars().any(char::is_control) {
            return Err(NotRolePrefix::Control);
        }
        let name = |role: &str| format!("{prefix}_{role}");
        if name("").starts_with("pg_") {
            return Err(NotRolePrefix::Reserved);
        }
        Ok(Self {
            owner: name("owner"),
            application: name("app"),
            auditor: name("auditor"),
            reader: name("reader"),
            backup: name("backup"),
        })
    }

    /// Returns the role that owns the schema and the tables, and runs migrations.
    #[must_use]
    pub fn owner(&self) -> &str {
        &self.owner
    }

    /// Returns the role of the application: it reads and writes rows, and only appends to the audit log.
    #[must_use]
    pub fn application(&self) -> &str {
        &self.application
    }

    /// Returns the role that reads the audit log, the security events, and whose account a user id is.
    #[must_use]
    pub fn auditor(&self) -> &str {
        &self.auditor
    }

    /// Returns the role that reads every table of the library except credentials.
    #[must_use]
    pub fn reader(&self) -> &str {
        &self.reader
    }

    /// Returns the role that takes backups, with credentials, and writes nothing.
    #[must_use]
    pub fn backup(&self) -> &str {
        &self.backup
    }

    /// Returns the five names.
    pub fn all(&self) -> impl Iterator<Item = &str> {
        [&self.owner, &self.application, &self.auditor, &self.reader, &self.backup]
            .into_iter()
            .map(String::as_str)
    }
}

//! Location of the database: a path that is taken literally, or the URL of a server.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::address::{masked, mistaken, scheme_of};
use super::error::ConfigError;
#[cfg(feature = "postgres")]
use super::server_url::ServerUrl;
use super::setting::Source;

/// Location of the database: an SQLite file, or a database on a PostgreSQL server. `Display`, `Debug`
/// and `Serialize` do not show its password.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Location {
    /// SQLite file.
    Sqlite(DatabasePath),
    /// Database on a PostgreSQL server.
    #[cfg(feature = "postgres")]
    Postgres(ServerUrl),
}

impl Location {
    /// Parses a `DATABASE_URL`: a plain path, a path after `sqlite://`, or the URL of a server.
    pub(super) fn parse_url(url: &str) -> Result<Self, String> {
        let Some(scheme) = scheme_of(url) else { return Self::parse_path(url) };
        let rest = url.get(scheme.len() + 1..).unwrap_or_default();
        match scheme.to_ascii_lowercase().as_str() {
            "sqlite" => DatabasePath::parse_after_scheme(rest).map(Self::Sqlite),
            #[cfg(feature = "postgres")]
            "postgres" | "postgresql" => ServerUrl::parse(url).map(Self::Postgres),
            #[cfg(not(feature = "postgres"))]
            "postgres" | "postgresql" => Err("this build supports SQLite only; for PostgreSQL, \
                                              install libpq (Debian: libpq-dev) and build with \
                                              `--features postgres`"
                .into()),
            "file" => Err("file: URIs are not supported; give the plain path".into()),
            // The text before the colon may be a part of a password.
            _ => Err("a URL of this kind is not supported; write a path, sqlite://PATH or \
                      postgres://USER@HOST/DATABASE"
                .into()),
        }
    }

    /// Parses a path.
    pub(super) fn parse_path(text: &str) -> Result<Self, String> {
        DatabasePath::parse(text).map(Self::Sqlite)
    }

    /// Parses the value of a flag that names a database, in any form of `DATABASE_URL`. `flag` is the
    /// name of the flag, for the error.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`] with the reason.
    pub fn from_flag(flag: &'static str, text: &str) -> Result<Self, ConfigError> {
        Self::parse_url(text).map_err(|reason| ConfigError::Invalid {
            name: flag.into(),
            value: masked(text),
            origin: Source::Flag(flag),
            line: None,
            reason,
        })
    }

    /// Returns the path, if the database is an SQLite file.
    #[must_use]
    pub const fn path(&self) -> Option<&DatabasePath> {
        match self {
            Self::Sqlite(path) => Some(path),
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => None,
        }
    }

    /// Returns the directory that contains `backups` and `logs` by default: that of the database file,
    /// or for a server `data/enterprise`.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.path().map_or(Path::new(DEFAULT_DIRECTORY), DatabasePath::directory)
    }

    /// Returns the directory of the backups, unless a setting names another one.
    #[must_use]
    pub(crate) fn default_backup_dir(&self) -> PathBuf {
        self.directory().join("backups")
    }

    /// Whether both locations name the same database. Relative paths are made absolute, but symbolic
    /// links are not resolved.
    #[must_use]
    pub fn is_same_as(&self, other: &Self) -> bool {
        let place = |location: &Self| {
            location.path().and_then(|path| std::path::absolute(path.as_path()).ok())
        };
        self == other || place(self).is_some_and(|here| Some(here) == place(other))
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => path.fmt(f),
            #[cfg(feature = "postgres")]
            Self::Postgres(url) => url.fmt(f),
        }
    }
}

/// Path of the default database.
pub(super) const DEFAULT_PATH: &str = "./data/enterprise/zenith.db";
const DEFAULT_DIRECTORY: &str = "./data/enterprise";

/// SQLite's limit on a path, minus the longest suffix that it appends.
pub(crate) const LONGEST_PATH: usize = 512 - "-journal".len();

/// Limit of most file systems on a name, minus the longest suffix that SQLite appends.
const LONGEST_NAME: usize = 255 - "-journal".len();

/// Longest part of a database's name in the names of other files, in bytes. It leaves room for a time
/// and for what tells the files apart.
const LONGEST_IN_NAMES: usize = 200;

/// Path of an SQLite database, taken literally: `a#b.db`, `a?b.db` and `a%20b.db` name three
/// files, each by exactly this text.
///
/// Only the text has been checked; the file is checked when it is opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct DatabasePath(PathBuf);

impl DatabasePath {
    /// Parses a path.
    fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("it is empty; unset it for the default".into());
        }
        if text.contains('\0') {
            return Err("a path cannot contain NUL".into());
        }
        if text.trim() != text {
            return Err("it begins or ends with white space".into());
        }
        let lower = text.to_ascii_lowercase();
        if lower == ":memory:" {
            return Err("a database in memory would be lost at exit; give a file".into());
        }
        if let Some(reason) = mistaken(text) {
            return Err(reason.into());
        }
        let path = Path::new(text);
        // Not `Path::file_name`, which overlooks a slash or a dot at the end.
        let name = text.rsplit(std::path::is_separator).next().unwrap_or_default();
        if matches!(name, "" | "." | "..") {
            return Err("it names a directory; add the file's name, such as zenith.db".into());
        }
        if let Some(suffix) = ["-wal", "-shm", "-journal"].iter().find(|s| name.ends_with(**s)) {
            return Err(format!("names that end in {suffix} are reserved for SQLite's own files"));
        }
        if name.len() > LONGEST_NAME {
            return Err(format!(
                "the name of the file must not exceed {LONGEST_NAME} bytes: with the suffix -journal of \
                 SQLite's rollback journal, it would be longer than file systems allow"
            ));
        }
        let absolute = std::path::absolute(path).map_err(|cause| cause.to_string())?;
        if absolute.as_os_str().len() > LONGEST_PATH {
            return Err(format!(
                "the absolute path must not exceed {LONGEST_PATH} bytes, SQLite's limit"
            ));
        }
        Ok(Self(path.to_owned()))
    }

    /// Parses the part after `sqlite:` in a `DATABASE_URL`.
    ///
    /// The Diesel CLI reads the same variable and decodes `%`, `?` and `#` after `sqlite://`. They
    /// are refused there, rather than opening another file than the Diesel CLI would.
    fn parse_after_scheme(rest: &str) -> Result<Self, String> {
        let path = rest.strip_prefix("//").ok_or("write sqlite:// followed by the path")?;
        if path.contains(['%', '?', '#']) {
            return Err(
                "after sqlite:// the characters % ? # have a special meaning; give the plain path \
                        instead, which is taken literally"
                    .into(),
            );
        }
        Self::parse(path)
    }

    /// Returns the path as it was given.
    #[must_use]
    pub fn as_path(&self) -> &Path {
        &self.0
    }

    /// Returns the directory that contains the file.
    #[must_use]
    pub fn directory(&self) -> &Path {
        match self.0.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        }
    }

    /// Whether the path names the same file.
    pub(crate) fn is_same_file(&self, path: &Path) -> bool {
        let place = |path: &Path| std::fs::canonicalize(path).ok();
        place(self.as_path()).is_some_and(|here| Some(here) == place(path))
    }

    /// Returns the file's name, for the names of other files: a long name is shortened.
    #[must_use]
    pub fn name_in_names(&self) -> String {
        shortened(self.0.file_name())
    }

    /// Returns the file's name without its extension, for the names of other files: a long name is
    /// shortened.
    #[must_use]
    pub fn stem_in_names(&self) -> String {
        shortened(self.0.file_stem())
    }

    /// Returns the path of the database with `suffix` appended to its name.
    #[must_use]
    pub fn with_suffix(&self, suffix: &str) -> PathBuf {
        let mut name = self.0.as_os_str().to_owned();
        name.push(suffix);
        name.into()
    }
}

/// Returns a name of at most [`LONGEST_IN_NAMES`] bytes: a longer one ends with its digest instead.
fn shortened(name: Option<&std::ffi::OsStr>) -> String {
    let mut name = name.unwrap_or_default().to_string_lossy().into_owned();
    if name.len() > LONGEST_IN_NAMES {
        let digest = Sha256::digest(name.as_bytes());
        let digest = digest.first_chunk().copied().map_or(0, u64::from_be_bytes);
        let digest = format!("{digest:016x}");
        let is_end = |end: &usize| name.is_char_boundary(*end);
        let end = (0..LONGEST_IN_NAMES - digest.len()).rev().find(is_end);
        name.truncate(end.unwrap_or_default());
        name.push('~');
        name.push_str(&digest);
    }
    name
}

impl fmt::Display for DatabasePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.display().fmt(f)
    }
}

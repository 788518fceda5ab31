//! What can be wrong with a configuration.

use std::path::PathBuf;

use super::setting::Source;

/// A setting that cannot be used: which, what it says, where that came from, and what is allowed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A value outside what its setting allows.
    #[error("{name}={value:?} ({origin}) is not valid: {reason}")]
    Invalid {
        /// The setting.
        name: String,
        /// What it says; masked if it may hold a secret.
        value: String,
        /// Where it came from.
        origin: Source,
        /// What is wrong and what is allowed.
        reason: String,
    },
    /// A value that is not Unicode text.
    #[error("{name} ({origin}) is not valid UTF-8; settings and paths must be")]
    NotUnicode {
        /// The setting.
        name: String,
        /// Where it came from.
        origin: Source,
    },
    /// `DATABASE_URL` and `DATABASE_PATH` name two databases in one and the same place.
    #[error(
        "DATABASE_URL={url:?} and DATABASE_PATH={path:?} ({origin}) name two different databases; \
         keep one of them"
    )]
    Contradiction {
        /// What `DATABASE_URL` says, its password masked.
        url: String,
        /// What `DATABASE_PATH` says.
        path: String,
        /// Where both came from.
        origin: Source,
    },
    /// A `.env` file that cannot be read or parsed.
    #[error("cannot read the settings file {path}: {reason}", path = path.display())]
    EnvFile {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

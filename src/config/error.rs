//! Errors of the configuration.

use super::shown::shown;
use std::path::PathBuf;

use super::setting::Source;

/// Reason why a setting cannot be used, with its name, its value, its source, and what is allowed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A value is not allowed for its setting.
    #[error(
        "{name}={value:?} ({origin}{line}) is not valid: {reason}",
        line = in_line(*line)
    )]
    Invalid {
        /// Name of the setting.
        name: String,
        /// Value of the setting, masked if it may hold a secret.
        value: String,
        /// Source of the value.
        origin: Source,
        /// Line of the `.env` file, if the value is from one.
        line: Option<usize>,
        /// Reason, and what is allowed.
        reason: String,
    },
    /// A value is not valid UTF-8.
    #[error("the value of {name} ({origin}) is not valid UTF-8, as settings and paths must be")]
    NotUnicode {
        /// Name of the setting.
        name: String,
        /// Source of the value.
        origin: Source,
    },
    /// `DATABASE_URL` and `DATABASE_PATH` have the same source and name two databases.
    #[error(
        "DATABASE_URL={url:?} and DATABASE_PATH={path:?} ({origin}) name two different databases; \
         keep one of them"
    )]
    Contradiction {
        /// Value of `DATABASE_URL`, with the password masked.
        url: String,
        /// Value of `DATABASE_PATH`.
        path: String,
        /// Source of both values.
        origin: Source,
    },
    /// A `.env` file cannot be read or parsed.
    #[error("cannot read the settings file {path}: {reason}", path = shown(path.display()))]
    EnvFile {
        /// Path of the file.
        path: PathBuf,
        /// Reason, with the number of the line if one is at fault.
        reason: String,
    },
}

fn in_line(line: Option<usize>) -> String {
    line.map_or_else(String::new, |line| format!(", line {line}"))
}

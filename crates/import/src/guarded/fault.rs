//! SQLite's errors under limits.

use rusqlite::ErrorCode;
use zenith_db::Error;

use super::budget::Budget;
use crate::error::AdoptionError;

/// Longest text, BLOB or row, in bytes.
pub(super) const LONGEST: i32 = 128 << 20;

/// Returns the error for a statement on the former database, or with its tables. It names `object`.
pub(crate) fn fault(object: &str, budget: Option<Budget>, cause: rusqlite::Error) -> AdoptionError {
    let object = object.to_owned();
    match (cause.sqlite_error_code(), budget) {
        (Some(ErrorCode::OperationInterrupted), Some(budget)) => budget.error(&object),
        (Some(ErrorCode::TooBig), _) => {
            AdoptionError::TooLarge { object, limit: format!("{LONGEST} bytes for a value") }
        }
        (Some(ErrorCode::OutOfMemory), _) => AdoptionError::OutOfMemory { object },
        (Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase), _) => {
            Error::IntegrityFaults { database: object, faults: message(&cause) }.into()
        }
        _ => AdoptionError::Former { object, source: cause },
    }
}

/// Returns SQLite's own words.
pub(crate) fn message(cause: &rusqlite::Error) -> String {
    match cause {
        rusqlite::Error::SqliteFailure(_, Some(message)) => message.clone(),
        other => other.to_string(),
    }
}

impl From<rusqlite::Error> for AdoptionError {
    fn from(cause: rusqlite::Error) -> Self {
        fault("its file", None, cause)
    }
}

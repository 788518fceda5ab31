//! Conversion of Diesel's errors into the library's.

use diesel::result::Error as DieselError;

use super::Error;
use super::server::StatementFault;
use super::violation::Violation;
use crate::locks;

impl From<Violation> for Error {
    fn from(violation: Violation) -> Self {
        Self::Violation(Box::new(violation))
    }
}

impl From<DieselError> for Error {
    fn from(error: DieselError) -> Self {
        match StatementFault::of(&error) {
            Some(StatementFault::Damaged) => return Self::Damaged(error),
            Some(StatementFault::DiskFull) => return Self::DiskFull(error),
            Some(StatementFault::ConnectionLost) => return Self::ConnectionLost(error),
            Some(StatementFault::Conflict) => return Self::Conflict(error),
            Some(StatementFault::Locked) => {
                // SQLite waits in any statement: for a lock to read, or for readers in a commit.
                let action = "reading or writing the database";
                return Self::locked(action, None, locks::obstacle(), Some(error));
            }
            Some(StatementFault::ReadOnly) => return Self::WriteRefused(error),
            Some(StatementFault::TimedOut(setting)) => {
                return Self::TimedOut { setting, source: error };
            }
            None => {}
        }
        match Violation::of(error) {
            Ok(violation) => violation.into(),
            Err(error) => Self::Query(error),
        }
    }
}

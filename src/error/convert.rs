//! Conversion of Diesel's errors into the library's.

use diesel::result::Error as DieselError;

use super::Error;
use super::server::StatementFault;
use super::violation::{Rule, Violation};
use crate::locks;
use crate::types::{NotEmailAddress, NotUsername};

impl From<Violation> for Error {
    fn from(violation: Violation) -> Self {
        Self::Violation(Box::new(violation))
    }
}

/// As a violation of the column, with the reason as its source.
impl From<NotUsername> for Error {
    fn from(fault: NotUsername) -> Self {
        let (rule, constraint) = match fault {
            NotUsername::Length => (Rule::Length, "users_username_length"),
            NotUsername::Invisible(_) => (Rule::Invisible, "users_username_canonical"),
        };
        Violation::found_by(rule, constraint, fault).into()
    }
}

/// As a violation of the column, with the reason as its source.
impl From<NotEmailAddress> for Error {
    fn from(fault: NotEmailAddress) -> Self {
        let (rule, constraint) = match fault {
            NotEmailAddress::Length => (Rule::Length, "users_email_length"),
            NotEmailAddress::Invisible(_) => (Rule::Invisible, "users_email_canonical"),
            NotEmailAddress::WhiteSpace | NotEmailAddress::At => {
                (Rule::Canonical, "users_email_canonical")
            }
        };
        Violation::found_by(rule, constraint, fault).into()
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

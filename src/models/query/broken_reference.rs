//! Identification of the reference that a statement broke. PostgreSQL names it; SQLite only reports
//! that one is broken.

use diesel::dsl::exists;
use diesel::prelude::*;

use crate::backend::DbConnection;
use crate::dispatch;
use crate::error::Result;
use crate::error::{Rule, Violation};
use crate::schema::{chat_history, chat_sessions, documents, permissions, roles, users};
use crate::types::{ChatMessagePublicId, ChatSessionId, DocumentId, PermissionId, RoleId, UserId};

/// Row that a reference names.
#[derive(Clone, Copy, Debug)]
pub(in crate::models) enum Parent {
    Role(RoleId),
    Permission(PermissionId),
    User(UserId),
    ChatSession(ChatSessionId),
    ChatMessage(ChatMessagePublicId),
    Document(DocumentId),
}

impl Parent {
    fn exists(self, connection: &mut DbConnection) -> QueryResult<bool> {
        macro_rules! there {
            ($table:ident, $column:ident, $value:expr) => {
                dispatch!(connection, |c| diesel::select(exists(
                    $table::table.filter($table::$column.eq($value))
                ))
                .get_result(c))
            };
        }
        match self {
            Self::Role(id) => there!(roles, id, id),
            Self::Permission(id) => there!(permissions, id, id),
            Self::User(id) => there!(users, id, id),
            Self::ChatSession(id) => there!(chat_sessions, id, id),
            Self::ChatMessage(id) => there!(chat_history, message_id, id),
            Self::Document(id) => there!(documents, id, id),
        }
    }
}

/// Returns the result of a statement that wrote these references, each with the name of its
/// constraint. If one of them is broken, the error names it.
pub(in crate::models) fn explain_broken_reference<T>(
    connection: &mut DbConnection,
    result: QueryResult<T>,
    references: &[(&str, Option<Parent>)],
) -> Result<T> {
    let error = match result {
        Ok(value) => return Ok(value),
        Err(error) => error,
    };
    let violation = match Violation::of(error) {
        Ok(violation) if violation.is_unidentified_reference() => violation,
        Ok(violation) => return Err(violation.into()),
        Err(error) => return Err(error.into()),
    };
    for (constraint, parent) in references {
        if let Some(parent) = parent
            && !parent.exists(connection)?
        {
            let named = violation.with_reference(Rule::UnknownReference, constraint);
            return Err(named.into());
        }
    }
    Err(violation.into())
}

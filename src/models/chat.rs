//! Conversations and their messages.

use diesel::prelude::*;
use serde::Serialize;

use crate::schema::{chat_history, chat_sessions};
use crate::types::{
    ChatMessageId, ChatSessionId, DocumentId, Json, MessageType, PublicId, UserId, UtcTime,
};
use crate::{DbConnection, Result, dispatch};

/// A conversation.
#[derive(Clone, Debug, PartialEq, Eq, Identifiable, Queryable, Selectable, Serialize)]
#[diesel(table_name = chat_sessions)]
#[diesel(check_for_backend(crate::connection::MultiBackend))]
pub struct ChatSession {
    /// The row's key.
    pub id: ChatSessionId,
    /// The public id.
    pub session_id: PublicId,
    /// Whose it is.
    pub user_id: UserId,
    /// What it is called.
    pub title: Option<String>,
    /// When it was opened.
    pub created_at: UtcTime,
    /// The last activity.
    pub updated_at: UtcTime,
    /// When the last message came.
    pub last_message_at: Option<UtcTime>,
    /// How many messages it has.
    pub message_count: i64,
    /// How many tokens they have together.
    pub total_tokens: i64,
}

/// A conversation to open.
#[derive(Clone, Debug, Insertable)]
#[diesel(table_name = chat_sessions)]
#[diesel(treat_none_as_default_value = false)]
pub struct NewChatSession<'a> {
    /// The public id.
    pub session_id: PublicId,
    /// Whose it is.
    pub user_id: UserId,
    /// What it is called, up to 200 characters.
    pub title: Option<&'a str>,
}

/// A message.
#[derive(
    Clone, Debug, PartialEq, Eq, Associations, Identifiable, Queryable, Selectable, Serialize,
)]
#[diesel(table_name = chat_history, belongs_to(ChatSession))]
#[diesel(check_for_backend(crate::connection::MultiBackend))]
pub struct ChatMessage {
    /// The row's key: messages are in the order of their keys.
    pub id: ChatMessageId,
    /// The conversation.
    pub chat_session_id: ChatSessionId,
    /// Whose conversation it is.
    pub user_id: UserId,
    /// The public id.
    pub message_id: PublicId,
    /// What it answers.
    pub parent_message_id: Option<PublicId>,
    /// Its text.
    pub message_content: String,
    /// Who speaks.
    pub message_type: MessageType,
    /// When.
    pub timestamp: UtcTime,
    /// How many tokens it has.
    pub token_count: Option<i32>,
    /// The documents that it draws on.
    pub source_documents: Option<Json<Vec<DocumentId>>>,
}

/// A message to append.
#[derive(Clone, Debug, Insertable)]
#[diesel(table_name = chat_history)]
#[diesel(treat_none_as_default_value = false)]
pub struct NewChatMessage<'a> {
    /// The conversation.
    pub chat_session_id: ChatSessionId,
    /// Whose conversation it is.
    pub user_id: UserId,
    /// The public id.
    pub message_id: PublicId,
    /// What it answers.
    pub parent_message_id: Option<PublicId>,
    /// Its text.
    pub message_content: &'a str,
    /// Who speaks.
    pub message_type: MessageType,
    /// When.
    pub timestamp: UtcTime,
    /// How many tokens it has.
    pub token_count: Option<i32>,
    /// The documents that it draws on.
    pub source_documents: Option<Json<Vec<DocumentId>>>,
}

impl NewChatSession<'_> {
    /// Opens the conversation.
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) if the database refuses a value.
    pub fn insert(&self, connection: &mut DbConnection) -> Result<ChatSession> {
        Ok(dispatch!(connection, |connection| diesel::insert_into(chat_sessions::table)
            .values(self)
            .returning(ChatSession::as_returning())
            .get_result(connection))?)
    }
}

impl NewChatMessage<'_> {
    /// Appends the message and counts it in its conversation, both or neither.
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) if the database refuses a value.
    pub fn insert(&self, connection: &mut DbConnection) -> Result<ChatMessage> {
        connection.write(|connection| {
            let message =
                dispatch!(connection, |connection| diesel::insert_into(chat_history::table)
                    .values(self)
                    .returning(ChatMessage::as_returning())
                    .get_result(connection))?;
            let tokens = i64::from(self.token_count.unwrap_or(0));
            dispatch!(connection, |connection| diesel::update(
                chat_sessions::table.find(self.chat_session_id)
            )
            .set((
                chat_sessions::message_count.eq(chat_sessions::message_count + 1),
                chat_sessions::total_tokens.eq(chat_sessions::total_tokens + tokens),
                chat_sessions::last_message_at.eq(self.timestamp),
                chat_sessions::updated_at.eq(UtcTime::now()),
            ))
            .execute(connection))?;
            Ok(message)
        })
    }
}

impl ChatSession {
    /// The conversation with this key, as it is now.
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) with `NotFound` if there is none.
    pub fn find(connection: &mut DbConnection, id: ChatSessionId) -> Result<Self> {
        Ok(dispatch!(connection, |connection| chat_sessions::table
            .select(Self::as_select())
            .filter(chat_sessions::id.eq(id))
            .get_result(connection))?)
    }

    /// Its messages, oldest first.
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) if the database cannot be read.
    pub fn list_messages(&self, connection: &mut DbConnection) -> Result<Vec<ChatMessage>> {
        Ok(dispatch!(connection, |connection| ChatMessage::belonging_to(self)
            .select(ChatMessage::as_select())
            .order(chat_history::id)
            .load(connection))?)
    }
}

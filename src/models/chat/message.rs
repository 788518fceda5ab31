//! Chat messages, in the order of their ids.

use diesel::dsl::not;
use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use typed_builder::TypedBuilder;

use super::session::ChatSession;
use crate::backend::DbConnection;
use crate::connection::Writer;
use crate::dispatch;
use crate::error::Result;
use crate::error::{Rule, Violation};
use crate::models::query::{
    Cursor, LiteralLimit, Page, PageSize, Parent, Prepare, explain_broken_reference, find_one,
    not_before, not_found, paged,
};
use crate::schema::{chat_history, chat_sessions};
use crate::types::{
    ChatMessageId, ChatMessagePublicId, ChatSessionId, JsonText, MessageType, UserId, UtcTime,
};

/// Message of a conversation.
#[derive(
    Clone,
    Debug,
    PartialEq,
    Eq,
    Associations,
    Identifiable,
    Queryable,
    Selectable,
    Serialize,
    Deserialize,
)]
#[diesel(table_name = chat_history, belongs_to(ChatSession))]
#[diesel(check_for_backend(crate::backend::MultiBackend))]
pub struct ChatMessage {
    /// Primary key. It also determines the order of the messages.
    pub id: ChatMessageId,
    /// Conversation of the message.
    pub chat_session_id: ChatSessionId,
    /// User for whom the message was written: the owner of the conversation, unless the application
    /// lets others write.
    pub user_id: UserId,
    /// Public UUID.
    pub message_id: ChatMessagePublicId,
    /// Message that this one replies to, if any.
    pub parent_message_id: Option<ChatMessagePublicId>,
    /// Text of the message.
    pub message_content: String,
    /// Author of the message: user, assistant or system.
    pub message_type: MessageType,
    /// Name of the model that wrote the message.
    pub model_name: Option<String>,
    /// Provider of the model.
    pub provider: Option<String>,
    /// Time of the message.
    pub timestamp: UtcTime,
    /// Number of tokens in the text, if known.
    pub token_count: Option<i32>,
    /// Time that the model took, in milliseconds.
    pub processing_time_ms: Option<i32>,
    /// Whether the message is soft-deleted. Its row stays until the conversation is deleted.
    pub is_deleted: bool,
    /// Time of the soft deletion, if any.
    pub deleted_at: Option<UtcTime>,
    /// User who soft-deleted the message.
    pub deleted_by: Option<UserId>,
    /// Whether the message has been edited.
    pub is_edited: bool,
    /// Number of edits.
    pub edit_count: i32,
    /// Time of the last edit, if any.
    pub last_edited_at: Option<UtcTime>,
    /// The reader's rating, 1 to 5.
    pub feedback_rating: Option<i32>,
    /// The reader's comment.
    pub feedback_comment: Option<String>,
    /// Documents that the message draws on, in the application's form.
    pub source_documents: Option<JsonText>,
    /// Context that was retrieved for the message, in the application's form.
    pub retrieval_context: Option<JsonText>,
    /// Application-defined metadata.
    pub metadata: JsonText,
}

/// Message to append to a conversation.
#[derive(Clone, Debug, Insertable, TypedBuilder)]
#[diesel(table_name = chat_history)]
#[diesel(treat_none_as_default_value = false)]
pub struct NewChatMessage<'a> {
    /// Conversation of the message.
    pub chat_session_id: ChatSessionId,
    /// User for whom the message is written: the owner of the conversation, unless the application
    /// lets others write.
    pub user_id: UserId,
    /// Public UUID; a new one by default.
    #[builder(default = ChatMessagePublicId::new())]
    pub message_id: ChatMessagePublicId,
    /// Message that this one replies to.
    #[builder(default, setter(into))]
    pub parent_message_id: Option<ChatMessagePublicId>,
    /// Text of the message.
    pub message_content: &'a str,
    /// Author of the message: user, assistant or system.
    pub message_type: MessageType,
    /// Name of the model that wrote the message, 1 to 100 characters.
    #[builder(default, setter(into))]
    pub model_name: Option<&'a str>,
    /// Provider of the model, 1 to 50 characters.
    #[builder(default, setter(into))]
    pub provider: Option<&'a str>,
    /// Time of the message; now by default.
    #[builder(default = UtcTime::now())]
    pub timestamp: UtcTime,
    /// Number of tokens in the text, if known.
    #[builder(default, setter(into))]
    pub token_count: Option<i32>,
    /// Time that the model took, in milliseconds.
    #[builder(default, setter(into))]
    pub processing_time_ms: Option<i32>,
    /// Documents that the message draws on, in the application's form.
    #[builder(default, setter(into))]
    pub source_documents: Option<JsonText>,
    /// Context that was retrieved for the message, in the application's form.
    #[builder(default, setter(into))]
    pub retrieval_context: Option<JsonText>,
    /// Application-defined metadata; an empty object by default.
    #[builder(default = JsonText::empty_object())]
    pub metadata: JsonText,
}

/// Order of a page of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageOrder {
    /// From the first message of the conversation to the last.
    OldestFirst,
    /// From the last message of the conversation to the first.
    NewestFirst,
}

impl NewChatMessage<'_> {
    /// Appends the message, and adds it to the counters of its conversation in the same
    /// transaction. Returns its row.
    ///
    /// # Errors
    /// [`Error::Violation`](crate::Error::Violation) if the conversation, the user or the parent
    /// message does not exist, or a value breaks a rule.
    pub fn insert(&self, connection: &mut Writer<'_>) -> Result<ChatMessage> {
        connection.write(|connection| {
            // A negative number is for the message's own rule to refuse.
            let tokens = i64::from(self.token_count.unwrap_or(0).max(0));
            let counted = (
                chat_sessions::message_count.eq(chat_sessions::message_count + 1),
                chat_sessions::total_tokens.eq(chat_sessions::total_tokens + tokens),
                // Messages may come with times of their own; the last one's is the latest.
                chat_sessions::last_message_at
                    .eq(not_before!(chat_sessions::last_message_at, self.timestamp)),
                chat_sessions::updated_at.eq(UtcTime::now()),
            );
            // First, so that messages of one conversation get their keys in the order of their commits.
            let counted = dispatch!(&mut *connection, |connection| diesel::update(
                chat_sessions::table.find(self.chat_session_id)
            )
            .set(counted)
            .returning(chat_sessions::id)
            .prepared()
            .load::<ChatSessionId>(connection))?
            .len();
            if counted == 0 {
                let rule = "chat_history_chat_session_id_fkey";
                return Err(Violation::new(Rule::UnknownReference, rule).into());
            }
            let result =
                dispatch!(&mut *connection, |connection| diesel::insert_into(chat_history::table)
                    .values(self)
                    .returning(ChatMessage::as_returning())
                    .get_result(connection));
            let references = [
                (
                    "chat_history_chat_session_id_fkey",
                    Some(Parent::ChatSession(self.chat_session_id)),
                ),
                ("chat_history_user_id_fkey", Some(Parent::User(self.user_id))),
                (
                    "chat_history_parent_message_id_fkey",
                    self.parent_message_id.map(Parent::ChatMessage),
                ),
            ];
            explain_broken_reference(connection, result, &references)
        })
    }
}

paged!(ChatMessage, "chat_history", ChatMessageId, |message| message.id);

impl ChatMessage {
    /// Returns the message with this id, if any, soft-deleted or not.
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) if the database cannot be read.
    pub fn find(connection: &mut DbConnection, id: ChatMessageId) -> Result<Option<Self>> {
        find_one!(connection, chat_history, chat_history::id.eq(id))
    }

    /// Returns the message with this public UUID, if any, soft-deleted or not.
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) if the database cannot be read.
    pub fn find_by_message_id(
        connection: &mut DbConnection,
        message_id: ChatMessagePublicId,
    ) -> Result<Option<Self>> {
        find_one!(connection, chat_history, chat_history::message_id.eq(message_id))
    }

    /// Returns the messages of the conversation in the given order, without the soft-deleted
    /// ones. The page begins at `cursor`, or at the first in that order if it is
    /// `None`.
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) if the database cannot be read.
    pub fn page(
        connection: &mut DbConnection,
        session: ChatSessionId,
        order: MessageOrder,
        cursor: Option<Cursor<Self>>,
        size: PageSize,
    ) -> Result<Page<Self>> {
        let messages = chat_history::table
            .filter(chat_history::chat_session_id.eq(session))
            .filter(not(chat_history::is_deleted));
        let rows = match order {
            MessageOrder::OldestFirst => dispatch!(connection, |connection| messages
                .select(Self::as_select())
                .filter(chat_history::id.gt(cursor.map_or(ChatMessageId(0), Cursor::position)))
                .order(chat_history::id)
                .literal_limit(size.rows_to_fetch())
                .load(connection)),
            MessageOrder::NewestFirst => dispatch!(connection, |connection| messages
                .select(Self::as_select())
                .filter(
                    chat_history::id.lt(cursor.map_or(ChatMessageId(i64::MAX), Cursor::position))
                )
                .order(chat_history::id.desc())
                .literal_limit(size.rows_to_fetch())
                .load(connection)),
        }?;
        Ok(Page::of(rows, size))
    }

    /// Returns the direct replies to a message within its conversation, oldest first, without the
    /// soft-deleted ones. The page begins at the cursor `after`, or with the oldest if it is
    /// `None`.
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) if the database cannot be read.
    pub fn page_of_replies(
        connection: &mut DbConnection,
        session: ChatSessionId,
        parent: ChatMessagePublicId,
        after: Option<Cursor<Self>>,
        size: PageSize,
    ) -> Result<Page<Self>> {
        let rows = dispatch!(connection, |connection| chat_history::table
            .select(Self::as_select())
            .filter(chat_history::parent_message_id.eq(parent))
            .filter(chat_history::chat_session_id.eq(session))
            .filter(not(chat_history::is_deleted))
            .filter(chat_history::id.gt(after.map_or(ChatMessageId(0), Cursor::position)))
            .order(chat_history::id)
            .literal_limit(size.rows_to_fetch())
            .load(connection))?;
        Ok(Page::of(rows, size))
    }

    /// Replaces the text and its number of tokens, increments the number of edits, and updates the
    /// number of tokens of the conversation. Returns the new row.
    ///
    /// # Errors
    /// [`Error::NotFound`](crate::Error::NotFound) if no message has this id, or the
    /// message is soft-deleted; [`Error::Violation`](crate::Error::Violation) if a value breaks a rule.
    pub fn edit(
        connection: &mut Writer<'_>,
        id: ChatMessageId,
        content: &str,
        token_count: Option<i32>,
    ) -> Result<Self> {
        let now = UtcTime::now();
        connection.write(|connection| {
            // The conversation before the message, as its deletion does: the other way is a deadlock.
            let session: ChatSessionId =
                dispatch!(&mut *connection, |connection| chat_history::table
                    .select(chat_history::chat_session_id)
                    .filter(chat_history::id.eq(id).and(not(chat_history::is_deleted)))
                    .get_result(connection)
                    .optional())?
                .ok_or_else(not_found("chat_history", "id", id))?;
            dispatch!(&mut *connection, |connection| diesel::update(
                chat_sessions::table.find(session)
            )
            .set(chat_sessions::updated_at.eq(now))
            .execute(connection))?;
            // What this returns is nobody else's to change before the last statement.
            let edited = (
                chat_history::message_content.eq(content),
                chat_history::is_edited.eq(true),
                chat_history::edit_count.eq(chat_history::edit_count + 1),
                chat_history::last_edited_at.eq(now),
            );
            let before: Self =
                dispatch!(&mut *connection, |connection| diesel::update(chat_history::table)
                    .filter(chat_history::id.eq(id).and(not(chat_history::is_deleted)))
                    .set(edited)
                    .returning(Self::as_returning())
                    .get_result(connection)
                    .optional())?
                .ok_or_else(not_found("chat_history", "id", id))?;
            let message: Self = dispatch!(&mut *connection, |connection| diesel::update(
                chat_history::table.find(id)
            )
            .set(chat_history::token_count.eq(token_count))
            .returning(Self::as_returning())
            .get_result(connection))?;
            let more =
                i64::from(token_count.unwrap_or(0)) - i64::from(before.token_count.unwrap_or(0));
            dispatch!(connection, |connection| diesel::update(
                chat_sessions::table.find(message.chat_session_id)
            )
            .set((
                chat_sessions::total_tokens.eq(chat_sessions::total_tokens + more),
                // The same time once more would make the database put its own in its place.
                chat_sessions::updated_at.eq(UtcTime::now()),
            ))
            .execute(connection))?;
            Ok(message)
        })
    }

    /// Soft-deletes the message: pages omit it, and its row stays until the conversation is deleted.
    /// Returns `false` if it does not exist or is already deleted.
    ///
    /// # Errors
    /// [`Error::Violation`](crate::Error::Violation) if the user `by` does not exist.
    pub fn soft_delete(
        connection: &mut Writer<'_>,
        id: ChatMessageId,
        by: Option<UserId>,
    ) -> Result<bool> {
        let set = (
            chat_history::is_deleted.eq(true),
            chat_history::deleted_at.eq(UtcTime::now()),
            chat_history::deleted_by.eq(by),
        );
        let result = dispatch!(&mut *connection, |connection| diesel::update(chat_history::table)
            .filter(chat_history::id.eq(id).and(not(chat_history::is_deleted)))
            .set(set)
            .execute(connection));
        let deleter = by.map(Parent::User);
        Ok(explain_broken_reference(
            connection,
            result,
            &[("chat_history_deleted_by_fkey", deleter)],
        )? > 0)
    }

    /// Sets the reader's rating (1 to 5) and comment, and returns the new row. `None` removes the rating
    /// or the comment.
    ///
    /// # Errors
    /// [`Error::NotFound`](crate::Error::NotFound) if no message has this id;
    /// [`Error::Violation`](crate::Error::Violation) if the rating is not 1 to 5.
    pub fn set_feedback(
        connection: &mut Writer<'_>,
        id: ChatMessageId,
        rating: Option<i32>,
        comment: Option<&str>,
    ) -> Result<Self> {
        let set =
            (chat_history::feedback_rating.eq(rating), chat_history::feedback_comment.eq(comment));
        dispatch!(connection, |connection| diesel::update(chat_history::table.find(id))
            .set(set)
            .returning(Self::as_returning())
            .get_result(connection)
            .optional())?
        .ok_or_else(not_found("chat_history", "id", id))
    }
}

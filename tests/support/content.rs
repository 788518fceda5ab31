//! Conversations and documents for the tests of models.

use diesel::prelude::*;
use zenith_db::Result;
use zenith_db::dispatch;
use zenith_db::prelude::*;
use zenith_db::schema::chat_sessions;

use super::models::Models;

/// Returns a time in the past: this many seconds after a fixed one.
pub fn time(seconds: u32) -> UtcTime {
    let origin: UtcTime = "2020-01-01 00:00:00.000000".parse().expect("a time");
    origin.plus_seconds(seconds)
}

pub fn open(models: &Models, user: UserId) -> ChatSession {
    models.run(|conn| NewChatSession::builder().user_id(user).build().insert(conn))
}

/// Inserts a conversation whose last activity was at this time, which the models cannot set.
pub fn open_at(
    connection: &mut Writer<'_>,
    user: UserId,
    archived: bool,
    time: UtcTime,
) -> Result<ChatSessionId> {
    let new = NewChatSession::builder().user_id(user).build();
    let when = (chat_sessions::updated_at.eq(time), chat_sessions::is_archived.eq(archived));
    Ok(dispatch!(connection, |connection| diesel::insert_into(chat_sessions::table)
        .values((&new, when))
        .returning(chat_sessions::id)
        .get_result(connection))?)
}

/// Returns the current row of the conversation.
pub fn reload(models: &Models, session: ChatSessionId) -> ChatSession {
    models.run(|conn| ChatSession::find(conn, session)).expect("a conversation")
}

/// Returns a message of the user, to be appended to the conversation.
pub fn message(session: &ChatSession, text: &'static str) -> NewChatMessage<'static> {
    NewChatMessage::builder()
        .chat_session_id(session.id)
        .user_id(session.user_id)
        .message_content(text)
        .message_type(MessageType::User)
        .build()
}

pub fn say(models: &Models, session: &ChatSession, text: &'static str) -> ChatMessage {
    models.run(|conn| message(session, text).insert(conn))
}

/// Returns a document of the user with this content.
pub fn document(user: UserId, content: &str) -> NewDocument<'static> {
    NewDocument::builder()
        .user_id(user)
        .filename("kept.pdf")
        .original_filename("report.pdf")
        .file_path("/files/kept.pdf")
        .file_size(1_000)
        .file_hash(Sha256Hash::of(content))
        .mime_type("application/pdf")
        .build()
}

pub fn upload(models: &Models, user: UserId, content: &str) -> Document {
    models.run(|conn| document(user, content).insert(conn))
}

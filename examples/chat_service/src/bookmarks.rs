//! Bookmarks: a table of the service's own, which refers to users and messages.

use axum::extract::State;
use axum::http::StatusCode;
use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use zenith_db::schema::{chat_history, chat_sessions};
use zenith_db::types::{ChatMessageId, ChatMessagePublicId, ChatSessionPublicId, UserId, UtcTime};
use zenith_db::{DbConnection, Result, Writer, dispatch};

use crate::error::ApiError;
use crate::extract::Json;
use crate::schema::bookmarks;
use crate::session::SignedIn;
use crate::state::App;

/// Most bookmarks that are listed.
const LISTED: i64 = 100;

#[derive(Deserialize)]
pub(crate) struct NewBookmark {
    message_id: ChatMessagePublicId,
    #[serde(default)]
    note: String,
}

/// Bookmark as its owner sees it, with the message.
#[derive(Queryable, Serialize)]
pub(crate) struct Bookmark {
    message_id: ChatMessagePublicId,
    conversation_id: ChatSessionPublicId,
    message: String,
    note: String,
    created_at: UtcTime,
}

/// Marks a message of one of the user's conversations.
pub(crate) async fn add(
    State(app): State<App>,
    SignedIn(user): SignedIn,
    Json(NewBookmark { message_id, note }): Json<NewBookmark>,
) -> Result<StatusCode, ApiError> {
    let insert = move |conn: &mut Writer<'_>| {
        let message = own_message(conn, user.id, message_id)?.ok_or(ApiError::NotFound)?;
        let row = (
            bookmarks::user_id.eq(user.id),
            bookmarks::message_id.eq(message),
            bookmarks::note.eq(&note),
            bookmarks::created_at.eq(UtcTime::now()),
        );
        dispatch!(conn, |conn| diesel::insert_into(bookmarks::table).values(row).execute(conn))?;
        Ok::<_, ApiError>(StatusCode::CREATED)
    };
    app.database.try_write(insert).await
}

fn own_message(
    conn: &mut DbConnection,
    user: UserId,
    message: ChatMessagePublicId,
) -> Result<Option<ChatMessageId>> {
    Ok(dispatch!(conn, |conn| chat_history::table
        .inner_join(chat_sessions::table)
        .filter(chat_history::message_id.eq(message))
        .filter(diesel::dsl::not(chat_history::is_deleted))
        .filter(chat_sessions::user_id.eq(user))
        .select(chat_history::id)
        .get_result(conn)
        .optional())?)
}

/// Lists the user's newest bookmarks.
pub(crate) async fn list(
    State(app): State<App>,
    SignedIn(user): SignedIn,
) -> Result<Json<Vec<Bookmark>>, ApiError> {
    let listed = app.database.read(move |conn| bookmarks_of(conn, user.id)).await?;
    Ok(Json(listed))
}

fn bookmarks_of(conn: &mut DbConnection, user: UserId) -> Result<Vec<Bookmark>> {
    Ok(dispatch!(conn, |conn| bookmarks::table
        .inner_join(chat_history::table.inner_join(chat_sessions::table))
        .filter(bookmarks::user_id.eq(user))
        .filter(diesel::dsl::not(chat_history::is_deleted))
        .select((
            chat_history::message_id,
            chat_sessions::session_id,
            chat_history::message_content,
            bookmarks::note,
            bookmarks::created_at,
        ))
        .order(bookmarks::id.desc())
        .limit(LISTED)
        .load(conn))?)
}

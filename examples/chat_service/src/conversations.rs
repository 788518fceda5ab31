//! The conversations of a user, and their messages.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use zenith_db::DbConnection;
use zenith_db::models::{
    ChatMessage, ChatSession, MessageOrder, NewChatMessage, NewChatSession, PublicChatMessage,
    Right,
};
use zenith_db::types::{ChatSessionPublicId, MessageType, UserId};

use crate::error::ApiError;
use crate::extract::{Json, PageQuery, Path, Query, shown};
use crate::session::{SignedIn, require};
use crate::state::App;

#[derive(Deserialize)]
pub(crate) struct Opening {
    title: Option<String>,
}

/// Opens a conversation.
pub(crate) async fn open(
    State(app): State<App>,
    SignedIn(user): SignedIn,
    Json(Opening { title }): Json<Opening>,
) -> Result<Response, ApiError> {
    let session = app
        .database
        .try_write(move |conn| {
            require(conn, user.id, Right::ACCESS_CHAT)?;
            let new = NewChatSession::builder().user_id(user.id).title(title.as_deref());
            Ok::<_, ApiError>(new.build().insert(conn)?)
        })
        .await?;
    Ok((StatusCode::CREATED, Json(session.public())).into_response())
}

#[derive(Deserialize)]
pub(crate) struct Text {
    text: String,
}

/// Appends a message of the user.
pub(crate) async fn write(
    State(app): State<App>,
    SignedIn(user): SignedIn,
    Path(id): Path<ChatSessionPublicId>,
    Json(Text { text }): Json<Text>,
) -> Result<Response, ApiError> {
    let message = app
        .database
        .try_write(move |conn| {
            require(conn, user.id, Right::ACCESS_CHAT)?;
            let conversation = own(conn, user.id, id)?;
            let message = NewChatMessage::builder()
                .chat_session_id(conversation.id)
                .user_id(user.id)
                .message_type(MessageType::User)
                .message_content(&text)
                .build();
            Ok::<_, ApiError>(message.insert(conn)?)
        })
        .await?;
    Ok((StatusCode::CREATED, Json(message.public())).into_response())
}

/// Lists the messages of a conversation, oldest first.
pub(crate) async fn read(
    State(app): State<App>,
    SignedIn(user): SignedIn,
    Path(id): Path<ChatSessionPublicId>,
    Query(query): Query<PageQuery<ChatMessage>>,
) -> Result<Response, ApiError> {
    let page = app
        .database
        .try_read(move |conn| {
            let conversation = own(conn, user.id, id)?;
            let order = MessageOrder::OldestFirst;
            let page = ChatMessage::page(conn, conversation.id, order, query.cursor, query.size());
            Ok::<_, ApiError>(page?)
        })
        .await?;
    Ok(Json(shown::<_, PublicChatMessage<'_>>(&page)).into_response())
}

/// Returns the user's conversation. One of somebody else is not found, so that nobody learns that it exists.
fn own(
    conn: &mut DbConnection,
    user: UserId,
    id: ChatSessionPublicId,
) -> Result<ChatSession, ApiError> {
    let found = ChatSession::find_by_session_id(conn, id)?;
    found.filter(|conversation| conversation.user_id == user).ok_or(ApiError::NotFound)
}

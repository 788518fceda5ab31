//! Conversations, and their sharing by token.

use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use typed_builder::TypedBuilder;

use crate::backend::DbConnection;
use crate::connection::Writer;
use crate::dispatch;
use crate::error::Result;
use crate::models::User;
use crate::models::query::{
    Cursor, LiteralLimit, Page, PageSize, Parent, explain_broken_reference, find_one, not_found,
    paged, require_affected, retained,
};
use crate::schema::chat_sessions;
use crate::types::{ChatSessionId, ChatSessionPublicId, JsonText, ShareToken, UserId, UtcTime};

diesel::alias! {
    // The conversations that retention is about to delete.
    const DOOMED: Alias<Doomed> = chat_sessions as doomed;
}

retained!(ChatSession, chat_sessions, ChatSessionId, updated_at, chat_sessions::updated_at);

/// Conversation of a user. Only [`ChatSession::share`] returns the token of a shared conversation.
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
#[diesel(table_name = chat_sessions, belongs_to(User))]
#[diesel(check_for_backend(crate::backend::MultiBackend))]
pub struct ChatSession {
    /// Primary key.
    pub id: ChatSessionId,
    /// Public UUID.
    pub session_id: ChatSessionPublicId,
    /// Owner of the conversation.
    pub user_id: UserId,
    /// Title of the conversation.
    pub title: Option<String>,
    /// Description of the conversation.
    pub description: Option<String>,
    /// Time of creation.
    pub created_at: UtcTime,
    /// Time of the last activity.
    pub updated_at: UtcTime,
    /// Time of the latest message; `None` if there is no message.
    pub last_message_at: Option<UtcTime>,
    /// Whether the conversation is archived.
    pub is_archived: bool,
    /// Whether everybody who has the token may read the conversation.
    pub is_shared: bool,
    /// End of the sharing; `None` if it does not expire.
    pub share_expires_at: Option<UtcTime>,
    /// Number of messages, including soft-deleted ones.
    pub message_count: i64,
    /// Total number of tokens in the messages.
    pub total_tokens: i64,
    /// Application-defined metadata.
    pub metadata: JsonText,
}

/// Conversation to insert.
#[derive(Clone, Debug, Insertable, TypedBuilder)]
#[diesel(table_name = chat_sessions)]
#[diesel(treat_none_as_default_value = false)]
pub struct NewChatSession<'a> {
    /// Public UUID; a new one by default.
    #[builder(default = ChatSessionPublicId::new())]
    pub session_id: ChatSessionPublicId,
    /// Owner of the conversation.
    pub user_id: UserId,
    /// Title of the conversation, up to 200 characters.
    #[builder(default, setter(into))]
    pub title: Option<&'a str>,
    /// Description of the conversation.
    #[builder(default, setter(into))]
    pub description: Option<&'a str>,
    /// Application-defined metadata; an empty object by default.
    #[builder(default = JsonText::empty_object())]
    pub metadata: JsonText,
}

/// Changes to a conversation. `None` leaves a column unchanged, `Some(None)` sets it to NULL.
#[derive(Clone, Debug, Default, AsChangeset)]
#[diesel(table_name = chat_sessions)]
pub struct ChatSessionChanges<'a> {
    /// Title of the conversation, up to 200 characters.
    pub title: Option<Option<&'a str>>,
    /// Description of the conversation.
    pub description: Option<Option<&'a str>>,
    /// Whether the conversation is archived.
    pub is_archived: Option<bool>,
    /// Application-defined metadata.
    pub metadata: Option<JsonText>,
}

impl NewChatSession<'_> {
    /// Inserts the conversation and returns its row.
    ///
    /// # Errors
    /// [`Error::Violation`](crate::Error::Violation) if the user does not exist or the title is too
    /// long.
    pub fn insert(&self, connection: &mut Writer<'_>) -> Result<ChatSession> {
        // The default would be cut to milliseconds, and so before a change that was made earlier.
        let now = UtcTime::now();
        let opened = (chat_sessions::created_at.eq(now), chat_sessions::updated_at.eq(now));
        let result =
            dispatch!(&mut *connection, |connection| diesel::insert_into(chat_sessions::table)
                .values((self, opened))
                .returning(ChatSession::as_returning())
                .get_result(connection));
        let user = Some(Parent::User(self.user_id));
        explain_broken_reference(connection, result, &[("chat_sessions_user_id_fkey", user)])
    }
}

impl ChatSessionChanges<'_> {
    /// Applies the changes and returns the new row.
    ///
    /// # Errors
    /// [`Error::NotFound`](crate::Error::NotFound) if no conversation has this id;
    /// [`Error::Violation`](crate::Error::Violation) if the title is too long.
    pub fn update(&self, connection: &mut Writer<'_>, id: ChatSessionId) -> Result<ChatSession> {
        dispatch!(connection, |connection| diesel::update(chat_sessions::table.find(id))
            .set((self, chat_sessions::updated_at.eq(UtcTime::now())))
            .returning(ChatSession::as_returning())
            .get_result(connection)
            .optional())?
        .ok_or_else(not_found("chat_sessions", "id", id))
    }
}

paged!(ChatSession, "chat_sessions", (UtcTime, ChatSessionId), |session| (
    session.updated_at,
    session.id
));

impl ChatSession {
    /// Returns the conversation with this id, if any, whoever asks: the application compares its owner.
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) if the database cannot be read.
    pub fn find(connection: &mut DbConnection, id: ChatSessionId) -> Result<Option<Self>> {
        find_one!(connection, chat_sessions, chat_sessions::id.eq(id))
    }

    /// Returns the conversation with this public UUID, if any, whoever asks: see [`ChatSession::find`].
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) if the database cannot be read.
    pub fn find_by_session_id(
        connection: &mut DbConnection,
        session_id: ChatSessionPublicId,
    ) -> Result<Option<Self>> {
        find_one!(connection, chat_sessions, chat_sessions::session_id.eq(session_id))
    }

    /// Returns the conversation that this token shares at the time `now`, if any.
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) if the database cannot be read.
    pub fn find_shared(
        connection: &mut DbConnection,
        token: &ShareToken,
        now: UtcTime,
    ) -> Result<Option<Self>> {
        let unexpired =
            chat_sessions::share_expires_at.is_null().or(chat_sessions::share_expires_at.gt(now));
        find_one!(
            connection,
            chat_sessions,
            chat_sessions::share_token.eq(token.hash()),
            chat_sessions::is_shared.and(unexpired)
        )
    }

    /// Returns the user's conversations, only archived ones if `archived` is set and only the others if
    /// not, ordered by last activity, newest first. The page begins at the cursor `before`, or with the
    /// newest if it is `None`.
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) if the database cannot be read.
    pub fn page_for_user(
        connection: &mut DbConnection,
        user: UserId,
        archived: bool,
        before: Option<Cursor<Self>>,
        size: PageSize,
    ) -> Result<Page<Self>> {
        let (time, id) = before.map_or((UtcTime::MAX, ChatSessionId(i64::MAX)), Cursor::position);
        let rows = dispatch!(connection, |connection| chat_sessions::table
            .select(Self::as_select())
            .filter(chat_sessions::user_id.eq(user))
            .filter(chat_sessions::is_archived.eq(archived))
            .filter(chat_sessions::updated_at.le(time))
            .filter(chat_sessions::updated_at.lt(time).or(chat_sessions::id.lt(id)))
            .order((chat_sessions::updated_at.desc(), chat_sessions::id.desc()))
            .literal_limit(size.rows_to_fetch())
            .load(connection))?;
        Ok(Page::of(rows, size))
    }

    /// Shares the conversation with everybody who has the returned token, until `expires_at`, or
    /// without a limit if it is `None`.
    ///
    /// A previous token stops working. The token cannot be read again: the database holds its hash.
    ///
    /// # Errors
    /// [`Error::NotFound`](crate::Error::NotFound) if no conversation has this id.
    pub fn share(
        connection: &mut Writer<'_>,
        id: ChatSessionId,
        expires_at: Option<UtcTime>,
    ) -> Result<ShareToken> {
        let token = ShareToken::generate();
        Self::set_sharing(connection, id, Some(&token), expires_at)?;
        Ok(token)
    }

    /// Ends the sharing of the conversation: its token stops working.
    ///
    /// # Errors
    /// [`Error::NotFound`](crate::Error::NotFound) if no conversation has this id.
    pub fn unshare(connection: &mut Writer<'_>, id: ChatSessionId) -> Result<()> {
        Self::set_sharing(connection, id, None, None)
    }

    fn set_sharing(
        connection: &mut Writer<'_>,
        id: ChatSessionId,
        token: Option<&ShareToken>,
        expires_at: Option<UtcTime>,
    ) -> Result<()> {
        let set = (
            chat_sessions::is_shared.eq(token.is_some()),
            chat_sessions::share_token.eq(token.map(ShareToken::hash)),
            chat_sessions::share_expires_at.eq(expires_at),
            chat_sessions::updated_at.eq(UtcTime::now()),
        );
        require_affected(
            dispatch!(connection, |connection| diesel::update(chat_sessions::table.find(id))
                .set(set)
                .execute(connection))?,
            "chat_sessions",
            id,
        )
    }

    /// Deletes the conversation and its messages.
    ///
    /// # Errors
    /// [`Error::NotFound`](crate::Error::NotFound) if no conversation has this id.
    pub fn delete(connection: &mut Writer<'_>, id: ChatSessionId) -> Result<()> {
        require_affected(
            dispatch!(connection, |connection| diesel::delete(chat_sessions::table.find(id))
                .execute(connection))?,
            "chat_sessions",
            id,
        )
    }

    /// Deletes conversations whose last activity was before `before`, with their messages, oldest first
    /// and at most `batch` of them. Returns the number of deleted conversations; call it until that
    /// is 0.
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) if the database cannot be written.
    pub fn delete_older_than(
        connection: &mut Writer<'_>,
        before: UtcTime,
        batch: PageSize,
    ) -> Result<usize> {
        let old = DOOMED
            .select(DOOMED.field(chat_sessions::id))
            .filter(DOOMED.field(chat_sessions::updated_at).lt(before))
            .order((DOOMED.field(chat_sessions::updated_at), DOOMED.field(chat_sessions::id)))
            .limit(batch.rows().into());
        Ok(dispatch!(connection, |connection| diesel::delete(chat_sessions::table)
            .filter(chat_sessions::id.eq_any(old))
            // Again, for one that was used while this waited for it.
            .filter(chat_sessions::updated_at.lt(before))
            .execute(connection))?)
    }

    /// Deletes the user's conversations with their messages, except the `keep` with the latest
    /// activity, at most `batch` of them. Counts and deletes only archived conversations if `archived`
    /// is set, and only the others if not. Returns the number of deleted conversations; call it until
    /// that is 0.
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) if the database cannot be written.
    pub fn delete_beyond_newest(
        connection: &mut Writer<'_>,
        user: UserId,
        archived: bool,
        keep: u32,
        batch: PageSize,
    ) -> Result<usize> {
        let newest_first = (chat_sessions::updated_at.desc(), chat_sessions::id.desc());
        let beyond: Vec<(ChatSessionId, UtcTime)> =
            dispatch!(&mut *connection, |connection| chat_sessions::table
                .select((chat_sessions::id, chat_sessions::updated_at))
                .filter(chat_sessions::user_id.eq(user))
                .filter(chat_sessions::is_archived.eq(archived))
                .order(newest_first)
                .limit(batch.rows().into())
                .offset(keep.into())
                .load(connection))?;
        let Some((_, last)) = beyond.first().copied() else { return Ok(0) };
        let ids: Vec<ChatSessionId> = beyond.into_iter().map(|(id, _)| id).collect();
        Ok(dispatch!(connection, |connection| diesel::delete(chat_sessions::table)
            .filter(chat_sessions::id.eq_any(&ids))
            // Again, for one that was used or archived while this waited for it.
            .filter(chat_sessions::updated_at.le(last).and(chat_sessions::is_archived.eq(archived)))
            .execute(connection))?)
    }
}

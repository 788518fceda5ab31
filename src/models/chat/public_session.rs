//! What others may see of a shared conversation.

use serde::Serialize;

use super::session::ChatSession;
use crate::types::{ChatSessionPublicId, UtcTime};

/// What others may see of a shared [`ChatSession`], to be serialised.
///
/// It holds no primary key, nothing secret, and of what is personal only what is made to be shown:
/// `docs/columns.csv` lists its fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct PublicChatSession<'a> {
    /// Public UUID.
    pub session_id: ChatSessionPublicId,
    /// Title of the conversation.
    pub title: Option<&'a str>,
    /// Description of the conversation.
    pub description: Option<&'a str>,
    /// Time of creation.
    pub created_at: UtcTime,
    /// Time of the latest message; `None` if there is no message.
    pub last_message_at: Option<UtcTime>,
}

impl<'a> From<&'a ChatSession> for PublicChatSession<'a> {
    fn from(session: &'a ChatSession) -> Self {
        Self {
            session_id: session.session_id,
            title: session.title.as_deref(),
            description: session.description.as_deref(),
            created_at: session.created_at,
            last_message_at: session.last_message_at,
        }
    }
}

impl ChatSession {
    /// Returns what others may see of the conversation, if it is shared with them: this does not ask
    /// whether it is.
    #[must_use]
    pub fn public(&self) -> PublicChatSession<'_> {
        self.into()
    }
}

//! What others may see of a message of a shared conversation.

use serde::Serialize;

use super::message::ChatMessage;
use crate::types::{ChatMessagePublicId, MessageType, UtcTime};

/// What others may see of a [`ChatMessage`] of a shared conversation, to be serialised.
///
/// It holds no primary key, nothing secret, and of what is personal only what is made to be shown:
/// `docs/columns.csv` lists its fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct PublicChatMessage<'a> {
    /// Public UUID.
    pub message_id: ChatMessagePublicId,
    /// Message that this one replies to, if any.
    pub parent_message_id: Option<ChatMessagePublicId>,
    /// Text of the message.
    pub message_content: &'a str,
    /// Author of the message: user, assistant or system.
    pub message_type: MessageType,
    /// Time of the message.
    pub timestamp: UtcTime,
    /// Whether the message has been edited.
    pub is_edited: bool,
}

impl<'a> From<&'a ChatMessage> for PublicChatMessage<'a> {
    fn from(message: &'a ChatMessage) -> Self {
        Self {
            message_id: message.message_id,
            parent_message_id: message.parent_message_id,
            message_content: &message.message_content,
            message_type: message.message_type,
            timestamp: message.timestamp,
            is_edited: message.is_edited,
        }
    }
}

impl ChatMessage {
    /// Returns what others may see of the message, if its conversation is shared with them: this does not
    /// ask whether it is, nor whether the message is soft-deleted.
    #[must_use]
    pub fn public(&self) -> PublicChatMessage<'_> {
        self.into()
    }
}

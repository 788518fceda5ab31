//! Conversations and their messages.

mod message;
mod session;

pub use message::{ChatMessage, MessageOrder, NewChatMessage};
pub use session::{ChatSession, ChatSessionChanges, NewChatSession};

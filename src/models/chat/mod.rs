//! Conversations and their messages.

mod message;
mod public_message;
mod public_session;
mod session;

pub use message::{ChatMessage, MessageOrder, NewChatMessage};
pub use public_message::PublicChatMessage;
pub use public_session::PublicChatSession;
pub use session::{ChatSession, ChatSessionChanges, NewChatSession};

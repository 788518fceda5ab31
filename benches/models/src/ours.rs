//! The models' side.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use zenith_db::prelude::*;

use super::{CHUNKS, RETRIEVED, Side};

pub(crate) const TEXT: &str = "The quick brown fox jumps over the lazy dog, and does so again and again \
                        until the chunk is as long as a paragraph of a document usually is, which \
                        is to say about this long, give or take a word or two here and there.";

pub(crate) struct Ours {
    database: Database,
    next_index: i32,
}

impl Ours {
    pub(crate) fn open(path: &Path) -> Result<Self> {
        Ok(Self::of(Database::open(&Config::for_path(path)?)?))
    }

    pub(crate) fn of(database: Database) -> Self {
        Self { database, next_index: 1_000_000 }
    }
}

impl Side for Ours {
    fn find_session(&mut self, token: &SessionToken) -> Result<()> {
        let now = UtcTime::now();
        let found = self.database.read(|conn| UserSession::find_live(conn, token, now))?;
        found.context("a session").map(drop)
    }

    fn authenticate(&mut self, token: &SessionToken) -> Result<()> {
        let now = UtcTime::now();
        let found = self.database.read(|conn| UserSession::authenticate(conn, token, now))?;
        found.context("a session and its user").map(drop)
    }

    fn is_allowed(&mut self, user: i64) -> Result<()> {
        let user = UserId(user);
        let allowed = self.database.read(|conn| is_allowed(conn, user, Right::ACCESS_CHAT))?;
        ensure!(allowed);
        Ok(())
    }

    fn append(&mut self, chat: i64, user: i64) -> Result<()> {
        let message = NewChatMessage::builder()
            .chat_session_id(ChatSessionId(chat))
            .user_id(UserId(user))
            .message_type(MessageType::User)
            .message_content(TEXT)
            .token_count(40)
            .build();
        self.database.write(|conn| message.insert(conn))?;
        Ok(())
    }

    fn page(&mut self, chat: i64, after: i64) -> Result<()> {
        let (chat, after) = (ChatSessionId(chat), Some(format!("chat_history.{after}").parse()?));
        let page = self.database.read(|conn| {
            ChatMessage::page(conn, chat, MessageOrder::OldestFirst, after, PageSize::of(50))
        })?;
        ensure!(page.rows.len() == 50);
        Ok(())
    }

    fn insert_chunks(&mut self, document: i64) -> Result<()> {
        let first = self.next_index;
        self.next_index += i32::try_from(CHUNKS)?;
        let chunk = |index| {
            NewDocumentChunk::builder().chunk_index(index).content(TEXT).token_count(40).build()
        };
        let chunks: Vec<_> = (first..self.next_index).map(chunk).collect();
        let document = DocumentId(document);
        self.database.write(|conn| DocumentChunk::insert_all(conn, document, &chunks))?;
        Ok(())
    }

    fn retrieve(&mut self, ids: &[String]) -> Result<()> {
        let find = |conn: &mut DbConnection| DocumentChunk::list_by_vector_ids_unchecked(conn, ids);
        let found = self.database.read(find)?;
        ensure!(found.len() == RETRIEVED);
        Ok(())
    }

    fn audit(&mut self, user: i64) -> Result<()> {
        let event = NewAuditEvent::builder()
            .user_id(UserId(user))
            .event_type(EventType::new("chat"))
            .event_category(EventCategory::new("chat"))
            .action("ask")
            .build();
        self.database.write(|conn| event.append(conn))?;
        Ok(())
    }
}

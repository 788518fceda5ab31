//! Rows to begin a test with.

use std::sync::atomic::{AtomicU32, Ordering};

use crate::connection::Writer;
use crate::error::{Error, Result};
use crate::models::{
    ChatMessage, ChatSession, Document, DocumentChunk, NewChatMessage, NewChatSession, NewDocument,
    NewDocumentChunk, NewUser, Registered, Role, SystemRole, User,
};
use crate::types::testing::fast_hash;
use crate::types::{DocumentPublicId, EmailAddress, MessageType, Sha256Hash, Username};

/// Password of the users that [`a_user`] inserts.
pub const PASSWORD: &str = "correct horse battery staple";

/// User to insert: see [`a_user`].
#[derive(Clone, Debug)]
#[must_use = "insert() inserts it"]
pub struct UserFixture {
    name: Option<String>,
    role: SystemRole,
}

/// Returns a user to insert, whose password is [`PASSWORD`]. By default, it has the role [`SystemRole::User`] and a name
/// that no other fixture of the process has.
pub const fn a_user() -> UserFixture {
    UserFixture { name: None, role: SystemRole::User }
}

impl UserFixture {
    /// Sets the name for signing in, which [`Username`] describes. The email address becomes `<name>@example.com`.
    /// [`UserFixture::insert`] panics if it cannot be a name.
    pub fn named(self, name: impl Into<String>) -> Self {
        Self { name: Some(name.into()), ..self }
    }

    /// Sets the role.
    pub const fn with_role(mut self, role: SystemRole) -> Self {
        self.role = role;
        self
    }

    /// Inserts the user.
    ///
    /// # Errors
    /// Those of [`NewUser::insert`]; [`Error::NotFound`] if the database has no seeds.
    ///
    /// # Panics
    /// If the name of [`UserFixture::named`] cannot be that of a user.
    pub fn insert(self, connection: &mut Writer<'_>) -> Result<User> {
        let name = self.name.unwrap_or_else(|| format!("user_{}", number()));
        let role = Role::find_by_name(connection, self.role.name())?;
        let role = role.ok_or_else(|| missing("roles", "name", self.role.name()))?;
        let email = format!("{name}@example.com");
        let username: Username = name.parse().unwrap_or_else(|fault| panic!("{name:?}: {fault}"));
        let email: EmailAddress =
            email.parse().unwrap_or_else(|fault| panic!("{email:?}: {fault}"));
        NewUser::builder()
            .username(username)
            .email(email)
            .password_hash(fast_hash(&PASSWORD.into())?)
            .role_id(role.id)
            .build()
            .insert(connection)
    }
}

/// Document to insert: see [`a_document_of`].
#[derive(Clone, Debug)]
#[must_use = "insert() inserts it"]
pub struct DocumentFixture<'a> {
    owner: &'a User,
    chunks: i32,
}

/// Returns a document to insert, which differs from every other: a Markdown text that is uploaded and has no chunks yet.
pub const fn a_document_of(owner: &User) -> DocumentFixture<'_> {
    DocumentFixture { owner, chunks: 0 }
}

impl DocumentFixture<'_> {
    /// Sets the number of chunks, each of three tokens.
    pub const fn with_chunks(mut self, chunks: i32) -> Self {
        self.chunks = chunks;
        self
    }

    /// Inserts the document and its chunks.
    ///
    /// # Errors
    /// Those of [`NewDocument::register`] and of [`DocumentChunk::insert_all`].
    pub fn insert(self, connection: &mut Writer<'_>) -> Result<Document> {
        let document_id = DocumentPublicId::new();
        let name = format!("document {}.md", number());
        let path = format!("/documents/{document_id}");
        let new = NewDocument::builder()
            .document_id(document_id)
            .user_id(self.owner.id)
            .filename(&name)
            .original_filename(&name)
            .file_path(&path)
            .file_size(1)
            .file_hash(Sha256Hash::of(&path))
            .mime_type("text/markdown")
            .build();
        let (Registered::New(document) | Registered::Existing(document)) =
            new.register(connection)?;
        let texts: Vec<String> =
            (0..self.chunks).map(|index| format!("{name}, chunk {index}")).collect();
        let chunk = |(chunk_index, content)| {
            NewDocumentChunk::builder()
                .chunk_index(chunk_index)
                .content(content)
                .token_count(3)
                .build()
        };
        let chunks: Vec<_> = (0..).zip(texts.iter().map(String::as_str)).map(chunk).collect();
        DocumentChunk::insert_all(connection, document.id, &chunks)
    }
}

/// Conversation to insert: see [`a_conversation_of`].
#[derive(Clone, Debug)]
#[must_use = "insert() inserts it"]
pub struct ConversationFixture<'a> {
    owner: &'a User,
    messages: u32,
}

/// Returns a conversation to insert, without messages.
pub const fn a_conversation_of(owner: &User) -> ConversationFixture<'_> {
    ConversationFixture { owner, messages: 0 }
}

impl ConversationFixture<'_> {
    /// Sets the number of messages, which the owner and an assistant write in turn.
    pub const fn with_messages(mut self, messages: u32) -> Self {
        self.messages = messages;
        self
    }

    /// Inserts the conversation and its messages.
    ///
    /// # Errors
    /// Those of [`NewChatSession::insert`] and of [`NewChatMessage::insert`].
    pub fn insert(self, connection: &mut Writer<'_>) -> Result<ChatSession> {
        let title = format!("Conversation {}", number());
        let new = NewChatSession::builder().user_id(self.owner.id).title(title.as_str()).build();
        let conversation = new.insert(connection)?;
        for index in 0..self.messages {
            let by = if index % 2 == 0 { MessageType::User } else { MessageType::Assistant };
            let text = format!("Message {index}");
            let message = NewChatMessage::builder()
                .chat_session_id(conversation.id)
                .user_id(self.owner.id)
                .message_content(&text)
                .message_type(by)
                .build();
            let _: ChatMessage = message.insert(connection)?;
        }
        let found = ChatSession::find(connection, conversation.id)?;
        found.ok_or_else(|| missing("chat_sessions", "id", conversation.id))
    }
}

fn missing(table: &'static str, column: &str, value: impl std::fmt::Display) -> Error {
    Error::NotFound { table, key: format!("{column} {value}") }
}

/// Returns a number that no other fixture of the process has.
fn number() -> u32 {
    static NUMBER: AtomicU32 = AtomicU32::new(1);
    NUMBER.fetch_add(1, Ordering::Relaxed)
}

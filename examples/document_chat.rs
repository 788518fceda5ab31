//! Stores documents and a conversation about them, and reads both back as typed rows.
//!
//! ```text
//! cargo run --example document_chat               in a temporary database
//! cargo run --example document_chat -- FILE       in the database FILE, created if it does not exist
//! ```

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use zenith_db::manager::{Administrator, DatabaseManager};
use zenith_db::prelude::*;

fn main() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let path = std::env::args_os()
        .nth(1)
        .map_or_else(|| directory.path().join("zenith.db"), PathBuf::from);
    let config = Config::for_path(&path)?;
    let setup = DatabaseManager::new(config.clone()).initialize(&Administrator::default())?;
    println!("{}", setup.message);

    let database = Database::open(&config)?;
    let owner = setup.details.administrator.username;
    let owner = database
        .read(|conn| User::find_by_username(conn, &owner))?
        .context("the administrator that was just created")?;

    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let sources = ["README.md", "docs/ARCHITECTURE.md", "migrations/README.md"];
    let documents = sources
        .iter()
        .map(|name| store_document(&database, &owner, &root.join(name)))
        .collect::<Result<Vec<_>>>()?;
    for document in &documents {
        let chunks = database.read(|conn| DocumentChunk::list_for_document(conn, document.id))?;
        println!(
            "\n{} ({} bytes) in {} chunks:",
            document.filename,
            document.file_size,
            chunks.len()
        );
        for chunk in chunks.iter().take(3) {
            let heading = chunk.section_title.as_deref().unwrap_or("-");
            println!("  {:>3}  {:>4} tokens  {heading}", chunk.chunk_index, chunk.token_count);
        }
    }

    let session = converse(&database, &owner, &documents)?;
    let session = database
        .read(|conn| ChatSession::find(conn, session))?
        .context("the conversation that was just created")?;
    let messages = database.read(|conn| {
        let order = MessageOrder::OldestFirst;
        ChatMessage::page(conn, session.id, order, None, PageSize::default())
    })?;
    let title = session.title.as_deref().unwrap_or("-");
    println!("\n{title:?}: {} messages, {} tokens", session.message_count, session.total_tokens);
    for message in &messages.rows {
        println!("  {:<9}  {}", message.message_type, message.message_content);
    }
    println!("\n{:?}", database.pool_status());
    Ok(())
}

/// Inserts a document and its chunks in one transaction.
fn store_document(database: &Database, owner: &User, path: &Path) -> Result<Document> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let path = path.to_string_lossy();
    let new = NewDocument::builder()
        .user_id(owner.id)
        .filename(&name)
        .original_filename(&name)
        .file_path(&path)
        .file_size(i64::try_from(text.len())?)
        .file_hash(Sha256Hash::of(&text))
        .mime_type("text/markdown")
        .tags(["docs"].iter().collect())
        .build();
    let stored = database.write(|conn| match new.register(conn)? {
        Registered::New(document) => {
            DocumentChunk::insert_all(conn, document.id, &chunks_of(&text))
        }
        Registered::Existing(document) => Ok(document),
    })?;
    Ok(stored)
}

/// Returns a chunk for each section of a Markdown text.
fn chunks_of(text: &str) -> Vec<NewDocumentChunk<'_>> {
    let starts = text.match_indices("\n## ").map(|(at, _)| at + 1);
    let ends = starts.clone().chain([text.len()]);
    let sections = [0].into_iter().chain(starts).zip(ends).filter_map(|(a, b)| text.get(a..b));
    (0..)
        .zip(sections.filter(|section| !section.trim().is_empty()))
        .map(|(chunk_index, section)| {
            let heading = section.lines().next().unwrap_or_default();
            NewDocumentChunk::builder()
                .chunk_index(chunk_index)
                .content(section)
                .token_count(tokens(section))
                .section_title(heading.trim_start_matches(['#', ' ']))
                .build()
        })
        .collect()
}

/// Inserts a conversation about the documents and returns its id.
fn converse(database: &Database, owner: &User, documents: &[Document]) -> Result<ChatSessionId> {
    let turns = [
        (MessageType::User, "Which two commands set up and test everything?"),
        (
            MessageType::Assistant,
            "`make db-init` creates the database and `make test` runs the tests.",
        ),
        (MessageType::User, "What happens if a migration fails half way?"),
        (MessageType::Assistant, "It runs in one transaction, so the database is unchanged."),
    ];
    let session = database.write(|conn| {
        let new = NewChatSession::builder().user_id(owner.id).title("About this project").build();
        let session = new.insert(conn)?.id;
        let mut answers = None;
        for (message_type, message_content) in turns {
            let sources: Vec<DocumentPublicId> = match message_type {
                MessageType::Assistant => documents.iter().map(|d| d.document_id).collect(),
                _ => Vec::new(),
            };
            let message = NewChatMessage::builder()
                .chat_session_id(session)
                .user_id(owner.id)
                .parent_message_id(answers)
                .message_content(message_content)
                .message_type(message_type)
                .token_count(tokens(message_content))
                .source_documents(JsonText::of(&serde_json::json!(sources))?)
                .build();
            answers = Some(message.insert(conn)?.message_id);
        }
        Ok(session)
    })?;
    Ok(session)
}

/// Counts words, as a substitute for the application's tokenizer.
fn tokens(text: &str) -> i32 {
    i32::try_from(text.split_whitespace().count()).unwrap_or(i32::MAX)
}

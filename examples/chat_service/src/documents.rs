//! The documents of a user.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use zenith_db::Writer;
use zenith_db::models::{
    Document, DocumentChunk, DocumentFilter, NewDocument, NewDocumentChunk, PublicDocument,
    Registered, Right,
};
use zenith_db::types::{DocumentPublicId, Sha256Hash, UserId};

use crate::error::ApiError;
use crate::extract::{Json, PageQuery, Query, shown};
use crate::session::{SignedIn, require};
use crate::state::App;

#[derive(Deserialize)]
pub(crate) struct Upload {
    name: String,
    text: String,
}

/// Stores a text with its chunks: 201, or 200 if the user has it already.
pub(crate) async fn upload(
    State(app): State<App>,
    SignedIn(user): SignedIn,
    Json(upload): Json<Upload>,
) -> Result<Response, ApiError> {
    let stored = app.database.try_write(move |conn| store(conn, user.id, &upload)).await?;
    let (status, document) = match &stored {
        Registered::New(document) => (StatusCode::CREATED, document),
        Registered::Existing(document) => (StatusCode::OK, document),
    };
    Ok((status, Json(document.public())).into_response())
}

fn store(conn: &mut Writer<'_>, user: UserId, upload: &Upload) -> Result<Registered, ApiError> {
    require(conn, user, Right::UPLOAD_DOCUMENTS)?;
    let document_id = DocumentPublicId::new();
    // The text is in the chunks, and in no file.
    let path = format!("chunks/{document_id}");
    let registered = NewDocument::builder()
        .document_id(document_id)
        .user_id(user)
        .filename(&upload.name)
        .original_filename(&upload.name)
        .file_path(&path)
        .file_size(i64::try_from(upload.text.len()).unwrap_or(i64::MAX))
        .file_hash(Sha256Hash::of(&upload.text))
        .mime_type("text/plain")
        .build()
        .register(conn)?;
    Ok(match registered {
        Registered::New(document) => {
            let chunks = chunks_of(&upload.text);
            Registered::New(DocumentChunk::insert_all(conn, document.id, &chunks)?)
        }
        existing @ Registered::Existing(_) => existing,
    })
}

/// Returns a chunk for each paragraph; its words count as tokens.
fn chunks_of(text: &str) -> Vec<NewDocumentChunk<'_>> {
    let paragraphs = text.split("\n\n").map(str::trim).filter(|text| !text.is_empty());
    (0..)
        .zip(paragraphs)
        .map(|(chunk_index, content)| {
            let words = i32::try_from(content.split_whitespace().count());
            NewDocumentChunk::builder()
                .chunk_index(chunk_index)
                .content(content)
                .token_count(words.unwrap_or(i32::MAX))
                .build()
        })
        .collect()
}

/// Lists the user's documents, newest first.
pub(crate) async fn list(
    State(app): State<App>,
    SignedIn(user): SignedIn,
    Query(query): Query<PageQuery<Document>>,
) -> Result<Response, ApiError> {
    let page = app
        .database
        .read(move |conn| {
            let filter = DocumentFilter { user_id: Some(user.id), ..DocumentFilter::default() };
            Document::page(conn, filter, query.cursor, query.size())
        })
        .await?;
    Ok(Json(shown::<_, PublicDocument<'_>>(&page)).into_response())
}

//! Documents and the chunks that they were cut into.

use diesel::prelude::*;
use serde::Serialize;

use crate::schema::{document_chunks, documents};
use crate::types::{
    DocumentChunkId, DocumentId, Json, ProcessingStatus, PublicId, UploadStatus, UserId, UtcTime,
};
use crate::{DbConnection, Result, dispatch};

/// A file that a user uploaded.
#[derive(Clone, Debug, PartialEq, Eq, Identifiable, Queryable, Selectable, Serialize)]
#[diesel(table_name = documents)]
#[diesel(check_for_backend(crate::connection::MultiBackend))]
pub struct Document {
    /// The row's key.
    pub id: DocumentId,
    /// The public id.
    pub document_id: PublicId,
    /// Whose it is.
    pub user_id: UserId,
    /// The name it is kept under.
    pub filename: String,
    /// The name it came with.
    pub original_filename: String,
    /// Where its bytes lie.
    pub file_path: String,
    /// How large it is, in bytes.
    pub file_size: i64,
    /// SHA-256 of its bytes, in hexadecimal.
    pub file_hash: String,
    /// Its media type.
    pub mime_type: String,
    /// How far the upload came.
    pub upload_status: UploadStatus,
    /// How far the processing came.
    pub processing_status: ProcessingStatus,
    /// How many chunks it has.
    pub chunk_count: i32,
    /// When the upload began.
    pub upload_started_at: UtcTime,
    /// Words to find it by.
    pub tags: Json<Vec<String>>,
}

/// A document to insert.
#[derive(Clone, Debug, Insertable)]
#[diesel(table_name = documents)]
pub struct NewDocument<'a> {
    /// The public id.
    pub document_id: PublicId,
    /// Whose it is.
    pub user_id: UserId,
    /// The name it is kept under, 1 to 255 characters.
    pub filename: &'a str,
    /// The name it came with, 1 to 255 characters.
    pub original_filename: &'a str,
    /// Where its bytes lie, 1 to 500 characters.
    pub file_path: &'a str,
    /// How large it is, in bytes.
    pub file_size: i64,
    /// SHA-256 of its bytes, in hexadecimal.
    pub file_hash: &'a str,
    /// Its media type.
    pub mime_type: &'a str,
    /// Words to find it by.
    pub tags: Json<Vec<String>>,
}

/// A piece of a document.
#[derive(
    Clone, Debug, PartialEq, Eq, Associations, Identifiable, Queryable, Selectable, Serialize,
)]
#[diesel(table_name = document_chunks, belongs_to(Document))]
#[diesel(check_for_backend(crate::connection::MultiBackend))]
pub struct DocumentChunk {
    /// The row's key.
    pub id: DocumentChunkId,
    /// The public id.
    pub chunk_id: PublicId,
    /// The document it belongs to.
    pub document_id: DocumentId,
    /// Its place in the document, from 0.
    pub chunk_index: i32,
    /// Its text.
    pub content: String,
    /// SHA-256 of its text, in hexadecimal.
    pub content_hash: String,
    /// How many tokens it has.
    pub token_count: i32,
    /// The heading that it stands under.
    pub section_title: Option<String>,
}

/// A piece of a document to insert.
#[derive(Clone, Debug, Insertable)]
#[diesel(table_name = document_chunks)]
#[diesel(treat_none_as_default_value = false)]
pub struct NewDocumentChunk {
    /// The public id.
    pub chunk_id: PublicId,
    /// The document it belongs to.
    pub document_id: DocumentId,
    /// Its place in the document, from 0; unique there.
    pub chunk_index: i32,
    /// Its text.
    pub content: String,
    /// SHA-256 of its text, in hexadecimal.
    pub content_hash: String,
    /// How many tokens it has.
    pub token_count: i32,
    /// The heading that it stands under, up to 200 characters.
    pub section_title: Option<String>,
}

impl NewDocument<'_> {
    /// Inserts the document.
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) if the database refuses a value.
    pub fn insert(&self, connection: &mut DbConnection) -> Result<Document> {
        Ok(dispatch!(connection, |connection| diesel::insert_into(documents::table)
            .values(self)
            .returning(Document::as_returning())
            .get_result(connection))?)
    }
}

impl Document {
    /// Adds chunks and sets `chunk_count`, all or none.
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) if the database refuses one of them.
    pub fn insert_chunks(
        &self,
        connection: &mut DbConnection,
        chunks: &[NewDocumentChunk],
    ) -> Result<usize> {
        connection.write(|connection| {
            let added =
                dispatch!(connection, |connection| diesel::insert_into(document_chunks::table)
                    .values(chunks)
                    .execute(connection))?;
            let count = i32::try_from(added).unwrap_or(i32::MAX);
            dispatch!(connection, |connection| diesel::update(documents::table.find(self.id))
                .set(documents::chunk_count.eq(documents::chunk_count + count))
                .execute(connection))?;
            Ok(added)
        })
    }

    /// Its chunks, in order.
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) if the database cannot be read.
    pub fn list_chunks(&self, connection: &mut DbConnection) -> Result<Vec<DocumentChunk>> {
        Ok(dispatch!(connection, |connection| DocumentChunk::belonging_to(self)
            .select(DocumentChunk::as_select())
            .order(document_chunks::chunk_index)
            .load(connection))?)
    }
}
